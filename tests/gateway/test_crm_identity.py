"""Identifiers in the store: imported with a report, asked for consent, ended, merged and taken apart."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.crm import IdentifierKind, Purpose
from contracts.errors import ConfigurationError
from gateway.crm.consent.consents import Consents
from gateway.crm.consent.withdrawal import Said
from gateway.crm.file import open_file
from gateway.crm.identity import claims, resolving
from gateway.crm.identity.graph import Verdict
from gateway.crm.identity.identifiers import digest_of
from gateway.crm.identity.identities import Identities, NobodyError
from gateway.crm.identity.merges import AlreadyOneError
from gateway.crm.identity.taking import Report
from gateway.store.sqlite import SqliteStore

NOW_MS = 1_750_000_000_000
SECRET = b"s" * 32
KEY, OTHER_KEY = "0a1b2c3d", "ffffffff"
HEADER = "reference,kind,digest,key,evidence"
PHONE, CAR = "1" * 32, "2" * 32
ADDRESS = "40:ec:99:a7:b3:5c"


class Office:
    """A store with members in it; everybody agrees to everything, but `m-none`."""

    def __init__(self, folder: Path) -> None:
        path = folder / "store.db"
        self.now_ms = NOW_MS
        self._store = SqliteStore(path)
        self.consents = Consents(
            open_file(path), "m", SECRET, now_ms=lambda: self.now_ms, wall_ms=lambda: self.now_ms
        )
        self.identities = Identities(
            open_file(path), SECRET, now_ms=lambda: self.now_ms, wall_ms=lambda: self.now_ms
        )
        self.file = open_file(path)
        self.say(*(f"m-{name}" for name in "abcde"), given=True)
        self.say("m-none", given=False)

    def say(self, *references: str, given: bool, purposes: Sequence[Purpose] = tuple(Purpose)) -> None:
        """Have members agree, or withdraw, now."""
        self.now_ms += 1
        self.consents.say([Said(r, p, given, "1", "app", self.now_ms) for r in references for p in purposes])

    def take(self, *rows: str, header: str = HEADER, **more: Any) -> Report:
        """Import a CSV."""
        return self.identities.import_("\n".join([header, *rows]).encode(), **more)

    def whose(self, kind: IdentifierKind, digest: str) -> str | None:
        """Say by reference whose an identifier is."""
        with self.file.connection() as db:
            found = resolving.verdict(db, kind, digest)
            if found is None or found.person is None:
                return None
            reference = db.execute("SELECT reference FROM crm_persons WHERE person = ?", (found.person,))
            return str(reference.fetchone()[0])

    def graph(self) -> dict[Any, Verdict]:
        """Say whose everything is; both ways to ask agree."""
        with self.file.connection() as db:
            found = resolving.verdicts(db)
            owned = {(o.kind, o.digest): (o.person, o.confidence) for o in resolving.owners(db)}
            assert owned.keys() == {key for key, one in found.items() if one.person is not None}
            for key, (person, confidence) in owned.items():
                assert person == found[key].person
                assert confidence == pytest.approx(found[key].confidence)
            assert resolving.conflicts(db) == sorted(
                (one for one in found.values() if one.conflict), key=lambda one: (one.kind, one.digest)
            )
            return found

    def forget(self) -> None:
        """Forget all identifiers and merges."""
        with self.file.transaction() as db:
            db.execute("DELETE FROM crm_claims")
            db.execute("DELETE FROM crm_merges")
            db.execute("DELETE FROM crm_key")

    def close(self) -> None:
        """Let go of the file."""
        for part in (self.consents, self.identities, self.file, self._store):
            part.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Open a store for all tests."""
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.close()


@pytest.fixture
def office(opened: Office) -> Office:
    """Give it without identifiers."""
    opened.forget()
    return opened


