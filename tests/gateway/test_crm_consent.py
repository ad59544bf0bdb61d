"""Withdrawal, export and erasure: nothing that is written holds what nobody agrees to any more."""

import json
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from contracts.crm import Purpose
from contracts.messages import ObservationBatch
from gateway.crm.consent.afterwards import AGAIN_MS
from gateway.crm.consent.withdrawal import Said
from gateway.crm.delivery import lanes, subscribers
from gateway.store.files import connect_reader
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.store import InfluxStore
from tests.gateway.crm_office import WEBHOOK, A, B, Office
from tests.gateway.membership import T0_MS
from tests.gateway.stores import NAMES, make_store, server_of
from tests.influx import Influxd

MEASUREMENTS = {"position": "raw", "visit": "visits", "path": "visits", "stay": "visits"}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Keep everything that is logged, and search it for members afterwards."""
    caplog.set_level(logging.DEBUG)
    yield caplog
    assert not [word for word in A.all_words | B.all_words if word in caplog.text]


@pytest.fixture(params=NAMES)
def office(request: pytest.FixtureRequest, tmp_path: Path, log: pytest.LogCaptureFixture) -> Iterator[Office]:
    """Return two members in a store, with everything there can be, and look at all logs in the end."""
    del log
    store = make_store(request.param, tmp_path, server_of(request))
    made = Office(store, tmp_path / "store")
    made.fill()
    yield made
    made.close()
    store.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a store with two members."""
    folder = tmp_path_factory.mktemp("filled")
    store = make_store("sqlite", folder, pytest.fail)
    made = Office(store, folder / "store")
    made.fill()
    made.close()
    store.close()
    return folder / "store"


@pytest.fixture
def plain(filled: Path, tmp_path: Path, log: pytest.LogCaptureFixture) -> Iterator[Office]:
    """Return a copy of it, opened."""
    del log
    shutil.copy(filled, tmp_path / "store")
    store = make_store("sqlite", tmp_path, pytest.fail)
    made = Office(store, tmp_path / "store")
    yield made
    made.close()
    store.close()


def withdraw(office: Office, *purposes: Purpose) -> None:
    """Have the first member withdraw."""
    office.consents.say([Said(A.reference, one, False, "v1", "app") for one in purposes])
    office.work()
    office.offer()


def test_everything_is_there_before(plain: Office) -> None:
    """The searches below find what they look for: every word is in several tables, and in the file."""
    held = plain.holding(A.all_words | {plain.person(A.reference)})
    assert {
        "crm_persons", "crm_consents", "crm_claims", "crm_sightings", "crm_links", "crm_feed", "crm_visits",
        "crm_stays", "crm_sales", "visits", "paths", "stays", "events", "positions", "journal", "claims",
    } <= set(held)  # fmt: skip
    assert {A.phone, A.wifi, A.plate, A.plate_hash} <= held["journal"]
    assert A.reference in held["crm_feed"]
    with closing(sqlite3.connect(plain.path)) as db:
        for table in ("crm_pending", "crm_dead"):
            query = f"SELECT count(*) FROM {table} JOIN crm_feed USING (seq) WHERE person IS NOT NULL"
            assert db.execute(query).fetchone()[0] > 0, table
    assert A.reference in set().union(*plain.written(A.all_words).values())


GONE = {
    Purpose.POSITION: ("crm_visits", {A.wifi}, {A.phone, A.visit.data.visit, A.path.data.path}),
    Purpose.PARKING: ("crm_stays", {A.plate}, {A.stay}),
    Purpose.MARKETING: ("crm_sales", set[str](), set[str]()),
}
"""A table of what the purpose is for, what is nowhere after a withdrawal, and what is not told any more."""


