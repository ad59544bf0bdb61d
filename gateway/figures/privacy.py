"""k-anonymity: the one place where it is decided what may be shown of small groups."""

from dataclasses import dataclass
from typing import TypeVar

from gateway.figures.intervals import interval

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Count:
    """A number of people with its 90 % interval; all None where the group is smaller than k."""

    people: int | None
    low: int | None
    high: int | None
    suppressed: bool


@dataclass(frozen=True, slots=True)
class Anonymity:
    """Shows figures of groups of nobody or of at least k people; everything between is suppressed."""

    k: int

    def hides(self, people: float) -> bool:
        """Whether a group of this size must not be shown. Less than half a person is nobody."""
        return 0 < round(people) < self.k

    def number(self, people: int) -> int | None:
        """A number of people, or None."""
        return None if self.hides(people) else people

    def only_if(self, people: float, figure: T) -> T | None:
        """A figure about a group of this size, or None."""
        return None if self.hides(people) else figure

    def count(self, mean: float, variance: float, devices: float = 0.0) -> Count:
        """An expected number of people with its interval; hidden where people, or devices, are too few.

        An empty zone has an upper limit of k - 1 at most: more would tell it from other hidden ones.
        """
        if self.hides(mean) or self.hides(devices):
            return Count(None, None, None, suppressed=True)
        low, high = interval(mean, variance)
        if round(mean) == 0:
            return Count(0, 0, min(high, self.k - 1), suppressed=False)
        return Count(round(mean), low, high, suppressed=False)
