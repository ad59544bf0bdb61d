"""In which zone a device is believed to be: a sticky forward filter over zones, batched over device slots.

People stay where they are for minutes, so an estimate that jitters between adjacent shops should not move
them. The filter is the forward recursion of a hidden Markov model (Rabiner, Proc. IEEE 77, 1989, section
III.A) with the zones as states: between two hearings a person has stayed where they were, or is anywhere as
if nothing were known. Estimates that follow each other within seconds come from one track and share their
errors, so they count by the time that has passed since the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

NEVER = -1
LEAST_SHARE = 1e-4
"""A zone too small for a cell of the raster still gets this share, so that it can be believed in."""


@dataclass(frozen=True)
class Stickiness:
    """How fast a belief follows the zone probabilities of the estimates.

    Attributes:
        stay_s: time in which the belief that a person is still in the zone fades to 1/e.
        correlation_s: estimates closer together than this share their errors and count less.
        outlier: share of every estimate that is taken to say nothing.
    """

    stay_s: float = 900.0
    correlation_s: float = 60.0
    outlier: float = 0.2


class Belief:
    """Probabilities over Z zones, and over being in none, of the devices in numbered slots."""

    def __init__(self, share: Floats, stickiness: Stickiness | None = None) -> None:
        """Start without devices.

        Args:
            share: (Z + 1,) how people spread when nothing is known, over the zones and outside all: their
                areas.
            stickiness: how fast beliefs move.

        Raises:
            ValueError: a share is negative, or all are zero.
        """
        if share.ndim != 1 or (share < 0).any() or not share.sum() > 0:
            raise ValueError(f"shares must not be negative, nor all zero, got {share}")
        share = np.maximum(share / share.sum(), LEAST_SHARE)
        self._share: Floats32 = (share / share.sum()).astype(np.float32)
        self._stickiness = stickiness or Stickiness()
        self.probability: Floats32 = np.zeros((0, len(share)), dtype=np.float32)
        """(slots, Z + 1) at the last hearing."""
        self._heard_ms: Ints = np.zeros(0, dtype=np.int64)

    def hear(self, t_ms: int, slots: Ints, estimates: Floats32) -> tuple[Floats32, Ints]:
        """Take in estimates of the devices heard at ``t_ms``.

        Args:
            t_ms: now; must not go back.
            slots: (D,) the devices, each once.
            estimates: (D, Z + 1) zone probabilities of their positions; rows of zeros say nothing.

        Returns:
            Their beliefs (D, Z + 1), and when each was heard the time before (D,), `NEVER` for new ones.
        """
        self._grow(int(slots.max(initial=-1)) + 1)
        sticky, share, before_ms = self._stickiness, self._share, self._heard_ms[slots]
        elapsed_s = np.where(before_ms == NEVER, np.inf, (t_ms - before_ms) / 1000.0)
        elapsed_s = elapsed_s.astype(np.float32)[:, None]
        stays = np.exp(-elapsed_s / np.float32(sticky.stay_s))
        weight = -np.expm1(-elapsed_s / np.float32(sticky.correlation_s))
        # An estimate is a posterior under people spread by area; divided by areas it is a likelihood.
        told = estimates.sum(axis=1, keepdims=True) > 0
        outlier = np.where(told, np.float32(sticky.outlier), np.float32(1.0))
        likelihood = (1.0 - outlier) * estimates / share + outlier
        belief = (stays * self.probability[slots] + (1.0 - stays) * share) * likelihood**weight
        belief /= belief.sum(axis=1, keepdims=True)
        self.probability[slots] = belief
        self._heard_ms[slots] = t_ms
        return belief, before_ms

    def forget(self, slots: Ints) -> None:
        """Free slots (D,)."""
        slots = slots[slots < len(self._heard_ms)]
        self.probability[slots] = 0.0
        self._heard_ms[slots] = NEVER

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint; probabilities of devices that have been heard."""
        heard = self._heard_ms != NEVER
        return {"heard_ms": self._heard_ms.copy(), "probability": self.probability[heard]}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
            ValueError: the state was taken with other zones.
        """
        heard_ms, heard = state["heard_ms"].astype(np.int64), state["probability"].astype(np.float32)
        if heard.ndim != 2 or heard.shape[1] != len(self._share):
            raise ValueError("the state was taken with other zones")
        probability = np.zeros((len(heard_ms), len(self._share)), dtype=np.float32)
        probability[heard_ms != NEVER] = heard
        self._heard_ms, self.probability = heard_ms, probability

    def _grow(self, capacity: int) -> None:
        """Make room for slots below ``capacity``, at least doubling."""
        old, width = self.probability.shape
        if capacity > old:
            extra = max(capacity - old, old, 64)
            self.probability = np.concatenate((self.probability, np.zeros((extra, width), dtype=np.float32)))
            self._heard_ms = np.concatenate((self._heard_ms, np.full(extra, NEVER, dtype=np.int64)))
