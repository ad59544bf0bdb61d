"""The parser of captured frames: radiotap and 802.11, one walk over the bytes, for the frames phones send.

It never raises: what cannot be used is refused with the cause. That a frame ends with an FCS is found out by
computing it, since some drivers leave it in place without saying so (openwrt/mt76#1086).
"""

from enum import StrEnum
from typing import NamedTuple
from zlib import crc32

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


class Frame(NamedTuple):
    """A frame that a phone has sent, as far as a node uses it. Holds a raw address: never log or store it."""

    address: bytes
    """Transmitter address, 6 bytes."""
    rssi_dbm: int
    channel: int
    """802.11 channel number; 0 = not known."""
    kind: FrameKind
    sequence: int
    """-1 where this kind of frame has none."""
    elements: bytes
    """What its elements say of the model; see `edge_agent.elements`."""
    tsft_us: int | None
    """Clock of the adapter that heard it."""


_SHORTEST = 16
"""Bytes up to the end of the transmitter's address."""
_FULL_HEADER = 24
_HT_CONTROL = 4
"""Follows the header of a management frame whose order bit is set."""
_NOBODY = bytes(6)
_DIRECTION = 3
"""The ToDS and FromDS bits in the second byte of frame control."""
_TO_DS = 1
_PS_POLL = 0xA4
_PROBE_REQUEST = 4
_FROM_STATIONS = frozenset({0, 2, 10, 11, 12, 13, 14})
"""(Re)association request, disassociation, (de)authentication, action with and without acknowledgement."""


def _judge(frame_control: int, direction: int) -> FrameKind | Refusal:
    """Decide by the first byte of frame control and the ToDS and FromDS bits of the second."""
    version, kind, subtype = frame_control & 3, frame_control >> 2 & 3, frame_control >> 4
    if version != 0 or kind == 3:  # extension frames, of 60 GHz and sub-1-GHz networks
        return Refusal.CORRUPT
    if kind == 1:
        return FrameKind.OTHER if frame_control == _PS_POLL else Refusal.CONTROL
    if kind == 2:  # data
        return FrameKind.DATA if direction in (0, _TO_DS) else Refusal.FROM_AP
    if direction != 0:
        return Refusal.CORRUPT  # the two bits are always 0 in a management frame
    if subtype == _PROBE_REQUEST:
        return FrameKind.PROBE
    return FrameKind.OTHER if subtype in _FROM_STATIONS else Refusal.FROM_AP


_VERDICTS = tuple(_judge(index & 0xFF, index >> 8) for index in range(4 << 8))


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
    verdict = _VERDICTS[packet[at] | (packet[at + 1] & _DIRECTION) << 8]
    if isinstance(verdict, Refusal):
        return verdict
    if radiotap.signal_dbm is None:
        return Refusal.NO_SIGNAL
    end = len(packet) if cut else _end(packet, at, radiotap.flags, check=check_fcs)
    if end == 0 or radiotap.flags & FLAG_BAD_FCS:
        return Refusal.BAD_FCS
    address = packet[at + 10 : at + 16]
    if address[0] & 1 or address == _NOBODY:
        return Refusal.GROUP_ADDRESS
    body = (-1, b"") if packet[at] == _PS_POLL else _body(packet, at, end, verdict, cut=cut)
    if isinstance(body, Refusal):
        return body
    return Frame(
        address,
        radiotap.signal_dbm,
        CHANNELS.get(radiotap.frequency_mhz, 0),
        verdict,
        *body,
        radiotap.tsft_us,
    )


def _end(packet: bytes, at: int, flags: int, *, check: bool) -> int:
    """Find where the frame ends without its FCS; 0 where the FCS shows damage."""
    end = len(packet)
    if flags & FLAG_PADDED or (not check and flags & FLAG_FCS_INCLUDED):
        return end - 4 if flags & FLAG_FCS_INCLUDED else end  # an FCS is computed without the padding
    if crc32(packet[at : end - 4]) == int.from_bytes(packet[end - 4 :], "little"):
        return end - 4
    return 0 if flags & FLAG_FCS_INCLUDED else end


def _body(packet: bytes, at: int, end: int, kind: FrameKind, *, cut: bool) -> tuple[int, bytes] | Refusal:
    """Read sequence number and elements of a frame with a full header."""
    if end - at < _FULL_HEADER:
        return Refusal.TRUNCATED
    sequence = packet[at + 22] >> 4 | packet[at + 23] << 4
    if kind is not FrameKind.PROBE:
        # Where its sender is the BSSID, the access point itself sent it.
        return (
            Refusal.FROM_AP if packet[at + 10 : at + 22] == packet[at + 16 : at + 22] * 2 else (sequence, b"")
        )
    if cut:
        return Refusal.TRUNCATED
    start = at + _FULL_HEADER + (packet[at + 1] >> 7) * _HT_CONTROL
    elements = model_elements(packet[start:end])
    return Refusal.CORRUPT if elements is None else (sequence, elements)
