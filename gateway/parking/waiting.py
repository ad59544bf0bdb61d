"""Plate reads and counts of cars that wait until everything before them has been said."""

from __future__ import annotations

from bisect import bisect_left, insort

import msgspec

from contracts.control import CarParkCount
from contracts.plates import PlateChange, PlateRead

MAX_WAITING = 100_000
"""Most that wait: a spool of hours of a busy car park."""

_RANK = {PlateChange.NEW: 0, PlateChange.UPDATE: 1, PlateChange.END: 2}

Key = tuple[int, int, str, str, int, bytes]


class _State(msgspec.Struct):
    reads: list[PlateRead]
    counts: list[CarParkCount]


class Waiting:
    """Sorted by time; the order in which they came makes no difference."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._keys: list[Key] = []
        self._items: dict[Key, PlateRead | CarParkCount] = {}

    def add(self, item: PlateRead | CarParkCount) -> bool:
        """Take one in; tells whether there was room."""
        if len(self._keys) >= MAX_WAITING:
            return False
        key = _key(item)
        if key not in self._items:
            insort(self._keys, key)
            self._items[key] = item
        return True

    def first_ms(self) -> int | None:
        """Return the time of the earliest."""
        return self._keys[0][0] if self._keys else None

    def last_ms(self) -> int | None:
        """Return the time of the latest."""
        return self._keys[-1][0] if self._keys else None

    def before(self, t_ms: int) -> list[PlateRead | CarParkCount]:
        """Take out everything before `t_ms`, in order."""
        end = bisect_left(self._keys, (t_ms,))  # shorter tuples sort first
        keys, self._keys = self._keys[:end], self._keys[end:]
        return [self._items.pop(key) for key in keys]

    def state(self) -> bytes:
        """Return everything that waits."""
        items = [self._items[key] for key in self._keys]
        reads = [item for item in items if isinstance(item, PlateRead)]
        return msgspec.msgpack.encode(
            _State(reads, [item for item in items if isinstance(item, CarParkCount)])
        )

    def restore(self, state: bytes) -> None:
        """Replace everything by what `state` returned. Raises `msgspec.MsgspecError`."""
        old = msgspec.msgpack.decode(state, type=_State)
        self._keys, self._items = [], {}
        for read in old.reads:
            self.add(read)
        for count in old.counts:
            self.add(count)


def _key(item: PlateRead | CarParkCount) -> Key:
    payload = msgspec.msgpack.encode(item)
    if isinstance(item, CarParkCount):
        return item.t_ms, 1, item.area or "", "", 0, payload  # what was read in this moment was counted, too
    return item.t_ms, 0, item.camera, item.track, _RANK[item.change], payload
