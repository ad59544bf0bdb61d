"""The figures of an hour beside what is usual for them, for every zone. Pure: no store, no clock."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gateway.crm.alerts.gate import ALARM, STILL, Measured
from gateway.crm.alerts.hours import Compared, Hour, ZoneHour
from gateway.crm.alerts.usual import (
    CountModel,
    Floats,
    LengthModel,
    Range,
    fit_counts,
    fit_lengths,
    shared_between,
    shared_variability,
)
from gateway.store.records import WHOLE_MALL

LEAST_EXPECTED = 8.0
"""Of a zone where fewer visits or sales are usual, an hour can say nothing but that there were many."""
LEAST_LENGTHS = 10
"""A mean of fewer dwell times is nobody's business, and says nothing."""

_NONE = ZoneHour()


def footfall(hours: Compared) -> list[Measured]:
    """Measure visits of zones, as shares of the people who came into the mall in that hour, and those.

    So a rainy day is one alert of the mall, not one of every shop.
    """
    came = hours.now[WHOLE_MALL]
    minutes = np.array([hour[WHOLE_MALL].total / 60.0 for hour in hours.before])
    mall = _column(hours.before, WHOLE_MALL)
    found = list(
        _counts({WHOLE_MALL: came.number}, {WHOLE_MALL: came.total / 60.0}, {WHOLE_MALL: mall}, minutes)
    )
    zones = _zones(hours)
    now = {zone: hours.now.get(zone, _NONE).number for zone in zones}
    counts = {zone: _column(hours.before, zone) for zone in zones}
    return [*found, *_counts(now, dict.fromkeys(zones, float(came.number)), counts, mall)]


def conversion(
    hours: Compared, now: Mapping[str, int], before: Sequence[Mapping[str, int]]
) -> list[Measured]:
    """Measure sales of zones that sell, in the hour and in those of ``hours.before``, by their visits."""
    zones = sorted({zone for sales in (now, *before) for zone in sales} & set(_zones(hours)))
    visits = {zone: float(hours.now.get(zone, _NONE).number) for zone in zones}
    counts = {zone: np.array([float(sales.get(zone, 0)) for sales in before]) for zone in zones}
    exposures = {zone: _column(hours.before, zone) for zone in zones}
    sold = {zone: now.get(zone, 0) for zone in zones}
    return list(_counts(sold, visits, counts, exposures))


def dwell(hours: Compared) -> list[Measured]:
    """Measure the geometric mean of dwell times, in seconds."""
    before = {zone: _lengths(hours.before, zone) for zone in _zones(hours)}
    alone = (fit_lengths(*rows) for rows in before.values())
    shared = shared_between(model for model in alone if model is not None)
    found = []
    for zone, rows in before.items():
        now = hours.now.get(zone, _NONE)
        model = fit_lengths(*rows, shared)
        if model is not None and now.number >= LEAST_LENGTHS:
            value = math.exp(now.total / now.number)
            found.append(Measured(zone, value, *_ranges(model, now.number), weight=now.number))
    return found


def _lengths(hours: Sequence[Hour], zone: str) -> tuple[Floats, Floats, Floats]:
    numbers, totals, squares = (
        np.array([hour.get(zone, _NONE) for hour in hours], dtype=np.float64).reshape(-1, 3).T
    )
    return numbers, totals, squares


def _counts(
    now: Mapping[str, int],
    exposure: Mapping[str, float],
    counts: Mapping[str, Floats],
    exposures: Floats | Mapping[str, Floats],
) -> Iterator[Measured]:
    """Measure counts; where nothing was exposed in this hour there is nothing to say."""
    of = {zone: exposures[zone] if isinstance(exposures, Mapping) else exposures for zone in counts}
    shared = shared_variability(list(counts.values()), list(of.values())) if len(counts) > 1 else None
    for zone, row in counts.items():
        model = fit_counts(row, of[zone], shared)
        if model is None or exposure[zone] <= 0:
            continue
        alarm, still = _ranges(model, exposure[zone])
        if max(alarm.expected, float(now[zone])) >= LEAST_EXPECTED:
            yield Measured(
                zone, float(now[zone]), alarm, still, weight=alarm.expected, exposure=exposure[zone]
            )


def _ranges(model: CountModel | LengthModel, behind: float) -> tuple[Range, Range]:
    if isinstance(model, CountModel):
        return model.expect(behind, ALARM), model.expect(behind, STILL)
    return model.expect(round(behind), ALARM), model.expect(round(behind), STILL)


def _zones(hours: Compared) -> list[str]:
    return sorted({zone for hour in (hours.now, *hours.before) for zone in hour} - {WHOLE_MALL})


def _column(hours: Sequence[Hour], zone: str) -> Floats:
    return np.array([float(hour.get(zone, _NONE).number) for hour in hours])
