"""What is asked of the SQLite store about the past: read-only connections, any thread."""

import queue
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from gateway.store import columns, files
from gateway.store.records import (
    MINUTE_MS,
    CarParkMinute,
    CellGrid,
    Event,
    Heat,
    NodeRecord,
    Path,
    Positions,
    Stay,
    Visit,
    ZoneMinute,
)

HOUR_MS = 60 * MINUTE_MS

_EVENT = "cursor, id, kind, t_ms, zone, floor, visit, dwell_s"
_VISIT = "visit, device, zone, floor, started_ms, seen_ms, ended_ms, dwell_s, confidence"
_STAY = "stay, plate, area, started_ms, seen_ms, entered_ms, left_ms, confidence, region, energy"
_CAR_PARK_MINUTE = "minute_ms, area, cars_mean, cars_max, variance_mean, entered, left, queue_mean"
_GRID = "cell_m, x0_m, y0_m, nx, ny"


class SqliteHistory:
    """The reading half of the SQLite store."""

    def __init__(self, path: FilePath) -> None:
        self._path = path
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with files.explained(self._path):
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = files.connect_reader(self._path)
            try:
                yield connection
            finally:
                self._idle.put(connection)

    def _rows(self, sql: str, *parameters: Any) -> list[Any]:
        with self._reader() as connection:
            return connection.execute(sql, parameters).fetchall()

    def close_readers(self) -> None:
        """Close the connections that nobody uses right now."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def newest_ms(self) -> int | None:
        """Event time of the last tick that is stored; None in a new store."""
        rows = self._rows("SELECT t_ms FROM checkpoint")
        return rows[0][0] if rows else None

    def positions(self, floor: str, t_ms: int, within_ms: int) -> Positions | None:
        """The last snapshot of a floor at or before `t_ms`, not older than `within_ms`."""
        rows = self._rows(
            "SELECT t_ms, columns FROM positions WHERE floor = ? AND t_ms BETWEEN ? AND ?"
            " ORDER BY t_ms DESC LIMIT 1",
            floor,
            t_ms - within_ms,
            t_ms,
        )
        return columns.unpack_positions(rows[0][1], rows[0][0], floor) if rows else None

    def heat(self, floor: str, from_ms: int, to_ms: int) -> Heat | None:
        """Expected device-seconds per cell of a floor: whole hours from the hours, the rest from minutes.

        Cells of another grid than the newest (the floor plan has changed) are left out.
        """
        first = -(-from_ms // HOUR_MS) * HOUR_MS
        last = to_ms // HOUR_MS * HOUR_MS
        query = (
            f"SELECT {_GRID}, cells, minute_ms FROM {{}}"  # noqa: S608
            " WHERE floor = ? AND minute_ms >= ? AND minute_ms < ? ORDER BY minute_ms"
        )
        minutes = query.format("cell_minutes")
        with self._reader() as connection:
            hours = connection.execute(query.format("cell_hours"), (floor, first, last)).fetchall()
            # Hours are added up once they are over, so the newest may be there in minutes only.
            done = hours[-1][-1] + HOUR_MS if hours else first
            before = connection.execute(minutes, (floor, from_ms, min(first, to_ms))).fetchall()
            after = connection.execute(minutes, (floor, done, to_ms)).fetchall()
        return add_up(before + hours + after)

    def zone_minutes(
        self, from_ms: int, to_ms: int, step_ms: int, zones: Sequence[str] | None = None
    ) -> list[ZoneMinute]:
        """Zones over steps of whole minutes; see `History.zone_minutes`."""
        chosen = "" if zones is None else f" AND zone IN ({','.join('?' * len(zones))})"
        minutes = step_ms // MINUTE_MS
        rows = self._rows(
            f"SELECT ?1 + (minute_ms - ?1) / ?3 * ?3 AS step, zone, sum(people_mean) / ?4, max(people_max),"  # noqa: S608
            " sum(variance_mean) / ?4, sum(started), sum(ended) FROM zone_minutes"
            f" WHERE minute_ms >= ?1 AND minute_ms < ?2{chosen} GROUP BY step, zone ORDER BY step, zone",
            from_ms,
            to_ms,
            step_ms,
            float(minutes),
            *(zones or ()),
        )
        return [ZoneMinute(*row) for row in rows]

    def visits(self, from_ms: int, to_ms: int, zone: str | None = None) -> list[Visit]:
        """Visits that started in the period, ordered by device and start."""
        rows = self._rows(
            f"SELECT {_VISIT} FROM visits WHERE started_ms >= ? AND started_ms < ?"  # noqa: S608
            " AND (? IS NULL OR zone = ?) ORDER BY device, started_ms, visit",
            from_ms,
            to_ms,
            zone,
            zone,
        )
        return [Visit(*row) for row in rows]

    def paths(self, from_ms: int, to_ms: int) -> list[Path]:
        """Paths that started in the period and have ended."""
        rows = self._rows(
            "SELECT path, device, started_ms, ended_ms, steps FROM paths"
            " WHERE started_ms >= ? AND started_ms < ? ORDER BY started_ms, path",
            from_ms,
            to_ms,
        )
        return [Path(*row) for row in rows]

    def stays(self, from_ms: int, to_ms: int) -> list[Stay]:
        """Stays of cars that started in the period, ordered by start."""
        rows = self._rows(
            f"SELECT {_STAY} FROM stays WHERE started_ms >= ? AND started_ms < ? ORDER BY started_ms, stay",  # noqa: S608
            from_ms,
            to_ms,
        )
        return [Stay(*row) for row in rows]

    def car_park_minutes(self, from_ms: int, to_ms: int) -> list[CarParkMinute]:
        """Minutes of the areas of the car park and of all of it, ordered by minute and area."""
        rows = self._rows(
            f"SELECT {_CAR_PARK_MINUTE} FROM car_park_minutes"  # noqa: S608
            " WHERE minute_ms >= ? AND minute_ms < ? ORDER BY minute_ms, area",
            from_ms,
            to_ms,
        )
        return [CarParkMinute(*row) for row in rows]

    def events(self, after: int | None, limit: int) -> list[Event]:
        """At most `limit` events with a cursor above `after`, in order; None = the newest ones."""
        newest = after is None
        rows = self._rows(
            f"SELECT {_EVENT} FROM events WHERE cursor > ?"  # noqa: S608
            f" ORDER BY cursor {'DESC' if newest else ''} LIMIT ?",
            after or 0,
            limit,
        )
        return [Event(*row) for row in (reversed(rows) if newest else rows)]

    def events_between(self, from_ms: int, to_ms: int, limit: int) -> list[Event]:
        """The last `limit` events of a period, in order; without their payloads."""
        rows = self._rows(
            f"SELECT {_EVENT} FROM events WHERE t_ms >= ? AND t_ms < ? ORDER BY cursor DESC LIMIT ?",  # noqa: S608
            from_ms,
            to_ms,
            limit,
        )
        return [Event(*row) for row in reversed(rows)]

    def nodes(self) -> dict[str, NodeRecord]:
        """What was last heard of each node."""
        return {row[0]: NodeRecord(*row) for row in self._rows("SELECT node, last_ms, health FROM nodes")}


def add_up(rows: list[Any]) -> Heat | None:
    """Sum rows of grid and cells; rows of another grid than the last are left out."""
    if not rows:
        return None
    grid = CellGrid(*rows[-1][:5])
    total = np.zeros(grid.size)
    for row in rows:
        if CellGrid(*row[:5]) == grid:
            index, device_s = columns.unpack_cells(row[5])
            total[index] += device_s  # indices are unique within a row
    return grid, total
