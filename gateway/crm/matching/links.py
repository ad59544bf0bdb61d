"""Whose a device or a stay is: decided from what was heard of it, and from whose identifiers these are.

Every piece of evidence for a person has the weight w = c_s * c_i: how sure the identifier belongs to the
subject (of an address, that it is this device's; of a plate, that it was read right), times how sure the
identifier is the person's (`gateway.crm.identity.graph`). Pieces for one person are taken as independent,
s = 1 - product(1 - w) (noisy or). The persons exclude each other and nobody, so by Bayes' rule the confidence
in person p is

    odds(p) / (1 + sum of odds(q) over all persons q),    odds = s / (1 - s).

Below one half, nobody is told. And where a second person would be believed on their own (s of one half or
more), too: two members' phones that were taken for one device are a conflict, which is shown, never guessed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

LEAST = 0.5
"""Who is believed less is not named."""
SURE = 0.95
"""What a device did before it was heard as a member's is told as the member's where the match is so sure: an
address that was taken for another device's by mistake brings that device's past along."""
MOST = 0.999
"""Nothing is surer than this, however much speaks for it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One identifier of one person that was heard or read."""

    person: str
    kind: str
    weight: float
    since_ms: int


@dataclass(frozen=True, slots=True)
class Link:
    """Whose a subject is."""

    person: str
    confidence: float
    evidence: str
    """Kinds of identifiers, in order, joined by +."""
    since_ms: int
    """When the first of them was heard or read."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A subject that would be several persons'."""

    persons: tuple[str, ...]
    """In order of their names."""


def decide(evidence: Iterable[Evidence]) -> Link | Conflict | None:
    """Return whose a subject is; None where nobody is believed enough."""
    by_person: defaultdict[str, list[Evidence]] = defaultdict(list)
    for piece in evidence:
        by_person[piece.person].append(piece)
    belief = {person: _belief(pieces) for person, pieces in by_person.items()}
    believed = sorted(person for person, s in belief.items() if s >= LEAST)
    if len(believed) > 1:
        return Conflict(tuple(believed))
    if not believed:
        return None
    person = believed[0]
    odds = {name: s / (1.0 - s) for name, s in belief.items()}
    confidence = odds[person] / (1.0 + sum(odds.values()))
    if confidence < LEAST:
        return None
    pieces = by_person[person]
    kinds = "+".join(sorted({piece.kind for piece in pieces}))
    return Link(person, round(confidence, 4), kinds, min(piece.since_ms for piece in pieces))


def _belief(pieces: Iterable[Evidence]) -> float:
    against = 1.0
    for piece in pieces:
        against *= 1.0 - piece.weight
    return min(1.0 - against, MOST)
