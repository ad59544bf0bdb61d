"""`mallsense store migrate`: everything arrives, once, whatever happens on the way."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.errors import UnavailableError
from contracts.messages import NodeHealth, encode
from contracts.site import Retention, Site, dump_site
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.history import InfluxHistory
from gateway.store.influx.lines import Lines
from gateway.store.influx.migration import Migration, Tally
from gateway.store.influx.migration_kinds import KINDS, Source
from gateway.store.outbox import bodies
from gateway.store.records import CarParkMinute, NodeRecord, Outputs, ZoneMinute
from gateway.store.sqlite import SqliteStore
from mallsense.cli import main
from simulators import mall as demo_mall
from tests.gateway.crowd import small_site
from tests.gateway.stored import DAY, MINUTE, cells, path, places, stay, visit
from tests.influx import Influxd

NOW = time.time_ns() // 1_000_000
TODAY = NOW // DAY * DAY
FIRST = TODAY - 2 * DAY
SPAN = (FIRST, NOW + DAY)
KEPT = Retention()


def outputs(day_ms: int) -> Outputs:
    """Make some of everything, on one day."""
    at = [day_ms + i * 7 * MINUTE for i in range(30)]
    number = day_ms // DAY * 100
    health = encode(NodeHealth(node="n1", t_ms=day_ms, uptime_s=5, frames=1, observations=1, spooled=0))
    return Outputs(
        visits={f"v{number + i}": visit(number + i, t) for i, t in enumerate(at)},
        paths=[path(number + i, t + 999) for i, t in enumerate(at)],
        positions=[places(t, *(f"{i:016x}" for i in range(n))) for n, t in enumerate(at, 1)],
        zone_minutes=[ZoneMinute(t, zone, 1.5, 2.0, 0.5, 1, 0) for t in at for zone in ("S10", "mall")],
        cell_minutes=[cells(t, i) for i, t in enumerate(at)],
        nodes={"n1": NodeRecord("n1", day_ms, health)},
        stays={f"s{number + i}": stay(number + i, t) for i, t in enumerate(at)},
        car_park_minutes=[CarParkMinute(t, "P1", 1.0, 2.0, 0.5, 1, 0, 0.25) for t in at],
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a store with three days in it."""
    path = tmp_path / "mall.db"
    store = SqliteStore(path)
    for day in range(3):
        store.commit(outputs(FIRST + day * DAY), None)
    store.close()
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write the site file of the mall."""
    path = tmp_path / "mall.yaml"
    path.write_text(dump_site(small_site()), encoding="utf-8")
    return path


@pytest.fixture
def address(influxd: Influxd, tmp_path: Path) -> InfluxAddress:
    """Make an empty database of one's own."""
    name = tmp_path.name.replace("[", "-").strip("]")
    influxd.make_database(name, "raw", "visits", "rollups")
    return InfluxAddress.parse(influxd.address(name))


@pytest.fixture
def client(address: InfluxAddress) -> Iterator[InfluxClient]:
    """Connect to it."""
    made = InfluxClient(address)
    yield made
    made.close()


def run(*arguments: object) -> int:
    """Run `mallsense store migrate`; gives its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(["store", "migrate", *map(str, arguments)])
    return int(caught.value.code or 0)


def copy(file: Path, client: InfluxClient, kept: Retention = KEPT) -> dict[str, Tally]:
    """Copy everything that is in the file."""
    migration = Migration(Source(file), client, client.address.database, mall().mall.id, kept, NOW)
    return {kind.name: migration.copy(kind, migration.parts(kind), lambda: None) for kind in KINDS}


def mall() -> Site:
    """The mall whose history it is."""
    return small_site()


def same(file: Path, client: InfluxClient) -> bool:
    """Tell whether both stores say the same of the past; raises where they do not."""
    here, there = Source(file), InfluxHistory(client, client.address.database, mall().mall.id)
    assert there.visits(*SPAN) == here.visits(*SPAN)
    assert there.paths(*SPAN) == here.paths(*SPAN)
    assert there.stays(*SPAN) == here.stays(*SPAN)
    assert there.car_park_minutes(*SPAN) == here.car_park_minutes(*SPAN)
    assert there.zone_minutes(*SPAN, MINUTE) == here.zone_minutes(*SPAN, MINUTE)
    for start, end in ((0, 3 * DAY), (MINUTE, DAY + 90 * MINUTE)):
        expected, found = (
            here.heat("F1", FIRST + start, FIRST + end),
            there.heat("F1", FIRST + start, FIRST + end),
        )
        assert expected is not None
        assert found is not None
        assert found[0] == expected[0]
        assert found[1] == pytest.approx(expected[1])
    for t_ms in (FIRST, FIRST + DAY + 100 * MINUTE, NOW):
        mine, its = here.positions("F1", t_ms, DAY), there.positions("F1", t_ms, DAY)
        assert mine is not None
        assert its is not None
        assert (its.t_ms, its.device) == (mine.t_ms, mine.device)
        assert its.xy_m == pytest.approx(mine.xy_m)
    return True


def test_everything_arrives(
    file: Path, site: Path, address: InfluxAddress, client: InfluxClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command copies all kinds, says how many there were of each, and the answers are the same."""
    assert run(file, f"influx://{address.host}:{address.port}/{address.database}", "--site", site) == 0
    out = capsys.readouterr().out
    assert "Everything is there." in out
    rows = [[cell.strip() for cell in line.split("│")[1:4]] for line in out.splitlines() if "│" in line]
    numbers = {name: [int(number.replace(",", "")) for number in found] for name, *found in rows}
    assert numbers["positions"] == [3 * 465, 3 * 465]
    for name in ("visits", "paths", "stays of cars", "minutes of cells", "minutes of the car park"):
        assert numbers[name] == [90, 90], name
    assert numbers["minutes of zones"] == [180, 180]
    assert numbers["nodes"] == [1, 1]
    assert same(file, client)


