"""Where each device was when it was last heard, and what that adds up to per zone and heat cell."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gateway.engine.tick import Cells, Occupancy
from positioning.positioner import Estimates
from positioning.zones import HeatGrid, ZoneMap

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Places:
    """The last known place of the devices in numbered slots."""

    def __init__(self, zones: ZoneMap) -> None:
        """Start without devices."""
        self._zones = zones
        self._floor: Ints = np.zeros(0, dtype=np.int64)
        self._xy_m: Floats = np.zeros((0, 2))
        self._cov_m2: Floats = np.zeros((0, 2, 2))
        self._been_inside = np.zeros(0, dtype=bool)
        # Heat cell of each point of a device's distribution; the last one of all stands for nowhere.
        self._heat = np.zeros((0, len(zones.points)), dtype=np.int32)

    @property
    def heat_grid(self) -> HeatGrid:
        """The lattice of the heat map."""
        return self._zones.heat_grid

    def put(self, found: Estimates, outside: Bools) -> Floats32:
        """Take in where devices were found; returns their zone probabilities (D, Z + 1).

        Devices ``outside`` (D,) are in no zone, so whoever goes out ends a visit.
        """
        if not len(found):
            return np.zeros((0, self._zones.zones + 1), dtype=np.float32)
        self._grow(int(found.slot.max()) + 1)
        self._floor[found.slot] = found.floor
        self._xy_m[found.slot] = found.xy_m
        self._cov_m2[found.slot] = found.cov_m2
        cells = self._zones.cells(found.floor, found.xy_m, found.cov_m2)
        self._heat[found.slot] = self._zones.heat_cells(cells)
        self._been_inside[found.slot] |= ~outside
        shares = self._zones.shares(cells)
        shares[outside], shares[outside, -1] = 0.0, 1.0
        return shares

    def forget(self, slots: Ints) -> Bools:
        """Free slots; returns which of their devices (D,) have been inside."""
        been = self._been_inside[slots]
        self._been_inside[slots] = False
        return been

    def occupancy(self, belief: Floats32, weight: Floats) -> Occupancy:
        """Return how many devices are expected in each zone, from beliefs (D, Z + 1) and presences (D,).

        Devices are independent, so each adds ``p`` to the mean and ``p (1 - p)`` to the variance (the sum of
        Bernoulli variables, a Poisson-binomial distribution).
        """
        present = weight.astype(np.float32)
        expected = present @ belief[:, :-1]
        squares = present**2 @ belief[:, :-1] ** 2
        return Occupancy(expected.astype(np.float64), np.maximum(expected - squares, 0.0).astype(np.float64))

    def cells(self, slots: Ints, weight: Floats) -> Cells:
        """Return the heat map of the devices in ``slots`` (D,) with presences (D,)."""
        heat, size = self._heat[slots], len(self.heat_grid)
        known = np.maximum((heat >= 0).sum(axis=1), 1)
        each = np.repeat(weight / known, heat.shape[1])
        total = np.bincount(np.where(heat < 0, size, heat).ravel(), weights=each, minlength=size + 1)[:size]
        used = np.flatnonzero(total)
        per_floor = self.heat_grid.ny * self.heat_grid.nx
        return Cells(used // per_floor, used % per_floor, total[used].astype(np.float64))

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        return {
            "floor": self._floor.copy(),
            "xy_m": self._xy_m.copy(),
            "cov_m2": self._cov_m2.copy(),
            "been_inside": self._been_inside.copy(),
        }

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned; heat cells follow from it.

        Raises:
            KeyError: an array is missing.
        """
        self._floor = state["floor"].astype(np.int64)
        self._xy_m = state["xy_m"].astype(np.float64)
        self._cov_m2 = state["cov_m2"].astype(np.float64)
        self._been_inside = state["been_inside"].astype(bool)
        self._heat = self._zones.heat_cells(self._zones.cells(self._floor, self._xy_m, self._cov_m2))

    def _grow(self, capacity: int) -> None:
        old = len(self._floor)
        if capacity <= old:
            return
        extra = max(capacity - old, old, 64)
        self._floor = np.concatenate((self._floor, np.zeros(extra, dtype=np.int64)))
        self._xy_m = np.concatenate((self._xy_m, np.zeros((extra, 2))))
        self._cov_m2 = np.concatenate((self._cov_m2, np.zeros((extra, 2, 2))))
        self._been_inside = np.concatenate((self._been_inside, np.zeros(extra, dtype=bool)))
        self._heat = np.concatenate((self._heat, np.full((extra, self._heat.shape[1]), -1, dtype=np.int32)))
