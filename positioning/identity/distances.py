"""How far apart one phone is found before and after a silence, learnt for silences of each length.

Two positions of one phone are much nearer to each other than their covariances say: what bends signals at a
place bends them alike in both, and people stay where they are. So distances are counted in units of the
covariances (squared Mahalanobis distances), as a mixture of normal distributions that differ in scale alone,
learnt by expectation maximisation, one step per address, like all habits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EDGES_S: Floats = np.array([0.0, 3.0, 10.0, 20.0, 40.0, 80.0, 160.0])
"""From how long on silences are counted apart; the last bin has no end."""
SCALES: Floats = np.array([0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
"""The variances of the mixture, as multiples of what the covariances of both positions say."""
USUAL: Floats = np.array([0.16, 0.3, 0.22, 0.18, 0.08, 0.04, 0.02])
"""Shares of the mixture before any distance was counted; the last is of places that tell nothing."""
KNOWN = 20.0
"""What is usual weighs as much as this many distances, for silences of each length."""
MEMORY = 20_000.0
"""When so many distances of a length of silence have been counted, their counts are halved."""


@dataclass(frozen=True)
class Apart:
    """How far D devices are from where an address was heard.

    Attributes:
        mahalanobis2: (D,) squared distances, in units of the covariances of both places; NaN: not known.
        density: (D,) likelihood ratio of the place where both are one, over anywhere: what a normal
            distribution with these covariances has in its middle, times the area, times how likely both are
            on one floor.
    """

    mahalanobis2: Floats
    density: Floats

    def __getitem__(self, rows: Ints) -> Apart:
        """Return the devices in ``rows``."""
        return Apart(self.mahalanobis2[rows], self.density[rows])


class Distances:
    """The distances of one phone from itself, across silences."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        """Start from what is usual."""
        self.counts: Floats = np.tile(KNOWN * USUAL, (len(EDGES_S), 1))

    def likelihood_ratio(self, apart: Apart, silent_s: Floats) -> Floats:
        """Return how much likelier each device (D,), silent for so long, is found there than anybody."""
        return np.where(np.isnan(apart.mahalanobis2), 1.0, self._parts(apart, silent_s).sum(axis=1))

    def learn(self, apart: Apart, silent_s: Floats, belief: Floats) -> None:
        """Count distances to devices (D,), as far as each is believed to be the one."""
        rows = np.flatnonzero(~np.isnan(apart.mahalanobis2))
        parts = self._parts(apart[rows], silent_s[rows])
        bins = _bins(silent_s[rows])
        np.add.at(self.counts, bins, belief[rows, None] * parts / parts.sum(axis=1, keepdims=True))
        self.counts[self.counts.sum(axis=1) > MEMORY] /= 2.0

    def _parts(self, apart: Apart, silent_s: Floats) -> Floats:
        """Return the likelihood ratio that each part of the mixture gives: (D, parts)."""
        share = (self.counts / self.counts.sum(axis=1, keepdims=True))[_bins(silent_s)]
        near = np.exp(-0.5 * apart.mahalanobis2[:, None] / SCALES) / SCALES
        ratio: Floats = np.concatenate((near * apart.density[:, None], np.ones((len(share), 1))), axis=1)
        parts: Floats = share * ratio
        return parts


def _bins(silent_s: Floats) -> Ints:
    """Return in which bin each silence (N,) is."""
    return np.maximum(np.searchsorted(EDGES_S, silent_s, side="right") - 1, 0)