@pytest.mark.parametrize("purpose", Purpose)
def test_a_withdrawal_takes_all_that_it_covers(plain: Office, purpose: Purpose) -> None:
    """What one purpose covers is gone from every table and every byte; the rest, and others, stay."""
    person, other = plain.person(A.reference), plain.person(B.reference)
    before = plain.holding(B.all_words | {other})
    withdraw(plain, purpose)
    table, nowhere, nobodys = GONE[purpose]
    assert plain.holding(nowhere) == {}
    assert plain.written(nowhere) == {}
    assert table not in plain.holding({person})
    assert not [held for held in plain.holding(nobodys) if held.startswith("crm_")]
    with closing(sqlite3.connect(plain.path)) as db:
        rows = db.execute("SELECT subject, payload FROM crm_feed WHERE person = ?", (person,)).fetchall()
        for waits in ("crm_pending", "crm_dead"):
            query = f"SELECT count(*) FROM {waits} WHERE seq NOT IN (SELECT seq FROM crm_feed)"
            assert db.execute(query).fetchone()[0] == 0, waits
    told = json.dumps([payload.decode() for _, payload in rows])
    assert not [word for word in nobodys if word in told]
    for others in set(Purpose) - {purpose}:
        assert person in plain.holding({person})[GONE[others][0]]
    assert plain.holding(B.all_words | {other}) == before


def test_who_withdraws_all_is_in_the_ledger_alone(plain: Office) -> None:
    """After the last withdrawal there is the member's name, the ledger, and the word to subscribers."""
    person = plain.person(A.reference)
    withdraw(plain, *Purpose)
    held = plain.holding({person, A.reference, A.wifi, A.plate, A.app})
    assert held.pop("crm_persons") == {person, A.reference}
    assert held.pop("crm_consents") == {person}
    assert held.pop("claims", None) is None
    assert held.pop("crm_feed") == {person, A.reference}
    assert held.pop("crm_pending") == {person}
    assert held == {}
    with closing(sqlite3.connect(plain.path)) as db:
        rows = db.execute("SELECT kind, person FROM crm_feed WHERE subject = ?", (person,)).fetchall()
    assert set(rows) == {("member.withdrawn", None)}


def test_no_table_is_forgotten(plain: Office) -> None:
    """Whoever is in any table of the CRM, now or later, is in none but the ledger after an erasure.

    And after the last withdrawal in none but the ledger and the list of names.
    """
    for after in ("withdrawal", "erasure"):
        reference = f"m-everywhere-{after}"
        plain.consents.say([Said(reference, one, True, "v1", "app") for one in Purpose])
        person = plain.person(reference)
        with plain.file.transaction() as db:
            tables = [table for table in plain.tables() if put_somewhere(db, table, person)]
        assert len(tables) >= 8
        if after == "erasure":
            assert plain.consents.erase(reference) is not None
        else:
            plain.consents.say([Said(reference, one, False, "v1", "app") for one in Purpose])
        with plain.file.connection() as db:
            left = {
                table
                for table in tables
                if db.execute(f"SELECT 1 FROM {table} WHERE person = ?", (person,)).fetchone()
            }
        assert left <= (
            {"crm_consents"} if after == "erasure" else {"crm_consents", "crm_persons", "crm_merges"}
        )


def put_somewhere(db: sqlite3.Connection, table: str, person: str) -> bool:
    """Put a row about a person into a table that can have one; tells whether it can."""
    info = db.execute(f"PRAGMA table_info({table})").fetchall()
    if not table.startswith("crm_") or "person" not in {column[1] for column in info}:
        return False
    fitting: dict[str, object] = {"TEXT": f"x-{table}", "INTEGER": 7, "REAL": 0.5, "BLOB": b"{}"}
    kind = "wifi" if table == "crm_claims" else "visit.started"
    special = {"person": person, "kind": kind, "subject": "c" * 16}
    row = {name: special.get(name, fitting[kind]) for _, name, kind, *_ in info}
    columns = [name for name in row if not name.endswith(("ended_ms", "undone_ms"))]
    db.execute(
        f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        [row[name] for name in columns],
    )
    return True


def test_a_withdrawal_that_comes_late_takes_what_was_kept(plain: Office) -> None:
    """A withdrawal older than a new consent deletes what was kept before, and the consent holds on."""
    late = Said(A.reference, Purpose.POSITION, False, "v1", "form", T0_MS - 3_600_001)
    (done,) = plain.consents.say([late])
    assert done.deleted["crm_visits"] == 2
    shown = plain.consents.member(A.reference)
    assert shown is not None
    assert shown.member.consents[Purpose.POSITION]
    (again,) = plain.consents.say([late])
    assert (again.new, again.deleted.total()) == (False, 0)