def test_again_sends_nothing(file: Path, client: InfluxClient) -> None:
    """What the server counts already is not sent a second time; the newest state of a node is."""
    first = copy(file, client)
    again = copy(file, client)
    for name, tally in again.items():
        assert tally == replace(first[name], sent=first[name].sent if name == "nodes" else 0)
    assert same(file, client)


def test_interrupted_goes_on(file: Path, client: InfluxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off in the middle, the next run sends the rest, and what is there is not doubled."""
    write, sent = client.write, [0]

    def some(database: str, policy: str, body: bytes) -> None:
        sent[0] += 1
        if sent[0] > 20:
            raise UnavailableError("the server has gone")
        write(database, policy, body)

    monkeypatch.setattr(client, "write", some)
    with pytest.raises(UnavailableError):
        copy(file, client)
    monkeypatch.undo()
    tallies = copy(file, client)
    assert 0 < sum(tally.sent for tally in tallies.values()) < sum(tally.found for tally in tallies.values())
    assert not any(tally.missing for tally in tallies.values())
    assert same(file, client)


def test_gateway_goes_on_writing(file: Path, client: InfluxClient) -> None:
    """While a gateway has the file, it is copied; what comes later and what ends later follows."""
    store = SqliteStore(file)
    still = visit(7, NOW - 10 * MINUTE, ended=False)
    parked = stay(7, NOW - 10 * MINUTE, left=False)
    store.commit(Outputs(visits={"v7": still}, stays={"s7": parked}), None)
    copy(file, client)
    store.commit(
        Outputs(
            visits={"v7": replace(still, seen_ms=NOW, ended_ms=NOW)},
            stays={"s7": replace(parked, seen_ms=NOW, left_ms=NOW)},
            positions=[places(NOW, "f" * 16)],
        ),
        None,
    )
    tallies = copy(file, client)
    store.close()
    assert same(file, client)
    assert tallies["positions"].sent <= 466 - 1
    assert tallies["paths"].sent == 0


def test_what_the_server_knows_better_is_left(file: Path, client: InfluxClient) -> None:
    """A visit that was open when the gateway moved to the server keeps the end that the server knows."""
    store = SqliteStore(file)
    still = visit(7, NOW - 10 * MINUTE, ended=False)
    store.commit(Outputs(visits={"v7": still}), None)
    store.close()
    over = replace(still, seen_ms=NOW, ended_ms=NOW, dwell_s=600.0)
    line = Lines(mall().mall.id).visit(over)
    client.write(client.address.database, "visits", bodies([line])[0].data)
    tallies = copy(file, client)
    assert not any(tally.missing for tally in tallies.values())
    history = InfluxHistory(client, client.address.database, mall().mall.id)
    assert over in history.visits(*SPAN)


def test_what_is_no_longer_kept_stays_behind(file: Path, client: InfluxClient) -> None:
    """What the server would delete, or refuse, is counted and left where it is."""
    tallies = copy(file, client, Retention(positions_d=1, visits_d=1, rollups_d=1))
    for name in ("visits", "paths", "stays of cars", "minutes of cells", "minutes of the car park"):
        tally = tallies[name]
        assert tally.found + tally.expired == 90, name
        assert tally.expired >= 30
        assert tally.missing == 0


def test_policy_that_keeps_less_than_the_site(
    file: Path, site: Path, influxd: Influxd, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that refuses points as too old is an error that names the policy, not a success."""
    influxd.make_database("short", "visits", "rollups", "raw")
    influxd.do('ALTER RETENTION POLICY "visits" ON "short" DURATION 1d SHARD DURATION 1h')
    assert run(file, influxd.address("short"), "--site", site) == 2
    error = capsys.readouterr().err
    assert "retention" in error


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (Path.unlink, "no such file"),
        (lambda file: file.write_text("my diary\n" * 1000), "not a database"),
        (lambda file: file.write_bytes(b""), "version 0"),
    ],
)
def test_file_that_is_no_store(
    file: Path, site: Path, spoil: Callable[[Path], object], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong with the file is said before anything is sent."""
    spoil(file)
    assert run(file, "influx://127.0.0.1:1/mall", "--site", site) == 2
    assert expected in capsys.readouterr().err


def test_another_malls_site_file(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A site file that has none of the zones in the store is refused before anything is sent."""
    other = tmp_path / "other.yaml"
    other.write_text(dump_site(demo_mall.site()), encoding="utf-8")
    assert run(file, "influx://127.0.0.1:1/mall", "--site", other) == 2
    assert "are none of those of lumen-bay" in " ".join(capsys.readouterr().err.split())


def test_database_that_nobody_made(
    file: Path, site: Path, influxd: Influxd, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says which command makes it."""
    assert run(file, influxd.address("unmade"), "--site", site) == 2
    assert "store init" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "expected"), [("mall.db", "not the address"), ("http://h/x", "influx://")]
)
def test_address_that_is_none(
    file: Path, site: Path, address: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file, or another kind of address, is told from an InfluxDB's."""
    assert run(file, address, "--site", site) == 2
    assert expected in capsys.readouterr().err
