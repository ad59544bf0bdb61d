"""What happens in the car park as CloudEvents, with ids that follow from what they say."""

from __future__ import annotations

from msgspec import UNSET

from contracts.events import (
    TYPE_PREFIX,
    TYPE_VERSION,
    CarData,
    CarEvent,
    CarParkData,
    CarParkEvent,
    EventKind,
    rfc3339,
    stable_id,
)
from contracts.plates import PlateEnergy, PlateRegion
from gateway.parking.reading import Reading
from gateway.parking.report import AreaNow
from gateway.store.records import Stay


class Events:
    """Makes the events of one car park."""

    def __init__(self, mall: str) -> None:
        """Take the mall's id."""
        self._mall = mall
        self._source = f"/mallsense/{mall}"

    def stay_id(self, camera: str, track: str) -> str:
        """Return the identity of the stay that began with a passage."""
        return stable_id(self._mall, "stay", camera, track)

    def car(self, kind: EventKind, t_ms: int, stay: Stay, reading: Reading) -> CarEvent:
        """Return the event of a stay that began or ended, known at `t_ms`; `reading` is of its plate."""
        seen_both = stay.entered_ms is not None and stay.left_ms is not None
        data = CarData(
            stay=stay.stay,
            plate=stay.plate,
            area=stay.area,
            entered_ms=stay.entered_ms,
            left_ms=stay.left_ms,
            dwell_s=(stay.left_ms - stay.entered_ms) / 1000.0 if seen_both else None,  # type: ignore[operator]
            confidence=stay.confidence,
            region=PlateRegion(stay.region),
            energy=PlateEnergy(stay.energy),
            enrolled=reading.enrolled or None,
            enrolled_digest=reading.enrolled_digest or UNSET,
        )
        return CarEvent(
            id=stable_id(kind, stay.stay), source=self._source, type=f"{TYPE_PREFIX}{kind}{TYPE_VERSION}",
            subject=stay.area, time=rfc3339(t_ms), data=data,
        )  # fmt: skip

    def car_park(
        self, kind: EventKind, t_ms: int, now: AreaNow, full_within_30: float | None
    ) -> CarParkEvent:
        """Return the event of an area, or of the whole car park, known at `t_ms`."""
        data = CarParkData(
            area=now.area, capacity=now.capacity, cars=round(now.cars, 2), free=now.free,
            full_within_30=None if full_within_30 is None else round(full_within_30, 3),
        )  # fmt: skip
        return CarParkEvent(
            id=stable_id(kind, self._mall, now.area, t_ms), source=self._source,
            type=f"{TYPE_PREFIX}{kind}{TYPE_VERSION}", subject=now.area, time=rfc3339(t_ms), data=data,
        )  # fmt: skip
