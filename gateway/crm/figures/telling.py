"""A figure as it is told, unless it would tell of too few."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from gateway.crm.figures.estimation import Error
from gateway.crm.figures.intervals import Interval, positive
from gateway.figures.privacy import Anonymity
from gateway.people import MallPeople

DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a period, in the unit of its definition; all None where it is suppressed or unknown."""

    id: str
    zone: str | None
    """A zone, a floor as `floor:ID`, or None = the mall."""
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    """How many people, visits or receipts it rests on."""
    suppressed: bool


class Teller:
    """Makes figures; the k-anonymity holds for devices and for people, and for what a share leaves over."""

    def __init__(self, k: int, people: MallPeople | None = None) -> None:
        self.k = k
        self.people = people or MallPeople.assumed()
        self._anonymity = Anonymity(k)

    def hides(self, *groups: float) -> bool:
        """Whether any of these groups is too small to be told of: devices, people, receipts."""
        return any(self._anonymity.hides(group) for group in groups)

    def both(self, *devices: float) -> tuple[float, ...]:
        """Return groups of devices, and the people behind each: neither may be too small."""
        return (*devices, *(self.people.present.part(each, 0.0)[0] for each in devices))

    def counted(self, devices: float, error: Error) -> Interval:
        """Return people, or what they did, in a part of the mall, where so many devices were found."""
        return _of(*self.people.present.part(devices, 0.0), error, devices)

    def came(self, devices: float, error: Error) -> Interval:
        """Return people who came into the mall, where so many devices did."""
        return _of(*self.people.entered.people(devices, 0.0), error, devices)

    def amount(self, quantity: float, error: Error, devices: float) -> Interval:
        """Return a quantity, such as hours, of so many devices as one of people."""
        model = self.people.present
        variance = (model.covariance[1, 1] / model.phones**2) + model.day_sd**2
        return positive(quantity / model.phones, float(variance) + error.log_variance(devices), error.lean)

    def figure(self, id_: str, zone: str | None, what: Interval | None, n: float, *groups: float) -> Figure:
        """Return a figure that rests on n; suppressed where n or another of the groups is too small."""
        if self.hides(n, *groups):
            return Figure(id_, zone, None, None, None, None, suppressed=True)
        if what is None:
            return Figure(id_, zone, None, None, None, round(n), suppressed=False)
        value, low, high = (round(x, DECIMALS) for x in (what.value, what.low, what.high))
        return Figure(id_, zone, value, low, high, round(n), suppressed=False)

    def whole(self, id_: str, zone: str | None, what: Interval, *groups: float) -> Figure:
        """Return a figure that is a whole number; of nobody, at most k - 1, as of those hidden."""
        if self.hides(what.value, *groups):
            return Figure(id_, zone, None, None, None, None, suppressed=True)
        value, high = round(what.value), ceil(what.high)
        if value == 0:
            high = min(high, max(self.k - 1, 0))
        return Figure(id_, zone, value, floor(what.low), max(high, value), value, suppressed=False)


def _of(mean: float, variance: float, error: Error, devices: float) -> Interval:
    """Return the interval of people, with what the engine misses and splits."""
    if mean <= 0.0:
        return positive(0.0, 0.0)
    return positive(mean, variance / mean**2 + error.log_variance(devices), error.lean)
