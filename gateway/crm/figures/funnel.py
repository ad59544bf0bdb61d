"""The funnel: near the mall, in it, on a floor, in a shop; what the tills say is told beside it."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log

import numpy as np

from contracts.site import Site, ZoneKind
from gateway.crm.figures import estimation
from gateway.crm.figures.came import log_variance, visits_of_mall
from gateway.crm.figures.columns import Bools, Columns
from gateway.crm.figures.intervals import Interval, positive, share
from gateway.crm.figures.telling import Figure, Teller
from gateway.crm.figures.zones import ZoneCounts
from gateway.figures.intervals import Z_90
from gateway.store.records import whole_floor


def funnel(columns: Columns, counts: ZoneCounts, site: Site, tell: Teller) -> Iterator[Figure]:
    """Give the figures of who came how far."""
    yield from _entrance(columns, tell)
    zones = [zone for _, zone in site.zones()]
    everybody = _visitors(columns, np.ones(len(zones), dtype=np.bool_))
    shops = np.array([zone.kind is ZoneKind.SHOP for zone in zones], dtype=np.bool_)
    yield _reached("shop_share", None, _visitors(columns, shops), everybody, tell)
    floors = np.array([floor.id for floor, _ in site.zones()])
    for floor in site.floors:
        there = _visitors(columns, floors == floor.id)
        yield _reached("floor_share", whole_floor(floor.id), there, everybody, tell)
    for zone, visitors in zip(zones, counts.visitors.tolist(), strict=True):
        yield _reached("shop_share", zone.id, visitors, everybody, tell)


def _entrance(columns: Columns, tell: Teller) -> Iterator[Figure]:
    came = visits_of_mall(columns, tell)
    passed = tell.counted(columns.passed_by, estimation.NEAR)
    both = near(came, passed)
    yield tell.whole("near", None, both, columns.passed_by, columns.arrived)
    # Who is taken for a visitor is missing among those outside: the two err against each other.
    noise = (estimation.NEAR.log_variance(columns.passed_by) ** 0.5 + log_variance(came) ** 0.5) ** 2
    part = part_of(came.value, passed.value, noise) if both.value > 0.0 else None
    yield tell.figure("came_in_share", None, part, both.value, came.value, passed.value)


def near(came: Interval, passed: Interval) -> Interval:
    """Return the people of both, whose errors are taken to go together."""
    value = came.value + passed.value
    if value <= 0.0:
        return positive(0.0, 0.0)
    return Interval(value, came.low + passed.low, came.high + passed.high)


def part_of(part: float, rest: float, log_variance: float) -> Interval:
    """Return part / (part + rest), where the logarithm of their ratio has this variance."""
    value = part / (part + rest)
    if part <= 0.0 or rest <= 0.0:
        return Interval(value, value, value)
    wide = Z_90 * log_variance**0.5
    odds = log(part / rest)
    return Interval(value, 1.0 / (1.0 + exp(wide - odds)), 1.0 / (1.0 + exp(-wide - odds)))


def _visitors(columns: Columns, zones: Bools) -> int:
    """Return how many different devices visited any of the zones marked in (Z,)."""
    seen = np.zeros(columns.devices, dtype=np.bool_)
    seen[columns.device[zones[columns.zone]]] = True
    return int(seen.sum())


def _reached(id_: str, zone: str | None, there: int, everybody: int, tell: Teller) -> Figure:
    """Return the share of those who visited anything who visited something."""
    spread = estimation.REACHED_FLOOR if id_ == "floor_share" else estimation.REACHED_SHOP
    told = share(there, everybody, spread) if everybody else None
    return tell.figure(id_, zone, told, *tell.both(everybody, there, everybody - there))
