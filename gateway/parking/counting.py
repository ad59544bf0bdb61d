"""How many cars are there, by area: those seen to enter and the hidden ones, and what counts change."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.parking.cars import Cars
from gateway.parking.hidden import Hidden
from gateway.parking.lengths import Lengths

Floats = npt.NDArray[np.float64]

PRIOR_MISSED, PRIOR_PASSAGES = 1.0, 50.0
"""Of 50 passages one is taken to be missed, until passages have shown how many are."""
ALIKE_PASSAGES = 500.0
"""Exits are taken to be missed as often as entries; this is worth as much as so many exits. Missed entries
show within hours, when a car leaves that has not entered; missed exits only when a car stays too long."""
GUESSED, LEARNT_STAYS = 0.5, 1_500.0
"""How uncertain the number of those that left unseen is at first, as a share of it; what it falls with: the
lengths of so many stays make half the variance of it."""
MOST_ODDS = 4.0
"""The most by which a count makes the odds of each car larger (logarithm); further cars are hidden ones."""


class _State(msgspec.Struct):
    exits: float
    entered_unread: float
    left: float
    left_unseen: float
    doubted: float
    hidden: list[bytes]


class Counting:
    """What is learnt of missed passages, and the hidden cars of each area."""

    def __init__(self, capacities: Sequence[int]) -> None:
        """Start with what is usual."""
        self.hidden = [Hidden(capacity) for capacity in capacities]
        self.exits = 0.0
        self.entered_unread = 0.0
        self.left = 0.0
        self.left_unseen = 0.0
        self.doubted = 0.0
        """Of the cars believed to be there, how many are expected to have left unseen."""

    @property
    def missed_in(self) -> float:
        """Share of the entries that are not seen."""
        return (PRIOR_MISSED + self.entered_unread) / (PRIOR_PASSAGES + self.exits)

    @property
    def unseen(self) -> float:
        """Share of the exits that are not seen, or not recognised."""
        unseen = self.left_unseen + self.doubted
        return (ALIKE_PASSAGES * self.missed_in + unseen) / (ALIKE_PASSAGES + self.left + unseen)

    def hidden_now(self, area: int, t_ms: int, lengths: Lengths) -> tuple[float, float]:
        """Return how many hidden cars are expected in an area, and the variance."""
        return self.hidden[area].expected(t_ms, lengths, self.missed_in, self.unseen)

    def all_hidden(self, t_ms: int, lengths: Lengths) -> float:
        """Return how many hidden cars are expected in all areas."""
        return sum(self.hidden_now(area, t_ms, lengths)[0] for area in range(len(self.hidden)))

    def exit_of_hidden(self, area: int, t_ms: int, share: float, lengths: Lengths) -> None:
        """Take in an exit from an area that is a hidden car's with probability `share`."""
        self.entered_unread += self.hidden[area].exit(t_ms, share, lengths, self.missed_in, self.unseen)

    def expected(self, cars: Cars, there: Floats, t_ms: int, lengths: Lengths) -> list[tuple[float, float]]:
        """Return mean and variance of the cars in each area, and last in all of them.

        Each car is there with probability `there` (N,). All of these rest on one guess at how many leave
        unseen, so that its error adds up: as shares of the numbers, not of their variances.
        """
        areas = cars.areas()
        entered, since, then, _ = cars.columns() if len(cars) else (np.zeros(0),) * 4
        counted = since > entered
        guessed = GUESSED / (1.0 + self.left / LEARNT_STAYS) ** 0.5
        found, doubts = [], []
        for area in range(len(self.hidden)):
            here = areas == area
            mean = float(there[here].sum())
            variance = float((there[here] * (1.0 - there[here])).sum())
            # Whoever counted knew how many there were, not which: given their sum, those who were there and
            # those who were not make up for each other (covariance with the sum, squared, over its variance).
            known = here & counted
            spread = float((then[known] * (1.0 - then[known])).sum())
            if spread > 0:
                variance -= float(((1.0 - then[known]) * there[known]).sum()) ** 2 / spread
            hidden, hidden_variance = self.hidden_now(area, t_ms, lengths)
            found.append((mean + hidden, max(variance, 0.0) + hidden_variance))
            doubts.append(guessed * float((then[here] - there[here]).sum()))
        whole = sum(mean for mean, _ in found), sum(variance for _, variance in found) + sum(doubts) ** 2
        return [(m, v + doubt**2) for (m, v), doubt in zip(found, doubts, strict=True)] + [whole]

    def anchor(self, cars: Cars, areas: Sequence[int], t_ms: int, number: int, lengths: Lengths) -> None:
        """Take in that there are `number` cars in some areas.

        The odds of each car, and the number of hidden ones, change by one factor such that the expected
        number is the one counted: the conditional means given the sum, to the order of a saddle point.
        """
        there = cars.presence(t_ms, lengths, self.unseen)
        chosen = np.isin(cars.areas(), areas)
        hidden = np.array([self.hidden_now(area, t_ms, lengths)[0] for area in areas])
        then = _tilted(there[chosen], float(hidden.sum()), number)
        rest = max(number - float(then.sum()), 0.0)
        shares = hidden / hidden.sum() if hidden.sum() > 0 else np.full(len(areas), 1.0 / len(areas))
        for area, share in zip(areas, shares.tolist(), strict=True):
            self.hidden[area].count(t_ms, rest * share)
        affected = [car for car, here in zip(cars, chosen.tolist(), strict=True) if here]
        for car, probability in zip(affected, then.tolist(), strict=True):
            car.since_ms, car.then, car.keep = max(t_ms, car.entered_ms), probability, 1.0
        cars.changed()

    def state(self) -> bytes:
        """Return all that the next numbers depend on."""
        hidden = [each.state() for each in self.hidden]
        return msgspec.msgpack.encode(
            _State(self.exits, self.entered_unread, self.left, self.left_unseen, self.doubted, hidden)
        )

    def restore(self, state: bytes) -> None:
        """Go on from what `state` returned. Raises `msgspec.MsgspecError`, `ValueError`."""
        old = msgspec.msgpack.decode(state, type=_State)
        self.exits, self.entered_unread = old.exits, old.entered_unread
        self.left, self.left_unseen, self.doubted = old.left, old.left_unseen, old.doubted
        for hidden, found in zip(self.hidden, old.hidden, strict=True):
            hidden.restore(found)


def _tilted(there: Floats, hidden: float, number: float) -> Floats:
    """Return probabilities (N,) with odds changed by one factor: with hidden cars the sum is `number`."""
    if not len(there):
        return there
    if number <= 0:
        return np.zeros(len(there))
    sure = np.clip(there, 1e-6, 1.0 - 1e-6)
    logits = np.log(sure / (1.0 - sure))
    low, high = -40.0, MOST_ODDS
    for _ in range(60):
        middle = 0.5 * (low + high)
        total = float(_logistic(logits + middle).sum()) + hidden * float(np.exp(min(middle, MOST_ODDS)))
        low, high = (middle, high) if total < number else (low, middle)
    return _logistic(logits + low)


def _logistic(values: Floats) -> Floats:
    result: Floats = 1.0 / (1.0 + np.exp(-np.clip(values, -500.0, 500.0)))
    return result
