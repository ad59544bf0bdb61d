"""Members, what they say, what is heard of them and what happens: for tests of matching, without a mall."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from contracts.crm import IdentifierKind, Purpose
from contracts.events import (
    TYPE_PREFIX,
    TYPE_VERSION,
    CarData,
    CarEvent,
    CloudEvent,
    EventKind,
    PathData,
    PathEvent,
    PathStep,
    VisitData,
    VisitEvent,
    rfc3339,
    stable_id,
)
from contracts.messages import encode
from contracts.plates import PlateEnergy, PlateRegion
from gateway.crm.consent.ledger import Ledger, bump
from gateway.crm.consent.persons import person_of, reference_of, same_as
from gateway.crm.consent.withdrawal import Said, record
from gateway.crm.file import open_file
from gateway.crm.identity import claims, merges
from gateway.crm.identity.graph import Claim
from gateway.crm.matching import inbox
from gateway.crm.matching.matcher import Matcher
from gateway.crm.merging import Merge
from gateway.engine.tick import Sighting
from gateway.store.records import CrmItem
from gateway.store.sqlite import SqliteStore

T0_MS = 1_760_000_400_000
MINUTE_MS = 60_000
PURPOSE_OF = {"visit": Purpose.POSITION, "path": Purpose.POSITION, "car": Purpose.PARKING}


def digest(number: int) -> str:
    """Return an identifier's digest."""
    return f"{number:032x}"


def device(number: int) -> str:
    """Return a pseudonym."""
    return f"{number:016x}"


def visit(
    who: str, zone: str, started_s: float, ended_s: float | None = None, *, seen_s: float | None = None
) -> VisitEvent:
    """Return the event of a visit: ended, or updated where a last moment is given, or else started."""
    started_ms = T0_MS + round(started_s * 1000)
    seen_ms = T0_MS + round(1000 * next(s for s in (ended_s, seen_s, started_s) if s is not None))
    kind = EventKind.VISIT_ENDED if ended_s is not None else EventKind.VISIT_UPDATED
    if seen_ms == started_ms:
        kind = EventKind.VISIT_STARTED
    name = stable_id("mall", who, zone, started_ms)
    data = VisitData(
        visit=name, device=who, zone=zone, floor="F1", started_ms=started_ms, seen_ms=seen_ms,
        ended_ms=None if ended_s is None else seen_ms, dwell_s=(seen_ms - started_ms) / 1000, confidence=0.9,
    )  # fmt: skip
    return VisitEvent(**_envelope(kind, stable_id(kind, name, seen_ms), zone, seen_ms), data=data)


def path(who: str, started_s: float, ended_s: float, zones: Iterable[tuple[str, float, float]]) -> PathEvent:
    """Return the event of a device that has left; zones with the seconds from and to which it was in them."""
    steps = [
        PathStep(
            visit=stable_id("mall", who, zone, T0_MS + round(a * 1000)), zone=zone, floor="F1",
            started_ms=T0_MS + round(a * 1000), ended_ms=T0_MS + round(b * 1000),
        )
        for zone, a, b in zones
    ]  # fmt: skip
    started_ms, ended_ms = T0_MS + round(started_s * 1000), T0_MS + round(ended_s * 1000)
    name = stable_id("mall", who, "path", started_ms)
    data = PathData(
        path=name, device=who, started_ms=started_ms, ended_ms=ended_ms,
        dwell_s=(ended_ms - started_ms) / 1000, steps=steps,
    )  # fmt: skip
    kind = EventKind.PATH_ENDED
    return PathEvent(**_envelope(kind, stable_id(kind, name), "mall", ended_ms), data=data)


def car(
    stay: str,
    entered_s: float,
    left_s: float | None = None,
    *,
    enrolled: str | None = None,
    sure: float = 0.97,
) -> CarEvent:
    """Return the event of a car that has entered, or left."""
    kind = EventKind.CAR_ENTERED if left_s is None else EventKind.CAR_LEFT
    t_ms = T0_MS + round(1000 * (entered_s if left_s is None else left_s))
    data = CarData(
        stay=stay, plate="a" * 16, area="P1", entered_ms=T0_MS + round(entered_s * 1000),
        left_ms=None if left_s is None else t_ms, dwell_s=None if left_s is None else left_s - entered_s,
        confidence=sure, region=PlateRegion.LOCAL, energy=PlateEnergy.UNKNOWN,
        **({} if enrolled is None else {"enrolled": "浙A12345", "enrolled_digest": enrolled}),
    )  # fmt: skip
    return CarEvent(**_envelope(kind, stable_id(kind, stay), "P1", t_ms), data=data)


def _envelope(kind: EventKind, name: str, subject: str, t_ms: int) -> dict[str, Any]:
    return {
        "id": name, "source": "/mallsense/mall", "type": f"{TYPE_PREFIX}{kind}{TYPE_VERSION}",
        "subject": subject, "time": rfc3339(t_ms),
    }  # fmt: skip


