"""Points per second written, by store: `python benchmarks/store_write.py [--rounds 3]`.

The same snapshots of 20,000 phones on four floors go into the embedded SQLite store, into InfluxDB 1.6.7 over
/write, and into VictoriaMetrics over /write and /api/v2/write, in turns. "All the way" begins with the
records and ends when the server has acknowledged the last point: lines, gzip, outbox, sender. "Server alone"
is the time it takes for bodies that are ready. A point is one phone in one snapshot. Prints a Markdown table;
with `--report docs/influxdb.md` it goes there.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gateway.store.influx.address import InfluxAddress  # noqa: E402
from gateway.store.influx.client import InfluxClient  # noqa: E402
from gateway.store.influx.lines import Lines  # noqa: E402
from gateway.store.influx.store import InfluxStore  # noqa: E402
from gateway.store.outbox import Body, bodies  # noqa: E402
from gateway.store.records import Checkpoint, Outputs, Positions  # noqa: E402
from gateway.store.sqlite import SqliteStore  # noqa: E402
from mallsense.accuracy.report import rewrite  # noqa: E402
from mallsense.accuracy.tables import markdown  # noqa: E402
from tests.influx import Influxd  # noqa: E402
from tests.support import find_program  # noqa: E402
from tests.victoria import Victoria  # noqa: E402

HEADINGS = ("store", "all the way, points/s", "of SQLite", "server alone, points/s", "bytes a point sent")
START_MS = 1_772_330_400_000
FLOORS, PHONES, SNAPSHOTS = 4, 5_000, 10
POINTS = FLOORS * PHONES * SNAPSHOTS


@dataclass(frozen=True)
class Target:
    """A server and the API it is spoken to in."""

    title: str
    address: str
    major: int

    def client(self) -> InfluxClient:
        """Connect."""
        return InfluxClient(InfluxAddress.parse(self.address), major=self.major)


def snapshots(seed: int) -> Iterator[Outputs]:
    """Where 20,000 phones are, every ten seconds; other ones, at other times, for another `seed`."""
    draw = np.random.default_rng(seed)
    devices = [draw.bytes(8).hex() for _ in range(PHONES)]
    for number in range(SNAPSHOTS):
        t_ms = START_MS + seed * 3_600_000 + number * 10_000
        yield Outputs(
            positions=[
                Positions(
                    t_ms, f"F{floor}", devices, draw.normal(100, 40, (PHONES, 2)),
                    draw.uniform(1, 30, (PHONES, 1, 1)) * np.eye(2),
                )
                for floor in range(FLOORS)
            ]
        )  # fmt: skip


def _checkpoint(number: int) -> Checkpoint:
    return Checkpoint(number, START_MS + number, 1, "site", b"engine", b"recorder")


def sqlite(seed: int, folder: Path) -> float:
    """Seconds for the embedded store."""
    store, found = SqliteStore(folder / f"sqlite{seed}"), list(snapshots(seed))
    start_s = time.perf_counter()
    for number, outputs in enumerate(found):
        store.commit(outputs, _checkpoint(number))
    taken_s = time.perf_counter() - start_s
    store.close()
    return taken_s


def all_the_way(target: Target, seed: int, folder: Path) -> float:
    """Seconds from records to the last acknowledgement."""
    store, found = (
        InfluxStore(folder / f"journal{seed}", target.client(), f"mall{seed}"),
        list(snapshots(seed)),
    )
    start_s = time.perf_counter()
    for number, outputs in enumerate(found):
        store.commit(outputs, _checkpoint(number))
    if not store.flush(600):
        sys.exit(f"{target.title}: {store.state()}")
    taken_s = time.perf_counter() - start_s
    if lost := store.state().lost:
        sys.exit(f"{target.title}: lost {lost}")
    store.close()
    return taken_s


def server_alone(target: Target, ready: list[Body]) -> float:
    """Seconds for bodies that are ready, one after the other."""
    client = target.client()
    start_s = time.perf_counter()
    for body in ready:
        client.write("mall", "raw", body.data)
    taken_s = time.perf_counter() - start_s
    client.close()
    return taken_s


def ready(seed: int) -> list[Body]:
    """Make the bodies of all snapshots."""
    lines = Lines(f"mall{seed}")
    return [
        body
        for outputs in snapshots(seed)
        for body in bodies([line for floor in outputs.positions for line in lines.positions(floor)])
    ]


def _rate(taken_s: list[float]) -> float:
    return POINTS / statistics.median(taken_s)


def measure(targets: list[Target], rounds: int, folder: Path) -> list[tuple[str, ...]]:
    """Measure in turns; gives the rows of the table."""
    seeds = iter(range(1, 10_000))
    embedded: list[float] = []
    whole: dict[str, list[float]] = {target.title: [] for target in targets}
    alone: dict[str, list[float]] = {target.title: [] for target in targets}
    for _ in range(rounds):
        embedded.append(sqlite(next(seeds), folder))
        for target in targets:
            whole[target.title].append(all_the_way(target, next(seeds), folder))
            alone[target.title].append(server_alone(target, ready(next(seeds))))
            print(
                target.title, f"{whole[target.title][-1]:.1f} s, {alone[target.title][-1]:.1f} s", flush=True
            )
    size = sum(len(body.data) for body in ready(1)) / POINTS
    base = _rate(embedded)
    rows: list[tuple[str, ...]] = [("SQLite, embedded", f"{base:,.0f}", "1.0", "", "")]
    for target in targets:
        rate = _rate(whole[target.title])
        rows.append(
            (
                target.title,
                f"{rate:,.0f}",
                f"{rate / base:.2f}",
                f"{_rate(alone[target.title]):,.0f}",
                f"{size:.0f}",
            )
        )
    return rows


def _program(name: str) -> str:
    program = find_program(name)
    if program is None:
        sys.exit(f"{name} is not installed")
    return program


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mallsense-write-")))
        (folder / "influxd").mkdir()
        (folder / "victoria").mkdir()
        influxd = Influxd(_program("influxd"), folder / "influxd").start()
        stack.callback(influxd.stop)
        influxd.make_database("mall", "raw", "visits", "rollups")
        victoria = Victoria(_program("victoria-metrics"), folder / "victoria").start()
        stack.callback(victoria.stop)
        targets = [
            Target("InfluxDB 1.6.7, /write", influxd.address("mall"), 1),
            Target("VictoriaMetrics, /write", victoria.address("mall"), 1),
            Target("VictoriaMetrics, /api/v2/write", victoria.address("mall"), 2),
        ]
        rows = measure(targets, chosen.rounds, folder)
    table = markdown(HEADINGS, rows)
    print(table)
    if chosen.report:
        rewrite(chosen.report, {"store-write": table})


if __name__ == "__main__":
    main()
