"""An event as the feed tells it: read from what the pipeline says, written with the member it is about."""

from datetime import datetime
from functools import cache

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from contracts.crm import FeedEvent, Purpose
from contracts.events import (
    EVENT_DATA,
    CarData,
    CarParkData,
    CloudEvent,
    EventData,
    EventKind,
    PathData,
    VisitData,
)
from contracts.schemas import data_schema


class Whole(CloudEvent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An event of the pipeline, its data not yet read."""

    data: Raw


class Told(Struct, frozen=True):
    """An event, and what it is about."""

    event: Whole
    kind: EventKind
    t_ms: int
    data: EventData

    @property
    def subject(self) -> str:
        """The device, the stay, or the area that it is about."""
        if isinstance(self.data, VisitData | PathData):
            return self.data.device
        return self.data.stay if isinstance(self.data, CarData) else self.data.area

    @property
    def began_ms(self) -> int:
        """When that began which it tells of."""
        if isinstance(self.data, VisitData | PathData):
            return self.data.started_ms
        if isinstance(self.data, CarData):
            moments = (self.data.entered_ms, self.data.left_ms, self.t_ms)
            return next(moment for moment in moments if moment is not None)
        return self.t_ms

    @property
    def purpose(self) -> Purpose | None:
        """What a member has to agree to, to be told of in it; None where it is about no member."""
        if isinstance(self.data, CarParkData):
            return None
        return Purpose.PARKING if isinstance(self.data, CarData) else Purpose.POSITION

    def json(self, revision: int, member: str | None, confidence: float) -> bytes:
        """Return it as the feed tells it: a `FeedEvent`. Clear plates and digests are left out."""
        data = self.data
        if isinstance(data, CarData) and (data.enrolled is not None or data.enrolled_digest is not UNSET):
            data = msgspec.structs.replace(data, enrolled=None, enrolled_digest=UNSET)
            raw = Raw(msgspec.json.encode(data))
        else:
            raw = self.event.data
        percent: int | UnsetType = UNSET if member is None else int(100.0 * confidence)
        event = self.event
        return msgspec.json.encode(
            FeedEvent(
                id=event.id, source=event.source, type=event.type, subject=event.subject, time=event.time,
                dataschema=data_schema(self.kind), revision=revision,
                member=UNSET if member is None else member, memberpercent=percent, data=raw,
            )
        )  # fmt: skip


@cache
def _decoder(kind: type) -> "msgspec.json.Decoder[EventData]":
    return msgspec.json.Decoder(kind)


_whole = msgspec.json.Decoder(Whole)
_feed_event = msgspec.json.Decoder(FeedEvent)


def read(payload: bytes) -> Told:
    """Read an event of the pipeline. Raises `ValueError` where it is none."""
    return _told(_whole.decode(payload))


def read_back(payload: bytes) -> Told:
    """Read an event of the feed as if nobody had been named in it. Raises `ValueError` where it is none."""
    event = _feed_event.decode(payload)
    return _told(
        Whole(
            id=event.id, source=event.source, type=event.type, subject=event.subject, time=event.time,
            dataschema=event.dataschema, data=event.data,
        )
    )  # fmt: skip


def _told(event: Whole) -> Told:
    kind = event.kind
    t_ms = round(datetime.fromisoformat(event.time).timestamp() * 1000.0)
    return Told(event, kind, t_ms, _decoder(EVENT_DATA[kind]).decode(event.data))
