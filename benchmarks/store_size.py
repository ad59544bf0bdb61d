"""What a day of a mall weighs: `python benchmarks/store_size.py [--visitors 20000] [--docs FILE.md]`.

A day of 20,000 visitors on two floors with 120 shops, 32 nodes and 3 areas of a car park (store_day.py) is
written into SQLite and into InfluxDB 1.6.7 as a gateway writes it, with the figures for Grafana. SQLite's
bytes are counted by its own dbstat, InfluxDB's are the sizes of its TSM files once they are compacted for
good.
"""

import argparse
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.store_day import GRID, Day  # noqa: E402
from benchmarks.store_filling import connect, fill, open_influx, serve, settle  # noqa: E402
from gateway.people import MallPeople  # noqa: E402
from gateway.store.influx.client import InfluxClient  # noqa: E402
from gateway.store.influx.figure_hours import HourFigures  # noqa: E402
from gateway.store.influx.figure_marks import Marks  # noqa: E402
from gateway.store.influx.figures import FigureSettings, MinuteFigures  # noqa: E402
from gateway.store.sqlite import SqliteStore  # noqa: E402
from mallsense.accuracy.report import rewrite  # noqa: E402
from mallsense.accuracy.tables import markdown  # noqa: E402
from tests.influx import Influxd  # noqa: E402
from tests.support import wait_until  # noqa: E402

START_MS = 1_780_012_800_000
DATABASE = "size"
TABLES = {
    "raw": ("positions", "cell_minutes"),
    "visits": ("visits", "paths", "stays"),
    "rollups": ("zone_minutes", "cell_hours", "car_park_minutes"),
}
"""What of the SQLite file is in which policy of InfluxDB."""
QUIET_S = 30.0
MB = 1_000_000


def table_bytes(file: Path) -> dict[str, int]:
    """Bytes of each table of a SQLite file, with its indexes."""
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
    found = connection.execute(
        "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_master USING (name) GROUP BY tbl_name"
    ).fetchall()
    connection.close()
    return dict(found)


def policy_bytes(server: Influxd, database: str, policy: str) -> int:
    """Bytes of the files of a retention policy."""
    folder = server.folder / "data" / database / policy
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def wait_for_compaction(server: Influxd) -> None:
    """Wait until the files have not changed for a while."""
    state: list[tuple[float, object]] = [(time.monotonic(), None)]

    def quiet() -> bool:
        time.sleep(1.0)
        files = sorted((str(p), p.stat().st_size) for p in (server.folder / "data").rglob("*.tsm"))
        if files != state[0][1]:
            state[0] = (time.monotonic(), files)
        return time.monotonic() - state[0][0] > QUIET_S

    wait_until(quiet, 900.0, "influxd goes on compacting")


def series(client: InfluxClient, database: str, policy: str) -> Counter[str]:
    """How many series each measurement has."""
    found = client.query(f'SHOW SERIES FROM "{policy}"./.*/', database=database)
    return Counter(row[0].partition(",")[0] for one in found for row in one.values)


def points(client: InfluxClient, database: str, policy: str) -> Counter[str]:
    """How many points each measurement has: of the field that most points have."""
    found = client.query(f'SELECT count(*) FROM "{policy}"./.*/', database=database)
    return Counter({one.name: max(n or 0 for n in one.values[0][1:]) for one in found})


def main() -> None:
    """Fill both stores and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visitors", type=int, default=20_000)
    parser.add_argument("--docs", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    server = serve(folder)
    try:
        by_policy, by_measurement = measure(folder, server, arguments.visitors)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{by_policy}\n\n{by_measurement}")
    if arguments.docs is not None:
        rewrite(arguments.docs, {"store_size.py": f"{by_policy}\n\n{by_measurement}"})


def measure(folder: Path, server: Influxd, visitors: int) -> tuple[str, str]:
    """Fill both stores; gives two tables: bytes by policy, series and points by measurement."""
    day = Day(visitors, 2, START_MS)
    figures = FigureSettings.of(day.site, GRID, MallPeople.assumed(), f"{DATABASE}_figures")
    file = SqliteStore(folder / "sqlite.db")
    journal = folder / "journal.db"
    influx = open_influx(server, journal, DATABASE, MinuteFigures(figures))
    fill([file, influx], day)
    marks = Marks(journal, DATABASE)
    HourFigures(figures, influx, marks).make(threading.Event(), 600.0)
    marks.close()
    settle(influx)
    wait_for_compaction(server)
    file.close()
    in_file = table_bytes(folder / "sqlite.db")
    rows, weights = [], []
    client = connect(server, DATABASE)
    for database, policies in ((DATABASE, [*TABLES]), (f"{DATABASE}_figures", ["live", "long"])):
        for policy in policies:
            kinds = series(client, database, policy)
            counted = points(client, database, policy)
            there = policy_bytes(server, database, policy)
            here = sum(in_file[table] for table in TABLES.get(policy, ()))
            total, of = counted.total(), sum(kinds[name] for name in counted)
            weights.append(
                (policy, f"{total:,}", f"{of:,}", f"{there / MB:,.1f}", f"{there / max(total, 1):,.1f}",
                 f"{here / MB:,.1f}" if here else "")
            )  # fmt: skip
            rows += [(policy, name, f"{kinds[name]:,}", f"{n:,}") for name, n in sorted(counted.items())]
    client.close()
    influx.close()
    return (
        markdown(("policy", "points", "series", "InfluxDB, MB", "bytes a point", "SQLite, MB"), weights),
        markdown(("policy", "measurement", "series", "points"), rows, left=2),
    )


if __name__ == "__main__":
    main()
