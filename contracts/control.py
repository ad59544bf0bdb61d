"""What nodes are told over MQTT: their desired configuration, and the time."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from contracts.fields import Count, Digest, EpochMs, NodeId
from contracts.messages import FrameKind, Message

MAX_ENROLLED = 100_000
"""Most digests on a list: 3.5 MB of JSON."""

Revision = Annotated[int, Meta(ge=0, le=2**53)]
"""Grows with every change; 0 = as the node was installed."""

MicroSeconds = Annotated[
    int,
    Meta(ge=0, le=4_102_444_800_000_000, description="Microseconds since 1970, UTC, of the sender's clock"),
]


class RadioSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one adapter of a node listens."""

    interface: Annotated[str, Meta(min_length=1, max_length=15)]
    channels: Annotated[list[Annotated[int, Meta(ge=1, le=177)]], Meta(min_length=1, max_length=40)]
    """One: it stays there. Several: it goes round."""
    dwell_s: Annotated[float, Meta(ge=1, le=600)] = 15.0
    """Of several channels, how long it listens on each."""


class NodeConfiguration(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a node shall do, as a whole: what is not named is as the node was installed."""

    node: NodeId
    revision: Revision
    radios: Annotated[list[RadioSettings], Meta(max_length=8)] | None = None
    """Adapters that are not named listen as the node was installed."""
    least_rssi_dbm: Annotated[int, Meta(ge=-127, le=-40)] | None = None
    """Weaker frames are not reported."""
    frame_kinds: Annotated[list[FrameKind], Meta(min_length=1)] | None = None
    """Other frames are not reported: 1 = probe, 2 = data, 3 = other."""
    batch_s: Annotated[float, Meta(ge=0, le=3)] | None = None
    """Event time that a batch covers at least: fewer and larger messages, that much later."""
    health_every_s: Annotated[float, Meta(ge=5, le=3600)] | None = None
    """Seconds between two reports of health."""


class ConfigurationApplied(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a node has made of its desired configuration. One that is refused changes nothing."""

    node: NodeId
    revision: Revision | None
    """Of the configuration that this speaks of; None where it could not be read."""
    state: Literal["accepted", "refused"]
    refused: dict[str, str] = field(default_factory=dict)
    """Why, in words for people, by field."""
    active: Revision
    """The revision that the node works by now."""


class TimeRequest(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node asks for the time."""

    node: NodeId
    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$", description="Random; stands in the answer, too")]


class TimeAnswer(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The time by the gateway's clock, when it took the request and when it sent this."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    received_us: MicroSeconds
    sent_us: MicroSeconds


class OptOutList(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom no node reports. Holds no address, and nothing that says anything without the mall's key."""

    key: Annotated[
        str, Meta(pattern="^[0-9a-f]{8}$", description="Tells keys apart: a keyed hash of nothing")
    ]
    digests: Annotated[
        list[
            Annotated[str, Meta(pattern="^[0-9a-f]{32}$", description="Keyed hash of an address, 16 bytes")]
        ],
        Meta(max_length=100_000),
    ]


class EnrolledDevices(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose phones nodes name: members who agreed. Holds no address, and says nothing without the key."""

    key: Annotated[
        str, Meta(pattern="^[0-9a-f]{8}$", description="Tells keys apart: a keyed hash of nothing")
    ]
    digests: Annotated[list[Digest], Meta(max_length=MAX_ENROLLED)]


class EnrolledPlates(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose plates nodes know again. Holds no plate, and says nothing to who has not the key."""

    key: Annotated[
        str, Meta(pattern="^[0-9a-f]{8}$", description="Tells keys apart: a keyed hash of nothing")
    ]
    digests: Annotated[
        list[Annotated[str, Meta(pattern="^[0-9a-f]{32}$", description="Keyed hash of a plate, 16 bytes")]],
        Meta(max_length=MAX_ENROLLED),
    ]
    """Enrolled by an operator: said in clear text, and by their digests."""
    members: Annotated[list[Digest], Meta(max_length=MAX_ENROLLED)] | UnsetType = UNSET
    """Of members who agreed, put here by the gateway: said by their digests alone. Left out where there are
    none. Apart from `digests`, so that operator and gateway each take off only what is theirs."""


class CarParkCount(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody has counted the cars in an area of the car park, or in all of it."""

    t_ms: EpochMs
    cars: Count
    area: NodeId | None = None
    """None = all of it."""
