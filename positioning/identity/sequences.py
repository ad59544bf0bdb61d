"""Sequence numbers of 802.11: how far they jump, and how likely that is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from positioning.identity.appearances import NO_SEQUENCE
from positioning.identity.habits import GAP_EDGES, GAP_WIDTHS, SEQUENCES, USUAL_GAPS, Family

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SURPRISE = 0.1
"""Share of jumps of any size, whatever the habit: bursts are missed."""
WRAP = SEQUENCES - 1
"""Of a difference of sequence numbers these bits count; numpy's remainder takes seven times as long."""
_BIN_OF_GAP: Ints = np.searchsorted(GAP_EDGES, np.arange(SEQUENCES), side="right") - 1


def gap(before: Ints, first: int) -> Ints:
    """Return by how much sequence numbers (C,) jumped, 1 to the next one; -1 where unknown."""
    unknown = (before == NO_SEQUENCE) | (first == NO_SEQUENCE)
    return np.where(unknown, -1, (first - before) & WRAP)


def gap_bin(gaps: Ints) -> Ints:
    """Return in which bin jumps (C,) are counted; unknown ones in the first."""
    return _BIN_OF_GAP[np.maximum(gaps, 0)]


def jump_density(family: Family, gaps: Ints) -> Floats:
    """Return how likely phones of a family jump by exactly so much (C,) across a change of address."""
    bins = gap_bin(gaps)
    share = (1.0 - SURPRISE) * family.gaps[bins] / family.gaps.sum() + SURPRISE * USUAL_GAPS[bins]
    density: Floats = share / GAP_WIDTHS[bins]
    return density


def newer(before: Ints, now: Ints) -> Ints:
    """Return the later of two sequence numbers, elementwise: nodes hear frames out of order."""
    ahead = (now - before) & WRAP < SEQUENCES // 2
    return np.where(now == NO_SEQUENCE, before, np.where(ahead | (before == NO_SEQUENCE), now, before))
