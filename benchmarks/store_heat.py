"""What a heat map costs: `python benchmarks/store_heat.py [--visitors 20000] [--docs docs/influxdb.md]`.

A day of 20,000 visitors, about ten million positions on two floors of 7,500 cells (store_day.py), is written
into SQLite and into InfluxDB 1.6.7 as a gateway writes it. Then heat maps of one floor over the last 5 min,
1 h and 24 h before 21:30 are asked for: as the stores answer them, from cells by the hour and by the minute;
and from the positions themselves, as it would be without rollups (of InfluxDB by reading the positions and
counting here: InfluxQL cannot group by place). Processor time is that of this process and of influxd: on a
machine that does other things as well it tells more than the clock. The best of several tries is shown.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.store_day import GRID, SNAPSHOT_S, Day, Floats  # noqa: E402
from benchmarks.store_filling import connect, cpu_s, fill, open_influx, serve  # noqa: E402
from gateway.store import columns, files  # noqa: E402
from gateway.store.influx.client import InfluxClient  # noqa: E402
from gateway.store.influx.history import InfluxHistory  # noqa: E402
from gateway.store.influx.influxql import condition, source  # noqa: E402
from gateway.store.reading import SqliteHistory  # noqa: E402
from gateway.store.sqlite import SqliteStore  # noqa: E402
from mallsense.accuracy.report import rewrite  # noqa: E402
from mallsense.accuracy.tables import markdown  # noqa: E402

FLOOR = "F1"
START_MS = 1_780_012_800_000
MINUTE_MS = 60_000
PERIODS_MIN = {"5 min": 5, "1 h": 60, "24 h": 24 * 60}
END_MS = START_MS + (21 * 60 + 30) * MINUTE_MS
PIECE_MS = 5 * MINUTE_MS
"""Positions are read from InfluxDB in pieces of this length: a day in one answer would be half a gigabyte."""

HEADINGS = (
    "heat map of",
    "positions",
    "store",
    "rollups, ms",
    "its processor, ms",
    "positions, ms",
    "its processor, ms",
)


def from_file(path: Path, from_ms: int) -> Floats:
    """Device-seconds by cell, from the positions in a SQLite file."""
    connection = files.connect_reader(path)
    total = np.zeros(GRID.size)
    for t_ms, packed in connection.execute(
        "SELECT t_ms, columns FROM positions WHERE floor = ? AND t_ms >= ? AND t_ms < ?",
        (FLOOR, from_ms, END_MS),
    ):
        total += in_cells(columns.unpack_positions(packed, t_ms, FLOOR).xy_m)
    connection.close()
    return total


def from_server(client: InfluxClient, from_ms: int) -> Floats:
    """Device-seconds by cell, from the positions in InfluxDB."""
    total = np.zeros(GRID.size)
    for start in range(from_ms, END_MS, PIECE_MS):
        period = condition(
            {"mall": "bench", "floor": FLOOR}, start * 1_000_000, (start + PIECE_MS) * 1_000_000
        )
        answer = client.query(
            f'SELECT "x_m", "y_m" FROM {source("raw", "position")} WHERE {period}',
            database=client.address.database,
        )
        for one in answer:
            total += in_cells(np.array(one.values)[:, 1:])
    return total


def in_cells(xy_m: Floats) -> Floats:
    """Count positions by cell, in device-seconds."""
    index = (xy_m / GRID.cell_m).astype(int) @ (1, GRID.nx)
    return np.bincount(index, minlength=GRID.size).astype(np.float64) * SNAPSHOT_S


def best(ask: Callable[[], object], pid: int, *, tries: int) -> tuple[str, str]:
    """Least ms by the clock and by the processors."""
    walls, processors = [], []
    for _ in range(tries):
        wall, processor = time.perf_counter(), cpu_s(pid)
        ask()
        walls.append(time.perf_counter() - wall)
        processors.append(cpu_s(pid) - processor)
    return f"{min(walls) * 1000:,.0f}", f"{min(processors) * 1000:,.0f}"


def measure(file: Path, client: InfluxClient, pid: int) -> list[tuple[str, ...]]:
    """Ask both stores; gives the lines of the table. `pid` is influxd's process."""
    stores = (
        ("SQLite", SqliteHistory(file), lambda from_ms: from_file(file, from_ms)),
        (
            "InfluxDB 1.6.7",
            InfluxHistory(client, client.address.database, "bench"),
            lambda from_ms: from_server(client, from_ms),
        ),
    )
    rows: list[tuple[str, ...]] = []
    for name, minutes in PERIODS_MIN.items():
        from_ms = END_MS - minutes * MINUTE_MS
        count = int(from_file(file, from_ms).sum()) // SNAPSHOT_S
        for store, history, raw in stores:
            rollups = best(partial(history.heat, FLOOR, from_ms, END_MS), pid, tries=9)
            positions = best(partial(raw, from_ms), pid, tries=1 if minutes > 60 else 3)
            rows.append((name, f"{count:,}", store, *rollups, *positions))
            print(rows[-1], file=sys.stderr)
    return rows


def main() -> None:
    """Fill both stores, measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visitors", type=int, default=20_000)
    parser.add_argument("--docs", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    server = serve(folder)
    try:
        file = SqliteStore(folder / "sqlite.db")
        influx = open_influx(server, folder / "journal.db", "heat")
        fill([file, influx], Day(arguments.visitors, 2, START_MS))
        influx.close()
        file.close()
        client = connect(server, "heat")
        rows = measure(folder / "sqlite.db", client, server.pid)
        client.close()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    table = markdown(HEADINGS, rows)
    print(table)
    if arguments.docs is not None:
        rewrite(arguments.docs, {"store_heat.py": table})


if __name__ == "__main__":
    main()
