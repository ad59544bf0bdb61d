"""The live source keeps a source's promises, whatever the radios and the clock do."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.messages import RadioHealth, RadioTrouble
from contracts.site.model import Radio
from edge_agent.capture.packets import Captured
from edge_agent.configuring import Tunable
from edge_agent.sources import live as live_module
from edge_agent.sources.event_clock import EventClock
from edge_agent.sources.live import LiveSource
from edge_agent.sources.protocol import Heard
from tests.edge_agent.helpers import AP, PHONE, T0_MS, header, probe, radiotap
from tests.edge_agent.tap import ETHERNET, FakeIw, MonitorTap
from tests.support import wait_until

NAME = "mslive0"


@dataclass
class Clocks:
    """A machine's clocks: time passes when somebody sleeps; `set_s` is by how much the wall clock was set."""

    now_s: float = 500.0
    set_s: float = 0.0
    at: list[tuple[float, float]] = field(default_factory=list)
    """When to set it by how much: monotonic seconds, in order."""

    def monotonic(self) -> float:
        """Tell the time since the machine was switched on."""
        return self.now_s

    def wall(self) -> float:
        """Tell the time of the day, as the machine believes it."""
        return T0_MS / 1000 - 500 + self.now_s + self.set_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds
        while self.at and self.at[0][0] <= self.now_s:
            self.set_s += self.at.pop(0)[1]


def live(clocks: Clocks) -> LiveSource:
    """Make a source whose one radio is not there; frames are put into it by hand."""
    radios = [Radio(interface="nosuch0", channels=[6])]
    return LiveSource(
        "n1", radios, wall=clocks.wall, monotonic=clocks.monotonic, sleep=clocks.sleep, kernel="6.12"
    )


@dataclass
class Feed:
    """What the radio hears: (monotonic second, sequence number), stamped by the wall clock of that moment."""

    clocks: Clocks
    times: list[float]
    waiting: list[Captured] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let time pass in small steps, and frames come."""
        end_s = self.clocks.now_s + seconds
        while self.times and self.times[0] <= end_s:
            self.clocks.sleep(max(self.times.pop(0) - self.clocks.now_s, 0))
            self.waiting.append(Captured(self.clocks.wall(), probe(), cut=False))
        self.clocks.sleep(max(end_s - self.clocks.now_s, 0))

    def read(self) -> Captured | None:
        """Give the next frame that waits."""
        return self.waiting.pop(0) if self.waiting else None


def play(clocks: Clocks, times: list[float], blocks: int) -> list[Heard]:
    """Run a source on scripted clocks and frames."""
    feed = Feed(clocks, sorted(times))
    with live(clocks) as source:
        source._sleep = feed.sleep
        source._listeners[0].read = feed.read  # type: ignore[method-assign]
        return list(islice(source.blocks(), blocks))


def test_a_block_a_second_where_nothing_is_heard() -> None:
    """Empty blocks come on time: each is complete, and given a tenth of a second after it is over."""
    clocks = Clocks()
    with live(clocks) as source:
        late_s = []
        blocks = []
        for block in islice(source.blocks(), 10):
            late_s.append(clocks.wall() - block.complete_to_ms / 1000)
            blocks.append(block)
    assert [b.complete_to_ms for b in blocks] == [T0_MS + second * 1000 for second in range(1, 11)]
    assert all(-0.001 <= late <= 0.2 for late in late_s)
    assert all(block.frames == 0 for block in blocks)


@settings(max_examples=40)
@given(
    times=st.lists(st.floats(500, 530), max_size=60),
    steps=st.lists(
        st.tuples(
            st.floats(501, 530), st.floats(-4000, 4000) | st.sampled_from([-3600.0, 3600.0, 1.5, -1.5])
        ),
        max_size=3,
    ),
)
def test_promises_hold_on_any_clock(times: list[float], steps: list[tuple[float, float]]) -> None:
    """Blocks are in order and hold what belongs to them; only after a large step back time begins anew."""
    blocks = play(Clocks(at=sorted(steps)), times, 25)
    back = 0
    told_ms = 0
    for block in blocks:
        if block.complete_to_ms < told_ms:
            back += 1
            told_ms = 0
        assert all(told_ms <= t < block.complete_to_ms for t in block.t_ms)
        assert block.frames == len(block.t_ms)
        told_ms = block.complete_to_ms
    assert back <= sum(by_s < 0 for _, by_s in steps)  # small ones may add up to a large one


@given(times=st.lists(st.floats(500.2, 519), max_size=60))
def test_every_frame_is_told_once_at_its_time(times: list[float]) -> None:
    """On a steady clock each frame has the time at which it came, to the millisecond."""
    heard = [t for block in play(Clocks(), times, 21) for t in block.t_ms]
    assert len(heard) == len(times)
    assert all(abs(t - T0_MS + 500_000 - 1000 * s) <= 2 for t, s in zip(heard, sorted(times), strict=True))


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_by_an_hour(hours: int, caplog: pytest.LogCaptureFixture) -> None:
    """What was heard before keeps its time, what is heard after has the new time, and nothing is lost."""
    clocks = Clocks(at=[(505.05, 3600 * hours)])
    blocks = play(clocks, [500.5 + i / 4 for i in range(40)], 16)
    t_ms = [t for block in blocks for t in block.t_ms]
    assert len(t_ms) == 40
    steps = [b - a for a, b in pairwise(t_ms)]
    assert sum(abs(step - 3_600_000 * hours) < 1000 for step in steps) == 1
    assert sum(0 <= step <= 1000 for step in steps) == 38
    assert "the clock was set by" in caplog.text


def test_small_steps_are_followed_little_by_little() -> None:
    """A correction of a second never makes event time go back, and is through after ten."""
    for by_s in (-1.0, 1.0):
        clocks = Clocks()
        clock = EventClock(clocks.wall, clocks.monotonic)
        clocks.set_s = by_s
        told = []
        for _ in range(200):
            clocks.sleep(0.1)
            told.append(clock.look().event_s)
        assert all(0.08 < b - a < 0.12 for a, b in pairwise(told))
        assert told[-1] == pytest.approx(clocks.wall())
        assert told[80] != pytest.approx(clocks.wall() - 11.9, abs=0.01)
        assert clock.steps == 0


def test_a_process_that_stood_still_goes_on_from_now() -> None:
    """After a pause of an hour there is no flood of empty blocks."""
    clocks = Clocks()
    with live(clocks) as source:
        blocks = source.blocks()
        first = next(blocks)
        clocks.now_s += 3600
        assert next(blocks).complete_to_ms - first.complete_to_ms >= 3_600_000


def test_radios_are_told_to_listen_elsewhere() -> None:
    """A plan for a radio that the node does not have is refused as a whole; none at all is the first one."""
    with live(Clocks()) as source:
        assert isinstance(source, Tunable)
        plan = Radio(interface="nosuch0", channels=[1, 11])
        assert source.retune([plan, Radio(interface="wlan9")]) == (
            "there is no radio wlan9; this node has nosuch0"
        )
        for radios, channels in (([plan], [1, 11]), (None, [6])):
            assert source.retune(radios) == ""
            source._listeners[0].watchdog.step()
            assert source._listeners[0].watchdog.radio.channels == channels


def test_nothing_to_listen_with_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no radio is named and none is in monitor mode, the error says what to write."""
    monkeypatch.setattr(live_module, "monitor_interfaces", list)  # tests beside this one may have some
    with pytest.raises(ConfigurationError) as caught:
        LiveSource("n1")
    assert "no interface is in monitor mode" in str(caught.value)
    assert "radios:" in (caught.value.hint or "")


