"""Whose the addresses of a tick are: the linker's evidence, with where each address was heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.engine.join import Columns
from gateway.engine.slots import Slots
from gateway.engine.tick import Decided
from positioning.estimates import Estimates
from positioning.identity import Apart, Appearances, Links

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


def appearances(columns: Columns) -> Appearances:
    """Return the addresses heard in a tick."""
    return Appearances.of(
        columns.address,
        columns.t_ms,
        columns.sequence.astype(np.int64),
        columns.form,
        columns.permanent,
    )


def decided(address: Keys, links: Links) -> Decided:
    """Return what a tick tells of links."""
    fresh = np.flatnonzero(links.fresh)
    names = [*address[fresh].tolist(), *links.moved]
    devices = [*links.device[fresh].tolist(), *links.moved.values()]
    sure = np.concatenate((links.confidence[fresh], np.full(len(links.moved), np.nan)))
    apart = np.concatenate((links.apart[fresh], np.zeros(len(links.moved), dtype=bool)))
    return Decided([f"{name:016x}" for name in names], [f"{name:016x}" for name in devices], sure, apart)


@dataclass(frozen=True)
class Whereabouts:
    """Where devices are, to tell how near they are to each other.

    Attributes:
        found: estimates of all devices, those by the first burst of an address among them.
        slots: whose they are.
        floors: how many floors there are.
        area_m2: where anybody may be, on all of them together.
    """

    found: Estimates
    slots: Slots
    floors: int
    area_m2: float

    def apart(self, address: np.uint64, devices: Keys) -> Apart:
        """Return how far devices (D,) are from where an address is; both places are normal."""
        row, rows = int(self._rows(np.array([address]))[0]), self._rows(devices)
        mahalanobis2, density = np.full(len(devices), np.nan), np.zeros(len(devices))
        there = np.flatnonzero(rows >= 0)
        if row < 0 or not len(there):
            return Apart(mahalanobis2, density)
        found, rows = self.found, rows[there]
        away = found.xy_m[rows] - found.xy_m[row]
        cov = found.cov_m2[rows] + found.cov_m2[row]
        (xx, xy), (_, yy) = np.moveaxis(cov, 0, -1)
        x, y = away.T
        determinant = xx * yy - xy**2
        mahalanobis2[there] = (yy * x * x - 2.0 * xy * x * y + xx * y * y) / determinant
        density[there] = self.area_m2 / (2.0 * np.pi * np.sqrt(determinant)) * self._same_floor(row, rows)
        return Apart(mahalanobis2, density)

    def _same_floor(self, row: int, rows: Ints) -> Floats:
        """Return how likely two devices are on one floor; of each the likeliest floor is known."""
        if self.floors == 1:
            return np.ones(len(rows))
        one, other = self.found.floor_probability[row], self.found.floor_probability[rows]
        rest = self.floors - 1
        agree = one * other + (1.0 - one) * (1.0 - other) / rest
        differ = (one * (1.0 - other) + (1.0 - one) * other) / rest
        differ += (1.0 - one) * (1.0 - other) * (rest - 1) / rest**2
        same: Floats = np.where(self.found.floor[rows] == self.found.floor[row], agree, differ)
        return same

    def _rows(self, names: Keys) -> Ints:
        """Return the rows of devices in the estimates; -1 of those that have none."""
        slots = self.slots.find(names)
        rows = np.searchsorted(self.found.slot, slots)
        rows = np.minimum(rows, max(len(self.found.slot) - 1, 0))
        if not len(self.found.slot):
            return np.full(len(names), -1, dtype=np.int64)
        return np.where(self.found.slot[rows] == slots, rows, -1)
