"""Numbered slots for devices: small integers that index the rows of every table, freed and used again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


class Slots:
    """Devices (numbers of 64 bits) to slots and back. The lowest free slot is handed out first."""

    def __init__(self, capacity: int) -> None:
        """Start empty; at most ``capacity`` devices have a slot at a time."""
        self._capacity = capacity
        self._keys: Keys = np.zeros(0, dtype=np.uint64)  # ascending, with their slots beside them
        self._slots: Ints = np.zeros(0, dtype=np.int64)
        self._names = np.zeros(0, dtype="U16")  # by slot; empty where free

    def __len__(self) -> int:
        """Return the number of devices that have a slot."""
        return len(self._keys)

    def assign(self, keys: Keys) -> Ints:
        """Return the slots (M,) of devices (M,), new ones for those unknown; -1 where there is none left."""
        known = np.isin(keys, self._keys)
        if not known.all():
            self._add(np.unique(keys[~known]))
        return self.find(keys)

    def find(self, keys: Keys) -> Ints:
        """Return the slots (M,) of devices (M,); -1 of those that have none."""
        if not len(self._keys):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, self._slots[at], -1)

    def keys(self, slots: Ints) -> Keys:
        """Return the devices (D,) in slots (D,)."""
        order = np.argsort(self._slots)
        return self._keys[order[np.searchsorted(self._slots[order], slots)]]

    def names(self, slots: Ints) -> list[str]:
        """Return the pseudonyms of the devices in slots (D,)."""
        names: list[str] = self._names[slots].tolist()
        return names

    def free(self, slots: Ints) -> None:
        """Take slots (D,) back."""
        keep = ~np.isin(self._slots, slots)
        self._keys, self._slots = self._keys[keep], self._slots[keep]
        self._names[slots] = ""

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        return {"keys": self._keys.copy(), "slots": self._slots.copy()}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
        """
        self._keys, self._slots = state["keys"].astype(np.uint64), state["slots"].astype(np.int64)
        self._names = np.zeros(0, dtype="U16")
        self._name(self._slots, self._keys)

    def _add(self, new: Keys) -> None:
        new = new[: self._capacity - len(self._keys)]
        taken = np.zeros(int(self._slots.max(initial=-1)) + 1 + len(new), dtype=bool)
        taken[self._slots] = True
        slots = np.flatnonzero(~taken)[: len(new)]
        at = np.searchsorted(self._keys, new)
        self._keys, self._slots = np.insert(self._keys, at, new), np.insert(self._slots, at, slots)
        self._name(slots, new)

    def _name(self, slots: Ints, keys: Keys) -> None:
        missing = int(slots.max(initial=-1)) + 1 - len(self._names)
        if missing > 0:
            more = np.zeros(max(missing, len(self._names)), dtype="U16")
            self._names = np.concatenate((self._names, more))
        self._names[slots] = [f"{key:016x}" for key in keys.tolist()]
