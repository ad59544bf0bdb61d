"""Which rows of the feed a subscriber waits for, and which of them may be sent now.

A row waits in `crm_pending` until the subscriber has taken it or it is given up. The rows of one person (or
of one subject, where nobody is known) are a lane: only its first may be sent, so they arrive in order. All
functions take the connection of a transaction; times are of the wall.
"""

import sqlite3
from collections.abc import Collection, Iterable

from contracts.crm import FeedKind
from gateway.crm.delivery.backoff import LONGEST_RETRY_AFTER_S, PATIENCE_MS
from gateway.crm.delivery.filters import Segments
from gateway.crm.delivery.subscribers import Subscriber, find
from gateway.crm.delivery.transport import Letter
from gateway.crm.matching.feed import rows_after

PAGE = 500
"""Rows of the feed that are looked at in one transaction."""
_AHEAD_MS = round(LONGEST_RETRY_AFTER_S * 1000)
"""No pause is longer: a try that is due later than this was set by a clock that has been put back since."""

_FORGET_WITHDRAWALS = (  # the kind is written out for the sake of its index
    f"DELETE FROM crm_feed WHERE kind = '{FeedKind.MEMBER_WITHDRAWN}'"  # noqa: S608
    " AND seq <= coalesce((SELECT min(cursor) FROM crm_subscribers), seq)"
    " AND NOT EXISTS (SELECT 1 FROM crm_pending WHERE crm_pending.seq = crm_feed.seq)"
)
_BURY = (
    "INSERT OR REPLACE INTO crm_dead"
    " SELECT subscriber, seq, id, revision, kind, zone, t_ms, since_ms, ?, attempts,"
    " coalesce(crm_pending.last_error, CASE WHEN paused THEN 'the webhook is paused' END,"
    " crm_subscribers.last_error, 'its turn did not come')"
    " FROM crm_pending JOIN crm_feed USING (seq) JOIN crm_subscribers USING (subscriber)"
    " WHERE subscriber = ? AND seq = ?"
)


def newest(db: sqlite3.Connection) -> int:
    """Return the number of the newest row that the feed has had; 0 before the first."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'crm_feed'").fetchone()
    return 0 if row is None else int(row[0])


def enqueue(db: sqlite3.Connection, name: str, now_ms: int, segments: Segments) -> bool:
    """Make a page of the feed wait for a subscriber and move its cursor, in one; gives whether there is more.

    A row that waits already goes on waiting as it is: asked for again, it is sent once.
    """
    to = find(db, name)
    if to is None:
        return False
    rows = rows_after(db, to.cursor, PAGE)
    put(db, to, ((row.seq, row.lane) for row in rows if to.filter.wants(db, row, segments)), now_ms)
    more = len(rows) == PAGE
    cursor = rows[-1].seq if more else newest(db)
    db.execute("UPDATE crm_subscribers SET cursor = ? WHERE subscriber = ?", (cursor, name))
    return more


def put(db: sqlite3.Connection, to: Subscriber, rows: Iterable[tuple[int, str]], now_ms: int) -> None:
    """Make rows (number, lane) wait; those that were given up are given another time."""
    for seq, lane in rows:
        db.execute("DELETE FROM crm_dead WHERE subscriber = ? AND seq = ?", (to.subscriber, seq))
        db.execute(
            "INSERT OR IGNORE INTO crm_pending (subscriber, seq, lane, since_ms) VALUES (?, ?, ?, ?)",
            (to.subscriber, seq, lane, now_ms),
        )


def heads(db: sqlite3.Connection, to: Subscriber, now_ms: int, limit: int) -> tuple[list[Letter], list[int]]:
    """Return what may be sent now: the first row of each lane that is due, oldest first.

    While the receiver as a whole fails, those that were tried least come first: one event that always
    brings it down does not stand in the way of the others. Second, numbers of rows that the feed has no
    more, which nobody has to wait for.
    """
    order = "attempts, seq" if to.failures else "seq"
    rows = db.execute(
        "SELECT seq, lane, attempts, id, revision, kind, zone, payload"  # noqa: S608  # one of two orders
        " FROM crm_pending LEFT JOIN crm_feed USING (seq)"
        " WHERE subscriber = ? AND head = 1 AND (next_try_ms <= ? OR next_try_ms > ?)"
        f" ORDER BY {order} LIMIT ?",
        (to.subscriber, now_ms, now_ms + _AHEAD_MS, limit),
    ).fetchall()
    return [Letter(*row) for row in rows if row[7] is not None], [row[0] for row in rows if row[7] is None]


def due_ms(db: sqlite3.Connection, to: Subscriber) -> int | None:
    """Return when the next row may be sent, the receiver's own pause apart; None where nothing waits."""
    found: int | None = db.execute(
        "SELECT min(next_try_ms) FROM crm_pending WHERE subscriber = ? AND head = 1", (to.subscriber,)
    ).fetchone()[0]
    return found


