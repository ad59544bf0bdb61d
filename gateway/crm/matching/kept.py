"""Links and events as they are kept; every function takes the connection of a transaction."""

import sqlite3

from gateway.crm.matching.links import Link
from gateway.crm.matching.told import Told


def link(db: sqlite3.Connection, subject: str) -> Link | None:
    """Return whose a subject is."""
    row = db.execute(
        "SELECT person, confidence, evidence, since_ms FROM crm_links WHERE subject = ?", (subject,)
    ).fetchone()
    return None if row is None else Link(*row)


def linked(db: sqlite3.Connection) -> set[str]:
    """Return every subject that is somebody's."""
    return {row[0] for row in db.execute("SELECT subject FROM crm_links")}


def relink(db: sqlite3.Connection, subject: str, new: Link | None) -> None:
    """Write down whose a subject is now."""
    if new is None:
        db.execute("DELETE FROM crm_links WHERE subject = ?", (subject,))
        return
    db.execute(
        "INSERT OR REPLACE INTO crm_links (subject, person, confidence, evidence, since_ms)"
        " VALUES (?, ?, ?, ?, ?)",
        (subject, new.person, new.confidence, new.evidence, new.since_ms),
    )


def is_matched(db: sqlite3.Connection, generation: int | None) -> bool:
    """Whether everything was decided for a generation of consents and identities."""
    return bool(db.execute("SELECT matched IS ? FROM crm_generation", (generation,)).fetchone()[0])


def set_matched(db: sqlite3.Connection, generation: int | None) -> None:
    """Say that it was."""
    db.execute("UPDATE crm_generation SET matched = ?", (generation,))


def tell(
    db: sqlite3.Connection,
    told: Told,
    revision: int,
    person: str | None,
    t_ms: int,
    member: str | None,
    confidence: float,
) -> None:
    """Write an event into the feed, as told at a moment, with the member it names."""
    payload = told.json(revision, member, confidence)
    db.execute(
        "INSERT INTO crm_feed (id, revision, kind, zone, subject, person, t_ms, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (told.event.id, revision, told.kind, told.event.subject, told.subject, person, t_ms, payload),
    )


def is_told(db: sqlite3.Connection, event: str) -> bool:
    """Whether an event was told, in whichever revision."""
    return db.execute("SELECT 1 FROM crm_feed WHERE id = ? LIMIT 1", (event,)).fetchone() is not None


def told_ms(db: sqlite3.Connection) -> int:
    """Return when something was told last."""
    return db.execute("SELECT max(t_ms) FROM crm_feed").fetchone()[0] or 0


def newest(db: sqlite3.Connection, subject: str) -> list[tuple[int, str | None, bytes]]:
    """Return revision, person and payload of all events of a subject as last told, in their first order."""
    rows = db.execute(
        "SELECT id, revision, person, payload FROM crm_feed WHERE subject = ? ORDER BY seq", (subject,)
    )
    found: dict[str, tuple[int, str | None, bytes]] = {}
    for name, revision, person, payload in rows:
        found[name] = (revision, person, payload)
    return list(found.values())