def counts(report: Report) -> dict[str, int]:
    """What a report counts, but what is nought."""
    names = ("rows", "taken", "known", "duplicates", "no_consent", "conflicts", "bad_rows")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def test_a_file_is_reported_row_by_row(office: Office) -> None:
    """Taken, twice in the file, without consent, wrong: all are counted, and wrong ones named by column."""
    report = office.take(
        f"m-a,wifi,{PHONE},{KEY},login", f"m-a,wifi,{PHONE},{KEY},login", "", f"m-b,plate,{CAR},{KEY},form",
        f"m-none,wifi,{PHONE},{KEY},login", f"m-unknown,wifi,{PHONE},{KEY},login",
        f"m-c,wifi,{PHONE.upper()}A,{KEY},login", f"m-c,nose,{PHONE},{KEY},login",
        f"m-c,wifi,{PHONE},{OTHER_KEY},login", f"m-c,wifi,{PHONE},,login", f"m-c,wifi,{PHONE},{KEY},Log In!",
        f"m-c,wifi,{PHONE},{KEY},login,more",
    )  # fmt: skip
    assert counts(report) == {"rows": 11, "taken": 2, "duplicates": 1, "no_consent": 2, "bad_rows": 6}
    named = [(bad.line, bad.column) for bad in report.bad]
    assert named == [(8, "digest"), (9, "kind"), (10, "key"), (11, "key"), (12, "evidence"), (13, "")]
    assert office.whose(IdentifierKind.WIFI, PHONE) == "m-a"
    assert office.whose(IdentifierKind.PLATE, CAR) == "m-b"


def test_the_same_file_again_changes_nothing(office: Office) -> None:
    """What is here is known; consents and identities are not said to have changed."""
    row = f"m-a,wifi,{PHONE},{KEY},login"
    office.take(row)
    with office.file.connection() as db:
        before = db.execute("SELECT generation FROM crm_generation").fetchone()
        assert counts(office.take(row)) == {"rows": 1, "known": 1}
        assert db.execute("SELECT generation FROM crm_generation").fetchone() == before


@pytest.mark.parametrize(
    ("kind", "value", "again"),
    [
        ("phone", "+86 138-0013-8000", "13800138000"),
        ("app", "oX7w-9", " oX7w-9 "),
        ("member", "4711", "4711"),
    ],
)
def test_what_may_come_in_clear_is_hashed_before_it_is_written(
    office: Office, kind: str, value: str, again: str
) -> None:
    """However it is written it is the same digest, and the clear text is nowhere in the file."""
    header = "reference,kind,value"
    assert counts(office.take(f"m-a,{kind},{value}", header=header)) == {"rows": 1, "taken": 1}
    assert counts(office.take(f"m-a,{kind},{again}", header=header)) == {"rows": 1, "known": 1}
    assert office.whose(IdentifierKind(kind), digest_of(SECRET, IdentifierKind(kind), value)) == "m-a"
    with office.file.connection() as db:
        dump = "\n".join(db.iterdump())
    assert value not in dump.replace('"crm_', "")


@pytest.mark.parametrize(
    "row",
    [f"m-a,wifi,,{ADDRESS},{KEY},", "m-a,plate,,浙A12345,,", f"m-a,wifi,{ADDRESS},,{KEY},",
     f"m-a,wifi,{ADDRESS.replace(':', '')},,{KEY},", f"{ADDRESS},wifi,{PHONE},,{KEY},",
     f"浙A12345,plate,{CAR},,{KEY},", f"m-a,wifi,{PHONE},,{KEY},{ADDRESS}", f"m-a,{ADDRESS},{PHONE},,{KEY},",
     f"m-a,wifi,{PHONE},,{ADDRESS},", f"m-a,wifi,{PHONE},,{KEY},,{ADDRESS}"],
)  # fmt: skip
def test_addresses_and_plates_are_refused_and_not_repeated(office: Office, row: str) -> None:
    """In whichever column they stand, the row is refused, and neither the report nor the store has them."""
    report = office.take(row, header="reference,kind,digest,value,key,evidence")
    assert (report.taken, report.bad_rows) == (0, 1)
    with office.file.connection() as db:
        written = "\n".join(db.iterdump())
    for text in (repr(report), written):
        assert ADDRESS not in text
        assert "浙A12345" not in text


def test_a_file_without_a_header_is_refused_and_not_repeated(office: Office) -> None:
    """Its first line is somebody's data."""
    with pytest.raises(ConfigurationError) as caught:
        office.take(f"m-b,wifi,{ADDRESS}", header=f"m-a,wifi,{ADDRESS}")
    assert ADDRESS not in str(caught.value)


