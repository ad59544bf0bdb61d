"""How long phones are silent before they change their address: a life table of silences for each family.

After Kaplan and Meier (J. Am. Stat. Assoc. 53, 1958). Phones scan like clockwork, so the bins are narrow
where their clocks are: twins are told apart by whose next burst is due (after Matte et al., WiSec 2016).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EDGES_S: Floats = np.concatenate(
    ([0.0, 0.03, 0.1, 0.3, 1.0], np.geomspace(3.0, 400.0, 101), [600.0, 1000.0, 1800.0])
)
"""Silences are counted between these: 5 % apart from 3 to 400 s."""
WIDTHS_S: Floats = np.diff(EDGES_S)
_STEP_S = 0.02
"""Shorter than every bin: bins are looked up by steps, in a fraction of the time that a search takes."""
_STEPS_S: Floats = np.arange(round(EDGES_S[-1] / _STEP_S) + 2) * _STEP_S
_BIN_OF_STEP: Ints = np.clip(np.searchsorted(EDGES_S, _STEPS_S, side="right") - 1, 0, len(WIDTHS_S) - 1)
KNOWN = 1.0
"""In each bin, what is usual weighs as much as this many changes of address seen."""


class Silences:
    """How ready phones of a family are to change their address, by how long they have been silent."""

    __slots__ = ("changes", "seconds")

    def __init__(self) -> None:
        """Start without silences: all are alike."""
        self.changes: Floats = np.zeros(len(WIDTHS_S))
        self.seconds: Floats = np.zeros(len(WIDTHS_S))

    def readiness(self) -> Floats:
        """Return the rate of changes (bins,) in silences so long, as a multiple of that in all silences.

        Rates are shrunk towards 1 by what is usual (the mean of a gamma distribution given Poisson counts).
        """
        usual = self.changes.sum() / max(self.seconds.sum(), 1.0) * self.seconds
        ready: Floats = (KNOWN + self.changes) / (KNOWN + usual)
        return ready

    def learn(self, silent_s: Floats, *, changed: bool) -> None:
        """Count silences (N,), that ended with a change of address or without."""
        self.seconds += np.clip(silent_s[:, None] - EDGES_S[:-1], 0.0, WIDTHS_S).sum(axis=0)
        if changed:
            np.add.at(self.changes, bins_of(silent_s), 1.0)


def bins_of(silent_s: Floats) -> Ints:
    """Return in which bin each silence (N,) is."""
    bins = _BIN_OF_STEP[(np.clip(silent_s, 0.0, EDGES_S[-1]) * (1.0 / _STEP_S)).astype(np.int64)]
    # At most one edge lies within a step.
    bins += silent_s >= EDGES_S[bins + 1]
    return np.minimum(bins, len(WIDTHS_S) - 1)
