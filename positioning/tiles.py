"""Cells in square tiles, so that a belief is evaluated cell by cell only where it can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from positioning.grid import Bools, Floats, Grid, Ints


@dataclass(frozen=True)
class Tiles:
    """Square tiles of S = edge x edge places of the lattice of a grid, by floor; empty tiles are left out.

    Attributes:
        cell: (T, S) index of the cell at each place; -1 where the floor has none.
        floor: (T,) index of the floor.
        centre_m: (T, 2) middle of the whole tile.
        xyz_m: (T, S, 3) places; those without a cell repeat one of the tile's cells.
        weight: (T, S) weight of the cells, zero where there is none.
        local_m: (S, 2) places about the middle, the same in all tiles.
        edge_m: edge of a tile.
        near: (T, 9) the tiles around each on its floor and itself, which also fills in for missing ones.
    """

    cell: Ints
    floor: Ints
    centre_m: Floats
    xyz_m: Floats
    weight: Floats
    local_m: Floats
    edge_m: float
    near: Ints

    def __len__(self) -> int:
        """Return the number of tiles."""
        return len(self.floor)

    @classmethod
    def over(cls, grid: Grid, edge: int) -> Tiles:
        """Divide a grid into tiles of ``edge`` x ``edge`` cells."""
        corner = grid.xyz_m[:, :2].min(axis=0)
        step = np.rint((grid.xyz_m[:, :2] - corner) / grid.cell_m).astype(np.int64)
        (column, row), (x, y) = (step // edge).T, (step % edge).T
        # A free row and column around every floor, so that steps to neighbours meet nobody else's tiles.
        width, height = int(column.max()) + 2, int(row.max()) + 2
        key, tile = np.unique(column + width * (row + height * grid.floor), return_inverse=True)
        tile = tile.reshape(-1)
        cell = np.full((int(tile.max()) + 1, edge * edge), -1, dtype=np.int64)
        cell[tile, y * edge + x] = np.arange(len(grid))
        some = cell.max(axis=1)
        steps = np.arange(edge) - (edge - 1) / 2
        local = grid.cell_m * np.stack(np.meshgrid(steps, steps, indexing="xy"), axis=-1).reshape(-1, 2)
        middle = np.stack((column, row), axis=1)[some] * edge + (edge - 1) / 2
        around = np.add.outer(width * np.arange(-1, 2), np.arange(-1, 2)).reshape(-1)
        wanted = key[:, None] + around
        near = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        near = np.where(key[near] == wanted, near, np.arange(len(key))[:, None])
        return cls(
            cell,
            grid.floor[some],
            corner + grid.cell_m * middle,
            grid.xyz_m[np.where(cell >= 0, cell, some[:, None])],
            np.where(cell >= 0, grid.weight[cell], 0.0),
            local,
            edge * grid.cell_m,
            near,
        )

    def mean_place_m(self) -> Floats:
        """Return the mean place of each tile's cells, (T, 3)."""
        there = self.cell >= 0
        mean: Floats = np.einsum("ts,tsk->tk", there, self.xyz_m) / there.sum(axis=1, keepdims=True)
        return mean

    def mark_around(self, wanted: Bools, dominant: Bools) -> None:
        """Mark in ``wanted`` (D, T) the tiles that are ``dominant`` (D, T) and those around them."""
        row, tile = np.nonzero(dominant)
        wanted[row[:, None], self.near[tile]] = True


@dataclass(frozen=True)
class Blocks:
    """Pairs of a tile and a device, in blocks of one tile and a fixed number of rows.

    Attributes:
        tile: (B,) of each block.
        device: (B, rows); where a block is not full, the number of devices.
        pair_tile: (P,) tile of each pair, ascending.
        pair_device: (P,) its device, ascending within the tile.
        place: (P,) where it is among the B x rows.
    """

    tile: Ints
    device: Ints
    pair_tile: Ints
    pair_device: Ints
    place: Ints

    @classmethod
    def of(cls, wanted: Bools, rows: int) -> Blocks:
        """Lay out the pairs that are ``wanted`` (D, T)."""
        tile, device = np.nonzero(np.ascontiguousarray(wanted.T))
        count = np.bincount(tile, minlength=wanted.shape[1])
        blocks = -(-count // rows)
        first_pair, first_block = np.cumsum(count) - count, np.cumsum(blocks) - blocks
        place = np.arange(len(tile)) - first_pair[tile] + rows * first_block[tile]
        padded = np.full(int(blocks.sum()) * rows, len(wanted), dtype=np.int64)
        padded[place] = device
        block_tile = np.repeat(np.arange(len(count)), blocks)
        return cls(block_tile, padded.reshape(-1, rows), tile, device, place)
