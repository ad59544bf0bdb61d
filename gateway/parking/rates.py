"""How many cars come in: by quarter of an hour of the week, learnt, and how this day compares."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

QUARTER_MS = 15 * 60_000
QUARTERS = 7 * 96
FADE = 0.8
"""What a week ago weighs beside now."""
KNOWN_WEIGHT = 0.9
"""Weeks behind a quarter of the week before it is taken instead of all days' mean of its time of day."""
RECENT = 4
"""Quarters that this day is compared by."""
STEADY = 8.0
"""Cars that the usual weighs as much as, where this day is compared with it."""


class _State(msgspec.Struct):
    mean: bytes
    weight: bytes
    quarter: int
    cars: int
    recent: list[tuple[int, int]]


class Rates:
    """Entries from the street by the quarter of an hour."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Start knowing nothing; `zone` is the mall's."""
        self._zone = zone
        self._mean = np.zeros(QUARTERS)
        self._weight = np.zeros(QUARTERS)
        self._quarter = -1
        self._cars = 0
        self._recent: list[tuple[int, int]] = []

    def pass_time(self, t_ms: int) -> None:
        """Close the quarters that are over."""
        quarter = t_ms // QUARTER_MS
        if self._quarter < 0:
            self._quarter = quarter
        gap = min(quarter - self._quarter, QUARTERS)  # after a longer stop the gateway knows of no quarters
        for number in range(quarter - gap, quarter):
            cars = self._cars if number == self._quarter else 0
            row = self._row(number)
            fresh = self._weight[row] * FADE
            self._mean[row] = (self._mean[row] * fresh + cars) / (fresh + 1.0)
            self._weight[row] = fresh + 1.0
            self._recent = [*self._recent, (row, cars)][-RECENT:]
        if gap > 0:
            self._quarter, self._cars = quarter, 0

    def entered(self) -> None:
        """Take in a car in the present quarter."""
        self._cars += 1

    def expected(self, t_ms: int, minutes: int) -> tuple[float, float]:
        """Return how many cars are expected to enter in the next minutes, and the variance.

        What is usual at this time of the week, times how this day compares with it; a first day is expected
        to go on as in its last hour.
        """
        # The quarter that is not over is read like one that is, for the part of it that is over.
        part = (t_ms % QUARTER_MS) / QUARTER_MS
        usual = [self._usual(row) for row, _ in self._recent]
        seen = float(sum(cars for _, cars in self._recent) + self._cars)
        spans = len(self._recent) + part
        now = self._row(t_ms // QUARTER_MS)
        known = [mean for mean in usual if mean is not None]
        if len(known) < len(usual) or not usual or self._usual(now) is None:
            mean = seen / max(spans, 0.5) * minutes / 15.0
            return mean, mean + mean**2 / max(seen, 1.0)
        compared = sum(known) + part * (self._usual(now) or 0.0)
        factor = (seen + STEADY) / (compared + STEADY)
        mean, end = 0.0, t_ms + minutes * 60_000
        for quarter in range(t_ms // QUARTER_MS, -(-end // QUARTER_MS)):
            inside = min(end, (quarter + 1) * QUARTER_MS) - max(t_ms, quarter * QUARTER_MS)
            mean += (self._usual(self._row(quarter)) or 0.0) * inside / QUARTER_MS
        mean *= factor
        return mean, mean + mean**2 / (seen + STEADY)

    def _usual(self, row: int) -> float | None:
        """Return the mean of a quarter of the week, else of all days at that time; None = never seen."""
        if self._weight[row] >= KNOWN_WEIGHT:
            return float(self._mean[row])
        days = slice(row % 96, None, 96)
        weight = self._weight[days]
        return float(self._mean[days] @ weight / weight.sum()) if weight.any() else None

    def _row(self, quarter: int) -> int:
        local = datetime.fromtimestamp(quarter * (QUARTER_MS // 1000), self._zone)
        return local.weekday() * 96 + local.hour * 4 + local.minute // 15

    def state(self) -> bytes:
        """Return all that is known."""
        return msgspec.msgpack.encode(
            _State(self._mean.tobytes(), self._weight.tobytes(), self._quarter, self._cars, self._recent)
        )

    def restore(self, state: bytes) -> None:
        """Go on from what `state` returned. Raises `msgspec.MsgspecError`."""
        old = msgspec.msgpack.decode(state, type=_State)
        self._mean, self._weight = np.frombuffer(old.mean).copy(), np.frombuffer(old.weight).copy()
        self._quarter, self._cars, self._recent = old.quarter, old.cars, old.recent
