"""What every store has to do; one suite for all of them."""

import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from contracts.errors import ConfigurationError, UnavailableError
from contracts.messages import ObservationBatch, encode
from contracts.site import Retention
from gateway.store import Store, columns, schema
from gateway.store.records import (
    WHOLE_CAR_PARK,
    WHOLE_MALL,
    CarParkMinute,
    CellGrid,
    CellMinute,
    Checkpoint,
    Event,
    Input,
    NodeRecord,
    Outputs,
    Positions,
    Stay,
    Visit,
    ZoneMinute,
)
from gateway.store.records import (
    Path as WalkedPath,
)
from gateway.store.sqlite import SqliteStore
from tests.gateway.crowd import BOOT, small_site, status

Floats = npt.NDArray[np.float64]

MINUTE = 60_000
HOUR = 60 * MINUTE
NOON = 1_760_000_400_000 // HOUR * HOUR
GRID = CellGrid(2.0, 0.0, 0.0, 10, 10)


@pytest.fixture(params=[SqliteStore])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Make a new, empty store."""
    make: Callable[[Path], Store] = request.param
    made = make(tmp_path / "store")
    yield made
    made.close()


def batch(seq: int, node: str = "n1", t_ms: int = NOON) -> Input:
    """Make an empty batch."""
    message = ObservationBatch(node=node, boot=BOOT, seq=seq, watermark_ms=t_ms)
    return Input(message, encode(message))


def visit(number: int, started_ms: int, *, seen_ms: int = 0, zone: str = "S10", ended: bool = True) -> Visit:
    """Make a visit."""
    seen_ms = seen_ms or started_ms + MINUTE
    return Visit(
        f"v{number}", f"{number:016x}", zone, "F1", started_ms, seen_ms, seen_ms if ended else None,
        (seen_ms - started_ms) / 1000, 0.9,
    )  # fmt: skip


def stay(number: int, started_ms: int, *, seen_ms: int = 0, left: bool = True) -> Stay:
    """Make a stay of a car whose entry was seen."""
    seen_ms = seen_ms or started_ms + HOUR
    left_ms = seen_ms if left else None
    return Stay(
        f"s{number}",
        f"{number:016x}",
        "P1",
        started_ms,
        seen_ms,
        started_ms,
        left_ms,
        0.9,
        "local",
        "new_energy",
    )


def event(cursor: int, t_ms: int = NOON) -> Event:
    """Make an event."""
    return Event(cursor, f"e{cursor}", "visit.started", t_ms, "S10", "F1", "v1", 3.0, b"{}")


def checkpoint(position: int = 0, t_ms: int = NOON) -> Checkpoint:
    """Make a checkpoint."""
    return Checkpoint(position, t_ms, 7, "site", b"engine" * 1000, b"recorder")


def test_batch_is_kept_once(store: Store) -> None:
    """A batch delivered twice, at once or later, has one place in the journal."""
    first, second = store.append([batch(1), batch(1)])
    assert first is not None
    assert second is None
    later, again = store.append([batch(2), batch(1)])
    assert (later or 0) > first
    assert again is None


def test_journal_gives_back_what_it_was_given(store: Store) -> None:
    """Batches and statuses come back in their order, after the position asked for."""
    site = small_site()
    inputs = [batch(1), Input(status(site), encode(status(site))), batch(2), batch(1, "n2")]
    positions = store.append(inputs)
    assert [item for _, item in store.after(0)] == inputs
    assert [item for _, item in store.after(positions[1] or 0)] == inputs[2:]


def test_journal_pages_through_many(store: Store) -> None:
    """More messages than a page holds come back completely."""
    store.append([batch(i) for i in range(350)])
    assert [item.message.seq for _, item in store.after(0) if isinstance(item.message, ObservationBatch)] == [
        *range(350)
    ]


def test_checkpoint_is_the_last_one(store: Store) -> None:
    """Of several checkpoints the newest counts; a new store has none."""
    assert store.checkpoint() is None
    assert store.newest_ms() is None
    store.commit(Outputs(), checkpoint(1))
    store.commit(Outputs(), checkpoint(2, NOON + 1))
    assert store.checkpoint() == checkpoint(2, NOON + 1)
    assert store.newest_ms() == NOON + 1


def test_visit_keeps_its_newest_state(store: Store) -> None:
    """Written again, a visit is updated; an older state of it changes nothing."""
    early, late = visit(1, NOON, seen_ms=NOON + 10, ended=False), visit(1, NOON, seen_ms=NOON + 20)
    for state in (early, late, early):
        store.commit(Outputs(visits={state.visit: state}), None)
    assert store.visits(NOON, NOON + 1) == [late]
    assert store.visits(NOON + 1, NOON + HOUR) == []


def test_stay_keeps_its_newest_state(store: Store) -> None:
    """A car that moves on and leaves is updated; an older state changes nothing; ordered by start."""
    parked = stay(1, NOON, left=False)
    left = replace(stay(1, NOON, seen_ms=NOON + 2 * HOUR), area="P2")
    unseen = replace(stay(2, NOON - 1, seen_ms=NOON), entered_ms=None, left_ms=None)
    for state in (parked, unseen, left, parked):
        store.commit(Outputs(stays={state.stay: state}), None)
    assert store.stays(NOON - 1, NOON + 1) == [unseen, left]
    assert store.stays(NOON, NOON + 1) == [left]


def test_car_park_minutes_are_ordered(store: Store) -> None:
    """Minutes of the period come by minute and area."""
    minutes = [
        CarParkMinute(NOON + i * MINUTE, area, float(i), 2.0 * i, 0.5, i, 1, 0.25)
        for i in range(3)
        for area in (WHOLE_CAR_PARK, "P1", "P2")
    ]
    store.commit(Outputs(car_park_minutes=minutes[::-1]), None)
    found = store.car_park_minutes(NOON, NOON + 2 * MINUTE)
    assert found == sorted(minutes[:6], key=lambda row: (row.minute_ms, row.area))


def test_everything_written_twice_is_there_once(store: Store) -> None:
    """Every kind of record has an identity, so writing it again changes nothing."""
    outputs = Outputs(
        visits={"v1": visit(1, NOON)},
        paths=[WalkedPath("p1", "0" * 16, NOON, NOON + HOUR, b"[]")],
        events=[event(1), event(2)],
        positions=[Positions(NOON, "F1", ["a" * 16], np.array([[1.0, 2.0]]), np.eye(2)[None])],
        zone_minutes=[ZoneMinute(NOON, "S10", 3.0, 4.0, 1.0, 2, 1)],
        cell_minutes=[CellMinute(NOON, "F1", GRID, np.array([3], np.int32), np.array([60.0], np.float32))],
        nodes={"n1": NodeRecord("n1", NOON, b"{}")},
        stays={"s1": stay(1, NOON)},
        car_park_minutes=[CarParkMinute(NOON, WHOLE_CAR_PARK, 3.0, 4.0, 1.0, 2, 1, 0.5)],
    )
    store.commit(outputs, None)
    store.commit(outputs, None)
    assert store.stays(NOON, NOON + 1) == [stay(1, NOON)]
    assert store.car_park_minutes(NOON, NOON + MINUTE) == outputs.car_park_minutes
    assert len(store.visits(NOON, NOON + 1)) == len(store.paths(NOON, NOON + 1)) == 1
    assert [e.cursor for e in store.events(0, 10)] == [1, 2]
    assert store.zone_minutes(NOON, NOON + MINUTE, MINUTE) == outputs.zone_minutes
    found = store.heat("F1", NOON, NOON + MINUTE)
    assert found is not None
    assert found[1].sum() == 60.0
    places = store.positions("F1", NOON + 5, 10)
    assert places is not None
    assert places.device == ["a" * 16]
    assert places.xy_m.tolist() == [[pytest.approx(1.0), pytest.approx(2.0)]]


def test_positions_are_the_last_before_a_moment(store: Store) -> None:
    """The snapshot at or before a moment is found, unless it is too old or of another floor."""
    here = [Positions(NOON + t, "F1", [f"{t:016x}"], np.zeros((1, 2)), np.eye(2)[None]) for t in (0, 10_000)]
    store.commit(Outputs(positions=here), None)
    for t_ms, device in ((9_999, 0), (10_000, 10_000), (40_000, 10_000)):
        found = store.positions("F1", NOON + t_ms, 30_000)
        assert found is not None
        assert found.device == [f"{device:016x}"]
    assert store.positions("F1", NOON + 40_001, 30_000) is None
    assert store.positions("F2", NOON, 30_000) is None


def test_events_are_paged_by_cursor(store: Store) -> None:
    """A page starts after its cursor; without a cursor it is the newest one; payloads stay in the store."""
    store.commit(Outputs(events=[event(i, NOON + i) for i in range(1, 8)]), None)
    assert [e.cursor for e in store.events(0, 3)] == [1, 2, 3]
    assert [e.cursor for e in store.events(3, 100)] == [4, 5, 6, 7]
    assert [e.cursor for e in store.events(None, 2)] == [6, 7]
    assert [e.cursor for e in store.events_between(NOON + 2, NOON + 5, 2)] == [3, 4]
    assert {e.payload for e in store.events(0, 9)} == {b""}


def test_events_are_unpublished_until_the_broker_has_them(store: Store) -> None:
    """What is not marked as published comes back with its payload, also when it is marked later."""
    store.commit(Outputs(events=[event(1), event(2), event(3)], published=["e1"]), None)
    assert [(e.id, e.payload) for e in store.unpublished()] == [("e2", b"{}"), ("e3", b"{}")]
    store.commit(Outputs(published=["e3"]), None)
    assert [e.id for e in store.unpublished()] == ["e2"]


def test_zone_minutes_add_up_to_steps(store: Store) -> None:
    """Means are over all minutes of a step, empty ones included; maxima and counts as one expects."""
    minutes = [
        ZoneMinute(NOON, "S10", 10.0, 12.0, 1.0, 3, 0),
        ZoneMinute(NOON + MINUTE, "S10", 20.0, 21.0, 3.0, 1, 2),
        ZoneMinute(NOON, WHOLE_MALL, 50.0, 60.0, 0.0, 9, 0),
    ]
    store.commit(Outputs(zone_minutes=minutes), None)
    step = 4 * MINUTE
    assert store.zone_minutes(NOON, NOON + step, step, ["S10"]) == [
        ZoneMinute(NOON, "S10", 7.5, 21.0, 1.0, 4, 2)
    ]
    assert {row.zone for row in store.zone_minutes(NOON, NOON + step, step)} == {"S10", WHOLE_MALL}


def test_heat_is_the_same_with_and_without_hours(store: Store) -> None:
    """Over any period, hours and minutes together give the sum of the minutes in it."""
    rng = np.random.default_rng(1)
    values = rng.integers(1, 60, 200).astype(np.float32)
    minutes = [
        CellMinute(NOON + i * MINUTE, "F1", GRID, np.array([i % 100], np.int32), values[i : i + 1])
        for i in range(200)
    ]
    for minute in minutes:
        store.commit(Outputs(cell_minutes=[minute]), None)
    for first, last in ((0, 200), (0, 60), (1, 60), (30, 150), (59, 121), (119, 181), (5, 6)):
        found = store.heat("F1", NOON + first * MINUTE, NOON + last * MINUTE)
        assert found is not None
        assert found[1].sum() == pytest.approx(values[first:last].sum())
    assert store.heat("F2", NOON, NOON + HOUR) is None


def test_retention_by_kind(store: Store) -> None:
    """Every kind of record leaves when its time is over, by event time, and not before."""
    retention = Retention(observations_h=1, positions_d=1, visits_d=2, rollups_d=3)
    day = 24 * HOUR
    for back in (0.5, 1.5, 2.5, 3.5):
        t_ms = NOON - round(back * day)
        places = Positions(t_ms, "F1", ["a" * 16], np.zeros((1, 2)), np.eye(2)[None])
        cells = CellMinute(t_ms, "F1", GRID, np.array([3], np.int32), np.array([60.0], np.float32))
        number = round(back * 10)
        store.append([batch(number, t_ms=t_ms)])
        store.commit(
            Outputs(
                visits={f"v{number}": visit(number, t_ms)},
                paths=[WalkedPath(f"p{number}", "0" * 16, t_ms, t_ms + 1, b"[]")],
                events=[event(number, t_ms)],
                positions=[places],
                zone_minutes=[ZoneMinute(t_ms, "S10", 1.0, 1.0, 0.0)],
                cell_minutes=[cells],
                stays={f"s{number}": stay(number, t_ms)},
                car_park_minutes=[CarParkMinute(t_ms, "P1", 1.0, 1.0, 0.0)],
            ),
            None,
        )
    newest = max(position for position, _ in store.after(0))
    store.commit(Outputs(), checkpoint(newest))
    assert store.expire(NOON, retention) > 0
    span = (NOON - 10 * day, NOON)
    assert {v.visit for v in store.visits(*span)} == {"v5", "v15"}
    assert len(store.paths(*span)) == 2
    assert [e.cursor for e in store.events(0, 9)] == [5]
    assert len(store.zone_minutes(*span, MINUTE)) == 3
    assert {s.stay for s in store.stays(*span)} == {"s5", "s15"}
    assert len(store.car_park_minutes(*span)) == 3
    assert store.positions("F1", NOON - day - 1, 10 * day) is None
    assert store.positions("F1", NOON, 10 * day) is not None
    assert list(store.after(0)) == []
    assert store.expire(NOON, retention) == 0


def test_retention_keeps_what_a_restart_needs(store: Store) -> None:
    """However old, a message that the checkpoint has not seen stays in the journal."""
    first, _ = store.append([batch(1, t_ms=NOON - 100 * HOUR), batch(2, t_ms=NOON - 99 * HOUR)])
    store.commit(Outputs(), checkpoint(first or 0))
    store.expire(NOON, Retention(observations_h=1))
    assert [item.message.seq for _, item in store.after(0) if isinstance(item.message, ObservationBatch)] == [
        2
    ]


def test_positions_of_the_journal_are_never_used_again(store: Store) -> None:
    """After the whole journal has left, new messages come after the old checkpoint all the same."""
    (position,) = store.append([batch(1, t_ms=NOON - 100 * HOUR)])
    store.commit(Outputs(), checkpoint(position or 0))
    store.expire(NOON, Retention(observations_h=1))
    (after,) = store.append([batch(2)])
    assert (after or 0) > (position or 0)


def test_open_visits_can_be_abandoned(store: Store) -> None:
    """When the engine's state is lost, open visits end where their devices were last seen."""
    still = visit(1, NOON, ended=False)
    store.commit(Outputs(visits={"v1": still, "v2": visit(2, NOON)}), None)
    assert store.abandon_open_visits() == 1
    assert store.visits(NOON, NOON + 1)[0] == replace(still, ended_ms=still.seen_ms)


