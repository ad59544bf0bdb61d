"""Shops that go together: association rules over baskets, with a test (Agrawal and Srikant, 1994).

A basket is the shops in which a member bought on a day; or those a member was in during a visit. Of two
shops, `support` is the share of the baskets with both, `confidence` the share with the second among those
with the first, `lift` that by the second's share among all. Whether a lift above one is more than chance says
Fisher's exact test; all pairs of shops are tried, so its p-values are corrected (Benjamini and Hochberg,
1995).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Literal

import msgspec
import numpy as np

from gateway.crm.members.reading import DAY_MS, Done, Ints

LEVEL = 0.05
"""Share of false rules among those that are told, at most."""
MOST = 100
"""Rules that are kept of each kind of basket, those of the greatest lift."""

Basket = Literal["purchases", "visits"]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who has the one has the other more often than everybody; told in the direction that is surer."""

    antecedent: str
    consequent: str
    basket: Basket
    baskets: int
    """With both."""
    support: float
    confidence: float
    lift: float
    p: float
    """Corrected."""


def rules_of(done: Done, k: int) -> list[Rule]:
    """Return the rules, of purchases first, those of the greatest lift first.

    Nothing is told of a pair that fewer than `k` different members have, nor of fewer than `k` baskets.
    """
    day = done.local_ms(done.sales.t_ms) // DAY_MS
    bought = _baskets(done.sales.member, day, done.sales.shop)
    visit = np.searchsorted(_order(done.visits.member, done.visits.start_ms), _order(
        done.stays.member, done.stays.start_ms), side="right")  # fmt: skip
    seen = _baskets(done.stays.member, visit, done.stays.shop)
    return [*_rules(bought, "purchases", done, k), *_rules(seen, "visits", done, k)]


def _order(member: Ints, t_ms: Ints) -> Ints:
    """Return numbers in order of member, then of time."""
    return member * 2**43 + t_ms


def _baskets(member: Ints, which: Ints, shop: Ints) -> list[tuple[int, tuple[int, ...]]]:
    """Return (member, shops) of each basket; what is no shop is left out."""
    sold = shop >= 0
    if not sold.any():
        return []
    many, shops = int(which.max()) + 1, int(shop.max()) + 1
    # As one number: rows compared column by column hold up the other threads of the gateway for seconds.
    number = np.unique((member[sold] * many + which[sold]) * shops + shop[sold])
    rows = np.column_stack([number // shops // many, number // shops % many, number % shops])
    begins = np.flatnonzero(np.any(np.diff(rows[:, :2], axis=0, prepend=rows[:1, :2] - 1) != 0, axis=1))
    return [(int(part[0, 0]), tuple(part[:, 2].tolist())) for part in np.split(rows, begins[1:])]


def _rules(baskets: list[tuple[int, tuple[int, ...]]], kind: Basket, done: Done, k: int) -> list[Rule]:
    if len(baskets) < k:
        return []
    from efficient_apriori import itemsets_from_transactions  # noqa: PLC0415  # a mall without CRM lacks it
    from scipy.stats import false_discovery_control, hypergeom  # noqa: PLC0415

    total = len(baskets)
    found, _ = itemsets_from_transactions([shops for _, shops in baskets], k / total, max_length=2)
    one: Mapping[tuple[int, ...], int] = found.get(1, {})
    pairs: Mapping[tuple[int, ...], int] = found.get(2, {})
    if not pairs:
        return []
    number = np.array([[count, one[a,], one[b,]] for (a, b), count in pairs.items()])
    p = np.asarray(hypergeom.sf(number[:, 0] - 1, total, number[:, 1], number[:, 2]))
    tried = len(one) * (len(one) - 1) // 2  # those with fewer baskets were tried, too
    p = np.asarray(false_discovery_control(np.append(p, np.ones(tried - len(p)))))[: len(p)]
    told = [
        _rule(done.shops.zones, pair, kind, total, (count, one[pair[0],], one[pair[1],]), float(each))
        for (pair, count), each in zip(pairs.items(), p, strict=True)
        if each <= LEVEL
    ]
    told.sort(key=lambda rule: (-rule.lift, rule.antecedent, rule.consequent))
    return list(islice(_of_several(told, baskets, done, k), MOST))


def _of_several(
    rules: Iterable[Rule], baskets: list[tuple[int, tuple[int, ...]]], done: Done, k: int
) -> Iterator[Rule]:
    """Give the rules whose shops at least k different members have in one basket."""
    number = {zone: place for place, zone in enumerate(done.shops.zones)}
    having: defaultdict[int, set[int]] = defaultdict(set)
    for place, (_, shops) in enumerate(baskets):
        for shop in shops:
            having[shop].add(place)
    for rule in rules:
        both = having[number[rule.antecedent]] & having[number[rule.consequent]]
        if len({baskets[place][0] for place in both}) >= k:
            yield rule


def _rule(
    zones: tuple[str, ...],
    pair: tuple[int, ...],
    kind: Basket,
    total: int,
    counts: tuple[int, int, int],
    p: float,
) -> Rule:
    (a, b), (both, with_a, with_b) = pair, counts
    if with_b < with_a:
        a, b, with_a, with_b = b, a, with_b, with_a
    confidence = both / with_a
    return Rule(zones[a], zones[b], kind, both, both / total, confidence, confidence * total / with_b, p)
