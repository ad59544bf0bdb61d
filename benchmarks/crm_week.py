"""How well members are matched: a simulated week of 20,000 visitors, 3,000 of them members.

    python -m benchmarks.crm_week [--members 3000] [--visitors 20000] [--days 7] [--hours 1.5] [--processes 2]

Radio, cameras, agents' batching, pipeline and CRM are the product's own, in process and without waiting; what
systems deliver of members (consents, logins, plates) comes as it becomes known. With several processes each
takes some of the days in a row, with a store of its own; who came and logged in on the days before it, it
finds out without radio. Every day is scored when it is over, together with those before it.
"""

import argparse
import json
import os
import tempfile
import time
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from contracts.site import Site
from contracts.site.crm import Crm
from contracts.site.model import Belief
from mallsense.crm_days import CrmDays, Days, first_day
from mallsense.simulated import simulated_calibration
from simulators.car_park.layout import car_park_site
from simulators.members.population import Population
from simulators.members.scoring import MatchingScore

FIRST_DAY = "2026-03-16"
"""A Monday."""
VISITS_A_DAY = 1832 / 300
"""Of visits a day to people at the fullest moment, in a day that is simulated."""
KEPT_D = 14
LATENESS_S = 20.0
"""Nobody waits for a tick here, and batches may be longer."""


def main() -> None:
    """Play the days and print what became of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, default=3_000)
    parser.add_argument("--visitors", type=int, default=20_000, help="in the week, members among them")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, help="heard a day; without it, all hours")
    parser.add_argument("--tick", type=float, default=5.0, help="seconds")
    parser.add_argument("--every-node", type=int, default=1, help="2 leaves out every second node")
    parser.add_argument("--out", type=Path, help="folder for a JSON file a day")
    options = parser.parse_args()
    parts = split(options.days, options.processes)
    with get_context("spawn").Pool(len(parts)) as pool:
        for _ in pool.imap_unordered(run, [(part, options) for part in parts]):
            pass


def split(days: int, processes: int) -> list[range]:
    """Return the days of each process, in a row."""
    edges = [round(days * number / processes) for number in range(processes + 1)]
    return [range(first, end) for first, end in pairwise(edges) if end > first]


def run(job: tuple[range, argparse.Namespace]) -> None:
    """Play some days in a row, and print a line after each."""
    part, options = job
    site = the_site(options)
    first = first_day(site, FIRST_DAY)
    population = Population.draw(
        members=options.members,
        others=options.visitors - options.members,
        start_ms=round(first.timestamp()) * 1000,
        days=options.days,
        seed=options.seed,
    )
    peak = population.visits.sum() / options.days / VISITS_A_DAY
    days = Days(site, population, first, peak, seed=options.seed, heard_h=options.hours)
    with tempfile.TemporaryDirectory(prefix="mallsense-week-") as folder:
        week = CrmDays(days, Path(folder), simulated_calibration(site, seed=options.seed).to_dict())
        try:
            for day in range(part.start):
                week.skip(day)
            for day in part:
                begun = time.process_time()
                week.play(day)
                tell(day, week, time.process_time() - begun, options.out)
        finally:
            week.close()


def the_site(options: argparse.Namespace) -> Site:
    """Return the simulated mall with a car park and a CRM."""
    site = car_park_site()
    hearing = [node for node in site.nodes if node.hears][:: options.every_node]
    cameras = [node for node in site.nodes if not node.hears]
    tracking = site.tracking.model_copy(
        update={"tick_s": options.tick, "belief": Belief.NORMAL, "lateness_s": LATENESS_S}
    )
    return site.model_copy(
        update={"nodes": [*hearing, *cameras], "tracking": tracking, "crm": Crm(feed_d=KEPT_D)}
    )


def tell(day: int, week: CrmDays, spent_s: float, out: Path | None) -> None:
    """Print how well members were matched up to the end of a day."""
    score, trespasses = week.score(), week.trespasses()
    line = {
        "day": day,
        "cpu_s": round(spent_s),
        "appearances": len(week.appearances),
        "people": len({visit.person for visit in week.appearances}),
        "visitor_hours": round(sum(visit.leave_s - visit.enter_s for visit in week.appearances) / 3600),
        "sales": week.sales,
        "trespasses": trespasses,
        **shares(score),
        **vars(score),
    }
    print(json.dumps(line), flush=True)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"day{day}.json").write_text(json.dumps(line), encoding="utf-8")


def shares(score: MatchingScore) -> dict[str, float]:
    """Return what is asked for, as shares."""
    return {
        "precision": round(score.precision, 5),
        "recall_events": round(score.recall, 5),
        "recall_visits": round(score.visits_named / max(score.visits_found, 1), 5),
        "visits_told": round(score.visits_named / max(score.visits, 1), 5),
        "of_all_consenting": round(score.visits_named / max(score.visits_of_consenting, 1), 5),
        "precision_cars": round(score.cars_right / max(score.cars_named, 1), 5),
        "recall_stays": round(score.stays_named / max(score.stays, 1), 5),
    }


if __name__ == "__main__":
    main()