def test_a_member_in_one_line(plain: Office) -> None:
    """A line of the list says what is agreed to, how many identifiers there are, and the last moment."""
    plain.consents.say([Said(A.reference, Purpose.MARKETING, False, "v1", "app")])
    (row,) = plain.consents.members("ALICE", "", 10)
    assert row.reference == A.reference
    assert row.consents == {Purpose.POSITION: True, Purpose.PARKING: True, Purpose.MARKETING: False}
    assert row.identifiers == {"app": 1, "plate": 1, "wifi": 1}
    assert (row.visits, row.last_seen_ms) == (1, T0_MS + 120_000)  # the car left after the visit
    assert [one.reference for one in plain.consents.members("", "", 10)] == [A.reference, B.reference]
    assert [one.reference for one in plain.consents.members("", A.reference, 10)] == [B.reference]


def test_export_gives_all_that_is_held(office: Office) -> None:
    """The export has what is in any table, with the history that was linked, and nothing of anybody else."""
    found = office.consents.export(A.reference)
    assert found is not None
    text = json.dumps(found)
    assert not [word for word in A.all_words - {A.app, A.plate_hash} if word not in text]
    assert not [
        word
        for word in (*B.all_words, office.person(A.reference), office.person(B.reference))
        if word in text
    ]
    assert found["references"] == [A.reference]
    (walk,) = found["history"]["paths"]
    assert walk["steps"] == [{"visit": A.visit.data.visit, "zone": "west"}]
    assert [seen["visit"] for seen in found["history"]["visits"]] == [A.visit.data.visit]
    assert [stay["plate"] for stay in found["history"]["stays"]] == [A.plate_hash]
    assert office.consents.export("m-nobody") is None


def test_erasure_leaves_nothing(office: Office, request: pytest.FixtureRequest) -> None:
    """An erased member is in no table, no file and no log, waiting or sent; everybody else is as before."""
    words = A.all_words | {office.person(A.reference)}
    person, kept = office.person(A.reference), history(office, B.phone)
    before = office.holding(B.all_words)
    done = office.consents.erase(A.reference)
    assert done is not None
    gone, _ = done
    assert {"crm_persons", "crm_claims", "crm_visits", "claims", "journal"} <= set(gone)
    held = office.holding(words)
    told = {"crm_feed": {person, A.reference}, "crm_pending": {person}}
    # The ledger speaks of nobody now, and one event tells the webhook to delete its copies.
    assert {table: held[table] for table in held if table not in ("crm_consents", "crm_erasures")} == (
        told if "crm_pending" in held else {"crm_feed": told["crm_feed"]}
    )
    assert held["crm_consents"] == {person}
    with office.file.transaction() as db:
        subscribers.remove(db, WEBHOOK)
        subscribers.ensure_broker(db, lanes.newest(db))
        assert lanes.forget_withdrawals(db) == 1
    office.wall_ms += AGAIN_MS + 1
    office.consents.afterwards.round()
    office.consents.afterwards.withdrawn()
    assert office.holding(words) == {"crm_consents": {person}}
    assert set(office.written(words - {person})) == set()
    assert office.holding(B.all_words) == {
        table: found for table, found in before.items() if table not in ("crm_pending", "crm_dead")
    }
    assert history(office, B.phone) == kept
    assert history(office, A.phone) == ([], [], [])
    assert [stay.stay for stay in office.store.stays(0, T0_MS * 2)] == [B.stay]
    if isinstance(office.store, InfluxStore):
        assert not in_influx(office.store, request.getfixturevalue("influxd"), words - {person})


def test_a_phone_that_is_there_is_erased_again(plain: Office) -> None:
    """While the engine knows the device it is written again; once it has left, all of it goes."""
    plain.commit(2, there=A.phone)
    words = A.all_words | {plain.person(A.reference)}
    done = plain.consents.erase(A.reference)
    assert done is not None
    assert done[1]
    plain.commit(3, there=A.phone)
    plain.work()
    assert "visits" in plain.holding({A.phone})
    plain.wall_ms += AGAIN_MS
    assert plain.consents.afterwards.round() == 1
    assert set(plain.holding({A.phone})) == {"checkpoint", "crm_erasures"}
    plain.commit(4)
    plain.work()
    assert plain.consents.afterwards.round() == 0
    plain.wall_ms += AGAIN_MS
    assert plain.consents.afterwards.round() == 1
    assert set(plain.holding(words)) <= {"crm_consents", "crm_feed", "crm_pending"}
    assert plain.consents.afterwards.round() == 0


