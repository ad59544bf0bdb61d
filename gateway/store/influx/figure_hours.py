"""The figures of hours, made of the history by the functions of the HTTP API; and how fresh all of it is.

An hour is made once it is over and the server has all of it, and made again when a visit that began in it
ends. Its points have the same times and tags again, so nothing is doubled.
"""

import logging
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.api.tables import Row
from gateway.figures.flows import flow_rows
from gateway.figures.footfall import footfall_rows
from gateway.figures.heat import heat_rows
from gateway.figures.period import HOUR_MS, Period, hour_of
from gateway.figures.zones import zone_hour_rows
from gateway.store.base import History, Store
from gateway.store.influx.figure_marks import MINUTES, VISITS, Marks
from gateway.store.influx.figures import FigureSettings
from gateway.store.outbox import Destination

_log = logging.getLogger(__name__)

SETTLES_MS = 60_000
"""An hour is made so long after it is over, besides the time after which a stay is called a visit: what was
shown of nobody would else stay there when it turns out to have been somebody."""
ARRIVES_S = 60.0
"""How long the history may take to arrive at the server before it is looked for again the next time."""


class Outward(Store, Protocol):
    """A store that also takes lines for a database of its server."""

    def write(self, destination: Destination, lines: Sequence[str]) -> None:
        """Put lines into the outbox; returns once they are on disk."""
        ...


class HourFigures:
    """Makes the figures of hours that are due, from the history."""

    def __init__(self, settings: FigureSettings, store: Outward, marks: Marks) -> None:
        self._settings = settings
        self._store = store
        self._marks = marks
        self._timezone = ZoneInfo(settings.site.mall.timezone)

    def make(self, stop: threading.Event, arrives_s: float = ARRIVES_S) -> int:
        """Make the hours that are due; gives how many parts of hours were made.

        Raises `UnavailableError` and `ConfigurationError` as the store does: what is due then stays so.
        """
        newest_ms = self._store.newest_ms()
        if newest_ms is None:
            return 0
        settled_ms = newest_ms - round(1000 * self._settings.site.visits.min_dwell_s) - SETTLES_MS
        due = self._marks.due(hour_of(settled_ms, self._timezone))
        if not due or not self._history_arrives(stop, arrives_s):
            return 0
        made = 0
        for hour_ms, parts in groupby(due, key=lambda one: one.hour_ms):
            hours = list(parts)
            rows = hour_rows(self._store, self._settings, hour_ms, {one.part for one in hours})
            for destination, lines in self._settings.points.of(rows):
                self._store.write(destination, lines)
            self._marks.done(hours)
            made += len(hours)
            if stop.is_set():
                break
        return made

    def _history_arrives(self, stop: threading.Event, arrives_s: float) -> bool:
        """Wait for the server to have everything that was known when the due hours were looked up."""
        place = self._marks.newest()
        until_s = time.monotonic() + arrives_s
        while not self._marks.arrived(place):
            if time.monotonic() > until_s or stop.wait(0.1):
                return False
        return True


def hour_rows(
    store: History, settings: FigureSettings, hour_ms: int, parts: Collection[str] = (MINUTES, VISITS)
) -> Iterator[Row]:
    """The rows of the mall's hour that begins at `hour_ms`, of which these parts have changed."""
    site, people = settings.site, settings.people
    hour = Period(hour_ms, hour_ms + HOUR_MS)
    yield from zone_hour_rows(store, site, hour, people)
    if VISITS in parts:
        yield from flow_rows(store, site, hour, people=people)
    if MINUTES in parts:
        timezone = ZoneInfo(site.mall.timezone)
        yield from footfall_rows(store, site.privacy.k, hour, timezone, people)
        for floor in site.floors:
            yield from heat_rows(store, floor.id, site.privacy.k, hour, settings.blocks, people)
