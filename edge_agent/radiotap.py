"""The radiotap header in front of a captured frame (radiotap.org), as far as a node needs it.

Where a field lies follows from the `present` words alone, so the plan for each combination of them is made
once and remembered; only headers with vendor fields, whose length is in the data, are walked every time.
"""

from struct import Struct as Binary
from typing import NamedTuple

from msgspec import Struct

TSFT, FLAGS, CHANNEL, SIGNAL, NO_FRAME = 0, 1, 3, 5, 26
FLAG_FCS_INCLUDED = 0x10
FLAG_PADDED = 0x20
"""Bytes between 802.11 header and payload; they are not part of what the FCS was computed over."""
FLAG_BAD_FCS = 0x40

# Alignment and size in bytes by bit number; a bit without an entry has an unknown size.
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
_WORD = 4
_FIRST_WORD = 4
_ONE_WORD = _FIRST_WORD + _WORD
_read_word = Binary("<I")
_read_tsft = Binary("<Q").unpack_from
_REMEMBERED = 1024


class Radiotap(Struct, frozen=True, gc=False):
    """What a radiotap header says; None where it does not say."""

    length: int
    """Bytes of the header; the frame starts behind it."""
    flags: int
    frequency_mhz: int
    """0 where it does not say."""
    signal_dbm: int | None
    """The receiver's own value where there is one, else that of the antenna that heard best."""
    tsft_us: int | None
    """The adapter's own clock."""


class _Layout(NamedTuple):
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


_layouts: dict[bytes, _Layout] = {}
"""By all that decides the layout: version, length and `present` words."""


def read_radiotap(packet: bytes) -> Radiotap | None:
    """Read the header that `packet` starts with; None where it is cut short or contradicts itself."""
    layout = _layouts.get(packet[:_ONE_WORD]) or _find_layout(packet)
    if layout is None:
        return None
    length, tsft, flags, frequency, frequency_upper, signal, more_signals = layout
    if length > len(packet):
        return None
    signal_dbm = (packet[signal] ^ 0x80) - 0x80
    for more in more_signals:
        signal_dbm = max(signal_dbm, (packet[more] ^ 0x80) - 0x80)
    return Radiotap(
        length,
        packet[flags],
        packet[frequency] | packet[frequency_upper] << 8,
        signal_dbm if signal else None,
        _read_tsft(packet, tsft)[0] if tsft else None,
    )


def _find_layout(packet: bytes) -> _Layout | None:
    """Look at all `present` words; None where they or the fields do not fit into the header."""
    key = _up_to_fields(packet)
    layout = _layouts.get(key)
    if layout is None and key and key[0] == 0:
        layout, fixed = _lay_out_all(packet, key)
        if layout is not None and fixed:
            if len(_layouts) >= _REMEMBERED:
                _layouts.clear()
            _layouts[key] = layout
    return layout


def _up_to_fields(packet: bytes) -> bytes:
    """Give the header's start with all `present` words; empty where they do not end inside the packet."""
    for at in range(_ONE_WORD, len(packet) + 1, _WORD):
        if packet[at - 1] < 0x80:  # no more words follow
            return packet[:at]
    return b""


def _lay_out_all(packet: bytes, start: bytes) -> tuple[_Layout | None, bool]:
    """Lay the fields out, word by word, as far as their sizes are known.

    Tells also whether the layout is the same for every header that starts like this: one with vendor fields
    has their length in the data.
    """
    length = start[2] | start[3] << 8
    words = [word for (word,) in _read_word.iter_unpack(start[_FIRST_WORD:])]
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
    silent = any(NO_FRAME in laid_out for laid_out in places)
    if at > length or (silent and len(packet) > length):
        return None, False
    return _layout(length, places), fixed and not silent


def _behind_vendor(packet: bytes, at: int) -> int:
    """Jump over all that a vendor has written: OUI, kind, length, and so many bytes."""
    at += at & 1
    return at + 6 + int.from_bytes(packet[at + 4 : at + 6], "little")


def _layout(length: int, places: list[dict[int, int]]) -> _Layout:
    first: dict[int, int] = {}
    for laid_out in reversed(places):
        first |= laid_out
    signals = [laid_out[SIGNAL] for laid_out in places if SIGNAL in laid_out]
    frequency = first.get(CHANNEL, 0)
    return _Layout(
        length,
        first.get(TSFT, 0),
        first.get(FLAGS, 0),
        frequency,
        frequency + 1 if frequency else 0,
        first.get(SIGNAL, 0),
        () if SIGNAL in places[0] else tuple(signals[1:]),
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


def channel_of(frequency_mhz: int) -> int:
    """Give the IEEE 802.11 channel number of a centre frequency; 0 where it is none."""
    bands = ((2412, 2472, 2407), (4910, 4980, 4000), (5005, 5925, 5000), (5955, 7115, 5950))
    if frequency_mhz == 2484:  # the one that is out of line
        return 14
    for first, last, zero in bands:
        if first <= frequency_mhz <= last and (frequency_mhz - zero) % 5 == 0:
            return (frequency_mhz - zero) // 5
    return 0


CHANNELS = {mhz: channel_of(mhz) for mhz in range(2412, 7116)}
"""`channel_of` as a table, for the hot path."""
