"""Heat cells as a map of the earth shows them: larger, and with degrees instead of metres."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contracts.site import Site
from contracts.site.georeference import Georeference
from gateway.figures.geohash import geohash
from gateway.site.shapes import shape_of
from gateway.store.records import CellGrid

Floats = npt.NDArray[np.float64]

EDGE_M = 4.0
"""Edge of a cell at least; positions are no better."""
MOST_CELLS = 1_000
"""Cells of a floor at most, about: of so many, InfluxDB 1.6 adds up 24 hours in less than 100 ms."""


class Place(NamedTuple):
    """The centre of a cell, in degrees, and its geohash."""

    cell: str
    lat: float
    lon: float


@dataclass(frozen=True)
class Blocks:
    """Cells made of `across` times `across` heat cells each; the last ones may stick out of the grid."""

    grid: CellGrid
    across: int
    georeference: Georeference

    @classmethod
    def of(cls, site: Site, grid: CellGrid) -> "Blocks":
        """The cells of a site: as small as `EDGE_M` and `MOST_CELLS` let them be, the same on all floors."""
        area_m2 = max(shape_of(floor.outline).area for floor in site.floors)
        edge_m = max(EDGE_M, (area_m2 / MOST_CELLS) ** 0.5)
        return cls(grid, ceil(edge_m / grid.cell_m - 1e-9), site.georeference)

    def on(self, grid: CellGrid) -> "Blocks":
        """The same on a grid of another time: the plan may have changed."""
        return replace(self, grid=grid)

    def add_up(self, value: Floats) -> Iterator[tuple[Place, float]]:
        """Give the cells that hold more than nothing of a value for each heat cell."""
        index = np.flatnonzero(value)
        row, column = np.divmod(index, self.grid.nx)
        columns = ceil(self.grid.nx / self.across)
        number = row // self.across * columns + column // self.across
        total = np.bincount(number, value[index])
        for block in np.flatnonzero(total).tolist():
            yield self._place(block % columns, block // columns), float(total[block])

    def _place(self, column: int, row: int) -> Place:
        edge_m = self.across * self.grid.cell_m
        x_m = self.grid.x0_m + (column + 0.5) * edge_m
        return _place(self.georeference, x_m, self.grid.y0_m + (row + 0.5) * edge_m)


@lru_cache(maxsize=65_536)
def _place(georeference: Georeference, x_m: float, y_m: float) -> Place:
    lat, lon = georeference.to_wgs84(x_m, y_m)
    return Place(geohash(lat, lon), round(lat, 7), round(lon, 7))
