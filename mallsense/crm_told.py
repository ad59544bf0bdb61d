"""What the CRM of a simulated mall says in the end, read from its store."""

import sqlite3

from contracts.crm import Purpose
from contracts.events import CarData, EventKind, PathData, VisitData
from gateway.crm.matching.told import Told, read_back
from simulators.members.population import Person, Population
from simulators.members.scoring import ToldStay, ToldVisit

_KINDS = ", ".join(f"'{kind}'" for kind in EventKind)
_NEWEST = (
    f"SELECT payload, person FROM crm_feed AS f WHERE kind IN ({_KINDS}) AND revision ="  # noqa: S608  # ours
    " (SELECT max(revision) FROM crm_feed WHERE id = f.id)"
)
_EVERY = f"SELECT payload, person FROM crm_feed WHERE kind IN ({_KINDS})"  # noqa: S608
_NAMED = b'"member":"'


def told(db: sqlite3.Connection) -> tuple[list[ToldVisit], list[ToldStay]]:
    """Return every event of the feed in its newest revision."""
    visits, stays = [], []
    reference = dict(db.execute("SELECT person, reference FROM crm_persons").fetchall())
    for payload, person in db.execute(_NEWEST):
        data, name = read_back(payload).data, reference.get(person)
        if isinstance(data, VisitData):
            end_ms = data.ended_ms or data.seen_ms
            visits.append(ToldVisit(data.device, data.zone, data.started_ms, end_ms, name))
        elif isinstance(data, PathData):
            visits.append(ToldVisit(data.device, "mall", data.started_ms, data.ended_ms, name))
        elif isinstance(data, CarData):
            stays.append(ToldStay(data.entered_ms, data.left_ms, name))
    return visits, stays


def trespasses(db: sqlite3.Connection, population: Population, until_ms: int) -> int:
    """Count the rows that name a member who does not agree, of all revisions, visits and stays."""
    people = {one.reference: one for one in population.members}
    who = {person: people[name] for person, name in db.execute("SELECT person, reference FROM crm_persons")}
    found = 0
    for payload, person in db.execute(_EVERY):
        if person is not None or _NAMED in payload:
            found += not _may(who.get(person), read_back(payload), until_ms)
    for table, purpose in (("crm_visits", Purpose.POSITION), ("crm_stays", Purpose.PARKING)):
        rows = db.execute(f"SELECT person FROM {table}")  # noqa: S608  # two names
        found += sum(not who[person].agrees(purpose, until_ms) for (person,) in rows)
    return found


def _may(person: Person | None, event: Told, until_ms: int) -> bool:
    """Tell whether an event may name somebody."""
    if person is None or event.purpose is None:
        return False
    return person.agrees(event.purpose, event.began_ms) and person.agrees(event.purpose, until_ms)
