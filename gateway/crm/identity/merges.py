"""Merges as they are kept: two references are one person, until that is undone; nothing is rewritten."""

import sqlite3
from dataclasses import dataclass

from contracts.errors import MallsenseError
from gateway.crm.consent.persons import same_as
from gateway.crm.merging import Merge, names


class AlreadyOneError(MallsenseError):
    """Two persons are one already."""


@dataclass(frozen=True, slots=True)
class Row:
    """A merge with when it was made, and when it was undone."""

    merge: int
    person: str
    into: str
    evidence: str
    t_ms: int
    undone_ms: int | None
    undone_why: str | None


def make(db: sqlite3.Connection, merge: Merge, evidence: str, t_ms: int, now_ms: int) -> int:
    """Say that two persons are one; gives the number of the merge. Raises `AlreadyOneError`."""
    if merge.into in same_as(db, merge.person):
        raise AlreadyOneError("these two are one person already", "GET /crm/merges lists by which merge.")
    done = db.execute(
        "INSERT INTO crm_merges (person, into_person, evidence, t_ms, recorded_ms) VALUES (?, ?, ?, ?, ?)",
        (merge.person, merge.into, evidence, t_ms, now_ms),
    )
    return done.lastrowid or 0


def undo(db: sqlite3.Connection, merge: int, now_ms: int, why: str) -> bool:
    """Take a merge back; False where there is none of this number, or it was undone."""
    undone = "UPDATE crm_merges SET undone_ms = ?, undone_why = ? WHERE merge = ? AND undone_ms IS NULL"
    return db.execute(undone, (now_ms, why, merge)).rowcount > 0


def names_now(db: sqlite3.Connection) -> dict[str, str]:
    """Give who each merged person goes on as."""
    rows = db.execute("SELECT person, into_person FROM crm_merges WHERE undone_ms IS NULL ORDER BY merge")
    return names(Merge(person, into) for person, into in rows)


def all_of(db: sqlite3.Connection) -> list[Row]:
    """Give all merges in order, those that were undone, too."""
    rows = db.execute(
        "SELECT merge, person, into_person, evidence, t_ms, undone_ms, undone_why FROM crm_merges"
        " ORDER BY merge"
    )
    return [Row(*row) for row in rows]
