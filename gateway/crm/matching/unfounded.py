"""What is kept of somebody who does not agree any more though nobody has withdrawn.

References that are found to be one person speak for each other, and no longer once that is taken back. So a
merge can bring a refusal to what was matched before, and the end of a merge can leave a name without a
consent. What names that person goes then; what it was told of stays, as told anew before.
"""

import sqlite3
from collections.abc import Iterable

from contracts.crm import Purpose
from gateway.crm.consent.covers import COVERS, OF_PARKING, OF_POSITION, told_parking, told_positions
from gateway.crm.consent.ledger import bump
from gateway.crm.consent.withdrawal import tell_withdrawn

_KINDS = {Purpose.POSITION: OF_POSITION, Purpose.PARKING: OF_PARKING, Purpose.MARKETING: ()}
_KEPT = {
    Purpose.POSITION: "SELECT person FROM crm_visits"
    " UNION SELECT person FROM crm_claims WHERE kind = 'wifi' AND ended_ms IS NULL",
    Purpose.PARKING: "SELECT person FROM crm_stays"
    " UNION SELECT person FROM crm_claims WHERE kind = 'plate' AND ended_ms IS NULL",
    Purpose.MARKETING: "SELECT person FROM crm_sales WHERE person IS NOT NULL"
    " UNION SELECT person FROM crm_segments UNION SELECT person FROM crm_tags",
}
"""Who is named outside of the feed."""
_IN_FEED = (
    "WITH RECURSIVE named (person) AS (SELECT min(person) FROM crm_feed WHERE person IS NOT NULL UNION ALL"
    " SELECT (SELECT min(person) FROM crm_feed WHERE crm_feed.person > named.person) FROM named"
    " WHERE named.person IS NOT NULL) SELECT person FROM named WHERE person IS NOT NULL"
)
"""Who is named in it, in jumps from one to the next: it may have millions of rows."""


def end(db: sqlite3.Connection, mall: str, lost: Iterable[tuple[str, Purpose]], t_ms: int) -> int:
    """Delete what names these persons for these purposes; gives how many rows that were.

    Whatever is still true of the events was told again before, with a higher revision. Subscribers are told
    to delete the copies that they have.
    """
    gone = 0
    for person, purpose in sorted(lost):
        told = _untell(db, person, purpose)
        others = [part for part in COVERS[purpose] if part not in (told_positions, told_parking)]
        kept = sum(sum(delete(db, person).values()) for delete in others)
        if told or kept:
            tell_withdrawn(db, mall, person, [purpose], t_ms)
            bump(db)
        gone += told + kept
    return gone


def _untell(db: sqlite3.Connection, person: str, purpose: Purpose) -> int:
    named = f"person = ? AND kind IN ({', '.join('?' * len(_KINDS[purpose]))})"
    values = (person, *_KINDS[purpose])
    for table in ("crm_pending", "crm_dead"):
        db.execute(f"DELETE FROM {table} WHERE seq IN (SELECT seq FROM crm_feed WHERE {named})", values)  # noqa: S608
    return db.execute(f"DELETE FROM crm_feed WHERE {named}", values).rowcount  # noqa: S608


def unfounded(db: sqlite3.Connection, purpose: Purpose, agree: Iterable[str]) -> set[str]:
    """Return everybody who is named in anything of a purpose and is not among those who agree."""
    kinds = ", ".join("?" * len(_KINDS[purpose]))
    told = f"SELECT 1 FROM crm_feed WHERE person = ? AND kind IN ({kinds}) LIMIT 1"  # noqa: S608
    named = {row[0] for row in db.execute(_IN_FEED).fetchall()} - set(agree)
    return {one for one in named if db.execute(told, (one, *_KINDS[purpose])).fetchone() is not None} | (
        {row[0] for row in db.execute(_KEPT[purpose])} - set(agree)
    )
