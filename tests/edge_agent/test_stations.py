"""Phones connected to the node's own access point are heard by what the access point knows of them."""

import subprocess
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages import FrameKind
from edge_agent.capture.iw import Station
from edge_agent.sources.hostapd import HostapdEvents, parse_event
from edge_agent.sources.live import LiveSource
from edge_agent.sources.stations import POLL_S, News, StationList
from tests.edge_agent.iw_samples import STATIONS_2017, STATIONS_CHAINS
from tests.edge_agent.tap import FakeIw
from tests.support import find_program, wait_until

PHONE = bytes.fromhex("020000000100")
SILENT_SIGNAL = STATIONS_CHAINS.replace("-57 [-62, -59] dBm", "0 dBm")


def station(inactive_s: float, count: int | None) -> Station:
    """A connected phone, as one poll finds it."""
    return Station(PHONE, round(inactive_s * 1000), -60, count)


def polls(*seen: Station) -> list[float]:
    """Ask every two seconds, from 100 s on; give when each frame that is news has come."""
    news = News()
    return [when for i, one in enumerate(seen) for _, when in news.of([one], 100 + POLL_S * i)]


def test_a_phone_counts_once_a_poll_while_it_talks() -> None:
    """A phone that was there before the first poll counts only if it has just talked."""
    assert polls(station(0.5, 10), station(1.0, 20), station(0.2, 25)) == [99.5, 101.0, 103.8]
    assert polls(station(60, 10), station(62, 10), station(1, 11)) == [103.0]


def test_an_access_point_that_asks_makes_no_phone_talk() -> None:
    """Where the inactive time starts anew without a frame of the phone, there is no news (openwrt#18430)."""
    assert polls(station(299, 10), station(1, 10), station(3, 10)) == []


def test_where_frames_are_not_counted_the_inactive_time_counts() -> None:
    """Some drivers give no count of frames."""
    assert polls(station(1, None), station(3, None), station(0.5, None)) == [99.0, 103.5]


@given(st.lists(st.tuples(st.floats(0, 1000), st.none() | st.integers(0, 50)), max_size=20))
def test_news_are_in_order_and_never_in_the_future(seen: list[tuple[float, int | None]]) -> None:
    """Whatever an access point says, a phone's frames are told in order, once a poll at most."""
    when = polls(*[station(inactive, count) for inactive, count in seen])
    assert when == sorted(when)
    assert len(when) <= len(seen)
    assert all(moment <= 100 + POLL_S * len(seen) for moment in when)


@pytest.mark.parametrize(
    ("message", "connected"),
    [
        (b"<3>AP-STA-CONNECTED 02:00:00:00:01:00", True),
        (b"<3>AP-STA-CONNECTED 02:00:00:00:01:00 auth_alg=open", True),
        (b"<3>AP-STA-DISCONNECTED 02:00:00:00:01:00", False),
    ],
)
def test_events_of_hostapd(message: bytes, connected: bool) -> None:
    """Versions 2.4 to 2.11 say who came and went in these words."""
    event = parse_event(message)
    assert event is not None
    assert (event.connected, event.address) == (connected, PHONE)
    assert "0000" not in repr(event)


@given(st.binary(max_size=80))
def test_other_messages_are_no_events(message: bytes) -> None:
    """Nothing that comes over the socket is taken for an event that it is not."""
    assert parse_event(message) is None
    assert parse_event(b"<3>AP-STA-POLL-OK 02:00:00:00:01:00" + message) is None


class Hostapd:
    """A real hostapd without a radio (`driver=none`); it says what it is told to say (`NEW_STA`)."""

    def __init__(self, program: str, folder: Path) -> None:
        self.control = folder / "control"
        configuration = folder / "hostapd.conf"
        configuration.write_text(f"interface=msap0\ndriver=none\nctrl_interface={self.control}\nssid=mall\n")
        self._command = [program, str(configuration)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until its socket is there."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until((self.control / "msap0").exists, what="hostapd does not start")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def connect(self, address: str) -> None:
        """Let a phone connect."""
        client = find_program("hostapd_cli")
        assert client is not None
        subprocess.run(
            [client, "-p", str(self.control), "-i", "msap0", "new_sta", address],
            check=True,
            stdout=subprocess.DEVNULL,
        )


@pytest.fixture
def hostapd(tmp_path: Path) -> Iterator[Hostapd]:
    """Give a hostapd that does not run yet."""
    program = find_program("hostapd")
    if program is None:
        pytest.skip("hostapd is not installed: 'make test' installs it where it may")
    daemon = Hostapd(program, tmp_path)
    yield daemon
    daemon.stop()


def test_a_real_hostapd_says_that_a_phone_has_come(hostapd: Hostapd) -> None:
    """Started late, stopped and started again: the agent attaches each time, and hears of phones at once."""
    came = threading.Semaphore(0)
    stop = threading.Event()

    def listen() -> None:
        with HostapdEvents("msap0", folders=(hostapd.control,)) as events:
            while not stop.is_set():
                events._attach_due_s = 0.0  # not only every 30 s
                if events.wait(0.3, stop):
                    came.release()

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        numbers = count()  # a phone that is connected already would be no event
        for _ in range(2):
            hostapd.start()
            wait_until(lambda: _heard_of(hostapd, came, next(numbers)))
            hostapd.stop()
    finally:
        stop.set()
        thread.join()


def _heard_of(hostapd: Hostapd, came: threading.Semaphore, number: int) -> bool:
    hostapd.connect(f"02:00:00:00:01:{number:02x}")
    return came.acquire(timeout=0.5)


def test_no_hostapd_is_no_error(tmp_path: Path) -> None:
    """Where none runs, waiting is all there is."""
    with HostapdEvents("wlan0", folders=(tmp_path,)) as events:
        assert not events.wait(0.01, threading.Event())


def test_connected_phones_are_observations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What iw lists becomes data frames on the access point's channel; without a signal it is none."""
    with FakeIw(tmp_path, monkeypatch) as iw:
        (iw.folder / "stations").write_text(STATIONS_2017 + SILENT_SIGNAL)
        (iw.folder / "lo.channel").write_text("11")  # any interface will do: the fake knows its channel
        with LiveSource("n1", stations="lo") as source:
            blocks = source.blocks()
            heard = next(blocks)
            while not heard.t_ms:
                heard = next(blocks)
    assert [address.hex(":") for address in heard.address] == ["00:04:20:00:00:02"]
    assert (heard.rssi_dbm, heard.channel, heard.sequence) == ([-64], [11], [-1])
    assert heard.frame_kind == [FrameKind.DATA]
    assert (heard.frames, heard.skipped) == (2, {"no_signal": 1})


def test_an_access_point_that_does_not_answer_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An interface that is not there is one line in the log, not one every two seconds."""
    with FakeIw(tmp_path, monkeypatch):
        stations = StationList("nosuch0")
        for _ in range(3):
            stations.poll()
    assert len(caplog.messages) == 1
    assert "connected to nosuch0 cannot be listed" in caplog.text
    assert stations.take() == []
