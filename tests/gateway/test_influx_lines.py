"""Records become points in line protocol, as InfluxDB's own library writes them."""

import base64
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point

from contracts.messages import NodeHealth, encode
from gateway.store import columns
from gateway.store.influx import lines as of_lines
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.lines import Lines, Value, line, time_ns
from gateway.store.outbox import bodies
from gateway.store.records import CellGrid, CellMinute, NodeRecord, Positions, Stay, Visit, ZoneMinute
from tests.influx import Influxd

NOON = 1_760_000_400_000

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
NAMES = st.text("abcXYZ059_, =-é店", min_size=1, max_size=8).filter(lambda name: name.strip() == name)
STRINGS = TEXT.map(lambda text: text.replace("\n", " "))
VALUES = st.one_of(st.floats(), st.integers(-(2**63), 2**63 - 1), st.booleans(), STRINGS, st.none())
TIMES = st.integers(-(2**62), 2**62)


def by_influx(measurement: str, tags: Mapping[str, str], fields: Mapping[str, Value | None], at: int) -> str:
    """Write a point as influxdb-client does."""
    point = Point(measurement)  # type: ignore[no-untyped-call]
    for name, tag in tags.items():
        point.tag(name, tag)  # type: ignore[no-untyped-call]
    for name, value in fields.items():
        point.field(name, value)  # type: ignore[no-untyped-call]
    written: str = point.time(at).to_line_protocol()  # type: ignore[no-untyped-call]
    return written


@given(NAMES, st.dictionaries(NAMES, TEXT, max_size=4), st.dictionaries(NAMES, VALUES, max_size=4), TIMES)
def test_line_is_that_of_the_library(
    measurement: str, tags: dict[str, str], fields: dict[str, Value | None], at: int
) -> None:
    """Whatever characters and numbers there are, a line is the one that influxdb-client writes."""
    assert line(measurement, tags, fields, at) == by_influx(measurement, tags, fields, at)


@given(st.data())
def test_positions_are_those_of_the_library(data: st.DataObject) -> None:
    """A snapshot's lines are the library's, point by point, and no two have the same time."""
    numbers = st.floats(-5000, 5000) | st.sampled_from([math.nan, math.inf])
    device = data.draw(
        st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), unique=True, max_size=8)
    )
    rows = data.draw(st.lists(st.tuples(*[numbers] * 5), min_size=len(device), max_size=len(device)))
    five = np.array(rows, float).reshape(-1, 5)
    found = Positions(NOON, "F 1", device, five[:, :2], five[:, (2, 3, 3, 4)].reshape(-1, 2, 2))
    expected = []
    for rank, (name, (x, y, xx, xy, yy)) in enumerate(sorted(zip(device, five.tolist(), strict=True))):
        if np.isfinite([x, y, xx, xy, yy]).all():
            values = [
                float(np.round(value, digits))
                for value, digits in ((x, 2), (y, 2), (xx, 3), (xy, 3), (yy, 3))
            ]
            fields = dict(zip(("x_m", "y_m", "xx_m2", "xy_m2", "yy_m2"), values, strict=True))
            tags = {"mall": "riverside", "floor": "F 1"}
            expected.append(by_influx("position", tags, {"device": name, **fields}, NOON * 1_000_000 + rank))
    assert list(map(parsed, Lines("riverside").positions(found))) == list(map(parsed, expected))


def parsed(text: str) -> tuple[str, dict[str, float | str], str]:
    """Split a line of numbers and a device into what it says."""
    head, fields, at = text.rsplit(" ", 2)
    values = dict(part.split("=") for part in fields.split(","))
    return head, {k: v if k == "device" else float(v) for k, v in values.items()}, at


def test_snapshot_computed_again_is_the_same_points() -> None:
    """The order of the devices does not matter: each has the time that it had before."""
    xy, cov = np.arange(6.0).reshape(3, 2), np.tile(np.eye(2), (3, 1, 1))
    one = Positions(NOON, "F1", ["b" * 16, "a" * 16, "c" * 16], xy, cov)
    again = Positions(NOON, "F1", ["c" * 16, "b" * 16, "a" * 16], xy[[2, 0, 1]], cov)
    assert Lines("m").positions(one) == Lines("m").positions(again)


def visit(number: int) -> Visit:
    """Make a visit that is open."""
    return Visit(f"v{number}", "a" * 16, "S10", "F1", NOON + 7, NOON + 9, None, 2.0, 0.5)


