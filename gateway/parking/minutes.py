"""How full the car park was, by the minute. Written once a minute is over."""

from __future__ import annotations

import msgspec

from contracts.site import CarPark
from gateway.parking.report import ParkingTick
from gateway.store.records import MINUTE_MS, WHOLE_CAR_PARK, CarParkMinute


class _Sums(msgspec.Struct, array_like=True):
    """Of one area: sums over the minute so far, each weighted with the time that it stood for."""

    cars: float = 0.0
    most: float = 0.0
    variance: float = 0.0
    queue: float = 0.0
    entered: int = 0
    left: int = 0


class _State(msgspec.Struct, array_like=True):
    minute_ms: int
    last_ms: int
    covered_ms: int
    sums: list[_Sums]


class Minutes:
    """The minute that ticks are being added to. Its state goes into the checkpoint."""

    def __init__(self, plan: CarPark) -> None:
        """Take the areas of a car park."""
        self._ids = [*(area.id for area in plan.areas), WHOLE_CAR_PARK]
        self._last_ms = -1
        self._begin(-1)

    def _begin(self, minute_ms: int) -> None:
        self._minute_ms, self._covered_ms = minute_ms, 0
        self._sums = [_Sums() for _ in self._ids]

    def add(self, tick: ParkingTick) -> list[CarParkMinute]:
        """Add a tick; gives the minute before once it is over."""
        minute_ms = (tick.t_ms - 1) // MINUTE_MS * MINUTE_MS  # a tick is about the time before its end
        done: list[CarParkMinute] = []
        if minute_ms != self._minute_ms:
            done = self._finish()
            self._begin(minute_ms)
        # The numbers hold since the last tick, within this minute; after a restart nobody knows since when.
        since_ms = max(self._last_ms, minute_ms)
        span_ms = tick.t_ms - since_ms
        self._last_ms = tick.t_ms
        self._covered_ms += span_ms
        for sums, now in zip(self._sums, (*tick.areas, tick.whole), strict=True):
            sums.cars += now.cars * span_ms
            sums.most = max(sums.most, now.cars)
            sums.variance += now.variance * span_ms
            sums.queue += now.queue * span_ms
        for sums, entered, left in zip(self._sums, tick.entered, tick.left, strict=False):
            sums.entered += entered
            sums.left += left
        return done

    def _finish(self) -> list[CarParkMinute]:
        span_ms = max(self._covered_ms, 1)
        if self._minute_ms < 0:
            return []
        return [
            CarParkMinute(
                self._minute_ms, area, sums.cars / span_ms, sums.most, sums.variance / span_ms,
                sums.entered, sums.left, sums.queue / span_ms,
            )
            for area, sums in zip(self._ids, self._sums, strict=True)
        ]  # fmt: skip

    def state(self) -> bytes:
        """Return the minute so far."""
        return msgspec.msgpack.encode(_State(self._minute_ms, self._last_ms, self._covered_ms, self._sums))

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises `msgspec.MsgspecError`."""
        old = msgspec.msgpack.decode(state, type=_State)
        self._minute_ms, self._last_ms = old.minute_ms, old.last_ms
        self._covered_ms, self._sums = old.covered_ms, old.sums
