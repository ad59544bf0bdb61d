"""The ledger: in whichever order things are said, the newest entry decides, and nothing is ever changed."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.crm import Purpose
from contracts.references import ReferenceRefusedError, check_reference
from gateway.crm.consent.ledger import Ledger, generation
from gateway.crm.consent.persons import add_person, merged, person_of, same_as
from gateway.crm.consent.withdrawal import AHEAD_MS, FutureError, Said, record
from gateway.store.schema import migrate

REFERENCES = ("m-1", "m-2", "m-3")
NOW_MS = 1_760_000_000_000
PEOPLE = st.sampled_from("abcdefgh")

_empty = sqlite3.connect(":memory:", isolation_level=None)
migrate(_empty)


def opened() -> sqlite3.Connection:
    """Return a new store in memory."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    _empty.backup(db)
    return db


class LedgerMachine(RuleBasedStateMachine):
    """Members say things in any order, and again, and the ledger agrees with a list of what they said."""

    @initialize()
    def begin(self) -> None:
        """Nobody has said anything."""
        self.db = opened()
        self.said: dict[tuple[str, Purpose], list[tuple[int, bool]]] = {}
        self.entries: list[tuple[object, ...]] = []
        self.generation = generation(self.db)

    @rule(
        reference=st.sampled_from(REFERENCES),
        purpose=st.sampled_from(Purpose),
        given=st.booleans(),
        t_ms=st.integers(NOW_MS - 3, NOW_MS + 1) | st.none(),
    )
    def say(self, reference: str, purpose: Purpose, given: bool, t_ms: int | None) -> None:
        """Somebody says something, now or at another time, perhaps once more."""
        said = Said(reference, purpose, given, "v1", "app", t_ms)
        done = record(self.db, said, mall="m", now_ms=NOW_MS, wall_ms=NOW_MS + 5)
        so_far = self.said.setdefault((reference, purpose), [])
        assert done.new == ((done.entry.t_ms, given) not in so_far)
        if t_ms is None:  # what is said now decides
            assert Ledger.in_force(self.db, done.entry.person, purpose) == given
        if done.new:
            so_far.append((done.entry.t_ms, given))
            assert generation(self.db) > self.generation
        self.generation = generation(self.db)

    @invariant()
    def newest_decides(self) -> None:
        """Of the newest moment's entries one that withdraws comes first; nobody else agrees to anything."""
        agree = {
            key
            for key, said in self.said.items()
            if max((t_ms, not given) for t_ms, given in said)[1] is False
        }
        for purpose in Purpose:
            found = Ledger.in_force_all(self.db, purpose)
            for reference in REFERENCES:
                person = person_of(self.db, reference)
                assert ((reference, purpose) in agree) == (person in found)
                assert person is None or Ledger.in_force(self.db, person, purpose) == (person in found)

    @invariant()
    def nothing_is_changed(self) -> None:
        """What was in the ledger is in it still, as it was."""
        now = self.db.execute("SELECT * FROM crm_consents ORDER BY entry").fetchall()
        assert now[: len(self.entries)] == self.entries
        assert len(now) == sum(map(len, self.said.values()))
        self.entries = now

    def teardown(self) -> None:
        """Close the file."""
        self.db.close()


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


def say(db: sqlite3.Connection, reference: str, *, given: bool, t_ms: int) -> None:
    """Have somebody say something about positions."""
    said = Said(reference, Purpose.POSITION, given, "v1", "app", t_ms)
    record(db, said, mall="m", now_ms=NOW_MS, wall_ms=NOW_MS)


@pytest.mark.parametrize("statement", ["UPDATE crm_consents SET given = 1", "DELETE FROM crm_consents"])
def test_the_ledger_is_only_appended_to(statement: str) -> None:
    """Not even with SQL at hand is an entry changed or deleted."""
    db = opened()
    say(db, "m-1", given=False, t_ms=NOW_MS)
    with pytest.raises(sqlite3.IntegrityError, match="only appended to"):
        db.execute(statement)


