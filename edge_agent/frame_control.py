"""What a frame is, by the two bytes that every 802.11 frame starts with (IEEE 802.11, 9.2.4.1)."""

from enum import StrEnum
from typing import NamedTuple

from contracts.messages import FrameKind


class Refusal(StrEnum):
    """Why a frame is not used."""

    TRUNCATED = "truncated"
    """It ends before its header or its elements do, or is one piece of several."""
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
    """An access point, a repeater or a mesh point sent it."""
    GROUP_ADDRESS = "group_address"
    """Its sender is a group address or all zeros, which no phone has."""


class FrameType(NamedTuple):
    """What follows from frame control alone."""

    kind: FrameKind | Refusal
    header_bytes: int = 0
    """Up to where elements or content begin."""
    bssid: int = 0
    """Where the address of the access point stands."""


_FIRST_ADDRESS, _THIRD_ADDRESS = 4, 16
_SHORT_HEADER, _FULL_HEADER = 16, 24
_QOS_CONTROL, _HT_CONTROL = 2, 4
"""Bytes that follow the full header where their bits are set."""
_PS_POLL = 0xA4
_QOS_SUBTYPES = 0x08
_PROBE_REQUEST = 4
_FROM_STATIONS = frozenset({0, 2, 10, 11, 12, 13, 14})
"""(Re)association request, disassociation, (de)authentication, action with and without acknowledgement."""
_TO_DS, _FROM_DS, _MORE_FRAGMENTS, _PROTECTED, _ORDER = 0x01, 0x02, 0x04, 0x40, 0x80
"""Bits of the second byte."""


class FrameTypes(dict[int, FrameType]):
    """Frame types by their two bytes of frame control, as a little-endian number; judged when first seen."""

    def __missing__(self, control: int) -> FrameType:
        self[control] = judged = _judge(control & 0xFF, control >> 8)
        return judged


def _judge(first: int, flags: int) -> FrameType:
    """Decide by the first byte (version, type, subtype) and the flags in the second."""
    version, kind, subtype = first & 3, first >> 2 & 3, first >> 4
    if version != 0 or kind == 3:  # extension frames, of 60 GHz and sub-1-GHz networks
        return FrameType(Refusal.CORRUPT)
    if kind == 1:
        of_phone = FrameType(FrameKind.OTHER, _SHORT_HEADER, _FIRST_ADDRESS)
        return of_phone if first == _PS_POLL else FrameType(Refusal.CONTROL)
    if kind == 2:
        return _judge_data(subtype, flags)
    header_bytes = _FULL_HEADER + (_HT_CONTROL if flags & _ORDER else 0)
    return FrameType(_judge_management(subtype, flags), header_bytes, _THIRD_ADDRESS)


def _judge_data(subtype: int, flags: int) -> FrameType:
    """Count what goes up to an access point, and what stations of an ad-hoc network send each other."""
    if flags & _FROM_DS:
        return FrameType(Refusal.FROM_AP)  # down to a phone, or between repeaters with four addresses
    header_bytes = _FULL_HEADER
    if subtype & _QOS_SUBTYPES:
        header_bytes += _QOS_CONTROL + (_HT_CONTROL if flags & _ORDER else 0)
    return FrameType(FrameKind.DATA, header_bytes, _FIRST_ADDRESS if flags & _TO_DS else _THIRD_ADDRESS)


def _judge_management(subtype: int, flags: int) -> FrameKind | Refusal:
    if flags & (_TO_DS | _FROM_DS):
        return Refusal.CORRUPT  # both are always 0 here
    if subtype != _PROBE_REQUEST:
        return FrameKind.OTHER if subtype in _FROM_STATIONS else Refusal.FROM_AP
    if flags & _PROTECTED:
        return Refusal.CORRUPT  # it goes to everybody, so it cannot be encrypted
    return Refusal.TRUNCATED if flags & _MORE_FRAGMENTS else FrameKind.PROBE
