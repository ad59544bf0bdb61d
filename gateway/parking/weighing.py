"""Whose a passage may be: every car that is there, weighed by its plate and by how likely it is there."""

from __future__ import annotations

from gateway.parking.cars import Cars
from gateway.parking.counting import Counting
from gateway.parking.lengths import Lengths
from gateway.parking.pairing import Candidates
from gateway.parking.passages import Passage
from gateway.parking.reading import unlike

LEAST_WEIGHT = 1e-4
"""However unlikely a car is there, when its plate leaves, it was."""
MISSED_BETWEEN = 0.05
"""That a car was read at the exit of another area than the one it was last seen in."""
CAME_BACK = 0.9
"""A car that enters is one that is believed to be there, and left unseen, when that is so sure."""
FEW = 100
"""In a car park with fewer cars, a plate that comes in again is no surer to be one of them."""


def candidates(passage: Passage, cars: Cars, counting: Counting, lengths: Lengths) -> Candidates:
    """Return whose a passage out of an area may be, and how likely it is nobody's who was seen to enter."""
    like = cars.like(passage.reading, passage.t_ms)
    there = cars.presence(passage.t_ms, lengths, counting.unseen)
    weights, linked = {}, 0.0
    for name, probability in zip(cars.names(), there.tolist(), strict=True) if like else ():
        if name in like:
            linked += probability
            place = 1.0 if cars[name].area == passage.source else MISSED_BETWEEN
            weights[name] = max(probability, LEAST_WEIGHT) * place * like[name]
    known = float(there.sum())
    nobody = max(counting.all_hidden(passage.t_ms, lengths), counting.missed_in * known, 1e-3)
    return Candidates(weights, max(known - linked, 0.0) * unlike(passage.reading, passage.reading), nobody)


def came_back(passage: Passage, cars: Cars, counting: Counting) -> str | None:
    """Return the car that enters here and was believed to be there, if it is one: it has left unseen."""
    like = cars.like(passage.reading, passage.t_ms)
    if not like:
        return None
    stay = max(like, key=lambda name: (like[name], name))
    weight = like[stay] * counting.unseen / max(len(cars), FEW)
    return stay if weight / (weight + 1.0) >= CAME_BACK else None