def test_node_keeps_its_health(store: Store) -> None:
    """A record without health leaves the one that is there."""
    store.commit(Outputs(nodes={"n1": NodeRecord("n1", NOON, b"{1}")}), None)
    store.commit(Outputs(nodes={"n1": NodeRecord("n1", NOON + 1)}), None)
    assert store.nodes() == {"n1": NodeRecord("n1", NOON + 1, b"{1}")}


def test_secret_stays(store: Store) -> None:
    """The secret is 32 bytes and the same every time."""
    assert len(store.secret()) == 32
    assert store.secret() == store.secret()


# What only files have


def test_commit_is_all_or_nothing(tmp_path: Path) -> None:
    """A commit that fails in the middle leaves neither outputs nor checkpoint."""
    store = SqliteStore(tmp_path / "store")
    broken = Outputs(visits={"v1": visit(1, NOON)}, zone_minutes=[ZoneMinute(NOON, "S10", None, 0, 0)])  # type: ignore[arg-type]
    with pytest.raises(UnavailableError):
        store.commit(broken, checkpoint())
    assert store.visits(0, NOON + HOUR) == []
    assert store.checkpoint() is None
    store.commit(Outputs(visits={"v1": visit(1, NOON)}), checkpoint())
    store.close()


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Nobody else on the machine can read the store, its log included."""
    store = SqliteStore(tmp_path / "store")
    store.append([batch(1)])
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert {"store", "store-wal"} <= {path.name for path in tmp_path.iterdir()}
    store.close()


def test_one_gateway_a_store(tmp_path: Path) -> None:
    """A second gateway is told that the store is in use; after the first has gone, it may have it."""
    first = SqliteStore(tmp_path / "store")
    with pytest.raises(ConfigurationError, match="another gateway"):
        SqliteStore(tmp_path / "store")
    first.close()
    SqliteStore(tmp_path / "store").close()


def test_file_that_is_no_store(tmp_path: Path) -> None:
    """A file of something else is left as it is, with a message that names it."""
    path = tmp_path / "store"
    path.write_text("my diary\n" * 1000, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="store"):
        SqliteStore(path)
    assert path.read_text(encoding="utf-8").startswith("my diary")


def test_store_of_a_newer_version(tmp_path: Path) -> None:
    """A store of a newer mallsense is refused, not broken."""
    SqliteStore(tmp_path / "store").close()
    connection = sqlite3.connect(tmp_path / "store")
    connection.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(ConfigurationError, match="newer"):
        SqliteStore(tmp_path / "store")


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Where no file can be made, the message says where."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot write the store"):
        SqliteStore(tmp_path / "file" / "store")


def test_disk_full_and_mended(tmp_path: Path) -> None:
    """On a full disk nothing is taken and the error says so; with room again, the same call works."""
    store = SqliteStore(tmp_path / "store")
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 1}")
    inputs = [Input(item.message, os.urandom(20_000)) for item in (batch(i) for i in range(50))]
    with pytest.raises(UnavailableError, match="full") as caught:
        store.append(inputs)
    assert "nothing it was sent is lost" in caught.value.hint
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert None not in store.append(inputs)
    store.close()


def test_locked_and_free_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program holds the file, the error says so; afterwards, the same call works."""
    monkeypatch.setattr("gateway.store.files.BUSY_TIMEOUT_S", 0.05)
    store = SqliteStore(tmp_path / "store")
    other = sqlite3.connect(tmp_path / "store", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="locked"):
        store.append([batch(1)])
    other.execute("ROLLBACK")
    other.close()
    assert store.append([batch(1)]) != [None]
    store.close()


