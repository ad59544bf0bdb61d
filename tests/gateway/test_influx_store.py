"""The store with its history in InfluxDB: what is in its file, what waits there, and what people are told."""

import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ConfigurationError, UnavailableError
from contracts.messages import NodeHealth, encode
from contracts.site import Retention
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.lines import Lines
from gateway.store.influx.sender import Sender
from gateway.store.influx.store import InfluxStore
from gateway.store.opening import open_store
from gateway.store.outbox import Destination, Outbox, bodies
from gateway.store.place import StorePlace, find_place
from gateway.store.records import CellMinute, NodeRecord, Outputs, ZoneMinute
from gateway.store.sqlite import SqliteStore
from tests.gateway.stored import GRID, HOUR, MINUTE, NOON, checkpoint, path, places, stay, visit
from tests.influx import Influxd
from tests.support import free_port
from tests.victoria import Victoria

POLICIES = ("raw", "visits", "rollups")


def opened(folder: Path, influxd: Influxd, database: str, **more: int) -> InfluxStore:
    """Open a store that tries again at once."""
    client = InfluxClient(InfluxAddress.parse(influxd.address(database)))
    return InfluxStore(folder / "store", client, "m", pause_s=(0.01, 0.1), **more)  # type: ignore[arg-type]


def away(folder: Path, **more: int) -> InfluxStore:
    """Open a store whose server is not there."""
    client = InfluxClient(InfluxAddress.parse(f"influx://127.0.0.1:{free_port()}/mall", token="s3cret-t0ken"))
    return InfluxStore(folder / "store", client, "m", pause_s=(0.01, 0.1), **more)  # type: ignore[arg-type]


def everything(t_ms: int) -> Outputs:
    """Make one of each."""
    return Outputs(
        visits={"v1": visit(1, t_ms)}, paths=[path(1, t_ms)], positions=[places(t_ms, "a" * 16)],
        zone_minutes=[ZoneMinute(t_ms, "S10", 1.0, 1.0, 0.0)], stays={"s1": stay(1, t_ms)},
        cell_minutes=[minute(t_ms, 60.0)],
    )  # fmt: skip


def minute(t_ms: int, device_s: float) -> CellMinute:
    """Make a minute in which one cell was taken."""
    return CellMinute(t_ms, "F1", GRID, np.array([3], np.int32), np.array([device_s], np.float32))


def test_waits_for_its_server_across_lives(influxd_factory: Callable[..., Influxd], tmp_path: Path) -> None:
    """What was committed while the server was away arrives when both are back, and not before."""
    server = influxd_factory()
    server.make_database("lives", *POLICIES)
    server.stop()
    for life in range(2):
        store = opened(tmp_path, server, "lives")
        store.commit(replace(everything(NOON + life * MINUTE), visits={}), checkpoint(life))
        assert not store.flush(0.2)
        with pytest.raises(UnavailableError, match="Connection refused"):
            store.visits(NOON, NOON + HOUR)
        state = store.state()
        assert "Connection refused" in (state.problem or "")
        assert state.waiting.since_ms
        store.close()
    server.start()
    store = opened(tmp_path, server, "lives")
    assert store.flush(20)
    assert [row.minute_ms for row in store.zone_minutes(NOON, NOON + HOUR, MINUTE)] == [NOON, NOON + MINUTE]
    assert store.positions("F1", NOON + 2 * MINUTE, HOUR) is not None
    assert store.state().problem is None
    store.close()
    server.stop()


def test_wrong_settings_stop_it_at_once(influxd: Influxd, tmp_path: Path) -> None:
    """A database that is not there is told at the start, with what to do; the file is free again then."""
    with pytest.raises(ConfigurationError, match="store init"):
        opened(tmp_path, influxd, "nowhere")
    SqliteStore(tmp_path / "store").close()


def test_hour_is_the_sum_of_its_minutes_in_two_lives(influxd: Influxd, tmp_path: Path) -> None:
    """The cells of an hour are added up at its end from what both lives saw, and its minutes forgotten."""
    influxd.make_database("hours", *POLICIES)
    for life in range(2):
        store = opened(tmp_path, influxd, "hours")
        store.commit(Outputs(cell_minutes=[minute(NOON + life * MINUTE, 10.0 + life)]), checkpoint(life))
        store.close()
    store = opened(tmp_path, influxd, "hours")
    store.commit(Outputs(cell_minutes=[minute(NOON + HOUR, 1.0)]), checkpoint(2))
    assert store.flush(20)
    client = InfluxClient(InfluxAddress.parse(influxd.address("hours")))
    (hours,) = client.query('SELECT "nx", "cells_0" FROM "rollups"."cell_hour"', database="hours")
    assert [row[0] for row in hours.values] == [NOON]
    heat = store.heat("F1", NOON, NOON + HOUR)
    assert heat is not None
    assert heat[1][3] == 21.0
    with store._file.transaction() as db:
        kept = db.execute("SELECT minute_ms FROM latest_cell_minutes").fetchall()
    assert kept == [(NOON + HOUR,)]
    store.close()


def test_visits_left_open_end_without_the_server(tmp_path: Path) -> None:
    """When their state is lost, open visits end where last seen, although no server can be asked."""
    store = away(tmp_path)
    open_ = {f"v{number}": visit(number, NOON, ended=False) for number in range(3)}
    store.commit(Outputs(visits=open_ | {"v9": visit(9, NOON)}), checkpoint())
    assert store.abandon_open_visits() == 3
    assert store.abandon_open_visits() == 0
    assert store.state().waiting.points == 4 + 3
    store.close()


