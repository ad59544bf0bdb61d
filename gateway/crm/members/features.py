"""What a member's conduct is told by: one number a feature, drawn towards the mean where little is known.

A share of n cases out of N is told as (n + w·p) / (N + w), p the share among all members and w the weight of
the prior, in cases: somebody seen twice is not the one who always comes by car. What is not known at all,
since the member does not agree to it, is the mean of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from gateway.crm.members.reading import Bools, Done, Floats, Ints
from gateway.figures.period import HOUR_MS

EVENING_H = 17
SATURDAY = 5
"""Days of the week count from Monday."""
CATEGORY_PRIOR = 3.0
CATEGORIES_WEIGH = 4.0
"""All shares of categories together weigh as much as so many features of conduct, however many there are."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of conduct."""

    id: str
    prior: float
    """Weight of the prior, in cases."""


CONDUCT = (
    Feature("frequency", 0.0),  # log of (visits a week + 0.2)
    Feature("evening", 4.0),  # share of visits that begin at 17:00 or later, on the mall's clock
    Feature("weekend", 4.0),  # share of visits on Saturdays and Sundays
    Feature("car", 3.0),  # share of visits with a car of the member in the car park
    Feature("breadth", 2.0),  # log of shops seen in a visit
    Feature("dwell", 4.0),  # mean of log (time in a shop by what is usual in its category)
    Feature("loyalty", 3.0),  # share of the stays that are in the one shop seen most, the first one left out
    Feature("buying", 5.0),  # purchases by stays
    Feature("discount", 4.0),  # share of purchases with a discount
    Feature("amount", 4.0),  # mean of log (amount of a purchase by what is usual in its category)
)
"""Weights were chosen on three simulated malls (docs/crm-segments.md)."""


