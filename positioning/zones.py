"""From an uncertain position to the probability of being in each zone, and to heat cells.

A floor plan is rasterised once: each raster cell knows its zone. A position's normal distribution is then a
fixed set of equally weighted points, and the probability of a zone is the share of points whose cell belongs
to it: one table look-up per point, for all devices at once. The points are a Vogel spiral (Vogel, Math.
Biosci. 44, 1979) stretched to the quantiles of the Rayleigh distribution, the radius of a standard normal in
the plane, and scaled so that mean and covariance are exact.

Points that fall where nobody can be (outside the outline, in a void) are left out and the others share their
mass: a device that the mall's nodes hear is inside the mall, and conditioning on that is what keeps a shop
beside the outer wall from losing half of its people to the street. Where nearly all points fall outside, the
position says nothing about zones and all probabilities are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from positioning.grid import inside

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]

POINTS = 64
"""Points per position; docs/visits.md has the error for this and other numbers."""
MIN_WALKABLE = 0.05
"""A position with less of its mass than this inside the mall says nothing about zones."""


@dataclass(frozen=True)
class ZoneArea:
    """One zone.

    Attributes:
        floor: index of its floor.
        rings: rings (K, 2) in metres; holes and separate parts are further rings (even-odd rule).
    """

    floor: int
    rings: Sequence[Floats]


@dataclass(frozen=True)
class HeatGrid:
    """The lattice that devices are counted on; all floors share it.

    A cell's index is ``(floor * ny + iy) * nx + ix``; its lower left corner is ``(x0_m + ix * cell_m, y0_m +
    iy * cell_m)``.
    """

    cell_m: float
    x0_m: float
    y0_m: float
    nx: int
    ny: int
    floors: int

    def __len__(self) -> int:
        """Return the number of cells of all floors."""
        return self.floors * self.ny * self.nx


def normal_points(count: int = POINTS) -> Floats:
    """Return points (count, 2), equally weighted, that stand for a standard normal in the plane.

    Their mean is zero and their covariance the identity, exactly.

    Raises:
        ValueError: fewer than three points, which cannot have both.
    """
    if count < 3:
        raise ValueError(f"a normal needs at least 3 points, got {count}")
    index = np.arange(count)
    radius = np.sqrt(-2.0 * np.log1p(-(index + 0.5) / count))
    angle = index * np.pi * (3.0 - np.sqrt(5.0))
    points = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
    points -= points.mean(axis=0)
    exact: Floats = points @ np.linalg.inv(np.linalg.cholesky(points.T @ points / count)).T
    return exact


@dataclass(frozen=True)
class ZoneMap:
    """The zones of a building as a raster, on square cells shared by all floors.

    Attributes:
        zones: number of zones Z.
        label: (F * ny * nx,) zone of each raster cell; Z where people can walk outside all zones, Z + 1 where
            nobody can be. The raster has a border of such cells, on which everything further out falls.
        heat: (F * ny * nx,) heat cell of each raster cell.
        heat_grid: the lattice of the heat cells.
        area_m2: (Z + 1,) area of each zone, and of the rest.
        cell_m: edge of a raster cell.
        origin_m: x and y of the raster's lower left corner.
        shape: floors, rows and columns of the raster.
        points: (Q, 2) what stands for a standard normal.
    """

    zones: int
    label: Labels
    heat: Labels
    heat_grid: HeatGrid
    area_m2: Floats
    cell_m: float
    origin_m: Floats
    shape: tuple[int, int, int]
    points: Floats

    @classmethod
    def over(
        cls, outlines: Sequence[Sequence[Floats]], zones: Sequence[ZoneArea],
        *, cell_m: float = 0.5, heat_cells: int = 4, points: int = POINTS,
    ) -> ZoneMap:  # fmt: skip
        """Rasterise zones over the outlines of the floors; where zones overlap, the first one has the cell.

        Args:
            outlines: rings (K, 2) of each floor: where people can be.
            zones: in the order in which their probabilities are wanted. What lies outside the outline is cut
                off.
            cell_m: edge of a raster cell.
            heat_cells: raster cells along the edge of a heat cell.
            points: points that stand for a position's distribution.

        Raises:
            ValueError: no floor, a ring that is none, or a zone on a floor that does not exist.
        """
        if not outlines:
            raise ValueError("a zone map needs at least one floor")
        corners = np.concatenate([ring for rings in outlines for ring in rings])
        block_m = cell_m * heat_cells
        low = np.floor(corners.min(axis=0) / block_m) - 1.0
        nx, ny = (np.ceil(corners.max(axis=0) / block_m) + 1.0 - low).astype(int).tolist()
        shape = (len(outlines), ny * heat_cells, nx * heat_cells)
        raster = np.full(shape, len(zones) + 1, dtype=np.int32)
        origin = np.asarray(low * block_m, dtype=np.float64)
        for floor, rings in enumerate(outlines):
            _paint(raster[floor], rings, len(zones), len(zones) + 1, origin, cell_m)
        for number, zone in enumerate(zones):
            if not 0 <= zone.floor < len(outlines):
                raise ValueError(f"zone {number} is on floor {zone.floor}, there are {len(outlines)} floors")
            _paint(raster[zone.floor], zone.rings, number, len(zones), origin, cell_m)
        grid = HeatGrid(block_m, float(origin[0]), float(origin[1]), nx, ny, len(outlines))
        f, y, x = np.indices(shape, dtype=np.int32)
        heat = (f * ny + y // heat_cells) * nx + x // heat_cells
        cells = np.bincount(raster.ravel(), minlength=len(zones) + 2)[:-1].astype(np.float64)
        return cls(
            len(zones), raster.ravel(), heat.ravel(), grid, cells * cell_m**2, cell_m, origin, shape,
            normal_points(points),
        )  # fmt: skip

    def cells(self, floor: Ints, xy_m: Floats, cov_m2: Floats) -> Labels:
        """Return the raster cells (D, Q) on which the points of D positions fall.

        Args:
            floor: (D,) index of the floor.
            xy_m: (D, 2) mean.
            cov_m2: (D, 2, 2) covariance; its square root is taken in closed form (Cholesky).
        """
        sd = np.sqrt(np.maximum(cov_m2[:, 0, 0], 1e-12))
        slope = cov_m2[:, 0, 1] / sd
        rest = np.sqrt(np.maximum(cov_m2[:, 1, 1] - slope**2, 1e-12))
        _, rows, columns = self.shape
        x0, y0 = ((xy_m - self.origin_m) / self.cell_m).astype(np.float32).T
        u, v = self.points.astype(np.float32).T
        scale = np.stack((sd, slope, rest), axis=1).astype(np.float32) / np.float32(self.cell_m)
        x = x0[:, None] + scale[:, :1] * u
        y = y0[:, None] + scale[:, 1:2] * u + scale[:, 2:] * v
        column = np.clip(x, 0, columns - 1).astype(np.int32)
        row = np.clip(y, 0, rows - 1).astype(np.int32)
        cell: Labels = (floor.astype(np.int32)[:, None] * np.int32(rows) + row) * np.int32(columns) + column
        return cell

    def shares(self, cells: Labels) -> Floats32:
        """Return the probability (D, Z + 1) of each zone, the last of none, from :meth:`cells` (D, Q)."""
        devices, width = len(cells), self.zones + 2
        row = np.arange(devices, dtype=np.int64)[:, None] * width
        counts = np.bincount((row + self.label[cells]).ravel(), minlength=devices * width).reshape(
            devices, width
        )
        walkable = counts[:, :-1].sum(axis=1, keepdims=True)
        told = walkable >= MIN_WALKABLE * len(self.points)
        share: Floats32 = np.where(told, counts[:, :-1] / np.maximum(walkable, 1), 0.0).astype(np.float32)
        return share

    def probabilities(self, floor: Ints, xy_m: Floats, cov_m2: Floats) -> Floats32:
        """Return the probability (D, Z + 1) of each zone, the last of none; rows of zeros say nothing."""
        return self.shares(self.cells(floor, xy_m, cov_m2))

    def heat_cells(self, cells: Labels) -> Labels:
        """Return the heat cells (D, Q) of raster cells (D, Q); points where nobody can be are -1."""
        where: Labels = np.where(self.label[cells] <= self.zones, self.heat[cells], np.int32(-1))
        return where


def _paint(
    raster: Labels, rings: Sequence[Floats], value: int, over: int, origin: Floats, cell_m: float
) -> None:
    """Set the cells whose centre lies inside the rings and that still hold ``over``."""
    points = np.concatenate(list(rings))
    low = np.maximum(np.floor((points.min(axis=0) - origin) / cell_m).astype(int), 0)
    high = np.maximum(np.ceil((points.max(axis=0) - origin) / cell_m).astype(int), 0)
    part = raster[low[1] : high[1], low[0] : high[0]]
    rows, columns = np.indices(part.shape)
    centre = origin + (np.stack((columns, rows), axis=-1).reshape(-1, 2) + low + 0.5) * cell_m
    within = inside(rings, centre).reshape(part.shape)
    part[within & (part == over)] = value
