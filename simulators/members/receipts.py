"""What tills sell: whether a visit to a shop ends in a purchase, of how much, at which discount."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulators.members.behaviours import AMOUNT_SIGMA, DISCOUNT, KINDS, OTHER_TRADE, TRADES, Behaviour

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BEHAVIOURS = tuple(KINDS)
"""Columns of behaviours are indices into this."""
_LIKELIEST = 0.98


@dataclass(frozen=True, slots=True)
class Receipts:
    """Columns over visits to shops; of those without a purchase the other columns mean nothing."""

    bought: Bools
    amount: Ints
    """What was paid, in hundredths of the currency."""
    discount: Ints
    """What was taken off before."""
    items: Ints


def draw_receipts(
    rng: np.random.Generator, behaviour: Ints, category: Ints, categories: Sequence[str], thrift: Floats
) -> Receipts:
    """Draw what visits (N,) end in.

    Args:
        rng: draws; the number of draws follows from N alone.
        behaviour: of the person, index into `BEHAVIOURS`, (N,).
        category: of the shop, index into `categories`, (N,).
        categories: names.
        thrift: the person's own factor on amounts, (N,).

    """
    count = len(behaviour)
    trades = [TRADES.get(name, OTHER_TRADE) for name in categories]
    buys = np.array([trade.buys for trade in trades])[category] * _of("buys", behaviour)
    median = np.array([trade.amount for trade in trades])[category] * _of("amount", behaviour) * thrift
    more = np.array([trade.items for trade in trades])[category] - 1
    price = median * np.exp(AMOUNT_SIGMA * rng.standard_normal(count))
    cut = np.where(rng.random(count) < _of("discounted", behaviour), rng.uniform(*DISCOUNT, count), 0.0)
    discount = np.rint(price * cut).astype(np.int64)
    return Receipts(
        bought=rng.random(count) < np.minimum(buys, _LIKELIEST),
        amount=np.maximum(np.rint(price).astype(np.int64) - discount, 1),
        discount=discount,
        items=1 + rng.poisson(more),
    )


def behaviour_index(behaviours: Sequence[Behaviour]) -> Ints:
    """Return behaviours as indices into `BEHAVIOURS`, (N,)."""
    return np.array([BEHAVIOURS.index(one) for one in behaviours], dtype=np.int64)


def _of(name: str, behaviour: Ints) -> Floats:
    values: Floats = np.array([getattr(KINDS[one], name) for one in BEHAVIOURS])
    return values[behaviour]
