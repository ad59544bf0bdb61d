"""Ticks added up by the minute: who was in each zone, and where. Written once a minute is over."""

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.events import EventKind, VisitEvent
from contracts.site import Site
from gateway.engine import Tick
from gateway.store.records import (
    MINUTE_MS,
    PASSED_BY,
    WHOLE_MALL,
    CellGrid,
    CellMinute,
    ZoneMinute,
    whole_floor,
)

Floats = npt.NDArray[np.float64]


class _State(msgspec.Struct, array_like=True):
    minute_ms: int
    sums: bytes
    cells: bytes
    started: dict[str, int]
    ended: dict[str, int]


class Rollups:
    """The minute that ticks are being added to. Its state goes into the checkpoint."""

    def __init__(self, site: Site, grid: CellGrid) -> None:
        self._floors = [floor.id for floor in site.floors]
        zones = [zone.id for _, zone in site.zones()]
        self._zones = [*zones, *map(whole_floor, self._floors), WHOLE_MALL]
        self._tick_s = site.tracking.tick_s
        self._grid = grid
        self._begin(-1)

    def _begin(self, minute_ms: int) -> None:
        self._minute_ms = minute_ms
        self._sums = np.zeros((3, len(self._zones)))  # people x s, greatest number of people, variance x s
        self._cells = np.zeros((len(self._floors), self._grid.size))
        self._started: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()

    def add(self, tick: Tick, arrived: int, passed_by: int = 0) -> tuple[list[ZoneMinute], list[CellMinute]]:
        """Add a tick in which `arrived` devices were new; gives the minute before once it is over.

        `passed_by` were given up in this tick that had only been near the mall.
        """
        minute_ms = (tick.t_ms - 1) // MINUTE_MS * MINUTE_MS  # a tick is about the time before its end
        done: tuple[list[ZoneMinute], list[CellMinute]] = ([], [])
        if minute_ms != self._minute_ms:
            done = self._finish()
            self._begin(minute_ms)
        floors = np.bincount(tick.cells.floor, tick.cells.weight, len(self._floors))
        people = np.concatenate((tick.occupancy.expected, floors, [tick.present]))
        variance = np.concatenate((tick.occupancy.variance, np.zeros(len(floors)), [tick.present_variance]))
        self._sums[0] += people * self._tick_s
        np.maximum(self._sums[1], people, out=self._sums[1])
        self._sums[2] += variance * self._tick_s
        np.add.at(self._cells, (tick.cells.floor, tick.cells.index), tick.cells.weight * self._tick_s)
        self._started[WHOLE_MALL] += arrived
        self._started[PASSED_BY] += passed_by
        for event in tick.events:
            if isinstance(event, VisitEvent):
                if event.kind is EventKind.VISIT_STARTED:
                    self._started[event.data.zone] += 1
                elif event.kind is EventKind.VISIT_ENDED:
                    self._ended[event.data.zone] += 1
            else:
                self._ended[WHOLE_MALL] += 1
        return done

    def _finish(self) -> tuple[list[ZoneMinute], list[CellMinute]]:
        if self._minute_ms < 0:
            return [], []
        minute_s = MINUTE_MS / 1000
        zones = [
            ZoneMinute(
                self._minute_ms, zone, mean / minute_s, most, variance / minute_s,
                self._started[zone], self._ended[zone],
            )
            for zone, mean, most, variance in zip(self._zones, *self._sums.tolist(), strict=True)
            if most > _NOBODY or self._started[zone] or self._ended[zone]
        ]  # fmt: skip
        if passed_by := self._started[PASSED_BY]:
            zones.append(ZoneMinute(self._minute_ms, PASSED_BY, 0.0, 0.0, 0.0, passed_by))
        cells = []
        for floor, device_s in zip(self._floors, self._cells, strict=True):
            index = np.flatnonzero(device_s > _NOBODY_S).astype(np.int32)
            if len(index):
                value = device_s[index].astype(np.float32)
                cells.append(CellMinute(self._minute_ms, floor, self._grid, index, value))
        return zones, cells

    def state(self) -> bytes:
        """The minute so far."""
        return msgspec.msgpack.encode(
            _State(
                self._minute_ms, self._sums.tobytes(), _sparse(self._cells),
                dict(self._started), dict(self._ended),
            )
        )  # fmt: skip

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises `ValueError` when it is of another site."""
        old: Any = msgspec.msgpack.decode(state, type=_State)
        self._begin(old.minute_ms)
        self._sums = np.frombuffer(old.sums).reshape(self._sums.shape).copy()
        index, value = _dense(old.cells)
        self._cells.reshape(-1)[index] = value
        self._started.update(old.started)
        self._ended.update(old.ended)


_NOBODY = 0.005
"""Expected people below which a zone counts as empty for a minute."""

_NOBODY_S = 0.01
"""Expected device-seconds below which a cell is left out of a minute: a thousandth of a person's minute."""


def _sparse(cells: Floats) -> bytes:
    index = np.flatnonzero(cells)
    return index.astype("<i8").tobytes() + cells.reshape(-1)[index].astype("<f8").tobytes()


def _dense(data: bytes) -> tuple[npt.NDArray[np.int64], Floats]:
    half = len(data) // 2
    return np.frombuffer(data[:half], "<i8"), np.frombuffer(data[half:], "<f8")
