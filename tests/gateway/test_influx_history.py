"""What only reading from InfluxDB has: answers cut off, other malls, many pieces, nothing there."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from contracts.errors import ConfigurationError, UnavailableError
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.errors import CutOffError
from gateway.store.influx.history import InfluxHistory
from gateway.store.influx.lines import Lines
from gateway.store.records import WHOLE_MALL, CarParkMinute, CellGrid, CellMinute, ZoneMinute
from tests.gateway.stored import DAY, HOUR, MINUTE, NOON, cells, path, places, stay, visit
from tests.influx import Influxd

DATABASE = "history"
LIMIT = 7

CROWD = places(NOON, *(f"{i:016x}" for i in range(5 * LIMIT)))
VISITS = [visit(i, NOON + i * 700, zone=f"S{i % 3}") for i in range(5 * LIMIT)]
STAYS = [stay(i, NOON + i * 700) for i in range(3 * LIMIT)]
ZONES = [
    ZoneMinute(NOON + i * MINUTE, zone, i + 0.5, i + 1.5, 0.25, i, 1)
    for i in range(3 * LIMIT)
    for zone in ("S1", "S2", WHOLE_MALL)
]
CAR_PARK = [
    CarParkMinute(NOON + i * MINUTE, "P1", i + 0.5, i + 1.5, 0.25, i, 1, 0.5) for i in range(3 * LIMIT)
]
CELLS = [cells(NOON + i * MINUTE, i) for i in range(3 * LIMIT)]


def write(client: InfluxClient, policy: str, *lines: str) -> None:
    """Write some points."""
    client.write(DATABASE, policy, gzip.compress("\n".join(lines).encode()))


def fill(influxd: Influxd, mall: str = "ours") -> InfluxClient:
    """Make the database and write everything above into it."""
    influxd.make_database(DATABASE, "raw", "visits", "rollups")
    client = InfluxClient(InfluxAddress.parse(influxd.address(DATABASE)))
    lines = Lines(mall)
    raw = [*lines.positions(CROWD), *(lines.cells("cell_minute", one) for one in CELLS)]
    visits = [*map(lines.visit, VISITS), *map(lines.stay, STAYS)]
    rollups = [*map(lines.zone_minute, ZONES), *map(lines.car_park_minute, CAR_PARK)]
    for policy, points in (("raw", raw), ("visits", visits), ("rollups", rollups)):
        write(client, policy, *points)
    return client


@pytest.fixture(scope="module")
def client(influxd: Influxd) -> Iterator[InfluxClient]:
    """Fill a server that answers completely."""
    made = fill(influxd)
    yield made
    made.close()


@pytest.fixture(scope="module")
def ours(client: InfluxClient) -> InfluxHistory:
    """Read it."""
    return InfluxHistory(client, DATABASE, "ours")


@pytest.fixture(scope="module")
def stingy(influxd_factory: Callable[..., Influxd]) -> Iterator[InfluxHistory]:
    """Read from a server that answers with a few rows at most."""
    made = fill(influxd_factory(http=f"max-row-limit = {LIMIT}"))
    yield InfluxHistory(made, DATABASE, "ours")
    made.close()


def test_answers_that_are_cut_off_are_put_together(stingy: InfluxHistory) -> None:
    """From a server that gives few rows at once, every answer is complete and in order all the same."""
    assert stingy.visits(NOON, NOON + HOUR) == VISITS
    assert stingy.stays(NOON, NOON + HOUR) == STAYS
    assert stingy.car_park_minutes(NOON, NOON + HOUR) == CAR_PARK
    assert stingy.zone_minutes(NOON, NOON + HOUR, MINUTE) == sorted(
        ZONES, key=lambda row: (row.minute_ms, row.zone)
    )
    found = stingy.positions("F1", NOON + 5, 10)
    assert found is not None
    assert found.device == CROWD.device
    heat = stingy.heat("F1", NOON, NOON + HOUR)
    assert heat is not None
    assert heat[1].sum() == 60 * len(CELLS)


def test_steps_of_an_answer_that_is_cut_off(stingy: InfluxHistory, ours: InfluxHistory) -> None:
    """Halves of a period begin where a step does, so no step is counted in two parts."""
    for step in (2 * MINUTE, 5 * MINUTE):
        for start in (NOON, NOON + 3 * MINUTE):
            whole = ours.zone_minutes(start, NOON + 20 * MINUTE, step)
            assert stingy.zone_minutes(start, NOON + 20 * MINUTE, step) == whole


def test_answer_that_cannot_be_halved(influxd_factory: Callable[..., Influxd]) -> None:
    """Where even one step has more rows than the server gives, the error says what to set."""
    client = fill(influxd_factory(http="max-row-limit = 2"))
    history = InfluxHistory(client, DATABASE, "ours")
    assert history.zone_minutes(NOON, NOON + HOUR, MINUTE, ["S1", "S2"]) != []
    with pytest.raises(CutOffError, match="cut its answer off") as caught:
        history.zone_minutes(NOON, NOON + HOUR, MINUTE)
    assert "max-row-limit" in caught.value.hint
    client.close()


def test_other_malls_are_not_seen(client: InfluxClient, ours: InfluxHistory) -> None:
    """Malls share a database; each reads its own."""
    lines = Lines("theirs")
    write(client, "visits", lines.visit(visit(99, NOON)))
    assert ours.visits(NOON, NOON + HOUR) == VISITS
    theirs = InfluxHistory(client, DATABASE, "theirs")
    assert theirs.visits(NOON, NOON + HOUR) == [visit(99, NOON)]
    assert theirs.positions("F1", NOON, MINUTE) is None
    assert theirs.heat("F1", NOON, NOON + HOUR) is None
    assert theirs.zone_minutes(NOON, NOON + HOUR, MINUTE) == []
    assert theirs.stays(NOON, NOON + HOUR) == []


def test_periods_are_half_open(ours: InfluxHistory) -> None:
    """What starts in the first ms is in, what starts in the last is out; wherever the point's time lies."""
    for start, end in ((0, 1), (700, 1400), (699, 701), (701, 1400), (0, 0), (10, 0)):
        expected = [v for v in VISITS if NOON + start <= v.started_ms < NOON + end]
        assert ours.visits(NOON + start, NOON + end) == expected
        assert ours.visits(NOON + start, NOON + end, "S1") == [v for v in expected if v.zone == "S1"]