def sighting(who: str, of: str, t_s: float, *, address: str | None = None, sure: float = 1.0) -> Sighting:
    """Return that a member's phone was heard; without a digest, that its address is this device's now."""
    return Sighting(
        t_ms=T0_MS + round(t_s * 1000), address=who if address is None else address, device=who, digest=of,
        confidence=sure,
    )  # fmt: skip


class Desk:
    """A store, the members' office, and matching; nothing runs by itself."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "store.db")
        self.path = folder / "store.db"
        self.file = open_file(self.path)
        with self.file.connection() as db:
            db.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug
        self.counters: Counter[str] = Counter()
        self.matcher = Matcher("mall", self.counters)

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()
        self.store.close()

    def says(
        self, reference: str, purpose: Purpose = Purpose.POSITION, *, given: bool = True, t_s: float = -3600.0
    ) -> None:
        """Write down what a member says, at a moment of the mall."""
        now_ms = T0_MS + round(t_s * 1000)
        with self.file.transaction() as db:
            record(
                db, Said(reference, purpose, given, "v1", "desk", now_ms), mall="mall", now_ms=now_ms,
                wall_ms=now_ms,
            )  # fmt: skip

    def has(
        self, reference: str, of: str, kind: IdentifierKind = IdentifierKind.WIFI, sure: float = 0.98
    ) -> None:
        """Write down that a member has an identifier."""
        with self.file.transaction() as db:
            person = person_of(db, reference)
            assert person is not None
            claims.add(db, [(Claim(person, kind, of, "login", sure), T0_MS)], T0_MS)
            bump(db)

    def merge(self, reference: str, into: str) -> int:
        """Take two references for one person."""
        with self.file.transaction() as db:
            one, other = person_of(db, reference), person_of(db, into)
            assert one is not None
            assert other is not None
            number = merges.make(db, Merge(one, other), "desk", T0_MS, T0_MS)
            bump(db)
            return number

    def unmerge(self, merge: int) -> None:
        """Take a merge back."""
        with self.file.transaction() as db:
            assert merges.undo(db, merge, T0_MS, "mistake")
            bump(db)

    def put(self, *things: CloudEvent | Sighting) -> None:
        """Put things into the inbox, as the pipeline does."""
        rows = [
            (CrmItem.SIGHTING if isinstance(one, Sighting) else CrmItem.EVENT, encode(one)) for one in things
        ]
        with self.file.transaction() as db:
            db.executemany("INSERT INTO crm_inbox (kind, payload) VALUES (?, ?)", rows)

    def work(self, limit: int = 10_000) -> None:
        """Have matching take in what waits, in one transaction."""
        with self.file.transaction() as db:
            items = inbox.first(db, limit)
            self.matcher.take(db, items)
            inbox.take_out(db, items)

    def settle(self) -> None:
        """Have matching take in and decide everything, in as many transactions as it likes."""
        self.work()
        while not self.current():
            self.work(0)

    def current(self) -> bool:
        """Whether everything is decided."""
        with self.file.connection() as db:
            return self.matcher.current(db)

    def take(self, *things: CloudEvent | Sighting) -> None:
        """Put things into the inbox, and have them taken in."""
        self.put(*things)
        self.work()

    def newest(self) -> dict[str, tuple[int, str | None]]:
        """Return the revision and the member of every event as last told, by id."""
        with self.file.connection() as db:
            rows = db.execute("SELECT id, revision, payload FROM crm_feed ORDER BY seq").fetchall()
        return {name: (revision, json.loads(payload).get("member")) for name, revision, payload in rows}

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """Return all rows of a table, sorted."""
        with self.file.connection() as db:
            return sorted(db.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)

    def check(self) -> None:
        """Search everything for somebody who has not agreed."""
        with self.file.connection() as db:
            assert_nobody_else(db)


def assert_nobody_else(db: sqlite3.Connection) -> int:
    """Search feed and history for anybody who does not agree to be there; gives how many rows name somebody.

    Every row names a member exactly where it has a person, by the reference of that person or of one who is
    the same, and that person agrees to what the row is about, now.
    """
    named = 0
    for person, kind, payload in db.execute("SELECT person, kind, payload FROM crm_feed").fetchall():
        event = json.loads(payload)
        text = payload.decode()
        assert "enrolled_digest" not in text
        assert event["data"].get("enrolled") is None
        if kind == "member.withdrawn":
            continue
        if person is None:
            assert "member" not in event, event
            assert "memberpercent" not in event
            continue
        named += 1
        assert event["member"] in {reference_of(db, one) for one in same_as(db, person)}, event
        assert Ledger.in_force(db, person, PURPOSE_OF[kind.split(".")[0]]), (person, kind)
    for table, purpose in (("crm_visits", Purpose.POSITION), ("crm_stays", Purpose.PARKING)):
        for (person,) in db.execute(f"SELECT person FROM {table}").fetchall():
            assert Ledger.in_force(db, person, purpose), (table, person)
            named += 1
    for person, evidence in db.execute("SELECT person, evidence FROM crm_links").fetchall():
        purpose = Purpose.PARKING if evidence == "plate" else Purpose.POSITION
        assert Ledger.in_force(db, person, purpose), (person, evidence)
    return named
