"""What writes into the figures' database of one mall, for as long as a gateway runs."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from contracts.errors import MallsenseError
from gateway.engine import Tick
from gateway.figures.freshness import freshness_row
from gateway.figures.people import PeopleFigures
from gateway.figures.promotions import promotion_row
from gateway.store.influx.figure_hours import HourFigures
from gateway.store.influx.figure_marks import Marks
from gateway.store.influx.figures import FigureSettings
from gateway.store.promotions import Promotion
from gateway.store.records import MINUTE_MS

if TYPE_CHECKING:  # influxdb-client is an extra
    from gateway.store.influx.store import InfluxStore

_log = logging.getLogger(__name__)

EVERY_S = 300.0
"""Time between two looks for hours that have changed: in a full mall visits end all the time."""
LOOK_S = 1.0
JOIN_S = 5.0

Newest = Callable[[], tuple[Tick, int] | None]


class Figuring:
    """Writes hours and freshness from a thread of its own, and promotions; `MinuteFigures` does the rest."""

    def __init__(
        self,
        settings: FigureSettings,
        store: "InfluxStore",
        file: Path,
        newest: Newest,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        every_s: float = EVERY_S,
    ) -> None:
        """Take a store and its `file` beside the gateway.

        `newest` gives the newest tick, `now_ms` wall time.
        """
        self._settings = settings
        self._store = store
        self._newest = newest
        self._now_ms = now_ms
        self._every_s = every_s
        self._marks = Marks(file, store.database)
        self.hours = HourFigures(settings, store, self._marks)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="figures", daemon=True)
        self._problems: dict[str, str] = {}

    def promotion(self, db: sqlite3.Connection, one: Promotion) -> None:
        """Write a promotion, within the transaction that keeps it."""
        self._store.put(db, self._settings.points.of([promotion_row(one)]))

    def start(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, before the store is closed. What is due then is made after the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        self._marks.close()

    def _run(self) -> None:
        due_s, minute = 0.0, -1
        while not self._stop.wait(LOOK_S):
            if self._newest() is not None and self._now_ms() // MINUTE_MS != minute:
                minute = self._now_ms() // MINUTE_MS
                self._surely("freshness", self.freshness)
            if time.monotonic() >= due_s:
                self._surely("hours", lambda: self.hours.make(self._stop))
                due_s = time.monotonic() + self._every_s

    def freshness(self) -> None:
        """Write how fresh the figures are. Raises `UnavailableError`."""
        newest, now_ms = self._newest(), self._now_ms()
        if newest is None:
            return
        people = PeopleFigures(self._settings.site.privacy.k, self._settings.people)
        minute_ms, waiting = now_ms // MINUTE_MS * MINUTE_MS, self._store.state().waiting
        row = freshness_row(newest[0], now_ms, waiting.bodies, people).model_copy(update={"time": minute_ms})
        for destination, lines in self._settings.points.of([row]):
            self._store.write(destination, lines)

    def _surely(self, what: str, action: Callable[[], object]) -> None:
        """Do something; what cannot be done now is done the next time, and said once."""
        problem = ""
        try:
            action()
        except MallsenseError as error:
            problem = error.message
            if self._problems.get(what) != problem:
                _log.warning("figures for Grafana (%s) are behind: %s", what, error)
        except Exception as error:  # noqa: BLE001  # whatever is in the history, this thread has to go on
            problem = f"{type(error).__name__}: {error}"
            if self._problems.get(what) != problem:
                _log.exception("figures for Grafana (%s) failed in a way that is not known", what)
        self._problems[what] = problem
