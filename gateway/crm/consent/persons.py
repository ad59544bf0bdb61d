"""Reference and person: what a member is called outside, and inside.

The CRM's reference is the only name that leaves the gateway, and `crm_persons` the only place that says who a
person is: once its row is gone, what the ledger still says is said of nobody.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from hashlib import blake2b

from contracts.references import check_reference
from gateway.crm.merging import Merge, names


def person_of(db: sqlite3.Connection, reference: str) -> str | None:
    """Return who is called so; None where nobody is."""
    row = db.execute("SELECT person FROM crm_persons WHERE reference = ?", (reference,)).fetchone()
    return None if row is None else str(row[0])


def reference_of(db: sqlite3.Connection, person: str) -> str | None:
    """Return what a person is called; None where the person was erased."""
    row = db.execute("SELECT reference FROM crm_persons WHERE person = ?", (person,)).fetchone()
    return None if row is None else str(row[0])


def add_person(db: sqlite3.Connection, reference: str, since_ms: int) -> str:
    """Return who is called so, made now where nobody is yet.

    Raises `ReferenceRefusedError` as `check_reference` does.
    """
    known = person_of(db, check_reference(reference))
    if known is not None:
        return known
    person = secrets.token_hex(8)
    db.execute("INSERT INTO crm_persons VALUES (?, ?, ?)", (person, reference, since_ms))
    return person


def same_as(db: sqlite3.Connection, person: str) -> list[str]:
    """Return everybody who is the same person by merges that hold, this one included, in order."""
    rows = db.execute(
        "WITH RECURSIVE same (person) AS (VALUES (?)"
        " UNION SELECT into_person FROM crm_merges JOIN same USING (person) WHERE undone_ms IS NULL"
        " UNION SELECT m.person FROM crm_merges AS m JOIN same ON same.person = m.into_person"
        " WHERE undone_ms IS NULL) SELECT person FROM same ORDER BY person",
        (person,),
    )
    return [row[0] for row in rows]


def merged(db: sqlite3.Connection) -> list[list[str]]:
    """Return the groups of persons who are one by merges that hold."""
    rows = db.execute("SELECT person, into_person FROM crm_merges WHERE undone_ms IS NULL ORDER BY merge")
    groups: dict[str, list[str]] = {}
    for person, goes_on_as in names(Merge(*row) for row in rows).items():
        groups.setdefault(goes_on_as, []).append(person)
    return [sorted(group) for group in groups.values()]


def member_hashes(db: sqlite3.Connection, people: Sequence[str], secret: bytes) -> set[bytes]:
    """Return how the car park's desk calls these persons where they claimed free parking as members."""
    hashes = set()
    for one in people:
        if reference := reference_of(db, one):
            hashes.add(blake2b(reference.encode(), key=secret, person=b"member", digest_size=16).digest())
        rows = db.execute("SELECT digest FROM crm_claims WHERE person = ? AND kind = 'member'", (one,))
        hashes.update(bytes.fromhex(digest) for (digest,) in rows)
    return hashes
