"""What only a store in a file has: rights, locks, versions, a full disk."""

import os
import sqlite3
import stat
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ConfigurationError, UnavailableError
from contracts.site import Retention
from gateway.store import schema
from gateway.store.files import QUEUES, SharedWriter
from gateway.store.records import CarParkMinute, CellGrid, CellMinute, Input, Outputs, ZoneMinute
from gateway.store.sqlite import SqliteStore
from tests.gateway.stored import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    batch,
    cells,
    checkpoint,
    event,
    path,
    places,
    stay,
    visit,
)
from tests.support import wait_until


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


def test_who_comes_first_writes_first(tmp_path: Path) -> None:
    """Threads write in the order in which they came, and whoever has written goes to the end."""
    path = tmp_path / "store"
    SqliteStore(path).close()
    order: list[int] = []

    def write(number: int) -> None:
        with writers[number].transaction():
            order.append(number)

    writers = [SharedWriter(path) for _ in range(5)]
    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 5)]
    with writers[0].transaction():
        for before, thread in enumerate(threads, 1):
            thread.start()
            wait_until(lambda n=before: len(QUEUES[path].waiting) > n)  # type: ignore[misc]
    write(0)
    for thread in threads:
        thread.join(30)
    assert order == [1, 2, 3, 4, 0]
    assert not QUEUES[path].waiting
    for writer in writers:
        writer.close()


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Nobody else on the machine can read the store, its log included."""
    store = SqliteStore(tmp_path / "store")
    store.append([batch(1)])
    for found in tmp_path.iterdir():
        assert stat.S_IMODE(found.stat().st_mode) & 0o077 == 0, found
    assert {"store", "store-wal"} <= {found.name for found in tmp_path.iterdir()}
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


def test_retention_by_kind(tmp_path: Path) -> None:
    """Every kind of record leaves when its time is over, by event time, and not before."""
    store = SqliteStore(tmp_path / "store")
    retention = Retention(observations_h=1, positions_d=1, visits_d=2, rollups_d=3)
    for back in (0.5, 1.5, 2.5, 3.5):
        t_ms = NOON - round(back * DAY)
        number = round(back * 10)
        store.append([batch(number, t_ms=t_ms)])
        store.commit(
            Outputs(
                visits={f"v{number}": visit(number, t_ms)},
                paths=[path(number, t_ms)],
                events=[event(number, t_ms)],
                positions=[places(t_ms, "a" * 16)],
                zone_minutes=[ZoneMinute(t_ms, "S10", 1.0, 1.0, 0.0)],
                cell_minutes=[cells(t_ms)],
                stays={f"s{number}": stay(number, t_ms)},
                car_park_minutes=[CarParkMinute(t_ms, "P1", 1.0, 1.0, 0.0)],
            ),
            None,
        )
    newest = max(position for position, _ in store.after(0))
    store.commit(Outputs(), checkpoint(newest))
    assert store.expire(NOON, retention) > 0
    span = (NOON - 10 * DAY, NOON)
    assert {v.visit for v in store.visits(*span)} == {"v5", "v15"}
    assert len(store.paths(*span)) == 2
    assert [e.cursor for e in store.events(0, 9)] == [5]
    assert len(store.zone_minutes(*span, MINUTE)) == 3
    assert {s.stay for s in store.stays(*span)} == {"s5", "s15"}
    assert len(store.car_park_minutes(*span)) == 3
    assert store.positions("F1", NOON - DAY - 1, 10 * DAY) is None
    assert store.positions("F1", NOON, 10 * DAY) is not None
    assert list(store.after(0)) == []
    assert store.expire(NOON, retention) == 0
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
