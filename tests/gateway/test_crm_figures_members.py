"""What only members tell, from the rows that matching and tills leave."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.crm import Purpose
from gateway.crm.consent.ledger import Ledger
from gateway.crm.consent.persons import add_person
from gateway.crm.figures.members import read_members, read_spent
from gateway.crm.figures.selling import Sold, read_sold
from gateway.crm.file import open_file
from gateway.crm.identity import merges
from gateway.crm.merging import Merge
from gateway.figures.period import HOUR_MS, Period
from gateway.store.files import SharedWriter
from gateway.store.sqlite import SqliteStore

NOON = 1_773_460_800_000
MINUTE = 60_000
TODAY = Period(NOON, NOON + 4 * HOUR_MS)
VANISH_MS = 10 * MINUTE


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SharedWriter]:
    """Make a new store, and the CRM's way into it."""
    SqliteStore(tmp_path / "store.db").close()
    made = open_file(tmp_path / "store.db")
    yield made
    made.close()


def visit(file: SharedWriter, person: str, zone: str, start_min: int, end_min: int | None) -> None:
    """Leave a visit of a member, in minutes from noon."""
    end_ms = None if end_min is None else NOON + end_min * MINUTE
    row = {
        "visit": f"{person}-{zone}-{start_min}", "person": person, "zone": zone, "floor": "F1",
        "started_ms": NOON + start_min * MINUTE, "ended_ms": end_ms, "dwell_s": 60.0, "confidence": 0.9,
    }  # fmt: skip
    insert(file, "crm_visits", row)


def insert(file: SharedWriter, table: str, row: dict[str, object]) -> None:
    """Write a row; columns that are not named have their defaults."""
    with file.transaction() as db:
        db.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            [*row.values()],
        )


def test_members_are_new_or_return(file: SharedWriter) -> None:
    """Who came before the period returns; who is in a zone has come; who came at other times has not."""
    visit(file, "a", "mall", -1000, -900)
    visit(file, "a", "mall", 10, 60)
    visit(file, "b", "mall", 20, None)
    visit(file, "c", "mall", -50, -10)
    visit(file, "d", "S10", 5, 15)
    visit(file, "e", "mall", 300, 310)
    with file.connection() as db:
        found = read_members(db, TODAY, VANISH_MS)
    assert (found.members, found.returning) == (3, 1)
    assert (found.lengths_s, found.member) == ([3000.0], ["a"])  # b and d are still there


def test_devices_of_a_member_make_one_visit(file: SharedWriter) -> None:
    """Two phones at a time, and one that was silent for a moment, are one visit with the zones of both."""
    visit(file, "a", "mall", 10, 40)
    visit(file, "a", "mall", 12, 50)
    visit(file, "a", "mall", 55, 70)
    visit(file, "a", "mall", 100, 104)
    visit(file, "a", "S10", 15, 20)
    visit(file, "a", "S11", 60, 65)
    visit(file, "a", "S11", 101, 103)
    with file.connection() as db:
        found = read_members(db, TODAY, VANISH_MS)
    assert found.lengths_s == [3600.0, 240.0]
    assert found.zones == [2, 1]


def test_merged_persons_are_one(file: SharedWriter) -> None:
    """A person who goes on as another one came with that one's visits, and returns with them."""
    visit(file, "a", "mall", -1000, -900)
    visit(file, "b", "mall", 10, 60)
    with file.transaction() as db:
        merges.make(db, Merge("a", "b"), "desk", NOON, NOON)
        found = read_members(db, TODAY, VANISH_MS)
    assert (found.members, found.returning) == (1, 1)


def test_spend_of_a_stay(file: SharedWriter) -> None:
    """What was bought between entry and exit counts; stays of who does not agree to marketing do not."""
    with file.transaction() as db:
        persons = [add_person(db, f"m-{i}", NOON) for i in range(3)]
        for person, given in zip(persons, (True, True, False), strict=True):
            Ledger.record(
                db, person, Purpose.MARKETING, given=given, t_ms=NOON, text="1", channel="x", recorded_ms=NOON
            )
    for number, (who, entered, left) in enumerate(
        [(0, 0, 60), (0, 70, 80), (1, 0, None), (2, 0, 60), (1, 5, 90)]
    ):
        left_ms = None if left is None else NOON + left * MINUTE
        row = {"stay": f"s{number}", "person": persons[who], "entered_ms": NOON + entered * MINUTE}
        insert(file, "crm_stays", row | {"left_ms": left_ms, "confidence": 0.9})
    for number, (who, minute, amount) in enumerate(
        [(0, 30, 1000), (0, 40, -200), (0, 65, 999), (1, 95, 500)]
    ):
        row = {"sale": f"S10:{number}", "zone": "S10", "t_ms": NOON + minute * MINUTE, "amount": amount}
        insert(file, "crm_sales", row | {"discount": 0, "items": 1, "person": persons[who]})
    with file.connection() as db:
        found = read_spent(db, TODAY)
        sold = read_sold(db, TODAY)
    assert found.amounts.tolist() == [800.0, 0.0, 0.0]
    assert (found.members, found.buyers) == (2, 1)
    assert sold == {"S10": Sold(receipts=3, refunds=1, revenue=2299)}


def test_nobody_parked(file: SharedWriter) -> None:
    """Without stays there is nothing to tell."""
    with file.connection() as db:
        found = read_spent(db, TODAY)
    assert (len(found.amounts), found.members) == (0, 0)
