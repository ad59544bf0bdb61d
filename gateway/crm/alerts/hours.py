"""Hours of the past as alerts need them: read once from the history, and kept as a row a zone."""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.figures.period import HOUR_MS
from gateway.store.base import History
from gateway.store.files import SharedWriter
from gateway.store.records import MINUTE_MS, WHOLE_MALL

WEEKS = 8
"""So many weeks back is looked."""
LEAST_MINUTES = 30
"""An hour with anybody in the mall for less than this says nothing: it was closed, or nothing was heard."""
KEPT_MS = (WEEKS + 1) * 7 * 24 * HOUR_MS

VISITS, DWELL = "visits", "dwell"


class ZoneHour(NamedTuple):
    """What is kept of a zone and an hour."""

    number: int = 0
    """Visits that began in it; of the whole mall, people who came in."""
    total: float = 0.0
    """Of dwell, the sum of the logarithms of seconds; of the whole mall's visits, minutes with anybody."""
    squares: float = 0.0
    """Of dwell, the sum of their squares."""


Hour = dict[str, ZoneHour]
"""By zone; `WHOLE_MALL` is always there."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An hour, and the same hour of the weekday in the weeks before, as far as they are known."""

    now: Hour
    before: list[Hour]
    """At most `WEEKS`, newest first; without those in which the mall was closed."""
    hours: list[int]
    """When those began."""


class Hours:
    """Hours from the history, kept in the CRM's file. Raises `UnavailableError` as both do."""

    def __init__(self, file: SharedWriter, history: History, zone: ZoneInfo) -> None:
        """Take the mall's time zone: a weekday is the mall's."""
        self._file, self._history, self._zone = file, history, zone

    def compared(self, part: str, hour_ms: int) -> Compared | None:
        """Return an hour beside those it is compared with; None where the mall was closed in it."""
        hours = [hour_ms, *self.weeks_before(hour_ms)]
        found = self._known(part, hours)
        for hour in hours:
            if hour not in found:
                found[hour] = self._read(part, hour)
                self._keep(part, hour, found[hour])
        opened = found if part == VISITS else self._known(VISITS, hours)
        was_open = [hour for hour in hours if _open(opened.get(hour))]
        if hour_ms not in was_open:
            return None
        before = was_open[1:]
        return Compared(found[hour_ms], [found[hour] for hour in before], before)

    def weeks_before(self, hour_ms: int) -> list[int]:
        """Return the same hour of the mall's clock in each of the weeks before, newest first."""
        local = datetime.fromtimestamp(hour_ms / 1000, self._zone)
        return [
            round((local - timedelta(weeks=week)).timestamp()) * 1000  # of the wall's clock: DST or not
            for week in range(1, WEEKS + 1)
        ]

    def sales(self, hours: Iterable[int]) -> list[dict[str, int]]:
        """Return for each hour how many sales each zone had; refunds are none."""
        with self._file.connection() as db:
            return [dict(db.execute(_SALES, (hour, hour + HOUR_MS)).fetchall()) for hour in hours]

    def expire(self, now_ms: int) -> None:
        """Forget hours that nothing is compared with any more."""
        with self._file.transaction() as db:
            db.execute("DELETE FROM crm_kpi_hours WHERE hour_ms < ?", (now_ms - KEPT_MS,))

    def _known(self, part: str, hours: Sequence[int]) -> dict[int, Hour]:
        places = ",".join("?" * len(hours))
        with self._file.connection() as db:
            rows = db.execute(
                "SELECT hour_ms, zone, number, total, squares FROM crm_kpi_hours"  # noqa: S608  # question marks
                f" WHERE part = ? AND hour_ms IN ({places})",
                (part, *hours),
            ).fetchall()
        found: dict[int, Hour] = {}
        for hour, zone, *numbers in rows:
            found.setdefault(hour, {})[zone] = ZoneHour(*numbers)
        return found

    def _read(self, part: str, hour_ms: int) -> Hour:
        return self._visits(hour_ms) if part == VISITS else self._dwell(hour_ms)

    def _visits(self, hour_ms: int) -> Hour:
        end_ms = hour_ms + HOUR_MS
        rows = self._history.zone_minutes(hour_ms, end_ms, HOUR_MS)
        minutes = len(self._history.zone_minutes(hour_ms, end_ms, MINUTE_MS, [WHOLE_MALL]))
        hour = {row.zone: ZoneHour(row.started) for row in rows if ":" not in row.zone}
        return hour | {WHOLE_MALL: ZoneHour(hour.get(WHOLE_MALL, ZoneHour()).number, float(minutes))}

    def _dwell(self, hour_ms: int) -> Hour:
        logs: dict[str, list[float]] = defaultdict(list)
        for visit in self._history.visits(hour_ms, hour_ms + HOUR_MS):
            if visit.dwell_s > 0:
                logs[visit.zone].append(math.log(visit.dwell_s))
        found = {zone: ZoneHour(len(of), sum(of), sum(one * one for one in of)) for zone, of in logs.items()}
        return found | {WHOLE_MALL: ZoneHour()}

    def _keep(self, part: str, hour_ms: int, hour: Hour) -> None:
        with self._file.transaction() as db:
            _write(db, part, hour_ms, hour)


_SALES = "SELECT zone, count(*) FROM crm_sales WHERE t_ms >= ? AND t_ms < ? AND amount > 0 GROUP BY zone"


def _write(db: sqlite3.Connection, part: str, hour_ms: int, hour: Hour) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO crm_kpi_hours VALUES (?, ?, ?, ?, ?, ?)",
        [(part, hour_ms, zone, *numbers) for zone, numbers in hour.items()],
    )


def _open(hour: Hour | None) -> bool:
    return hour is not None and hour[WHOLE_MALL].total >= LEAST_MINUTES