def test_a_clock_that_is_set_back_puts_off_no_erasure(plain: Office) -> None:
    """What was to be gone on with when the clock was years ahead is gone on with when it is right again."""
    year_ms = 365 * 24 * 3_600_000
    plain.commit(2, there=A.phone)
    plain.wall_ms += year_ms
    plain.consents.erase(A.reference)
    assert plain.consents.afterwards.round() == 0
    plain.wall_ms -= year_ms
    plain.commit(3)
    assert plain.consents.afterwards.round() == 1
    assert "visits" not in plain.holding({A.phone})


def test_a_reader_delays_the_sweep(plain: Office) -> None:
    """While somebody reads, the log of the file holds what was deleted; then it goes, at the next look."""
    words = A.all_words - {A.phone}
    with closing(connect_reader(plain.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM crm_feed").fetchone()
        plain.consents.erase(A.reference)
        with plain.file.transaction() as db:
            subscribers.remove(db, WEBHOOK)
            db.execute("DELETE FROM crm_feed WHERE kind = 'member.withdrawn'")
        assert plain.written(words)
    plain.consents.afterwards.round()
    assert plain.written(words) == {}


def test_a_node_that_was_away_brings_nothing_back(plain: Office) -> None:
    """A batch that comes in late and names who has withdrawn or was erased loses that; others stay in it."""
    withdraw(plain, Purpose.POSITION)
    plain.consents.erase(B.reference)
    plain.hear(2)
    held = plain.holding({A.wifi, A.plate, B.wifi, B.plate})["journal"]
    assert held == {A.wifi, A.plate, B.wifi, B.plate}
    plain.wall_ms += AGAIN_MS
    plain.consents.afterwards.round()
    assert plain.holding({A.wifi, B.wifi, B.plate}) == {}
    assert "journal" in plain.holding({A.plate})
    assert [item.seq for item in batches(plain)] == [1, 2]


def batches(office: Office) -> list[ObservationBatch]:
    """Return the batches of the journal; none is damaged."""
    return [item.message for _, item in office.store.after(0) if isinstance(item.message, ObservationBatch)]


def test_what_waits_for_a_server_that_is_away_goes(
    influxd_factory: Callable[..., Influxd], tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    """Points that were sent are replaced once the server is back; those that were not never arrive."""
    server = influxd_factory()
    server.make_database("mall", "raw", "visits", "rollups")
    client = InfluxClient(InfluxAddress.parse(server.address("mall")))
    store = InfluxStore(tmp_path / "store", client, "small", pause_s=(0.01, 0.1))
    office = Office(store, tmp_path / "store")
    office.fill()
    assert store.flush(30)
    server.stop()
    office.commit(2)
    office.work()
    assert A.phone in office.holding({A.phone})["outbox"]
    done = office.consents.erase(A.reference)
    assert done is not None
    assert done[1]
    assert "outbox" not in office.holding(A.all_words)
    assert B.phone in office.holding({B.phone})["outbox"]
    assert "an erasure waits for the history's server" in log.text
    server.start()
    office.wall_ms += AGAIN_MS
    assert office.consents.afterwards.round() == 1
    assert store.flush(30)
    assert not in_influx(store, server, A.all_words)
    assert in_influx(store, server, {B.phone, B.stay}) == {B.phone, B.stay}
    office.close()
    store.close()


def history(office: Office, device: str) -> tuple[list[object], list[object], list[object]]:
    """Return the visits, paths and positions of a device, as the store gives them."""
    store, end_ms = office.store, T0_MS * 2
    places = store.positions("F1", T0_MS + 25_000, 30_000)
    return (
        [one for one in store.visits(0, end_ms) if one.device == device],
        [one for one in store.paths(0, end_ms) if one.device == device],
        [] if places is None else [name for name in places.device if name == device],
    )


def in_influx(store: InfluxStore, server: Influxd, words: set[str]) -> set[str]:
    """Return which words the server gives when asked for everything."""
    client = InfluxClient(InfluxAddress.parse(server.address(store.database)))
    text = repr(
        [
            client.query(f'SELECT * FROM "{policy}"."{name}"', database=store.database)
            for name, policy in MEASUREMENTS.items()
        ]
    )
    client.close()
    return {word for word in words if word in text}
