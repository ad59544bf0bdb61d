"""What a heat map of 24 hours costs in Grafana: rows of larger cells, read from a real influxd.

    python benchmarks/figures_cells.py [CELLS ...]

For each number of cells on a floor it writes two days of hours of five floors, as the gateway does, and
asks for the second day of one floor, as the panel does. The time is that of the whole answer, read and
parsed; the least and the median of ten. Prints a table in Markdown.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from gateway.api.tables import CellHourRow  # noqa: E402
from gateway.figures.geohash import geohash  # noqa: E402
from gateway.store.influx.address import InfluxAddress  # noqa: E402
from gateway.store.influx.client import InfluxClient  # noqa: E402
from gateway.store.influx.figures import Points  # noqa: E402
from gateway.store.outbox import bodies  # noqa: E402
from tests.influx import Influxd  # noqa: E402
from tests.support import find_program  # noqa: E402

HOUR_MS = 3_600_000
START_MS = 1_760_000_400_000
FLOORS, HOURS, TRIES = 5, 48, 10
QUERY = """\
SELECT first("lat") AS "lat", first("lon") AS "lon", sum("minutes") AS "minutes" FROM "long"."cell_hour"
WHERE "mall" = 'm{cells}' AND "floor" = 'F1' AND time >= {start}ms AND time < {end}ms GROUP BY "cell"
"""


def rows(cells: int, hour_ms: int) -> list[CellHourRow]:
    """All cells of all floors in an hour."""
    side = int(np.ceil(cells**0.5))
    random = np.random.default_rng(hour_ms // HOUR_MS)
    found = []
    for floor in range(FLOORS):
        for number, minutes in enumerate(random.uniform(0.1, 200.0, cells).tolist()):
            lat, lon = 31.2 + number // side * 3.6e-5, 121.5 + number % side * 4.2e-5
            found.append(
                CellHourRow(
                    time=hour_ms, floor=f"F{floor + 1}", cell=geohash(lat, lon),
                    lat=round(lat, 7), lon=round(lon, 7), minutes=round(minutes, 2),
                )
            )  # fmt: skip
    return found


def measure(client: InfluxClient, cells: int) -> tuple[float, float, int]:
    """Write and ask; gives least and median time in ms, and the number of rows."""
    points = Points("figures", f"m{cells}")
    for hour in range(HOURS):
        for destination, lines in points.of(rows(cells, START_MS + hour * HOUR_MS)):
            for body in bodies(lines):
                client.write(*destination, body.data)
    start = START_MS + 24 * HOUR_MS
    query = QUERY.format(cells=cells, start=start, end=start + 24 * HOUR_MS)
    times, count = [], 0
    for _ in range(TRIES):
        begun_s = time.perf_counter()
        count = len(client.query(query, database="figures"))
        times.append(1000 * (time.perf_counter() - begun_s))
    return min(times), statistics.median(times), count


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("cells", type=int, nargs="*", default=[500, 1_000, 2_000])
    asked = options.parse_args()
    program = find_program("influxd")
    if program is None:
        sys.exit("influxd is not installed: scripts/install-test-tools.sh installs it")
    print("| cells on a floor | index | rows | least, ms | median, ms |")
    print("|---:|---|---:|---:|---:|")
    for index in ("inmem", "tsi1"):
        with tempfile.TemporaryDirectory() as folder:
            server = Influxd(program, Path(folder), data=f'index-version = "{index}"').start()
            server.make_database("figures", "live", "long")
            client = InfluxClient(InfluxAddress.parse(server.address("private")))
            for cells in asked.cells:
                least, median, count = measure(client, cells)
                print(f"| {cells:,} | {index} | {count:,} | {least:.0f} | {median:.0f} |", flush=True)
            client.close()
            server.stop()


if __name__ == "__main__":
    main()
