"""What scapy says of a captured frame, in the parser's terms: an oracle that shares no parsing with it.

Deliberate differences: scapy takes HT control for elements (`can_read` says no), and it reads some elements
as long as they usually are, not as long as they say. Of a frame that has one of another length, those up to
there are compared; so they are where scapy gives up.
"""

from collections.abc import Iterator
from zlib import crc32

from msgspec.structs import replace
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
    radiotap = _dissected(packet)
    if radiotap.getlayer(Dot11) is None:
        return Refusal.TRUNCATED
    frame = radiotap[Dot11]
    verdict = _verdict(frame)
    if isinstance(verdict, Refusal):
        return verdict
    if radiotap.dBm_AntSignal is None:
        return Refusal.NO_SIGNAL
    flags = radiotap.Flags
    unproven = flags is not None and flags.FCS and not flags.pad and not _has_fcs(packet, radiotap)
    if unproven or (flags is not None and flags.badFCS):
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


def _dissected(packet: bytes) -> RadioTap:
    """Let scapy dissect it, without an FCS that the radio header does not announce."""
    radiotap = RadioTap(packet)
    announced = radiotap.Flags is not None and radiotap.Flags.FCS
    return RadioTap(packet[:-4]) if not announced and _has_fcs(packet, radiotap) else radiotap


def _has_fcs(packet: bytes, radiotap: RadioTap) -> bool:
    whole = packet[radiotap.len :]
    return crc32(whole[:-4]) == int.from_bytes(whole[-4:], "little")


_READABLE = sum(1 << bit for bit in (0, 1, 2, 3, *range(5, 18)))
"""Scapy takes FHSS (4) for one byte, misreads the newer fields from 18 on, and further words."""


def can_read(packet: bytes) -> bool:
    """Tell whether scapy knows all fields of the radio header, and no HT control follows the frame's own."""
    order = packet[(packet[2] | packet[3] << 8) + 1] & 0x80
    return not order and not int.from_bytes(packet[4:8], "little") & ~_READABLE


def agrees(packet: bytes, ours: Frame | Refusal) -> bool:
    """Tell whether every field is the same, or both refuse."""
    theirs = expected(packet)
    if isinstance(theirs, Refusal) or isinstance(ours, Refusal):
        return isinstance(theirs, Refusal) and isinstance(ours, Refusal)
    if theirs == ours:
        return True
    in_doubt = theirs.kind is FrameKind.PROBE and _misread(_dissected(packet)[Dot11])
    start = replace(ours, elements=ours.elements[: len(theirs.elements)])
    return in_doubt and start == theirs


def _misread(frame: Dot11) -> bool:
    last = list(_layers(frame))[-1:]
    return any(not _read_whole(layer) or bool(layer.payload) for layer in last)


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
    for layer in _layers(frame):
        if _read_whole(layer):
            yield layer.ID, layer.original[2 : 2 + layer.len]


def _layers(frame: Dot11) -> Iterator[Dot11Elt]:
    """Give the elements up to the first that scapy does not read as long as it is, with that."""
    layer = frame.getlayer(Dot11Elt)
    while isinstance(layer, Dot11Elt):
        yield layer
        layer = layer.payload if _read_whole(layer) else None


def _read_whole(layer: Dot11Elt) -> bool:
    read = len(layer.original) - len(getattr(layer.payload, "original", b"") or b"")
    return layer.len is not None and read == 2 + layer.len


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
