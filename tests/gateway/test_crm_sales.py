"""What tills sold: read exactly, kept once, and whose it is only with consent."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.crm import Purpose
from contracts.errors import ConfigurationError
from contracts.money import exponent, smallest_units
from gateway.crm.consent.ledger import Ledger
from gateway.crm.consent.persons import add_person
from gateway.crm.figures.sale_files import read
from gateway.crm.figures.sale_import import MOST_BAD, Report, import_sales
from gateway.crm.figures.sale_values import Shop
from gateway.crm.file import open_file
from gateway.crm.tables import Row
from gateway.store.files import SharedWriter
from gateway.store.sqlite import SqliteStore

SHANGHAI = ZoneInfo("Asia/Shanghai")
SHOP = Shop(frozenset({"S10", "S11"}), {"Kasse 3": "S11"}, "CNY", SHANGHAI)
HEADER = "sale,zone,t,amount,discount,items,reference\n"
ROW = "4711,S10,2026-03-14T15:09:26+08:00,120.50,10,3,\n"
T_MS = 1_773_472_166_000


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SharedWriter]:
    """Make a new store, and the CRM's way into it."""
    SqliteStore(tmp_path / "store.db").close()
    made = open_file(tmp_path / "store.db")
    yield made
    made.close()


def kept(file: SharedWriter) -> list[tuple[Any, ...]]:
    """Every sale that is in the store."""
    with file.connection() as db:
        return db.execute(
            "SELECT sale, zone, t_ms, amount, discount, items, person FROM crm_sales ORDER BY sale"
        ).fetchall()


def take(file: SharedWriter, text: str, shop: Shop = SHOP) -> Report:
    """Import a text."""
    return import_sales(file, text.encode(), shop)


def agree(file: SharedWriter, reference: str, *, given_: bool = True, t_ms: int = T_MS) -> str:
    """Let a member agree to marketing, or withdraw it; gives the person."""
    with file.transaction() as db:
        person = add_person(db, reference, t_ms)
        Ledger.record(
            db, person, Purpose.MARKETING, given=given_, t_ms=t_ms, text="1", channel="till", recorded_ms=t_ms
        )
    return person


def test_sale_is_kept_once(file: SharedWriter) -> None:
    """The same file sent again changes nothing; the same row twice in a file is a duplicate."""
    first = take(file, HEADER + ROW + ROW)
    assert (first.rows, first.taken, first.duplicates, first.bad_rows) == (2, 1, 1, 0)
    again = take(file, HEADER + ROW)
    assert (again.taken, again.known) == (0, 1)
    assert kept(file) == [("S10:4711", "S10", T_MS, 12_050, 1_000, 3, None)]


def test_json_lines_say_the_same_as_csv(file: SharedWriter) -> None:
    """A row as a JSON object is the same sale, whether numbers are numbers or texts."""
    take(file, HEADER + ROW)
    row = {
        "sale": 4711,
        "zone": "S10",
        "t": "2026-03-14T07:09:26Z",
        "amount": 120.50,
        "discount": "10",
        "items": 3,
    }
    report = take(file, json.dumps(row) + "\n\n")
    assert (report.rows, report.known) == (1, 1)


def test_time_without_a_zone_is_the_malls(file: SharedWriter) -> None:
    """A till that knows no time zone has the mall's."""
    take(file, HEADER + ROW.replace("+08:00", ""))
    assert kept(file)[0][2] == T_MS


def test_correction_replaces_and_another_sale_does_not(file: SharedWriter) -> None:
    """The same receipt at the same moment is corrected; at another moment it is refused, not overwritten."""
    take(file, HEADER + ROW)
    corrected = take(file, HEADER + ROW.replace("120.50", "99"))
    assert (corrected.corrected, kept(file)[0][3]) == (1, 9_900)
    other = take(file, HEADER + ROW.replace("15:09", "16:09"))
    assert (other.taken, other.bad_rows) == (0, 1)
    assert "another sale has this number" in other.bad[0].problem
    assert kept(file)[0][2] == T_MS


