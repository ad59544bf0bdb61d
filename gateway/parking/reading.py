"""What is known of a plate by its keyed hashes, and how much two readings speak for one car.

Nobody here knows a plate. Two readings of one car have the same hash, or one is among the other's
alternatives, or they differ in one character and share the hash of the rest; or both were read so badly that
nothing is left in common. How likely each of these is follows from the calibrated confidences, and how likely
it is for two different cars from how many plates there are.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from contracts.plates import PlateRead

SAME_BY_CHANCE = 1e-6
"""That another car is read as the same string: five characters of 34 are free on local plates (2e-8), and
misreadings go to a few look-alikes."""
NEAR_BY_CHANCE = 2e-5
"""That another car's plate differs in one character: 5 * 33 of 34**5 local ones (4e-6); fleets have rows."""
ONE_CHARACTER = 0.6
"""Share of the misreadings in which one character is wrong."""
SAME_MISTAKE = 0.3
"""That a plate that was misread once is misread in the same way again: dirt and look-alikes stay."""
NEITHER = 0.1
"""Share of the misreadings that are wrong in several characters and do not name the right plate as an
alternative: a third of a third, as `simulators.car_park.reading_errors` has measured."""
LEAST_DOUBT = 0.003
NOTHING_IN_COMMON = 0.0005
"""Even of two sure readings: a plate was covered, changed, or it is of a trailer."""


class Reading(msgspec.Struct, frozen=True):
    """What was read of a plate in one passage."""

    plate: str
    near: tuple[str, ...]
    formerly: str
    """Under the salt of the day before; empty = none."""
    formerly_near: tuple[str, ...]
    alternatives: tuple[tuple[str, float], ...]
    confidence: float
    region: str
    energy: str
    enrolled: str
    """In clear, only with consent; else empty."""
    enrolled_digest: str = ""
    """On the list of enrolled plates; else empty. Not in checkpoints written before there were members."""

    @classmethod
    def of(cls, read: PlateRead) -> Reading:
        """Return the part of a read that says whose plate it is."""
        return cls(
            plate=read.plate,
            near=tuple(read.near),
            formerly=read.formerly,
            formerly_near=tuple(read.formerly_near),
            alternatives=tuple((one.plate, one.probability) for one in read.alternatives),
            confidence=read.confidence,
            region=str(read.region),
            energy=str(read.energy),
            enrolled=read.enrolled if isinstance(read.enrolled, str) else "",
            enrolled_digest=read.enrolled_digest if isinstance(read.enrolled_digest, str) else "",
        )

    def to_keep(self) -> Reading:
        """Return what is kept while the car is there: no link to the day before it came."""
        return msgspec.structs.replace(self, formerly="", formerly_near=())

    def named_by(self, other: Reading) -> Reading:
        """Return this with what `other`, of the same car, says of whose it is, where this does not."""
        if self.enrolled_digest or not other.enrolled_digest:
            return self
        return msgspec.structs.replace(self, enrolled=other.enrolled, enrolled_digest=other.enrolled_digest)

    def hashes(self) -> Iterator[str]:
        """Yield the hashes under which a later reading of the same car finds this one."""
        yield self.plate
        yield from (plate for plate, _ in self.alternatives)
        yield from self.near

    def sought(self) -> Iterator[str]:
        """Yield the hashes under which an earlier reading of the same car may be found."""
        yield from self.hashes()
        if self.formerly:
            yield self.formerly
        yield from self.formerly_near


def doubt(a: Reading, b: Reading) -> float:
    """Return the probability that at least one of two readings is wrong."""
    return max(1.0 - a.confidence * b.confidence, LEAST_DOUBT)


def unlike(a: Reading, b: Reading) -> float:
    """Return the probability that two readings of one car have nothing in common."""
    return NOTHING_IN_COMMON + NEITHER * doubt(a, b)


def likelihood_ratio(earlier: Reading, later: Reading) -> float:
    """Return how much likelier two readings are of one car than of two cars."""
    if later.plate == earlier.plate or (later.formerly and later.formerly == earlier.plate):
        right = earlier.confidence * later.confidence
        wrong = (1.0 - earlier.confidence) * (1.0 - later.confidence)
        return max(right + SAME_MISTAKE * wrong, LEAST_DOUBT) / SAME_BY_CHANCE
    if overlap := _overlap(earlier, later):
        return overlap / SAME_BY_CHANCE
    if not set(earlier.near).isdisjoint((*later.near, *later.formerly_near)):
        return ONE_CHARACTER * doubt(earlier, later) / NEAR_BY_CHANCE
    return unlike(earlier, later)


def _overlap(earlier: Reading, later: Reading) -> float:
    """Return the probability that both plates are one string that both name as possible."""
    possible = {earlier.plate: earlier.confidence, **dict(earlier.alternatives)}
    named = [(later.plate, later.confidence), (later.formerly, later.confidence), *later.alternatives]
    return sum(possible.get(plate, 0.0) * probability for plate, probability in named)
