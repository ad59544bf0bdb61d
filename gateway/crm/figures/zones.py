"""What happened in zones: visits, different visitors, dwell, exposure, and how hot each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gateway.crm.figures import estimation
from gateway.crm.figures.columns import Bools, Columns, Floats, Ints
from gateway.crm.figures.intervals import Interval, median, positive
from gateway.crm.figures.telling import Figure, Teller


@dataclass(frozen=True)
class ZoneCounts:
    """What was found in each of Z zones, in devices."""

    visits: Ints
    """(Z,)"""
    visitors: Ints
    """(Z,) different devices."""
    left: Ints
    """(Z,) those of them of whom a visit has ended."""
    dwell_s: list[Floats]
    """Of each zone, the lengths of the visits that have ended."""
    hours: Floats
    """(Z,) expected device-hours."""

    @classmethod
    def of(cls, columns: Columns) -> ZoneCounts:
        """Count them."""
        zones = len(columns.device_hours)
        over: Bools = ~np.isnan(columns.dwell_s)
        order = np.argsort(columns.zone[over], kind="stable")
        ends = np.cumsum(np.bincount(columns.zone[over], minlength=zones))[:-1]
        return cls(
            np.bincount(columns.zone, minlength=zones),
            different(columns.zone, columns.device, zones, columns.devices),
            different(columns.zone[over], columns.device[over], zones, columns.devices),
            np.split(columns.dwell_s[over][order], ends),
            columns.device_hours,
        )


def different(zone: Ints, device: Ints, zones: int, devices: int) -> Ints:
    """Return how many different devices (V,) were in each zone (V,)."""
    pairs = np.sort(zone * max(devices, 1) + device)
    first = np.concatenate((np.ones(min(len(pairs), 1), dtype=np.bool_), np.diff(pairs) > 0))
    return np.bincount(pairs[first] // max(devices, 1), minlength=zones)


def zone_figures(counts: ZoneCounts, zones: Sequence[str], tell: Teller) -> Iterator[Figure]:
    """Give the figures of every zone; `zones` are the ids, in the order of the columns."""
    hidden = np.array([hides(counts, number, tell) for number in range(len(zones))], dtype=np.bool_)
    of_visits, of_hours = shares(counts.visits, hidden), shares(counts.hours, hidden)
    for number, zone in enumerate(zones):
        visits, visitors = int(counts.visits[number]), int(counts.visitors[number])
        yield tell.whole("zone_visits", zone, visits_of(visits, tell), visitors)
        yield tell.whole("zone_visitors", zone, tell.counted(visitors, estimation.ZONE_VISITORS), visitors)
        exposure = exposure_of(counts, number, tell)
        groups = tell.both(visitors)
        yield tell.figure("exposure", zone, None if hidden[number] else exposure, *groups)
        dwell_s = counts.dwell_s[number]
        told = None if hidden[number] or not len(dwell_s) else median_dwell(dwell_s)
        left = int(counts.left[number])
        yield tell.figure("dwell_median", zone, told, left, *tell.both(left), *groups)
        for id_, share, error in (
            ("visit_share", of_visits, estimation.ZONE_VISITS),
            ("exposure_share", of_hours, estimation.EXPOSURE),
        ):
            part = positive(float(share[number]), error.log_variance(visits)) if share[number] > 0 else None
            yield tell.figure(id_, zone, at_most_one(part), *groups)


def hides(counts: ZoneCounts, zone: int, tell: Teller) -> bool:
    """Whether so few visited a zone that nothing of it is shown; of nobody's, hours are not shown, either.

    Hours of a zone that nobody visited are those of people passing, who may be one.
    """
    visitors = int(counts.visitors[zone])
    return visitors == 0 or tell.hides(*tell.both(visitors))


def visits_of(visits: int, tell: Teller) -> Interval:
    """Return people's visits of a zone, where so many of devices were found."""
    return tell.counted(visits, estimation.ZONE_VISITS)


def exposure_of(counts: ZoneCounts, zone: int, tell: Teller) -> Interval:
    """Return the person-hours spent in a zone."""
    return tell.amount(float(counts.hours[zone]), estimation.EXPOSURE, int(counts.visits[zone]))


def median_dwell(dwell_s: Floats) -> Interval:
    """Return the median of lengths of visits."""
    return median(dwell_s, estimation.DWELL.log_variance(len(dwell_s)), estimation.DWELL.lean)


def shares(amount: Ints | Floats, hidden: Bools) -> Floats:
    """Return the part of each zone in what all zones have that are shown: the rest tells of no hidden one."""
    shown: Floats = np.where(hidden, 0.0, amount).astype(np.float64)
    total = float(shown.sum())
    if total > 0.0:
        shown /= total
    return shown


def at_most_one(part: Interval | None) -> Interval | None:
    """Return a share whose interval does not reach above all."""
    return None if part is None else Interval(part.value, part.low, min(1.0, part.high))
