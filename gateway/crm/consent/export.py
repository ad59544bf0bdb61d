"""Everything held about a member, as one JSON document: for the member, who may ask for it.

    {"format": "mallsense-member", "version": 1, "made_ms": ..., "references": ["m-004711"],
     "tables": {"crm_consents": [{"entry": 1, ...}], "crm_visits": [...], ...},
     "history": {"visits": [...], "paths": [...], "stays": [...]}}

`tables` has the rows that speak of the person, whichever table of the CRM they are in: those with a column
`person`, and those that are found by the person's identifiers or events. `history` is what the mall has of
the devices and cars that are linked to the person. Names inside (`person`) are left out: they say nothing
outside, and never leave the gateway.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.crm.consent.persons import member_hashes
from gateway.store.erasing.records import Rows

FORMAT, VERSION = "mallsense-member", 1

_PERSONS = "person IN (SELECT value FROM json_each(?))"
_EVENTS = "seq IN (SELECT seq FROM crm_feed WHERE person IN (SELECT value FROM json_each(?)))"
_OTHERS = {
    "crm_pending": _EVENTS,
    "crm_dead": _EVENTS,
    "crm_sightings": "(kind, digest) IN (SELECT kind, digest FROM crm_claims"
    " WHERE person IN (SELECT value FROM json_each(?)))",
}
"""Tables of the CRM without a column `person`, and which of their rows are somebody's."""
_INSIDE = frozenset({"person", "into_person", "lane"})


def tables_of(db: sqlite3.Connection, people: Sequence[str], secret: bytes) -> dict[str, Rows]:
    """Return the rows that speak of these persons, by table; tables without any are left out."""
    found: dict[str, Rows] = {}
    names = db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'crm_*' ORDER BY name"
    )
    for (table,) in names.fetchall():
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        which = _PERSONS if "person" in columns else _OTHERS.get(table)
        if which is not None:
            found[table] = _rows(db, table, which, json.dumps(people))
    found["claims"] = [
        row
        for member in sorted(member_hashes(db, people, secret))
        for row in _rows(db, "claims", "member = ?", member)
    ]
    return {table: rows for table, rows in found.items() if rows}


def _rows(db: sqlite3.Connection, table: str, which: str, value: object) -> Rows:
    found = db.execute(f"SELECT * FROM {table} WHERE {which} ORDER BY 1", (value,))  # noqa: S608  # our names
    names = [column[0] for column in found.description]
    return [_shown(zip(names, row, strict=True)) for row in found]


def _shown(row: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row if name not in _INSIDE}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: what is JSON already as what it says, other bytes in hex."""
    if not isinstance(value, bytes):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value.hex()