def test_refund_is_a_receipt_of_its_own(file: SharedWriter) -> None:
    """A negative amount is taken off; numbers of two shops do not meet."""
    report = take(file, HEADER + ROW + ROW.replace("4711", "4711-R").replace("120.50", "-20.5"))
    assert (report.taken, report.refunds) == (2, 1)
    assert take(file, HEADER + ROW.replace("S10", "S11")).taken == 1
    assert [row[3] for row in kept(file)] == [12_050, -2_050, 12_050]


def test_till_has_a_zone(file: SharedWriter) -> None:
    """A till's name stands for its zone, where the request says which; else the row is bad."""
    text = "sale,till,t,amount\n1,Kasse 3,2026-03-14T15:09:26,1\n2,Kasse 4,2026-03-14T15:09:26,1\n"
    report = take(file, text)
    assert [row[1] for row in kept(file)] == ["S11"]
    assert [(bad.line, bad.column) for bad in report.bad] == [(3, "zone")]
    assert "Kasse 4" in report.bad[0].problem


def test_person_only_with_consent(file: SharedWriter) -> None:
    """Who agrees to marketing is kept; who does not, has withdrawn or is unknown leaves an anonymous sale."""
    person = agree(file, "m-1")
    agree(file, "m-2", given_=False)
    rows = "".join(ROW.replace("4711", name).replace("3,\n", f"3,{name}\n") for name in ("m-1", "m-2", "m-3"))
    report = take(file, HEADER + rows)
    assert (report.taken, report.without_person) == (3, 2)
    assert [row[6] for row in kept(file)] == [person, None, None]
    agree(file, "m-1", given_=False, t_ms=T_MS + 1)
    take(file, HEADER + ROW.replace("4711", "x").replace("3,\n", "3,m-1\n"))
    assert {row[0]: row[6] for row in kept(file)}["S10:x"] is None


def test_correction_does_not_forget_whose_it_is(file: SharedWriter) -> None:
    """A correction without the card keeps the person; a card shown later adds one."""
    person = agree(file, "m-1")
    take(file, HEADER + ROW)
    assert take(file, HEADER + ROW.replace("3,\n", "3,m-1\n")).known == 1
    take(file, HEADER + ROW.replace("120.50", "99"))
    assert [(row[3], row[6]) for row in kept(file)] == [(9_900, person)]


@pytest.mark.parametrize(
    ("column", "row", "says"),
    [
        ("amount", ROW.replace("120.50", '"120,50"'), "decimal point"),
        ("amount", ROW.replace("120.50", "CNY 120"), "without a currency"),
        ("amount", ROW.replace("120.50", "1.234"), "CNY has 2 decimals"),
        ("amount", ROW.replace("120.50", "nan"), "expected an amount"),
        ("discount", ROW.replace(",10,", ",-1,"), "positive"),
        ("items", ROW.replace(",3,", ",three,"), "three"),
        ("t", ROW.replace("T15:09:26+08:00", ""), "expected a time like"),
        ("t", ROW.replace("2026", "0001"), "between 1970 and 2100"),
        ("zone", ROW.replace("S10", "S99"), "no zone 'S99'"),
        ("sale", ROW.replace("4711", ""), "receipt's number"),
        ("reference", ROW.replace("3,\n", "3,13812345678\n"), "telephone number"),
        ("", ROW.replace("3,\n", "3,,x,y\n"), "decimal comma"),
    ],
)
def test_bad_row_is_told_with_line_and_column(file: SharedWriter, column: str, row: str, says: str) -> None:
    """A row that cannot be used is told with its place and what was expected; the others are taken."""
    report = take(file, HEADER + ROW.replace("4711", "1") + row)
    assert (report.taken, report.bad_rows, len(kept(file))) == (1, 1, 1)
    (bad,) = report.bad
    assert (bad.line, bad.column) == (3, column)
    assert says in bad.problem
    assert "13812345678" not in bad.problem


