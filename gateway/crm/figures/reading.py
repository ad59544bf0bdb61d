"""From the history to columns, by days of the mall: finished days are read once.

A day of 20,000 visitors takes about a second; a month that nobody has asked for yet takes one a day.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from contracts.events import PathStep
from contracts.site import Site
from gateway.crm.figures.columns import Columns
from gateway.figures.period import HOUR_MS, Period
from gateway.store.base import History
from gateway.store.records import MINUTE_MS, PASSED_BY, WHOLE_MALL, Visit

DAYS_KEPT = 62
"""Finished days in memory: of 20,000 visitors they take some 3 MB each."""
BEFORE_MS = 6 * HOUR_MS
"""Paths that began so long before a period are looked through for visits of the period."""

_STEPS = msgspec.json.Decoder(list[PathStep])


class Reader:
    """Reads columns from a history of one mall. Any thread calls it."""

    def __init__(self, history: History, site: Site) -> None:
        self._history = history
        self._zones = {zone.id: number for number, (_, zone) in enumerate(site.zones())}
        self._timezone = ZoneInfo(site.mall.timezone)
        self._over_ms = round(1000 * (site.tracking.vanish_s + site.tracking.lateness_s)) + MINUTE_MS
        self._days: OrderedDict[tuple[int, int], Columns] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, period: Period) -> Columns:
        """Return the columns of a period. Raises what the history raises."""
        newest_ms = self._history.newest_ms() or 0
        parts = [self._day(day, newest_ms) for day in days(period, self._timezone)]
        return Columns.joined(parts, len(self._zones))

    def _day(self, day: Period, newest_ms: int) -> Columns:
        over = day.to_ms + self._over_ms < newest_ms
        key = (day.from_ms, day.to_ms)
        with self._lock:
            known = self._days.get(key) if over else None
            if known is not None:
                self._days.move_to_end(key)
                return known
        found = self._read(day, newest_ms)
        if over:
            with self._lock:
                self._days[key] = found
                while len(self._days) > DAYS_KEPT:
                    self._days.popitem(last=False)
        return found

    def _read(self, day: Period, newest_ms: int) -> Columns:
        paths = self._history.paths(max(0, day.from_ms - BEFORE_MS), day.to_ms)
        steps = [_STEPS.decode(path.steps) for path in paths]
        told = {step.visit for path in steps for step in path}
        visits = [v for v in self._history.visits(day.from_ms, day.to_ms) if v.zone in self._zones]
        number: dict[str, int] = {}
        rows = [
            (path.device, path.ended_ms - path.started_ms, len({step.zone for step in each}), True)
            for path, each in zip(paths, steps, strict=True)
            if path.started_ms >= day.from_ms
        ] + _going_on([visit for visit in visits if visit.visit not in told], newest_ms)
        device = [number.setdefault(visit.device, len(number)) for visit in visits]
        path_device = [number.setdefault(row[0], len(number)) for row in rows]
        hours, arrived, passed_by = self._minutes(day)
        return Columns(
            len(number),
            np.array([self._zones[visit.zone] for visit in visits], dtype=np.int64),
            np.array(device, dtype=np.int64),
            np.array([visit.dwell_s if visit.ended_ms is not None else np.nan for visit in visits]),
            np.array(path_device, dtype=np.int64),
            np.array([row[1] / 1000 for row in rows]),
            np.array([row[2] for row in rows], dtype=np.int64),
            np.array([row[3] for row in rows], dtype=np.bool_),
            hours,
            arrived,
            passed_by,
        )

    def _minutes(self, day: Period) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], int, int]:
        """Device-hours in each zone, and devices that came in or passed by, over whole minutes."""
        hours = np.zeros(len(self._zones))
        whole = day.in_minutes(self._history.newest_ms())
        span_ms = whole.to_ms - whole.from_ms
        arrived = passed_by = 0
        for row in self._history.zone_minutes(whole.from_ms, whole.to_ms, span_ms):
            if row.zone in self._zones:
                hours[self._zones[row.zone]] += row.people_mean * span_ms / HOUR_MS
            elif row.zone == WHOLE_MALL:
                arrived += row.started
            elif row.zone == PASSED_BY:
                passed_by += row.started
        return hours, arrived, passed_by


def days(period: Period, timezone: ZoneInfo) -> list[Period]:
    """Return a period cut at the mall's midnights."""
    parts, start_ms = [], period.from_ms
    while start_ms < period.to_ms:
        day = datetime.fromtimestamp(start_ms / 1000, timezone).date() + timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=timezone)
        end_ms = min(period.to_ms, round(midnight.timestamp()) * 1000)
        parts.append(Period(start_ms, end_ms))
        start_ms = end_ms
    return parts


def _going_on(visits: list[Visit], newest_ms: int) -> list[tuple[str, int, int, bool]]:
    """Paths that no end was told of: device, how long so far, how many zones, and that they go on."""
    found: dict[str, tuple[int, set[str]]] = {}
    for visit in visits:
        start_ms, zones = found.setdefault(visit.device, (visit.started_ms, set()))
        zones.add(visit.zone)
        found[visit.device] = min(start_ms, visit.started_ms), zones
    return [
        (device, max(0, newest_ms - start_ms), len(zones), False)
        for device, (start_ms, zones) in found.items()
    ]
