"""What kinds of people come again and again: the types that segments are to find, and what marks them.

Shares, frequencies and prices are our own choice; that people of one type differ as much as the types do
(`spread`) keeps the types from being told apart by a single figure.
"""

from dataclasses import dataclass
from enum import StrEnum


class Behaviour(StrEnum):
    """A type that is planted."""

    ORDINARY = "ordinary"
    PRICE_SENSITIVE = "price-sensitive"
    GROCERY = "grocery"
    BRAND_LOYAL = "brand-loyal"
    LIVES_NEARBY = "lives-nearby"


@dataclass(frozen=True, slots=True)
class Kind:
    """What marks people of one type, in the mean."""

    share: float
    """Of all members."""
    visits_a_week: float
    by_car: float
    """Share of the visits, of those who have a car."""
    shops: float
    """How many shops are seen in a visit, in the mean."""
    dwell: float
    """Factor on how long people stay in a shop."""
    wants: dict[str, float]
    """Category -> weight, on top of what everybody wants."""
    buys: float
    """Factor on how often a visit to a shop ends at its till."""
    discounted: float
    """Share of purchases with a discount."""
    amount: float
    """Factor on what a purchase costs."""
    favourite: float
    """Share of the visits to shops that are to the one favourite shop."""
    evening: float
    """Share of visits that begin after five; of weekdays."""
    personas: dict[str, float]
    """Walks about like (`simulators.personas`), with which weight."""


KINDS = {
    Behaviour.ORDINARY: Kind(
        share=0.30,
        visits_a_week=0.8,
        by_car=0.5,
        shops=3.5,
        dwell=1.0,
        wants={},
        buys=1.0,
        discounted=0.25,
        amount=1.0,
        favourite=0.05,
        evening=0.4,
        personas={"lunch-goer": 1, "family": 1, "window-shopper": 1, "errand": 1, "teenager": 1},
    ),
    Behaviour.PRICE_SENSITIVE: Kind(
        share=0.20,
        visits_a_week=1.0,
        by_car=0.3,
        shops=5.0,
        dwell=1.1,
        wants={"department": 3, "fashion": 2, "home": 1},
        buys=0.9,
        discounted=0.8,
        amount=0.6,
        favourite=0.02,
        evening=0.4,
        personas={"window-shopper": 2, "family": 1, "teenager": 1, "errand": 0.5},
    ),
    Behaviour.GROCERY: Kind(
        share=0.20,
        visits_a_week=1.8,
        by_car=0.6,
        shops=1.8,
        dwell=1.0,
        wants={"grocery": 14, "food": 2},
        buys=1.4,
        discounted=0.35,
        amount=0.9,
        favourite=0.0,
        evening=0.6,
        personas={"errand": 3, "family": 1},
    ),
    Behaviour.BRAND_LOYAL: Kind(
        share=0.15,
        visits_a_week=0.9,
        by_car=0.6,
        shops=2.5,
        dwell=1.4,
        wants={"fashion": 2, "sports": 2, "beauty": 2, "jewellery": 1, "electronics": 1},
        buys=1.3,
        discounted=0.08,
        amount=1.8,
        favourite=0.6,
        evening=0.35,
        personas={"window-shopper": 3, "errand": 1, "teenager": 0.5},
    ),
    Behaviour.LIVES_NEARBY: Kind(
        share=0.15,
        visits_a_week=3.0,
        by_car=0.05,
        shops=1.5,
        dwell=0.7,
        wants={"cafe": 4, "food": 3, "food_court": 2, "services": 2, "grocery": 2},
        buys=1.1,
        discounted=0.2,
        amount=0.6,
        favourite=0.1,
        evening=0.75,
        personas={"lunch-goer": 2, "errand": 2},
    ),
}
COMMON = {
    "fashion": 2.0,
    "sports": 0.8,
    "kids": 1.0,
    "beauty": 1.0,
    "jewellery": 0.4,
    "electronics": 0.9,
    "home": 0.9,
    "books": 0.6,
    "services": 0.7,
    "cafe": 1.2,
    "food": 1.0,
    "restaurant": 0.9,
    "food_court": 1.0,
    "grocery": 1.2,
    "department": 1.2,
    "entertainment": 0.4,
}
"""What everybody wants: category -> weight."""
OTHER_WANT = 0.5
"""Of any other category."""


@dataclass(frozen=True, slots=True)
class Trade:
    """What shops of a category sell to whoever comes in."""

    buys: float
    """Share of the visits that end at the till."""
    amount: int
    """Median of a receipt, in hundredths of the currency."""
    items: float
    """Mean number of things on it."""


TRADES = {
    "fashion": Trade(0.22, 32_000, 1.6),
    "sports": Trade(0.2, 38_000, 1.4),
    "kids": Trade(0.3, 22_000, 1.8),
    "beauty": Trade(0.3, 26_000, 1.7),
    "jewellery": Trade(0.08, 180_000, 1.1),
    "electronics": Trade(0.15, 90_000, 1.3),
    "home": Trade(0.25, 18_000, 2.4),
    "books": Trade(0.35, 7_000, 1.8),
    "services": Trade(0.7, 9_000, 1.0),
    "cafe": Trade(0.95, 4_200, 1.9),
    "food": Trade(0.85, 3_200, 1.8),
    "restaurant": Trade(0.97, 19_000, 3.5),
    "food_court": Trade(0.95, 5_500, 1.9),
    "grocery": Trade(0.85, 11_000, 9.0),
    "department": Trade(0.25, 24_000, 1.9),
    "entertainment": Trade(0.95, 9_000, 1.5),
}
OTHER_TRADE = Trade(0.3, 12_000, 1.5)
"""Of any other category."""
DISCOUNT = (0.1, 0.4)
"""Between these shares of the price a discount is."""
AMOUNT_SIGMA = 0.5
"""Amounts are log-normal; this is the standard deviation of their logarithm."""
SPREAD = 0.35
"""Standard deviation of the logarithm of what a person does more or less of than the mean of the type."""
