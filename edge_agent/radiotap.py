"""The radiotap header in front of a captured frame (radiotap.org), as far as a node needs it.

Where a field lies follows from the `present` words alone, so the plan for each combination of them is made
once and remembered; only headers with vendor fields, whose length is in the data, are walked every time.
"""

from itertools import pairwise
from typing import NamedTuple

TSFT, FLAGS, CHANNEL, SIGNAL = 0, 1, 3, 5
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
    24: (2, 8),  # HE-MU
    25: (2, 6),  # HE-MU, other user
    26: (1, 1),  # zero-length PSDU
    27: (2, 4),  # L-SIG
}
_RADIOTAP_NAMESPACE, _VENDOR_NAMESPACE, _MORE_WORDS = 29, 30, 31
_FIRST_NAMESPACE_BIT = _RADIOTAP_NAMESPACE
_WORD = 4
_FIRST_WORD = 4
_REMEMBERED = 1024


class Radiotap(NamedTuple):
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


class _Plan(NamedTuple):
    """Where the fields lie, from the start of the header; 0 = not there."""

    end: int
    """The header is at least this long."""
    tsft: int
    flags: int
    channel: int
    signals: tuple[int, ...]
    """The first is the receiver's own, where the first word has one."""
    own_signal: bool
    fixed: bool
    """The same for every header with these words."""


_plans: dict[bytes, _Plan] = {}


def read_radiotap(packet: bytes) -> Radiotap | None:
    """Read the header that `packet` starts with; None where it is cut short or contradicts itself."""
    if len(packet) < _FIRST_WORD + _WORD or packet[0] != 0:
        return None
    length = packet[2] | packet[3] << 8
    key = packet[4:8] if packet[7] < 0x80 else _words(packet)  # no more words follow
    plan = _plans.get(key) or _make_plan(packet, key)
    if plan is None or not (plan.end <= length <= len(packet)):
        return None
    _, tsft, flags, channel, signals, own_signal, _ = plan
    signal: int | None = None
    if signals:
        if own_signal or len(signals) == 1:
            signal = (packet[signals[0]] ^ 0x80) - 0x80
        else:
            signal = max((packet[at] ^ 0x80) - 0x80 for at in signals)
    return Radiotap(
        length,
        packet[flags] if flags else 0,
        packet[channel] | packet[channel + 1] << 8 if channel else 0,
        signal,
        int.from_bytes(packet[tsft : tsft + 8], "little") if tsft else None,
    )


def _words(packet: bytes) -> bytes:
    """Give all `present` words; empty where they do not end inside the packet."""
    at = _FIRST_WORD
    while at + _WORD <= len(packet):
        if packet[at + 3] < 0x80:  # no more words follow
            return packet[_FIRST_WORD : at + _WORD]
        at += _WORD
    return b""


def _make_plan(packet: bytes, words: bytes) -> _Plan | None:
    if not words:
        return None
    plan = _walk(
        packet, [int.from_bytes(words[i : i + _WORD], "little") for i in range(0, len(words), _WORD)]
    )
    if plan is not None and plan.fixed:
        if len(_plans) >= _REMEMBERED:
            _plans.clear()
        _plans[words] = plan
    return plan


def _walk(packet: bytes, words: list[int]) -> _Plan | None:
    """Lay the fields out, word by word, as far as their sizes are known."""
    at = _FIRST_WORD + _WORD * len(words)
    found: dict[int, int] = {}
    signals: list[int] = []
    fixed, own_signal, vendor = True, False, False
    for number, (before, word) in enumerate(pairwise([1 << _RADIOTAP_NAMESPACE, *words])):
        if not before >> _RADIOTAP_NAMESPACE & 3 and number:
            break  # fields 32 and above of a namespace: none is defined, so their sizes are unknown
        if before >> _VENDOR_NAMESPACE & 1:
            at += at & 1
            if at + 6 > len(packet):
                return None
            at += 6 + (packet[at + 4] | packet[at + 5] << 8)
            fixed, vendor = False, True
        if before >> _RADIOTAP_NAMESPACE & 1:
            vendor = False
        if vendor:
            continue  # its fields were skipped as a whole
        laid_out, at = _lay_out(word, at)
        if SIGNAL in laid_out:
            own_signal |= number == 0
            signals.append(laid_out[SIGNAL])
        found = {**laid_out, **found}
        if word & ((1 << _FIRST_NAMESPACE_BIT) - 1) >> len(_FIELDS) << len(_FIELDS):
            break  # a field of unknown size: what follows cannot be found
    return _Plan(
        at, found.get(TSFT, 0), found.get(FLAGS, 0), found.get(CHANNEL, 0), tuple(signals), own_signal, fixed
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
