"""The messages between nodes and gateway, and the position snapshots: JSON on the wire, msgspec in memory.

Batches are columns, not rows: a tenth of the bytes, and they become numpy arrays without a loop.
Every message carries its version `v`; a reader refuses a version it does not know.
"""

from enum import IntEnum, StrEnum
from functools import cache
from typing import Annotated, Literal, TypeVar, cast

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.errors import MessageError
from contracts.fields import Count, Digest, EpochMs, FormerPseudonym, NodeId, Pseudonym
from contracts.plates import MAX_PLATES, CameraHealth, PlateRead

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


class MemberHeard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A phone that is on the mall's list (`contracts.control.EnrolledDevices`) was heard."""

    t_ms: EpochMs
    device: Pseudonym
    """Its pseudonym, as it stands in this batch."""
    formerly: Pseudonym | UnsetType = UNSET
    """Its pseudonym before the salt changed, where the batch says that, too."""
    digest: Digest


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
    formerly: Annotated[list[FormerPseudonym], Meta(max_length=MAX_BATCH)] | UnsetType = UNSET
    """Left out where it would hold nothing, as it does but for half an hour after the salt has changed."""
    plates: Annotated[list[PlateRead], Meta(max_length=MAX_PLATES)] | UnsetType = UNSET
    """What the node's cameras have read, in order; left out where that is nothing. No column: a passage is
    no observation, and `len` does not count it."""
    members: Annotated[list[MemberHeard], Meta(max_length=MAX_BATCH)] | UnsetType = UNSET
    """Which of the devices are members' phones: said when a pseudonym is first heard, and once a minute while
    it is; left out where that is nothing. No column, either."""

    def __post_init__(self) -> None:
        columns = (
            self.device,
            self.address_kind,
            self.rssi_dbm,
            self.channel,
            self.frame_kind,
            self.sequence,
        )
        formerly = () if self.formerly is UNSET else (self.formerly,)
        if any(len(column) != len(self.t_ms) for column in (*columns, self.elements, *formerly)):
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


class RadioTrouble(StrEnum):
    """Why a radio hears nothing, or not what it should."""

    GONE = "gone"
    """There is no such interface: the adapter is not plugged in, or has no driver."""
    BLOCKED = "blocked"
    """Wi-Fi is switched off (rfkill): by a switch, or because no country is set."""
    DOWN = "down"
    WRONG_MODE = "wrong_mode"
    """The interface is not in monitor mode."""
    WRONG_CHANNEL = "wrong_channel"
    """It is on another channel than was set, and stays there."""
    DEAF_DRIVER = "deaf_driver"
    """It hears nothing, with a driver that is known to go deaf in this way."""
    SILENT = "silent"
    """It hears nothing, and nothing is wrong that one could see."""


class Throttling(StrEnum):
    """What a Raspberry Pi's firmware does to protect itself, and why (`vcgencmd get_throttled`)."""

    UNDER_VOLTAGE = "under_voltage"
    FREQUENCY_CAPPED = "frequency_capped"
    THROTTLED = "throttled"
    SOFT_TEMPERATURE_LIMIT = "soft_temperature_limit"


class RadioHealth(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one adapter of a node is; counters run since the agent started."""

    interface: str
    channel: Channel
    """Where it listens now; 0 = not known."""
    frames: dict[str, Count] = {}
    """Frames captured behind the kernel's filter, by channel."""
    dropped: Count = 0
    """Frames that the kernel dropped, since the agent was too slow to take them."""
    driver: str = ""
    trouble: RadioTrouble | None = None


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
    spooled_bytes: Count | None = None
    trouble: str = ""
    """Why batches wait, in words for people; empty where all is well."""
    throttling: list[Throttling] | None = None
    """What holds now."""
    throttling_since_boot: list[Throttling] | None = None
    """What has held at any time since the machine was switched on."""
    clock_synchronised: bool | None = None
    """Whether the kernel's clock follows a time server."""
    clock_offset_ms: float | None = None
    """What to add to its clock to get the gateway's: above 0 it is behind. None = nobody told the time."""
    clock_steps: Count = 0
    """How often the clock has jumped since start."""
    configuration: Count = 0
    """Revision of the desired configuration it works by; 0 = as it was installed."""
    radios: list[RadioHealth] = []
    cameras: list[CameraHealth] = []
    versions: dict[str, str] = {}
    """Of mallsense, Python, the kernel and the machine's firmware."""


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
    confirms: bool = False
    """Whether it says which batches it has (`StoredBatches`). Agents then keep each until it does."""


class StoredBatches(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The gateway has these batches on disk, or has refused them for good: the agent may forget them."""

    node: NodeId
    boot: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    seqs: list[Annotated[int, Meta(ge=0)]]
    """Numbers of batches within `boot`, as they came."""


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
