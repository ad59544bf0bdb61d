"""When rows of the feed and dead letters go. What a withdrawal takes is in `gateway.crm.consent.covers`.

Both functions take the connection of a transaction.
"""

import sqlite3


def forget_feed(db: sqlite3.Connection, before_ms: int, limit: int = 5000) -> int:
    """Delete old rows of the feed (event time) that nobody waits for any more; gives how many.

    Rows stay that a subscriber has not been offered yet, that wait, or that are dead letters: what waits is
    given up after three days, and dead letters go after as long as the feed is kept.
    """
    return db.execute(
        "DELETE FROM crm_feed WHERE seq IN (SELECT seq FROM crm_feed WHERE t_ms < ?"
        " AND seq <= coalesce((SELECT min(cursor) FROM crm_subscribers), seq)"
        " AND NOT EXISTS (SELECT 1 FROM crm_pending WHERE crm_pending.seq = crm_feed.seq)"
        " AND NOT EXISTS (SELECT 1 FROM crm_dead WHERE crm_dead.seq = crm_feed.seq) LIMIT ?)",
        (before_ms, limit),
    ).rowcount


def forget_dead(db: sqlite3.Connection, before_ms: int) -> int:
    """Delete dead letters that were given up before a moment (wall); gives how many."""
    return db.execute("DELETE FROM crm_dead WHERE dead_ms < ?", (before_ms,)).rowcount
