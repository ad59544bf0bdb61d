"""Figures and sales over HTTP: from a store to JSON and CSV, the same from every store."""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from typer.testing import CliRunner

from contracts.errors import ConfigurationError
from contracts.site import Crm as CrmSettings
from contracts.site import Site
from gateway.crm.cli import app
from gateway.crm.crm import Crm
from gateway.crm.figures.definitions import BY_ID
from gateway.crm.figures.reading import Reader, days
from gateway.figures.period import HOUR_MS, Period
from gateway.people import MallPeople
from gateway.recorder import Recorder
from gateway.store import Store
from gateway.store.promotions import Promotions
from gateway.store.records import PASSED_BY
from gateway.store.sqlite import SqliteStore
from tests.gateway import afternoon
from tests.gateway.crowd import START_MS, small_site
from tests.gateway.served import served
from tests.gateway.stores import NAMES, make_store, server_of
from tests.gateway.ticks import GRID, tick

DAY_MS = 24 * HOUR_MS
PERIOD = {"from_ms": START_MS, "to_ms": afternoon.END_MS}


@dataclass
class Mall:
    """A mall whose afternoon is in a store, behind the API."""

    client: httpx.Client
    store: Store
    site: Site
    crm: Crm

    def get(self, path: str, **query: Any) -> Any:
        """Ask for something that is there."""
        answer = self.client.get(f"/crm/{path}", params={**PERIOD, **query})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def malls(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Mall]]:
    """Record the same afternoon in every store there is, and serve each."""
    site = afternoon.site().model_copy(update={"crm": CrmSettings()})
    with ExitStack() as stack:
        found = {}
        for name in NAMES:
            folder = tmp_path_factory.mktemp(name)
            store = make_store(name, folder, server_of(request))
            stack.callback(store.close)
            afternoon.record(site, store.commit)
            crm = Crm(site, folder / "store", bytes(32), history=store, now_ms=lambda: afternoon.END_MS)
            stack.callback(crm.stop)
            promotions = Promotions(folder / "store")
            stack.callback(promotions.close)
            newest = tick(site, afternoon.END_MS, [])
            client = stack.enter_context(
                served(site, store, GRID, promotions, MallPeople.assumed(), newest, crm=crm)
            )
            found[name] = Mall(client, store, site, crm)
        yield found


@pytest.fixture
def mall(malls: dict[str, Mall]) -> Mall:
    """The one in SQLite."""
    return malls["sqlite"]


def sold(number: int, zone: str = "S10", start: int = 1) -> str:
    """So many receipts of 100 each, a minute apart."""
    rows = [
        f"{i},{zone},{datetime.fromtimestamp(START_MS / 1000 + 60 * i, UTC).isoformat()},100\n"
        for i in range(start, start + number)
    ]
    return "sale,zone,t,amount\n" + "".join(rows)


def test_every_store_gives_the_same_figures(malls: dict[str, Mall]) -> None:
    """SQLite and InfluxDB differ in nothing, and every figure is of a definition."""
    answers = [mall.get("figures") for mall in malls.values()]
    assert answers[0] == answers[1]
    rows = answers[0]["figures"]
    assert {row["id"] for row in rows} <= BY_ID.keys()
    assert {row["unit"] for row in rows if row["id"] == "revenue"} == {"money"}
    told = [row for row in rows if row["value"] is not None]
    assert len(told) > 40
    assert any(row["suppressed"] for row in rows)
    assert (answers[0]["k"], answers[0]["people"], answers[0]["currency"]) == (5, "assumed", "CNY")


def test_definitions_are_told(mall: Mall) -> None:
    """The API tells what every figure means, as the one place says it."""
    found = mall.get("figures/definitions")
    assert [row["id"] for row in found] == [*BY_ID]
    assert all(row["definition"]["zh"] and row["interval"] and row["source"] for row in found)


