"""Stays, cars now and the forecast of a simulated car park: `python -m benchmarks.parking`.

Days are drawn with misread characters, missed and broken passages; what the cameras say of them goes through
the hashes of a node into the gateway's car park, and what that tells is compared with the truth. Prints
Markdown tables; with `--report docs/parking.md` they go there.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from contracts.control import CarParkCount
from contracts.events import CarEvent, EventKind, stable_id
from contracts.plates import Direction, PlateChange, PlateRead
from contracts.site import CarPark as Plan
from contracts.site import Site
from edge_agent.plate_hashes import PlateHashes
from edge_agent.pseudonym import KEY_BYTES
from edge_agent.rotation import SaltRotation
from gateway.parking.car_park import CarPark
from gateway.parking.fullness import FULL_SHARE
from gateway.parking.lengths import MINUTE_MS
from gateway.parking.report import ParkingTick
from mallsense.accuracy.report import rewrite
from mallsense.accuracy.tables import markdown
from simulators.car_park.day import Day
from simulators.car_park.layout import car_park_site
from simulators.car_park.reading_errors import ReadingErrors
from simulators.car_park.reads import CarParkReads

START = datetime(2026, 3, 2, 5, tzinfo=ZoneInfo("Asia/Shanghai"))
"""A Monday, before anybody comes."""
DAY_MS = 24 * 60 * MINUTE_MS
STEP_MS = 10_000
BUSY_CARS = 3_000
"""On average days; in the busiest hours so many fill the car park."""
PAIRED = (
    "errors",
    "stays",
    "both ends seen",
    "paired right",
    "paired wrongly",
    "not paired",
    "others told right",
)
NOW = ("errors", "began", "cars", "mean absolute error", "bias", "inside 90 %", "width")
FORECAST = ("within", "said", "minutes", "mean said", "came true")
KINDS = {
    "as measured": ReadingErrors(),
    "twice as bad": ReadingErrors(missed=0.02, unsure=0.04, lost=0.006, no_direction=0.01, ghost=0.001),
    "rain": ReadingErrors(missed=0.05, unsure=0.15, lost=0.01, no_direction=0.02, ghost=0.001),
}


@dataclass
class Played:
    """A simulated car park and what the gateway said of it."""

    t_ms: list[int] = field(default_factory=list)
    cars: list[float] = field(default_factory=list)
    low: list[int] = field(default_factory=list)
    high: list[int] = field(default_factory=list)
    within: list[tuple[float, float]] = field(default_factory=list)
    left: list[CarEvent] = field(default_factory=list)
    true_cars: list[int] = field(default_factory=list)

    def take(self, tick: ParkingTick, *, every_ms: int = MINUTE_MS) -> None:
        """Take in a tick, and its numbers once a minute."""
        self.left += [
            event for event in tick.events if isinstance(event, CarEvent) and event.kind is EventKind.CAR_LEFT
        ]
        if tick.t_ms % every_ms == 0:
            low, high = tick.whole.bounds
            self.t_ms.append(tick.t_ms)
            self.cars.append(tick.whole.cars)
            self.low.append(low)
            self.high.append(high)
            self.within.append((tick.forecast.within_30, tick.forecast.within_60))


def hashes() -> PlateHashes:
    """Return a node's hashes."""
    rotation = SaltRotation("Asia/Shanghai")
    return PlateHashes(bytes(range(KEY_BYTES)), rotation, province="浙")


def play(park: CarPark, reads: Iterable[PlateRead], start_ms: int, end_ms: int) -> Iterator[ParkingTick]:
    """Feed reads, in order of time, and give the ticks."""
    coming = iter(reads)
    read = next(coming, None)
    for t_ms in range(start_ms, end_ms, STEP_MS):
        while read is not None and read.t_ms < t_ms:
            park.feed(read)
            read = next(coming, None)
        yield park.step(t_ms)


def present(day: Day, t_ms: list[int]) -> list[int]:
    """Return how many cars are truly there at each moment."""
    entered = np.sort([stay.entered_ms for stay in day.stays])
    left = np.sort([stay.left_ms for stay in day.stays])
    counts: npt.NDArray[np.int64] = np.searchsorted(entered, t_ms, "right") - np.searchsorted(
        left, t_ms, "right"
    )
    return [int(count) for count in counts]