def receiver_due(to: Subscriber, now_ms: int) -> bool:
    """Whether the receiver as a whole may be asked now."""
    return not now_ms < to.next_try_ms <= now_ms + _AHEAD_MS


def taken(db: sqlite3.Connection, name: str, seqs: Collection[int]) -> None:
    """Let go of rows that a subscriber has."""
    for table in ("crm_pending", "crm_dead"):
        statement = f"DELETE FROM {table} WHERE subscriber = ? AND seq = ?"  # noqa: S608  # names above
        db.executemany(statement, [(name, seq) for seq in seqs])


def failed(db: sqlite3.Connection, name: str, seq: int, next_try_ms: int, reason: str) -> None:
    """Have a row, and so its lane, wait."""
    db.execute(
        "UPDATE crm_pending SET attempts = attempts + 1, next_try_ms = ?, last_error = ?"
        " WHERE subscriber = ? AND seq = ?",
        (next_try_ms, reason, name, seq),
    )


def give_up(db: sqlite3.Connection, now_ms: int, limit: int = PAGE) -> dict[str, int]:
    """Make dead letters of rows that have waited for three days; gives how many, by subscriber.

    At most `limit` at once, the oldest first; the lanes go on with what comes next.
    """
    rows = db.execute(
        "SELECT subscriber, seq FROM crm_pending WHERE since_ms <= ? ORDER BY since_ms LIMIT ?",
        (now_ms - PATIENCE_MS, limit),
    ).fetchall()
    counts: dict[str, int] = {}
    for name, seq in rows:
        counts[name] = counts.get(name, 0) + 1
        db.execute(_BURY, (now_ms, name, seq))
        db.execute("DELETE FROM crm_pending WHERE subscriber = ? AND seq = ?", (name, seq))
    return counts


def drop(db: sqlite3.Connection, name: str, limit: int = 10 * PAGE) -> int:
    """Let go of what waits for a subscriber, and of what would, some of it; gives how much: 0 = no more."""
    db.execute("UPDATE crm_subscribers SET cursor = ? WHERE subscriber = ?", (newest(db), name))
    return db.execute(
        "DELETE FROM crm_pending WHERE subscriber = ?1 AND seq IN"
        " (SELECT seq FROM crm_pending WHERE subscriber = ?1 ORDER BY seq LIMIT ?2)",
        (name, limit),
    ).rowcount


def waiting(db: sqlite3.Connection) -> dict[str, int]:
    """Count what waits, by subscriber."""
    return dict(db.execute("SELECT subscriber, count(*) FROM crm_pending GROUP BY subscriber"))


def forget_withdrawals(db: sqlite3.Connection) -> int:
    """Delete from the feed that a member has withdrawn once nobody waits to be told; gives how many."""
    return db.execute(_FORGET_WITHDRAWALS).rowcount