class Usual(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is usual among all members: that towards which little is drawn. Kept with the model."""

    shares: dict[str, float]
    categories: dict[str, float]
    """Shares of stays."""
    dwell_s: dict[str, float]
    """Median by category."""
    amount: dict[str, float]
    """Median by category, what is none or of an unknown one under ''."""


@dataclass(frozen=True)
class Features:
    """(M, D) numbers of M members, and by what they are told."""

    names: tuple[str, ...]
    """Ids of features of conduct, then `category:NAME`."""
    values: Floats
    visits: Ints
    """(M,) how often each was seen in the mall."""

    def weights(self) -> Floats:
        """Return (D,) how much each standardised feature counts."""
        found = np.ones(len(self.names))
        others = len(self.names) - len(CONDUCT)
        found[len(CONDUCT) :] = np.sqrt(CATEGORIES_WEIGH / max(others, 1))
        return found


def features_of(done: Done, usual: Usual | None = None) -> tuple[Features, Usual]:
    """Return what members are told by; `usual` as it was when a model was fitted, else from these members."""
    counting = _Counting(done, usual)
    columns = counting.conduct()
    shares = counting.categories()
    names = tuple(one.id for one in CONDUCT) + tuple(f"category:{name}" for name in counting.category_names)
    return Features(names, np.column_stack([*columns, shares]), counting.visits), counting.told()


class _Counting:
    """One pass over the columns; remembers what was usual."""

    def __init__(self, done: Done, usual: Usual | None) -> None:
        self._done, self._usual, self._members = done, usual, len(done.persons)
        self._shares: dict[str, float] = {}
        self._dwell: dict[str, float] = {}
        self._amount: dict[str, float] = {}
        self.visits = np.bincount(done.visits.member, minlength=self._members)
        self._stays = self._count(done.stays.member)
        self._sales = self._count(done.sales.member)
        self.category_names = done.shops.categories if usual is None else tuple(usual.categories)
        self._category_shares: dict[str, float] = {}

    def conduct(self) -> list[Floats]:
        """Return the features of conduct, each (M,), in the order of `CONDUCT`."""
        done, visits, stays = self._done, self._done.visits, self._done.stays
        local_ms = done.local_ms(visits.start_ms)
        evening = local_ms % (24 * HOUR_MS) >= EVENING_H * HOUR_MS
        weekend = (local_ms // (24 * HOUR_MS) + 3) % 7 >= SATURDAY  # 1970-01-01 was a Thursday
        times = self.visits.astype(np.float64)
        with_parking = np.where(done.parking, times, 0.0)
        weeks = np.maximum(done.weeks, 1.0)
        seen = np.unique(stays.member * len(done.shops.zones) + stays.shop, return_counts=True)
        most = np.zeros(self._members)
        np.maximum.at(most, seen[0] // max(len(done.shops.zones), 1), seen[1])
        return [
            self._known("frequency", np.log(times / weeks + 0.2), times > 0),
            self._share("evening", self._count(visits.member, evening), times),
            self._share("weekend", self._count(visits.member, weekend), times),
            self._share("car", self._count(visits.member, visits.by_car), with_parking),
            np.log(np.maximum(self._share("breadth", self._stays, times), 0.1)),
            self._share("dwell", self._count(stays.member, self._dwell_ratios()), self._stays),
            self._share("loyalty", np.maximum(most - 1, 0), np.maximum(self._stays - 1, 0)),
            self._share("buying", np.where(self._stays > 0, self._sales, 0), self._stays),
            self._share("discount", self._count(done.sales.member, done.sales.discount > 0), self._sales),
            self._share("amount", self._count(done.sales.member, self._amount_ratios()), self._sales),
        ]

    def categories(self) -> Floats:
        """Return square roots of the shares of stays by category, (M, C); they add up to one before."""
        done = self._done
        place = {name: i for i, name in enumerate(self.category_names)}
        column = np.array([place.get(name, -1) for name in done.shops.categories], dtype=np.int64)
        category = column[done.shops.category][done.stays.shop] if len(done.stays.shop) else done.stays.shop
        known = category >= 0
        count = np.zeros((self._members, len(place)))
        np.add.at(count, (done.stays.member[known], category[known]), 1.0)
        if self._usual is None:
            total = count.sum(axis=0) + 1.0
            usual = total / total.sum()
        else:
            usual = np.array([self._usual.categories[name] for name in self.category_names])
        self._category_shares = dict(zip(self.category_names, usual.tolist(), strict=True))
        found: Floats = np.sqrt(
            (count + CATEGORY_PRIOR * usual) / (count.sum(axis=1, keepdims=True) + CATEGORY_PRIOR)
        )
        return found

    def told(self) -> Usual:
        """Return what was usual."""
        return self._usual or Usual(self._shares, self._category_shares, self._dwell, self._amount)

    def _count(self, member: Ints, weight: Floats | Bools | None = None) -> Floats:
        weights = None if weight is None else np.asarray(weight, dtype=np.float64)
        return np.bincount(member, weights=weights, minlength=self._members).astype(np.float64)

    def _share(self, name: str, number: Floats, out_of: Floats) -> Floats:
        (prior,) = (one.prior for one in CONDUCT if one.id == name)
        usual = self._usual_of(name, float(number[out_of > 0].sum() / max(out_of.sum(), 1.0)))
        found: Floats = (np.where(out_of > 0, number, 0.0) + prior * usual) / (out_of + prior)
        return found

    def _known(self, name: str, value: Floats, known: Bools) -> Floats:
        usual = self._usual_of(name, float(value[known].mean()) if known.any() else 0.0)
        found: Floats = np.where(known, value, usual)
        return found

    def _usual_of(self, name: str, here: float) -> float:
        self._shares[name] = here if self._usual is None else self._usual.shares[name]
        return self._shares[name]

    def _dwell_ratios(self) -> Floats:
        stays, shops = self._done.stays, self._done.shops
        category = shops.category[stays.shop] if len(stays.shop) else stays.shop
        before = None if self._usual is None else self._usual.dwell_s
        usual, self._dwell = _medians(category, stays.dwell_s, shops.categories, before)
        found: Floats = np.log(np.maximum(stays.dwell_s, 1.0) / usual[category])
        return found

    def _amount_ratios(self) -> Floats:
        sales, shops = self._done.sales, self._done.shops
        names = (*shops.categories, "")
        category = np.append(shops.category, len(names) - 1)[sales.shop]  # shop -1 = the last
        before = None if self._usual is None else self._usual.amount
        usual, self._amount = _medians(category, sales.amount, names, before)
        found: Floats = np.log(np.maximum(sales.amount, 1.0) / usual[category])
        return found


def _medians(
    category: Ints, values: Floats, names: tuple[str, ...], before: dict[str, float] | None
) -> tuple[Floats, dict[str, float]]:
    """Return the median of each category, (C,), and by name; one without any has that of all."""
    overall = float(np.median(values)) if len(values) else 1.0
    found = before
    if found is None:
        of = [values[category == number] for number in range(len(names))]
        medians = [float(np.median(one)) if len(one) else overall for one in of]
        found = {name: max(median, 1.0) for name, median in zip(names, medians, strict=True)}
    return np.array([found.get(name, max(overall, 1.0)) for name in names]), found
