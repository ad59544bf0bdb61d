"""How often alerts are false, and which changes they find: a mall of made-up hours with planted changes.

    python -m benchmarks.crm_alerts [--weeks 8] [--zones 60] [--malls 3]

Every zone has its share of the people who come in, by hour and weekday, and is open twelve hours a day. What
is usual varies: with the weather (a factor of a day for the mall, 15 %, and of a day for a zone, 8 %), within
the hour (10 %), and by chance. Eight weeks go before. Then changes are planted: each lasts three hours.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contracts.crm import Kpi
from gateway.crm.alerts.gate import A_DAY, Measured, Open, decide
from gateway.crm.alerts.hours import WEEKS, Compared, Hour, ZoneHour
from gateway.crm.alerts.measure import conversion, dwell, footfall
from gateway.store.records import WHOLE_MALL

Floats = npt.NDArray[np.float64]

HOURS = 12
LASTS = 3
CHANGES = {
    Kpi.FOOTFALL: (0.0, 0.4, 0.6, 1.5, 2.0),
    Kpi.DWELL: (0.5, 0.7, 1.4, 2.0),
    Kpi.CONVERSION: (0.0, 0.4, 0.6, 1.6),
}
BUSY = (20.0, 60.0)
"""Visits an hour from which a zone is middling, and busy."""


@dataclass
class Mall:
    """Hours (T, Z) of T hours and Z zones, T = weeks x 7 x HOURS."""

    came: Floats
    visits: Floats
    lengths: Floats
    """Geometric mean of each hour's dwell times, seconds."""
    sales: Floats
    planted: dict[tuple[int, int], tuple[Kpi, float]] = field(default_factory=dict)
    """By hour and zone."""


def draw(rng: np.random.Generator, weeks: int, zones: int, *, plant: bool) -> Mall:
    """Make up a mall."""
    days = weeks * 7
    profile = 1.0 + np.sin(np.linspace(0.2, 2.8, HOURS))
    weekday = np.tile(np.array([0.8, 0.8, 0.85, 0.9, 1.1, 1.5, 1.4]), weeks)
    mean = 400.0 * (weekday * rng.lognormal(0.0, 0.15, days))[:, None] * profile
    came = rng.poisson(mean * rng.gamma(100.0, 0.01, mean.shape)).reshape(-1).astype(np.float64)
    share = rng.lognormal(-3.0, 0.9, zones)
    day = np.repeat(rng.lognormal(0.0, 0.08, (days, zones)), HOURS, axis=0)
    factor = {kpi: np.ones((len(came), zones)) for kpi in Kpi}
    mall = Mall(came, np.zeros(0), np.zeros(0), np.zeros(0))
    if plant:
        _plant(mall, factor, rng, zones)
    visits = rng.poisson(
        came[:, None] * share * day * rng.gamma(100.0, 0.01, day.shape) * factor[Kpi.FOOTFALL]
    )
    typical = rng.lognormal(6.3, 0.5, zones) * np.repeat(
        rng.lognormal(0.0, 0.05, (days, zones)), HOURS, axis=0
    )
    noise = rng.standard_normal(visits.shape) * 0.8 / np.sqrt(np.maximum(visits, 1))
    mall.visits, mall.lengths = visits.astype(np.float64), typical * factor[Kpi.DWELL] * np.exp(noise)
    chance = np.clip(rng.beta(4, 8, zones) * day**0.5 * factor[Kpi.CONVERSION], 0.0, 1.0)
    mall.sales = rng.binomial(visits, chance).astype(np.float64)
    return mall


def _plant(mall: Mall, factor: dict[Kpi, Floats], rng: np.random.Generator, zones: int) -> None:
    """Change one zone in every fifth hour after the first `WEEKS`, for `LASTS` hours, within its day."""
    for hour in range(WEEKS * 7 * HOURS, len(mall.came), 5):
        if hour % HOURS > HOURS - LASTS:
            continue
        kpi = list(Kpi)[int(rng.integers(len(Kpi)))]
        size, zone = float(rng.choice(CHANGES[kpi])), int(rng.integers(zones))
        factor[kpi][hour : hour + LASTS, zone] = size
        for one in range(hour, hour + LASTS):
            mall.planted[one, zone] = (kpi, size)