def radio_after(blocks: Iterator[Heard], source: LiveSource) -> RadioHealth:
    """Give how the radio is after another second."""
    next(blocks)
    return source.radios()[0]


@pytest.fixture
def tap() -> Iterator[MonitorTap]:
    """Give an interface in monitor mode."""
    with MonitorTap(NAME) as tap:
        yield tap


def test_the_air_becomes_blocks(tap: MonitorTap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the real kernel: frames are told once, refused ones are counted, beacons are never seen."""
    with (
        FakeIw(tmp_path, monkeypatch, tap),
        LiveSource("n1", [Radio(interface=NAME, channels=[11])], kernel="6.12") as source,
    ):
        blocks = source.blocks()
        wait_until(lambda: radio_after(blocks, source).channel == 11)
        time.sleep(0.1)
        tap.hear(
            probe(sequence=1, signal_dbm=-50),
            radiotap() + header(0x80, by=AP, third=AP),
            radiotap(mhz=0, signal_dbm=-70)
            + header(0x48, direction=1, to=AP, by=PHONE, third=AP, sequence=2),
            probe()[:-3],
            radiotap(flags=0x40) + header(0x48, direction=1, to=AP, third=AP),  # damaged on the air
        )
        heard = [next(blocks) for _ in range(2)]
    assert [n for block in heard for n in block.sequence] == [1, 2]
    assert [n for block in heard for n in block.rssi_dbm] == [-50, -70]
    assert [n for block in heard for n in block.channel] == [
        6,
        11,
    ]  # its own word first, else where it is tuned
    assert sum(block.frames for block in heard) == 4
    assert [block.skipped for block in heard if block.skipped] == [{"corrupt": 1, "bad_fcs": 1}]
    (radio,) = source.radios()
    assert (radio.frames, radio.dropped, radio.trouble) == ({"6": 1, "11": 3}, 0, None)


def test_without_a_plan_every_monitor_interface_is_heard(tap: MonitorTap) -> None:
    """Where the site file names no radios, what is in monitor mode already is listened to, as it is."""
    with LiveSource("n1", kernel="6.12") as source:
        assert NAME in [radio.interface for radio in source.radios()]  # other tests may have more


def test_a_radio_that_is_taken_away_and_comes_back(
    tap: MonitorTap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plugged in again, in managed mode: the watchdog sets it up, and the same source hears it again."""
    monkeypatch.setattr("edge_agent.capture.watchdog.CHECK_S", 0.2)
    monkeypatch.setattr("edge_agent.capture.watchdog.FIRST_DELAY_S", 0.5)
    with (
        FakeIw(tmp_path, monkeypatch, tap) as iw,
        LiveSource("n1", [Radio(interface=NAME, channels=[6])], kernel="6.12") as source,
    ):
        blocks = source.blocks()
        wait_until(lambda: radio_after(blocks, source).channel == 6)
        tap.unplug()
        wait_until(lambda: radio_after(blocks, source).trouble is RadioTrouble.GONE)
        tap._link = ETHERNET
        tap.plug_in()
        wait_until(lambda: radio_after(blocks, source).trouble is None)
        assert f"dev {NAME} set type monitor" in iw.said

        def hears() -> bool:
            tap.hear(probe())
            return bool(next(blocks).t_ms)

        wait_until(hears)