def test_heat_of_a_day_is_fast(tmp_path: Path) -> None:
    """A heat map over 24 h of a floor of 7,500 cells takes less than half a second of the processor."""
    store = SqliteStore(tmp_path / "store")
    grid = CellGrid(2.0, 0.0, 0.0, 100, 75)
    rng = np.random.default_rng(1)
    index = np.flatnonzero(rng.random(grid.size) < 0.6).astype(np.int32)
    minutes = [
        CellMinute(NOON + i * MINUTE, "F1", grid, index, rng.random(len(index)).astype(np.float32))
        for i in range(24 * 60)
    ]
    store.commit(Outputs(cell_minutes=minutes), None)
    start = time.thread_time()  # on a loaded machine the wall clock counts other programs' time too
    found = store.heat("F1", NOON + MINUTE, NOON + 24 * HOUR - MINUTE)
    assert time.thread_time() - start < 0.5
    assert found is not None
    assert found[1].sum() > 0
    store.close()


@given(
    hnp.arrays(np.float64, (7, 2), elements=st.floats(-3000, 3000)),
    hnp.arrays(np.float64, (7, 3), elements=st.floats(0, 60_000)),
    st.lists(st.integers(0, 2**64 - 1), min_size=7, max_size=7),
)
def test_positions_survive_packing(xy: Floats, cov: Floats, numbers: list[int]) -> None:
    """Packed and unpacked, positions are the same up to a decimetre's half and float16's precision."""
    full = cov[:, (0, 1, 1, 2)].reshape(7, 2, 2)
    names = [f"{number:016x}" for number in numbers]
    back = columns.unpack_positions(columns.pack_positions(Positions(1, "F1", names, xy, full)), 1, "F1")
    assert back.device == names
    assert np.abs(back.xy_m - xy).max() <= 0.0501
    assert np.allclose(back.cov_m2, full, rtol=1e-3, atol=1e-6)


@given(st.dictionaries(st.integers(0, 10_000), st.floats(0, 60, width=32), max_size=50))
def test_cells_survive_packing(cells: dict[int, float]) -> None:
    """Packed and unpacked, cells are the same."""
    index = np.array(sorted(cells), dtype=np.int32)
    value = np.array([cells[i] for i in sorted(cells)], dtype=np.float32)
    found_index, found_value = columns.unpack_cells(columns.pack_cells(index, value))
    assert found_index.tolist() == index.tolist()
    assert found_value.tolist() == value.tolist()
