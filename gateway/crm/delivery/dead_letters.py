"""Dead letters: what could not be delivered in three days, why, and having it sent again."""

import sqlite3
from dataclasses import dataclass

from gateway.crm.delivery.lanes import PAGE, newest, put
from gateway.crm.delivery.subscribers import Subscriber


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a subscriber was not sent in time."""

    seq: int
    id: str
    revision: int
    kind: str
    zone: str
    t_ms: int
    since_ms: int
    """Wall time; since when it had waited."""
    dead_ms: int
    attempts: int
    reason: str
    kept: bool
    """Whether the feed still has it, so that it can be sent again."""


def dead_letters(db: sqlite3.Connection, name: str, after: int, limit: int) -> list[DeadLetter]:
    """Return dead letters of one subscriber above a number, in order."""
    rows = db.execute(
        "SELECT seq, id, revision, kind, zone, t_ms, since_ms, dead_ms, attempts, reason,"
        " EXISTS (SELECT 1 FROM crm_feed WHERE crm_feed.seq = crm_dead.seq)"
        " FROM crm_dead WHERE subscriber = ? AND seq > ? ORDER BY seq LIMIT ?",
        (name, after, limit),
    )
    return [DeadLetter(*row) for row in rows]


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """Count dead letters, by subscriber."""
    return dict(db.execute("SELECT subscriber, count(*) FROM crm_dead GROUP BY subscriber"))


def replay_event(db: sqlite3.Connection, to: Subscriber, event: str, now_ms: int) -> int:
    """Have all revisions of an event sent again, dead letters or not; gives how many the feed has."""
    rows = db.execute(
        "SELECT seq, coalesce(person, subject) FROM crm_feed WHERE id = ? ORDER BY seq LIMIT ?", (event, PAGE)
    ).fetchall()
    put(db, to, rows, now_ms)
    return len(rows)


def replay_dead(db: sqlite3.Connection, to: Subscriber, now_ms: int) -> int:
    """Have dead letters that the feed still has sent again, a page of them; gives how many: 0 = no more."""
    rows = db.execute(
        "SELECT seq, coalesce(person, subject) FROM crm_dead JOIN crm_feed USING (seq)"
        " WHERE subscriber = ? ORDER BY seq LIMIT ?",
        (to.subscriber, PAGE),
    ).fetchall()
    put(db, to, rows, now_ms)
    return len(rows)


def replay_from(db: sqlite3.Connection, to: Subscriber, from_ms: int) -> int:
    """Have the feed sent again from a moment (event time) on; gives how many rows that are.

    The cursor goes back, and the rows are asked for again page by page, as they were the first time.
    """
    first, rows = db.execute(
        "SELECT min(seq), count(*) FROM crm_feed WHERE t_ms >= ? AND seq <= ?", (from_ms, to.cursor)
    ).fetchone()
    if rows:
        db.execute("UPDATE crm_subscribers SET cursor = ? WHERE subscriber = ?", (first - 1, to.subscriber))
    return int(rows)


def cursor_at(db: sqlite3.Connection, from_ms: int | None) -> int:
    """Return the cursor of one who begins with what happens from a moment on; None = with what comes now."""
    last = newest(db)
    if from_ms is None:
        return last
    first = db.execute("SELECT min(seq) FROM crm_feed WHERE t_ms >= ?", (from_ms,)).fetchone()[0]
    return last if first is None else int(first) - 1
