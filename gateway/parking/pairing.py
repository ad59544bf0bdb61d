"""Which car an exit is of: the assignment that is likeliest for all open exits together, and how sure it is.

An exit that is sure is settled at once. One that is not waits for a few minutes: the car that it might have
been instead may leave and be recognised. Then the likeliest is taken if it is likelier than not, and nobody
otherwise. (Assignment: scipy's `linear_sum_assignment`, after Crouse, On implementing 2D rectangular
assignment algorithms, IEEE TAES 52, 2016.)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from gateway.parking.passages import Passage

SURE = 0.95
"""An exit is settled at once when its car is at least so sure."""
LIKELIER_THAN_NOT = 0.5
WAIT_MS = 5 * 60_000
"""How long an exit that is not sure waits for other cars to leave."""
MOST_WAITING = 40
"""Exits that wait; where there are more, the first ones are settled as they are. A day of rain has ten at a
time, and the work grows with the fourth power of their number."""
NEVER = 1e6
"""Cost of what cannot be; larger than any sum of logarithms."""

Floats = npt.NDArray[np.float64]


class Candidates(msgspec.Struct, frozen=True):
    """Whose an exit may be: weights of cars by stay, and of nobody who was seen to enter."""

    cars: dict[str, float]
    unlinked: float
    """Of all cars that are there and have no hash in common."""
    nobody: float
    """Of a car whose entry was not seen."""

    def share(self, stay: str) -> float:
        """Return the probability that it is this car, if there were no other exit."""
        total = sum(self.cars.values()) + self.unlinked + self.nobody
        return self.cars.get(stay, 0.0) / total if total > 0 else 0.0

    def shares(self) -> tuple[dict[str, float], float, float]:
        """Return the probabilities of each car with a common hash, of all others, and of a hidden car."""
        total = sum(self.cars.values()) + self.unlinked + self.nobody
        if total <= 0:
            return {}, 0.0, 1.0
        return (
            {stay: weight / total for stay, weight in self.cars.items()},
            self.unlinked / total,
            (self.nobody / total),
        )


class Settled(msgspec.Struct, frozen=True):
    """An exit, and whose it is."""

    passage: Passage
    stay: str | None
    certainty: float
    candidates: Candidates


def settle(open_exits: Sequence[tuple[Passage, Candidates]], now_ms: int) -> list[Settled]:
    """Return which of some exits, in the order in which they came, are settled at `now_ms`, and how.

    The certainty is the smaller of two: that of the car among all it may have been, as if there were no other
    exit, without the cars that the others take; and how much worse everything gets if it is another car.
    """
    if not open_exits:
        return []
    stays = sorted({stay for _, candidates in open_exits for stay in candidates.cars})
    costs = _costs(open_exits, stays)
    rows, columns = linear_sum_assignment(costs)
    chosen = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    best = float(costs[rows, columns].sum())
    settled = []
    for row, (passage, candidates) in enumerate(open_exits):
        column = chosen[row]
        stay = stays[column] if column < len(stays) else None
        taken = {stays[c] for r, c in chosen.items() if r != row and c < len(stays)}
        others = Candidates(
            {name: weight for name, weight in candidates.cars.items() if name not in taken},
            candidates.unlinked,
            candidates.nobody,
        )
        certainty = min(
            others.share(stay) if stay is not None else 1.0 - sum(others.shares()[0].values()),
            _margin(costs, row, column, best),
        )
        overdue = row < len(open_exits) - MOST_WAITING or now_ms - passage.t_ms >= WAIT_MS
        if certainty >= SURE or overdue:
            stay = stay if certainty >= LIKELIER_THAN_NOT else None
            settled.append(Settled(passage, stay, certainty, others))
    return settled


def _costs(open_exits: Sequence[tuple[Passage, Candidates]], stays: Sequence[str]) -> Floats:
    """Return costs (E, S + E): exits by stays, and for each exit a column that stands for nobody."""
    place = {stay: i for i, stay in enumerate(stays)}
    costs = np.full((len(open_exits), len(stays) + len(open_exits)), NEVER)
    for row, (_, candidates) in enumerate(open_exits):
        for stay, weight in candidates.cars.items():
            if weight > 0:
                costs[row, place[stay]] = -log(weight)
        nobody = candidates.unlinked + candidates.nobody
        costs[row, len(stays) + row] = -log(nobody) if nobody > 0 else NEVER / 2
    return costs


def _margin(costs: Floats, row: int, column: int, best: float) -> float:
    """Return how sure one assignment is against the best without it: the odds are exp(difference)."""
    without = costs.copy()
    without[row, column] = NEVER
    second = float(without[linear_sum_assignment(without)].sum())
    return float(1.0 / (1.0 + np.exp(-min(second - best, 50.0))))