def test_tables_come_in_other_encodings_and_as_json(office: Office) -> None:
    """GBK and UTF-16 of a spreadsheet, a byte order mark, quotation marks, JSON by line or in one."""
    text = f'"reference",kind,digest,key,备注\r\n"m-a","wifi",{PHONE},{KEY},"名字, 车"\r\n'
    row = {"reference": "m-a", "kind": "wifi", "digest": PHONE, "key": KEY, "t_ms": NOW_MS, "confidence": 0.9}
    forms = [text.encode("gbk"), text.encode("utf-16"), b"\xef\xbb\xbf" + text.encode(),
             json.dumps(row).encode(), json.dumps([row]).encode()]  # fmt: skip
    assert [counts(office.identities.import_(form)) for form in forms] == [
        {"rows": 1, "taken": 1}, *[{"rows": 1, "known": 1}] * 4,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [b"", b"reference,kind\n" + b"a," * 1_000_000, b"reference,kind\n" + b'"' + b"x" * 200_000, b"\x00" * 50,
     b"reference,kind\n\x00,\x00\n", b"[" * 100_000, b'{"a": [1]}\n{', b"\xff\xfe\x00", b'[{"reference":',
     b"{}\n" * 3, b"reference,kind\nm-a,member,,,,,\n", b'{"reference":null}', b'{"\\ud800": "\\ud800"}',
     b'{"\\ud800": true}', b'{"kind": "\\ud800"}',
     b'{"reference": ["40:ec:99:a7:b3:5c"]}'],
)  # fmt: skip
def test_hostile_files_are_a_report_or_an_error(office: Office, data: bytes) -> None:
    """Nothing is taken of a file that is none, and nothing breaks."""
    try:
        report = office.identities.import_(data)
    except ConfigurationError:
        return
    assert report.taken == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.binary(max_size=300)
    | st.lists(st.text(max_size=12), max_size=30).map(
        lambda w: ("reference,kind,value\n" + ",".join(w)).encode()
    )
)
def test_any_bytes_are_a_report_or_an_error(opened: Office, data: bytes) -> None:
    """Whatever is sent, it is a report that adds up, or refused in one way."""
    try:
        report = opened.identities.import_(data)
    except ConfigurationError:
        return
    named = report.taken + report.known + report.duplicates + report.no_consent + report.bad_rows
    assert report.rows == named


def test_another_key_is_refused_as_a_whole(office: Office) -> None:
    """Nodes have one key: digests of another one are not mixed in, unless the mall has a new key."""
    office.take(f"m-a,wifi,{PHONE},{KEY},login")
    with pytest.raises(ConfigurationError, match=f"made with the key {OTHER_KEY}.*{KEY}") as caught:
        office.take(f"m-b,wifi,{CAR},{OTHER_KEY},login")
    assert "--new-key" in caught.value.hint
    assert office.whose(IdentifierKind.WIFI, CAR) is None
    office.take(f"m-b,wifi,{CAR},{OTHER_KEY},login", new_key=True)
    assert office.whose(IdentifierKind.WIFI, CAR) == "m-b"
    assert office.whose(IdentifierKind.WIFI, PHONE) is None


def test_the_key_of_a_file_of_which_nothing_was_kept_binds_nobody(office: Office) -> None:
    """A first file with a wrong key, of people without consent, does not shut the right one out."""
    office.take(f"m-none,wifi,{PHONE},{OTHER_KEY},login")
    assert office.take(f"m-a,wifi,{PHONE},{KEY},login").taken == 1


def test_consent_decides_and_its_withdrawal_deletes(office: Office) -> None:
    """An address needs consent to positions, a plate to parking; without, it is not kept, or goes."""
    office.take(f"m-a,wifi,{PHONE},{KEY},login", f"m-a,plate,{CAR},{KEY},form")
    office.say("m-a", given=False, purposes=[Purpose.POSITION])
    assert office.whose(IdentifierKind.WIFI, PHONE) is None
    assert office.whose(IdentifierKind.PLATE, CAR) == "m-a"
    assert counts(office.take(f"m-a,wifi,{PHONE},{KEY},login")) == {"rows": 1, "no_consent": 1}
    office.say("m-a", given=True)
    assert office.take(f"m-a,wifi,{PHONE},{KEY},login").taken == 1


def test_an_ended_claim_stays_ended_until_something_newer(office: Office) -> None:
    """Yesterday's file does not bring back what was ended today; a login of tomorrow does."""
    header, row = f"{HEADER},t_ms", f"m-a,wifi,{PHONE},{KEY},login"
    office.take(f"{row},{NOW_MS - 1000}", header=header)
    (claimed,) = office.identities.claims("m-a")
    office.identities.end_claim(claimed.row.claim, "sold")
    assert counts(office.take(f"{row},{NOW_MS - 1000}", header=header)) == {"rows": 1, "known": 1}
    assert office.whose(IdentifierKind.WIFI, PHONE) is None
    assert office.take(f"{row},{office.now_ms + 1000}", header=header).taken == 1
    assert office.whose(IdentifierKind.WIFI, PHONE) == "m-a"
    assert [one.row.ended_why for one in office.identities.claims("m-a")] == ["sold", None]
    with pytest.raises(NobodyError):
        office.identities.end_claim(claimed.row.claim, "again")


