"""Observations of all nodes, put together by tick and device, in event time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.messages import AddressKind, ObservationBatch
from gateway.engine.watermarks import TOLERANCE_MS, UNKNOWN, Watermarks

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

MAX_PENDING = 2_000_000
"""Most observations that wait for their tick: two minutes of a large mall, 50 MB."""


@dataclass(frozen=True)
class Columns:
    """Observations as columns: event time, address as a number, index of the node, level in dBm, ..."""

    t_ms: Ints
    address: Keys
    receiver: npt.NDArray[np.int32]
    rssi_dbm: npt.NDArray[np.int16]
    sequence: npt.NDArray[np.int16]
    """... the frame's number, -1 where it had none, ..."""
    form: Keys
    """... what its elements said of the model, 0 where it had none, ..."""
    permanent: npt.NDArray[np.bool_]
    """... whether the maker chose the address, ..."""
    formerly: Keys
    """... and the address's pseudonym before the salt changed, 0 where it is not said."""

    def __len__(self) -> int:
        return len(self.t_ms)

    def where(self, rows: npt.NDArray[np.generic]) -> Columns:
        """Return some rows."""
        return Columns(*(getattr(self, name)[rows] for name in _KINDS))

    @classmethod
    def join(cls, parts: Sequence[Columns]) -> Columns:
        """Return several columns as one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _KINDS))


_KINDS = {
    "t_ms": np.int64,
    "address": np.uint64,
    "receiver": np.int32,
    "rssi_dbm": np.int16,
    "sequence": np.int16,
    "form": np.uint64,
    "permanent": np.bool_,
    "formerly": np.uint64,
}
EMPTY = Columns(*(np.zeros(0, dtype=kind) for kind in _KINDS.values()))


class Join:
    """Takes batches in any order and gives the observations of each tick once it is complete.

    Tick T holds what was heard in ``T - tick_ms <= t < T``: a watermark says that nothing before it is
    missing.
    """

    def __init__(self, nodes: Sequence[str], *, tick_ms: int, lateness_ms: int) -> None:
        """Start with nothing; ``nodes`` in the order of the receivers' indices."""
        self._index = {node: i for i, node in enumerate(nodes)}
        self._tick_ms = tick_ms
        self.watermarks = Watermarks(len(nodes), lateness_ms)
        self._waiting: dict[int, list[Columns]] = {}
        self._pending = 0
        self.done_ms = UNKNOWN
        """The last tick given; observations before it are late. `UNKNOWN` before the first."""
        self.counters: Counter[str] = Counter()
        """Observations not used (batches, for `unknown_node` and `bad_device`), by cause."""

    def status(self, nodes: Sequence[str], online: bool) -> None:
        """Take in which nodes came online or went offline; unknown nodes are passed over."""
        for node in nodes:
            if node in self._index:
                self.watermarks.status(self._index[node], online)

    def feed(self, batch: ObservationBatch) -> bool:
        """Take in a batch; what cannot be used is counted by cause. Tells whether its node is believed."""
        receiver = self._index.get(batch.node)
        if receiver is None:
            self.counters["unknown_node"] += 1
            return False
        undecided = self.watermarks.mall_ms == UNKNOWN
        believed = self.watermarks.speak(receiver, batch.watermark_ms)
        if undecided and self.watermarks.mall_ms != UNKNOWN:
            self._set_right()
        if not len(batch):
            return believed
        if not believed:
            self.counters["clock_ahead"] += len(batch)
            return False
        try:
            self._keep(_columns(batch, receiver), batch.watermark_ms + TOLERANCE_MS)
        except ValueError:
            self.counters["bad_device"] += 1
        return True

    def first_waiting(self) -> int | None:
        """Return the earliest tick with observations."""
        return min(self._waiting) if self._waiting else None

    def last_waiting(self) -> int | None:
        """Return the latest tick with observations."""
        return max(self._waiting) if self._waiting else None

    def take(self, tick: int) -> Columns:
        """Return the observations of a tick, in an order that does not depend on how they arrived."""
        self.done_ms = tick
        parts = self._waiting.pop(tick, None)
        if not parts:
            return EMPTY
        columns = Columns.join(parts)
        self._pending -= len(columns)
        order = np.lexsort((columns.rssi_dbm, columns.t_ms, columns.receiver, columns.address))
        return columns.where(order)

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, waiting observations too, for a checkpoint."""
        parts = [part for tick in sorted(self._waiting) for part in self._waiting[tick]]
        waiting = Columns.join(parts) if parts else EMPTY
        done = np.array([self.done_ms], dtype=np.int64)
        return {"done": done, **{name: getattr(waiting, name) for name in _KINDS}}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned; watermarks and counters have their own state.

        Raises:
            KeyError: an array is missing.
        """
        self.done_ms = int(state["done"].astype(np.int64)[0])
        self._waiting, self._pending = {}, 0
        self._sort_in(Columns(*(state[name].astype(kind) for name, kind in _KINDS.items())))

    def _keep(self, columns: Columns, latest_ms: int) -> None:
        """Keep observations that can still be used, up to the limit of memory."""
        late = columns.t_ms < self.done_ms
        ahead = columns.t_ms > latest_ms
        self._count("late", int(late.sum()))
        self._count("clock_ahead", int(ahead.sum()))
        columns = columns.where(~(late | ahead))
        if self._pending + len(columns) > MAX_PENDING:
            self._count("buffer_full", len(columns))
            return
        self._sort_in(columns)

    def _sort_in(self, columns: Columns) -> None:
        ticks = (columns.t_ms // self._tick_ms + 1) * self._tick_ms
        for tick in np.unique(ticks).tolist():
            rows = columns.where(ticks == tick)
            self._waiting.setdefault(tick, []).append(rows)
            self._pending += len(rows)

    def _set_right(self) -> None:
        """The mall's time is known for the first time: drop what wrong clocks have said before."""
        mall_ms = self.watermarks.mall_ms
        for tick in list(self._waiting):
            gone = 0
            if tick > mall_ms + TOLERANCE_MS:
                gone = sum(map(len, self._waiting.pop(tick)))
                self._count("clock_ahead", gone)
            elif tick < mall_ms - TOLERANCE_MS:
                gone = sum(map(len, self._waiting.pop(tick)))
                self._count("clock_behind", gone)
            self._pending -= gone

    def _count(self, cause: str, observations: int) -> None:
        if observations:
            self.counters[cause] += observations


def _columns(batch: ObservationBatch, receiver: int) -> Columns:
    """Return the columns of a batch. Raises `ValueError` where a hash is not 16 hexadecimal digits."""
    return Columns(
        np.array(batch.t_ms, dtype=np.int64),
        _numbers(batch.device),
        np.full(len(batch), receiver, dtype=np.int32),
        np.array(batch.rssi_dbm, dtype=np.int16),
        np.array(batch.sequence, dtype=np.int16),
        _numbers([elements or _NONE for elements in batch.elements]),
        np.array(batch.address_kind, dtype=np.int8) == AddressKind.GLOBAL,
        _numbers([former or _NONE for former in batch.formerly])
        if batch.formerly
        else np.zeros(len(batch), dtype=np.uint64),
    )


_NONE = "0" * 16


def _numbers(hashes: list[str]) -> Keys:
    packed = bytes.fromhex("".join(hashes))
    if len(packed) != 8 * len(hashes):
        raise ValueError("a hash is not 16 hexadecimal digits")
    return np.frombuffer(packed, dtype=">u8").astype(np.uint64)