def hour_of(mall: Mall, t: int, kpi: Kpi) -> Hour:
    """Return an hour as alerts read it."""
    minutes = {WHOLE_MALL: ZoneHour(int(mall.came[t]), 60.0)}
    if kpi is not Kpi.DWELL:
        return minutes | {f"z{i}": ZoneHour(int(n)) for i, n in enumerate(mall.visits[t])}
    logs = np.log(mall.lengths[t])
    rows = zip(mall.visits[t].astype(int).tolist(), logs.tolist(), strict=True)
    spread = 0.8**2
    return minutes | {
        f"z{i}": ZoneHour(n, n * log, n * log**2 + max(n - 1, 0) * spread) for i, (n, log) in enumerate(rows)
    }


def measure(mall: Mall, t: int, kpi: Kpi) -> list[Measured]:
    """Measure one hour as the gateway does."""
    before = [t - week * 7 * HOURS for week in range(1, WEEKS + 1)]
    compared = Compared(hour_of(mall, t, kpi), [hour_of(mall, one, kpi) for one in before], before)
    if kpi is Kpi.FOOTFALL:
        return footfall(compared)
    if kpi is Kpi.DWELL:
        return dwell(compared)
    now, *past = [{f"z{i}": int(n) for i, n in enumerate(mall.sales[one])} for one in (t, *before)]
    return conversion(compared, now, past)


def alerts(mall: Mall) -> Iterator[tuple[Kpi, int, tuple[str, ...]]]:
    """Give every alert: its figure, the hour it began with, its zones."""
    for kpi in Kpi:
        before: list[Open] = []
        for t in range(WEEKS * 7 * HOURS, len(mall.came)):
            decision = decide(measure(mall, t, kpi), before)
            before = decision.going_on
            for number, began in enumerate(decision.began):
                zones = tuple(one.zone for one in began.found)
                before.append(Open(f"{t}-{number}", began.side, zones))
                yield kpi, t, zones


def size_of(visits: float) -> str:
    """Say how busy a zone is."""
    return ("quiet", "middling", "busy")[sum(visits >= least for least in BUSY)]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--zones", type=int, default=60)
    parser.add_argument("--malls", type=int, default=3)
    asked = parser.parse_args()
    false: Counter[Kpi] = Counter()
    a_day: list[int] = []
    found: dict[tuple[Kpi, float, str], list[bool]] = defaultdict(list)
    for seed in range(asked.malls):
        calm = draw(np.random.default_rng([seed, 0]), WEEKS + asked.weeks, asked.zones, plant=False)
        days: Counter[int] = Counter()
        for kpi, t, _ in alerts(calm):
            false[kpi] += 1
            days[t // HOURS] += 1
        a_day += [days[day] for day in range(WEEKS * 7, (WEEKS + asked.weeks) * 7)]
        changed = draw(np.random.default_rng([seed, 1]), WEEKS + asked.weeks, asked.zones, plant=True)
        told: dict[tuple[Kpi, int], set[str]] = defaultdict(set)
        for kpi, t, zones in alerts(changed):
            told[kpi, t] |= set(zones)
        usual = changed.visits.mean(axis=0)
        begins = {
            key: what for key, what in changed.planted.items() if (key[0] - 1, key[1]) not in changed.planted
        }
        for (t, zone), (kpi, size) in begins.items():
            hit = any(f"z{zone}" in told[kpi, one] for one in range(t, t + LASTS))
            found[kpi, size, size_of(usual[zone])].append(hit)
    weeks = asked.malls * asked.weeks
    print(f"{asked.zones} zones, {weeks} weeks in {asked.malls} malls, nothing planted:")
    for kpi in Kpi:
        print(f"  {kpi:<11} {false[kpi] / weeks:5.2f} alerts a week")
    print(
        f"  days with an alert {np.mean(np.array(a_day) > 0):.0%}, most on a day {max(a_day)}"
        f" (at most {A_DAY} are sent)"
    )
    print("\n| figure | change | quiet zones | middling | busy |\n|---|---|---|---|---|")
    for kpi in Kpi:
        for size in CHANGES[kpi]:
            cells = (found[kpi, size, busy] for busy in ("quiet", "middling", "busy"))
            print(f"| {kpi} | x {size:g} | " + " | ".join(_share(cell) for cell in cells) + " |")


def _share(hits: list[bool]) -> str:
    return f"{np.mean(hits):.0%} of {len(hits)}" if hits else ""


if __name__ == "__main__":
    main()
