"""What Grafana reads: figures in a real InfluxDB 1.6.7 equal what the HTTP API answers, and hide as much."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.errors import ConfigurationError
from contracts.site import Site, dump_site
from gateway.api import tables
from gateway.figures.period import HOUR_MS
from gateway.nodes import Nodes
from gateway.people import MallPeople
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.figure_history import figures
from gateway.store.influx.figures import FigureSettings, MinuteFigures
from gateway.store.influx.figuring import Figuring
from gateway.store.influx.store import InfluxStore
from gateway.store.promotions import Promotions
from gateway.store.records import MINUTE_MS
from gateway.store.sqlite import SqliteStore
from tests.gateway import afternoon
from tests.gateway.afternoon import END_MS, HOURS, K
from tests.gateway.crowd import START_MS
from tests.gateway.served import served
from tests.gateway.ticks import GRID, pseudonym, tick
from tests.influx import Influxd

PEOPLE = MallPeople.assumed()
FIRST = {"from_ms": START_MS, "to_ms": START_MS + HOUR_MS}
ALL = {"from_ms": START_MS, "to_ms": START_MS + HOURS * HOUR_MS}
COUNTS = ("people", "visits", "visitors", "arrivals", "cars", "entered", "left", "people_now")


@dataclass
class Kept:
    """A store with its figures, in a database of its own."""

    site: Site
    store: InfluxStore
    settings: FigureSettings
    figuring: Figuring
    client: InfluxClient
    database: str
    file: Path

    def rows(self, table: str, *, policy: str = "long", where: str = "") -> list[dict[str, Any]]:
        """All rows of a table of the figures' database, tags included; absent fields are None."""
        query = f'SELECT * FROM "{policy}"."{table}"{where}'
        found = self.client.query(query, database=f"{self.database}_figures")
        return [dict(zip(one.columns, row, strict=True)) for one in found for row in one.values]

    def make(self) -> int:
        """Make the hours that are due, and wait for the server to have them."""
        made = self.figuring.hours.make(threading.Event(), 10.0)
        assert self.store.flush(10)
        return made


def keep(server: Influxd, folder: Path, database: str = "") -> Kept:
    """Open a store, new or as it was left, that writes figures."""
    site, new = afternoon.site(), not database
    database = database or f"mall-{uuid4().hex}"
    if new:
        server.make_database(database, "raw", "visits", "rollups")
        server.make_database(f"{database}_figures", "live", "long")
    client = InfluxClient(InfluxAddress.parse(server.address(database)))
    settings = FigureSettings.of(site, GRID, PEOPLE, f"{database}_figures")
    minutes = MinuteFigures(settings, Nodes(site).reports)
    file = folder / "store.db"
    store = InfluxStore(file, client, "small", figures=minutes, pause_s=(0.1, 0.2))
    figuring = Figuring(settings, store, file, lambda: None)
    return Kept(site, store, settings, figuring, client, database, file)


