"""The parser of captured frames: radiotap and 802.11, one walk over the bytes, for the frames phones send.

It never raises: what cannot be used is refused with the cause. That a frame ends with an FCS is found out by
computing it, since some drivers leave it in place without saying so (openwrt/mt76#1086).
"""

from zlib import crc32

from msgspec import Struct

from contracts.messages import FrameKind
from edge_agent.elements import model_elements
from edge_agent.frame_control import FrameTypes, Refusal
from edge_agent.radiotap import CHANNELS, FLAG_BAD_FCS, FLAG_FCS_INCLUDED, FLAG_PADDED, read_radiotap

__all__ = ["Frame", "Refusal", "parse_frame"]


class Frame(Struct, frozen=True, gc=False):
    """A frame that a phone has sent, as far as a node uses it. Holds a raw address: never log or store it."""

    address: bytes
    """Transmitter address, 6 bytes."""
    rssi_dbm: int
    channel: int
    """802.11 channel number; 0 = not known."""
    kind: FrameKind
    sequence: int
    """-1 where this kind of frame has none; a frame that is sent again keeps its number."""
    elements: bytes
    """What its elements say of the model; see `edge_agent.elements`."""
    tsft_us: int | None
    """Clock of the adapter that heard it."""


_SHORTEST = 10
"""Bytes of an acknowledgement, the shortest frame there is."""
_NUMBERED = 24
"""Bytes of the shortest header that has a sequence number."""
_FCS_BYTES = 4
_FCS_RESIDUE = 0x2144DF1C
"""What CRC-32 gives of any whole frame with its FCS."""
_NOBODY = bytes(6)

_types = FrameTypes()


def parse_frame(  # noqa: C901, PLR0911  # one branch a cause
    packet: bytes, *, cut: bool = False, check_fcs: bool = True
) -> Frame | Refusal:
    """Read a captured frame with its radiotap header.

    `cut` says that the capture kept only the start of the frame (its snapshot length): then there is no FCS
    to check, and a probe request is refused, since its elements are not all there. Without `check_fcs` only
    what the adapter itself says of damage counts: who anonymises a capture leaves an FCS that does not fit.
    """
    radiotap = read_radiotap(packet)
    if radiotap is None:
        return Refusal.BAD_RADIOTAP
    at = radiotap.length
    if len(packet) - at < _SHORTEST:
        return Refusal.TRUNCATED
    kind, header_bytes, bssid = _types[packet[at] | packet[at + 1] << 8]
    if isinstance(kind, Refusal):
        return kind
    signal_dbm = radiotap.signal_dbm
    if signal_dbm is None:
        return Refusal.NO_SIGNAL
    end = _end(packet, at, radiotap.flags, kind, cut=cut, check=check_fcs)
    if end == 0:
        return Refusal.BAD_FCS
    start = at + header_bytes
    if end < start:
        return Refusal.TRUNCATED
    address = packet[at + 10 : at + 16]
    if address[0] & 1 or address == _NOBODY:
        return Refusal.GROUP_ADDRESS
    if kind is FrameKind.PROBE:
        elements = _elements(packet, at, start, end, cut=cut)
        if isinstance(elements, Refusal):
            return elements
    elif packet[at + bssid : at + bssid + 6] == address:
        return Refusal.FROM_AP
    else:
        elements = b""
    sequence = packet[at + 22] >> 4 | packet[at + 23] << 4 if header_bytes >= _NUMBERED else -1
    channel = CHANNELS.get(radiotap.frequency_mhz, 0)
    return Frame(address, signal_dbm, channel, kind, sequence, elements, radiotap.tsft_us)


def _end(packet: bytes, at: int, flags: int, kind: FrameKind, *, cut: bool, check: bool) -> int:
    """Find where the frame ends without its FCS; 0 where there is damage.

    An FCS that nobody announces is looked for in probe requests alone: others are not read to their end.
    """
    end = len(packet)
    if flags & FLAG_BAD_FCS:
        return 0
    if cut or not (flags & FLAG_FCS_INCLUDED or kind is FrameKind.PROBE):
        return end
    if crc32(packet[at:]) == _FCS_RESIDUE:
        return end - _FCS_BYTES
    if not flags & FLAG_FCS_INCLUDED:
        return end
    return end - _FCS_BYTES if flags & FLAG_PADDED or not check else 0  # computed before it was padded


def _elements(packet: bytes, at: int, start: int, end: int, *, cut: bool) -> bytes | Refusal:
    fragment = packet[at + 22] & 0x0F
    if cut or fragment:
        return Refusal.TRUNCATED
    elements = model_elements(packet[start:end])
    return Refusal.CORRUPT if elements is None else elements
