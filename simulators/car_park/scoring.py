"""How well cars were read: what was said of passages, against the truth.

A said passage belongs to the true one that overlaps it in time (a few seconds are granted) and whose plate is
most alike; each true one has at most one. What is left over and alike is a double; what is left over and not
alike is a ghost: said of something that did not drive through.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.plates import Direction
from edge_agent.camera.tracks import differing

GRANTED_MS = 3_000
"""A passage is said up to so long before its plate is said to be in view, and after."""
PUBLISHED_AT = 0.9
"""A plate counts as published where it is said with this confidence."""
ALIKE = 3
"""Up to so many wrong characters, it is a misread plate, and not another one's."""


@dataclass(frozen=True, slots=True)
class TruePlate:
    """A car that drove through, and from when to when its plate could be read."""

    plate: str
    direction: Direction
    seen_ms: int
    gone_ms: int


@dataclass(frozen=True, slots=True)
class SaidPlate:
    """What was said last of a passage."""

    plate: str
    confidence: float
    direction: Direction
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class LaneScore:
    """Counts of passages; `published` and `wrong` are of those said with `PUBLISHED_AT` or more."""

    passages: int
    said: int
    right: int
    """Of those said, whatever the confidence."""
    published: int
    wrong: int
    doubles: int
    ghosts: int
    wrong_direction: int

    @property
    def published_share(self) -> float:
        """Of all passages, those whose plate was published."""
        return self.published / max(self.passages, 1)

    @property
    def wrong_share(self) -> float:
        """Of those published, those that are wrong."""
        return self.wrong / max(self.published, 1)

    def __add__(self, other: "LaneScore") -> "LaneScore":
        """Add up two lanes, or two stretches of one."""
        return LaneScore(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def score_lane(truth: Sequence[TruePlate], said: Sequence[SaidPlate]) -> LaneScore:
    """Compare what was said with what drove through."""
    pairs = sorted(
        (differing(true.plate, told.plate), -told.confidence, i, j)
        for i, true in enumerate(truth)
        for j, told in enumerate(said)
        if _overlap(true, told)
    )
    found: dict[int, SaidPlate] = {}
    taken: set[int] = set()
    doubles = 0
    for different, _, i, j in pairs:
        if j in taken:
            continue
        if i not in found:
            found[i] = said[j]
        elif different <= ALIKE:
            doubles += 1
        else:
            continue
        taken.add(j)
    published = {i: told for i, told in found.items() if told.confidence >= PUBLISHED_AT}
    return LaneScore(
        passages=len(truth),
        said=len(found),
        right=sum(told.plate == truth[i].plate for i, told in found.items()),
        published=len(published),
        wrong=sum(told.plate != truth[i].plate for i, told in published.items()),
        doubles=doubles,
        ghosts=len(said) - len(taken),
        wrong_direction=sum(told.direction is not truth[i].direction for i, told in found.items()),
    )


def _overlap(true: TruePlate, told: SaidPlate) -> bool:
    return told.first_ms <= true.gone_ms + GRANTED_MS and told.last_ms >= true.seen_ms - GRANTED_MS
