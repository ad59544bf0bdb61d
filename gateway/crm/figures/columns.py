"""What figures are made of, as plain columns: no ids of people or devices in them, only their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Columns:
    """A period: V visits of zones, P paths of D devices, and sums over minutes in each of Z zones."""

    devices: int
    """Devices are numbered from 0; the same phone on another day is another one."""
    zone: Ints
    """(V,) index of the zone that was visited."""
    device: Ints
    """(V,) who visited it."""
    dwell_s: Floats
    """(V,) nan while it goes on."""
    path_device: Ints
    """(P,) whose path it is."""
    path_s: Floats
    """(P,) its length, or so far."""
    path_zones: Ints
    """(P,) how many different zones it has visited."""
    path_over: Bools
    """(P,) whether it has ended."""
    device_hours: Floats
    """(Z,) expected device-hours."""
    arrived: int
    """Devices that came in."""
    passed_by: int
    """Devices that were only ever near."""

    @classmethod
    def nothing(cls, zones: int) -> Columns:
        """Return a period in which nobody was there."""
        none, empty = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(0, none, none, empty, none, empty, none, none.astype(bool), np.zeros(zones), 0, 0)

    @classmethod
    def joined(cls, parts: Sequence[Columns], zones: int) -> Columns:
        """Return periods put together; nobody is in two of them."""
        if not parts:
            return cls.nothing(zones)
        first = np.cumsum([0, *(part.devices for part in parts)])
        return cls(
            int(first[-1]),
            np.concatenate([part.zone for part in parts]),
            np.concatenate([part.device + at for part, at in zip(parts, first, strict=False)]),
            np.concatenate([part.dwell_s for part in parts]),
            np.concatenate([part.path_device + at for part, at in zip(parts, first, strict=False)]),
            np.concatenate([part.path_s for part in parts]),
            np.concatenate([part.path_zones for part in parts]),
            np.concatenate([part.path_over for part in parts]),
            np.sum([part.device_hours for part in parts], axis=0),
            sum(part.arrived for part in parts),
            sum(part.passed_by for part in parts),
        )
