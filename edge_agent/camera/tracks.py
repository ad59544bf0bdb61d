"""Following plates from picture to picture: who is who, at constant velocity.

A plate moves evenly for a few pictures, so its next place is told by an alpha-beta filter (the steady state
of a Kalman filter with a constant-velocity model; Kalata 1984) over its middle and the logarithm of its
width. Where pictures are far apart, the text helps: two readings that agree are one plate.
"""

from collections.abc import Sequence
from math import hypot, log
from typing import NamedTuple

import numpy as np

from edge_agent.camera.picture import Reading
from edge_agent.camera.vote import Ballot, Votes

ALPHA, BETA = 0.75, 0.4
"""How much of a surprise goes into the place and into the velocity."""
SHARP_PX = 150.0
"""A plate so wide shows its characters whole; the vote of a smaller one counts less."""
SHARPER = 6
"""By which power of its width: what is far says little beside what is near, however many pictures of it there
are. Learnt with `TEMPER`, on half of the drawn passages (docs/car-park-cameras.md)."""
NEAR_WIDTHS = 0.9
"""A plate is found again within so many widths of where it was expected ..."""
FAR_WIDTHS = 6.0
"""... or within so many, where it also reads the same."""
RESIZED = 0.5
"""By so much the logarithm of its width may differ from what was expected."""
SURE = 0.8
"""Two readings of this confidence that do not agree are two plates, wherever they are: a car that drives
past a parked one does not take its place."""
MOVED_WIDTHS, GROWN = 0.4, 0.3
"""A plate has moved when it has come so many widths of itself, or half of that and has become larger or
smaller by so much (in logarithms): corners tremble, and what stands is hidden in part by what drives past."""
KNOWN_PICTURES, KNOWN_SURE = 5, 0.99
STANDING_PICTURES = 10
SAME_TEXT = 2
"""Most characters in which two readings of one plate differ, more than half of the time."""


class Place(NamedTuple):
    """Where a plate is: its middle and its width, in pixels."""

    x: float
    y: float
    width: float

    @classmethod
    def of(cls, reading: Reading) -> "Place":
        """Measure a plate's corners."""
        corners = np.asarray(reading.quad, dtype=np.float64).reshape(-1, 2)
        x, y = corners.mean(axis=0)
        spread = np.ptp(corners[:, 0]), np.ptp(corners[:, 1])
        return cls(float(x), float(y), max(float(hypot(*spread)), 1.0))


class Track:
    """One plate, followed."""

    def __init__(self, t_ms: int, place: Place) -> None:
        self.first = self.last = place
        self.first_ms = self.last_ms = t_ms
        self.votes = Votes()
        self.top, self.sure = "", 0.0
        self.missed_ms: list[int] = []
        """When it was looked for and not found, since it was last found."""
        self._velocity = np.zeros(3)
        self._state = np.array([place.x, place.y, log(place.width)])

    def expected(self, t_ms: int) -> Place:
        """Tell where it is now."""
        x, y, size = self._state + self._velocity * (t_ms - self.last_ms)
        low, high = log(self.last.width) - 1, log(self.last.width) + 1
        return Place(float(x), float(y), float(np.exp(np.clip(size, low, high))))

    def add(self, t_ms: int, reading: Reading, place: Place) -> None:
        """Take in that it was found."""
        passed_ms = t_ms - self.last_ms
        measured = np.array([place.x, place.y, log(place.width)])
        if passed_ms > 0:
            predicted = self._state + self._velocity * passed_ms
            surprise = measured - predicted
            gain = 1.0 if self.votes.count == 1 else BETA  # the second place gives the first velocity
            self._velocity += gain * surprise / passed_ms
            self._state = predicted + ALPHA * surprise
        self.last, self.last_ms = place, t_ms
        self.missed_ms.clear()
        ballot = Ballot.of(reading.text, reading.confidence, reading.alternatives)
        self.votes.add(ballot, min((place.width / SHARP_PX) ** SHARPER, 1.0))
        self.top, self.sure = self.votes.result()[0]

    def stand_still(self) -> None:
        """Forget the velocity: nothing has moved for a while."""
        self._velocity[:] = 0
        self._state = np.array([self.last.x, self.last.y, log(self.last.width)])

    @property
    def known(self) -> bool:
        """Whether more pictures would hardly tell more: it is read surely, or stands there anyway."""
        if self.missed_ms:
            return False
        sure = self.votes.count >= KNOWN_PICTURES and self.sure >= KNOWN_SURE
        return sure or (self.votes.count >= STANDING_PICTURES and not self.has_moved)

    @property
    def moved_widths(self) -> tuple[float, float]:
        """How far it has come since it was first seen, in widths of itself, right and down."""
        width = (self.first.width + self.last.width) / 2
        return (self.last.x - self.first.x) / width, (self.last.y - self.first.y) / width

    @property
    def has_moved(self) -> bool:
        """Whether this is a car that drives, and neither one that is parked nor a sign on the wall."""
        way, grown = hypot(*self.moved_widths), abs(log(self.last.width / self.first.width))
        return way > MOVED_WIDTHS or (way > MOVED_WIDTHS / 2 and grown > GROWN)

    def cost(self, t_ms: int, reading: Reading, place: Place) -> float | None:
        """Say how badly a plate fits, from 0; None where it does not."""
        expected = self.expected(t_ms)
        away = hypot(place.x - expected.x, place.y - expected.y) / max(place.width, expected.width)
        resized = abs(log(place.width / expected.width))
        differ = differing(self.top, reading.text)
        alike, contradicts = differ <= SAME_TEXT, differ > SAME_TEXT + 1
        if contradicts and self.sure > SURE and reading.confidence > SURE:
            return None
        limit = FAR_WIDTHS if alike else NEAR_WIDTHS
        if away > limit or resized > RESIZED * (2 if alike else 1):
            return None
        return away + resized + (0.0 if alike else 1.0)


def differing(one: str, other: str) -> int:
    """Count the characters to change, leave out or put in to make one text the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def assign(
    t_ms: int, tracks: Sequence[Track], found: Sequence[tuple[Reading, Place]]
) -> tuple[list[tuple[Track, int]], list[int]]:
    """Match tracks with what was found, best pairs first; give the pairs, and what belongs to no track.

    Greedy instead of optimal: a lane shows one to three plates, a car's length apart.
    """
    costs = [
        (cost, i, j)
        for i, track in enumerate(tracks)
        for j, (reading, place) in enumerate(found)
        if (cost := track.cost(t_ms, reading, place)) is not None
    ]
    pairs: list[tuple[Track, int]] = []
    taken: set[int] = set()
    used: set[int] = set()
    for _, i, j in sorted(costs):
        if i not in taken and j not in used:
            taken.add(i)
            used.add(j)
            pairs.append((tracks[i], j))
    return pairs, [j for j in range(len(found)) if j not in used]
