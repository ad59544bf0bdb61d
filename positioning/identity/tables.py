"""The addresses and the devices that a linker remembers, as columns; rows are freed and used again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from positioning.identity.appearances import NO_SEQUENCE, Appearances
from positioning.identity.habits import GAP_WIDTHS

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

NOBODY = -1
_SLOTS = 1 << 16


class Rows:
    """Columns with a name (64 bits) for each row that is in use."""

    COLUMNS: ClassVar[Mapping[str, tuple[type, tuple[int, ...], int]]]
    """Of each column the type, the shape of an entry, and what an unused one holds."""

    def __init__(self) -> None:
        """Start without rows."""
        self.name: Keys = np.zeros(0, dtype=np.uint64)
        self.live: npt.NDArray[np.bool_] = np.zeros(0, dtype=bool)
        for column, (kind, shape, blank) in self.COLUMNS.items():
            setattr(self, column, np.full((0, *shape), blank, dtype=kind))
        self._row: dict[int, int] = {}
        self._free: list[int] = []
        self._grow()

    def __len__(self) -> int:
        """Return the number of rows in use."""
        return len(self._row)

    def find(self, names: Keys) -> Ints:
        """Return the rows (N,) of names (N,), `NOBODY` where there is none."""
        return np.array([self._row.get(name, NOBODY) for name in names.tolist()], dtype=np.int64)

    def free(self, rows: Ints) -> None:
        """Take rows (N,) back."""
        for row in rows.tolist():
            del self._row[int(self.name[row])]
        self.live[rows] = False
        for column, (_, _, blank) in self.COLUMNS.items():
            getattr(self, column)[rows] = blank
        self._free.extend(rows[::-1].tolist())

    def state(self, prefix: str) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        columns = {prefix + column: getattr(self, column).copy() for column in self.COLUMNS}
        free = np.array(self._free, dtype=np.int64)
        return {
            prefix + "name": self.name.copy(),
            prefix + "live": self.live.copy(),
            prefix + "free": free,
            **columns,
        }

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]], prefix: str) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: a column is missing.
            ValueError: a column has another shape.
        """
        name = state[prefix + "name"].astype(np.uint64)
        for column, (kind, shape, _) in self.COLUMNS.items():
            found = state[prefix + column]
            if found.shape != (len(name), *shape):
                raise ValueError(f"{prefix}{column} has shape {found.shape}")
            setattr(self, column, found.astype(kind))
        self.name, self.live = name, state[prefix + "live"].astype(bool)
        self._free = state[prefix + "free"].astype(np.int64).tolist()
        self._row = {int(name[row]): row for row in np.flatnonzero(self.live).tolist()}

    def _take(self, name: np.uint64) -> int:
        if not self._free:
            self._grow()
        row = self._free.pop()
        self.name[row], self.live[row] = name, True
        self._row[int(name)] = row
        return row

    def _grow(self) -> None:
        old = len(self.name)
        extra = max(old, 64)
        self.name = np.concatenate((self.name, np.zeros(extra, dtype=np.uint64)))
        self.live = np.concatenate((self.live, np.zeros(extra, dtype=bool)))
        for column, (kind, shape, blank) in self.COLUMNS.items():
            more: npt.NDArray[np.generic] = np.full((extra, *shape), blank, dtype=kind)
            setattr(self, column, np.concatenate((getattr(self, column), more)))
        self._free.extend(range(old + extra - 1, old - 1, -1))


class Addresses(Rows):
    """Addresses, each with the device that it is taken to belong to."""

    COLUMNS: ClassVar = {
        "device": (np.int64, (), NOBODY),
        "last_ms": (np.int64, (), 0),
        "sequence": (np.int64, (), NO_SEQUENCE),
        "form": (np.uint64, (), 0),
        "family": (np.uint64, (), 0),
        "permanent": (np.bool_, (), 0),
        "broken_off": (np.bool_, (), 0),
        "confidence": (np.float64, (), 0),
        "order": (np.int64, (), 0),
    }
    device: Ints
    last_ms: Ints
    sequence: Ints
    form: Keys
    family: Keys
    permanent: npt.NDArray[np.bool_]
    broken_off: npt.NDArray[np.bool_]
    """Whether its phone went on under another address whose numbers started anew."""
    confidence: npt.NDArray[np.float64]
    order: Ints
    """Grows with every address that is taken up."""

    def __init__(self) -> None:
        """Start without addresses."""
        super().__init__()
        self._taken_up = 0

    def add(self, heard: Appearances, i: int, device: int, family: np.uint64, confidence: float) -> int:
        """Remember a new address of a device; return its row."""
        row = self._take(heard.address[i])
        self.device[row], self.family[row], self.confidence[row] = device, family, confidence
        self.last_ms[row], self.sequence[row] = heard.last_ms[i], heard.last_sequence[i]
        self.form[row], self.permanent[row] = heard.last_form[i], heard.permanent[i]
        self.newest(row)
        return row

    def newest(self, row: int) -> None:
        """Note that this address was taken up after all others."""
        self._taken_up += 1
        self.order[row] = self._taken_up

    def state(self, prefix: str) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        return {**super().state(prefix), prefix + "taken_up": np.array(self._taken_up)}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]], prefix: str) -> None:
        """Replace everything by what :meth:`state` returned; raises as that of all rows."""
        super().restore(state, prefix)
        self._taken_up = int(state[prefix + "taken_up"])

    def of_devices(self, devices: Ints) -> Ints:
        """Return the rows of all addresses of some devices (rows)."""
        return np.flatnonzero(self.live & np.isin(self.device, devices))

    def after(self, row: int, device: int) -> Ints:
        """Return the rows of a device's addresses taken up after the one in ``row``, in that order."""
        later = np.flatnonzero((self.device == device) & (self.order > self.order[row]))
        return later[np.argsort(self.order[later])]

    def silent_since(self, t_ms: int) -> Ints:
        """Return the rows of addresses last heard before ``t_ms``."""
        return np.flatnonzero(self.live & (self.last_ms < t_ms))


