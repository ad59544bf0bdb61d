"""When to say that the car park is full, full soon, or has free spaces again: once each."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from contracts.events import CarParkEvent, EventKind
from gateway.parking.events import Events
from gateway.parking.forecast import Forecast
from gateway.parking.report import AreaNow
from gateway.store.records import WHOLE_CAR_PARK

FULL_SHARE = 0.98
"""Who comes now does not find the last spaces any more."""
FREE_SHARE = 0.95
SOON = 0.7
"""It is said to be full soon when that is so likely within half an hour ..."""
NOT_SOON = 0.3
"""... and again only after it was as unlikely as this."""


class _State(msgspec.Struct):
    full: list[str]
    soon: bool


class Fullness:
    """What was said last."""

    def __init__(self, events: Events) -> None:
        """Start with free spaces everywhere."""
        self._events = events
        self._full: set[str] = set()
        self._soon = False

    @staticmethod
    def room(now: AreaNow) -> float:
        """Return how many more cars make it full."""
        return FULL_SHARE * now.capacity - now.cars

    def look(self, t_ms: int, areas: Sequence[AreaNow], ahead: Forecast) -> list[CarParkEvent]:
        """Return what is to be said now; the whole car park is the last of `areas`."""
        said = []
        for now in areas:
            likely = ahead.within_30 if now.area == WHOLE_CAR_PARK else None
            if now.area not in self._full and self.room(now) <= 0:
                self._full.add(now.area)
                said.append(self._events.car_park(EventKind.CAR_PARK_FULL, t_ms, now, likely))
            elif now.area in self._full and now.cars <= FREE_SHARE * now.capacity:
                self._full.remove(now.area)
                said.append(self._events.car_park(EventKind.CAR_PARK_FREE, t_ms, now, likely))
        whole = areas[-1]
        if whole.area in self._full:
            self._soon = True  # who has said "full" does not say "full soon" when the first car leaves
        elif self._soon:
            self._soon = ahead.within_30 > NOT_SOON
        elif ahead.within_30 >= SOON:
            self._soon = True
            said.append(self._events.car_park(EventKind.CAR_PARK_FULL_SOON, t_ms, whole, ahead.within_30))
        return said

    def state(self) -> bytes:
        """Return what was said last."""
        return msgspec.msgpack.encode(_State(sorted(self._full), self._soon))

    def restore(self, state: bytes) -> None:
        """Go on from what `state` returned. Raises `msgspec.MsgspecError`."""
        old = msgspec.msgpack.decode(state, type=_State)
        self._full, self._soon = set(old.full), old.soon
