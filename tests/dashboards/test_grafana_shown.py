"""What panels show of the answers, computed with Grafana's own transformations and field settings."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest

from dashboards.grafana.catalogue import dashboards
from tests.dashboards.grafana import figures, grafana_server, influx_data, npm
from tests.dashboards.grafana.grafana_server import Frame
from tests.influx import Influxd

Shown = list[dict[str, Any]]
"""The fields of a frame: name, type, values, texts."""


def _type(values: Sequence[Any]) -> str:
    known = next((value for value in values if value is not None), 0)
    return {str: "string", bool: "boolean"}.get(type(known), "number")


def _written(frame: Frame) -> dict[str, Any]:
    """The frame as Grafana's server sends it to the browser."""
    fields = []
    for name, values in frame.fields.items():
        field: dict[str, Any] = {"name": name, "values": values, "type": _type(values), "config": {}}
        if name == "Time":
            field["type"] = "time"
        elif frame.name:
            field |= {"labels": dict(frame.labels), "config": {"displayNameFromDS": frame.name}}
        fields.append(field)
    return {"refId": "A", "name": frame.name, "fields": fields}


@pytest.fixture(scope="module")
def shown(influx: Influxd) -> dict[tuple[str, str], list[Shown]]:
    """Everything that the panels of one mall show in Chinese, by dashboard and title."""
    keys, panels = [], []
    for board in dashboards(influx_data.WANTED, "zh"):
        if "hillside" in board["uid"]:
            continue
        for panel in board["panels"]:
            over = grafana_server.range_of(board, panel, figures.NOW)
            (target,) = panel["targets"]
            found = influx_data.asked(influx, target, board, over)
            panels.append({"panel": panel, "frames": [_written(frame) for frame in found]})
            keys.append((board["uid"].removesuffix("-zh").rpartition("-")[2], panel["title"]))
    done = npm.run("../shown.cjs", folder=npm.FOLDER, given=json.dumps(panels))
    assert done.returncode == 0, done.stderr
    return dict(zip(keys, json.loads(done.stdout), strict=True))


def one(shown: dict[tuple[str, str], list[Shown]], board: str, title: str) -> dict[str, list[str]]:
    """The texts of the only frame of a panel, by the fields' names, in their order."""
    (frame,) = shown[board, title]
    return {field["name"]: field["texts"] for field in frame}


def _fields(shown: dict[tuple[str, str], list[Shown]]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for key, frames in shown.items():
        for frame in frames:
            for field in frame:
                yield key, field


@cache
def _ids() -> frozenset[str]:
    (site, _) = influx_data.WANTED.sites
    return frozenset(
        {zone.id for _, zone in site.zones()} | {floor.id for floor in site.floors} | {"B1", "B2"}
    )


def test_no_id_is_shown_in_the_place_of_a_name(shown: dict[tuple[str, str], list[Shown]]) -> None:
    """Zones, floors, areas and figures are called by their names, in headings, legends and cells."""
    for (board, title), field in _fields(shown):
        if field["name"] in ("Time", "cell", "lat", "lon") or field["type"] == "time":
            continue  # the map's fields are on no screen
        nodes = board == "nodes" and re.fullmatch(r"n\d\d|gate", field["name"])
        assert nodes or re.search("[一-鿿]", field["name"]), f"{board}: {title}: {field['name']}"
        assert not _ids() & set(field["texts"]), f"{board}: {title}: {field['texts']}"


def test_no_cell_is_infinite(shown: dict[tuple[str, str], list[Shown]]) -> None:
    """Where there is no capacity, there is no share of it."""
    for key, field in _fields(shown):
        assert not [text for text in field["texts"] if "∞" in text or "NaN" in text], key


def test_tables_have_their_columns_in_order(shown: dict[tuple[str, str], list[Shown]]) -> None:
    """The zone first, no time, the share last; without a capacity a dash."""
    table = one(shown, "live", "各区域当前人数（由多到少）")
    assert list(table) == ["区域", "楼层", "人数", "下限（90%）", "上限（90%）", "容量", "占容量"]
    rows = dict(zip(table["区域"], table["占容量"], strict=True))
    assert rows["中庭"] == "–"
    assert re.fullmatch(r"\d+%", rows["书店"])
    assert list(one(shown, "nodes", "节点当前状态"))[:3] == ["节点", "楼层", "状态"]


def test_bars_are_the_largest_first(shown: dict[tuple[str, str], list[Shown]]) -> None:
    """One name and one number for each bar."""
    for key in (("visits", "到访最多"), ("flows", "从所选区域去往")):
        (frame,) = shown[key]
        assert [field["type"] for field in frame] == ["string", "number"]
        values = frame[1]["values"]
        assert values == sorted(values, reverse=True)
        assert len(values) >= 5


def test_flows_are_a_matrix_of_names(shown: dict[tuple[str, str], list[Shown]]) -> None:
    """A row for each source, a column for each target, and empty cells say nothing."""
    table = one(shown, "flows", "从行到列")
    assert next(iter(table)) == "来自 \\ 去往"
    assert set(list(table)[1:]) == set(next(iter(table.values())))
    cells = [text for column in list(table)[1:] for text in table[column]]
    assert {text for text in cells if not text.isdigit()} == {"·"}


def test_states_and_units_are_words(shown: dict[tuple[str, str], list[Shown]]) -> None:
    """A node's state is a word, bytes and durations have units."""
    table = one(shown, "nodes", "节点当前状态")
    assert dict(zip(table["节点"], table["状态"], strict=True))[figures.SILENT_NODE] == "无消息"
    assert table["磁盘剩余"][0].endswith("GiB")
    assert table["无消息时长"][table["节点"].index(figures.SILENT_NODE)] == "15 minutes"
    free = one(shown, "cars", "当前空闲车位")
    assert dict(zip(free["停车区"], free["空闲车位"], strict=True))["整个停车场"].isdigit()


def test_what_is_hidden_is_said(shown: dict[tuple[str, str], list[Shown]]) -> None:
    """A minute without a number says why."""
    texts = {
        text for frame in shown["occupancy", "商场内人数"] for field in frame[1:] for text in field["texts"]
    }
    assert "少于5人或无数据" in texts
