"""How many people there usually are, and how their number changes from one window to the next.

Numbers drift by a few, and now and then leap: a lecture begins. A leap goes to any usual number. What is
usual is smoothed and never nothing, since a day to come may bring what no counted day has brought.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from positioning.people.heard import Floats, Ints

STEPS = 64
"""Steps of the grid up to the greatest number counted."""
REACH = 1.3
"""The grid goes so much further than the greatest number counted, and a few steps."""
SPARE_STEPS = 12
SMOOTH_STEPS = 4.0
"""What was counted is smoothed over so many steps."""
UNHEARD_OF = 0.3
"""Probability that the number has nothing to do with what was counted: any is as likely."""
LEAP_STEPS = 6.0
"""A greater change is a leap."""
LEAST_DRIFT_STEPS = 1.2


@dataclass(frozen=True)
class Turnover:
    """What is known of the number of people before anything is heard.

    Attributes:
        step: people between two points of the grid.
        usual: (G,) probability of each number of the grid.
        leap: probability that the number leaps between two windows.
        drift: standard deviation of its change otherwise, in people.
    """

    step: float
    usual: Floats
    leap: float
    drift: float

    @classmethod
    def fit(cls, people: Floats, day: Ints, start_s: Ints, window_s: int) -> Turnover:
        """Learn it from the people (W,) counted in windows that start at `start_s` (W,) on days (W,)."""
        step = max(float(people.max()), 1.0) / STEPS
        grid = np.arange(round(REACH * STEPS) + SPARE_STEPS) * step
        kernel = np.exp(-0.5 * ((people[:, None] - grid) / (SMOOTH_STEPS * step)) ** 2)
        counted = (kernel / kernel.sum(axis=1, keepdims=True)).mean(axis=0)
        usual = (1.0 - UNHEARD_OF) * counted + UNHEARD_OF / len(grid)
        follows = (np.diff(start_s) == window_s) & (np.diff(day) == 0)
        change = np.diff(people)[follows]
        leaps = np.abs(change) > LEAP_STEPS * step
        small = change[~leaps]
        drift = float(np.sqrt(np.mean(small**2))) if len(small) else 0.0
        return cls(
            step,
            usual,
            float(leaps.sum() + 1) / (len(change) + 2),  # Laplace's rule of succession
            max(drift, LEAST_DRIFT_STEPS * step),
        )

    @cached_property
    def people(self) -> Floats:
        """The numbers (G,) of the grid."""
        result: Floats = np.arange(len(self.usual), dtype=np.float64) * self.step
        return result

    @cached_property
    def change(self) -> Floats:
        """Probability (G, G) of each number (columns) one window after each other (rows)."""
        apart = (self.people[:, None] - self.people) / self.drift
        stay: Floats = np.exp(-0.5 * np.square(apart))
        result: Floats = self.leap * self.usual + (1.0 - self.leap) * stay / stay.sum(axis=1)[:, None]
        return result