def test_gb18030_is_read(file: SharedWriter) -> None:
    """Tills in China write GB18030 as well as UTF-8, and Windows puts a mark before it."""
    text = "sale,till,t,amount\n1,三号收银台,2026-03-14T15:09:26,1\n"
    shop = Shop(SHOP.zones, {"三号收银台": "S10"}, "CNY", SHANGHAI)
    assert import_sales(file, text.encode("gb18030"), shop).taken == 1
    assert import_sales(file, text.encode("utf-8-sig"), shop).known == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xff\xff", "no text in UTF-8, GB 18030 or UTF-16"),
        (b"sale,amount\n1,2\n", "no column t"),
        (b'sale,t,amount\n"1,2,3\n' + b"x" * 200_000, "field larger"),
    ],
)
def test_file_that_cannot_be_read_is_refused(file: SharedWriter, data: bytes, says: str) -> None:
    """Nothing is taken from what is no table."""
    with pytest.raises(ConfigurationError, match=says):
        import_sales(file, data, SHOP)
    assert not kept(file)


def test_report_names_the_first_bad_rows(file: SharedWriter) -> None:
    """All bad rows are counted, and the first hundred are named."""
    report = take(file, HEADER + "x,y,z,\n" * 250)
    assert (report.bad_rows, len(report.bad)) == (250, MOST_BAD)


def test_what_is_older_than_kept_is_refused() -> None:
    """What retention would delete at once is not taken in."""
    late = Shop(SHOP.zones, {}, "CNY", SHANGHAI, oldest_ms=T_MS + 1)
    assert "longer ago than purchases are kept" in getattr(
        late.sale(_row("2026-03-14T15:09:26")), "problem", ""
    )


def test_what_has_not_happened_yet_is_refused() -> None:
    """A till with a wrong date: its receipts would outlast all others, and could not be corrected."""
    early = Shop(SHOP.zones, {}, "CNY", SHANGHAI, latest_ms=T_MS - 1)
    assert "in the future" in getattr(early.sale(_row("2026-03-14T15:09:26")), "problem", "")
    assert getattr(early.sale(_row("2026-03-14T15:09:25")), "problem", "") == ""


def test_amounts_of_another_currency_are_refused(file: SharedWriter) -> None:
    """Dollars are not taken for yuan where the file says what they are."""
    header = HEADER.strip() + ",currency\n"
    report = take(file, header + ROW.strip() + ",USD\n" + ROW.replace("4711", "4712").strip() + ",CNY\n")
    assert (report.taken, [(bad.line, bad.column) for bad in report.bad]) == (1, [(2, "currency")])


def test_hour_that_never_was() -> None:
    """A local time that clocks jumped over is refused, not moved."""
    berlin = Shop(SHOP.zones, {}, "EUR", ZoneInfo("Europe/Berlin"))
    assert "never was" in getattr(berlin.sale(_row("2026-03-29T02:30:00")), "problem", "")
    assert getattr(berlin.sale(_row("2026-03-29T03:30:00")), "problem", "") == ""


def _row(t: str) -> Any:
    return Row(2, {"sale": "1", "zone": "S10", "t": t, "amount": "1"})


@given(st.integers(-(10**12) + 1, 10**12 - 1), st.sampled_from(["CNY", "JPY", "KWD", "CLF"]))
def test_amounts_are_exact(units: int, currency: str) -> None:
    """An amount written with all its decimals is read as it was, to the last unit."""
    text = str(Decimal(units).scaleb(-exponent(currency)))
    written = format(Decimal(text), "f")
    assert smallest_units(written, currency) == units


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever a file holds, each row is a sale or bad; a whole file may be refused."""
    try:
        rows = list(read((HEADER + text).encode("utf-8", "surrogatepass")))
    except ConfigurationError:
        return
    for row in rows:
        if isinstance(row, Row):
            SHOP.sale(row)


def test_moment_is_the_one_that_was_written() -> None:
    """The moment used in these tests is 15:09:26 in Shanghai."""
    assert datetime.fromtimestamp(T_MS / 1000, UTC).isoformat() == "2026-03-14T07:09:26+00:00"