def one_day(
    errors: ReadingErrors, cars: int, seed: int, *, counted: bool
) -> tuple[Played, CarParkReads, list[PlateRead]]:
    """Play a day and the morning after it; `counted`: somebody says at the start that nobody is there."""
    site = car_park_site()
    start_ms = round(START.timestamp() * 1000)
    source = CarParkReads(start_ms=start_ms, cars=cars, seed=seed, errors=errors, site=site)
    reads = [read for _, read in source.reads(hashes())]
    park = CarPark(site, plan(site))
    if counted:
        park.count(CarParkCount(t_ms=start_ms, cars=0))
    played, end_ms = Played(), source.end_ms + 2 * STEP_MS
    for tick in play(park, reads, start_ms + STEP_MS, end_ms):
        played.take(tick)
    played.take(park.finish(end_ms), every_ms=end_ms + 1)
    played.true_cars = present(source.day, played.t_ms)
    return played, source, reads


def plan(site: Site) -> Plan:
    """Return the car park of a site that has one."""
    assert site.car_park is not None
    return site.car_park


def pairs(site: Site, played: Played, source: CarParkReads, reads: Iterable[PlateRead]) -> Counter[str]:
    """Compare the stays told with the true ones."""
    entries: defaultdict[int, set[str]] = defaultdict(set)
    exits: defaultdict[int, set[int]] = defaultdict(set)
    passages = {passage.passage: passage for passage in source.day.passages}
    outer = {gate.camera for gate in plan(site).gates if gate.from_ is None}
    for read in reads:
        if (
            read.change is not PlateChange.END
            or read.camera not in outer
            or read.track not in source.passage_of
        ):
            continue
        passage = passages[source.passage_of[read.track]]
        if passage.step.direction is Direction.IN:
            entries[passage.stay].add(stable_id(site.mall.id, "stay", read.camera, read.track))
        else:
            exits[passage.stay].add(read.t_ms)
    told = {event.data.stay: event.data.left_ms for event in played.left}
    score: Counter[str] = Counter()
    for stay in source.day.stays:
        score["stays"] += 1
        ends = {told[an_id] for an_id in entries[stay.stay] if told.get(an_id) is not None}
        if not (entries[stay.stay] and exits[stay.stay]):
            score["other"] += 1
            score["other right"] += not ends
        else:
            score["both"] += 1
            score["right" if ends & exits[stay.stay] else "wrong" if ends else "not"] += 1
    return score


def pairing_row(name: str, score: Counter[str]) -> tuple[str, ...]:
    """Return a row of the table of stays."""
    both = score["both"]
    shares = [f"{score[what] / both:.2%}" for what in ("right", "wrong", "not")]
    return name, f"{score['stays']:,}", f"{both:,}", *shares, f"{score['other right']} of {score['other']}"


def now_row(name: str, began: str, played: list[Played]) -> tuple[str, ...]:
    """Return a row of the table of cars now."""
    said = np.concatenate([each.cars for each in played])
    true = np.concatenate([each.true_cars for each in played])
    low, high = np.concatenate([each.low for each in played]), np.concatenate([each.high for each in played])
    inside, wrong = ((low <= true) & (true <= high)).mean(), said - true
    return (
        name, began, f"{true.mean():.0f}", f"{np.abs(wrong).mean():.1f}", f"{wrong.mean():+.1f}",
        f"{inside:.0%}", f"{(high - low).mean():.0f}",
    )  # fmt: skip


def busy_days(days: int, cars: int) -> Played:
    """Play days one after the other, each with other cars, through one car park."""
    site = car_park_site()
    park = CarPark(site, plan(site))
    start_ms = round(START.timestamp() * 1000)
    said: list[PlateRead] = []
    all_days: list[Day] = []
    rng = np.random.default_rng(9)
    for number in range(days):
        begin = START + timedelta(days=number)
        weekend = 1.12 if begin.weekday() >= 5 else 1.0
        today = round(cars * weekend * rng.normal(1.0, 0.08))
        source = CarParkReads(
            start_ms=round(begin.timestamp() * 1000), cars=today, seed=1000 + number, site=site
        )
        said += [read for _, read in source.reads(hashes())]
        all_days.append(source.day)
    said.sort(key=lambda read: read.t_ms)
    park.count(CarParkCount(t_ms=start_ms, cars=0))
    played = Played()
    for tick in play(park, said, start_ms + STEP_MS, start_ms + days * DAY_MS):
        played.take(tick, every_ms=5 * MINUTE_MS)
    whole = Day([stay for day in all_days for stay in day.stays], [])
    played.true_cars = present(whole, played.t_ms)
    return played


