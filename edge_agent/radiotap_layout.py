"""Where the fields of a radiotap header lie: the rules of radiotap.org on order, alignment and namespaces."""

from struct import Struct
from typing import NamedTuple

FIRST_WORD = 4
"""Where the `present` words begin."""
_TSFT, _FLAGS, _CHANNEL, _SIGNAL, _NO_FRAME = 0, 1, 3, 5, 26

# Alignment and size in bytes by bit number.
_FIELDS = {
    0: (8, 8),  # TSFT
    1: (1, 1),  # flags
    2: (1, 1),  # rate
    3: (2, 4),  # channel: frequency in MHz, flags
    4: (2, 2),  # FHSS
    5: (1, 1),  # signal at the antenna, dBm
    6: (1, 1),  # noise at the antenna, dBm
    7: (2, 2),  # lock quality
    8: (2, 2),  # TX attenuation
    9: (2, 2),  # TX attenuation, dB
    10: (1, 1),  # TX power, dBm
    11: (1, 1),  # antenna
    12: (1, 1),  # signal at the antenna, dB
    13: (1, 1),  # noise at the antenna, dB
    14: (2, 2),  # RX flags
    15: (2, 2),  # TX flags
    16: (1, 1),  # RTS retries
    17: (1, 1),  # data retries
    18: (4, 8),  # XChannel
    19: (1, 3),  # MCS
    20: (4, 8),  # A-MPDU status
    21: (2, 12),  # VHT
    22: (8, 12),  # timestamp
    23: (2, 12),  # HE
    24: (2, 12),  # HE-MU
    25: (2, 6),  # HE-MU, other user
    26: (1, 1),  # zero-length PSDU: nothing but its presence on the air was captured
    27: (2, 4),  # L-SIG
}
_STANDARD_NEXT, _VENDOR_NEXT, _MORE_WORDS = 1 << 29, 1 << 30, 1 << 31
"""Whose fields the next word tells of, and whether there is one."""
_TLVS = 1 << 28
"""Behind the fields come others with type and length; no word may follow."""
_CONTRADICTIONS = (_STANDARD_NEXT | _VENDOR_NEXT, _TLVS | _MORE_WORDS)
_ALL_FIELDS = _STANDARD_NEXT - 1
_read_word = Struct("<I")


class Layout(NamedTuple):
    """Where the fields lie, from the start of the header; 0 = not there.

    Byte 0 is the version, which is 0: flags and frequency that are not there can be read like others.
    """

    length: int
    tsft: int
    flags: int
    frequency: int
    """Its lower byte."""
    frequency_upper: int
    signal: int
    """The receiver's own, or that of the first antenna."""
    more_signals: tuple[int, ...]
    """Those of more antennas; empty where the receiver gives its own."""


def lay_out_all(packet: bytes, start: bytes) -> tuple[Layout | None, bool]:
    """Lay the fields out, word by word, as far as their sizes are known; None where the header is wrong.

    `start` is the header up to the end of its `present` words. Tells also whether the layout is the same for
    every header that starts like this: one with vendor fields has their length in the data.
    """
    length = start[2] | start[3] << 8
    words = [word for (word,) in _read_word.iter_unpack(start[FIRST_WORD:])]
    if any(word & pair == pair for word in words for pair in _CONTRADICTIONS):
        return None, False
    at = len(start)
    places: list[dict[int, int]] = []
    standard, vendor, fixed = True, False, True
    for word in words:
        if standard:
            laid_out, at = _lay_out(word, at)
            places.append(laid_out)
            if word & _TLVS:
                break  # fields of a newer kind follow, of which none is needed here
        elif word & _ALL_FIELDS and not vendor:
            break  # fields 32 and above of a namespace: none is defined, so their sizes are unknown
        standard = bool(word & _STANDARD_NEXT)
        vendor = not standard and (vendor or bool(word & _VENDOR_NEXT))
        if word & _VENDOR_NEXT:
            at, fixed = _behind_vendor(packet, at), False
    silent = any(_NO_FRAME in laid_out for laid_out in places)
    if at > length or (silent and len(packet) > length):
        return None, False
    return _layout(length, places), fixed and not silent


def _behind_vendor(packet: bytes, at: int) -> int:
    """Jump over all that a vendor has written: OUI, kind, length, and so many bytes."""
    at += at & 1
    return at + 6 + int.from_bytes(packet[at + 4 : at + 6], "little")


def _layout(length: int, places: list[dict[int, int]]) -> Layout:
    first: dict[int, int] = {}
    for laid_out in reversed(places):
        first |= laid_out
    signals = [laid_out[_SIGNAL] for laid_out in places if _SIGNAL in laid_out]
    frequency = first.get(_CHANNEL, 0)
    return Layout(
        length,
        first.get(_TSFT, 0),
        first.get(_FLAGS, 0),
        frequency,
        frequency + 1 if frequency else 0,
        first.get(_SIGNAL, 0),
        () if _SIGNAL in places[0] else tuple(signals[1:]),
    )


def _lay_out(word: int, at: int) -> tuple[dict[int, int], int]:
    """Give the place of each field of a word whose size is known, and where the last one ends."""
    places = {}
    for bit, (alignment, size) in _FIELDS.items():
        if word >> bit & 1:
            at += -at % alignment
            places[bit] = at
            at += size
    return places, at
