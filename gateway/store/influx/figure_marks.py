"""Up to where the figures that people may see are made: marks in the SQLite file, set with each checkpoint.

An hour's figures come from the history, which is at the server. So a commit only notes that an hour has
changed, and forgets it once its figures have been made of everything that was known of it.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from gateway.store.files import SharedWriter

MINUTES, VISITS = "minutes", "visits"
"""What of an hour has changed: a minute in it was added up; a visit that began in it has begun or ended."""


def minutes_done(db: sqlite3.Connection) -> int | None:
    """The end of the last minute whose figures are made; None before the first."""
    row = db.execute("SELECT minutes_done_ms FROM figure_minutes").fetchone()
    return None if row is None else int(row[0])


def minutes_are_done(db: sqlite3.Connection, until_ms: int) -> None:
    """Remember that the figures of minutes before this time are made."""
    db.execute("INSERT OR REPLACE INTO figure_minutes VALUES (1, ?)", (until_ms,))


def note(db: sqlite3.Connection, part: str, hours_ms: Iterable[int], t_ms: int) -> None:
    """Note that something of these hours has changed, in a commit at event time `t_ms`.

    What is noted twice differs from what was noted once, so that `Marks.done` knows it was read before.
    """
    db.executemany(
        "INSERT INTO figure_hours VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET changed_ms = max(changed_ms + 1, excluded.changed_ms)",
        [(hour_ms, part, t_ms) for hour_ms in hours_ms],
    )


class Due(NamedTuple):
    """An hour whose figures have to be made."""

    hour_ms: int
    part: str
    changed_ms: int


class Marks:
    """The marks, for the thread that makes the figures of hours. Methods raise `UnavailableError`."""

    def __init__(self, path: Path, database: str) -> None:
        """Open the file of the store whose history is in `database`."""
        self._database = database
        self._file = SharedWriter(path)

    def due(self, before_ms: int) -> list[Due]:
        """The hours that have changed and began before this time, by their start."""
        with self._file.connection() as db:
            rows = db.execute(
                "SELECT hour_ms, part, changed_ms FROM figure_hours WHERE hour_ms < ? ORDER BY hour_ms, part",
                (before_ms,),
            ).fetchall()
        return [Due(*row) for row in rows]

    def done(self, hours: Iterable[Due]) -> None:
        """Forget hours, unless they have changed again since."""
        with self._file.connection() as db:
            db.executemany(
                "DELETE FROM figure_hours WHERE hour_ms = ? AND part = ? AND changed_ms = ?", list(hours)
            )

    def newest(self) -> int:
        """The place in the outbox of what was put in last; 0 = nothing ever."""
        with self._file.connection() as db:
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        return 0 if row is None else int(row[0])

    def arrived(self, place: int) -> bool:
        """Whether the history up to a place in the outbox is at the server."""
        with self._file.connection() as db:
            row = db.execute(
                "SELECT 1 FROM outbox WHERE database = ? AND id <= ? LIMIT 1", (self._database, place)
            ).fetchone()
        return row is None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
