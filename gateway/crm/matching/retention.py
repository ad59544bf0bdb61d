"""How long the CRM keeps what it was told: the feed for days, what members did as long as the site says."""

import sqlite3
from collections.abc import Callable

from contracts.site.crm import Crm
from gateway.store.files import SharedWriter

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
EVERY_MS = HOUR_MS
AT_ONCE = 5_000
"""Rows a transaction deletes at most, so that nobody waits long."""

ForgetFeed = Callable[[sqlite3.Connection, int, int], int]
"""Deletes rows of the feed told before a moment, so many at most; gives how many."""
_UNHEARD = "NOT EXISTS (SELECT 1 FROM crm_sightings WHERE crm_sightings.subject = crm_links.subject)"

_HEARD = (
    ("crm_sightings", "subject, kind, digest", "last_ms < ?"),
    ("crm_links", "subject", f"since_ms < ? AND {_UNHEARD}"),
)
"""Tables, their keys, and which rows are too old."""
_HISTORY = (
    ("crm_visits", "visit", "started_ms < ?"),
    ("crm_stays", "stay", "coalesce(left_ms, entered_ms) < ?"),
    ("crm_sales", "sale", "t_ms < ?"),
)


class Retention:
    """Deletes what is older than it may be, once an hour of event time."""

    def __init__(self, settings: Crm, now_ms: Callable[[], int], forget_feed: ForgetFeed) -> None:
        """Take how long things are kept; `now_ms` gives the mall's time.

        `forget_feed` knows which rows of the feed somebody is still to be sent: those stay, however old.
        """
        self._settings = settings
        self._now_ms = now_ms
        self._forget_feed = forget_feed
        self._due_ms = 0

    def run_if_due(self, file: SharedWriter) -> int:
        """Delete, if it is an hour since it was done; gives how many rows. Raises `UnavailableError`."""
        now_ms = self._now_ms()
        if now_ms < self._due_ms:
            return 0
        self._due_ms = now_ms + EVERY_MS
        return self.run(file, now_ms)

    def run(self, file: SharedWriter, now_ms: int) -> int:
        """Delete what is too old at a moment of the mall; gives how many rows. Raises `UnavailableError`."""
        feed_ms = now_ms - self._settings.feed_d * DAY_MS
        history_ms = now_ms - self._settings.history_d * DAY_MS
        deleted = _repeat(file, lambda db: self._forget_feed(db, feed_ms, AT_ONCE))
        deleted += sum(_delete(file, *rows, feed_ms) for rows in _HEARD)
        return deleted + sum(_delete(file, *rows, history_ms) for rows in _HISTORY)


def _delete(file: SharedWriter, table: str, key: str, old: str, before_ms: int) -> int:
    sql = f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {old} LIMIT ?)"  # noqa: S608
    return _repeat(file, lambda db: db.execute(sql, (before_ms, AT_ONCE)).rowcount)


def _repeat(file: SharedWriter, delete: Callable[[sqlite3.Connection], int]) -> int:
    total = 0
    while True:
        with file.transaction() as db:
            count = delete(db)
        total += count
        if count < AT_ONCE:
            return total
