"""Segments against the types that are planted: `python -m benchmarks.crm_segments`.

Members of the simulator live for weeks without radio (`simulators.members.life`): clusters, assignment and
tiers are made of what they did and compared with what they are. Features and settings were chosen on seeds
below 12; those here begin at 21. `--report FILE` writes the tables into a Markdown file; `--speed` measures
a fit and an assignment of 20,000 members that are in a store.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr
from sklearn.metrics import adjusted_rand_score, confusion_matrix

from gateway.crm.file import open_file
from gateway.crm.members.assign import SEEN_TO_FIT, fit_assigner, scaling
from gateway.crm.members.clusters import find_clusters
from gateway.crm.members.features import Features, features_of
from gateway.crm.members.reading import DAY_MS, Bools, Done, Ints, Sales, Shops, Stays, Visits
from gateway.crm.members.tiers import TIERS, cuts_of, tiers_of
from gateway.crm.members.understanding import Understanding
from gateway.crm.members.words import describe, marks_of
from gateway.store.sqlite import SqliteStore
from mallsense.accuracy.report import rewrite
from mallsense.accuracy.tables import markdown
from simulators.mall import site
from simulators.members.behaviours import Behaviour
from simulators.members.life import Life, live
from simulators.members.population import Population
from simulators.members.receipts import BEHAVIOURS
from tests.gateway.lived import keep_life

START_MS = 1_767_196_800_000
"""A midnight in Shanghai."""
FIRST_SEED = 21
ORDINARY = BEHAVIOURS.index(Behaviour.ORDINARY)
SCENES = {
    "12 weeks": (12, 1.0),
    "12 weeks, 40 % of the visits seen": (12, 0.4),
    "4 weeks": (4, 1.0),
    "1 week": (1, 1.0),
}


@dataclass(frozen=True)
class Found:
    """What was found of one seed; nan where nothing stood out."""

    clusters: int
    fitted: float
    """Adjusted Rand index of members who are seen often enough to fit."""
    told: float
    """Share of all members who are in a cluster."""
    assigned: float
    """Adjusted Rand index of these."""
    marked: float
    """The same without the ordinary ones."""
    stability: float
    named: float
    """Share of the four types with a name that are most of the cluster of that name."""
    accuracy: float
    """Of the assignment of members whom neither clusters nor discriminant analysis have seen."""


NOTHING = Found(0, np.nan, 0.0, np.nan, np.nan, np.nan, np.nan, np.nan)


def lived(seed: int, members: int, weeks: int) -> Life:
    """Let members live for some weeks."""
    people = Population.draw(members=members, others=0, start_ms=START_MS, days=weeks * 7, seed=seed)
    return live(site(), people.members, start_ms=START_MS, days=weeks * 7, seed=seed)


def done_of(life: Life, weeks: int, seen: Bools) -> Done:
    """Return a life as the CRM knows it, with the visits that are seen; tills see all purchases."""
    shops = Shops.of(site())
    place = np.array([shops.zones.index(zone) for zone in life.shops])
    visits, stays, sales, members = life.visits, life.stays, life.sales, len(life.type)
    kept = seen[stays.visit]
    return Done(
        tuple(f"{number:016x}" for number in range(members)), START_MS, START_MS + weeks * 7 * DAY_MS,
        ZoneInfo(site().mall.timezone), shops, np.full(members, float(weeks)),
        np.ones(members, dtype=np.bool_),
        Visits(visits.person[seen], visits.start_ms[seen], visits.end_ms[seen], visits.by_car[seen]),
        Stays(
            stays.person[kept], place[stays.shop[kept]], stays.start_ms[kept],
            (stays.end_ms - stays.start_ms)[kept] / 1000,
        ),
        Sales(
            sales.person, place[sales.shop], sales.t_ms, sales.amount.astype(np.float64),
            sales.discount.astype(np.float64),
        ),
    )  # fmt: skip


def find(life: Life, done: Done) -> Found:
    """Look for clusters, and compare them with the planted types."""
    features, _ = features_of(done)
    mean, scale = scaling(features)
    often = features.visits >= SEEN_TO_FIT
    found = find_clusters(((features.values - mean) / scale)[often])
    if found is None:
        return NOTHING
    cluster, _ = fit_assigner(features, mean, scale, found.label).assign(features)
    told, marked = cluster >= 0, (cluster >= 0) & (life.type != ORDINARY)
    return Found(
        len(found.jaccard),
        adjusted_rand_score(life.type[often], found.label),
        float(told.mean()),
        adjusted_rand_score(life.type[told], cluster[told]),
        adjusted_rand_score(life.type[marked], cluster[marked]),
        found.stability,
        _named(features, cluster, life.type, len(found.jaccard)),
        _held_out(features, life.type),
    )


def _named(features: Features, cluster: Ints, kind: Ints, count: int) -> float:
    right = set()
    for number in range(count):
        inside = cluster == number
        key = describe(marks_of(features, inside, cluster >= 0)).key
        if inside.any() and key == BEHAVIOURS[int(np.bincount(kind[inside]).argmax())]:
            right.add(key)
    return len(right) / (len(BEHAVIOURS) - 1)


def _held_out(features: Features, kind: Ints) -> float:
    """Return how many of the second half are assigned to the type's cluster, fitted to the first half."""
    half = len(kind) // 2
    first = Features(features.names, features.values[:half], features.visits[:half])
    second = Features(features.names, features.values[half:], features.visits[half:])
    mean, scale = scaling(first)
    often = first.visits >= SEEN_TO_FIT
    found = find_clusters(((first.values - mean) / scale)[often])
    if found is None:
        return np.nan
    cluster, _ = fit_assigner(first, mean, scale, found.label).assign(second)
    told = cluster >= 0
    matrix = confusion_matrix(kind[half:][told], cluster[told])
    rows, columns = linear_sum_assignment(-matrix)
    return float(matrix[rows, columns].sum() / matrix.sum())


