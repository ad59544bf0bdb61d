"""Beliefs over all cells at once: boxes of cells, one per floor, and how people spread over them."""

from __future__ import annotations

import numpy as np

from positioning.grid import Bools, Floats, Grid, Ints
from positioning.likelihood import Floats32
from positioning.tiles import Tiles

REACH_SD = 4.0
"""Kernels end here."""


class Lattice:
    """The cells of a grid in one box per floor, (F, H, W), in which neighbours are neighbours.

    Boxes are whole tiles wide and high.

    People move from a cell to those around it by a normal kernel times the weight of the goal, normalised for
    each start: nobody leaves the building, and few go where few are.

    Attributes:
        shape: (F, H, W).
        weight: (F, H, W) of the cells; zero where there is none.
        there: (F, H, W) whether there is a cell.
        uniform: (F, H, W) belief about somebody of whom nothing is known.
        place: (T, S) index into the flat box of each place of the tiles.
    """

    def __init__(self, grid: Grid, tiles: Tiles) -> None:
        """Lay the cells out; ``tiles`` are those of the same grid."""
        corner = grid.xyz_m[:, :2].min(axis=0)
        edge = round(tiles.edge_m / grid.cell_m)
        middle = np.rint((tiles.centre_m - corner) / grid.cell_m - (edge - 1) / 2).astype(np.int64)
        width, height = (middle.max(axis=0) + edge).tolist()
        self.shape = grid.floors, height, width
        y, x = np.divmod(np.arange(edge * edge), edge)
        column, row = middle[:, :1] + x, middle[:, 1:] + y
        self.place: Ints = (tiles.floor[:, None] * height + row) * width + column
        flat = np.zeros(grid.floors * height * width, dtype=np.float32)
        flat[self.place] = tiles.weight
        self._edge = edge
        self._block: Ints = (tiles.floor * height + middle[:, 1]) // edge * (width // edge) + middle[
            :, 0
        ] // edge
        self.weight: Floats32 = flat.reshape(self.shape)
        self.there: Bools = self.weight > 0
        self.uniform: Floats32 = self.weight / self.weight.sum()
        self._cell_m = grid.cell_m
        self._kernels: dict[float, tuple[Floats32, Floats32, Floats32]] = {}

    def by_tile(self, belief: Floats32) -> Floats32:
        """Return the sums (N, T) over tiles of beliefs (N, F x H x W)."""
        floors, height, width = self.shape
        edge = self._edge
        rows = belief.reshape(-1, floors, height // edge, edge, width).sum(axis=3)
        blocks = rows.reshape(len(belief), floors * (height // edge) * (width // edge), edge).sum(axis=2)
        sums: Floats32 = blocks[:, self._block]
        return sums

    def spread(self, planes: Floats32, floor: Ints, variance_m2: float) -> Floats32:
        """Return beliefs on single floors (N, H, W), ``floor`` (N,), after people moved.

        Args:
            planes: (N, H, W).
            floor: (N,) which floor each is of.
            variance_m2: of the move, per axis.
        """
        rows, columns, norm = self._kernel(variance_m2)
        moved: Floats32 = np.matmul(rows, np.matmul(planes / norm[floor], columns))
        moved *= self.weight[floor]
        return moved

    def _kernel(self, variance_m2: float) -> tuple[Floats32, Floats32, Floats32]:
        """Return both factors of the kernel, (H, H) and (W, W), and its sums over goals (F, H, W)."""
        if variance_m2 not in self._kernels:
            sd = float(np.sqrt(variance_m2)) / self._cell_m
            rows, columns = (_band(size, sd) for size in self.shape[1:])
            norm = np.matmul(rows, np.matmul(self.weight, columns))
            self._kernels[variance_m2] = rows, columns, np.maximum(norm, np.float32(1e-12))
        return self._kernels[variance_m2]


def _band(size: int, sd: float) -> Floats32:
    """Return the matrix (N, N) that convolves with a normal kernel of ``sd`` cells."""
    step: Floats = np.subtract.outer(np.arange(size), np.arange(size)).astype(np.float64)
    reach = np.arange(-np.ceil(REACH_SD * sd), np.ceil(REACH_SD * sd) + 1)
    band = np.exp(-0.5 * (step / sd) ** 2) / np.exp(-0.5 * (reach / sd) ** 2).sum()
    return np.where(np.abs(step) <= reach[-1], band, 0.0).astype(np.float32)
