"""The real kernel filters, stamps and counts what a monitor interface (a TAP device) hears."""

import time
from collections.abc import Iterator

import pytest

from contracts.messages import FrameKind
from edge_agent.capture.kernel_filter import compile_filter
from edge_agent.capture.packets import PacketSocket, gives_radiotap, monitor_interfaces
from edge_agent.frames import Frame, Refusal, parse_frame
from tests.edge_agent.helpers import AP, PHONE, element, header, probe, radiotap
from tests.edge_agent.tap import ETHERNET, MonitorTap

NAME = "msmon0"
BEACON = radiotap() + header(0x80, by=AP, third=AP) + bytes(12) + element(0, b"mall")


@pytest.fixture
def tap() -> Iterator[MonitorTap]:
    """Give an interface in monitor mode."""
    with MonitorTap(NAME) as tap:
        yield tap


def heard(packets: PacketSocket) -> list[bytes]:
    """Read what waits."""
    found = []
    while (captured := packets.read()) is not None:
        found.append(captured.data)
    return found


def every_kind() -> list[bytes]:
    """Build a frame of every type, subtype and direction; four bytes of body make each whole."""
    return [
        radiotap() + header(control, direction=direction, to=AP, by=PHONE, third=AP) + bytes(4)
        for control in range(0, 256, 4)
        for direction in range(4)
    ]


def test_the_kernel_lets_through_what_the_parser_uses(tap: MonitorTap) -> None:
    """Of all types of frames, in all directions, those that count pass, and hardly any other."""
    with PacketSocket(NAME) as packets:
        frames = every_kind()
        tap.hear(*frames)
        passed = set(heard(packets))
    used = {frame for frame in frames if isinstance(parse_frame(frame), Frame)}
    assert used <= passed
    kinds = {frame.kind for packet in used if isinstance(frame := parse_frame(packet), Frame)}
    assert kinds == set(FrameKind)
    # What passes and is not used are management frames with bits of direction, which nobody sends.
    assert {parse_frame(packet) for packet in passed - used} == {Refusal.CORRUPT}
    assert BEACON not in passed


def test_what_passes_does_not_depend_on_the_length_of_the_radiotap_header(tap: MonitorTap) -> None:
    """Drivers write headers of any length; the filter finds the frame behind each."""
    long_header = bytes((0, 0, 36, 0)) + (0x2A | 1 << 31).to_bytes(4, "little") + bytes(28)
    with PacketSocket(NAME) as packets:
        tap.hear(BEACON, long_header + BEACON[len(radiotap()) :], long_header + probe()[len(radiotap()) :])
        assert heard(packets) == [long_header + probe()[len(radiotap()) :]]


def test_the_kernel_stamps_frames_when_they_come(tap: MonitorTap) -> None:
    """A frame that waits to be read keeps the time at which it came."""
    with PacketSocket(NAME) as packets:
        time.sleep(0.1)  # the kernel begins to stamp a moment after the first socket has asked for it
        before_s = time.time()
        tap.hear(probe())
        after_s = time.time()
        time.sleep(0.2)
        captured = packets.read()
        assert captured is not None
        assert before_s - 0.01 <= captured.stamp_s <= after_s + 0.01
        assert not captured.cut
        assert packets.read() is None


def test_long_frames_are_cut_and_say_so(tap: MonitorTap) -> None:
    """Of an aggregate longer than any header only the start is read; it still counts."""
    frame = radiotap() + header(0x88, direction=1, to=AP) + bytes(6000)
    with PacketSocket(NAME) as packets:
        tap.hear(frame)
        captured = packets.read()
    assert captured is not None
    assert captured.cut
    assert captured.data == frame[:4096]
    assert isinstance(parse_frame(captured.data, cut=True), Frame)


def test_the_kernel_counts_what_it_had_no_room_for(tap: MonitorTap) -> None:
    """Read and dropped frames together are those that came; each is counted once."""
    with PacketSocket(NAME, buffer_bytes=50_000) as packets:
        tap.hear(*[probe(sequence=number) for number in range(500)])
        read = len(heard(packets))
        assert 0 < read < 500
        assert read + packets.take_dropped() == 500
        assert packets.take_dropped() == 0
        tap.hear(probe())
        assert len(heard(packets)) == 1


def test_an_interface_that_goes_down_and_comes_back(tap: MonitorTap) -> None:
    """Down is an error to be told once; a new adapter of the same name is another one."""
    with PacketSocket(NAME) as packets:
        tap.set_link(ETHERNET)
        with pytest.raises(OSError, match="down"):
            packets.read()
        assert packets.is_current()
        assert not gives_radiotap(NAME)
        tap.unplug()
        assert not packets.is_current()
        tap.plug_in()
        assert not packets.is_current()
    assert NAME in monitor_interfaces()


def test_no_such_interface() -> None:
    """An interface that is not there is an error of the system, and in no mode."""
    with pytest.raises(OSError, match="no interface"):
        PacketSocket("nosuch0")
    assert not gives_radiotap("nosuch0")


def test_a_filter_that_is_none_is_refused() -> None:
    """The error has libpcap's own words."""
    with pytest.raises(ValueError, match="syntax error"):
        compile_filter("type mgt subtype")