@pytest.fixture(scope="module")
def kept(influxd: Influxd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """An afternoon in InfluxDB, its hours made twice on the way."""
    made = keep(influxd, tmp_path_factory.mktemp("figures"))
    for until in (START_MS + HOUR_MS + 10 * MINUTE_MS, END_MS):
        before = made.store.newest_ms() or 0
        afternoon.record(made.site, made.store.commit, until_ms=until, from_ms=before)
        assert made.store.flush(30)
        assert made.make() > 0
    yield made
    made.figuring.stop()
    made.store.close()


@pytest.fixture(scope="module")
def api(kept: Kept) -> Iterator[httpx.Client]:
    """The HTTP API over the same InfluxDB."""
    promotions = Promotions(kept.file, kept.figuring.promotion)
    with served(kept.site, kept.store, GRID, promotions, PEOPLE) as client:
        yield client
    promotions.close()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The HTTP API over an SQLite store of the same afternoon."""
    file = tmp_path_factory.mktemp("embedded") / "store.db"
    store, site = SqliteStore(file), afternoon.site()
    afternoon.record(site, store.commit)
    promotions = Promotions(file)
    with served(site, store, GRID, promotions, PEOPLE) as client:
        yield client
    promotions.close()
    store.close()


def sorted_rows(table: type[tables.Row], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as the table has them, in a fixed order; the mall's tag is left out."""
    names = [name for name in table.model_fields if name != "removed"]
    found = [{name: row.get(name) for name in names} for row in rows]
    return sorted(found, key=lambda row: [row["time"], *(row[tag] for tag in table.tags)])


@pytest.mark.parametrize("table", [tables.OccupancyRow, tables.ZoneHourRow, tables.FootfallHourRow])
def test_grafana_sees_what_the_api_answers(
    kept: Kept, api: httpx.Client, embedded: httpx.Client, table: type[tables.Row]
) -> None:
    """Rows in InfluxDB, rows of the API over it, and rows of the API over SQLite are the same."""
    where = f" WHERE time >= {START_MS}ms AND time < {ALL['to_ms']}ms"
    written = sorted_rows(table, kept.rows(table.table, where=where))
    for asked in (api, embedded):
        answered = asked.get(f"/rows/{table.table}", params=ALL).raise_for_status().json()
        assert sorted_rows(table, answered) == written
    assert any(row["suppressed"] for row in written)
    assert any(not row["suppressed"] and row.get("people", row.get("visits")) for row in written)


def test_an_hours_figures_are_those_of_the_console(kept: Kept, api: httpx.Client) -> None:
    """Zones, footfall and flows of an hour in InfluxDB are what the console's requests answer for it."""
    for hour_ms in range(START_MS, ALL["to_ms"], HOUR_MS):
        hour = {"from_ms": hour_ms, "to_ms": hour_ms + HOUR_MS}
        where = f" WHERE time = {hour_ms}ms"
        zones = {row["zone"]: row for row in kept.rows("zone_hour", where=where)}
        for asked in api.get("/zones", params=hour).json():
            row = zones[asked["zone"]]
            (by_hour,) = api.get(f"/zones/{asked['zone']}/hours", params=hour).json()
            for name in ("visits", "people_mean", "suppressed"):
                assert row.get(name) == by_hour[name]
            for name in ("dwell_median_s", "dwell_p90_s", "dwell_mean_s"):
                assert row.get(name) == asked[name]
            for name in ("visitors", "visitors_low", "visitors_high"):
                assert row.get(name) == (None if by_hour["suppressed"] else asked[name])
        (row,) = kept.rows("footfall_hour", where=where)
        (footfall,) = api.get("/footfall", params=hour).json()
        assert all(row.get(name) == value for name, value in footfall.items() if name != "hour_ms")
        links = api.get("/flows", params=hour).json()["links"]
        flows = [
            {name: row[name] for name in ("source", "target", "people")}
            for row in kept.rows("flow_hour", where=where)
        ]
        assert sorted(flows, key=str) == sorted(links, key=str)
    assert kept.rows("flow_hour")


def test_heat_is_that_of_the_console_in_larger_cells(kept: Kept, api: httpx.Client) -> None:
    """The device-minutes in cells of 4 m are those of the console's 2 m cells, at the right places."""
    shown = 0
    for hour_ms in range(START_MS, ALL["to_ms"], HOUR_MS):
        for floor in ("F1", "F2"):
            hour = {"from_ms": hour_ms, "to_ms": hour_ms + HOUR_MS, "floor": floor}
            heat = api.get("/heat", params=hour).json()
            rows = kept.rows("cell_hour", where=f" WHERE time = {hour_ms}ms AND floor = '{floor}'")
            assert sum(row["minutes"] for row in rows) == pytest.approx(sum(heat["value"]), abs=2.0)
            blocks = {kept.site.georeference.to_plan(row["lat"], row["lon"]): row["minutes"] for row in rows}
            for (x_m, y_m), minutes in blocks.items():
                inside = 0.0
                for index, value in zip(heat["index"], heat["value"], strict=True):
                    row_of, column = divmod(index, heat["nx"])
                    cell_x = heat["x0_m"] + (column + 0.5) * heat["cell_m"]
                    cell_y = heat["y0_m"] + (row_of + 0.5) * heat["cell_m"]
                    inside += value * (abs(cell_x - x_m) < 2.0 and abs(cell_y - y_m) < 2.0)
                assert minutes == pytest.approx(inside, abs=0.05)
            asked = api.get("/rows/cell_hour", params=hour).json()
            assert {(r["cell"], r["minutes"]) for r in asked} == {(r["cell"], r["minutes"]) for r in rows}
            shown += len(rows)
    assert shown > 100


def test_a_visit_that_ends_late_changes_its_hour(kept: Kept) -> None:
    """The dwell of the first hour holds a visit that ended in the third, after the hour was first made."""
    (row,) = kept.rows("zone_hour", where=f" WHERE time = {START_MS}ms AND zone = 'S10'")
    with_late = kept.store.visits(START_MS, START_MS + HOUR_MS, "S10")
    assert pseudonym(afternoon.LATE) in {visit.device for visit in with_late}
    dwell = [visit.dwell_s for visit in with_late]
    assert row["dwell_mean_s"] == round(sum(dwell) / len(dwell), 1)
    assert kept.make() == 0


def everything(kept: Kept) -> dict[str, list[dict[str, Any]]]:
    """All that is in the figures' database, by table."""
    found: dict[str, list[dict[str, Any]]] = {}
    for policy in ("live", "long"):
        for one in kept.client.query(f'SELECT * FROM "{policy}"./.*/', database=f"{kept.database}_figures"):
            rows = [dict(zip(one.columns, row, strict=True)) for row in one.values]
            found.setdefault(one.name, []).extend(rows)
    return found


def test_nothing_is_about_fewer_than_k(kept: Kept) -> None:
    """Nowhere in the figures' database is a number of one to k - 1 people, nor a map of where so few were."""
    found = everything(kept)
    assert {*found} >= {"occupancy", "cell", "node", "zone_hour", "footfall_hour", "flow_hour", "cell_hour"}
    for table, rows in found.items():
        for row in rows:
            for name in COUNTS if table != "cell" else ():
                assert row.get(name) is None or row[name] == 0 or row[name] >= K, (table, row)
            if row.get("people") == 0:
                assert row["high"] < K
            if row.get("suppressed"):
                hidden = {*row} - {"time", "mall", "suppressed", "floor", "zone", "kind", "area", "capacity"}
                assert table == "footfall_hour" or not [name for name in hidden if row[name] is not None]
    on_floor = {(r["time"], r["floor"]): r["people"] or 0 for r in found["occupancy"] if r["kind"] == "floor"}
    assert all(on_floor[row["time"], row["floor"]] >= K for row in found["cell"])
    for row in found["cell_hour"]:
        minutes = range(row["time"], row["time"] + HOUR_MS, MINUTE_MS)
        assert any(on_floor.get((minute, row["floor"]), 0) >= K - 1 for minute in minutes)
    few = {key for key, people in on_floor.items() if 0 < people < K} | {
        (r["time"], r["floor"]) for r in found["occupancy"] if r["kind"] == "floor" and r["suppressed"]
    }
    assert few


def test_no_device_and_no_position_is_written(kept: Kept) -> None:
    """No pseudonym, no visit and no place in metres is in the figures' database, as a value or in a name."""
    text = json.dumps(everything(kept))
    devices = {visit.device for visit in kept.store.visits(START_MS, END_MS)}
    secrets = devices | {visit.visit for visit in kept.store.visits(START_MS, END_MS)}
    assert len(devices) > 20
    assert not [secret for secret in secrets if secret in text]
    assert not [name for name in ("x_m", "y_m", "device", 'visit"', "path", "confidence") if name in text]


def test_every_minute_of_every_place_is_there(kept: Kept) -> None:
    """Minutes without anybody are there, too, as nobody; each once, wherever commits fall."""
    rows = kept.rows("occupancy", where=" WHERE zone = 'mall'")
    minutes = (END_MS - START_MS) // MINUTE_MS - 1
    assert [row["time"] for row in rows] == [START_MS + i * MINUTE_MS for i in range(minutes)]
    assert {row["people"] for row in rows[-3:]} == {0}


def test_promotions_come_and_go(kept: Kept, api: httpx.Client) -> None:
    """A promotion that is written down over HTTP is a row in InfluxDB, and marked when it is taken back."""
    new = {**ALL, "title": {"en": "Spring sale", "zh": "春季特卖"}, "zone": "S10"}
    new["start_ms"], new["end_ms"] = new.pop("from_ms"), new.pop("to_ms")
    made = api.post("/promotions", json=new).raise_for_status().json()
    assert kept.store.flush(10)
    (row,) = kept.rows("promotion")
    assert row["promotion"] == made["id"]
    assert (row["time"], row["ended_ms"], row["zone"]) == (new["start_ms"], new["end_ms"], "S10")
    assert (row["title_en"], row["title_zh"], row["removed"]) == ("Spring sale", "春季特卖", False)
    (asked,) = api.get("/rows/promotion", params=ALL).json()
    assert {name: row[name] for name in asked} == asked
    assert api.delete(f"/promotions/{made['id']}").status_code == 204
    assert kept.store.flush(10)
    assert [row["removed"] for row in kept.rows("promotion")] == [True]
    assert api.get("/promotions").json() == api.get("/rows/promotion", params=ALL).json() == []
    assert api.delete(f"/promotions/{made['id']}").status_code == 404


@pytest.mark.parametrize(("people", "shown"), [(K - 1, None), (K, K)])
def test_freshness_is_written_by_the_wall_clock(kept: Kept, people: int, shown: int | None) -> None:
    """A point says how far event time is behind, and how many people are there, unless they are few."""
    minute_ms = END_MS // MINUTE_MS * MINUTE_MS + people * MINUTE_MS
    newest = tick(kept.site, END_MS, [(n, 0, 5.0, 5.0) for n in range(people)]), 0
    figuring = Figuring(
        kept.settings, kept.store, kept.file, lambda: newest, now_ms=lambda: minute_ms + 7_500
    )
    figuring.freshness()
    figuring.stop()
    assert kept.store.flush(10)
    (row,) = kept.rows("freshness", policy="live", where=f" WHERE time = {minute_ms}ms")
    assert row["behind_s"] == (minute_ms + 7_500 - END_MS) / 1000
    assert row.get("people_now") == shown
    assert row["outbox"] == 0


def test_a_fault_of_ours_does_not_end_the_thread(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong with the hours is logged once, though freshness is well, and tried again."""
    monkeypatch.setattr("gateway.store.influx.figuring.LOOK_S", 0.001)
    minutes, tried = itertools.count(END_MS // MINUTE_MS + 100), threading.Semaphore(0)
    newest = tick(kept.site, END_MS, []), 0
    figuring = Figuring(
        kept.settings, kept.store, kept.file, lambda: newest,
        now_ms=lambda: next(minutes) * MINUTE_MS, every_s=0.0,
    )  # fmt: skip

    def fail(_: threading.Event) -> int:
        tried.release()
        raise KeyError("people_mean")

    monkeypatch.setattr(figuring.hours, "make", fail)
    figuring.start()
    assert all(tried.acquire(timeout=10) for _ in range(3))
    figuring.stop()
    assert [record.exc_info is not None for record in caplog.records if "(hours)" in record.message] == [True]


def test_hours_are_caught_up_after_an_outage_and_a_restart(
    influxd_factory: Callable[..., Influxd], tmp_path: Path, kept: Kept
) -> None:
    """Hours that were over while the server was away are made in the end, by a gateway started anew."""
    server = influxd_factory()
    first = keep(server, tmp_path)
    afternoon.record(first.site, first.store.commit, until_ms=START_MS + HOUR_MS // 2)
    assert first.store.flush(30)
    server.kill()
    afternoon.record(
        first.site, first.store.commit, until_ms=END_MS - HOUR_MS, from_ms=START_MS + HOUR_MS // 2
    )
    assert first.figuring.hours.make(threading.Event(), 0.1) == 0
    first.figuring.stop()
    first.store.close()
    server.start()
    again = keep(server, tmp_path, first.database)
    assert again.store.flush(30)
    afternoon.record(again.site, again.store.commit, from_ms=END_MS - HOUR_MS)
    assert again.store.flush(30)
    again.make()
    for table in (tables.OccupancyRow, tables.ZoneHourRow, tables.FootfallHourRow, tables.FlowHourRow):
        expected = sorted_rows(table, kept.rows(table.table))
        assert sorted_rows(table, again.rows(table.table)) == expected
    again.figuring.stop()
    again.store.close()
    server.stop()


def test_figures_of_a_history_that_was_there_before(
    influxd: Influxd, kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mall that comes from the embedded store gets the figures it would have had, however often it asks."""
    site, file = afternoon.site(), tmp_path / "store.db"
    store = SqliteStore(file)
    afternoon.record(site, store.commit)
    store.close()
    (tmp_path / "mall.yaml").write_text(dump_site(site), encoding="utf-8")
    database = f"mall-{uuid4().hex}"
    influxd.make_database(f"{database}_figures", "live", "long")
    for _ in range(2):
        figures(file, influxd.address(database), site=tmp_path / "mall.yaml")
    assert "points of figures written" in capsys.readouterr().out
    client = InfluxClient(InfluxAddress.parse(influxd.address(database)))
    where = f" WHERE time < {ALL['to_ms']}ms"
    for table in (tables.ZoneHourRow, tables.FootfallHourRow, tables.FlowHourRow, tables.OccupancyRow):
        found = client.query(f'SELECT * FROM "long"."{table.table}"', database=f"{database}_figures")
        rows = [dict(zip(one.columns, row, strict=True)) for one in found for row in one.values]
        assert sorted_rows(table, rows) == sorted_rows(table, kept.rows(table.table, where=where))
    client.close()


def test_minutes_before_a_gateway_moved_are_there(influxd: Influxd, kept: Kept, tmp_path: Path) -> None:
    """A gateway moves in the middle of an hour: its file gives the figures of that hour's first minutes."""
    site, file = afternoon.site(), tmp_path / "store.db"
    moved_ms = START_MS + 3 * HOUR_MS // 2
    store = SqliteStore(file)
    afternoon.record(site, store.commit, until_ms=moved_ms)
    store.close()
    (tmp_path / "mall.yaml").write_text(dump_site(site), encoding="utf-8")
    database = f"mall-{uuid4().hex}"
    influxd.make_database(f"{database}_figures", "live", "long")
    figures(file, influxd.address(database), site=tmp_path / "mall.yaml")
    client = InfluxClient(InfluxAddress.parse(influxd.address(database)))
    found = client.query('SELECT * FROM "long"."occupancy"', database=f"{database}_figures")
    client.close()
    rows = [dict(zip(one.columns, row, strict=True)) for one in found for row in one.values]
    before = kept.rows("occupancy", where=f" WHERE time < {moved_ms - MINUTE_MS}ms")  # the last one goes on
    assert sorted_rows(tables.OccupancyRow, rows) == sorted_rows(tables.OccupancyRow, before)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A wrong file, and an address that is none, are told before anything is asked of a server."""
    site = tmp_path / "mall.yaml"
    with pytest.raises(ConfigurationError, match="no such file"):
        figures(tmp_path / "none.db", "influx://127.0.0.1:1/mall", site=site)
    with pytest.raises(ConfigurationError, match="not the address of an InfluxDB"):
        figures(tmp_path / "none.db", "elsewhere.db", site=site)