def forecast_rows(played: Played, capacity: int, first_ms: int) -> list[tuple[str, ...]]:
    """Return how reliable the forecast is: of the moments at which so much was said, how many came true."""
    true = np.array(played.true_cars) >= FULL_SHARE * capacity
    t_ms = np.array(played.t_ms)
    said_full = np.array(played.cars) >= FULL_SHARE * capacity
    rows: list[tuple[str, ...]] = []
    for minutes, said in ((30, [a for a, _ in played.within]), (60, [b for _, b in played.within])):
        steps = minutes // 5
        came = np.array([true[i : i + steps + 1].any() for i in range(len(true))])
        use = (t_ms >= first_ms) & (np.arange(len(true)) < len(true) - steps) & ~said_full & ~true
        probability, came = np.array(said)[use], came[use]
        score = float(((probability - came) ** 2).mean())
        base = float(came.mean() * (1 - came.mean()))
        for low, high in (
            (0, 0.02),
            (0.02, 0.1),
            (0.1, 0.3),
            (0.3, 0.5),
            (0.5, 0.7),
            (0.7, 0.9),
            (0.9, 1.01),
        ):
            bin_ = (probability >= low) & (probability < high)
            if bin_.any():
                rows.append(
                    (
                        f"{minutes} min", f"{low:.0%} to {min(high, 1):.0%}", f"{bin_.sum() * 5:,}",
                        f"{probability[bin_].mean():.0%}", f"{came[bin_].mean():.0%}",
                    )
                )  # fmt: skip
        rows.append(
            (f"{minutes} min", "Brier score", f"{use.sum() * 5:,}", f"{score:.4f}", f"{base:.4f} without")
        )
    return rows


def main() -> None:
    """Play, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=5, help="simulated days of each kind")
    parser.add_argument("--cars", type=int, default=1500)
    parser.add_argument(
        "--busy-days", type=int, default=28, help="for the forecast, 7 to learn from; 0 = none"
    )
    parser.add_argument("--report", type=Path, help="a Markdown file whose tables are replaced")
    options = parser.parse_args()
    site = car_park_site()
    paired, now = [], []
    score: Counter[str] = Counter()
    played, source, reads = one_day(KINDS["as measured"], 250, 7, counted=True)
    paired.append(pairing_row("as measured, 500 passages of 250 cars", pairs(site, played, source, reads)))
    for name, errors in KINDS.items():
        score = Counter()
        days = []
        for seed in range(1, options.days + 1):
            played, source, reads = one_day(errors, options.cars, seed, counted=True)
            score += pairs(site, played, source, reads)
            days.append(played)
        paired.append(pairing_row(f"{name}, simulated days: {options.days}", score))
        now.append(now_row(name, "counted: none", days))
    unknown = [one_day(KINDS["as measured"], options.cars, seed, counted=False)[0] for seed in (1, 2)]
    now.append(now_row("as measured", "not known", unknown))
    tables = {"stays": markdown(PAIRED, paired), "cars now": markdown(NOW, now)}
    if options.busy_days:
        busy = busy_days(options.busy_days, BUSY_CARS)
        first_ms = round(START.timestamp() * 1000) + 7 * DAY_MS
        tables["forecast"] = markdown(FORECAST, forecast_rows(busy, plan(site).capacity, first_ms))
        tables["cars now, busy"] = markdown(NOW, [now_row("as measured", "counted on the first day", [busy])])
    for name, table in tables.items():
        print(f"\n{name}\n{table}")
        if options.report:
            rewrite(options.report, {name: table})


if __name__ == "__main__":
    main()