def test_a_shared_phone_is_shown_and_a_merge_solves_it(office: Office) -> None:
    """Nobody is matched by it; the conflict names both with their claims, until they are one person."""
    report = office.take(f"m-a,wifi,{PHONE},{KEY},login", f"m-b,wifi,{PHONE},{KEY},login")
    assert counts(report) == {"rows": 2, "taken": 2, "conflicts": 1}
    (found,) = office.identities.conflicts()
    assert sorted(found.references.values()) == ["m-a", "m-b"]
    assert len(found.claimed) == 2
    assert office.identities.conflicts("m-c") == []
    merge = office.identities.merge("m-a", "m-b", "form")
    assert office.whose(IdentifierKind.WIFI, PHONE) == "m-b"
    assert office.identities.conflicts() == []
    with pytest.raises(AlreadyOneError):
        office.identities.merge("m-b", "m-a", "form")
    office.identities.unmerge(merge, "a mistake")
    assert len(office.identities.conflicts("m-a")) == 1
    with pytest.raises(NobodyError):
        office.identities.unmerge(merge, "again")
    with pytest.raises(NobodyError):
        office.identities.merge("m-a", "m-unknown", "form")
    (row,) = office.identities.merges()
    assert (row.reference, row.into, row.row.undone_why) == ("m-a", "m-b", "a mistake")


ROWS = st.lists(
    st.builds(
        "m-{},{},{},{}".format,
        st.sampled_from("abcde"),
        st.sampled_from([f"wifi,{PHONE},{KEY}", f"wifi,{CAR},{KEY}", f"plate,{CAR},{KEY}"]),
        st.sampled_from(["login", "form"]),
        st.sampled_from(["", "0.3", "0.6", "0.99"]),
    ),
    max_size=12,
)
PAIRS = st.lists(st.lists(st.sampled_from("abcde"), min_size=2, max_size=2, unique=True), max_size=4)


def merge_all(office: Office, pairs: Sequence[Sequence[str]]) -> list[int]:
    """Merge these members, where they are not one yet."""
    made = []
    for one, other in pairs:
        try:
            made.append(office.identities.merge(f"m-{one}", f"m-{other}", "form"))
        except AlreadyOneError:
            continue
    return made


@pytest.mark.parametrize("kind", [IdentifierKind.APP, IdentifierKind.MEMBER])
@pytest.mark.parametrize("value", ["da:3f:c4:11:d2:e7", "DA-3F-C4-11-D2-E7", "浙A12345", "浙A·D12345"])
def test_an_address_or_a_plate_of_another_kind_is_refused(kind: IdentifierKind, value: str) -> None:
    """In clear it is taken nowhere, and the message does not repeat it."""
    with pytest.raises(ValueError, match="an address or a plate") as refused:
        digest_of(SECRET, kind, value)
    assert value not in str(refused.value)
    assert len(digest_of(SECRET, kind, value[:4])) == 32


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(ROWS, PAIRS, PAIRS)
def test_what_is_merged_and_unmerged_is_as_it_was(
    opened: Office, rows: list[str], before: list[list[str]], more: list[list[str]]
) -> None:
    """After merges and their undoing, in whichever order, the graph is what it was."""
    opened.forget()
    opened.take(*rows, header=f"{HEADER},confidence")
    merge_all(opened, before)
    graph = opened.graph()
    made = merge_all(opened, more)
    opened.graph()
    random.Random(len(made)).shuffle(made)
    for number in made:
        opened.identities.unmerge(number, "undone")
    assert opened.graph() == graph


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(ROWS, st.randoms(use_true_random=False), st.integers(0, 12))
def test_the_order_of_imports_makes_no_difference(
    opened: Office, rows: list[str], order: random.Random, cut: int
) -> None:
    """Imported at once, or in two files and another order, the graph is the same."""
    header = f"{HEADER},confidence"
    opened.forget()
    opened.take(*rows, header=header)
    graph = opened.graph()
    opened.forget()
    mixed = list(rows)
    order.shuffle(mixed)
    for part in (mixed[:cut], mixed[cut:], mixed[:3]):
        opened.take(*part, header=header)
    assert opened.graph() == graph
    with opened.file.connection() as db:
        kept = [(c.person, c.kind, c.digest, c.evidence, c.confidence) for c in claims.holding(db)]
    assert len(kept) == len(set(kept))
