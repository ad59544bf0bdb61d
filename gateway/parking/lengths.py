"""How long cars stay: a life table that starts from what is usual and learns from the stays that end.

For each age the table holds the share of the cars of that age that leave before the next (the hazard); what
is left after all of them is the share that stays so long. A car whose exit was not seen is believed to be
there as long as a car can be. (Kaplan, E. L., Meier, P.: Nonparametric estimation from incomplete
observations, JASA 53, 1958; here with the usual lengths as a prior.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats = npt.NDArray[np.float64]

MINUTE_MS = 60_000
EDGES_MIN: Floats = np.concatenate(
    (np.arange(0.0, 60.0, 5.0), np.arange(60.0, 480.0, 15.0), np.arange(480.0, 1440.0, 60.0),
     np.arange(1440.0, 10_080.0 + 1.0, 360.0))
)  # fmt: skip
"""Ages in minutes at which the table has a row: every 5 minutes at first, every 6 hours up to a week."""

USUAL_MIN, USUAL_SPREAD = 110.0, 0.8
"""Median in minutes and standard deviation of the logarithm of a shopper's stay."""
LONG_SHARE, LONG_MIN = 0.01, 1440.0
"""Share of the cars that stay overnight or for days, and their mean length."""
PRIOR_CARS = 30.0
"""How many stays what is usual weighs as much as."""


class Lengths:
    """The life table of a car park."""

    def __init__(self) -> None:
        """Start with what is usual."""
        self._usual = _usual(EDGES_MIN)
        self._left = np.zeros(len(EDGES_MIN) - 1)
        self._reached = np.zeros(len(EDGES_MIN) - 1)
        self._make(self._reached)

    def learn(self, length_ms: int) -> None:
        """Take in a stay whose entry and exit were seen."""
        row = int(np.searchsorted(EDGES_MIN, length_ms / MINUTE_MS, "right")) - 1
        if 0 <= row < len(self._left):
            self._left[row] += 1.0
            self._reached[: row + 1] += 1.0

    def renew(self, ages_ms: Floats, there: Floats) -> None:
        """Make the table anew, with the cars that are there now: (N,) ages and probabilities of being there.

        They have reached their ages; without them the table would know only of those that left soon.
        """
        rows = np.searchsorted(EDGES_MIN, ages_ms / MINUTE_MS, "right") - 1
        counts = np.bincount(np.clip(rows, 0, len(self._left) - 1), there, len(self._left))
        passed = np.cumsum(counts[::-1])[::-1] - counts  # those that are older than the whole row
        self._make(self._reached + passed)

    def _make(self, reached: Floats) -> None:
        usual = -np.diff(self._usual) / self._usual[:-1]
        weight = PRIOR_CARS * self._usual[:-1]
        hazard = (self._left + weight * usual) / np.maximum(reached + weight, self._left + weight * usual)
        self._share = np.concatenate(([1.0], np.cumprod(1.0 - hazard)))
        slices = 0.5 * (self._share[1:] + self._share[:-1]) * np.diff(EDGES_MIN)
        rest = np.concatenate((np.cumsum(slices[::-1])[::-1], [0.0]))
        self._residual = rest / rest[0]

    def beyond(self, ages_ms: Floats) -> Floats:
        """Return the shares (N,) of the cars that stay longer than these ages."""
        shares: Floats = np.interp(ages_ms / MINUTE_MS, EDGES_MIN, self._share)
        return shares

    def residual(self, ages_ms: Floats) -> Floats:
        """Return the shares (N,) of the cars found at some moment that are still there so much later.

        Who is found has been there for some time already: the rest of a stay that is met at random.
        """
        shares: Floats = np.interp(ages_ms / MINUTE_MS, EDGES_MIN, self._residual)
        return shares

    def state(self) -> dict[str, bytes]:
        """Return what was learnt, and the table as it was made last."""
        return {
            "left": self._left.tobytes(), "reached": self._reached.tobytes(),
            "share": self._share.tobytes(), "residual": self._residual.tobytes(),
        }  # fmt: skip

    def restore(self, state: dict[str, bytes]) -> None:
        """Go on from what `state` returned. Raises `KeyError`, `ValueError`."""
        rows = len(EDGES_MIN)
        found = {name: np.frombuffer(state[name]).copy() for name in ("left", "reached", "share", "residual")}
        if [len(found[name]) for name in ("left", "reached", "share", "residual")] != [
            rows - 1,
            rows - 1,
            rows,
            rows,
        ]:
            raise ValueError("a life table with other ages")
        self._left, self._reached = found["left"], found["reached"]
        self._share, self._residual = found["share"], found["residual"]


def _usual(minutes: Floats) -> Floats:
    """Return the share of stays that is usually longer than so many minutes."""
    with np.errstate(divide="ignore"):
        shoppers = ndtr(-np.log(np.maximum(minutes, 1e-9) / USUAL_MIN) / USUAL_SPREAD)
    shares: Floats = (1.0 - LONG_SHARE) * shoppers + LONG_SHARE * np.exp(-minutes / LONG_MIN)
    return shares
