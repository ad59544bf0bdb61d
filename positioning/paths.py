"""Paths: the stay of a device in the mall, from first heard to vanished, and the visits in it, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """One visit on a path; times in epoch milliseconds."""

    zone: int
    started_ms: int
    ended_ms: int


@dataclass(frozen=True)
class Path:
    """One stay of one device in the mall; times in epoch milliseconds."""

    slot: int
    started_ms: int
    ended_ms: int
    steps: tuple[Step, ...]


class Paths:
    """The paths of the devices in numbered slots."""

    def __init__(self, vanish_s: float) -> None:
        """Start without devices; one that is not heard for ``vanish_s`` has left when it was last heard."""
        self._vanish_ms = round(vanish_s * 1000)
        self.first_ms: Ints = np.full(0, -1, dtype=np.int64)
        """(slots,) when the device was first heard; -1 for a free slot."""
        self.last_ms: Ints = np.full(0, -1, dtype=np.int64)
        """(slots,) when it was last heard."""
        self._steps: dict[int, list[Step]] = {}

    def hear(self, t_ms: int, slots: Ints) -> None:
        """Take in that devices (D,) were heard in the tick that ends at ``t_ms``."""
        if not len(slots):
            return
        capacity, old = int(slots.max()) + 1, len(self.first_ms)
        if capacity > old:
            free = np.full(max(capacity - old, old, 64), -1, dtype=np.int64)
            self.first_ms = np.concatenate((self.first_ms, free))
            self.last_ms = np.concatenate((self.last_ms, free))
        self.first_ms[slots] = np.where(self.first_ms[slots] < 0, t_ms, self.first_ms[slots])
        self.last_ms[slots] = t_ms

    @property
    def present(self) -> Ints:
        """Slots of the devices in the mall, ascending."""
        return np.flatnonzero(self.first_ms >= 0)

    def vanished(self, t_ms: int) -> Ints:
        """Return the slots of the devices that have left by ``t_ms``, ascending."""
        return np.flatnonzero((self.first_ms >= 0) & (t_ms - self.last_ms >= self._vanish_ms))

    def visited(self, slot: int, step: Step) -> None:
        """Append a visit that ended to a device's path."""
        self._steps.setdefault(slot, []).append(step)

    def end(self, slots: Ints) -> list[Path]:
        """End the paths of devices (D,), free their slots, and return the paths in order of slot."""
        rows = zip(slots.tolist(), self.first_ms[slots].tolist(), self.last_ms[slots].tolist(), strict=True)
        paths = [Path(slot, first, last, tuple(self._steps.pop(slot, ()))) for slot, first, last in rows]
        self.first_ms[slots] = self.last_ms[slots] = -1
        return paths

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        steps = [
            (slot, step.zone, step.started_ms, step.ended_ms)
            for slot in sorted(self._steps)
            for step in self._steps[slot]
        ]
        table = np.array(steps, dtype=np.int64).reshape(-1, 4)
        return {"first_ms": self.first_ms.copy(), "last_ms": self.last_ms.copy(), "steps": table}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
        """
        self.first_ms = state["first_ms"].astype(np.int64)
        self.last_ms = state["last_ms"].astype(np.int64)
        self._steps = {}
        for slot, zone, started_ms, ended_ms in state["steps"].reshape(-1, 4).tolist():
            self.visited(slot, Step(zone, started_ms, ended_ms))
