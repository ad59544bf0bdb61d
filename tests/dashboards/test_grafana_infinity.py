"""Dashboards that ask the gateway: each address is asked of a real gateway over an embedded store."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.site import Site
from contracts.site.car_park import CarPark
from dashboards.grafana.catalogue import Wanted, alert_rules, dashboards
from dashboards.grafana.sources import Kind
from dashboards.grafana.words import FIGURES
from gateway.figures.period import HOUR_MS
from gateway.people import MallPeople
from gateway.store.promotions import Promotions
from gateway.store.records import MINUTE_MS, CarParkMinute, Checkpoint, Outputs
from gateway.store.sqlite import SqliteStore
from tests.dashboards.grafana import grafana_server, npm
from tests.dashboards.grafana.grafana_server import Range
from tests.gateway import afternoon
from tests.gateway.crowd import START_MS
from tests.gateway.served import served
from tests.gateway.ticks import GRID

END_MS = START_MS + 2 * HOUR_MS - 2 * MINUTE_MS
"""While there are enough people on both floors to be shown."""
NOW = datetime.fromtimestamp(END_MS / 1_000, UTC)
_TYPES: dict[str, Any] = {"string": str, "number": (int, float), "timestamp_epoch": int}


def mall() -> Site:
    """The small mall of the gateway's tests, with a car park."""
    areas = [{"id": "B1", "name": "B1", "capacity": 40}]
    park = CarPark.model_validate({"areas": areas, "gates": [{"camera": "gate", "area": "B1"}]})
    return afternoon.site().model_copy(update={"car_park": park})


WANTED = Wanted([mall()], Kind.INFINITY, "zh", {mall().mall.id: "https://mall.example"})


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Serve an afternoon, with cars, a promotion and a newest tick."""
    file, site = tmp_path_factory.mktemp("embedded") / "store.db", mall()
    store = SqliteStore(file)
    afternoon.record(site, store.commit, until_ms=END_MS)
    minutes = range(END_MS // MINUTE_MS * MINUTE_MS - 90 * MINUTE_MS, END_MS, MINUTE_MS)
    cars = [
        CarParkMinute(at, area, 20.5, 22, 4.0, 3, 2, 1.5) for at in minutes for area in ("car-park", "B1")
    ]
    store.commit(Outputs(car_park_minutes=cars), Checkpoint(0, END_MS, 10_000, "", b"", b"{}"))
    promotions = Promotions(file)
    promotions.add("S10", END_MS - 7_200_000, END_MS - 3_600_000, "Half price", "半价")
    newest = next(tick for tick in afternoon.ticks(site) if tick.t_ms >= END_MS)
    with served(site, store, GRID, promotions, MallPeople.assumed(), newest) as client:
        yield client
    promotions.close()
    store.close()


def rows_of(
    gateway: httpx.Client, target: dict[str, Any], variables: Any, over: Range
) -> list[dict[str, Any]]:
    """Ask what a target asks, with the macros replaced as Infinity's backend does (docs: "Macros")."""
    start_ms, end_ms = over.ms
    url = grafana_server.interpolated(target["url"], variables)
    url = url.replace("${__timeFrom}", str(start_ms)).replace("${__timeTo}", str(end_ms))
    assert "$" not in url, url
    base = str(gateway.base_url).removesuffix("/").removesuffix("/api/v1")
    answer = gateway.get(base + url)
    assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text}"
    rows: list[dict[str, Any]] = answer.json()
    assert rows, f"no rows: {url}"
    return rows


def check_target(gateway: httpx.Client, target: dict[str, Any], variables: Any, over: Range) -> None:
    """Check that the rows have every column, in its type, and that series can be made of them."""
    rows = rows_of(gateway, target, variables, over)
    for column in target["columns"]:
        values = [row[column["selector"]] for row in rows]
        known = [value for value in values if value is not None]
        assert all(isinstance(value, _TYPES[column["type"]]) for value in known), column
    if target["format"] == "timeseries":
        # Infinity makes series of rows only if they come in the order of time (LongToWide of Grafana's SDK).
        times = [row["time"] for row in rows]
        assert times == sorted(times), target["url"]
        tags = [column["selector"] for column in target["columns"] if column["type"] == "string"]
        keys = [(row["time"], *(row[tag] for tag in tags)) for row in rows]
        assert len(set(keys)) == len(keys), f"two rows of one time in one series: {target['url']}"


def test_every_panel_gets_its_columns(gateway: httpx.Client) -> None:
    """Each address is known, each selector is in the answer, and panels with numbers get some."""
    panels = 0
    for board in dashboards(WANTED, "zh"):
        variables = grafana_server.variables_of(board)
        for panel in board["panels"]:
            over = grafana_server.range_of(board, panel, NOW)
            if panel.get("timeShift"):  # a week before there was nothing
                over = grafana_server.range_of(board, {**panel, "timeShift": None}, NOW)
            for target in panel["targets"]:
                check_target(gateway, target, variables, over)
                panels += 1
        for annotation in board["annotations"]["list"]:
            rows = rows_of(gateway, annotation["target"], variables, Range(NOW - timedelta(hours=4), NOW))
            assert {"time", "ended_ms", "title_zh", "zone"} <= set(rows[0])
    assert panels > 25


