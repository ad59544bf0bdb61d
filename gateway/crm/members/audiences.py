"""Audiences: lists of members, by what they are and where they were; asked anew each time.

Only the definition is kept. Who is in one is decided by segments, tags, visits and consents at the moment
somebody asks, so who has withdrawn is in none. Fewer than k members are neither counted nor listed: a list of
two who visited one shop yesterday says of each of them where they were.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from contracts.crm import Purpose
from contracts.errors import MallsenseError
from gateway.crm.consent.ledger import Ledger
from gateway.crm.identity.merges import names_now
from gateway.crm.members.kept import CLUSTER, TIER
from gateway.crm.members.reading import DAY_MS
from gateway.store.records import WHOLE_MALL

MOST = 200
"""Audiences of a mall."""


class TooManyError(MallsenseError):
    """There are as many audiences as there may be."""


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is in it: everybody of whom all of this holds; what is None or empty is not asked for."""

    name: str
    tier: str | None = None
    cluster: str | None = None
    tags: Sequence[str] = ()
    """All of them."""
    zones: Sequence[str] = ()
    """Any of them was visited."""
    days: int | None = None
    """In so many days before now; None = as long as visits are kept. Without zones, a visit of the mall."""


class Audience(NamedTuple):
    """A definition that is kept."""

    id: str
    definition: Definition


def add(db: sqlite3.Connection, definition: Definition, now_ms: int) -> Audience:
    """Keep a definition. Raises `TooManyError`."""
    if db.execute("SELECT count(*) FROM crm_audiences").fetchone()[0] >= MOST:
        raise TooManyError(f"there are {MOST} audiences", "Delete one that nobody needs any more.")
    audience = Audience(secrets.token_hex(4), definition)
    db.execute(
        "INSERT INTO crm_audiences (audience, made_ms, data) VALUES (?, ?, ?)",
        (audience.id, now_ms, msgspec.json.encode(definition)),
    )
    return audience


def remove(db: sqlite3.Connection, audience: str) -> bool:
    """Forget a definition; False where there is none of this id."""
    return db.execute("DELETE FROM crm_audiences WHERE audience = ?", (audience,)).rowcount > 0


def all_of(db: sqlite3.Connection) -> list[Audience]:
    """Return all of them, the oldest first."""
    rows = db.execute("SELECT audience, data FROM crm_audiences ORDER BY made_ms, audience")
    return [Audience(row[0], msgspec.json.decode(row[1], type=Definition)) for row in rows]


def find(db: sqlite3.Connection, audience: str) -> Audience | None:
    """Return one; None where there is none of this id."""
    return next((one for one in all_of(db) if one.id == audience), None)


def references(db: sqlite3.Connection, definition: Definition, now_ms: int) -> list[str]:
    """Return the references of who is in an audience now, in order; of merged ones, that which goes on."""
    one = names_now(db)
    found = {one.get(person, person) for person in Ledger.in_force_all(db, Purpose.MARKETING)}
    for part, segment in ((TIER, definition.tier), (CLUSTER, definition.cluster)):
        if segment is not None:
            rows = db.execute(
                "SELECT person FROM crm_segments WHERE part = ? AND segment = ?", (part, segment)
            )
            found &= {one.get(person, person) for (person,) in rows}
    for tag in definition.tags:
        rows = db.execute("SELECT person FROM crm_tags WHERE tag = ?", (tag,))
        found &= {one.get(person, person) for (person,) in rows}
    if definition.zones or definition.days is not None:
        found &= {one.get(person, person) for person in _visitors(db, definition, now_ms)}
    names = db.execute("SELECT person, reference FROM crm_persons")
    return sorted(reference for person, reference in names if person in found)


def _visitors(db: sqlite3.Connection, definition: Definition, now_ms: int) -> set[str]:
    """Return who visited one of the zones; a visit counts that was still going on in the period."""
    from_ms = 0 if definition.days is None else now_ms - definition.days * DAY_MS
    agree = Ledger.in_force_all(db, Purpose.POSITION)
    zones = definition.zones or (WHOLE_MALL,)
    rows = db.execute(
        "SELECT DISTINCT person FROM crm_visits WHERE started_ms <= ?2 AND started_ms >= ?1 - ?3"
        " AND coalesce(ended_ms, started_ms + 1000 * dwell_s) >= ?1"
        " AND zone IN (SELECT value FROM json_each(?4))",
        (from_ms, now_ms, DAY_MS, msgspec.json.encode(list(zones)).decode()),
    )
    return {person for (person,) in rows if person in agree}
