"""Erasure in the tables of the CRM: a person is gone from all of them, in one transaction.

The history (`gateway.store.erasing`) cannot go in the same transaction: it may be elsewhere, and a device
that is in the mall is written again. So the transaction writes down what is still to be taken out, for
`afterwards`.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from contracts.crm import Purpose
from gateway.crm.consent.covers import delete_covered
from gateway.crm.consent.ledger import Ledger, bump
from gateway.crm.consent.persons import member_hashes
from gateway.crm.consent.traces import traces_of
from gateway.crm.consent.withdrawal import tell_withdrawn
from gateway.store.erasing.traces import Traces

_OF_SUBJECTS = (
    ("crm_pending", "seq IN (SELECT seq FROM crm_feed WHERE subject IN (SELECT value FROM json_each(?1)))"),
    ("crm_dead", "seq IN (SELECT seq FROM crm_feed WHERE subject IN (SELECT value FROM json_each(?1)))"),
    ("crm_feed", "subject IN (SELECT value FROM json_each(?1))"),
    ("crm_sightings", "subject IN (SELECT value FROM json_each(?1))"),
    ("crm_sightings", "address IN (SELECT value FROM json_each(?1))"),
    ("crm_links", "subject IN (SELECT value FROM json_each(?1))"),
    ("crm_inbox", "EXISTS (SELECT 1 FROM json_each(?1) WHERE instr(payload, CAST(value AS BLOB)))"),
)
"""Tables, and which of their rows speak of devices and stays."""
_OF_PERSONS = (
    ("crm_claims", "person IN (SELECT value FROM json_each(?1))"),
    ("crm_merges", "person IN (SELECT value FROM json_each(?1))"),
    ("crm_merges", "into_person IN (SELECT value FROM json_each(?1))"),
    ("crm_links", "person IN (SELECT value FROM json_each(?1))"),
    ("crm_persons", "person IN (SELECT value FROM json_each(?1))"),
)


def erase_persons(
    db: sqlite3.Connection, people: Sequence[str], *, mall: str, secret: bytes, t_ms: int, wall_ms: int
) -> tuple[Counter[str], int]:
    """Delete everything of the persons that is in tables of the CRM.

    Gives the number of rows by table, and the number of the row that says what is to go from the history. The
    ledger's entries stay: they speak of nobody now.
    """
    traces = traces_of(db, people)
    gone = _claims_at_the_desk(db, people, secret)
    for one in people:
        for purpose in Purpose:
            gone += delete_covered(db, one, purpose)
    gone += delete_subjects(db, traces, people)
    for one in people:
        if said := sorted({entry.purpose for entry in Ledger.entries(db, one)}):
            tell_withdrawn(db, mall, one, said, t_ms)
    for table, which in _OF_PERSONS:
        gone[table] += _delete(db, table, which, people)
    bump(db)
    done = db.execute(
        "INSERT INTO crm_erasures (traces, since_ms, next_ms) VALUES (?, ?, ?)",
        (msgspec.json.encode(traces), wall_ms, wall_ms),
    )
    return +gone, done.lastrowid or 0


def delete_subjects(db: sqlite3.Connection, traces: Traces, people: Sequence[str] = ()) -> Counter[str]:
    """Delete what is told of devices and stays, whoever it is said of, and that persons have withdrawn."""
    gone: Counter[str] = Counter()
    subjects = {*traces.devices, *traces.things, *people}
    for table, which in _OF_SUBJECTS:
        about = subjects | traces.digests if table == "crm_inbox" else subjects
        gone[table] += _delete(db, table, which, about)
    return +gone


def _claims_at_the_desk(db: sqlite3.Connection, people: Sequence[str], secret: bytes) -> Counter[str]:
    """Delete free parking that was claimed as a member (`gateway.store.desk`)."""
    hashes = member_hashes(db, people, secret)
    return Counter(
        claims=sum(db.execute("DELETE FROM claims WHERE member = ?", (one,)).rowcount for one in hashes)
    )


def _delete(db: sqlite3.Connection, table: str, which: str, values: Iterable[str]) -> int:
    among = json.dumps(sorted(values))
    return db.execute(f"DELETE FROM {table} WHERE {which}", (among,)).rowcount  # noqa: S608  # names above
