"""Will it be full? The probability that the number of cars reaches the capacity within some minutes.

The number of cars is taken for a Brownian motion with drift: what enters less what leaves. The time at which
such a motion first reaches a bound has the inverse Gaussian distribution (Chhikara and Folks, The Inverse
Gaussian Distribution, 1989, chapter 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, sqrt

from scipy.special import ndtr

MINUTES = range(5, 121, 5)
"""How far it looks ahead."""
HALF = 0.5


@dataclass(frozen=True)
class Flow:
    """What is expected to happen within some minutes: the change of the number of cars."""

    mean: float
    variance: float


@dataclass(frozen=True)
class Forecast:
    """How likely it is full at some moment within 30 and 60 minutes, and when that is likelier than not."""

    within_30: float
    within_60: float
    minutes: int | None
    """Until it is likelier full than not; None = not within two hours, 0 = it is full."""


def reaches(room: float, flow: Flow, variance: float) -> float:
    """Return the probability that the number of cars grows by `room` at some moment.

    Args:
        room: spaces that are expected to be free now.
        flow: what happens meanwhile.
        variance: of the number of cars now.
    """
    if room <= 0:
        return 1.0
    spread = flow.variance + variance
    if spread <= 0:
        return float(flow.mean >= room)
    deviation = sqrt(spread)
    ends_above = float(ndtr((flow.mean - room) / deviation))
    # exp of a large positive number times a tiny tail: of a strong drift, where the first term is nearly 1.
    exponent = min(2.0 * flow.mean * room / spread, 50.0)
    came_back = exp(exponent) * float(ndtr((-flow.mean - room) / deviation))
    return min(1.0, ends_above + came_back)


def forecast(room: float, variance: float, flows: Mapping[int, Flow]) -> Forecast:
    """Return the forecast for `room` free spaces; `flows` are what is expected within `MINUTES`."""
    if room <= 0:
        return Forecast(1.0, 1.0, 0)
    within = {minutes: reaches(room, flows[minutes], variance) for minutes in MINUTES}
    minutes = next((m for m, probability in within.items() if probability >= HALF), None)
    running = 0.0
    for m, probability in within.items():  # it cannot become less likely with more time
        running = within[m] = max(probability, running)
    return Forecast(within[30], within[60], minutes)
