"""What the car park says at the end of each tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.events import CarEvent, CarParkEvent
from gateway.figures.intervals import interval
from gateway.parking.forecast import Forecast
from gateway.store.records import Stay


@dataclass(frozen=True)
class AreaNow:
    """How full an area is, or all of the car park (`WHOLE_CAR_PARK`)."""

    area: str
    capacity: int
    cars: float
    """Expected."""
    variance: float
    queue: int
    """Cars whose passage has begun at an entrance."""

    @property
    def bounds(self) -> tuple[int, int]:
        """The 90 % interval of the number of cars; within the capacity, unless more are expected."""
        low, high = interval(self.cars, self.variance)
        return low, max(min(high, self.capacity), round(self.cars))

    @property
    def free(self) -> int:
        """Free spaces that are expected."""
        return max(0, self.capacity - round(self.cars))


@dataclass(frozen=True)
class Place:
    """Where one car was last known to be."""

    stay: str
    area: str
    camera: str
    """Where it came in."""
    entered_ms: int
    seen_ms: int
    enrolled: str
    """Its plate, where it is enrolled with consent; else empty."""


@dataclass(frozen=True)
class ParkingTick:
    """The car park at `t_ms`."""

    t_ms: int
    areas: Sequence[AreaNow]
    whole: AreaNow
    forecast: Forecast
    places: Sequence[Place]
    """All cars that are there as far as is known."""
    entered: Sequence[int] = ()
    """Of each area, and of all of it last: cars that came in since the last tick ..."""
    left: Sequence[int] = ()
    """... and cars that went out; between areas they do both."""
    stays: Sequence[Stay] = ()
    """Those that changed."""
    events: Sequence[CarEvent | CarParkEvent] = field(default=())
