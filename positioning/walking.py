"""How people move about a mall while nothing is heard of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from positioning.grid import Floats, Ints

STAND_M2_S, WALK_M2_S = 0.5, 8.0
"""Growth of the variance per axis of those who stand, and of those who walk; measured on held-out training
walks."""
FLOOR_STAY_S = 300.0
"""People change floors every some minutes."""


class Spans:
    """The times for which moves are prepared; for others the nearest stands in, by ratio."""

    def __init__(self, spans_s: Sequence[float]) -> None:
        """Take the times in seconds, ascending."""
        self.seconds: Floats = np.asarray(spans_s, dtype=np.float64)
        self._log = np.log(self.seconds)

    def nearest(self, since_s: Floats) -> Ints:
        """Return the index of the nearest one to each time (N,), which may be infinite."""
        span = np.clip(since_s, self.seconds[0], self.seconds[-1])
        return np.asarray(np.abs(np.log(span)[:, None] - self._log).argmin(axis=1), dtype=np.int64)
