"""Two members with everything that can be known of them, in a store; and a search through what is written."""

import gzip
import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from contracts.crm import Purpose
from contracts.messages import AddressKind, FrameKind, MemberHeard, ObservationBatch, encode
from contracts.plates import Direction, PlateChange, PlateRead
from gateway.crm.consent.consents import Consents
from gateway.crm.consent.withdrawal import Said
from gateway.crm.delivery import lanes, subscribers
from gateway.crm.delivery.filters import Filter
from gateway.crm.file import open_file
from gateway.crm.identity.identities import Identities
from gateway.crm.matching import inbox
from gateway.crm.matching.matcher import Matcher
from gateway.store import Store
from gateway.store.desk import Claim, Desk
from gateway.store.influx.store import InfluxStore
from gateway.store.records import Checkpoint, CrmItem, Event, Input, Outputs, Stay, Visit
from gateway.store.records import Path as Walk
from tests.gateway.crowd import BOOT
from tests.gateway.membership import T0_MS, car, path, sighting, visit
from tests.gateway.stored import places

DAY_MS = 86_400_000
WEBHOOK = "till"
SINCE_MS = T0_MS - 3_600_000


class Someone:
    """A member, and by what they could be found."""

    def __init__(self, reference: str, sign: str) -> None:
        self.reference = reference
        self.phone = f"{sign}1c0de5a7e11e" + "f0" + sign
        """Pseudonym."""
        self.wifi = f"{sign}2aa{sign}" * 6 + f"{sign}9"
        self.plate = f"{sign}3bb{sign}" * 6 + f"{sign}9"
        """Digests on the mall's lists."""
        self.plate_hash = f"{sign}4d15ea5e0ddba1" + sign
        self.stay = f"{sign}5cc{sign}" * 6 + f"{sign}9"
        self.app = f"app-of-{reference}"
        self.visit = visit(self.phone, "west", 10, 70)
        self.path = path(self.phone, 0, 100, [("west", 10, 70)])
        self.car = car(self.stay, 0, 120, enrolled=self.plate)

    @property
    def of_position(self) -> set[str]:
        """What nothing may hold after a withdrawal of `position`."""
        return {self.wifi}

    @property
    def all_words(self) -> set[str]:
        """What nothing may hold after an erasure."""
        return {
            self.reference, self.phone, self.wifi, self.plate, self.plate_hash, self.stay, self.app,
            self.visit.data.visit, self.path.data.path,
        }  # fmt: skip


A, B = Someone("m-alice-0417", "a"), Someone("m-bob-0815", "b")


