"""Stores filled with a day, for benchmarks."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.store_day import Day  # noqa: E402
from gateway.store import Store  # noqa: E402
from gateway.store.influx.address import InfluxAddress  # noqa: E402
from gateway.store.influx.client import InfluxClient  # noqa: E402
from gateway.store.influx.figures import MinuteFigures  # noqa: E402
from gateway.store.influx.store import InfluxStore  # noqa: E402
from gateway.store.records import Checkpoint  # noqa: E402
from tests.influx import Influxd  # noqa: E402
from tests.support import find_program  # noqa: E402

FLUSH_EVERY = 120
"""Commits after which the server gets time to take everything: a day passes here in minutes."""

COMPACT_SOON = 'cache-snapshot-write-cold-duration = "2s"\ncompact-full-write-cold-duration = "5s"'
"""By default a shard is compacted for good when nothing was written to it for four hours."""


def serve(folder: Path) -> Influxd:
    """Start an influxd."""
    program = find_program("influxd")
    if program is None:
        sys.exit("influxd is not installed: scripts/install-test-tools.sh installs it where it may")
    (folder / "influxd").mkdir()
    return Influxd(program, folder / "influxd", data=COMPACT_SOON).start()


def open_influx(
    server: Influxd, journal: Path, database: str, figures: MinuteFigures | None = None
) -> InfluxStore:
    """Make databases that keep everything, and a store in them."""
    server.make_database(database, "raw", "visits", "rollups")
    server.make_database(f"{database}_figures", "live", "long")
    return InfluxStore(journal, connect(server, database), "bench", figures=figures)


def connect(server: Influxd, database: str) -> InfluxClient:
    """A connection to a database, with time for large questions."""
    return InfluxClient(InfluxAddress.parse(server.address(database)), answer_timeout_s=300.0)


def fill(stores: Sequence[Store], day: Day) -> int:
    """Commit a day to each store; gives how many positions there were."""
    positions, begun = 0, time.monotonic()
    for number, (t_ms, outputs) in enumerate(day.outputs(), 1):
        positions += sum(len(found.device) for found in outputs.positions)
        for store in stores:
            store.commit(outputs, Checkpoint(0, t_ms, 1, "", b"", b""))
        if number % FLUSH_EVERY == 0:
            for store in stores:
                settle(store)
            print(f"{number / 120:.0f} h, {time.monotonic() - begun:.0f} s", end="\r", file=sys.stderr)
    for store in stores:
        settle(store)
    print(f"{positions:,} positions written in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return positions


def settle(store: Store) -> None:
    """Wait until everything is where it belongs."""
    if isinstance(store, InfluxStore) and not store.flush(600):
        sys.exit(f"InfluxDB does not take it: {store.state().problem}")


def cpu_s(pid: int) -> float:
    """Seconds of processor time of this process and of `pid` so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / 100
