"""What only members tell, who agreed: new against returning, bounces, what is spent while a car is parked."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from contracts.crm import Purpose
from gateway.crm.consent.ledger import Ledger
from gateway.crm.figures.columns import Floats
from gateway.crm.figures.intervals import exact, mean, share
from gateway.crm.figures.telling import Figure, Teller
from gateway.crm.identity.merges import names_now
from gateway.figures.period import Period
from gateway.store.records import WHOLE_MALL


@dataclass(frozen=True)
class MemberVisits:
    """Visits of the mall by members who agree to position analytics."""

    members: int
    """Who came in the period."""
    returning: int
    """How many of them had come before."""
    lengths_s: list[float]
    """Of their visits of the mall in the period that have ended."""
    zones: list[int]
    """How many different zones each of these saw."""
    member: list[str]
    """Whose each of these was."""


@dataclass(slots=True)
class _Visit:
    started_ms: int
    ended_ms: int | None
    zones: set[str]


def read_members(db: sqlite3.Connection, period: Period, vanish_ms: float) -> MemberVisits:
    """Return what members did in a period; `crm_visits` holds visits of those who agree to it alone.

    Rows of a person that are less than `vanish_ms` apart are one visit: a member has several devices.
    """
    one = names_now(db)
    before = {
        one.get(person, person)
        for (person,) in db.execute(
            "SELECT DISTINCT person FROM crm_visits WHERE zone = ? AND started_ms < ?",
            (WHOLE_MALL, period.from_ms),
        )
    }
    rows = db.execute(
        "SELECT person, zone, started_ms, ended_ms FROM crm_visits WHERE started_ms >= ? AND started_ms < ?"
        " ORDER BY started_ms, zone",
        (period.from_ms, period.to_ms),
    )
    stays: defaultdict[str, list[tuple[str, int, int | None]]] = defaultdict(list)
    for person, zone, started_ms, ended_ms in rows:
        stays[one.get(person, person)].append((zone, started_ms, ended_ms))
    visits = {person: _visits(found, vanish_ms) for person, found in stays.items()}
    came = set(stays)  # who is in a zone has come, also before the visit of the mall has ended
    over = [
        (person, visit) for person in sorted(came) for visit in visits[person] if visit.ended_ms is not None
    ]
    return MemberVisits(
        len(came),
        len(came & before),
        [((visit.ended_ms or 0) - visit.started_ms) / 1000 for _, visit in over],
        [len(visit.zones) for _, visit in over],
        [person for person, _ in over],
    )


def _visits(found: Iterable[tuple[str, int, int | None]], vanish_ms: float) -> list[_Visit]:
    """Return a person's visits of the mall from rows (zone, start, end) in order of their start."""
    visits: list[_Visit] = []
    rows = list(found)
    for zone, started_ms, ended_ms in rows:
        if zone != WHOLE_MALL:
            continue
        last = visits[-1] if visits else None
        if last is not None and (last.ended_ms is None or started_ms - last.ended_ms <= vanish_ms):
            goes_on = last.ended_ms is None or ended_ms is None
            last.ended_ms = None if goes_on else max(last.ended_ms or 0, ended_ms or 0)
        else:
            visits.append(_Visit(started_ms, ended_ms, set()))
    for zone, started_ms, _ in rows:
        for visit in visits:
            if zone != WHOLE_MALL and visit.started_ms <= started_ms <= (visit.ended_ms or started_ms):
                visit.zones.add(zone)
    return visits


@dataclass(frozen=True)
class Spent:
    """What members bought during each of S stays in the car park, in the currency's smallest unit."""

    amounts: Floats
    """(S,)"""
    members: int
    buyers: int
    """How many of them bought something."""


def read_spent(db: sqlite3.Connection, period: Period) -> Spent:
    """Return what members bought during the finished stays that began in a period.

    Of members whose purchases are kept alone: of the others nobody knows what they bought.
    """
    agree = Ledger.in_force_all(db, Purpose.MARKETING)
    one = names_now(db)
    rows = db.execute(
        "SELECT person, entered_ms, left_ms FROM crm_stays"
        " WHERE entered_ms >= ? AND entered_ms < ? AND left_ms IS NOT NULL ORDER BY stay",
        (period.from_ms, period.to_ms),
    ).fetchall()
    stays = [(one.get(person, person), start, end) for person, start, end in rows if person in agree]
    if not stays:
        return Spent(np.zeros(0), 0, 0)
    bought: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for person, t_ms, amount in db.execute(
        "SELECT person, t_ms, amount FROM crm_sales WHERE person IS NOT NULL AND t_ms >= ? AND t_ms <= ?",
        (period.from_ms, max(end for _, _, end in stays)),
    ):
        bought[one.get(person, person)].append((t_ms, amount))
    amounts = [
        sum(amount for t_ms, amount in bought[person] if start <= t_ms <= end) for person, start, end in stays
    ]
    buyers = {person for (person, _, _), amount in zip(stays, amounts, strict=True) if amount}
    return Spent(np.array(amounts, dtype=np.float64), len({person for person, _, _ in stays}), len(buyers))


def of_members(found: MemberVisits, bounce_s: float, tell: Teller) -> Iterator[Figure]:
    """Give the figures of members who came."""
    members, before = found.members, found.returning
    yield tell.figure("members", None, exact(members), members)
    told = share(before, members) if members else None
    yield tell.figure("returning_share", None, told, members, before, members - before)
    short = [
        length_s <= bounce_s and zones <= 1
        for length_s, zones in zip(found.lengths_s, found.zones, strict=True)
    ]
    # Several visits may be one member's: groups are of members.
    bounced, stayed = (
        {member for member, is_short in zip(found.member, short, strict=True) if is_short is which}
        for which in (True, False)
    )
    rate = share(sum(short), len(short)) if short else None
    groups = (members, len(bounced), len(stayed))
    yield tell.figure("members_bounce_rate", None, rate, len(short), *groups)


def spent(found: Spent, unit: float, tell: Teller) -> Iterator[Figure]:
    """Give what was spent per car."""
    groups = (found.members, found.buyers, found.members - found.buyers)
    told = mean(found.amounts).times(unit) if len(found.amounts) and not tell.hides(*groups) else None
    yield tell.figure("spend_per_car", None, told, len(found.amounts), *groups)
