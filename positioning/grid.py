"""The places a device can be: square cells over the floors of a building."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Floor:
    """One floor: where people can be.

    Attributes:
        outline: rings (K, 2) in metres; holes and separate parts are further rings (even-odd rule).
        elevation_m: height of the floor's surface in the building's frame.
        blocked: rings (K, 2) of places nobody can be, such as voids and plant rooms.
        rooms: rings (K, 2) of places that are less likely than the open floor, such as shops.
    """

    outline: Sequence[Floats]
    elevation_m: float = 0.0
    blocked: Sequence[Floats] = field(default_factory=tuple)
    rooms: Sequence[Floats] = field(default_factory=tuple)


def inside(rings: Sequence[Floats], xy_m: Floats) -> Bools:
    """Return which points (N, 2) lie inside a set of rings by the even-odd rule.

    Rings may or may not repeat their first vertex. Points exactly on an edge fall on either side.

    Raises:
        ValueError: a ring is not an array (K, 2) with at least three vertices.
    """
    odd = np.zeros(len(xy_m), dtype=bool)
    x, y = xy_m[:, 0], xy_m[:, 1]
    for ring in rings:
        if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
            raise ValueError(f"a ring needs the shape (K, 2) with K >= 3, got {ring.shape}")
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            # Left of an edge that spans the point's height: the cross product tells, without a division.
            side = (x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)
            odd ^= ((y0 > y) != (y1 > y)) & ((side < 0) == (y1 > y0))
    return odd


def inside_any(rings: Sequence[Floats], xy_m: Floats) -> Bools:
    """Return which points (N, 2) lie inside at least one of several rings, which may overlap."""
    found = np.zeros(len(xy_m), dtype=bool)
    for ring in rings:
        (left, low), (right, high) = ring.min(axis=0), ring.max(axis=0)
        near = (xy_m[:, 0] >= left) & (xy_m[:, 0] <= right) & (xy_m[:, 1] >= low) & (xy_m[:, 1] <= high)
        found[near] |= inside([ring], xy_m[near])
    return found


@dataclass(frozen=True)
class Grid:
    """Cells over one or several floors that share one x/y frame and differ in elevation.

    Attributes:
        cell_m: edge of a cell.
        xyz_m: (C, 3) centres, at the height at which a device is carried.
        floor: (C,) index of the floor.
        floors: number of floors.
        weight: (C,) how likely a cell is beside the others of its size, before anything is heard.
    """

    cell_m: float
    xyz_m: Floats
    floor: Ints
    floors: int
    weight: Floats

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.floor)

    @classmethod
    def over(
        cls, floors: Sequence[Floor], *, cell_m: float = 2.0, device_height_m: float = 1.2, room_weight:
        float = 1.0
    ) -> Grid:  # fmt: skip
        """Lay cells over floors; a cell belongs to a floor when its centre does.

        Cell centres sit on one lattice (multiples of ``cell_m``) for all floors, so that the same x/y on two
        floors is the same point.

        Args:
            floors: outlines and rooms.
            cell_m: edge of a cell.
            device_height_m: height of devices above the floor.
            room_weight: weight of cells in rooms beside 1 for the open floor; see
                :func:`positioning.calibrate.room_weight` for what a survey says about it.

        Raises:
            ValueError: no floors, a cell size or weight that is not positive, or a floor without any cell.
        """
        if not floors:
            raise ValueError("a grid needs at least one floor")
        if not cell_m > 0:
            raise ValueError(f"cell_m must be positive, got {cell_m}")
        if not room_weight > 0:
            raise ValueError(f"room_weight must be positive, got {room_weight}")
        places, numbers, weights = [], [], []
        for number, floor in enumerate(floors):
            xy = _lattice(np.concatenate(list(floor.outline)), cell_m)
            xy = xy[inside(floor.outline, xy)]
            xy = xy[~inside_any(floor.blocked, xy)]
            if not len(xy):
                raise ValueError(f"floor {number} holds no cell of {cell_m} m: check its outline, in metres")
            height = np.full((len(xy), 1), floor.elevation_m + device_height_m)
            places.append(np.concatenate((xy, height), axis=1))
            numbers.append(np.full(len(xy), number, dtype=np.int64))
            weights.append(np.where(inside_any(floor.rooms, xy), room_weight, 1.0))
        return cls(
            cell_m, np.concatenate(places), np.concatenate(numbers), len(floors), np.concatenate(weights)
        )

    @classmethod
    def around(
        cls, xy_m: Floats, *, margin_m: float = 2.0, elevation_m: float = 0.0, cell_m: float = 2.0,
        device_height_m: float = 1.2,
    ) -> Grid:  # fmt: skip
        """Lay cells over the bounding box of points (N, 2) and a margin: a floor without a plan."""
        (left, low), (right, high) = xy_m.min(axis=0) - margin_m, xy_m.max(axis=0) + margin_m
        box = np.array([[left, low], [right, low], [right, high], [left, high]])
        return cls.over([Floor([box], elevation_m)], cell_m=cell_m, device_height_m=device_height_m)


def _lattice(points: Floats, cell_m: float) -> Floats:
    """Return the cell centres (N, 2) that cover the bounding box of points (K, 2)."""
    low = np.floor(points.min(axis=0) / cell_m)
    high = np.ceil(points.max(axis=0) / cell_m)
    x = (np.arange(low[0], high[0]) + 0.5) * cell_m
    y = (np.arange(low[1], high[1]) + 0.5) * cell_m
    return np.stack(np.meshgrid(x, y, indexing="xy"), axis=-1).reshape(-1, 2)