def test_merged_references_speak_for_one_person() -> None:
    """While two references are one person, what either said last decides for both; undone, each is alone."""
    db = opened()
    say(db, "m-1", given=True, t_ms=NOW_MS - 10)
    say(db, "m-2", given=False, t_ms=NOW_MS - 5)
    one, two = person_of(db, "m-1"), person_of(db, "m-2")
    assert one
    assert two
    assert Ledger.in_force_all(db, Purpose.POSITION) == {one}
    merge = (
        "INSERT INTO crm_merges (person, into_person, evidence, t_ms, recorded_ms) VALUES (?, ?, '', 0, 0)"
    )
    db.execute(merge, (one, two))
    assert same_as(db, one) == same_as(db, two) == sorted([one, two])
    assert Ledger.in_force_all(db, Purpose.POSITION) == set()
    say(db, "m-2", given=True, t_ms=NOW_MS)
    assert Ledger.in_force_all(db, Purpose.POSITION) == {one, two}
    assert Ledger.in_force(db, one, Purpose.POSITION)
    db.execute("UPDATE crm_merges SET undone_ms = 1")
    say(db, "m-2", given=False, t_ms=NOW_MS + 1)
    assert Ledger.in_force_all(db, Purpose.POSITION) == {one}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh"), st.booleans()), max_size=9)
)
def test_groups_of_merged_persons(merges: list[tuple[str, str, bool]]) -> None:
    """Everybody in a group is the same as everybody else in it, and as nobody else."""
    db = opened()
    db.executemany(
        "INSERT INTO crm_merges (person, into_person, evidence, t_ms, recorded_ms, undone_ms)"
        " VALUES (?, ?, '', 0, 0, CASE WHEN ? THEN 1 END)",
        merges,
    )
    groups = {person: group for group in merged(db) for person in group}
    for person in "abcdefgh":
        assert same_as(db, person) == groups.get(person, [person])


def test_nobody_speaks_for_tomorrow() -> None:
    """A consent in the future is refused: no withdrawal until then would count."""
    db = opened()
    with pytest.raises(FutureError):
        say(db, "m-1", given=True, t_ms=NOW_MS + AHEAD_MS + 1)
    assert person_of(db, "m-1") is None


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("13812345678", "telephone"), ("+86-138-1234-5678", "telephone"), ("0571-88886666", "telephone"),
        ("someone@example.com", "e-mail"), ("浙A12345", "plate"), ("粤B·D12345", "plate"),
        ("40:ec:99:a7:b3:5c", "address"), ("40EC99A7B35C", "address"), ("40-ec-99-a7-b3-5c", "address"),
        ("", "1 to 64"), ("a b", "1 to 64"), ("-x", "1 to 64"), ("x" * 65, "1 to 64"),
    ],
)  # fmt: skip
def test_names_that_say_something_are_refused(text: str, looks: str) -> None:
    """What others know a person by is no reference, and the refusal does not repeat it."""
    with pytest.raises(ReferenceRefusedError, match=looks) as refused:
        check_reference(text)
    assert len(text) < 3 or text not in str(refused.value)


@pytest.mark.parametrize("text", ["m-004711", "00012345", "8f14e45fceea167a", "A.b_c~d", "8800123456"])
def test_names_that_say_nothing_are_taken(text: str) -> None:
    """Numbers of memberships and random names are references, and a name is one person's."""
    db = opened()
    assert add_person(db, text, 0) == add_person(db, check_reference(text), 1)


def test_the_ledger_is_read_from_its_newest_entry_back() -> None:
    """Page by page every entry of a purpose, or of all, comes once, the newest first."""
    db = opened()
    for number in range(5):
        purpose = Purpose.POSITION if number % 2 else Purpose.MARKETING
        record(
            db,
            Said(REFERENCES[number % 3], purpose, True, f"v{number}", "app"),
            mall="m",
            now_ms=NOW_MS,
            wall_ms=NOW_MS,
        )
    first = Ledger.newest(db, 2**62, 3)
    rest = Ledger.newest(db, first[-1].entry, 3)
    assert [entry.text for entry in first + rest] == ["v4", "v3", "v2", "v1", "v0"]
    assert [entry.text for entry in Ledger.newest(db, 2**62, 9, Purpose.POSITION)] == ["v3", "v1"]