def test_health_is_written_when_it_is_new(tmp_path: Path) -> None:
    """Every commit has what was last heard of each node; only what has changed since is written."""
    store = away(tmp_path)

    def heard(t_ms: int) -> Outputs:
        health = NodeHealth(node="n1", t_ms=t_ms, uptime_s=1.0, frames=1, observations=1, spooled=0)
        return Outputs(nodes={"n1": NodeRecord("n1", NOON, encode(health))})

    for t_ms in (NOON, NOON, NOON + 1, NOON + 1):
        store.commit(heard(t_ms), checkpoint())
    assert store.state().waiting.points == 2
    store.close()


def test_earlier_history_in_the_file_is_left_alone(tmp_path: Path) -> None:
    """A file that held a mall's history goes on as journal; what was in it stays until it has expired."""
    file = SqliteStore(tmp_path / "store")
    file.commit(everything(NOON), checkpoint())
    file.close()
    store = away(tmp_path)
    store.commit(Outputs(visits={"v2": visit(2, NOON + HOUR)}), checkpoint(1))
    store.expire(NOON + HOUR, Retention())
    store.close()
    file = SqliteStore(tmp_path / "store")
    assert [found.visit for found in file.visits(0, NOON + 2 * HOUR)] == ["v1"]
    file.close()


def test_full_outbox_drops_positions_first_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that is away too long costs positions before visits and rollups, counted and told once."""
    store = away(tmp_path, limit_bytes=20_000)
    with caplog.at_level(logging.ERROR):
        for number in range(200):
            t_ms = NOON + number * MINUTE
            store.commit(
                Outputs(
                    positions=[places(t_ms, f"{number:016x}")], zone_minutes=[ZoneMinute(t_ms, "S1", 1, 1, 0)]
                ),
                checkpoint(number),
            )
    assert len([record for record in caplog.records if "outbox is full" in record.getMessage()]) == 1
    waiting = store._outbox
    found = {
        at.policy: sum(body.points for body in waiting.oldest(at, 1000)) for at in waiting.destinations()
    }
    assert found.get("raw", 0) < found["rollups"]
    assert store.state().lost == {"full": 400 - sum(found.values())}
    store.close()


def test_no_secret_is_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The token is in no file and in no line of the log, however much goes wrong."""
    with caplog.at_level(logging.DEBUG):
        store = away(tmp_path)
        store.commit(everything(NOON), checkpoint())
        store.flush(1)
        with pytest.raises(UnavailableError) as found:
            store.heat("F1", NOON, NOON + HOUR)
        store.close()
    assert "s3cret-t0ken" not in caplog.text + str(found.value)
    for file in tmp_path.iterdir():
        assert b"s3cret-t0ken" not in file.read_bytes()


@pytest.mark.parametrize("major", [1, 2])
def test_posted_into_victoria_metrics(victoria: Victoria, tmp_path: Path, major: int) -> None:
    """What is posted at /write and at /api/v2/write is in a real VictoriaMetrics: all numbers, to the ms."""
    SqliteStore(tmp_path / "store").close()
    waits = Outbox(tmp_path / "store", now_ms=lambda: 0)
    client = InfluxClient(InfluxAddress.parse(victoria.address("mall")), major=major)
    sender = Sender(client, waits)
    minutes = [ZoneMinute(NOON + n * MINUTE, f"S{n % 3}", n + 0.5, n + 1.0, 0.25, n, 0) for n in range(60)]
    lines = [Lines(f"victoria{major}").zone_minute(one) for one in minutes]
    waits.post({Destination("mall", "rollups"): bodies(lines)})
    sender.start()
    assert sender.drain(20)
    found = {
        (series["metric"]["zone"], at): value
        for series in victoria.series(f'{{__name__="zone_minute_people_mean", mall="victoria{major}"}}')
        for at, value in zip(series["timestamps"], series["values"], strict=True)
    }
    assert found == {(one.zone, one.minute_ms): one.people_mean for one in minutes}
    sender.stop()
    waits.close()
    client.close()


def test_place_of_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is a file, an address an InfluxDB with a journal beside it; options that do not fit are told."""
    monkeypatch.setenv("MALLSENSE_STORE_TOKEN", "from-the-environment")
    token = tmp_path / "token"
    token.write_text("from-a-file\n", encoding="utf-8")
    assert find_place(None) == StorePlace(Path("mallsense.db"))
    assert find_place("a/b.db") == StorePlace(Path("a/b.db"))
    place = find_place("influx://h/mall", journal=Path("j.db"))
    assert place.influx is not None
    assert (place.file, place.influx.token) == (Path("j.db"), "from-the-environment")
    by_file = find_place("influx://h/mall", token_file=token)
    assert by_file.influx is not None
    assert (by_file.file, by_file.influx.token) == (Path("mallsense.db"), "from-a-file")
    assert "from" not in str(by_file)
    with pytest.raises(ConfigurationError, match="--journal goes with an InfluxDB"):
        find_place("a.db", journal=Path("j.db"))
    with pytest.raises(ConfigurationError, match="cannot read the token"):
        find_place("influx://h/mall", token_file=tmp_path / "none")
    token.write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is empty"):
        find_place("influx://h/mall", token_file=token)


def test_gateway_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without influxdb-client a gateway runs on its file, and for an InfluxDB is told what to install."""
    code = "import sys, gateway.runtime, gateway.cli; assert 'influxdb_client' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    monkeypatch.setitem(sys.modules, "gateway.store.influx.client", None)
    address = InfluxAddress.parse("influx://h/mall")
    with pytest.raises(ConfigurationError, match=r"mallsense\[influx\]"):
        open_store(StorePlace(tmp_path / "store", address), "m")
    assert isinstance(open_store(StorePlace(tmp_path / "store"), "m"), SqliteStore)
