"""The funnel: near the mall, in it, on a floor, in a shop; what the tills say is told beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp, log

import numpy as np

from contracts.site import Site, ZoneKind
from gateway.crm.figures import estimation
from gateway.crm.figures.came import log_variance, visits_of_mall
from gateway.crm.figures.columns import Columns
from gateway.crm.figures.intervals import Interval, positive, share
from gateway.crm.figures.telling import Figure, Teller
from gateway.figures.intervals import Z_90
from gateway.store.records import whole_floor


def funnel(columns: Columns, site: Site, tell: Teller) -> Iterator[Figure]:
    """Give the figures of who came how far."""
    yield from _entrance(columns, tell)
    zones = [zone for _, zone in site.zones()]
    shops = [number for number, zone in enumerate(zones) if zone.kind is ZoneKind.SHOP]
    yield _reached(columns, "shop_share", None, shops, tell)
    number = {zone.id: at for at, zone in enumerate(zones)}
    for floor in site.floors:
        on_floor = [number[zone.id] for zone in floor.zones]
        yield _reached(columns, "floor_share", whole_floor(floor.id), on_floor, tell)
    for at, zone in enumerate(zones):
        yield _reached(columns, "shop_share", zone.id, [at], tell)


def _entrance(columns: Columns, tell: Teller) -> Iterator[Figure]:
    came = visits_of_mall(columns, tell)
    passed = tell.counted(columns.passed_by, estimation.NEAR)
    both = near(came, passed)
    yield tell.whole("near", None, both, columns.passed_by, columns.arrived)
    noise = estimation.NEAR.log_variance(columns.passed_by) + log_variance(came)
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


def _reached(columns: Columns, id_: str, zone: str | None, zones: Sequence[int], tell: Teller) -> Figure:
    """Return the share of those who visited anything who visited one of these zones."""
    there = len(np.unique(columns.device[np.isin(columns.zone, zones)]))
    everybody = len(np.unique(columns.device))
    told = share(there, everybody, estimation.REACHED) if everybody else None
    return tell.figure(id_, zone, told, everybody, there, everybody - there)
