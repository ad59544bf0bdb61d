"""Fields of a radiotap header are found wherever the standard's alignment and namespaces put them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import radiotap
from edge_agent.radiotap import Radiotap, channel_of, read_radiotap
from tests.edge_agent.radiotap_builder import AGAIN, MORE, STANDARD, VENDOR, Word, build

NO_FRAME = 26
bits = st.frozensets(st.integers(0, len(STANDARD) - 1).filter(lambda bit: bit != NO_FRAME))
strength = st.integers(-128, 127)


@given(bits, st.integers(0, 2**64 - 1), st.integers(0, 255), st.integers(0, 65535), strength)
def test_one_word(chosen: frozenset[int], tsft: int, flags: int, mhz: int, signal: int) -> None:
    """Any set of fields in one word is read back."""
    packet = build([Word(chosen)], tsft, flags, mhz, [signal])
    assert read_radiotap(packet + b"frame") == Radiotap(
        len(packet),
        flags if 1 in chosen else 0,
        mhz if 3 in chosen else 0,
        signal if 5 in chosen else None,
        tsft if 0 in chosen else None,
    )


@given(bits, st.lists(bits, min_size=1, max_size=3), st.lists(strength, min_size=4, max_size=4))
def test_one_word_per_antenna(
    first: frozenset[int], antennas: list[frozenset[int]], signals: list[int]
) -> None:
    """The receiver's own strength counts; without one, the best of its antennas."""
    words = [Word(first), *(Word(antenna - {0, 1, 3}) for antenna in antennas)]
    having = [5 in word.bits for word in words]
    used = signals[: sum(having)]
    result = read_radiotap(build(words, 7, 0, 2412, used))
    assert result is not None
    assert result.signal_dbm == (None if not used else used[0] if having[0] else max(used))


@given(bits, st.integers(0, 40), bits, strength)
def test_vendor_fields_are_jumped_over(
    first: frozenset[int], size: int, last: frozenset[int], signal: int
) -> None:
    """Fields behind a vendor's are found, however long the vendor's are."""
    words = [Word(first - {5}), Word(frozenset({0, 3, 9}), size), Word(last | {5})]
    result = read_radiotap(build(words, 7, 0, 2412, [signal]))
    assert result is not None
    assert result.signal_dbm == signal


@given(st.integers(0, 30), bits)
def test_every_cut_is_refused(cut: int, chosen: frozenset[int]) -> None:
    """A header that ends early is refused."""
    packet = build([Word(chosen)], 1, 2, 2412, [-50])
    assert read_radiotap(packet[: min(cut, len(packet) - 1)]) is None


def test_length_shorter_than_the_fields_is_refused() -> None:
    """A header that claims fields it has no room for is refused."""
    packet = bytearray(build([Word(frozenset({0, 1, 5}))], 1, 2, 2412, [-50]))
    packet[2] = 9
    assert read_radiotap(bytes(packet) + bytes(20)) is None


def test_memory_of_layouts_is_bounded() -> None:
    """Ever new headers fill a bounded memory, and are read right."""
    for length in range(18, 18 + 2 * radiotap._REMEMBERED):
        packet = bytearray(build([Word(frozenset({1, 3, 5}))], 1, 2, 2412, [-50]) + bytes(length))
        packet[2:4] = length.to_bytes(2, "little")
        assert read_radiotap(bytes(packet)) == Radiotap(length, 2, 2412, -50, None)
    assert len(radiotap._layouts) <= radiotap._REMEMBERED


def test_vendors_fields_in_several_words() -> None:
    """A vendor's namespace that goes on in a second word is jumped over as a whole."""
    words = [Word(frozenset({1, 3})), Word(frozenset({4, 11}), 9), Word(frozenset({5}))]
    packet = bytearray(build(words, 1, 2, 2412, [-50]))
    more = bytearray(packet[:12] + struct.pack("<I", AGAIN | MORE | 0x10) + packet[12:])
    more[2] += 4
    more[11] = MORE >> 24  # the vendor's first word tells of no other namespace
    assert read_radiotap(bytes(packet)) == Radiotap(len(packet), 2, 2412, -50, None)
    assert read_radiotap(bytes(more)) == Radiotap(len(more), 2, 2412, -50, None)


def test_words_without_end_are_refused() -> None:
    """`present` words that never end are refused."""
    assert read_radiotap(b"\x00\x00\x40\x00" + b"\xff" * 60) is None


def test_header_without_a_frame() -> None:
    """A header that says that no frame was captured is read; with a frame behind it, it is refused."""
    packet = build([Word(frozenset({1, 3, 5, NO_FRAME}))], 1, 2, 2412, [-50])
    assert read_radiotap(packet) == Radiotap(len(packet), 2, 2412, -50, None)
    assert read_radiotap(packet + b"frame") is None


def test_two_namespaces_at_once_are_refused() -> None:
    """A word cannot announce the standard's fields and a vendor's at once."""
    packet = bytearray(build([Word(frozenset({1, 5})), Word(frozenset({5}))], 1, 2, 2412, [-50, -60]))
    assert read_radiotap(bytes(packet)) is not None
    packet[7] |= VENDOR >> 24
    assert read_radiotap(bytes(packet) + bytes(20)) is None


def test_fields_before_an_unknown_one_are_used() -> None:
    """A field of unknown size hides what follows it, not what comes before."""
    packet = struct.pack("<BxHIBxHHb", 0, 20, 0x2A | 1 << 28, 0x10, 5180, 0, -70) + bytes(5)
    assert read_radiotap(packet) == Radiotap(20, 0x10, 5180, -70, None)


@pytest.mark.parametrize(
    ("mhz", "channel"),
    [
        (2412, 1),
        (2472, 13),
        (2484, 14),
        (5180, 36),
        (5885, 177),
        (5955, 1),
        (7115, 233),
        (4920, 184),
        (2413, 0),
        (0, 0),
    ],
)
def test_channel_numbers(mhz: int, channel: int) -> None:
    """Frequencies become the channel numbers of the standard; others become 0."""
    assert channel_of(mhz) == channel


@given(st.binary(max_size=80))
def test_noise_never_raises(packet: bytes) -> None:
    """Any bytes give a header that lies within them, or nothing."""
    result = read_radiotap(packet)
    assert result is None or 8 <= result.length <= len(packet)
