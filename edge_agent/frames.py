"""The parser of captured frames: radiotap and 802.11, one walk over the bytes, for the frames phones send.

It never raises: what cannot be used is refused with the cause. That a frame ends with an FCS is found out by
computing it, since some drivers leave it in place without saying so (openwrt/mt76#1086).
"""

from enum import StrEnum
from zlib import crc32

from msgspec import Struct

from contracts.messages import FrameKind
from edge_agent.elements import model_elements
from edge_agent.radiotap import CHANNELS, FLAG_BAD_FCS, FLAG_FCS_INCLUDED, FLAG_PADDED, read_radiotap


class Refusal(StrEnum):
    """Why a frame is not used."""

    TRUNCATED = "truncated"
    """It ends before its header or its elements do."""
    BAD_RADIOTAP = "bad_radiotap"
    """The capture header is cut short or contradicts itself."""
    NO_SIGNAL = "no_signal"
    """The capture header gives no signal strength in dBm."""
    BAD_FCS = "bad_fcs"
    """It was damaged on the air."""
    CORRUPT = "corrupt"
    """It is no frame of a known protocol version, or its elements do not fit."""
    CONTROL = "control"
    """A control frame other than PS-Poll: unnumbered, often without a sender."""
    FROM_AP = "from_ap"
    """An access point sent it."""
    GROUP_ADDRESS = "group_address"
    """Its sender is a group address or all zeros, which no phone has."""


class Frame(Struct, frozen=True, gc=False):
    """A frame that a phone has sent, as far as a node uses it. Holds a raw address: never log or store it."""

    address: bytes
    """Transmitter address, 6 bytes."""
    rssi_dbm: int
    channel: int
    """802.11 channel number; 0 = not known."""
    kind: FrameKind
    sequence: int
    """-1 where this kind of frame has none. A repeated frame has that of the first; both count."""
    elements: bytes
    """What its elements say of the model; see `edge_agent.elements`."""
    tsft_us: int | None
    """Clock of the adapter that heard it."""


_SHORTEST = 16
"""Bytes up to the end of the transmitter's address."""
_FULL_HEADER = 24
_HT_CONTROL = 4
"""Bytes that follow the header of a management frame whose order bit is set."""
_FCS_BYTES = 4
_FCS_RESIDUE = 0x2144DF1C
"""What CRC-32 gives of any whole frame with its FCS."""
_NOBODY = bytes(6)
_PS_POLL = 0xA4
_PROBE_REQUEST = 4
_FROM_STATIONS = frozenset({0, 2, 10, 11, 12, 13, 14})
"""(Re)association request, disassociation, (de)authentication, action with and without acknowledgement."""
_TO_DS, _FROM_DS, _MORE_FRAGMENTS, _PROTECTED, _ORDER = 0x01, 0x02, 0x04, 0x40, 0x80
"""Bits of the second byte of frame control."""


class _Verdicts(dict[int, FrameKind | Refusal]):
    """What a frame is, by its two bytes of frame control; judged when first seen."""

    def __missing__(self, control: int) -> FrameKind | Refusal:
        self[control] = verdict = _judge(control & 0xFF, control >> 8)
        return verdict


_verdicts = _Verdicts()


def _judge(control: int, flags: int) -> FrameKind | Refusal:
    """Decide by the first byte of frame control (version, type, subtype) and the flags in the second."""
    version, kind = control & 3, control >> 2 & 3
    if version != 0 or kind == 3:  # extension frames, of 60 GHz and sub-1-GHz networks
        return Refusal.CORRUPT
    if kind == 1:
        return FrameKind.OTHER if control == _PS_POLL else Refusal.CONTROL
    if kind == 2:  # data
        return Refusal.FROM_AP if flags & _FROM_DS else FrameKind.DATA
    return _judge_management(control >> 4, flags)


def _judge_management(subtype: int, flags: int) -> FrameKind | Refusal:
    if flags & (_TO_DS | _FROM_DS):
        return Refusal.CORRUPT  # both are always 0 here
    if subtype != _PROBE_REQUEST:
        return FrameKind.OTHER if subtype in _FROM_STATIONS else Refusal.FROM_AP
    if flags & _PROTECTED:
        return Refusal.CORRUPT  # it goes to everybody, so it cannot be encrypted
    return Refusal.TRUNCATED if flags & _MORE_FRAGMENTS else FrameKind.PROBE


def parse_frame(  # noqa: PLR0911  # one a cause
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
    kind = _verdicts[packet[at] | packet[at + 1] << 8]
    if isinstance(kind, Refusal):
        return kind
    signal_dbm, flags = radiotap.signal_dbm, radiotap.flags
    if signal_dbm is None:
        return Refusal.NO_SIGNAL
    if flags & FLAG_BAD_FCS:
        return Refusal.BAD_FCS
    end = len(packet)
    if not cut and (flags & FLAG_FCS_INCLUDED or kind is FrameKind.PROBE):
        end = _end(packet, at, flags, check=check_fcs)
        if end == 0:
            return Refusal.BAD_FCS
    address = packet[at + 10 : at + 16]
    if address[0] & 1 or address == _NOBODY:
        return Refusal.GROUP_ADDRESS
    body = (-1, b"") if packet[at] == _PS_POLL else _body(packet, at, end, kind, cut=cut)
    if isinstance(body, Refusal):
        return body
    sequence, elements = body
    channel = CHANNELS.get(radiotap.frequency_mhz, 0)
    return Frame(address, signal_dbm, channel, kind, sequence, elements, radiotap.tsft_us)


def _end(packet: bytes, at: int, flags: int, *, check: bool) -> int:
    """Find where the frame ends without its FCS; 0 where the FCS shows damage."""
    end = len(packet)
    if flags & FLAG_PADDED or (not check and flags & FLAG_FCS_INCLUDED):
        return end - _FCS_BYTES if flags & FLAG_FCS_INCLUDED else end  # it is computed without the padding
    if crc32(packet[at:]) == _FCS_RESIDUE:
        return end - _FCS_BYTES
    return 0 if flags & FLAG_FCS_INCLUDED else end


def _body(packet: bytes, at: int, end: int, kind: FrameKind, *, cut: bool) -> tuple[int, bytes] | Refusal:
    """Read sequence number and elements of a frame with a full header."""
    start = at + _FULL_HEADER
    if end < start:
        return Refusal.TRUNCATED
    flags, fragment = packet[at + 1], packet[at + 22] & 0x0F
    sequence = packet[at + 22] >> 4 | packet[at + 23] << 4
    if kind is not FrameKind.PROBE:
        bssid = at + 4 if flags & _TO_DS else at + 16
        from_ap = packet[at + 10 : at + 16] == packet[bssid : bssid + 6]
        return Refusal.FROM_AP if from_ap else (sequence, b"")
    if flags & _ORDER:
        start += _HT_CONTROL
    if cut or fragment or end < start:
        return Refusal.TRUNCATED
    elements = model_elements(packet[start:end])
    return Refusal.CORRUPT if elements is None else (sequence, elements)