def test_visit_is_one_point_from_start_to_end() -> None:
    """What is written when a visit ends goes to the point of its start, and adds the end."""
    open_, over = visit(1), replace(visit(1), seen_ms=NOON + 99, ended_ms=NOON + 99)
    first, last = Lines("m").visit(open_), Lines("m").visit(over)
    assert "ended_ms" not in first
    assert f"ended_ms={NOON + 99}i" in last
    assert (first.split()[0], first.split()[-1]) == (last.split()[0], last.split()[-1])


def test_times_of_visits_hardly_ever_meet() -> None:
    """Ten thousand visits that start in one second, and one moment, have times of their own near it."""
    times = {time_ns(f"{number:016x}", NOON) for number in range(10_000)}
    assert len(times) == 10_000
    assert all(0 <= at - NOON * 1_000_000 < 2**30 for at in times)


def test_long_cells_are_cut_into_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A floor's cells that are too long for one field come back whole from several."""
    monkeypatch.setattr(of_lines, "PIECE_BYTES", 64)
    grid = CellGrid(2.0, 0.0, -4.0, 50, 50)
    index = np.arange(0, 2500, 3, dtype=np.int32)
    minute = CellMinute(NOON, "F1", grid, index, np.linspace(0.1, 60, len(index)).astype(np.float32))
    text = Lines("m").cells("cell_minute", minute)
    fields = dict(part.split("=", 1) for part in text.split(" ")[1].split(","))
    pieces = [
        fields[f"cells_{i}"].strip('"') for i in range(sum(name.startswith("cells_") for name in fields))
    ]
    assert len(pieces) > 2
    assert {len(piece) for piece in pieces[:-1]} == {64}
    found, value = columns.unpack_cells(base64.b64decode("".join(pieces)))
    assert (found == index).all()
    assert (value == minute.device_s).all()
    assert (fields["y0_m"], fields["nx"]) == ("-4", "50i")


def test_health_has_the_numbers_alone() -> None:
    """Of a node's health the numbers are written, what is not known and what is text is not."""
    health = NodeHealth(
        node="n1",
        t_ms=NOON,
        uptime_s=3,
        frames=5,
        observations=4,
        spooled=0,
        trouble="x",
        clock_synchronised=True,
    )
    text = Lines("m").node_health(NodeRecord("n1", NOON, encode(health)))
    assert text.startswith("node_health,mall=m,node=n1 ")
    assert {"uptime_s=3", "frames=5i", "spooled=0i", "clock_synchronised=true"} < set(
        text.split()[1].split(",")
    )
    assert not {"temperature_c", "trouble", "t_ms"} & {
        part.split("=")[0] for part in text.split()[1].split(",")
    }
    assert Lines("m").node_health(NodeRecord("n1", NOON)) == ""


def test_server_takes_every_kind_of_point(influxd: Influxd) -> None:
    """A real InfluxDB takes a point of every record, with all that a text may hold, and gives it back."""
    influxd.make_database("lines", "all")
    client = InfluxClient(InfluxAddress.parse(influxd.address("lines")))
    mall = 'a "mall", with = and \\ 店'
    lines = Lines(mall)
    stay = Stay("s1", "0" * 16, "P1", NOON, NOON, NOON, None, 0.9)
    grid = CellGrid(2.0, 0.0, 0.0, 10, 10)
    cells = CellMinute(NOON, "F1", grid, np.array([1], np.int32), np.array([60], np.float32))
    points = [
        *lines.positions(Positions(NOON, "F1", ["a" * 16, "b" * 16], np.ones((2, 2)), np.ones((2, 2, 2)))),
        lines.cells("cell_minute", cells), lines.visit(visit(1)), lines.stay(stay),
        lines.zone_minute(ZoneMinute(NOON, "floor:F1", 1.5, 2.0, 0.1, 1, 0)),
    ]  # fmt: skip
    client.write("lines", "all", bodies(points)[0].data)
    counts = {
        name: client.query(f'SELECT count(*) FROM "all"."{name}"', database="lines")[0].values[0][1]
        for name in ("position", "cell_minute", "visit", "stay", "zone_minute")
    }
    assert counts == {"position": 2, "cell_minute": 1, "visit": 1, "stay": 1, "zone_minute": 1}
    tags = client.query('SHOW TAG VALUES FROM "all"."position" WITH KEY = "mall"', database="lines")
    assert tags[0].values == [["mall", mall]]
    client.close()
