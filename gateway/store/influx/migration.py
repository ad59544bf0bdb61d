"""A store's file copied into InfluxDB, part by part, as often as one likes; a gateway may write to it.

Every point has its identity, so writing one twice leaves one. A part is sent only where the server does not
count the same points in it already: a copy that was interrupted goes on where it stopped, and one that is
made again sends what has been added, or has ended, since.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from contracts.site import Retention
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.influxql import condition, identifier, source
from gateway.store.influx.lines import NS_IN_MS, Lines
from gateway.store.influx.migration_kinds import DAY_MS, Kind, Source
from gateway.store.outbox import bodies
from gateway.store.reading import HOUR_MS

_UNDER_WAY_MS = HOUR_MS
"""What expires on the server this soon is left out: it would be refused when it arrives."""


class Count(NamedTuple):
    """How many points there are, and how many of them are of something that is over."""

    points: int
    over: int


@dataclass
class Tally:
    """What became of one kind of record. Numbers of points, but for `expired`: rows of the file."""

    found: int = 0
    sent: int = 0
    missing: int = 0
    """Points that the server does not count although it has taken all of them."""
    expired: int = 0
    """Rows that are older than the site file keeps them."""


class Migration:
    """A copy of one file into one database, for one mall.

    Every method raises what `Source` and `InfluxClient` raise: `UnavailableError` when the file or the server
    cannot be used right now, `ConfigurationError` and `RefusedError` when a person has to do something.
    """

    def __init__(
        self, file: Source, client: InfluxClient, database: str, mall: str, kept: Retention, now_ms: int
    ) -> None:
        """`now_ms` is what the server's clock says: it refuses what it would delete at once."""
        self._file = file
        self._client = client
        self._database = database
        self._mall = mall
        self._kept = kept
        self._now_ms = now_ms
        self._lines = Lines(mall)

    def parts(self, kind: Kind) -> list[int]:
        """The starts of the parts that a kind of record is copied in."""
        return self._file.parts(kind, self._oldest_ms(kind))

    def _oldest_ms(self, kind: Kind) -> int:
        expiring_ms = self._now_ms - kind.kept_d(self._kept) * DAY_MS + _UNDER_WAY_MS
        return -(-expiring_ms // HOUR_MS) * HOUR_MS

    def copy(self, kind: Kind, parts: Sequence[int], done: Callable[[], object]) -> Tally:
        """Copy these parts, calling `done` after each."""
        oldest_ms = self._oldest_ms(kind)
        tally = Tally(expired=self._file.older(kind, oldest_ms))
        for start in parts:
            self._copy_part(kind, max(start, oldest_ms), start + kind.part_ms, tally)
            done()
        return tally

    def _copy_part(self, kind: Kind, from_ms: int, to_ms: int, tally: Tally) -> None:
        points = kind.points(self._file, self._lines, from_ms, to_ms)
        open_ones = [point.open for point in points if point.open]
        here = Count(len(points), len(points) - len(open_ones))
        tally.found += here.points
        if kind.counted and not open_ones and not self._lacks(kind, from_ms, to_ms, here):
            return
        if open_ones:  # a gateway that has gone on there may know more
            seen = self._seen(kind, from_ms, to_ms)
            points = [point for point in points if not point.open or point.seen_ms >= seen.get(point.open, 0)]
        for body in bodies([point.line for point in points]):
            self._client.write(self._database, kind.policy, body.data)
        tally.sent += len(points)
        if kind.counted:
            tally.missing += self._lacks(kind, from_ms, to_ms, here)

    def _lacks(self, kind: Kind, from_ms: int, to_ms: int, here: Count) -> int:
        """How many points the server has not got of those that are `here`, or only as they were before."""
        there = self._count(kind, from_ms, to_ms)
        return max(here.points - there.points, here.over - there.over, 0)

    def _count(self, kind: Kind, from_ms: int, to_ms: int) -> Count:
        numbers = [
            self._number(f"SELECT count({identifier(field)}) {self._where(kind, from_ms, to_ms)}")
            for field in (kind.counted, kind.over)
            if field
        ]
        return Count(numbers[0], numbers[-1])

    def _seen(self, kind: Kind, from_ms: int, to_ms: int) -> dict[str, int]:
        """When what is there was last heard of, by its id."""
        what = f'SELECT {identifier(kind.counted)}, "seen_ms" {self._where(kind, from_ms, to_ms)}'
        answer = self._client.query(what, database=self._database)
        return {row[-2]: row[-1] for one in answer for row in one.values}

    def _where(self, kind: Kind, from_ms: int, to_ms: int) -> str:
        table = f"FROM {source(kind.policy, kind.measurement)} WHERE"
        tags = {"mall": self._mall}
        if kind.time != "started_ms":
            return f"{table} {condition(tags, from_ms * NS_IN_MS, to_ms * NS_IN_MS)}"
        # The time of such a point is only near its start.
        near = condition(tags, from_ms // 1000 * 1000 * NS_IN_MS, (to_ms + 2000) * NS_IN_MS)
        return f'{table} {near} AND "started_ms" >= {from_ms} AND "started_ms" < {to_ms}'

    def _number(self, statement: str) -> int:
        answer = self._client.query(statement, database=self._database)
        return int(answer[0].values[0][-1]) if answer else 0
