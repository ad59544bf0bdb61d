"""What scapy says of a captured frame, in the parser's terms: an oracle that shares no parsing with it."""

from collections.abc import Iterator
from zlib import crc32

from scapy.layers.dot11 import Dot11, Dot11Elt, RadioTap

from contracts.messages import FrameKind
from edge_agent.elements import _PRESENCE_ALONE, _STABLE, _STABLE_EXTENSIONS
from edge_agent.frames import Frame, Refusal
from edge_agent.radiotap import channel_of

KINDS = {(0, 4): FrameKind.PROBE, (1, 10): FrameKind.OTHER} | {
    (0, subtype): FrameKind.OTHER for subtype in (0, 2, 10, 11, 12, 13, 14)
}


def expected(packet: bytes) -> Frame | Refusal:  # noqa: PLR0911  # one a cause
    """Parse with scapy; raises nothing that scapy does not raise."""
    radiotap = RadioTap(packet)
    if radiotap.getlayer(Dot11) is None:
        return Refusal.TRUNCATED
    frame = radiotap[Dot11]
    verdict = _verdict(frame)
    if isinstance(verdict, Refusal):
        return verdict
    if radiotap.dBm_AntSignal is None:
        return Refusal.NO_SIGNAL
    whole = packet[radiotap.len :]
    checked = crc32(whole[:-4]) == int.from_bytes(whole[-4:], "little")
    if radiotap.Flags is not None and (radiotap.Flags.badFCS or (radiotap.Flags.FCS and not checked)):
        return Refusal.BAD_FCS
    address = bytes.fromhex(frame.addr2.replace(":", ""))
    if address[0] & 1 or not any(address):
        return Refusal.GROUP_ADDRESS
    bssid = frame.addr1 if frame.type == 1 or frame.FCfield.to_DS else frame.addr3
    if verdict is not FrameKind.PROBE and frame.addr2 == bssid:
        return Refusal.FROM_AP
    return Frame(
        address,
        radiotap.dBm_AntSignal,
        channel_of(radiotap.ChannelFrequency or 0),
        verdict,
        -1 if frame.type == 1 else frame.SC >> 4,
        _canonical(frame) if verdict is FrameKind.PROBE else b"",
        radiotap.mac_timestamp,
    )


def _verdict(frame: Dot11) -> FrameKind | Refusal:
    if frame.proto != 0 or frame.type == 3:
        return Refusal.CORRUPT
    if frame.type == 2:
        return Refusal.FROM_AP if frame.FCfield.from_DS else FrameKind.DATA
    unknown = Refusal.CONTROL if frame.type == 1 else Refusal.FROM_AP
    return KINDS.get((frame.type, frame.subtype), unknown)


def _canonical(frame: Dot11) -> bytes:
    return b"".join(kept(tag, content) for tag, content in _elements(frame))


def _elements(frame: Dot11) -> Iterator[tuple[int, bytes]]:
    layer = frame.getlayer(Dot11Elt)
    while isinstance(layer, Dot11Elt):
        yield layer.ID, layer.original[2 : 2 + layer.len]
        layer = layer.payload


def kept(tag: int, content: bytes) -> bytes:
    """Give what of an element is kept, written down once more."""
    whole = bytes((tag, len(content))) + content
    if tag in _STABLE:
        return whole
    if tag == 255:
        return whole if content and content[0] in _STABLE_EXTENSIONS else whole[:3]
    if tag == 221:
        return whole[:6] if content[:4] in _PRESENCE_ALONE else whole
    return whole[:1]
