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
    hours: Floats
    """(Z,) expected device-hours."""

    @classmethod
    def of(cls, columns: Columns) -> ZoneCounts:
        """Count them."""
        zones = len(columns.device_hours)
        pairs = np.unique(columns.zone * max(columns.devices, 1) + columns.device)
        visitors = np.bincount(pairs // max(columns.devices, 1), minlength=zones)
        return cls(np.bincount(columns.zone, minlength=zones), visitors, columns.device_hours)


def zone_figures(columns: Columns, zones: Sequence[str], tell: Teller) -> Iterator[Figure]:
    """Give the figures of every zone; `zones` are the ids, in the order of the columns."""
    counts = ZoneCounts.of(columns)
    hidden = np.array([hides(counts, number, tell) for number in range(len(zones))], dtype=np.bool_)
    of_visits, of_hours = shares(counts.visits, hidden), shares(counts.hours, hidden)
    for number, zone in enumerate(zones):
        visits, visitors = int(counts.visits[number]), int(counts.visitors[number])
        yield tell.whole("zone_visits", zone, visits_of(visits, tell), visitors)
        yield tell.whole("zone_visitors", zone, tell.counted(visitors, estimation.ZONE_VISITORS), visitors)
        exposure = exposure_of(counts, number, tell)
        yield tell.figure("exposure", zone, None if hidden[number] else exposure, visitors)
        dwell_s = dwell_of(columns, number)
        told = None if hidden[number] or not len(dwell_s) else median_dwell(dwell_s)
        left = len(np.unique(columns.device[(columns.zone == number) & ~np.isnan(columns.dwell_s)]))
        yield tell.figure("dwell_median", zone, told, left, visitors)
        for id_, share, error in (
            ("visit_share", of_visits, estimation.ZONE_VISITS),
            ("exposure_share", of_hours, estimation.EXPOSURE),
        ):
            part = positive(float(share[number]), error.log_variance(visits)) if share[number] > 0 else None
            yield tell.figure(id_, zone, at_most_one(part), visitors)


def hides(counts: ZoneCounts, zone: int, tell: Teller) -> bool:
    """Whether so few visited a zone that nothing of it is shown; of nobody's, hours are not shown, either.

    Hours of a zone that nobody visited are those of people passing, who may be one.
    """
    visitors = int(counts.visitors[zone])
    return visitors == 0 or tell.hides(visitors, tell.people.present.part(visitors, 0.0)[0])


def visits_of(visits: int, tell: Teller) -> Interval:
    """Return people's visits of a zone, where so many of devices were found."""
    return tell.counted(visits, estimation.ZONE_VISITS)


def exposure_of(counts: ZoneCounts, zone: int, tell: Teller) -> Interval:
    """Return the person-hours spent in a zone."""
    return tell.amount(float(counts.hours[zone]), estimation.EXPOSURE, int(counts.visits[zone]))


def dwell_of(columns: Columns, zone: int) -> Floats:
    """Return the lengths of the visits of a zone that have ended."""
    here: Bools = columns.zone == zone
    dwell_s: Floats = columns.dwell_s[here]
    return dwell_s[~np.isnan(dwell_s)]


def median_dwell(dwell_s: Floats) -> Interval:
    """Return the median of lengths of visits."""
    return median(dwell_s, estimation.DWELL.log_variance(len(dwell_s)))


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