class Office:
    """A store, and the parts of the CRM that write to it; nothing runs by itself."""

    def __init__(self, store: Store, file: Path) -> None:
        self.store, self.path = store, file
        self.wall_ms = T0_MS + 500_000
        self.file = open_file(file)
        self.consents = Consents(
            open_file(file), "mall", store.secret(), now_ms=lambda: T0_MS + 200_000,
            wall_ms=lambda: self.wall_ms, elsewhere=store if isinstance(store, InfluxStore) else None,
        )  # fmt: skip
        self.identities = Identities(
            open_file(file), store.secret(), now_ms=lambda: T0_MS, wall_ms=lambda: self.wall_ms
        )
        self.desk = Desk(file, store.secret())
        self.matcher = Matcher("mall", Counter())

    def close(self) -> None:
        """Let go of everything but the store."""
        self.consents.close()
        self.identities.close()
        self.desk.close()
        self.file.close()

    def fill(self) -> None:
        """Let both members agree to everything, come by car, walk, and buy; a webhook is told in vain."""
        with self.file.transaction() as db:
            subscribers.add(db, WEBHOOK, "https://till.example/", Filter(), private=False, cursor=0)
        for one in (A, B):
            self.consents.say([Said(one.reference, p, True, "v1", "app", SINCE_MS) for p in Purpose])
            for kind, fields in (
                ("wifi", {"digest": one.wifi, "key": "0" * 8}),
                ("plate", {"digest": one.plate, "key": "0" * 8}),
                ("app", {"value": one.app}),
            ):
                row = {"reference": one.reference, "kind": kind, "evidence": "login"}
                report = self.identities.add(row | fields)
                assert not report.bad, report
            self.desk.claim(
                Claim(f"c-{one.stay[:4]}", "free", one.stay, T0_MS, 60), day=1, member=one.reference
            )
            with self.file.transaction() as db:
                db.execute(
                    "INSERT INTO crm_sales SELECT ?, 'west', ?, 4200, 0, 2, person FROM crm_persons"
                    " WHERE reference = ?",
                    (f"west-{one.stay[:4]}", T0_MS + 65_000, one.reference),
                )
        self.hear(1)
        self.commit(1)
        self.work()
        self.offer(given_up=3)

    def hear(self, seq: int) -> None:
        """Let a node say that it has heard both phones, and read both plates."""
        self.store.append([Input(_batch(seq), encode(_batch(seq)))])

    def commit(self, position: int, *, there: str = "") -> None:
        """Write what ticks gave, to the CRM the first time; the engine still knows the device `there`."""
        outputs = Outputs(
            positions=[places(T0_MS + 20_000, A.phone, B.phone), places(T0_MS + 30_000, A.phone)]
        )
        for number, one in enumerate((A, B)):
            seen, walk, parked = one.visit.data, one.path.data, one.car.data
            outputs.visits[seen.visit] = Visit(
                seen.visit, seen.device, seen.zone, seen.floor, seen.started_ms, seen.seen_ms, seen.ended_ms,
                seen.dwell_s, seen.confidence,
            )  # fmt: skip
            steps = json.dumps([{"visit": seen.visit, "zone": "west"}]).encode()
            outputs.paths.append(Walk(walk.path, walk.device, walk.started_ms, walk.ended_ms, steps))
            outputs.stays[parked.stay] = Stay(
                parked.stay, one.plate_hash, "P1", T0_MS, T0_MS + 9, T0_MS, T0_MS + 120_000, 0.9
            )
            for kind, event, thing in (
                (0, one.visit, seen.visit), (1, one.path, walk.path), (2, one.car, parked.stay),
            ):  # fmt: skip
                cursor = 10 * position + 3 * number + kind
                outputs.events.append(
                    Event(cursor, event.id, str(event.kind), T0_MS, "west", "F1", thing, 1.0, encode(event))
                )
                outputs.crm.append(CrmItem(CrmItem.EVENT, encode(event)))
            outputs.crm.insert(0, CrmItem(CrmItem.SIGHTING, encode(sighting(one.phone, one.wifi, 5))))
        if position > 1:  # an event is handed over once
            outputs.crm.clear()
        engine = b"state " + bytes.fromhex(there)[::-1]
        self.store.commit(outputs, Checkpoint(position, T0_MS + 200_000, 7, "site", engine, b"recorder"))

    def work(self) -> None:
        """Match what was handed over."""
        with self.file.transaction() as db:
            items = inbox.first(db, 1000)
            self.matcher.take(db, items)
            inbox.take_out(db, items)

    def offer(self, given_up: int = 0) -> None:
        """Offer the feed to the webhook, which takes nothing; so many rows are given up."""
        with self.file.transaction() as db:
            lanes.enqueue(db, WEBHOOK, self.wall_ms - 4 * DAY_MS, lambda _db, _person: ())
            lanes.give_up(db, self.wall_ms, given_up)

    def person(self, reference: str) -> str:
        """Return what a member is called inside."""
        with self.file.connection() as db:
            found = db.execute("SELECT person FROM crm_persons WHERE reference = ?", (reference,))
            return str(found.fetchone()[0])

    def tables(self) -> list[str]:
        """Return the names of all tables."""
        with closing(sqlite3.connect(self.path)) as db:
            return [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]

    def holding(self, words: set[str]) -> dict[str, set[str]]:
        """Return which tables hold which of these words, packed or not: as text, in hex or as bytes."""
        found: dict[str, set[str]] = {}
        with closing(sqlite3.connect(self.path)) as db:
            for table in self.tables():
                content = b"\n".join(_contents(db, table))
                if held := {word for word in words if _is_in(word, content)}:
                    found[table] = held
        return found

    def written(self, words: set[str]) -> dict[str, set[str]]:
        """Return which files of the store hold which of these words, as they are on the disk."""
        found = {}
        for file in self.path.parent.iterdir():
            if file.is_file() and (held := {word for word in words if _is_in(word, file.read_bytes())}):
                found[file.name] = held
        return found


def _contents(db: sqlite3.Connection, table: str) -> Iterator[bytes]:
    for row in db.execute(f"SELECT * FROM {table}"):
        for value in row:
            if isinstance(value, bytes):
                yield value
                yield _unpacked(value)
            else:
                yield str(value).encode()


def _unpacked(value: bytes) -> bytes:
    for unpack in (zlib.decompress, gzip.decompress):
        try:
            return unpack(value)
        except (zlib.error, OSError, EOFError):
            continue
    return b""


def _is_in(word: str, content: bytes) -> bool:
    try:
        raw = bytes.fromhex(word)
    except ValueError:
        return word.encode() in content
    return any(form in content for form in (word.encode(), raw, raw[::-1]))


def _batch(seq: int) -> ObservationBatch:
    people = (A, B)
    count = len(people)
    return ObservationBatch(
        node="n1", boot=BOOT, seq=seq, watermark_ms=T0_MS + 40_000, t_ms=[T0_MS + 5_000] * count,
        device=[one.phone for one in people], address_kind=[AddressKind.GLOBAL] * count,
        rssi_dbm=[-50] * count, channel=[6] * count, frame_kind=[FrameKind.PROBE] * count,
        sequence=[1] * count, elements=[""] * count,
        members=[MemberHeard(t_ms=T0_MS + 5_000, device=one.phone, digest=one.wifi) for one in people],
        plates=[
            PlateRead(
                track=f"{number:016x}", change=PlateChange.END, t_ms=T0_MS, camera="car-in",
                direction=Direction.IN, plate=one.plate_hash, confidence=0.9, enrolled_digest=one.plate,
            )
            for number, one in enumerate(people)
        ],
    )  # fmt: skip