def later(life: Life) -> tuple[float, dict[str, float]]:
    """Put members to tiers by 12 weeks; return how these agree with what they spend in the 12 weeks after."""
    middle_ms = START_MS + 84 * DAY_MS
    done = done_of(life, 12, life.visits.start_ms < middle_ms)
    before = life.sales.t_ms < middle_ms
    past = done.sales
    sales = Sales(
        past.member[before], past.shop[before], past.t_ms[before], past.amount[before], past.discount[before]
    )
    done = replace(done, sales=sales)
    cuts = cuts_of(done)
    if cuts is None:
        raise ValueError("too few members buy anything")
    tiers = np.array(tiers_of(done, cuts))
    amount = life.sales.amount[~before].astype(np.float64)
    spent = np.bincount(life.sales.person[~before], weights=amount, minlength=len(life.type))
    order = {tier.id: -number for number, tier in enumerate(TIERS)}
    told = spearmanr([order[tier] for tier in tiers.tolist()], spent).statistic
    mean = spent.mean()
    return float(told), {
        one.id: float(spent[tiers == one.id].mean() / mean) for one in TIERS if (tiers == one.id).any()
    }


def row(name: str, found: Sequence[Found]) -> list[str]:
    """Return a row of the table: mean over the seeds in which something stood out, and the least."""
    some = [one for one in found if one.clusters]

    def both(column: str) -> str:
        values = np.array([getattr(one, column) for one in some], dtype=np.float64)
        values = values[np.isfinite(values)]
        return f"{values.mean():.2f} ({values.min():.2f})" if len(values) else "-"

    numbers = sorted(one.clusters for one in found)
    columns = ("fitted", "assigned", "marked", "told", "accuracy", "stability", "named")
    counts = ", ".join(f"{number} × {numbers.count(number)}" for number in sorted(set(numbers)))
    return [name, counts, *(both(column) for column in columns)]


def measure(seeds: Sequence[int], members: int) -> dict[str, str]:
    """Return the tables."""
    rows = []
    for name, (weeks, share) in SCENES.items():
        found = []
        for seed in seeds:
            life = lived(seed, members, weeks)
            seen = np.random.default_rng([seed, 3]).random(len(life.visits.person)) < share
            found.append(find(life, done_of(life, weeks, seen)))
            print(name, seed, found[-1], flush=True)
        rows.append(row(name, found))
    header = (
        "seen", "clusters × seeds", "ARI, fitted", "ARI, assigned", "without ordinary", "in a cluster",
        "right, held out", "stability", "named right",
    )  # fmt: skip
    tiers = [later(lived(seed, members, 24)) for seed in seeds]
    agree = [one for one, _ in tiers]
    spend = [
        [tier.name.en, f"{np.mean([by.get(tier.id, np.nan) for _, by in tiers]):.2f}"]
        for tier in TIERS
        if all(tier.id in by for _, by in tiers)
    ]
    text = f"Spearman's correlation of tier and later spend: {np.mean(agree):.2f} (least {min(agree):.2f})."
    later_spend = markdown(("tier", "spend in the 12 weeks after, by the mean of all"), spend)
    return {"segments": markdown(header, rows), "tiers": f"{text}\n\n{later_spend}"}


def speed(members: int) -> str:
    """Return how long a fit and an assignment of so many members take, from the store to the store."""
    life = lived(FIRST_SEED, members, 12)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store")
        SqliteStore(path).close()
        file = open_file(path)
        with file.transaction() as db:
            keep_life(db, life, START_MS - DAY_MS)
        file.close()
        understanding = Understanding(site(), path, now_ms=lambda: START_MS + 84 * DAY_MS)
        waits: list[float] = []
        over = threading.Event()

        def wait() -> None:
            while not over.is_set():
                before = time.perf_counter()
                time.sleep(0.005)
                waits.append(time.perf_counter() - before - 0.005)

        thread = threading.Thread(target=wait)
        thread.start()
        began = time.perf_counter()
        understanding.fit()
        fitted = time.perf_counter()
        understanding.assign()
        assigned = time.perf_counter()
        over.set()
        thread.join()
        understanding.close()
    late = np.quantile(waits, [0.99, 1.0])
    return (
        f"{members} members, {len(life.stays.person)} stays, {len(life.sales.person)} purchases: fit "
        f"{fitted - began:.0f} s, assignment {assigned - fitted:.0f} s; another thread waits "
        f"{1000 * late[0]:.0f} ms (99 %), {1000 * late[1]:.0f} ms at most."
    )


def main() -> None:
    """Measure and print, or write into a report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--members", type=int, default=1500)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    if asked.speed:
        sections = {"speed": speed(20_000)}
    else:
        sections = measure(range(FIRST_SEED, FIRST_SEED + asked.seeds), asked.members)
    for name, text in sections.items():
        print(f"\n{name}\n\n{text}")
    if asked.report:
        rewrite(asked.report, sections)


if __name__ == "__main__":
    main()
