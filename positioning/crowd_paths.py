"""Where unlabelled devices were: forward-backward smoothing over coarse cells.

A hidden Markov model (Rabiner, Proc. IEEE 77, 1989, section III) whose states are cells. Between two moments
a device diffuses like a random walk over the places where people can be; cells that are less likely from the
start, such as those in rooms, draw less. All tracks are smoothed together, moment by moment: the Gaussian
spread is separable over the lattice, so a step costs two small matrix products.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from positioning.crowd_moments import Moments
from positioning.grid import Grid
from positioning.walking import FLOOR_STAY_S

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

STEPS_S = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0])
"""Times between moments are rounded to one of these."""
DIFFUSION_M2_S = 2.0
"""A walk at 0.7 m/s along each axis that turns every few seconds."""
LEAST = 1e-30
NOTHING = -60.0


class Cells:
    """Coarse cells over a grid, and how devices move between them.

    Attributes:
        xyz_m: (C, 3) middle of what the grid has of each cell.
        share: (C,) how devices spread over the cells when nothing is known.
    """

    def __init__(self, grid: Grid, cell_m: float) -> None:
        """Gather the grid's cells into squares of ``cell_m``."""
        place = np.floor(grid.xyz_m[:, :2] / cell_m).astype(np.int64)
        place -= place.min(axis=0)
        columns, rows = place.max(axis=0) + 1
        self._shape = grid.floors, int(rows), int(columns)
        flat = (grid.floor * rows + place[:, 1]) * columns + place[:, 0]
        weight = np.bincount(flat, grid.weight, int(np.prod(self._shape)))
        self._lattice = np.flatnonzero(weight)
        self._weight: Floats32 = (weight[self._lattice] / weight.max()).astype(np.float32)
        self.share = weight[self._lattice] / weight.sum()
        total = weight[self._lattice]
        self.xyz_m = np.stack(
            [
                np.bincount(flat, axis * grid.weight, len(weight))[self._lattice] / total
                for axis in grid.xyz_m.T
            ],
            axis=1,
        )
        self._spreads = [
            tuple(_spread(count, cell_m, step) for count in (columns, rows)) for step in STEPS_S.tolist()
        ]
        spreads = [self._spread(self._weight[None], number) for number in range(len(STEPS_S))]
        self._reach: list[Floats32] = [np.maximum(spread, np.float32(LEAST)) for spread in spreads]

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self._lattice)

    def smooth(self, moments: Moments, log_likelihood: Floats32) -> tuple[Floats32, Floats]:
        """Return where devices were (N, C) given all they sent, and the log evidence of each moment (N,).

        Args:
            moments: N moments.
            log_likelihood: (N, C) of what was heard in each; kept as it is.
        """
        top = log_likelihood.max(axis=1, keepdims=True)
        likelihood = np.exp(np.maximum(log_likelihood - top, NOTHING))
        belief = np.empty_like(likelihood)
        evidence = np.empty(len(moments))
        depth = int(moments.nth.max(initial=-1)) + 1
        by_depth = [np.flatnonzero(moments.nth == nth) for nth in range(depth)]
        for nth, rows in enumerate(by_depth):
            if nth == 0:
                expected = np.tile(self.share.astype(np.float32), (len(rows), 1))
            else:
                expected = self._move(belief[rows - 1], moments.since_s[rows])
            belief[rows] = expected * likelihood[rows]
            total = belief[rows].sum(axis=1) + LEAST
            belief[rows] /= total[:, None]
            evidence[rows] = np.log(total) + top[rows, 0]
        ahead = np.ones_like(belief)
        for rows in reversed(by_depth[1:]):
            back = self._return(ahead[rows] * likelihood[rows], moments.since_s[rows])
            ahead[rows - 1] = back / (back.max(axis=1, keepdims=True) + LEAST)
        belief *= ahead
        belief /= belief.sum(axis=1, keepdims=True) + LEAST
        return belief, evidence

    def _move(self, belief: Floats32, since_s: Floats) -> Floats32:
        """Return beliefs (K, C) some time later: cells are reached as they are near and likely."""
        moved = np.empty_like(belief)
        for number, rows in _by_step(since_s):
            moved[rows] = self._spread(belief[rows] / self._reach[number], number) * self._weight
        return moved

    def _return(self, ahead: Floats32, since_s: Floats) -> Floats32:
        """Return what the future says (K, C) of places some time earlier: the transpose of a move."""
        result = np.empty_like(ahead)
        for number, rows in _by_step(since_s):
            result[rows] = self._spread(ahead[rows] * self._weight, number) / self._reach[number]
        return result

    def _spread(self, values: Floats32, number: int) -> Floats32:
        """Return values (K, C) spread over the lattice of every floor by one of the steps."""
        full = np.zeros((len(values), int(np.prod(self._shape))), dtype=np.float32)
        full[:, self._lattice] = values
        along_x, along_y = self._spreads[number]
        spread = np.matmul(along_y, np.matmul(full.reshape(-1, *self._shape), along_x))
        if self._shape[0] > 1:
            stay = np.float32(np.exp(-STEPS_S[number] / FLOOR_STAY_S))
            spread = stay * spread + (1 - stay) * spread.mean(axis=1, keepdims=True)
        result: Floats32 = spread.reshape(len(values), -1)[:, self._lattice]
        return result


def _by_step(since_s: Floats) -> list[tuple[int, Ints]]:
    """Return the rows of each of the steps that occur."""
    nearest = np.abs(STEPS_S - since_s[:, None]).argmin(axis=1)
    return [(int(number), np.flatnonzero(nearest == number)) for number in np.unique(nearest)]


def _spread(count: int, cell_m: float, step_s: float) -> Floats32:
    """Return the weights (count, count) of going from one place to another along one axis."""
    place_m = cell_m * np.arange(count)
    between = (place_m[:, None] - place_m) ** 2 / (2.0 * DIFFUSION_M2_S * step_s)
    return np.exp(-between).astype(np.float32)
