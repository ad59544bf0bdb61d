"""Which members are in the mall now: devices and cars that are there, and whose they are."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from contracts.crm import Purpose
from gateway.crm.consent.ledger import Ledger
from gateway.crm.matching.links import Conflict


@dataclass(frozen=True, slots=True)
class There:
    """What is in the mall at a moment."""

    devices: Mapping[str, str]
    """Pseudonyms, and the floor that each is on."""
    stays: AbstractSet[str]
    """Of the cars that are there."""


@dataclass(slots=True)
class Present:
    """A member who is here."""

    person: str
    reference: str
    since_ms: int
    zone: str | None = None
    floor: str | None = None
    confidence: float = 0.0
    """Of the surest of the devices and cars."""
    evidence: set[str] = field(default_factory=set)
    parked: bool = False


def members_here(db: sqlite3.Connection, there: There) -> list[Present]:
    """Return who is here, by reference; `db` is in a transaction.

    The zone is that of the visit that goes on and began last; between visits there is none, only a floor.
    """
    agree = {purpose: Ledger.in_force_all(db, purpose) for purpose in (Purpose.POSITION, Purpose.PARKING)}
    found: dict[str, Present] = {}
    links = db.execute(
        "SELECT subject, person, confidence, evidence, crm_links.since_ms, reference"
        " FROM crm_links JOIN crm_persons USING (person) ORDER BY confidence DESC, subject"
    )
    for subject, person, confidence, evidence, since_ms, reference in links:
        is_car = subject in there.stays
        purpose = Purpose.PARKING if is_car else Purpose.POSITION
        if not (is_car or subject in there.devices) or person not in agree[purpose]:
            continue
        one = found.setdefault(person, Present(person, reference, since_ms))
        one.since_ms = min(one.since_ms, since_ms)
        one.confidence = max(one.confidence, confidence)
        one.evidence |= set(evidence.split("+"))
        one.parked |= is_car
        if not is_car and one.floor is None:
            one.floor = there.devices[subject]
    for person, (zone, floor) in _open_visits(db, found.keys()).items():
        found[person].zone, found[person].floor = zone, floor
    return sorted(found.values(), key=lambda one: one.reference)


def _open_visits(db: sqlite3.Connection, persons: AbstractSet[str]) -> dict[str, tuple[str, str]]:
    rows = db.execute(
        "SELECT person, zone, floor FROM crm_visits WHERE ended_ms IS NULL"
        " AND person IN (SELECT value FROM json_each(?)) ORDER BY started_ms",
        (json.dumps(sorted(persons)),),
    )
    return {person: (zone, floor) for person, zone, floor in rows}


def conflicts_here(
    db: sqlite3.Connection, conflicts: Mapping[str, Conflict], there: There
) -> list[list[str]]:
    """Return of each device or car that would be several members' the references of these, in order."""
    if not conflicts:
        return []
    names = dict(db.execute("SELECT person, reference FROM crm_persons").fetchall())
    agree: defaultdict[bool, set[str]] = defaultdict(set)
    for is_car, purpose in ((False, Purpose.POSITION), (True, Purpose.PARKING)):
        agree[is_car] = Ledger.in_force_all(db, purpose)
    found = []
    for subject, conflict in conflicts.items():
        is_car = subject in there.stays
        if (is_car or subject in there.devices) and agree[is_car].issuperset(conflict.persons):
            found.append(sorted(names[person] for person in conflict.persons))
    return sorted(found)
