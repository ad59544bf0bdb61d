"""How receivers are, as people see them."""

import sqlite3
from dataclasses import dataclass
from typing import Literal

from contracts.site import Site
from gateway.crm.delivery import dead_letters, lanes, subscribers
from gateway.crm.delivery.subscribers import Subscriber

State = Literal["ok", "waiting", "paused"]


@dataclass(frozen=True, slots=True)
class Status:
    """A receiver, and how it is."""

    to: Subscriber
    state: State
    waiting: int
    """Events that wait."""
    dead: int
    """Events that were given up."""


def statuses(db: sqlite3.Connection) -> list[Status]:
    """Return all, the broker included, by name."""
    waiting, dead = lanes.waiting(db), dead_letters.counts(db)
    return [
        Status(to, _state(to), waiting.get(to.subscriber, 0), dead.get(to.subscriber, 0))
        for to in subscribers.everybody(db)
    ]


def status(db: sqlite3.Connection, name: str) -> Status:
    """Return one webhook. Raises `UnknownError`."""
    for one in statuses(db):
        if one.to.subscriber == name and one.to.url is not None:
            return one
    raise subscribers.unknown(name)


def behind(db: sqlite3.Connection) -> int:
    """Count receivers that are paused, or have not taken everything they were sent; the broker is one."""
    found: int = db.execute(
        "SELECT count(*) FROM crm_subscribers WHERE paused OR last_error IS NOT NULL"
    ).fetchone()[0]
    return found


def dead(db: sqlite3.Connection) -> int:
    """Count dead letters."""
    found: int = db.execute("SELECT count(*) FROM crm_dead").fetchone()[0]
    return found


def _state(to: Subscriber) -> State:
    if to.paused:
        return "paused"
    return "ok" if to.last_error is None else "waiting"


def zones(site: Site) -> list[str]:
    """Return what events of a mall can have as their zone."""
    areas = [] if site.car_park is None else [area.id for area in site.car_park.areas]
    whole = ["mall"] if site.car_park is None else ["mall", "car-park"]
    return [*(zone.id for _, zone in site.zones()), *areas, *whole]