def test_sales_and_shops(mall: Mall) -> None:
    """What tills sold is in the shop's row and in the CSV; sent again it is known."""
    answer = mall.client.post("/crm/sales", content=sold(8) + "x,S10,later,1\n")
    assert answer.status_code == 200
    report = answer.json()
    assert (report["rows"], report["taken"], report["bad_rows"]) == (9, 8, 1)
    assert report["bad"][0] | {"problem": ""} == {"line": 10, "column": "t", "problem": ""}
    assert mall.client.post("/crm/sales", content=sold(8)).json()["known"] == 8
    rows = {row["zone"]: row for row in mall.get("figures/shops")["rows"]}
    assert set(rows) == {zone.id for _, zone in mall.site.zones() if zone.kind == "shop"}
    ten = rows["S10"]
    assert (ten["sales"], ten["revenue"]) == (8, 800.0)
    assert ten["conversion"]["value"] == pytest.approx(8 / ten["visits"], rel=1e-5)
    assert ten["spend_per_visit"]["low"] < 800 / ten["visits"] < ten["spend_per_visit"]["high"]
    download = mall.client.get("/crm/figures/shops.csv", params=PERIOD)
    assert download.headers["content-type"] == "text/csv; charset=utf-8"
    table = {row["zone"]: row for row in csv.DictReader(io.StringIO(download.text))}
    assert table["S10"]["revenue"] == "800.0"
    assert float(table["S10"]["zone_visits"]) == ten["visits"]


def test_figures_of_one_zone(mall: Mall) -> None:
    """With a zone, only its figures come; an unknown one is refused."""
    assert {row["zone"] for row in mall.get("figures", zone="S11")["figures"]} == {"S11"}
    assert {row["id"] for row in mall.get("figures", zone="floor:F2")["figures"]} == {"floor_share"}
    assert mall.client.get("/crm/figures", params={**PERIOD, "zone": "S99"}).status_code == 404


def test_no_sum_of_few_receipts(mall: Mall) -> None:
    """Three receipts of a shop are hidden with all that is made of them, and are in no sum of the mall."""
    mall.client.post("/crm/sales", content=sold(3, "S11"))
    rows = mall.get("figures/shops")["rows"]
    row = next(row for row in rows if row["zone"] == "S11")
    whole = next(
        row for row in mall.get("figures")["figures"] if row["id"] == "revenue" and row["zone"] is None
    )
    assert whole["value"] == sum(row["revenue"] or 0.0 for row in rows)
    assert row["sales"] is row["revenue"] is row["conversion"]["value"] is None
    text = mall.client.get("/crm/figures/shops.csv", params=PERIOD).text
    assert next(row for row in csv.DictReader(io.StringIO(text)) if row["zone"] == "S11")["revenue"] == ""


@pytest.mark.parametrize(
    ("content", "query", "status", "says"),
    [
        (b"", "", 422, "nothing was sent"),
        (b"sale,amount\n1,2\n", "", 422, "no column t"),
        (b"\xff\xff", "", 422, "no text in UTF-8"),
        (sold(1).encode(), "?till=K1:S99", 422, "NAME:ZONE"),
        (b"x" * (16 * 2**20 + 1), "", 413, "at most 16 MB"),
    ],
)
def test_what_is_no_file_of_a_till_is_refused(
    mall: Mall, content: bytes, query: str, status: int, says: str
) -> None:
    """The answer says what was expected."""
    answer = mall.client.post(f"/crm/sales{query}", content=content)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


def test_period_of_more_than_a_month_is_refused(mall: Mall) -> None:
    """A month is the most that is asked for at a time."""
    answer = mall.client.get("/crm/figures", params={"from_ms": START_MS - 32 * DAY_MS, "to_ms": START_MS})
    assert answer.status_code == 422
    assert "31 days" in answer.json()["detail"]


