"""Weeks or months of members without radio: who comes when, where they stay, what they buy; in seconds.

What segments are made of, with the planted type of each member as truth. Who comes on which day is a Poisson
process by the member's own rate; shops of a visit are drawn by what the type wants, with each member's own
taste (`behaviours.SPREAD`) on top.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.site import Site, ZoneKind
from simulators.members.behaviours import COMMON, KINDS, OTHER_WANT, SPREAD, Behaviour
from simulators.members.population import DAY_MS, Person
from simulators.members.receipts import BEHAVIOURS, behaviour_index, draw_receipts
from simulators.personas import OTHER, STAYS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

HOUR_MS = 3_600_000
WEEKEND = 1.6
"""How much more visits begin on a day of the weekend."""
SATURDAY = 5
"""Days of the week count from Monday."""
DAYTIME_H, EVENING_H = (10.2, 17.0), (17.0, 20.5)
"""When visits begin."""
BETWEEN_S = 150.0
"""Mean time from one shop to the next."""


@dataclass(frozen=True, slots=True)
class Stays:
    """Columns over stays in shops, in order of person and time."""

    person: Ints
    """Index into the members given."""
    visit: Ints
    """Number of the visit to the mall, over all members."""
    shop: Ints
    """Index into `Life.shops`."""
    start_ms: Ints
    end_ms: Ints


@dataclass(frozen=True, slots=True)
class Visits:
    """Columns over visits to the mall."""

    person: Ints
    start_ms: Ints
    end_ms: Ints
    by_car: Bools


@dataclass(frozen=True, slots=True)
class Sales:
    """Columns over receipts."""

    person: Ints
    shop: Ints
    t_ms: Ints
    amount: Ints
    discount: Ints
    items: Ints


@dataclass(frozen=True, slots=True)
class Life:
    """What members did; `type` is the planted behaviour of each, index into `receipts.BEHAVIOURS`."""

    shops: tuple[str, ...]
    """Ids of zones."""
    categories: tuple[str, ...]
    """Of each shop."""
    type: Ints
    visits: Visits
    stays: Stays
    sales: Sales


def live(site: Site, members: Sequence[Person], *, start_ms: int, days: int, seed: int = 1) -> Life:
    """Let members come for some days, from the midnight `start_ms` of the mall's time on.

    Raises:
        ValueError: the site has no shops.

    """
    shops = [zone for _, zone in site.zones() if zone.kind is ZoneKind.SHOP]
    if not shops:
        raise ValueError("a site without shops: nobody can buy anything there")
    rng = np.random.default_rng([seed, 21])
    kind = behaviour_index([one.behaviour for one in members])
    own = np.exp(SPREAD * rng.standard_normal((len(members), 3)))
    person, start = _beginnings(rng, members, kind, start_ms, days)
    wanted = _kinds("shops", kind)[person] * own[person, 0]
    count = 1 + rng.poisson(np.maximum(wanted - 1, 0.05))
    visit = np.repeat(np.arange(len(person)), count)
    categories = sorted({shop.category for shop in shops})
    category_of = np.array([categories.index(shop.category) for shop in shops])
    shop = _shops(rng, members, kind, person[visit], category_of, categories)
    category = category_of[shop]
    longer = (_kinds("dwell", kind) * own[:, 1])[person[visit]]
    begin, end = _times(rng, start, visit, category, categories, longer)
    receipts = draw_receipts(rng, kind[person[visit]], category, categories, own[person[visit], 2])
    bought = receipts.bought
    leave = np.maximum.reduceat(end, np.flatnonzero(np.diff(visit, prepend=-1))) if len(visit) else start
    by_car = rng.random(len(person)) < np.array([one.by_car for one in members])[person]
    return Life(
        shops=tuple(one.id for one in shops),
        categories=tuple(one.category for one in shops),
        type=kind,
        visits=Visits(person, start, leave + 60_000, by_car),
        stays=Stays(person[visit], visit, shop, begin, end),
        sales=Sales(
            person[visit][bought],
            shop[bought],
            end[bought] - 30_000,
            receipts.amount[bought],
            receipts.discount[bought],
            receipts.items[bought],
        ),
    )


def _beginnings(
    rng: np.random.Generator, members: Sequence[Person], kind: Ints, start_ms: int, days: int
) -> tuple[Ints, Ints]:
    """Return who comes and when, by person and time: at most once a day."""
    weekly = np.array([one.visits_a_week for one in members])
    first = (start_ms + DAY_MS // 2) // DAY_MS  # days since 1970-01-01, a Thursday, in the mall's time
    weekend = (np.arange(days) + first + 3) % 7 >= SATURDAY
    share = np.where(weekend, WEEKEND, 1.0)
    share = share / share.mean() / 7
    comes = rng.random((len(members), days)) < weekly[:, None] * share
    person, day = np.nonzero(comes)
    late = rng.random(len(person)) < _kinds("evening", kind)[person]
    hour = np.where(late, rng.uniform(*EVENING_H, len(person)), rng.uniform(*DAYTIME_H, len(person)))
    return person, start_ms + day * DAY_MS + (hour * HOUR_MS).astype(np.int64)


def _shops(
    rng: np.random.Generator,
    members: Sequence[Person],
    kind: Ints,
    person: Ints,
    category_of: Ints,
    categories: Sequence[str],
) -> Ints:
    """Return the shop of each stay of a person: the favourite one, or one of a category that is wanted."""
    wants = np.array([_wanted(one, categories) for one in BEHAVIOURS])
    taste = wants[kind] * np.exp(SPREAD * rng.standard_normal((len(members), len(categories))))
    edges = np.cumsum(taste / taste.sum(axis=1, keepdims=True), axis=1)
    category = (rng.random((len(person), 1)) > edges[person]).sum(axis=1).clip(0, len(categories) - 1)
    rooms = [np.flatnonzero(category_of == number) for number in range(len(categories))]
    sizes = np.array([len(one) for one in rooms])
    place = np.floor(rng.random(len(person)) * sizes[category]).astype(np.int64)
    first = np.cumsum(sizes) - sizes
    shop: Ints = np.concatenate(rooms)[first[category] + place]
    favourite = _favourites(members, categories, category_of)
    likes = rng.random(len(person)) < _kinds("favourite", kind)[person]
    return np.where(likes, favourite[person], shop)


def _wanted(kind: Behaviour, categories: Sequence[str]) -> list[float]:
    return [COMMON.get(name, OTHER_WANT) + KINDS[kind].wants.get(name, 0.0) for name in categories]


def _favourites(members: Sequence[Person], categories: Sequence[str], category_of: Ints) -> Ints:
    """Return the shop that each member likes best: one of what the type wants more than others do."""
    liked = {}
    for one, kind in KINDS.items():
        wants = [number for number, name in enumerate(categories) if name in kind.wants]
        rooms = np.flatnonzero(np.isin(category_of, wants))
        liked[one] = rooms if len(rooms) else np.arange(len(category_of))
    chosen = [liked[one.behaviour][one.favourite % len(liked[one.behaviour])] for one in members]
    return np.array(chosen, dtype=np.int64)


def _times(
    rng: np.random.Generator,
    start: Ints,
    visit: Ints,
    category: Ints,
    categories: Sequence[str],
    factor: Floats,
) -> tuple[Ints, Ints]:
    """Return begin and end of each stay: one after another, with the way between them."""
    usual = [STAYS.get(name, OTHER) for name in categories]
    median = np.array([stay.median_s for stay in usual])[category] * factor
    spread = np.array([stay.spread for stay in usual])[category]
    stay_ms = np.rint(1000 * median * np.exp(spread * rng.standard_normal(len(visit)))).astype(np.int64)
    way_ms = np.rint(1000 * rng.exponential(BETWEEN_S, len(visit))).astype(np.int64) + 20_000
    through = np.cumsum(way_ms + stay_ms)
    first = np.flatnonzero(np.diff(visit, prepend=-1))
    before = np.repeat((through - way_ms - stay_ms)[first], np.diff(np.append(first, len(visit))))
    end = start[visit] + through - before
    return end - stay_ms, end


def _kinds(name: str, kind: Ints) -> Floats:
    values: Floats = np.array([getattr(KINDS[one], name) for one in BEHAVIOURS], dtype=np.float64)
    return values[kind]
