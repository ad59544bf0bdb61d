"""Identifiers that were heard or read, and of what: of a device as events name it, or of a stay."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from contracts.crm import IdentifierKind

Key = tuple[str, str]
"""Kind and digest of an identifier."""


@dataclass(frozen=True, slots=True)
class Sighted:
    """An identifier that was heard or read."""

    subject: str
    kind: IdentifierKind
    digest: str
    t_ms: int
    confidence: float
    """That it belongs to the subject."""
    address: str = ""
    """The pseudonym that was heard; empty where there is none."""


BEFORE_MS = 60_000
"""A device is a member's from so long before it was first heard as a member's."""
AFTER_MS = 120_000
"""And for so long after it was last. A phone that is there is heard by it at least once a minute."""


@dataclass(frozen=True, slots=True)
class Heard:
    """From when to when a subject was heard under identifiers of members."""

    first_ms: int
    last_ms: int


def keep(db: sqlite3.Connection, one: Sighted) -> bool:
    """Write down a sighting; tells whether it says more than was known of its subject.

    It does where it makes surer, or closes a gap in which nobody was named.
    """
    before = db.execute(
        "SELECT confidence, first_ms, last_ms FROM crm_sightings"
        " WHERE subject = ? AND kind = ? AND digest = ?",
        (one.subject, one.kind, one.digest),
    ).fetchone()
    db.execute(
        "INSERT INTO crm_sightings (subject, kind, digest, first_ms, last_ms, confidence, address)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET first_ms = min(first_ms, excluded.first_ms),"
        " last_ms = max(last_ms, excluded.last_ms), confidence = max(confidence, excluded.confidence)",
        (one.subject, one.kind, one.digest, one.t_ms, one.t_ms, one.confidence, one.address),
    )
    if before is None:
        return True
    confidence, first_ms, last_ms = before
    gap = one.t_ms > last_ms + AFTER_MS or one.t_ms < first_ms - BEFORE_MS
    return bool(gap or one.confidence > confidence)


def heard(db: sqlite3.Connection, subject: str) -> Heard | None:
    """Return from when to when a subject was heard; None = never."""
    first_ms, last_ms = db.execute(
        "SELECT min(first_ms), max(last_ms) FROM crm_sightings WHERE subject = ?", (subject,)
    ).fetchone()
    return None if first_ms is None else Heard(first_ms, last_ms)


def move(db: sqlite3.Connection, address: str, subject: str, t_ms: int, confidence: float) -> set[str]:
    """Take it that an address is another device's; gives the devices of which less or more is known now."""
    rows = db.execute(
        "SELECT subject, kind, digest, first_ms FROM crm_sightings WHERE address = ? AND subject != ?",
        (address, subject),
    ).fetchall()
    for before, kind, digest, first_ms in rows:
        db.execute(
            "DELETE FROM crm_sightings WHERE subject = ? AND kind = ? AND digest = ?", (before, kind, digest)
        )
        for moment in (first_ms, t_ms):
            keep(db, Sighted(subject, IdentifierKind(kind), digest, moment, confidence, address))
    return {row[0] for row in rows} | ({subject} if rows else set())


def of(db: sqlite3.Connection, subject: str) -> list[tuple[str, str, int, float]]:
    """Return kind, digest, time of the first sighting and confidence of what was heard of a subject."""
    return db.execute(
        "SELECT kind, digest, first_ms, confidence FROM crm_sightings WHERE subject = ?"
        " ORDER BY kind, digest",
        (subject,),
    ).fetchall()


def subjects(db: sqlite3.Connection, keys: Iterable[Key]) -> set[str]:
    """Return of what identifiers were heard or read."""
    return {
        row[0]
        for key in keys
        for row in db.execute("SELECT subject FROM crm_sightings WHERE kind = ? AND digest = ?", key)
    }


def disputable(db: sqlite3.Connection) -> set[str]:
    """Return of what several identifiers were heard or read: nothing else can be two persons'."""
    return {
        row[0] for row in db.execute("SELECT subject FROM crm_sightings GROUP BY subject HAVING count(*) > 1")
    }


def all_subjects(db: sqlite3.Connection) -> set[str]:
    """Return everything of which an identifier was heard or read."""
    return {row[0] for row in db.execute("SELECT DISTINCT subject FROM crm_sightings")}
