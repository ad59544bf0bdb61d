"""The words of the CRM: purposes of consent, kinds of identifiers, and events that carry a member.

An event of the feed is the CloudEvent of `contracts.events` with three more attributes. When a match becomes
known, changes or ends after the event was told, the event is told again: the same `id`, a higher `revision`.
"""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from contracts import fields
from contracts.events import CloudEvent
from contracts.fields import EpochMs

Reference = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$",
        description="What the CRM calls a member here: a name that says nothing to others",
    ),
]

Digest = fields.Digest


class Purpose(StrEnum):
    """What a member can agree to."""

    POSITION = "position"
    """Visits, paths and dwell times are matched to the member."""
    PARKING = "parking"
    """Stays of the member's cars are matched."""
    MARKETING = "marketing"
    """The member may be in segments and audiences, and purchases are matched."""


class IdentifierKind(StrEnum):
    """By what a member can be recognised."""

    MEMBER = "member"
    """Number of the membership."""
    WIFI = "wifi"
    """Address of a phone in the mall's own network, where it stays the same; hashed with the mall's key."""
    PLATE = "plate"
    """Plate of a car; hashed with the mall's key."""
    APP = "app"
    """Identity in an app or a mini-program."""
    PHONE = "phone"
    """Telephone number."""


NEEDS = {IdentifierKind.WIFI: Purpose.POSITION, IdentifierKind.PLATE: Purpose.PARKING}
"""What has to be agreed to before an identifier of a kind is kept; of other kinds, anything."""


class FeedEvent(CloudEvent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A CloudEvent as the feed tells it, with the CRM's extension attributes."""

    revision: Annotated[int, Meta(ge=1)] = 1
    """Grows when the event is told again with another member."""
    member: Reference | UnsetType = UNSET
    """Whose it is; left out where nobody is known or nobody consented."""
    memberpercent: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    """How sure that is."""
    data: Raw
    """As the type says (`dataschema`); clear plates are taken out."""


class FeedKind(StrEnum):
    """What is told in the feed alone; stands in the CloudEvents type like `contracts.events.EventKind`."""

    MEMBER_WITHDRAWN = "member.withdrawn"
    """To every subscriber, whatever it asks for."""
    WEBHOOK_TEST = "webhook.test"
    """To one subscriber, when somebody tries it."""
    KPI_UNUSUAL = "kpi.unusual"
    """A figure of a zone is far from what is usual for the hour and the weekday."""
    KPI_USUAL = "kpi.usual"
    """It is within the usual again."""


class MemberWithdrawn(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A member has taken consent back, or was erased: copies of what the feed told have to go."""

    member: Reference
    purposes: list[Purpose]
    t_ms: EpochMs
    """When that was said."""


class WebhookTest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody tries whether a receiver gets what it is sent."""

    subscriber: str
    t_ms: EpochMs


class Kpi(StrEnum):
    """A figure of a zone that is watched."""

    FOOTFALL = "footfall"
    """Visits that began in the hour; of the mall, people who came in."""
    DWELL = "dwell"
    """Geometric mean, in seconds, of how long those visits lasted."""
    CONVERSION = "conversion"
    """Sales of the hour by visits that began in it."""


class KpiSentence(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What there is to say, for people."""

    en: str
    zh: str


class KpiAlert(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure of an hour that is far from usual; of several zones, of the one with most visitors."""

    alert: str
    """The same when it began and when it ended."""
    kpi: Kpi
    zone: str
    """`mall` where it is the mall as a whole, or several zones at once."""
    zones: list[str]
    """Those concerned, those with most visitors first."""
    side: Literal["low", "high"]
    hour_ms: EpochMs
    """Start of the hour it began with."""
    ended_ms: EpochMs | None = None
    """End of the last unusual hour; None while it goes on."""
    value: float | None
    """None where it is about fewer people than may be shown."""
    usual: float
    low: float
    high: float
    """Between `low` and `high` it would have been usual."""
    sentence: KpiSentence
