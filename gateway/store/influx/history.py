"""What is asked of InfluxDB about the past, in InfluxQL.

Relied on, and in the references of 1.x, 2.x and 3.x alike: SELECT of fields, tags and `*`; measurements that
are qualified by their retention policy; WHERE with tags compared by `=` and OR, and time compared with
nanoseconds; ORDER BY time DESC, LIMIT and OFFSET; sum, max and count; GROUP BY time(interval, offset) and
tags, with fill(none). Nothing that only some have: no chunked answers (2.x does not document them), no GROUP
BY without a function (3.x refuses it), one statement a request.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from gateway.store.influx.client import CHUNK_ROWS, Series
from gateway.store.influx.errors import CutOffError
from gateway.store.influx.influxql import condition, identifier, one_of, source
from gateway.store.reading import HOUR_MS, add_up
from gateway.store.records import MINUTE_MS, CarParkMinute, Heat, Path, Positions, Stay, Visit, ZoneMinute

_NS = 1_000_000
"""Nanoseconds in a millisecond."""

_IDENTITY_MS = 2**30 // _NS + 1
"""The times of visits, paths and stays: a whole second, and at most this much that tells them apart."""

_POSITION = ("device", "x_m", "y_m", "xx_m2", "xy_m2", "yy_m2")
_GRID = ("cell_m", "x0_m", "y0_m", "nx", "ny")
_VISIT = ("visit", "device", "zone", "floor", "started_ms", "seen_ms", "ended_ms", "dwell_s", "confidence")
_PATH = ("path", "device", "started_ms", "ended_ms", "steps")
_STAY = (
    *("stay", "plate", "area", "started_ms", "seen_ms", "entered_ms", "left_ms"),
    *("confidence", "region", "energy"),
)
_SUMS = (
    'sum("people_mean") AS "mean", max("people_max") AS "most", sum("variance_mean") AS "var",'
    ' sum("started") AS "started", sum("ended") AS "ended", count("people_max") AS "rows"'
)
_CAR_PARK_MINUTE = ("area", "cars_mean", "cars_max", "variance_mean", "entered", "left", "queue_mean")

_Cells = tuple[int, tuple[float, float, float, int, int, bytes]]
"""The start of a minute or an hour, and what `add_up` takes."""


class Client(Protocol):
    """What is needed of `gateway.store.influx.client.InfluxClient`."""

    def query(
        self, statement: str, *, database: str | None = None, policy: str | None = None
    ) -> list[Series]:
        """Ask one question; times are epoch milliseconds. Raises `CutOffError` for a part of an answer."""
        ...


class InfluxHistory:
    """The part of a `History` that is in InfluxDB, for one mall. Any thread calls it.

    Periods are half open, and answers are those of `SqliteHistory`. Every method raises what the client
    raises: `UnavailableError` and `ConfigurationError`.
    """

    def __init__(self, client: Client, database: str, mall: str) -> None:
        self._client = client
        self._database = database
        self._mall = mall

    def positions(self, floor: str, t_ms: int, within_ms: int) -> Positions | None:
        """The last snapshot of a floor at or before `t_ms`, not older than `within_ms`."""
        where = self._where((t_ms - within_ms) * _NS, (t_ms + 1) * _NS, floor=floor)
        newest = self._query(
            f'SELECT "device" FROM {source("raw", "position")} WHERE {where} ORDER BY time DESC LIMIT 1'  # noqa: S608
        )
        if not newest:
            return None
        found_ms = newest[0].values[0][0]
        rows = self._rows("raw", "position", _POSITION, found_ms, found_ms + 1, floor=floor)
        rows = [row for row in rows if row[1]]  # without those that were erased
        numbers = np.array([row[2:] for row in rows], dtype=np.float64).reshape(-1, len(_POSITION) - 1)
        return Positions(
            t_ms=found_ms,
            floor=floor,
            device=[row[1] for row in rows],
            xy_m=numbers[:, :2],
            cov_m2=numbers[:, (2, 3, 3, 4)].reshape(-1, 2, 2),
        )

    def heat(self, floor: str, from_ms: int, to_ms: int) -> Heat | None:
        """Expected device-seconds per cell of a floor: whole hours from the hours, the rest from minutes.

        Cells of another grid than the newest (the floor plan has changed) are left out.
        """
        first = -(-from_ms // HOUR_MS) * HOUR_MS
        last = to_ms // HOUR_MS * HOUR_MS
        hours = [*self._cells("rollups", "cell_hour", floor, first, last)]
        # Hours are added up once they are over, so the newest may be there in minutes only.
        done = hours[-1][0] + HOUR_MS if hours else first
        before = self._cells("raw", "cell_minute", floor, from_ms, min(first, to_ms))
        after = self._cells("raw", "cell_minute", floor, done, to_ms)
        return add_up([row for _, row in (*before, *hours, *after)])

    def _cells(self, policy: str, measurement: str, floor: str, from_ms: int, to_ms: int) -> Iterator[_Cells]:
        what = f"SELECT * FROM {source(policy, measurement)}"  # noqa: S608  # quoted
        for part in self._series(what, from_ms, to_ms, unit_ns=MINUTE_MS * _NS, floor=floor):
            place = {name: number for number, name in enumerate(part.columns)}
            grid = [place[name] for name in _GRID]
            pieces = [
                place[name] for name in sorted((n for n in place if n.startswith("cells_")), key=_piece)
            ]
            for row in part.values:
                cell_m, x0_m, y0_m, nx, ny = (row[i] for i in grid)
                packed = base64.b64decode("".join(row[i] or "" for i in pieces))
                yield row[0], (float(cell_m), float(x0_m), float(y0_m), int(nx), int(ny), packed)

    def zone_minutes(
        self, from_ms: int, to_ms: int, step_ms: int, zones: Sequence[str] | None = None
    ) -> list[ZoneMinute]:
        """Zones over steps of whole minutes; see `History.zone_minutes`."""
        if zones is not None and not zones:
            return []
        table = source("rollups", "zone_minute")
        chosen = "" if zones is None else f" AND ({one_of('zone', zones)})"
        steps = f'GROUP BY time({step_ms}ms, {from_ms % step_ms}ms), "zone" fill(none)'

        def ask(start: int, end: int) -> list[Series]:
            where = f"FROM {table} WHERE {self._where(start, end)}{chosen}"
            total = self._query(f'SELECT count("people_max") {where}')
            answer = self._query(f"SELECT {_SUMS} {where} {steps}")
            counted = sum(row[-1] for one in answer for row in one.values)
            if total and counted < total[0].values[0][-1]:
                # 1.6.7 says nothing of it when its limit of rows falls between two zones.
                raise CutOffError(self._database)
            return answer

        minutes = float(step_ms // MINUTE_MS)
        rows = [
            ZoneMinute(
                step, one.tags["zone"], mean / minutes, float(most), var / minutes, int(started), int(ended)
            )
            for one in _in_halves(ask, from_ms * _NS, to_ms * _NS, unit_ns=step_ms * _NS)
            for step, mean, most, var, started, ended, _ in one.values
        ]
        return sorted(rows, key=lambda row: (row.minute_ms, row.zone))

    def visits(self, from_ms: int, to_ms: int, zone: str | None = None) -> list[Visit]:
        """Visits that started in the period, ordered by device and start."""
        tags = {} if zone is None else {"zone": zone}
        visits = [
            Visit(visit, device, of, floor, started_ms, seen_ms, ended_ms, float(dwell_s), float(confidence))
            for visit, device, of, floor, started_ms, seen_ms, ended_ms, dwell_s, confidence in self._started(
                "visit", _VISIT, from_ms, to_ms, **tags
            )
        ]
        return sorted(visits, key=lambda visit: (visit.device, visit.started_ms, visit.visit))

    def paths(self, from_ms: int, to_ms: int) -> list[Path]:
        """Paths that started in the period and have ended."""
        paths = [
            Path(path, device, started_ms, ended_ms, steps.encode())
            for path, device, started_ms, ended_ms, steps in self._started("path", _PATH, from_ms, to_ms)
        ]
        return sorted(paths, key=lambda path: (path.started_ms, path.path))

    def stays(self, from_ms: int, to_ms: int) -> list[Stay]:
        """Stays of cars that started in the period, ordered by start."""
        stays = [
            Stay(stay, plate, area, started, seen, entered, left, float(confidence), region, energy)
            for stay, plate, area, started, seen, entered, left, confidence, region, energy in self._started(
                "stay", _STAY, from_ms, to_ms
            )
        ]
        return sorted(stays, key=lambda stay: (stay.started_ms, stay.stay))

    def car_park_minutes(self, from_ms: int, to_ms: int) -> list[CarParkMinute]:
        """Minutes of the areas of the car park and of all of it, ordered by minute and area."""
        rows = [
            CarParkMinute(
                minute_ms, area, float(mean), float(most), float(var), int(entered), int(left), float(queue)
            )
            for minute_ms, area, mean, most, var, entered, left, queue in self._rows(
                "rollups", "car_park_minute", _CAR_PARK_MINUTE, from_ms, to_ms
            )
        ]
        return sorted(rows, key=lambda row: (row.minute_ms, row.area))

    def _started(
        self, measurement: str, fields: tuple[str, ...], from_ms: int, to_ms: int, **tags: str
    ) -> list[list[Any]]:
        """Rows, without their time, of what started in the period; the time of a point is near its start."""
        near_ms, until_ms = from_ms // 1000 * 1000, to_ms + _IDENTITY_MS
        rows = self._rows("visits", measurement, fields, near_ms, until_ms, **tags)
        start = 1 + fields.index("started_ms")
        return [row[1:] for row in rows if from_ms <= row[start] < to_ms]

    def _rows(
        self, policy: str, measurement: str, fields: tuple[str, ...], from_ms: int, to_ms: int, **tags: str
    ) -> list[list[Any]]:
        """Rows of time and these fields (and tags), in order of time."""
        what = f"SELECT {', '.join(map(identifier, fields))} FROM {source(policy, measurement)}"  # noqa: S608
        series = self._series(what, from_ms, to_ms, unit_ns=1, **tags)
        return [row for one in series for row in one.values]

    def _series(self, what: str, from_ms: int, to_ms: int, *, unit_ns: int, **tags: str) -> list[Series]:
        """Ask `what` of points with these tags in a period, in as many pieces as it takes."""

        def ask(start: int, end: int) -> list[Series]:
            pages: list[Series] = []
            statement = f"{what} WHERE {self._where(start, end, **tags)} LIMIT {CHUNK_ROWS}"
            while page := self._query(f"{statement} OFFSET {len(pages) * CHUNK_ROWS}"):
                pages += page
                if len(page[0].values) < CHUNK_ROWS:
                    break
            return pages

        return _in_halves(ask, from_ms * _NS, to_ms * _NS, unit_ns=unit_ns)

    def _query(self, statement: str) -> list[Series]:
        return self._client.query(statement, database=self._database)

    def _where(self, from_ns: int, to_ns: int, **tags: str) -> str:
        return condition({"mall": self._mall, **tags}, from_ns, to_ns)


def _in_halves(
    ask: Callable[[int, int], list[Series]], from_ns: int, to_ns: int, *, unit_ns: int
) -> list[Series]:
    """Ask about a period, and where the server cuts its answer off, about each half of it.

    Halves begin a whole number of `unit_ns` after the period does. Raises `CutOffError` when the answer for
    one unit is cut off.
    """
    if from_ns >= to_ns:
        return []
    try:
        return ask(from_ns, to_ns)
    except CutOffError:
        half = (to_ns - from_ns) // unit_ns // 2 * unit_ns
        if not half:
            raise
    middle = from_ns + half
    return [
        *_in_halves(ask, from_ns, middle, unit_ns=unit_ns),
        *_in_halves(ask, middle, to_ns, unit_ns=unit_ns),
    ]


def _piece(name: str) -> int:
    return int(name.removeprefix("cells_"))