def test_cells_in_pieces(client: InfluxClient, ours: InfluxHistory) -> None:
    """A floor of so many cells that they need more than one field is read as it was."""
    grid = CellGrid(0.5, 0.0, 0.0, 300, 300)
    values = np.random.default_rng(1).random(grid.size).astype(np.float32)
    large = CellMinute(NOON, "F9", grid, np.arange(grid.size, dtype=np.int32), values)
    point = Lines("ours").cells("cell_minute", large)
    assert "cells_3=" in point
    write(client, "raw", point)
    found = ours.heat("F9", NOON, NOON + MINUTE)
    assert found is not None
    assert found[0] == grid
    assert found[1].tolist() == values.tolist()


def test_answers_of_many_pages(client: InfluxClient, influxd_factory: Callable[..., Influxd]) -> None:
    """More rows than 1.6.7 gives in a piece are all there, once; also where its limit is above that."""
    crowd = places(NOON, *(f"{i:016x}" for i in range(10_500)), floor="F8")
    many = [visit(i, NOON + DAY + i, zone="S8") for i in range(10_500)]
    lines = Lines("ours")
    roomy = fill(influxd_factory(http="max-row-limit = 12000"))
    for server in (client, roomy):
        write(server, "raw", *lines.positions(crowd))
        write(server, "visits", *map(lines.visit, many))
        history = InfluxHistory(server, DATABASE, "ours")
        found = history.positions("F8", NOON, MINUTE)
        assert found is not None
        assert found.device == crowd.device
        assert history.visits(NOON + DAY, NOON + 2 * DAY) == many
        assert len(history.visits(NOON + DAY, NOON + DAY + 10_000)) == 10_000
    roomy.close()


def test_path_keeps_its_steps(client: InfluxClient, ours: InfluxHistory) -> None:
    """Steps are JSON with names in any script; they come back byte by byte."""
    walked = path(1, NOON, '[{"zone":"楼 \\"S1\\"","note":"a\\\\b, c=d\\n"}]'.encode())
    write(client, "visits", Lines("ours").path(walked))
    assert ours.paths(NOON, NOON + 1) == [walked]


def test_visit_is_one_point_however_often_it_is_written(client: InfluxClient, ours: InfluxHistory) -> None:
    """While it is open, `ended_ms` is absent; once it has ended, the same point has it."""
    still = replace(visit(500, NOON - HOUR), ended_ms=None)
    over = replace(still, ended_ms=still.seen_ms)
    for state in (still, over, over):
        write(client, "visits", Lines("ours").visit(state))
        assert ours.visits(NOON - HOUR, NOON - HOUR + 1) == [state]


def test_what_is_missing_is_named(influxd: Influxd, client: InfluxClient) -> None:
    """A database or policy that nobody has made is an error that says how to make it."""
    with pytest.raises(ConfigurationError, match="nowhere") as caught:
        InfluxHistory(client, "nowhere", "ours").visits(NOON, NOON + 1)
    assert "store init" in caught.value.hint
    influxd.make_database("half")
    with pytest.raises(ConfigurationError, match="visits"):
        InfluxHistory(client, "half", "ours").visits(NOON, NOON + 1)


def test_server_that_is_away(influxd_factory: Callable[..., Influxd]) -> None:
    """A server that is down is an error for now, and its return needs nothing."""
    server = influxd_factory()
    client = fill(server)
    history = InfluxHistory(client, DATABASE, "ours")
    server.kill()
    with pytest.raises(UnavailableError):
        history.visits(NOON, NOON + HOUR)
    server.start()
    assert history.visits(NOON, NOON + HOUR) == VISITS
    client.close()
