"""Figures of a web shop against a count of the truth: `python -m benchmarks.crm_figures FOLDER`.

Each figure of simulated days that nothing was learnt from is compared with what people really did: how far it
is off, how often its 90 % interval holds the truth, and how wide that is. Twice: as a mall sees it where
nobody has counted people, and where the training days were counted at the doors.

`--learn` prints what `gateway/crm/figures/estimation.py` holds, from the training days alone: every one of
them told with the people model of the others.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from benchmarks.crm_figures_day import TrueDay, simulated, site
from contracts.site import ZoneKind
from gateway.crm.figures.definitions import as_markdown
from gateway.crm.figures.figures import ShopFigures
from gateway.crm.figures.sale_import import import_sales
from gateway.crm.figures.sale_values import Shop
from gateway.crm.figures.telling import Figure
from gateway.crm.file import open_file
from gateway.figures.period import Period
from gateway.people import ENTERED, PRESENT, MallPeople
from gateway.store.records import MINUTE_MS, WHOLE_MALL, whole_floor
from gateway.store.sqlite import SqliteStore
from mallsense.accuracy.report import rewrite
from mallsense.accuracy.tables import markdown
from positioning.people.heard import Floats, Ints
from positioning.people.ratio import PhonesPerPerson

SECTION, DEFINITIONS = "figures of a web shop", "definitions"
HEADER = (
    "figure",
    "people",
    "compared",
    "told / true, median",
    "90 % of them",
    "inside 90 %",
    "high / low, median",
)
WINDOW_MIN = 10
COUNTER_SD = 0.03
"""Error of a door counter, as a share."""
BOUNCE_S = 300.0
Key = tuple[str, str | None]


@dataclass(frozen=True)
class Day:
    """A simulated day: its store, and what was true."""

    path: Path
    truth: TrueDay

    @property
    def period(self) -> Period:
        """What is asked for."""
        return Period(self.truth.from_ms, self.truth.to_ms)


def told(day: Day, people: MallPeople | None) -> dict[Key, Figure]:
    """Return the figures that a gateway tells of a day."""
    here = site()
    if here.crm is None:
        raise ValueError("the simulated mall has no CRM")
    with closing(SqliteStore(day.path)) as store, closing(open_file(day.path)) as file:
        rows = [f"{i},{s.zone},{_iso(s.t_ms)},{s.amount / 100:.2f}" for i, s in enumerate(day.truth.sales)]
        zones = frozenset(day.truth.zones)
        figures = ShopFigures(here, here.crm, store, day.path, people)
        shop = Shop(zones, {}, here.crm.currency, figures.timezone)
        import_sales(file, "\n".join(["sale,zone,t,amount", *rows]).encode(), shop)
        found = figures.figures(day.period)
    return {(figure.id, figure.zone): figure for figure in found}


def true(day: Day, figures: Mapping[Key, Figure]) -> dict[Key, float]:
    """Return the same figures, counted; shares are of the zones that `figures` shows."""
    here, truth = site(), day.truth
    stays = [s for s in truth.stays if s[2] * 1000 > truth.from_ms]
    length_s = {person: leave_s - enter_s for person, enter_s, leave_s in stays}
    count = float(len(length_s))
    zones_of: defaultdict[int, set[str]] = defaultdict(set)
    dwell: defaultdict[str, list[int]] = defaultdict(list)
    who: defaultdict[str, set[int]] = defaultdict(set)
    for visit in truth.visits:
        zone = truth.zones[visit.zone]
        zones_of[visit.person].add(zone)
        dwell[zone].append(visit.leave_s - visit.enter_s)
        who[zone].add(visit.person)
    somewhere = float(len(zones_of))
    bounced = sum(len(zones) == 1 and length_s[p] <= BOUNCE_S for p, zones in zones_of.items())
    kind = {zone.id: zone.kind for _, zone in here.zones()}
    in_shop = sum(any(kind[z] is ZoneKind.SHOP for z in zones) for zones in zones_of.values())
    sales, amounts = defaultdict[str, float](float), defaultdict[str, float](float)
    for sale in truth.sales:
        sales[sale.zone] += 1.0
        amounts[sale.zone] += sale.amount / 100
    answer: dict[Key, float] = {
        ("visits", None): count, ("visitors", None): count, ("visits_per_visitor", None): 1.0,
        ("bounce_rate", None): bounced / somewhere, ("near", None): count + truth.passers_by,
        ("came_in_share", None): count / (count + truth.passers_by),
        ("shop_share", None): in_shop / somewhere, ("conversion", None): sum(sales.values()) / count,
        ("spend_per_visit", None): sum(amounts.values()) / count,
    }  # fmt: skip
    for floor in here.floors:
        ids = {zone.id for zone in floor.zones}
        reached = sum(bool(ids & zones) for zones in zones_of.values())
        answer["floor_share", whole_floor(floor.id)] = reached / somewhere
    hours = dict(zip(truth.zones, truth.hours, strict=True))
    by_visits = sum(len(dwell[z]) for z in truth.zones if _shown(figures, "visit_share", z))
    by_hours = sum(hours[z] for z in truth.zones if _shown(figures, "exposure_share", z))
    for zone in truth.zones:
        visits = float(len(dwell[zone]))
        answer |= {
            ("zone_visits", zone): visits, ("zone_visitors", zone): float(len(who[zone])),
            ("shop_share", zone): len(who[zone]) / somewhere, ("exposure", zone): hours[zone],
            ("visit_share", zone): visits / max(by_visits, 1),
            ("exposure_share", zone): hours[zone] / max(by_hours, 1e-9),
        }  # fmt: skip
        if visits:
            answer["dwell_median", zone] = float(np.median(dwell[zone]))
            answer["conversion", zone] = sales[zone] / visits
            answer["spend_per_visit", zone] = amounts[zone] / visits
    return answer


def counted(days: Sequence[Day], seed: int = 1) -> MallPeople:
    """Return the people model of days on which somebody counted, with the errors of door counters."""
    rng = np.random.default_rng(seed)
    columns: defaultdict[str, list[tuple[Floats, Floats, Floats, Ints]]] = defaultdict(list)
    for number, day in enumerate(days):
        found, there, came = _windows(day)
        which = np.full(len(found), number)
        noisy = np.round(there * rng.normal(1.0, COUNTER_SD, len(there)))
        columns[PRESENT].append((found[:, 0], found[:, 1], noisy, which))
        # At the start the mall is full already: nobody came in then.
        noisy = np.round(came * rng.normal(1.0, COUNTER_SD, len(came)))[1:]
        columns[ENTERED].append((found[1:, 2], 0.0 * found[1:, 2], noisy, which[1:]))
    return MallPeople.of(
        {
            what: PhonesPerPerson.fit(*(np.concatenate(column) for column in zip(*rows, strict=True)))
            for what, rows in columns.items()
        }
    )


def learn(days: Sequence[Day]) -> Iterator[str]:
    """Give the constants of the estimation: what is left of figures told by the model of the other days."""
    off: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    shares: defaultdict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for day in days:
        found = told(day, counted([other for other in days if other is not day]))
        uncounted = told(day, None)["visits", None]
        off["CAME_UNCOUNTED"].append((log((uncounted.value or 1.0) / true(day, found)["visits", None]), 1.0))
        passed = (found["near", None].value or 0.0) - (found["visits", None].value or 0.0)
        off["NEAR"].append((log(passed / day.truth.passers_by), passed))
        for key, right in true(day, found).items():
            figure = found[key]
            if not figure.value or not right:
                continue
            if figure.id in ("shop_share", "floor_share"):
                shares[figure.id].append((figure.value, right, float(figure.n or 1)))
            else:
                off[figure.id].append((log(figure.value / right), float(figure.n or 1)))
    for family in ("visits", "CAME_UNCOUNTED", "NEAR", *_IN_ZONES):
        yield f"{family}: {_left(np.array(off[family]))}"
    for id_, rows in shares.items():
        value, right, n = np.array(rows).T
        spread = ((value - right) ** 2 / np.maximum(right * (1 - right), 1e-3)).mean() - (1 / n).mean()
        yield f"{id_}: {len(n)} figures, spread {spread:.3f}"


def _left(off: Floats) -> str:
    """Say what is left, of (N, 2) logarithms told / true and numbers they rest on."""
    design = np.stack((np.ones(len(off)), 1.0 / np.maximum(off[:, 1], 1.0)), axis=1)
    mean = off[:, 0].mean()
    if len(off) < FEW:  # one a day: neither noise nor a side can be told from what lasts
        design, mean = design[:, :1], 0.0
    found, _ = nnls(design, (off[:, 0] - mean) ** 2)
    noise = found[1] if len(found) > 1 else 0.0
    return f"{len(off)} figures, lasting {found[0] ** 0.5:.2f}, noise {noise:.2f}, lean {mean:+.2f}"


def compare(days: Sequence[Day], people: MallPeople | None, name: str) -> Iterator[tuple[str, ...]]:
    """Give the lines of a table."""
    ratios: defaultdict[str, list[float]] = defaultdict(list)
    widths: defaultdict[str, list[float]] = defaultdict(list)
    inside: defaultdict[str, list[bool]] = defaultdict(list)
    for day in days:
        found = told(day, people)
        for (id_, zone), right in true(day, found).items():
            figure = found[id_, zone]
            if not figure.value or figure.low is None or figure.high is None:
                continue  # hidden, or nobody found: an interval around nothing says little
            kind = f"{id_} (zones)" if zone in day.truth.zones and id_ in _BOTH else id_
            inside[kind].append(figure.low - 1e-6 <= right <= figure.high + 1e-6)
            if right:
                ratios[kind].append(figure.value / right)
            if figure.low:
                widths[kind].append(figure.high / figure.low)
    for kind, hits in inside.items():
        ratio = np.array(ratios[kind] or [np.nan])
        low, high = np.percentile(ratio, (5, 95))
        width = f"{np.median(widths[kind]):.1f}" if widths[kind] else "from 0"
        yield (
            kind, name, str(len(hits)), f"{np.median(ratio):.2f}", f"{low:.2f} to {high:.2f}",
            f"{np.mean(hits):.0%}", width,
        )  # fmt: skip


FEW = 10
_IN_ZONES = ("zone_visits", "zone_visitors", "exposure", "dwell_median")
_BOTH = frozenset({"shop_share", "conversion", "spend_per_visit"})


def _shown(figures: Mapping[Key, Figure], id_: str, zone: str) -> bool:
    return figures[id_, zone].value is not None


def _iso(t_ms: int) -> str:
    return f"{np.datetime64(t_ms, 'ms')}+00:00"


def _windows(day: Day) -> tuple[Floats, Floats, Floats]:
    """Return what was found in windows (W, 3): devices, variance, arrivals; people there, and who came."""
    with closing(SqliteStore(day.path)) as store:
        rows = store.zone_minutes(day.truth.from_ms, day.truth.to_ms, MINUTE_MS, [WHOLE_MALL])
    minutes = (day.truth.to_ms - day.truth.from_ms) // MINUTE_MS
    found = np.zeros((minutes, 3))
    for row in rows:
        at = (row.minute_ms - day.truth.from_ms) // MINUTE_MS
        found[at] = row.people_mean, row.variance_mean, row.started
    enter, leave = np.array([stay[1:] for stay in day.truth.stays]).T
    start_s = day.truth.from_ms / 1000 + 60.0 * np.arange(minutes)
    there = np.minimum(leave, start_s[:, None] + 60) - np.maximum(enter, start_s[:, None])
    came = ((enter >= start_s[:, None]) & (enter < start_s[:, None] + 60)).sum(axis=1)
    whole = minutes // WINDOW_MIN * WINDOW_MIN
    windows = found[:whole].reshape(-1, WINDOW_MIN, 3)
    return (
        np.concatenate((windows[:, :, :2].mean(axis=1), windows[:, :, 2:].sum(axis=1)), axis=1),
        (np.maximum(there, 0).sum(axis=1) / 60)[:whole].reshape(-1, WINDOW_MIN).mean(axis=1),
        came[:whole].reshape(-1, WINDOW_MIN).sum(axis=1).astype(np.float64),
    )


def main() -> None:
    """Print the table, or what is learnt."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where simulated days are kept")
    parser.add_argument("--shoppers", type=int, default=150)
    parser.add_argument("--passers-by", type=int, default=15)
    parser.add_argument("--hours", type=float, default=1.5)
    parser.add_argument("--train", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--test", type=int, nargs="+", default=[13, 14])
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    args = parser.parse_args()

    def days(seeds: Sequence[int]) -> list[Day]:
        how = {"shoppers": args.shoppers, "passers_by": args.passers_by, "hours": args.hours}
        return [Day(*simulated(args.folder, **how, seed=seed)) for seed in seeds]

    train = days(args.train)
    if args.learn:
        print(*learn(train), sep="\n")
        return
    test = days(args.test)
    found = [*compare(test, None, "assumed"), *compare(test, counted(train), "counted")]
    order = {row[0]: number for number, row in reversed([*enumerate(found)])}
    found.sort(key=lambda row: order[row[0]])
    for row in found:
        print(*row, sep=" | ", flush=True)
    if args.report:
        rewrite(args.report, {SECTION: markdown(HEADER, found), DEFINITIONS: as_markdown()})


if __name__ == "__main__":
    main()
