"""The feed: events as they are told to others, in order; told again, one is a row with a higher revision."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.store.files import SharedWriter

_COLUMNS = "seq, id, revision, kind, zone, subject, person, t_ms, payload"


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One event as it is told, in one revision."""

    seq: int
    """Grows with every row; where somebody has read up to."""
    id: str
    """Of the event, the same in all its revisions."""
    revision: int
    kind: str
    """`contracts.events.EventKind`."""
    zone: str
    """The zone, `mall` for a path, the area of a car, `car-park` for all of it."""
    subject: str
    """The device, the stay, or the area that it is about."""
    person: str | None
    """Whose it is; never leaves the gateway."""
    t_ms: int
    payload: bytes
    """JSON of `contracts.crm.FeedEvent`."""

    @property
    def name(self) -> str:
        """What this revision is called outside: `{id}.{revision}`."""
        return f"{self.id}.{self.revision}"

    @property
    def lane(self) -> str:
        """Rows of one lane are told in order: those of a person, or else of a subject."""
        return self.person or self.subject


class Feed:
    """The rows of the feed that are kept. Any thread reads; every method raises `UnavailableError`."""

    def __init__(self, file: SharedWriter) -> None:
        """Take a connection of the CRM's."""
        self._file = file
        self._more = threading.Condition()
        self._told = 0

    def after(self, seq: int, limit: int) -> list[FeedRow]:
        """Return at most `limit` rows with a higher number, in order."""
        with self._file.connection() as db:
            return rows_after(db, seq, limit)

    def newest(self) -> int:
        """Return the number of the newest row there has been; 0 before the first."""
        with self._file.connection() as db:
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'crm_feed'").fetchone()
        return 0 if row is None else int(row[0])

    def told(self) -> None:
        """Say that rows have been committed: wakes who waits."""
        with self._more:
            self._told += 1
            self._more.notify_all()

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until `told` was called more often than `seen` times, or so long; gives how often it was.

        Start with 0, and give back what it gave: nothing is missed in between.
        """
        with self._more:
            self._more.wait_for(lambda: self._told > seen, timeout_s)
            return self._told


def rows_after(db: sqlite3.Connection, seq: int, limit: int) -> list[FeedRow]:
    """Return at most `limit` rows with a higher number, in order, within a transaction of the caller."""
    found: Sequence[tuple[int, str, int, str, str, str, str | None, int, bytes]] = db.execute(
        f"SELECT {_COLUMNS} FROM crm_feed WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608  # names above
        (seq, limit),
    ).fetchall()
    return [FeedRow(*row) for row in found]


LOOKED_THROUGH = 20_000
"""Rows that one question looks through at most: a rare event must not hold up who writes."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that were asked for, and up to where was looked."""

    rows: list[FeedRow]
    cursor: int
    more: bool
    """Whether there may be more behind it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows somebody asks for; None stands for all."""

    kind: str | None = None
    zone: str | None = None
    persons: Sequence[str] | None = None

    def page(self, db: sqlite3.Connection, after: int, limit: int) -> Page:
        """Return the first rows above a number, in order; `db` is in a transaction."""
        first, last = db.execute(  # each on its own: together they would be looked for row by row
            "SELECT (SELECT min(seq) FROM crm_feed WHERE seq > ?1), (SELECT max(seq) FROM crm_feed)", (after,)
        ).fetchone()
        if first is None:
            return Page([], after, more=False)
        end = last if self.persons is not None else min(last, first + LOOKED_THROUGH - 1)
        named = "" if self.persons is None else " AND person IN (SELECT value FROM json_each(:persons))"
        rows = [
            FeedRow(*row)
            for row in db.execute(
                f"SELECT {_COLUMNS} FROM crm_feed WHERE seq > :after AND seq <= :end"  # noqa: S608
                f" AND kind = coalesce(:kind, kind) AND zone = coalesce(:zone, zone){named}"
                " ORDER BY seq LIMIT :limit",
                {
                    "after": after, "end": end, "kind": self.kind, "zone": self.zone, "limit": limit,
                    "persons": json.dumps(self.persons),
                },
            )
        ]  # fmt: skip
        if len(rows) == limit:
            end = rows[-1].seq
        return Page(rows, end, more=end < last)
