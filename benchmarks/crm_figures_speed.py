"""How long figures of large periods take: `python -m benchmarks.crm_figures_speed`.

A SQLite store is filled with days of so many visitors of a mall of the simulated one's size (visits, paths
and minutes are drawn, no engine is run), and asked as the API asks it. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.crm_figures_day import site
from contracts.events import PathStep
from contracts.site import Site
from gateway.crm.figures.figures import ShopFigures
from gateway.figures.period import HOUR_MS, Period
from gateway.store import records
from gateway.store.records import MINUTE_MS, WHOLE_MALL, Checkpoint, Outputs, ZoneMinute
from gateway.store.sqlite import SqliteStore
from mallsense.accuracy.report import rewrite
from mallsense.accuracy.tables import markdown

SECTION = "speed of figures"
START_MS = 1_773_417_600_000
"""A midnight in Shanghai."""
DAY_MS = 24 * HOUR_MS
VISITS = 4
"""Of zones, a visitor."""


def day(here: Site, number: int, visitors: int) -> Outputs:
    """Draw a day: everybody comes once and visits some zones one after another."""
    rng = np.random.default_rng(number)
    zones = [(zone.id, floor.id) for floor, zone in here.zones()]
    outputs = Outputs()
    first_ms = START_MS + number * DAY_MS
    for person in range(visitors):
        device = f"{number:04x}{person:012x}"
        t_ms = start_ms = first_ms + int(rng.uniform(10, 20) * HOUR_MS)
        steps = []
        for stop in range(int(rng.integers(0, 2 * VISITS + 1))):
            zone, floor = zones[int(rng.integers(len(zones)))]
            dwell_ms = int(rng.lognormal(6.0, 0.7) * 1000)
            id_ = f"{number:08x}{person:016x}{stop:08x}"
            steps.append(
                PathStep(visit=id_, zone=zone, floor=floor, started_ms=t_ms, ended_ms=t_ms + dwell_ms)
            )
            end_ms = t_ms + dwell_ms
            outputs.visits[id_] = records.Visit(
                id_, device, zone, floor, t_ms, end_ms, end_ms, dwell_ms / 1000, 0.9
            )
            t_ms = end_ms + 60_000
        path = f"{number:08x}{person:024x}"
        outputs.paths.append(records.Path(path, device, start_ms, t_ms + 1000, msgspec.json.encode(steps)))
    for minute in range(10 * 60, 22 * 60):
        at_ms = first_ms + minute * MINUTE_MS
        outputs.zone_minutes += [ZoneMinute(at_ms, zone, 5.0, 6.0, 1.0, 1, 1) for zone, _ in zones]
        outputs.zone_minutes.append(ZoneMinute(at_ms, WHOLE_MALL, 400.0, 450.0, 9.0, visitors // 720, 0))
    return outputs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    args = parser.parse_args()
    here = site()
    if here.crm is None:
        raise ValueError("the simulated mall has no CRM")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        with closing(SqliteStore(path)) as store:
            end_ms = START_MS + args.days * DAY_MS
            for number in range(args.days):
                store.commit(
                    day(here, number, args.visitors), Checkpoint(0, end_ms + DAY_MS, 1, "", b"", b"")
                )
            figures = ShopFigures(here, here.crm, store, path)
            for what, first, last in (
                ("a day, first asked", 0, 1),
                ("the same day again", 0, 1),
                (f"{args.days} days, first asked", 0, args.days),
                (f"{args.days} days again", 0, args.days),
            ):
                begin = time.process_time()
                found = figures.figures(Period(START_MS + first * DAY_MS, START_MS + last * DAY_MS))
                rows.append((what, f"{time.process_time() - begin:.1f} s", str(len(found))))
                print(*rows[-1], sep=" | ", flush=True)
    if args.report:
        rewrite(args.report, {SECTION: markdown(("asked for", "processor time", "figures"), rows)})


if __name__ == "__main__":
    main()
