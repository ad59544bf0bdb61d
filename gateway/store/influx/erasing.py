"""Erasing in InfluxDB: points are written again with nothing in them.

A pseudonym is a field there, and no DELETE of InfluxQL looks at fields; 3.x has none at all. A point that is
written again with the same tags and time replaces the one before, in every version: its ids become empty, its
numbers 0, and its start -1, so that no period has it. The server drops the former values from its disk when
it compacts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from gateway.store.erasing.traces import Traces
from gateway.store.influx.client import CHUNK_ROWS, Series
from gateway.store.influx.influxql import condition, identifier, one_of, source
from gateway.store.influx.lines import NS_IN_MS, Value, line
from gateway.store.reading import HOUR_MS

_DAY_MS = 24 * HOUR_MS
_WORDS = 100
"""Ids in one question."""

_BLANK: Mapping[str, Mapping[str, Value]] = {
    "position": {"device": "", "x_m": 0.0, "y_m": 0.0, "xx_m2": 0.0, "xy_m2": 0.0, "yy_m2": 0.0},
    "visit": {
        "visit": "", "device": "", "started_ms": -1, "seen_ms": -1, "ended_ms": -1, "dwell_s": 0.0,
        "confidence": 0.0,
    },
    "path": {"path": "", "device": "", "started_ms": -1, "ended_ms": -1, "steps": "[]"},
    "stay": {
        "stay": "", "plate": "", "area": "", "started_ms": -1, "seen_ms": -1, "entered_ms": -1, "left_ms": -1,
        "confidence": 0.0, "region": "", "energy": "",
    },
}  # fmt: skip
_TAGS = {"position": ("floor",), "visit": ("floor", "zone"), "path": (), "stay": ()}
_POLICY = {"position": "raw", "visit": "visits", "path": "visits", "stay": "visits"}

Point = tuple[int, dict[str, Any]]
"""Its time in ns; fields and tags."""


class Client(Protocol):
    """What is needed of `gateway.store.influx.client.InfluxClient`."""

    def query(
        self, statement: str, *, database: str | None = None, epoch: Literal["ms", "ns"] = "ms"
    ) -> list[Series]:
        """Ask one question."""
        ...


def find_points(
    client: Client, database: str, mall: str, traces: Traces
) -> tuple[dict[str, list[Point]], Traces]:
    """Return the visits, paths and stays of a history, and the traces with what was found on the way.

    Raises what the client raises.
    """
    search = _Search(client, database, mall)
    visits = search.points("visit", traces, visit=traces.things, device=traces.devices)
    paths = search.points("path", traces, path=traces.things, device=traces.devices)
    stays = search.points("stay", traces, stay=traces.things)
    devices = {str(one["device"]) for _, one in (*visits, *paths)}
    if devices - traces.devices:  # what else those did
        visits = search.points("visit", traces, device=devices | traces.devices)
        paths = search.points("path", traces, device=devices | traces.devices)
    found = traces | Traces(
        devices=frozenset(devices),
        things=frozenset(str(one.get("visit") or one["path"]) for _, one in (*visits, *paths)),
        plates=frozenset(str(one["plate"]) for _, one in stays),
        moments=tuple(
            int(one[key]) for _, one in (*visits, *paths) for key in ("started_ms", "ended_ms") if one[key]
        ),
    )
    return {"visit": visits, "path": paths, "stay": stays}, found


def blank_lines(
    client: Client, database: str, mall: str, traces: Traces
) -> tuple[list[tuple[str, str, list[str]]], Traces]:
    """Return what replaces all points of a history: policies, measurements and lines; and traces as above.

    Raises what the client raises.
    """
    points, found = find_points(client, database, mall, traces)
    points["position"] = _Search(client, database, mall).points("position", found, device=found.devices)
    return [(_POLICY[name], name, _blank(name, mall, some)) for name, some in points.items() if some], found


def _blank(measurement: str, mall: str, points: Iterable[Point]) -> list[str]:
    return [
        line(
            measurement,
            {"mall": mall, **{tag: str(found[tag]) for tag in _TAGS[measurement]}},
            _BLANK[measurement],
            time_ns,
        )
        for time_ns, found in points
    ]


class _Search:
    def __init__(self, client: Client, database: str, mall: str) -> None:
        self._client = client
        self._database = database
        self._mall = mall

    def points(self, measurement: str, traces: Traces, **ids: Iterable[str]) -> list[Point]:
        """Return the points with one of these ids in these fields, in the time around the traces."""
        names = [*_BLANK[measurement], *_TAGS[measurement]]
        what = f"SELECT {', '.join(map(identifier, names))} FROM {source(_POLICY[measurement], measurement)}"  # noqa: S608
        found: dict[tuple[object, ...], Point] = {}
        for start_ms, end_ms in _days(traces.periods()):
            where = condition({"mall": self._mall}, start_ms * NS_IN_MS, end_ms * NS_IN_MS)
            for field, words in ids.items():
                for some in _pieces(sorted(words)):
                    for row in self._rows(f"{what} WHERE {where} AND ({one_of(field, some)})"):
                        values = dict(zip(names, row[1:], strict=True))
                        key = (row[0], *(values[tag] for tag in _TAGS[measurement]))
                        found[key] = (row[0], values)
        return list(found.values())

    def _rows(self, statement: str) -> Iterator[list[Any]]:
        offset = 0
        while True:
            page = self._client.query(
                f"{statement} LIMIT {CHUNK_ROWS} OFFSET {offset}", database=self._database, epoch="ns"
            )
            rows = [row for one in page for row in one.values]
            yield from rows
            if len(rows) < CHUNK_ROWS:
                return
            offset += CHUNK_ROWS


def _days(periods: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for start_ms, end_ms in periods:
        for at_ms in range(max(0, start_ms), end_ms + 1, _DAY_MS):
            yield at_ms, min(at_ms + _DAY_MS, end_ms + 1)


def _pieces(words: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(words), _WORDS):
        yield words[start : start + _WORDS]
