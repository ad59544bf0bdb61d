"""What a store's file holds, kind by kind, as points for InfluxDB."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import NamedTuple

from contracts.errors import ConfigurationError
from contracts.site import Retention, Site
from gateway.store import columns, schema
from gateway.store.influx.lines import Lines
from gateway.store.reading import HOUR_MS, SqliteHistory
from gateway.store.records import MINUTE_MS, WHOLE_MALL, CellGrid, CellMinute

DAY_MS = 24 * HOUR_MS
_EVER_MS = 9_000_000_000_000
"""One part for everything: the times of InfluxDB end in the year 2262."""


class Point(NamedTuple):
    """A line, and what it is about."""

    line: str
    open: str = ""
    """The id of what is not over yet; empty = nothing will be added to this point."""
    seen_ms: int = 0
    """Of what is open: when it was last heard of."""


Points = list[Point]


class Source(SqliteHistory):
    """The file that is copied; only read."""

    def __init__(self, path: FilePath) -> None:
        """Raises `ConfigurationError` when there is no such store, or it is of another version."""
        super().__init__(path)
        if not path.is_file():
            raise ConfigurationError(f"{path}: no such file", "Give the file of a gateway's --store.")
        with self._reader() as connection:
            found = schema.version(connection)
        if found != len(schema.MIGRATIONS):
            raise ConfigurationError(
                f"{path}: a store of version {found}, this mallsense knows {len(schema.MIGRATIONS)}",
                "Start a gateway of this mallsense with it once: it brings an older one up to date.",
            )

    def check_mall(self, site: Site) -> None:
        """Raise `ConfigurationError` where none of the zones in the file is one of the site's.

        The file does not say which mall it is of, and points of another mall cannot be told apart any more.
        """
        zones = {zone for (zone,) in self._rows("SELECT DISTINCT zone FROM zone_minutes")}
        shops = {zone for zone in zones if zone != WHOLE_MALL and ":" not in zone}
        if shops and shops.isdisjoint(zone.id for _, zone in site.zones()):
            raise ConfigurationError(
                f"{self._path}: its zones ({', '.join(sorted(shops)[:3])} ...) are none of those of"
                f" {site.mall.id}",
                "Give the site file of the mall whose gateway wrote it.",
            )

    def parts(self, kind: "Kind", from_ms: int) -> list[int]:
        """The starts of the parts that hold something from `from_ms` on, in order."""
        rows = self._rows(
            f"SELECT DISTINCT {kind.time} / ?1 * ?1 FROM {kind.table} WHERE {kind.time} >= ?2 ORDER BY 1",  # noqa: S608
            kind.part_ms,
            from_ms,
        )
        return [start for (start,) in rows]

    def older(self, kind: "Kind", before_ms: int) -> int:
        """How many rows are from before `before_ms`."""
        rows = self._rows(f"SELECT count(*) FROM {kind.table} WHERE {kind.time} < ?", before_ms)  # noqa: S608
        count: int = rows[0][0]
        return count

    def position_points(self, lines: Lines, from_ms: int, to_ms: int) -> Points:
        """Every device of every snapshot of the period."""
        rows = self._rows(
            "SELECT t_ms, floor, columns FROM positions WHERE t_ms >= ? AND t_ms < ?", from_ms, to_ms
        )
        return [
            Point(line)
            for t_ms, floor, packed in rows
            for line in lines.positions(columns.unpack_positions(packed, t_ms, floor))
        ]

    def cell_points(self, lines: Lines, measurement: str, table: str, from_ms: int, to_ms: int) -> Points:
        """The cells of minutes or hours."""
        rows = self._rows(
            f"SELECT minute_ms, floor, cells, cell_m, x0_m, y0_m, nx, ny FROM {table}"  # noqa: S608
            " WHERE minute_ms >= ? AND minute_ms < ?",
            from_ms,
            to_ms,
        )
        minutes = (
            CellMinute(at, floor, CellGrid(*grid), *columns.unpack_cells(packed))
            for at, floor, packed, *grid in rows
        )
        return [Point(lines.cells(measurement, one)) for one in minutes]


@dataclass(frozen=True)
class Kind:
    """One kind of record: where it is in the file, and where in InfluxDB."""

    name: str
    table: str
    time: str
    """The column that says when; parts are periods of it."""
    part_ms: int
    kept_d: Callable[[Retention], int]
    policy: str
    measurement: str
    counted: str
    """A field that every point has; empty = what is there is not counted but sent every time."""
    points: Callable[[Source, Lines, int, int], Points]
    over: str = ""
    """A field that a point gets only once it is over."""


KINDS = (
    Kind(
        "visits", "visits", "started_ms", DAY_MS, lambda kept: kept.visits_d, "visits", "visit", "visit",
        lambda file, lines, *period: [
            Point(lines.visit(one), one.visit if one.ended_ms is None else "", one.seen_ms)
            for one in file.visits(*period)
        ],
        over="ended_ms",
    ),
    Kind(
        "paths", "paths", "started_ms", DAY_MS, lambda kept: kept.visits_d, "visits", "path", "path",
        lambda file, lines, *period: [Point(lines.path(one)) for one in file.paths(*period)],
    ),
    Kind(
        "stays of cars", "stays", "started_ms", DAY_MS, lambda kept: kept.visits_d, "visits", "stay", "stay",
        lambda file, lines, *period: [
            Point(lines.stay(one), one.stay if one.left_ms is None else "", one.seen_ms)
            for one in file.stays(*period)
        ],
        over="left_ms",
    ),
    Kind(
        "minutes of zones", "zone_minutes", "minute_ms", DAY_MS, lambda kept: kept.rollups_d, "rollups",
        "zone_minute", "people_mean",
        lambda file, lines, *period: [
            Point(lines.zone_minute(one)) for one in file.zone_minutes(*period, MINUTE_MS)
        ],
    ),
    Kind(
        "minutes of the car park", "car_park_minutes", "minute_ms", DAY_MS, lambda kept: kept.rollups_d,
        "rollups", "car_park_minute", "cars_mean",
        lambda file, lines, *period: [
            Point(lines.car_park_minute(one)) for one in file.car_park_minutes(*period)
        ],
    ),
    Kind(
        "hours of cells", "cell_hours", "minute_ms", DAY_MS, lambda kept: kept.rollups_d, "rollups",
        "cell_hour", "cell_m",
        lambda file, lines, *period: file.cell_points(lines, "cell_hour", "cell_hours", *period),
    ),
    Kind(
        "minutes of cells", "cell_minutes", "minute_ms", HOUR_MS, lambda kept: kept.positions_d, "raw",
        "cell_minute", "cell_m",
        lambda file, lines, *period: file.cell_points(lines, "cell_minute", "cell_minutes", *period),
    ),
    Kind(
        "nodes", "nodes", "last_ms", _EVER_MS, lambda kept: kept.positions_d, "raw", "node_health", "",
        lambda file, lines, *_: [
            Point(line) for one in file.nodes().values() if (line := lines.node_health(one))
        ],
    ),
    Kind(
        "positions", "positions", "t_ms", 5 * MINUTE_MS, lambda kept: kept.positions_d, "raw", "position",
        "device", lambda file, lines, *period: file.position_points(lines, *period),
    ),
)  # fmt: skip
"""What is copied, in this order: what is small and kept longest first."""
