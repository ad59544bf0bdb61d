"""Cars that come and go: the truth of a car park, from which reads are made."""

from dataclasses import dataclass, field

import numpy as np

from contracts.site import Site
from simulators.car_park.fleet import Plate, random_plate
from simulators.car_park.layout import Step, Ways

HOUR_MS = 3_600_000
BY_HOUR = (0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 12, 14, 13, 11, 11, 11, 11, 14, 16, 13, 8, 3, 1, 0)
"""How many cars come in an hour of the mall's day, relative to each other: two rushes, as at a mall."""
MEDIAN_STAY_MIN = 95.0
STAY_SIGMA = 0.75
"""Stays are log-normal; this is the standard deviation of their logarithm."""
OVERNIGHT = 0.01
"""Share of cars that stay until the next morning."""
REGULARS = 0.08
"""Share of cars that have been here earlier on that day."""
RAMP_MS = (15_000, 60_000)
"""From one camera of a way to the next."""
SHORTEST_MS = 120_000
"""A car that finds what it wants at once, or nothing."""


@dataclass(frozen=True, slots=True)
class TruePassage:
    """A car that drives past a camera."""

    passage: int
    stay: int
    plate: str
    step: Step
    t_ms: int


@dataclass(frozen=True, slots=True)
class TrueStay:
    """A car that was in an area of the car park, from its first camera to its last."""

    stay: int
    plate: Plate
    area: str
    entered_ms: int
    left_ms: int


@dataclass(slots=True)
class Day:
    """All stays that begin in a period, and all passages of them, in order of time."""

    stays: list[TrueStay] = field(default_factory=list)
    passages: list[TruePassage] = field(default_factory=list)

    def cars_at(self, t_ms: int, area: str | None = None) -> int:
        """Count the cars that are there, in one area or in all."""
        return sum(
            stay.entered_ms <= t_ms < stay.left_ms and area in (None, stay.area) for stay in self.stays
        )


def simulate_day(
    site: Site, *, start_ms: int, duration_s: float, cars: int, utc_offset_h: float = 8.0, seed: int = 1
) -> Day:
    """Draw the stays of `cars` that come from `start_ms` on, by the hours of the day; some leave later.

    Where an area is full, a car goes to another one; where all are, it does not come.
    """
    rng = np.random.default_rng(seed)
    ways, day = Ways(site), Day()
    province = site.mall.province or "浙"
    leaving: list[tuple[int, str]] = []
    for entered_ms in _arrivals(rng, start_ms, duration_s, cars, utc_offset_h):
        leaving = [(left_ms, area) for left_ms, area in leaving if left_ms > entered_ms]
        free = {area: c - sum(a == area for _, a in leaving) for area, c in ways.areas.items()}
        share = np.array([max(count, 0) for count in free.values()], dtype=float)
        if not share.any():
            continue
        area = list(free)[rng.choice(len(free), p=share / share.sum())]
        gone = [stay.plate for stay in day.stays if stay.left_ms < entered_ms]
        again = bool(gone) and rng.random() < REGULARS
        plate = gone[rng.integers(len(gone))] if again else random_plate(rng, province)
        if any(stay.plate == plate and stay.left_ms >= entered_ms for stay in day.stays):
            continue  # it is here
        left_ms = _add(rng, day, ways, plate, area, entered_ms)
        leaving.append((left_ms, area))
    day.passages.sort(key=lambda passage: (passage.t_ms, passage.passage))
    return day


def _arrivals(
    rng: np.random.Generator, start_ms: int, duration_s: float, cars: int, utc_offset_h: float
) -> list[int]:
    """Draw arrivals by thinning uniform moments with the hours' weights."""
    found: list[int] = []
    if not any(
        _weight(start_ms + hour * HOUR_MS, utc_offset_h) for hour in range(int(duration_s // 3600) + 1)
    ):
        return found
    while len(found) < cars:
        t_ms = start_ms + int(rng.random() * duration_s * 1000)
        if rng.random() * max(BY_HOUR) < _weight(t_ms, utc_offset_h):
            found.append(t_ms)
    return sorted(found)


def _weight(t_ms: int, utc_offset_h: float) -> int:
    return BY_HOUR[int(t_ms / HOUR_MS + utc_offset_h) % 24]


def _add(rng: np.random.Generator, day: Day, ways: Ways, plate: Plate, area: str, t_ms: int) -> int:
    """Add a car's stay with its passages; give when it leaves."""
    number = len(day.stays)
    entered_ms = t_ms
    inwards, outwards = ways.into(area, rng), ways.out_of(area, rng)
    for step in inwards:
        _pass(day, number, plate, step, t_ms)
        t_ms += int(rng.integers(*RAMP_MS))
    if rng.random() < OVERNIGHT:
        t_ms += int(rng.uniform(10, 15) * HOUR_MS)
    else:
        t_ms += max(int(rng.lognormal(np.log(MEDIAN_STAY_MIN), STAY_SIGMA) * 60_000), SHORTEST_MS)
    for step in outwards:
        _pass(day, number, plate, step, t_ms)
        t_ms += int(rng.integers(*RAMP_MS))
    left_ms = day.passages[-1].t_ms
    day.stays.append(TrueStay(number, plate, area, entered_ms, left_ms))
    return left_ms


def _pass(day: Day, stay: int, plate: Plate, step: Step, t_ms: int) -> None:
    day.passages.append(TruePassage(len(day.passages), stay, plate.text, step, t_ms))
