"""What each purpose covers, table by table: what has to go when a member withdraws it.

One function for each family of tables. It is given the connection of the withdrawal's transaction and the
person, and gives the number of rows that went or were cleared, by table. Whoever adds a table that says
something of a person adds its function to `COVERS`, or to `HELD` where it goes with the person alone.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping

from contracts.crm import IdentifierKind, Purpose
from contracts.events import EventKind

Delete = Callable[[sqlite3.Connection, str], Mapping[str, int]]

OF_POSITION = (EventKind.VISIT_STARTED, EventKind.VISIT_UPDATED, EventKind.VISIT_ENDED, EventKind.PATH_ENDED)
OF_PARKING = (EventKind.CAR_ENTERED, EventKind.CAR_LEFT)


def wifi(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """Addresses of phones, where they were heard, and which devices are the person's."""
    return _identifiers(db, person, IdentifierKind.WIFI)


def plates(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """Plates, where they were read, and which stays are the person's."""
    return _identifiers(db, person, IdentifierKind.PLATE)


def visits(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """Visits of more than a day."""
    return {"crm_visits": _delete(db, "DELETE FROM crm_visits WHERE person = ?", person)}


def stays(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """Stays of the person's cars."""
    return {"crm_stays": _delete(db, "DELETE FROM crm_stays WHERE person = ?", person)}


def told_positions(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """Events of visits and paths that name the member."""
    return _told(db, person, OF_POSITION)


def told_parking(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """Events of cars that name the member."""
    return _told(db, person, OF_PARKING)


def purchases(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """Whose a purchase is; that something was sold stays true."""
    return {"crm_sales": _delete(db, "UPDATE crm_sales SET person = NULL WHERE person = ?", person)}


def clusters(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """Which kind of member it is: visits and stays say so, and it is told anew from what is left."""
    return {
        "crm_segments": _delete(db, "DELETE FROM crm_segments WHERE person = ? AND part = 'cluster'", person)
    }


def segments(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """Tier and cluster."""
    return {"crm_segments": _delete(db, "DELETE FROM crm_segments WHERE person = ?", person)}


def tags(db: sqlite3.Connection, person: str) -> Mapping[str, int]:
    """What people have noted."""
    return {"crm_tags": _delete(db, "DELETE FROM crm_tags WHERE person = ?", person)}


COVERS: Mapping[Purpose, tuple[Delete, ...]] = {
    Purpose.POSITION: (told_positions, wifi, visits, clusters),
    Purpose.PARKING: (told_parking, plates, stays, clusters),
    Purpose.MARKETING: (purchases, segments, tags),
}
"""What goes with a purpose, in this order."""


def delete_covered(db: sqlite3.Connection, person: str, purpose: Purpose) -> Counter[str]:
    """Delete what is kept of a person for one purpose; gives the number of rows by table."""
    gone: Counter[str] = Counter()
    for delete in COVERS[purpose]:
        gone.update(delete(db, person))
    return gone


def delete_identifiers(db: sqlite3.Connection, person: str) -> int:
    """Delete all identifiers of who agrees to nothing any more; gives how many."""
    return _delete(db, "DELETE FROM crm_claims WHERE person = ?", person)


def _identifiers(db: sqlite3.Connection, person: str, kind: IdentifierKind) -> Mapping[str, int]:
    """Delete claims of a kind; what was heard of a digest stays where somebody else claims it, too."""
    plate = kind is IdentifierKind.PLATE
    digests = [
        row[0]
        for row in db.execute(
            "SELECT DISTINCT digest FROM crm_claims AS mine WHERE person = ? AND kind = ? AND NOT EXISTS"
            " (SELECT 1 FROM crm_claims WHERE kind = mine.kind AND digest = mine.digest"
            " AND person != mine.person AND ended_ms IS NULL)",
            (person, kind),
        )
    ]
    heard = sum(
        db.execute("DELETE FROM crm_sightings WHERE kind = ? AND digest = ?", (kind, digest)).rowcount
        for digest in digests
    )
    linked = f"DELETE FROM crm_links WHERE person = ? AND evidence {'' if plate else 'NOT '}LIKE '%plate%'"  # noqa: S608
    return {
        "crm_claims": db.execute(
            "DELETE FROM crm_claims WHERE person = ? AND kind = ?", (person, kind)
        ).rowcount,
        "crm_sightings": heard,
        "crm_links": _delete(db, linked, person),
    }


def _told(db: sqlite3.Connection, person: str, kinds: tuple[EventKind, ...]) -> Mapping[str, int]:
    """Delete what names the member, and with it who waits for it, and who never got it.

    Of an event that is the member's as last told, all revisions go: told again after a new consent, it would
    have a revision that was told before. One that turned out to be another's stays as that.
    """
    named = f"person = ?1 AND kind IN ({', '.join(f'?{2 + i}' for i in range(len(kinds)))})"
    newest = "revision = (SELECT max(revision) FROM crm_feed AS all_of WHERE all_of.id = told.id)"
    which = f"{named} OR id IN (SELECT id FROM crm_feed AS told WHERE {named} AND {newest})"  # noqa: S608
    seqs = [row[0] for row in db.execute(f"SELECT seq FROM crm_feed WHERE {which}", (person, *kinds))]  # noqa: S608
    among = (json.dumps(seqs),)
    return {
        table: db.execute(
            f"DELETE FROM {table} WHERE seq IN (SELECT value FROM json_each(?))",  # noqa: S608
            among,
        ).rowcount
        for table in ("crm_pending", "crm_dead", "crm_feed")
    }


def _delete(db: sqlite3.Connection, statement: str, person: str) -> int:
    return db.execute(statement, (person,)).rowcount
