"""What of the mall's history is a person's: devices, visits and stays that were linked, and identifiers."""

import json
import re
import sqlite3
from collections.abc import Sequence

from contracts.crm import IdentifierKind
from gateway.crm.consent.covers import OF_PARKING
from gateway.store.erasing.traces import Traces

_PSEUDONYM = re.compile("[0-9a-f]{16}")
_DIGESTS = (
    "SELECT DISTINCT kind, digest FROM crm_claims AS mine"
    " WHERE person IN (SELECT value FROM json_each(?1)) AND kind IN ('wifi', 'plate') AND NOT EXISTS"
    " (SELECT 1 FROM crm_claims WHERE kind = mine.kind AND digest = mine.digest AND ended_ms IS NULL"
    " AND person NOT IN (SELECT value FROM json_each(?1)))"
)
"""Those that nobody else claims, too."""


def traces_of(db: sqlite3.Connection, people: Sequence[str]) -> Traces:
    """Return by what the history of these persons is found."""
    among = (json.dumps(people),)
    keys = db.execute(_DIGESTS, among).fetchall()
    devices: set[str] = set()
    things: set[str] = set()
    moments: list[int | None] = []
    for kind, digest in keys:
        for subject, address, first_ms, last_ms in db.execute(
            "SELECT subject, address, first_ms, last_ms FROM crm_sightings WHERE kind = ? AND digest = ?",
            (kind, digest),
        ):
            if kind == IdentifierKind.WIFI:
                devices.update({subject, address} - {""})
            else:
                things.add(subject)
            moments += (first_ms, last_ms)
    linked = db.execute(
        "SELECT subject, evidence LIKE '%plate%', since_ms FROM crm_links"
        " WHERE person IN (SELECT value FROM json_each(?1)) UNION ALL"
        " SELECT subject, kind IN (SELECT value FROM json_each(?2)), t_ms FROM crm_feed"
        " WHERE person IN (SELECT value FROM json_each(?1))",
        (*among, json.dumps(OF_PARKING)),
    )
    for subject, is_stay, t_ms in linked:
        (devices if not is_stay and _PSEUDONYM.fullmatch(subject) else things).add(subject)
        moments.append(t_ms)
    for thing, first_ms, last_ms in db.execute(
        "SELECT visit, started_ms, ended_ms FROM crm_visits WHERE person IN (SELECT value FROM json_each(?1))"
        " UNION ALL SELECT stay, entered_ms, left_ms FROM crm_stays"
        " WHERE person IN (SELECT value FROM json_each(?1))",
        among,
    ):
        things.add(thing)
        moments += (first_ms, last_ms)
    return Traces(
        frozenset(devices),
        frozenset(things),
        digests=frozenset(digest for _, digest in keys),
        moments=tuple(sorted({moment for moment in moments if moment is not None})),
    )