def frame_of(target: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Make a frame of rows as Infinity's backend does: columns by their texts, series for each string."""
    columns = {column["text"]: column for column in target["columns"]}
    values = {text: [row[column["selector"]] for row in rows] for text, column in columns.items()}
    strings = [text for text, column in columns.items() if column["type"] == "string"]
    if target["format"] == "timeseries" and strings:
        return _wide(values, strings[0])
    types = {"timestamp_epoch": "time"}
    fields = [
        {
            "name": text,
            "values": values[text],
            "type": types.get(column["type"], column["type"]),
            "config": {},
        }
        for text, column in columns.items()
    ]
    return {"refId": "A", "fields": fields}


def _wide(values: dict[str, list[Any]], tag: str) -> dict[str, Any]:
    """A field for each value of a string (LongToWide)."""
    times = sorted(set(values["time"]))
    fields: list[dict[str, Any]] = [{"name": "time", "type": "time", "values": times, "config": {}}]
    for name in (text for text in values if text not in ("time", tag)):
        for group in dict.fromkeys(values[tag]):
            rows = zip(values["time"], values[tag], values[name], strict=True)
            found = {at: value for at, of, value in rows if of == group}
            numbers = [found.get(at) for at in times]
            labels = {tag: group}
            fields.append({"name": name, "type": "number", "values": numbers, "labels": labels, "config": {}})
    return {"refId": "A", "fields": fields}


def test_panels_show_names_and_one_row_a_group(gateway: httpx.Client) -> None:
    """Grafana's own transformations make of the rows what InfluxDB answers with: named, ordered, reduced."""
    jobs, titles = [], []
    for board in dashboards(WANTED, "zh"):
        for panel in board["panels"]:
            over = grafana_server.range_of(board, {**panel, "timeShift": None}, NOW)
            (target,) = panel["targets"]
            rows = rows_of(gateway, target, grafana_server.variables_of(board), over)
            jobs.append({"panel": panel, "frames": [frame_of(target, rows)]})
            titles.append(panel["title"])
    done = npm.run("../shown.cjs", folder=npm.FOLDER, given=json.dumps(jobs))
    assert done.returncode == 0, done.stderr
    shown = dict(zip(titles, json.loads(done.stdout), strict=True))
    ids = {zone.id for _, zone in mall().zones()} | {"floor:F1", "floor:F2", "F1", "F2", "car-park", *FIGURES}
    for title, frames in shown.items():
        for field in (field for frame in frames for field in frame if field["type"] != "time"):
            assert field["name"] not in ids, title
            assert not ids & set(field["texts"]), title
    (fullest,) = shown["各区域当前人数（由多到少）"]
    assert [field["name"] for field in fullest][:3] == ["区域", "楼层", "人数"]
    zones = fullest[0]["values"]
    assert len(zones) == len(set(zones)) > 3
    (now,) = shown["当前人数"]
    assert [field["name"] for field in now] == ["人数"]
    assert now[0]["values"][-1] > 0  # the panel takes the last


@pytest.mark.parametrize(
    ("good", "broken"),
    [("/rows/occupancy", "/rows/ocupancy"), ("kind=mall", "kind=maal"), ("${__timeFrom}", "${__from}")],
)
def test_a_broken_address_is_found(gateway: httpx.Client, good: str, broken: str) -> None:
    """A wrong table, a wrong value and a macro that nobody replaces fail the check."""
    board = copy.deepcopy(next(iter(dashboards(WANTED, "zh"))))
    panel: dict[str, Any] = board["panels"][0]
    target = panel["targets"][0]
    over = grafana_server.range_of(board, panel, NOW)
    check_target(gateway, target, grafana_server.variables_of(board), over)
    assert good in target["url"]
    target["url"] = target["url"].replace(good, broken)
    with pytest.raises(AssertionError):
        check_target(gateway, target, grafana_server.variables_of(board), over)


def test_an_unknown_column_is_found(gateway: httpx.Client) -> None:
    """A selector that no row has fails the check."""
    board = copy.deepcopy(next(iter(dashboards(WANTED, "zh"))))
    panel: dict[str, Any] = board["panels"][0]
    panel["targets"][0]["columns"][1]["selector"] = "peeple"
    with pytest.raises(KeyError, match="peeple"):
        check_target(gateway, panel["targets"][0], {}, grafana_server.range_of(board, panel, NOW))


def test_rules_get_series(gateway: httpx.Client) -> None:
    """Each query of a rule has an answer that series can be made of; of earlier weeks there is none here."""
    asked = 0
    for rule in alert_rules(WANTED):
        for step in rule["data"]:
            back = step["relativeTimeRange"]
            if "url" not in step["model"] or back["from"] > 8 * 3_600:
                continue
            assert step["model"]["format"] == "timeseries"
            over = Range(NOW - timedelta(seconds=back["from"]), NOW - timedelta(seconds=back["to"]))
            check_target(gateway, step["model"], {}, over)
            asked += 1
    assert asked == 5
