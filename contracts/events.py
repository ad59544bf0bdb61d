"""Zone events for the CRM: CloudEvents 1.0 in structured JSON, one event a message.

An event's `id` follows from what it says, so an event delivered twice, or again after a restart, has the
same id; a consumer that remembers ids sees each once.
"""

from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.fields import EpochMs, Pseudonym

TYPE_PREFIX = "io.mallsense."
TYPE_VERSION = ".v1"


class EventKind(StrEnum):
    """What can happen; stands in the topic and, with prefix and version, in the CloudEvents type."""

    VISIT_STARTED = "visit.started"
    VISIT_UPDATED = "visit.updated"
    VISIT_ENDED = "visit.ended"
    PATH_ENDED = "path.ended"


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
    """The zone, or `mall` for a path."""
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


def stable_id(*parts: str | int) -> str:
    """Return an identity that follows from its parts alone: 16 bytes of BLAKE2b in hex, on every machine."""
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).hexdigest()