def test_mall_without_a_crm_has_no_figures(tmp_path: Any) -> None:
    """404 with the reason."""
    store = SqliteStore(tmp_path / "store")
    promotions = Promotions(tmp_path / "store")
    with served(small_site(), store, GRID, promotions, MallPeople.assumed()) as client:
        answer = client.get("/crm/figures")
    assert answer.status_code == 404
    assert "`crm:`" in answer.json()["detail"]
    promotions.close()
    store.close()


def test_import_from_the_command_line(mall: Mall, tmp_path: Any) -> None:
    """The command sends a file, prints what became of it, and ends with 1 where rows were bad."""
    url = str(mall.client.base_url).removesuffix("/api/v1/")
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(sold(2, "S12").replace("zone", "till").replace("S12", "Kasse 1"))
    bad.write_text(sold(1, "S99"))
    done = CliRunner().invoke(app, ["sales", "import", str(good), "--url", url, "--till", "Kasse 1:S12"])
    assert done.exit_code == 0
    assert done.stdout == "2 rows: 2 taken, 0 bad\n"
    failed = CliRunner().invoke(app, ["sales", "import", str(bad), "--url", url])
    assert failed.exit_code == 1
    assert f"{bad}:2: zone: no zone 'S99' in this mall" in failed.stdout
    nothing = CliRunner().invoke(app, ["sales", "import", str(tmp_path / "none.csv"), "--url", url])
    assert isinstance(nothing.exception, ConfigurationError)


def test_finished_days_are_read_once(mall: Mall) -> None:
    """A day that is over comes from memory; the one that goes on is read anew."""

    class Counting:
        """A history that counts how often visits are asked for."""

        def __init__(self, store: Store) -> None:
            self.store, self.asked = store, 0

        def __getattr__(self, name: str) -> Any:
            self.asked += name == "visits"
            return getattr(self.store, name)

        def newest_ms(self) -> int:
            """Two days later."""
            return afternoon.END_MS + 2 * DAY_MS

    history: Any = Counting(mall.store)
    reader = Reader(history, mall.site)
    period = Period(START_MS - DAY_MS, afternoon.END_MS + DAY_MS)
    parts = days(period, ZoneInfo("Asia/Shanghai"))
    first = reader.read(period)
    assert history.asked == len(parts) == 3
    assert reader.read(period).arrived == first.arrived > 0
    assert history.asked == 3
    reader.read(Period(period.from_ms, period.to_ms + DAY_MS))
    assert history.asked == 5  # the last day has got longer, and there is one more


def test_days_are_the_malls() -> None:
    """A period is cut at midnight, also where clocks change."""
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2025, 3, 29, 12, tzinfo=berlin)
    end = datetime(2025, 3, 31, 12, tzinfo=berlin)
    parts = days(Period(round(start.timestamp() * 1000), round(end.timestamp() * 1000)), berlin)
    assert [(part.to_ms - part.from_ms) / HOUR_MS for part in parts] == [12, 23, 12]


def test_passers_by_are_counted_once_they_are_gone() -> None:
    """Who was only ever outside passed by; who went in did not; without a CRM nobody counts them."""
    site = small_site().model_copy(update={"crm": CrmSettings()})
    outside = [(1, 0, 5.0, 5.0), (2, 0, 5.0, 5.0)]
    for here, expected in ((site, 1), (small_site(), 0)):
        recorder = Recorder(here, GRID)
        for second, people, inside in (
            (1, outside, set()),
            (2, outside, {2}),
            (3, [], set()),
            (70, [], set()),
        ):
            made = tick(here, START_MS + 1000 * second, people)
            for row, (number, *_) in enumerate(people):
                made.tracks.outside[row] = number not in inside
            recorder.add(made)
            again = Recorder(here, GRID)
            again.outputs = recorder.outputs
            again.restore(recorder.state())
            recorder = again
        assert sum(row.started for row in recorder.outputs.zone_minutes if row.zone == PASSED_BY) == expected
