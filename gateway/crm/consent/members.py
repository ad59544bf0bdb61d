"""Members as the CRM team sees them in lists: what they agreed to, and what is known of them, in numbers."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from contracts.crm import Purpose
from gateway.crm.consent.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Labels:
    """What others say of a member, where marketing is agreed to."""

    tier: str | None = None
    segments: Sequence[str] = ()
    tags: Sequence[str] = ()


LabelsOf = Callable[[sqlite3.Connection, Sequence[str]], Mapping[str, Labels]]
"""Gives the labels of some persons; who is left out has none."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member, in one line."""

    person: str
    reference: str
    consents: Mapping[Purpose, bool]
    identifiers: Mapping[str, int]
    """How many of each kind are known and hold."""
    last_seen_ms: int | None
    visits: int
    """Of the mall."""
    labels: Labels = field(default_factory=Labels)


def find_members(db: sqlite3.Connection, search: str, after: str, limit: int) -> list[tuple[str, str]]:
    """Return person and reference of at most `limit` members, by reference; `search` is a part of it."""
    rows = db.execute(
        "SELECT person, reference FROM crm_persons WHERE reference > ? AND instr(lower(reference), ?)"
        " ORDER BY reference LIMIT ?",
        (after, search.lower(), limit),
    )
    return rows.fetchall()


def describe(
    db: sqlite3.Connection, found: Sequence[tuple[str, str]], labels_of: LabelsOf | None = None
) -> list[Member]:
    """Return the lines of these persons and references, in their order."""
    people = [person for person, _ in found]
    among = json.dumps(people)
    kinds: dict[str, dict[str, int]] = defaultdict(dict)
    for person, kind, count in db.execute(
        "SELECT person, kind, count(DISTINCT digest) FROM crm_claims WHERE ended_ms IS NULL"
        " AND person IN (SELECT value FROM json_each(?)) GROUP BY person, kind ORDER BY kind",
        (among,),
    ):
        kinds[person][kind] = count
    seen = {
        person: (visits, last_ms)
        for person, visits, last_ms in db.execute(
            "SELECT person, sum(visits), max(last_ms) FROM ("
            " SELECT person, zone = 'mall' AS visits,"
            " coalesce(ended_ms, started_ms + cast(dwell_s * 1000 AS INTEGER)) AS last_ms FROM crm_visits"
            " WHERE person IN (SELECT value FROM json_each(?1))"
            " UNION ALL SELECT person, 0, coalesce(left_ms, entered_ms) FROM crm_stays"
            " WHERE person IN (SELECT value FROM json_each(?1))) GROUP BY person",
            (among,),
        )
    }
    labels = {} if labels_of is None else labels_of(db, people)
    return [
        Member(
            person,
            reference,
            {purpose: Ledger.in_force(db, person, purpose) for purpose in Purpose},
            kinds[person],
            seen.get(person, (0, None))[1],
            seen.get(person, (0, None))[0],
            labels.get(person, Labels()),
        )
        for person, reference in found
    ]