class Devices(Rows):
    """Devices, each with what is known of the address it used last. Its name is its first address."""

    COLUMNS: ClassVar = {
        "address": (np.int64, (), NOBODY),
        "last_ms": (np.int64, (), 0),
        "sequence": (np.int64, (), NO_SEQUENCE),
        "form": (np.uint64, (), 0),
        "family": (np.uint64, (), 0),
        "permanent": (np.bool_, (), 0),
        "reuses": (np.bool_, (), 0),
        "jumps": (np.float64, (len(GAP_WIDTHS),), 0),
        "apart": (np.bool_, (), 0),
        "known": (np.float64, (), 0),
        "since_ms": (np.int64, (), 0),
        "again": (np.bool_, (), 0),
        "restarted": (np.float64, (), 0),
        "jumped": (np.float64, (), 0),
    }
    address: Ints
    """Row of the address it used last."""
    last_ms: Ints
    sequence: Ints
    form: Keys
    family: Keys
    permanent: npt.NDArray[np.bool_]
    """Whether it was ever heard under an address of its maker."""
    reuses: npt.NDArray[np.bool_]
    """Whether it was seen to take up an old address again."""
    jumps: npt.NDArray[np.float64]
    """How often its sequence number jumped by how much when its address changed ..."""
    apart: npt.NDArray[np.bool_]
    """Whether it is a burst of a phone known before, of which nobody can tell which one it is."""
    known: npt.NDArray[np.float64]
    """How likely it is a phone that was there before, nobody can tell which one ..."""
    since_ms: Ints
    """... which has used no other address since then."""
    again: npt.NDArray[np.bool_]
    """Whether it was heard again after its first burst."""
    restarted: npt.NDArray[np.float64]
    """How often its sequence number started anew when its address changed."""
    jumped: npt.NDArray[np.float64]
    """... and how often in all."""

    def add(self, name: np.uint64) -> int:
        """Start a device; return its row."""
        return self._take(name)

    def jump(self, row: int, jump: int, weight: float) -> None:
        """Count a jump of a device's sequence number, by the number of its bin."""
        self.jumps[row, jump] += weight
        self.jumped[row] += weight

    @property
    def phones(self) -> int:
        """Return the number of devices that count as phones, at least one."""
        return max(len(self) - int(self.apart.sum()), 1)

    def use(self, row: int, address: int, addresses: Addresses) -> None:
        """Note that a device uses an address now."""
        self.address[row] = address
        self.last_ms[row], self.sequence[row] = addresses.last_ms[address], addresses.sequence[address]
        self.form[row], self.family[row] = addresses.form[address], addresses.family[address]
        self.permanent[row] |= addresses.permanent[address]


def distinct(names: Keys) -> tuple[Keys, Ints]:
    """Return the different ones of names (N,), in any order, and which of them each is (N,).

    As `numpy.unique`, but without sorting, several times as fast where few are different: names are hashes,
    so that their low bits tell them apart, nearly always.
    """
    rows, slot = np.arange(len(names)), (names & np.uint64(_SLOTS - 1)).astype(np.int64)
    table = np.empty(_SLOTS, dtype=np.int64)
    table[slot] = rows
    same = table[slot]  # one row for each slot that is taken
    if not np.array_equal(names[same], names):
        found, which = np.unique(names, return_inverse=True)
        return found, which
    first = np.flatnonzero(same == rows)
    number = np.empty(len(names), dtype=np.int64)
    number[first] = np.arange(len(first))
    return names[first], number[same]
