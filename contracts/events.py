"""Events of zones and of the car park, for the CRM: CloudEvents 1.0 in structured JSON, one event a message.

An event's `id` follows from what it says, so an event delivered twice, or again after a restart, has the
same id; a consumer that remembers ids sees each once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.fields import Digest, EpochMs, Pseudonym
from contracts.plates import ClearPlate, PlateEnergy, PlateHash, PlateRegion, Probability

TYPE_PREFIX = "io.mallsense."
TYPE_VERSION = ".v1"


class EventKind(StrEnum):
    """What can happen; stands in the topic and, with prefix and version, in the CloudEvents type."""

    VISIT_STARTED = "visit.started"
    VISIT_UPDATED = "visit.updated"
    VISIT_ENDED = "visit.ended"
    PATH_ENDED = "path.ended"
    CAR_ENTERED = "car.entered"
    CAR_LEFT = "car.left"
    CAR_PARK_FULL_SOON = "car_park.full_soon"
    CAR_PARK_FULL = "car_park.full"
    CAR_PARK_FREE = "car_park.free"


class VisitData(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=False):
    """One stay of one device in one zone."""

    visit: str
    """Identity of the visit, the same in its started, updated and ended events."""
    device: Pseudonym
    zone: str
    floor: str
    started_ms: EpochMs
    seen_ms: EpochMs
    """Last moment at which the device was found in the zone."""
    ended_ms: EpochMs | None = None
    """None while the visit is open."""
    dwell_s: Annotated[float, Meta(ge=0)]
    confidence: Annotated[float, Meta(ge=0, le=1)]
    """Mean probability, over the visit, that the device was in this zone."""


class PathStep(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One visit on a path."""

    visit: str
    zone: str
    floor: str
    started_ms: EpochMs
    ended_ms: EpochMs


class PathData(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One stay of one device in the mall, from first heard to vanished, and the visits in it, in order."""

    path: str
    device: Pseudonym
    started_ms: EpochMs
    ended_ms: EpochMs
    dwell_s: Annotated[float, Meta(ge=0)]
    steps: list[PathStep]


class CloudEvent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A CloudEvents 1.0 envelope (attributes in lower case, as the specification wants)."""

    id: str
    source: str
    type: str
    subject: str
    """The zone, `mall` for a path, the area of a car park, or `car-park` for all of it."""
    time: str
    """Event time in RFC 3339, UTC."""
    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str | UnsetType = UNSET

    @property
    def kind(self) -> EventKind:
        """What happened."""
        return EventKind(self.type.removeprefix(TYPE_PREFIX).removesuffix(TYPE_VERSION))


class VisitEvent(CloudEvent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A visit started, was updated or ended."""

    data: VisitData


class PathEvent(CloudEvent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A device left the mall."""

    data: PathData


ZoneEvent = VisitEvent | PathEvent


class CarData(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=False):
    """One stay of one car in the car park."""

    stay: str
    """Identity of the stay, the same in its entered and left events."""
    plate: PlateHash
    """As it was first read in this stay; means nothing on another day."""
    area: str
    """Where it was last known to be."""
    entered_ms: EpochMs | None
    """None where its entry was not seen."""
    left_ms: EpochMs | None = None
    """None while it is there, and where it is given up: it must have left unseen."""
    dwell_s: Annotated[float, Meta(ge=0)] | None = None
    """None where entry or exit were not seen."""
    confidence: Probability
    """That entry and exit are of one car; of `car.entered`, that its plate was read right."""
    region: PlateRegion
    energy: PlateEnergy
    enrolled: ClearPlate | None = None
    """The plate, where it is enrolled with consent."""
    enrolled_digest: Digest | UnsetType = UNSET
    """What the plate is called on the list of enrolled ones; left out of all others."""


class CarParkData(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=False):
    """How full an area is, or all of the car park."""

    area: str
    """`car-park` for all of it."""
    capacity: Annotated[int, Meta(gt=0)]
    cars: Annotated[float, Meta(ge=0)]
    """Expected."""
    free: Annotated[int, Meta(ge=0)]
    full_within_30: Probability | None = None
    """That it is full at some moment in the next 30 minutes; None for a single area."""


class CarEvent(CloudEvent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A car came into the car park or left it."""

    data: CarData


class CarParkEvent(CloudEvent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The car park is full soon, full, or has free spaces again."""

    data: CarParkData


EventData = VisitData | PathData | CarData | CarParkData

EVENT_DATA: Mapping[EventKind, type[EventData]] = {
    EventKind.VISIT_STARTED: VisitData,
    EventKind.VISIT_UPDATED: VisitData,
    EventKind.VISIT_ENDED: VisitData,
    EventKind.PATH_ENDED: PathData,
    EventKind.CAR_ENTERED: CarData,
    EventKind.CAR_LEFT: CarData,
    EventKind.CAR_PARK_FULL_SOON: CarParkData,
    EventKind.CAR_PARK_FULL: CarParkData,
    EventKind.CAR_PARK_FREE: CarParkData,
}
"""By kind of event, the type of its `data`."""


def stable_id(*parts: str | int) -> str:
    """Return an identity that follows from its parts alone: 16 bytes of BLAKE2b in hex, on every machine."""
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def rfc3339(t_ms: int) -> str:
    """Return a moment as RFC 3339 in UTC with milliseconds."""
    seconds, millis = divmod(t_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{millis:03d}Z"
