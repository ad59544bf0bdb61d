"""The radiotap header in front of a captured frame (radiotap.org), as far as a node needs it.

Where a field lies follows from the header's start alone, so each layout is worked out once and remembered;
only headers with vendor fields, whose length is in the data, are laid out every time.
"""

from struct import Struct as Binary

from msgspec import Struct

from edge_agent.radiotap_layout import FIRST_WORD, Layout, lay_out_all

FLAG_FCS_INCLUDED = 0x10
FLAG_PADDED = 0x20
"""Bytes between 802.11 header and payload; they are not part of what the FCS was computed over."""
FLAG_BAD_FCS = 0x40
_WORD = 4
_ONE_WORD = FIRST_WORD + _WORD
_REMEMBERED = 1024
_read_tsft = Binary("<Q").unpack_from


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


_layouts: dict[bytes, Layout] = {}
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


def _find_layout(packet: bytes) -> Layout | None:
    """Look at all `present` words; None where they or the fields do not fit into the header."""
    key = _up_to_fields(packet)
    layout = _layouts.get(key)
    if layout is None and key and key[0] == 0:
        layout, fixed = lay_out_all(packet, key)
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
