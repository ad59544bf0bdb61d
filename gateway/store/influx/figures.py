"""The figures that people may see, as points: made of what each commit writes, suppressed as everywhere.

docs/influxdb.md has the table. They go through the outbox as all points do.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np

from contracts.events import EventKind
from contracts.site import Site
from gateway.api.tables import Row
from gateway.figures.car_park import car_park_rows
from gateway.figures.cells import Blocks
from gateway.figures.heat import minute_rows
from gateway.figures.nodes import node_rows
from gateway.figures.occupancy import occupancy_rows, places
from gateway.figures.people import PeopleFigures
from gateway.figures.period import hour_of, minutes_until
from gateway.nodes import NodeReport
from gateway.people import MallPeople
from gateway.store.influx import figure_marks as marks
from gateway.store.influx.lines import NS_IN_MS, line
from gateway.store.outbox import Destination
from gateway.store.records import MINUTE_MS, CellGrid, Outputs, Visit, whole_floor

MOST_EMPTY_MINUTES = 120
"""In a longer time without any record, nobody knows whether nobody was there: it stays empty."""

_CHANGES = frozenset({EventKind.VISIT_STARTED, EventKind.VISIT_ENDED})
"""What changes the figures of the hour a visit began in."""

Found = list[tuple[Destination, list[str]]]


class Points:
    """Makes points of rows, for one mall and its figures' database."""

    def __init__(self, database: str, mall: str) -> None:
        self._database = database
        self._mall = mall

    def of(self, rows: Iterable[Row]) -> Found:
        """Lines by destination."""
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row.policy, []).append(self._line(row))
        return [(Destination(self._database, policy), lines) for policy, lines in found.items()]

    def _line(self, row: Row) -> str:
        values = dict(row)
        time_ns = values.pop("time") * NS_IN_MS
        tags = {name: values.pop(name) for name in row.tags}
        return line(row.table, {"mall": self._mall, **tags}, values, time_ns)


@dataclass(frozen=True)
class FigureSettings:
    """What the figures of a mall are made with."""

    site: Site
    blocks: Blocks
    people: MallPeople
    points: Points

    @classmethod
    def of(cls, site: Site, grid: CellGrid, people: MallPeople, database: str) -> Self:
        """Those of a mall whose heat map has this grid; `database` is the figures' own."""
        return cls(site, Blocks.of(site, grid), people, Points(database, site.mall.id))


class MinuteFigures:
    """The figures of minutes that are over; called in the thread that commits, within its transaction."""

    def __init__(
        self, settings: FigureSettings, reports: Callable[[int], Sequence[NodeReport]] = lambda _: ()
    ) -> None:
        """Take what figures are made with; `reports` tells how nodes are at a time of the mall."""
        self._site = settings.site
        self._places = places(settings.site)
        self._blocks = settings.blocks
        self._people = PeopleFigures(settings.site.privacy.k, settings.people)
        self._points = settings.points
        self._reports = reports
        self._timezone = ZoneInfo(settings.site.mall.timezone)

    def lines(self, db: sqlite3.Connection, outputs: Outputs, t_ms: int) -> Found:
        """Points of the outputs of ticks up to `t_ms`; notes which hours have to be made anew."""
        rows = self._minutes(db, outputs, t_ms)
        rows += car_park_rows(self._site, outputs.car_park_minutes)
        self._note_visits(db, outputs, t_ms)
        return self._points.of(rows)

    def abandoned(self, db: sqlite3.Connection, visits: Iterable[Visit], t_ms: int) -> None:
        """Note the hours of visits that were ended because their state is lost."""
        self._note(db, marks.VISITS, (visit.started_ms for visit in visits), t_ms)

    def _minutes(self, db: sqlite3.Connection, outputs: Outputs, t_ms: int) -> list[Row]:
        until_ms = minutes_until(t_ms)
        known = sorted({row.minute_ms for row in outputs.zone_minutes})
        from_ms = marks.minutes_done(db)
        if from_ms is None:
            from_ms = known[0] if known else until_ms
        if until_ms <= from_ms:
            return []
        times: Sequence[int] = range(from_ms, until_ms, MINUTE_MS)
        if len(times) > MOST_EMPTY_MINUTES + len(known):
            times = known
        marks.minutes_are_done(db, until_ms)
        self._note(db, marks.MINUTES, times, t_ms)
        self._note(db, marks.VISITS, times, t_ms)
        return [
            *occupancy_rows(self._places, times, outputs.zone_minutes, self._people),
            *self._cells(outputs),
            *node_rows(until_ms - MINUTE_MS, self._reports(t_ms)),
        ]

    def _note(self, db: sqlite3.Connection, part: str, times_ms: Iterable[int], t_ms: int) -> None:
        marks.note(db, part, {hour_of(at_ms, self._timezone) for at_ms in times_ms}, t_ms)

    def _cells(self, outputs: Outputs) -> Iterable[Row]:
        crowd = {(row.minute_ms, row.zone): row.people_mean for row in outputs.zone_minutes}
        for cells in outputs.cell_minutes:
            on_floor = crowd.get((cells.minute_ms, whole_floor(cells.floor)), 0.0)
            value = np.zeros(cells.grid.size)
            value[cells.index] = cells.device_s / 60.0
            yield from minute_rows(
                cells.minute_ms, cells.floor, (cells.grid, value), on_floor, self._blocks, self._people
            )

    def _note_visits(self, db: sqlite3.Connection, outputs: Outputs, t_ms: int) -> None:
        changed = {event.visit for event in outputs.events if event.kind in _CHANGES}
        visits = (outputs.visits[visit] for visit in changed if visit in outputs.visits)
        self._note(db, marks.VISITS, (visit.started_ms for visit in visits), t_ms)
