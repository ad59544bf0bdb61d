"""The number of people, window by window: a hidden Markov model over a grid of numbers and of day's levels.

Forward filter (Rabiner, Proc. IEEE 77, 1989): an estimate uses its window and those before it, never later
ones, so live and recorded use give the same numbers. The day's level is a second, constant state: it is
learnt in the course of the day, and its uncertainty is in every interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from positioning.people.response import Response
from positioning.people.turnover import Turnover

LEVELS = 9
LEVELS_SD = 2.4
"""Day's levels lie between minus and plus so many standard deviations."""
OUTLIER = 0.02
"""Probability that a window says nothing: a gap of the capture, a miscount."""


@dataclass(frozen=True)
class Estimate:
    """How many people: the median, and the ends of the 90 % interval."""

    people: float
    low: float
    high: float


class Follow:
    """Follows the number of people through one day."""

    def __init__(self, response: Response, turnover: Turnover) -> None:
        """Start a day on which nothing is known yet."""
        self._turnover = turnover
        expected, variance = response.expected(turnover.people)
        around = np.linspace(-LEVELS_SD, LEVELS_SD, LEVELS)
        self._expected = expected[:, None] + response.day_sd * around
        self._sd = np.sqrt(variance)[:, None]
        likely = np.exp(-0.5 * around**2)
        self._belief = turnover.usual[:, None] * (likely / likely.sum())
        # What an outlier says: the same of every number, as little as the edge of what could be expected.
        self._nothing = OUTLIER / (np.ptp(self._expected) + 4.0 * float(self._sd.max()))
        self._begun = False

    def hear(self, index: float, windows: int = 1) -> Estimate:
        """Take in the index of a window, `windows` after the last one, and return the estimate."""
        if self._begun:
            for _ in range(windows):
                self._belief = self._turnover.change.T @ self._belief
        self._begun = True
        likelihood = np.exp(-0.5 * ((index - self._expected) / self._sd) ** 2) / (
            np.sqrt(2 * np.pi) * self._sd
        )
        self._belief *= (1.0 - OUTLIER) * likelihood + self._nothing
        self._belief /= self._belief.sum()
        return self._estimate()

    def _estimate(self) -> Estimate:
        """Return quantiles; a point of the grid stands for what lies within half a step of it."""
        below = np.concatenate(([0.0], np.cumsum(self._belief.sum(axis=1))))
        grid, step = self._turnover.people, self._turnover.step
        edges = np.maximum(np.append(grid[0], grid + step) - step / 2, 0.0)
        edges[0] = 0.0
        low, middle, high = np.interp((0.05, 0.5, 0.95), below, edges).tolist()
        if below[1] >= 0.05:  # nobody is as likely as that: then the interval holds nobody
            low = 0.0
        return Estimate(0.0 if below[1] >= 0.5 else middle, low, high)
