"""The messages between nodes and gateway, and the position snapshots: JSON on the wire, msgspec in memory.

Batches are columns, not rows: a tenth of the bytes, and they become numpy arrays without a loop.
Every message carries its version `v`; a reader refuses a version it does not know.
"""

from enum import IntEnum, StrEnum
from functools import cache
from typing import Annotated, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from contracts.errors import MessageError

EpochMs = Annotated[
    int, Meta(ge=0, le=4_102_444_800_000, description="Event time: milliseconds since 1970, UTC")
]
"""Ends in the year 2100, so that nanoseconds sent by mistake are refused."""

Pseudonym = Annotated[
    str, Meta(pattern="^[0-9a-f]{16}$", description="Keyed hash of an address, 8 bytes in hex")
]

Rssi = Annotated[int, Meta(ge=-127, le=20, description="Received signal strength, dBm")]

Channel = Annotated[int, Meta(ge=0, le=233, description="IEEE 802.11 channel number; 0 = not known")]

SequenceNumber = Annotated[int, Meta(ge=-1, le=4095, description="802.11 sequence number; -1 = not known")]

ElementsHash = Annotated[
    str,
    Meta(
        pattern="^([0-9a-f]{16})?$",
        description="Keyed hashes of the information elements: of which there are (4 bytes), and of their "
        "contents (4 bytes); empty = none",
    ),
]

NodeId = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]

MAX_BATCH = 20_000
"""Most observations in a batch: about 1.5 MB of JSON, well under every broker's limit."""


class FrameKind(IntEnum):
    """What kind of frame was heard."""

    PROBE = 1
    """A probe request: sent by a phone that looks for networks, associated or not."""
    DATA = 2
    """A data or null frame of an associated phone."""
    OTHER = 3
    """Any other frame that a phone sends: authentication, association, action."""


class AddressKind(IntEnum):
    """Who chose the address behind a pseudonym."""

    GLOBAL = 0
    """The maker: it stays the same."""
    RANDOM = 1
    """The phone: it changes (IEEE 802, locally administered bit)."""


class Message(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The base of all messages: unknown fields are refused."""

    v: Literal[1] = 1


class ObservationBatch(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one node heard, complete up to `watermark_ms`. An empty batch is a heartbeat.

    The i-th entries of all columns are one observation. (node, boot, seq) identifies the batch for good:
    the same batch delivered twice is stored once.
    """

    node: NodeId
    boot: Annotated[
        str, Meta(pattern="^[0-9a-f]{16}$", description="Identity of the spool the batch was numbered in")
    ]
    seq: Annotated[int, Meta(ge=0)]
    watermark_ms: EpochMs
    """The node has nothing more to say about times before this."""
    t_ms: Annotated[list[EpochMs], Meta(max_length=MAX_BATCH)] = []
    device: Annotated[list[Pseudonym], Meta(max_length=MAX_BATCH)] = []
    address_kind: Annotated[list[AddressKind], Meta(max_length=MAX_BATCH)] = []
    rssi_dbm: Annotated[list[Rssi], Meta(max_length=MAX_BATCH)] = []
    channel: Annotated[list[Channel], Meta(max_length=MAX_BATCH)] = []
    frame_kind: Annotated[list[FrameKind], Meta(max_length=MAX_BATCH)] = []
    sequence: Annotated[list[SequenceNumber], Meta(max_length=MAX_BATCH)] = []
    elements: Annotated[list[ElementsHash], Meta(max_length=MAX_BATCH)] = []

    def __post_init__(self) -> None:
        columns = (
            self.device,
            self.address_kind,
            self.rssi_dbm,
            self.channel,
            self.frame_kind,
            self.sequence,
        )
        if any(len(column) != len(self.t_ms) for column in (*columns, self.elements)):
            raise ValueError("columns of different lengths; every column has one entry per observation")

    def __len__(self) -> int:
        return len(self.t_ms)


class AgentState(StrEnum):
    """Whether an edge agent is there."""

    ONLINE = "online"
    OFFLINE = "offline"


class AgentStatus(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Birth (`online`), goodbye and last will (`offline`) of an edge agent."""

    agent: NodeId
    nodes: list[NodeId]
    """The nodes this agent speaks for: one on a Pi, all of them in a replay."""
    state: AgentState
    since_ms: EpochMs
    """Event time at which the agent started."""
    software: str = ""


class NodeHealth(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a node is; what only real hardware knows is None elsewhere."""

    node: NodeId
    t_ms: EpochMs
    uptime_s: Annotated[float, Meta(ge=0)]
    frames: Annotated[int, Meta(ge=0)]
    """Frames heard since start."""
    observations: Annotated[int, Meta(ge=0)]
    """Observations made of them since start."""
    skipped: dict[str, int] = {}
    """Frames not used since start, by cause."""
    spooled: Annotated[int, Meta(ge=0)]
    """Batches waiting for the broker."""
    dropped: Annotated[int, Meta(ge=0)] = 0
    """Batches given up since start because the spool was full."""
    temperature_c: float | None = None
    disk_free_bytes: int | None = None
    memory_free_bytes: int | None = None


class PositionSnapshot(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the devices of a floor are estimated to be at `t_ms`; columns as in `ObservationBatch`.

    Holds the devices heard since the last snapshot. (xx, xy, yy) is the covariance of (x, y).
    """

    floor: NodeId
    t_ms: EpochMs
    device: list[Pseudonym] = []
    x_m: list[float] = []
    y_m: list[float] = []
    xx_m2: list[float] = []
    xy_m2: list[float] = []
    yy_m2: list[float] = []


class GatewayStatus(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Birth and last will of the gateway."""

    state: AgentState
    since_ms: EpochMs
    software: str = ""


M = TypeVar("M", bound=Struct)

_encoder = msgspec.json.Encoder()


@cache
def _decoder(kind: type[Struct]) -> msgspec.json.Decoder[Struct]:
    return msgspec.json.Decoder(kind)


def encode(message: Struct) -> bytes:
    """The JSON of a message."""
    return _encoder.encode(message)


def decode(payload: bytes | bytearray, kind: type[M]) -> M:
    """The message of type `kind` in a payload.

    Raises `MessageError` that names the field, what was found and what was expected.
    """
    try:
        return cast("M", _decoder(kind).decode(payload))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise MessageError(f"not a {kind.__name__}: {error}") from error
