"""The car park over a period, for the console: how full it was, and how long cars stayed."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from contracts.site import CarPark
from gateway.api import schemas_car_park as schemas
from gateway.figures.intervals import interval
from gateway.figures.period import Period
from gateway.figures.privacy import Anonymity
from gateway.store import Store
from gateway.store.records import MINUTE_MS, WHOLE_CAR_PARK, CarParkMinute

STEPS = 288
"""Most points of a chart: a day by five minutes."""


def timeline(store: Store, plan: CarPark, period: Period, area: str | None = None) -> schemas.CarParkTimeline:
    """How full it was, in steps of whole minutes. A number of cars alone says of nobody what they did."""
    whole = period.in_minutes(store.newest_ms())
    minutes = max(1, -(-(whole.to_ms - whole.from_ms) // (MINUTE_MS * STEPS)))
    step_ms = minutes * MINUTE_MS
    rows: defaultdict[int, list[CarParkMinute]] = defaultdict(list)
    for row in store.car_park_minutes(whole.from_ms, whole.to_ms):
        if row.area == (area or WHOLE_CAR_PARK):
            rows[whole.from_ms + (row.minute_ms - whole.from_ms) // step_ms * step_ms].append(row)
    capacity = plan.capacity if area is None else next(a.capacity for a in plan.areas if a.id == area)
    times = list(range(whole.from_ms, whole.to_ms, step_ms))
    steps = [_step(rows.get(t_ms, []), capacity) for t_ms in times]
    return schemas.CarParkTimeline(
        step_ms=step_ms,
        capacity=capacity,
        t_ms=times,
        cars=[step[0] for step in steps],
        low=[step[1] for step in steps],
        high=[step[2] for step in steps],
        entered=[step[3] for step in steps],
        left=[step[4] for step in steps],
    )


def _step(
    rows: Sequence[CarParkMinute], capacity: int
) -> tuple[int | None, int | None, int | None, int, int]:
    entered, left = sum(row.entered for row in rows), sum(row.left for row in rows)
    if not rows:
        return None, None, None, entered, left
    mean = sum(row.cars_mean for row in rows) / len(rows)
    low, high = interval(mean, sum(row.variance_mean for row in rows) / len(rows))
    return round(mean), low, max(min(high, capacity), round(mean)), entered, left


def stays(store: Store, plan: CarPark, period: Period, k: int) -> schemas.StayFigures:
    """Lengths of the stays that began in the period and have ended; hidden where fewer than k cars did."""
    found = store.stays(period.from_ms, period.to_ms)
    lengths_min = [
        (stay.left_ms - stay.entered_ms) / MINUTE_MS
        for stay in found
        if stay.entered_ms is not None and stay.left_ms is not None
    ]
    entered = sum(stay.entered_ms is not None for stay in found)
    anonymity = Anonymity(k)
    hidden = anonymity.hides(len(lengths_min))
    median, p90 = (
        np.percentile(lengths_min, (50, 90)).round(1).tolist() if lengths_min and not hidden else (None, None)
    )
    return schemas.StayFigures(
        stays=anonymity.number(entered),
        turnover=anonymity.only_if(entered, round(entered / plan.capacity, 2)),
        ended=anonymity.number(len(lengths_min)),
        length_median_min=median,
        length_p90_min=p90,
        suppressed=hidden or anonymity.hides(entered),
    )
