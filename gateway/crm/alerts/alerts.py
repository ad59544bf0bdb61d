"""Looks at each hour once, when it can be known, and says what is far from usual in it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from typing import Self
from zoneinfo import ZoneInfo

from contracts.crm import FeedKind, Kpi, KpiAlert
from contracts.errors import ConfigurationError, UnavailableError
from contracts.events import stable_id
from contracts.site import Name, Site
from gateway.crm.alerts import kept
from gateway.crm.alerts.gate import A_DAY, QUIET_HOURS, Began, Measured, decide
from gateway.crm.alerts.hours import DWELL, VISITS, Compared, Hours
from gateway.crm.alerts.measure import conversion, dwell, footfall
from gateway.crm.alerts.sentence import Sentences, Shown
from gateway.figures.people import PeopleFigures
from gateway.figures.period import HOUR_MS, hour_of
from gateway.figures.privacy import Anonymity
from gateway.people import MallPeople
from gateway.store.base import History
from gateway.store.files import SharedWriter
from gateway.store.records import MINUTE_MS, WHOLE_MALL

_log = logging.getLogger(__name__)

DAY_MS = 24 * HOUR_MS
LOOK_S = 20.0
"""Wall time between two looks at whether an hour is over."""
AFTER_MS = {Kpi.FOOTFALL: 3 * MINUTE_MS, Kpi.DWELL: 2 * HOUR_MS, Kpi.CONVERSION: 3 * MINUTE_MS}
"""How long after its end an hour is known: what lasts long has to be over before its length can be told."""
CATCH_UP_MS = 36 * HOUR_MS
"""Older hours are not looked at any more, such as after a weekend without power."""


class Alerts:
    """The alerts of one mall. `look` and `between` may be called by any thread."""

    def __init__(
        self,
        site: Site,
        file: SharedWriter,
        history: History,
        *,
        now_ms: Callable[[], int],
        told: Callable[[], None],
        people: MallPeople | None = None,
    ) -> None:
        """Take a connection of the CRM's, which is closed with this.

        Args:
            site: the mall.
            file: where alerts are kept.
            history: where hours are read.
            now_ms: event time of the newest tick; 0 = there was none yet.
            told: called when something was put into the feed.
            people: how many people stand behind devices.

        """
        self._mall, self._file, self._now_ms, self._told = site.mall.id, file, now_ms, told
        self._zone = ZoneInfo(site.mall.timezone)
        self._hours = Hours(file, history, self._zone)
        self._people = PeopleFigures(site.privacy.k, people)
        self._anonymity = Anonymity(site.privacy.k)
        names = {zone.id: zone.name for _, zone in site.zones()} | {
            WHOLE_MALL: Name(en="the mall", zh="商场")
        }
        self._names = names
        self._sentences = Sentences(names, self._zone, site.privacy.k)
        self._problem = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)

    def start(self) -> Self:
        """Look at the hours in a thread of its own."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop the thread and let go of the file."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._file.close()

    def between(self, from_ms: int, to_ms: int) -> list[KpiAlert]:
        """Return alerts that went on at some time in a period, newest first. Raises `UnavailableError`."""
        with self._file.connection() as db:
            return kept.between(db, from_ms, to_ms)

    def look(self) -> int:
        """Look at every hour that can be known by now; gives how many. Raises `UnavailableError`."""
        now_ms = self._now_ms()
        looked = 0
        if now_ms <= 0:
            return looked
        for kpi in Kpi:
            while (hour_ms := self._due(kpi, now_ms)) is not None and not self._stop.is_set():
                self._look_at(kpi, hour_ms, now_ms)
                looked += 1
        if looked:
            self._hours.expire(now_ms)
        return looked

    def _due(self, kpi: Kpi, now_ms: int) -> int | None:
        """Return the next hour that a figure can be known of."""
        with self._file.connection() as db:
            after = kept.next_hour(db, kpi)
            known_ms = now_ms - AFTER_MS[kpi]
            if kpi is Kpi.CONVERSION:  # tills may send their sales once a day
                known_ms = min(known_ms, _newest_sale(db))
        oldest = hour_of(now_ms - CATCH_UP_MS, self._zone)
        hour_ms = oldest if after is None else max(after, oldest)
        return hour_ms if hour_ms + HOUR_MS <= known_ms else None

    def _look_at(self, kpi: Kpi, hour_ms: int, now_ms: int) -> None:
        compared = self._hours.compared(VISITS, hour_ms)
        measured: list[Measured] = []
        if compared is not None and (found := self._measure(kpi, compared, hour_ms)):
            measured = [one for one in found if one.zone in self._names]
        with self._file.transaction() as db:
            self._decide(db, kpi, hour_ms, now_ms, measured)
            kept.set_next_hour(db, kpi, hour_ms + HOUR_MS)
            kept.expire(db, now_ms)
        self._told()

    def _measure(self, kpi: Kpi, compared: Compared, hour_ms: int) -> list[Measured]:
        if kpi is Kpi.FOOTFALL:
            return footfall(compared)
        if kpi is Kpi.DWELL:
            lengths = self._hours.compared(DWELL, hour_ms)
            return dwell(lengths) if lengths is not None else []
        now, *before = self._hours.sales([hour_ms, *compared.hours])
        return conversion(compared, now, before)

    def _decide(
        self, db: sqlite3.Connection, kpi: Kpi, hour_ms: int, now_ms: int, measured: list[Measured]
    ) -> None:
        decision = decide(measured, kept.remembered(db, kpi))
        for one in decision.ended:
            over, sent = kept.end(db, one.alert, hour_ms + HOUR_MS - QUIET_HOURS * HOUR_MS)
            if sent:
                kept.tell(db, self._mall, FeedKind.KPI_USUAL, over, now_ms)
        kept.remember(db, kpi, decision.going_on)
        left = A_DAY - kept.sent_since(db, hour_ms - DAY_MS + HOUR_MS)
        for began in decision.began:
            alert = self._alert(kpi, began, hour_ms)
            kept.add(db, alert, began.side, sent=left > 0)
            if left > 0:
                kept.tell(db, self._mall, FeedKind.KPI_UNUSUAL, alert, now_ms)
            left -= 1

    def _alert(self, kpi: Kpi, began: Began, hour_ms: int) -> KpiAlert:
        shown = [self._shown(kpi, one) for one in began.found]
        first = shown[0]
        zones = [one.zone for one in began.found]
        zone = zones[0] if len(zones) == 1 else WHOLE_MALL
        return KpiAlert(
            alert=stable_id(self._mall, kpi, hour_ms, *zones),
            kpi=kpi,
            zone=zone,
            zones=zones,
            side="low" if began.side < 0 else "high",
            hour_ms=hour_ms,
            value=first.value,
            usual=first.usual,
            low=first.low,
            high=first.high,
            sentence=self._sentences.of(kpi, shown, hour_ms),
        )

    def _shown(self, kpi: Kpi, one: Measured) -> Shown:
        """Turn counts into what people read: people, seconds, sales by visit."""
        scale = 1.0
        if kpi is Kpi.FOOTFALL:
            scale = self._people.expected(1.0)
        elif kpi is Kpi.CONVERSION:
            scale = 1.0 / one.exposure
        value = None if kpi is not Kpi.DWELL and self._anonymity.hides(one.value) else one.value * scale
        usual = one.still
        return Shown(one.zone, value, usual.expected * scale, usual.low * scale, usual.high * scale)

    def _work(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self.look()
            except (UnavailableError, ConfigurationError) as error:
                self._complain(f"alerts wait: {error}")
            except Exception as error:  # noqa: BLE001  # a thread that has ended would look at no hour any more
                self._complain(
                    f"alerts fail ({type(error).__name__}), and are tried again. Please report it."
                )
            else:
                self._problem = ""

    def _complain(self, problem: str) -> None:
        """Log what is wrong, once until it works again."""
        if problem != self._problem:
            _log.error("%s", problem)
        self._problem = problem


def _newest_sale(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT max(t_ms) FROM crm_sales").fetchone()
    return -1 if row[0] is None else int(row[0])
