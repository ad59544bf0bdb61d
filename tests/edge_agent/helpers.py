"""What the edge agent's tests share: frames built byte by byte, a scripted source, a listening gateway."""

import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from zlib import crc32

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from contracts.messages import FrameKind, ObservationBatch, decode
from edge_agent.rotation import SaltRotation
from edge_agent.sources import Heard

KEY = bytes(range(32))
ROTATION = SaltRotation("Asia/Shanghai")
T0_MS = 1_772_330_400_000  # 2026-03-01 10:00 in Shanghai
PHONE = bytes.fromhex("aabbccddee0f")
AP = bytes.fromhex("001122334455")
EVERYBODY = b"\xff" * 6
RATES = bytes.fromhex("010402040b16")


def radiotap(*, signal_dbm: int = -60, mhz: int = 2437, flags: int = 0) -> bytes:
    """Build the header most drivers give: flags, channel, signal."""
    fields = struct.pack("<BxHHb", flags, mhz, 0x00A0, signal_dbm)
    return struct.pack("<BxHI", 0, 8 + len(fields), 0x2A) + fields


def header(
    control: int,
    *,
    direction: int = 0,
    to: bytes = EVERYBODY,
    by: bytes = PHONE,
    third: bytes = EVERYBODY,
    sequence: int = 1234,
) -> bytes:
    """Build a full 802.11 header; `control` is the first byte of frame control, `direction` the second."""
    return bytes((control, direction, 0, 0)) + to + by + third + struct.pack("<H", sequence << 4)


def element(tag: int, content: bytes) -> bytes:
    """Build one information element."""
    return bytes((tag, len(content))) + content


def probe(
    *, by: bytes = PHONE, ssid: bytes = b"", more: bytes = RATES, sequence: int = 1234, signal_dbm: int = -60
) -> bytes:
    """Build a whole captured probe request."""
    body = element(0, ssid) + more
    return radiotap(signal_dbm=signal_dbm) + header(0x40, by=by, sequence=sequence) + body


def with_fcs(frame: bytes) -> bytes:
    """Add the frame check sequence to a frame without capture header."""
    return frame + crc32(frame).to_bytes(4, "little")


def pcap(
    packets: Sequence[tuple[int, bytes]], *, order: str = "<", nanoseconds: bool = False, link: int = 127
) -> bytes:
    """Build a capture file of (t_ms, packet)."""
    magic, per_ms = (0xA1B23C4D, 1_000_000) if nanoseconds else (0xA1B2C3D4, 1_000)
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262_144, link)]
    for t_ms, data in packets:
        parts += [struct.pack(f"{order}IIII", t_ms // 1000, t_ms % 1000 * per_ms, len(data), len(data)), data]
    return b"".join(parts)


def heard(
    node: str = "n1", second: int = 0, addresses: Sequence[bytes] = (PHONE,), elements: bytes = RATES
) -> Heard:
    """Build a block of one second, a probe of each address in it."""
    start_ms, count = T0_MS + second * 1000, len(addresses)
    return Heard(
        node,
        start_ms + 1000,
        frames=count,
        t_ms=[start_ms + i for i in range(count)],
        address=list(addresses),
        rssi_dbm=[-60] * count,
        channel=[6] * count,
        frame_kind=[FrameKind.PROBE] * count,
        sequence=[17] * count,
        elements=[elements] * count,
    )


@dataclass
class ScriptedSource:
    """Gives the blocks it was made with; sets `done` when all are taken."""

    given: Sequence[Heard]
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes of the blocks, in order."""
        return tuple(dict.fromkeys(block.node for block in self.given))

    def blocks(self) -> Iterator[Heard]:
        """Give them."""
        yield from self.given
        self.done.set()


class Gateway:
    """Listens to all that a mall's agents publish; a stand-in for the real one.

    With a `session` the broker keeps for it, as for a real gateway, what it has not confirmed yet.
    """

    def __init__(self, host: str, port: int, mall: str, *, session: str = "") -> None:
        self.messages: list[tuple[str, bytes]] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=session, protocol=mqtt.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(f"mallsense/v1/{mall}/#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600 if session else 0
        self._client.connect(host, port, clean_start=not session, properties=properties)

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._subscribed.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # Without this circle of references paho closes its socket as soon as nobody holds the client.
        self._client.on_message = self._client.on_connect = self._client.on_subscribe = None

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.messages.append((message.topic, bytes(message.payload)))

    def of(self, what: str) -> list[bytes]:
        """Give the payloads of the topics that end in `what`, in order."""
        return [payload for topic, payload in list(self.messages) if topic.endswith(f"/{what}")]

    @property
    def batches(self) -> list[ObservationBatch]:
        """The batches heard, in order, those delivered twice too."""
        return [decode(payload, ObservationBatch) for payload in self.of("observations")]

    @property
    def times(self) -> list[int]:
        """The distinct event times heard, sorted: the k-th observation of a test has its own time."""
        return sorted({t for batch in self.batches for t in batch.t_ms})


def write(path: Path, data: bytes) -> Path:
    """Write a file and give its path."""
    path.write_bytes(data)
    return path
