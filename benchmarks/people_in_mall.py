"""People of a simulated mall with and without calibration: `python -m benchmarks.people_in_mall`.

Some people have their phone off and some have two. One day is counted at the doors, with the errors of door
counters; the people of other days, with other people and other phones, are then told from devices alone.
Prints a Markdown table; with `--report docs/counts.md` it goes there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from edge_agent.pseudonym import KEY_BYTES, Pseudonyms
from edge_agent.rotation import SaltRotation
from gateway.engine import build_engine
from gateway.pipeline import cell_grid
from gateway.recorder import Recorder
from gateway.store.records import MINUTE_MS, WHOLE_MALL
from mallsense import in_process
from mallsense.accuracy.report import rewrite
from mallsense.accuracy.tables import markdown
from mallsense.simulated import simulated_calibration
from positioning.people.check import Agreement
from positioning.people.heard import Floats, Ints
from positioning.people.ratio import PhonesPerPerson
from simulators import mall
from simulators.phones import Habits
from simulators.source import SimulatedSource
from simulators.truth import Truth

SECTION = "people in a mall"
HEADER = ("figure", "model", "windows", "mean people", "mean absolute error", "bias", "inside 90 %", "width")
START = "2026-03-14T11:00"
WINDOW_MIN = 10
COUNTER_SD = 0.03
"""Error of a door counter, as a share."""
Z_90 = 1.645


@dataclass(frozen=True)
class Day:
    """Windows (W,) of a simulated day: what was found, and what was true."""

    present: Floats
    variance: Floats
    people: Floats
    arrived: Floats
    entered: Floats


def simulate(shoppers: int, hours: float, seed: int, habits: Habits) -> Day:
    """Play a day, from eleven on, through the engine."""
    site = mall.site()
    start = datetime.fromisoformat(START).replace(tzinfo=ZoneInfo(site.mall.timezone))
    start_ms = round(start.timestamp()) * 1000
    truth = Truth(site, positions_every_s=0)
    source = SimulatedSource(
        shoppers=shoppers, start_ms=start_ms, duration_s=round(hours * 3600), seed=seed, site=site,
        habits=habits, truth=truth,
    )  # fmt: skip
    engine = build_engine(site, simulated_calibration(site, seed=1).to_dict())
    recorder = Recorder(site, cell_grid(engine))
    pseudonyms = Pseudonyms(bytes(KEY_BYTES), SaltRotation.of(site))
    for tick in in_process.play(source, pseudonyms, engine):
        recorder.add(tick)
        recorder.outputs.positions.clear()
        recorder.outputs.cell_minutes.clear()
    rows = {row.minute_ms: row for row in recorder.outputs.zone_minutes if row.zone == WHOLE_MALL}
    minutes = range(start_ms, start_ms + round(hours * 60) * MINUTE_MS, MINUTE_MS)
    found = np.array(
        [
            (r.people_mean, r.variance_mean, r.started) if (r := rows.get(at)) else (0.0, 0.0, 0)
            for at in minutes
        ]
    )
    there = [truth.census.people(at / 1000, at / 1000 + 60) for at in minutes]
    seen: set[int] = set()
    came = []
    for people in there:
        new = set(people.tolist()) - seen
        came.append(float(len(new)))
        seen |= new
    windows = found.reshape(-1, WINDOW_MIN, 3)
    return Day(
        windows[:, :, 0].mean(axis=1),
        windows[:, :, 1].mean(axis=1),
        truth.headcount.sum(axis=1)[: len(found)].reshape(-1, WINDOW_MIN).mean(axis=1),
        windows[1:, :, 2].sum(axis=1),  # at the start the mall is full already: nobody came in then
        np.array(came).reshape(-1, WINDOW_MIN).sum(axis=1)[1:],
    )


def counted(people: Floats, seed: int) -> Floats:
    """Return what door counters make of the truth."""
    rng = np.random.default_rng(seed)
    return np.round(people * rng.normal(1.0, COUNTER_SD, len(people)))


def line(
    figure: str, name: str, model: PhonesPerPerson, devices: Floats, variance: Floats, people: Floats
) -> tuple[str, ...]:
    """Return the cells of one model."""
    told = np.array([model.people(float(d), float(v)) for d, v in zip(devices, variance, strict=True)])
    half = Z_90 * np.sqrt(told[:, 1])
    low, high = np.floor(np.maximum(told[:, 0] - half, 0.0)), np.ceil(told[:, 0] + half)
    found = Agreement.of(told[:, 0], low, high, people)
    return (
        figure, name, str(found.windows), f"{people.mean():.0f}", f"{found.error:.1f}", f"{found.bias:+.1f}",
        f"{found.inside:.0%}", f"{found.width:.0f}",
    )  # fmt: skip


def rows(known: Day, others: list[Day]) -> Iterator[tuple[str, ...]]:
    """Give the lines of the table."""
    for figure, devices, variance, people in (
        ("present", "present", "variance", "people"),
        ("entered", "arrived", "", "entered"),
    ):
        asked = [np.concatenate([getattr(day, name) for day in others]) for name in (devices, people)]
        chance = np.concatenate([getattr(day, variance) for day in others]) if variance else 0.0 * asked[0]
        truth = getattr(known, people)
        day: Ints = np.zeros(len(truth), dtype=np.int64)
        known_chance = getattr(known, variance) if variance else 0.0 * truth
        fitted = PhonesPerPerson.fit(getattr(known, devices), known_chance, counted(truth, 1), day)
        yield line(figure, "uncalibrated", PhonesPerPerson.prior(), asked[0], chance, asked[1])
        words = f"calibrated: {fitted.phones:.2f} devices a person, {fitted.line[0]:+.1f} of nobody"
        yield line(figure, words, fitted, asked[0], chance, asked[1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shoppers", type=int, default=150)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, default=2, help="days that nobody has counted")
    parser.add_argument("--off", type=float, default=0.15)
    parser.add_argument("--second", type=float, default=0.1)
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    args = parser.parse_args()
    habits = Habits(args.off, args.second)
    days = [simulate(args.shoppers, args.hours, 100 + i, habits) for i in range(args.seeds + 1)]
    found = list(rows(days[0], days[1:]))
    for row in found:
        print(*row, sep=" | ", flush=True)
    if args.report:
        rewrite(args.report, {SECTION: markdown(HEADER, found)})


if __name__ == "__main__":
    main()
