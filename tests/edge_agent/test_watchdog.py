"""The watchdog finds out why a radio is silent and mends it; the interface is a stand-in."""

import logging
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.messages import RadioTrouble
from contracts.site.model import Radio
from edge_agent.capture.commands import Answer
from edge_agent.capture.drivers import FACTS, Fault, deaf_fact, facts_of
from edge_agent.capture.interface import WifiInterface
from edge_agent.capture.iw import InterfaceInfo
from edge_agent.capture.troubles import WORDS
from edge_agent.capture.watchdog import LONGEST_DELAY_S, SILENCE_S, Watchdog

OK = Answer(ok=True, text="")
BUSY = Answer(ok=False, text="command failed: Device or resource busy (-16)")


@dataclass
class StandIn(WifiInterface):
    """An interface whose state is set by the test; `calls` holds what the watchdog has done."""

    name: str = "wlan1"
    exists: bool = True
    is_up: bool = True
    is_monitor: bool = True
    blocked: str = ""
    driver: str = "mt76x2u"
    heard: int = 0
    channel: int = 6
    stuck: bool = False
    held: bool = False
    """Somebody else holds it: nothing can be changed."""
    reports_channel: bool = True
    deaf: bool = False
    calls: list[str] = field(default_factory=list)

    def info(self) -> InterfaceInfo:
        """Say mode and channel."""
        return InterfaceInfo("monitor", self.channel if self.reports_channel else 0, 0, 0)

    def set_channel(self, channel: int) -> Answer:
        """Change the channel, if it can be changed."""
        self.calls.append(f"channel {channel}")
        if self.held:
            return BUSY
        if not self.stuck:
            self.channel = channel
        return OK

    def set_up(self) -> Answer:
        """Bring it into monitor mode and up."""
        self.calls.append("set up")
        if self.held:
            return BUSY
        self.is_monitor = self.is_up = True
        return OK

    def restart(self) -> Answer:
        """Wake it."""
        self.calls.append("restart")
        if self.held:
            return BUSY
        self.is_monitor = self.is_up = True
        self.deaf = False
        return OK


@dataclass
class Bench:
    """A watchdog, its interface, and the time."""

    radio: Radio
    interface: StandIn = field(default_factory=StandIn)
    kernel: str = "6.12.25+rpt-rpi-v8"
    now_s: float = 1000.0

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(self.radio, self.interface, kernel=self.kernel, clock=lambda: self.now_s)

    def run(self, seconds: float) -> None:
        """Let time pass; a radio that works hears beacons."""
        for _ in range(int(seconds)):
            self.now_s += 1
            at = self.interface
            if at.exists and at.is_up and at.is_monitor and not at.blocked and not at.deaf:
                at.heard += 10
            self.watchdog.step()


def radio(*channels: int, dwell_s: float = 10) -> Radio:
    """Make a radio's plan."""
    return Radio(interface="wlan1", channels=list(channels), dwell_s=dwell_s)


def test_a_radio_is_set_up_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """An adapter that was just plugged in is in no mode yet; that is no trouble to speak of."""
    bench = Bench(radio(11), StandIn(is_monitor=False, is_up=False))
    bench.run(5)
    assert bench.interface.calls == ["set up", "channel 11"]
    assert (bench.watchdog.trouble, bench.watchdog.channel) == (None, 11)
    assert caplog.messages == []


def test_a_radio_without_channels_stays_where_it_is() -> None:
    """Nothing is changed on an interface that somebody else has set up."""
    bench = Bench(radio())
    bench.run(100)
    assert bench.interface.calls == []
    assert bench.watchdog.channel == 6


def test_a_radio_goes_round_its_channels() -> None:
    """Each channel has its time, in order, again and again."""
    bench = Bench(radio(1, 6, 11))
    bench.run(70)
    went = [call for call in bench.interface.calls if call.startswith("channel")]
    assert went == [f"channel {n}" for n in (1, 6, 11, 1, 6, 11, 1, 6)][: len(went)]
    assert 7 <= len(went) <= 8
    assert bench.watchdog.trouble is None


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        ({"exists": False}, RadioTrouble.GONE),
        ({"blocked": "soft"}, RadioTrouble.BLOCKED),
        ({"is_monitor": False, "held": True}, RadioTrouble.WRONG_MODE),
        ({"is_up": False, "held": True}, RadioTrouble.DOWN),
        ({"channel": 1, "stuck": True}, RadioTrouble.WRONG_CHANNEL),
        ({"deaf": True, "held": True}, RadioTrouble.SILENT),
        ({"deaf": True, "held": True, "driver": "ath9k_htc"}, RadioTrouble.DEAF_DRIVER),
    ],
)
def test_each_fault_is_found_and_told_once(
    fault: dict[str, object], trouble: RadioTrouble, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is named in one line with what to do, once, however long it lasts; then that it is well."""
    caplog.set_level(logging.INFO)
    bench = Bench(radio(6))
    bench.run(10)
    for name, value in fault.items():
        setattr(bench.interface, name, value)
    bench.run(2000)
    assert bench.watchdog.trouble is trouble
    assert len(caplog.messages) == 1
    assert WORDS[trouble].what in caplog.text
    assert WORDS[trouble].todo in caplog.text
    if "held" in fault:
        assert "Device or resource busy (-16)" in caplog.text
    vars(bench.interface).update(exists=True, blocked="", held=False, stuck=False, channel=6)
    bench.run(LONGEST_DELAY_S + SILENCE_S)
    assert not bench.watchdog.trouble
    assert caplog.messages[1:] == ["radio wlan1 is well again, on channel 6"]


def test_a_silent_radio_is_woken() -> None:
    """A radio that hears not even beacons is restarted; that it was is known as soon as it hears."""
    bench = Bench(radio(6))
    bench.run(10)
    bench.interface.deaf = True
    bench.run(SILENCE_S + 5)
    assert bench.interface.calls[-2:] == ["restart", "channel 6"]
    assert bench.watchdog.trouble is None


def test_a_driver_that_does_not_count_is_heard_by_what_was_captured() -> None:
    """Where the interface's own counter stands still, captured frames show that the radio hears."""
    now_s, interface = [0.0], StandIn(heard=0, channel=6)
    watchdog = Watchdog(
        radio(6), interface, kernel="6.12", captured=lambda: int(now_s[0]), clock=lambda: now_s[0]
    )
    for _ in range(200):
        now_s[0] += 1
        watchdog.step()
    assert watchdog.trouble is None
    assert "restart" not in interface.calls


def test_tries_become_seldom() -> None:
    """What cannot be mended is tried less and less often, and never given up."""
    bench = Bench(radio(6), StandIn(is_up=False, held=True))
    bench.run(3600)
    assert 10 <= bench.interface.calls.count("set up") <= 25


def test_a_driver_known_to_go_deaf_stays_on_one_channel(caplog: pytest.LogCaptureFixture) -> None:
    """From kernel 6.17 on, an mt7921u that goes round and hears nothing is left on its first channel."""
    bench = Bench(radio(1, 6, 11), StandIn(driver="mt7921u"), kernel="6.17.2")
    bench.run(20)
    bench.interface.deaf = True
    bench.run(200)
    assert bench.watchdog.trouble is RadioTrouble.DEAF_DRIVER
    assert "from kernel 6.17 on; it stays on channel 1" in caplog.text
    del bench.interface.calls[:]
    bench.run(200)
    assert bench.interface.calls == []
    assert bench.watchdog.channel == 1
    assert len(caplog.messages) == 1


def test_a_channel_that_is_not_allowed_does_not_cost_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """Where the country forbids one channel of a round, the radio hears the others, and it is told once."""
    bench = Bench(radio(1, 6, 13))
    allowed = bench.interface.set_channel

    def set_channel(channel: int) -> Answer:
        return allowed(channel) if channel != 13 else BUSY

    bench.interface.set_channel = set_channel  # type: ignore[method-assign]
    bench.run(600)
    assert bench.watchdog.trouble is RadioTrouble.WRONG_CHANNEL
    assert len(caplog.messages) == 1
    assert bench.interface.calls.count("channel 1") >= 15
    assert bench.interface.calls.count("channel 6") >= 15
    bench.interface.set_channel = allowed  # type: ignore[method-assign]
    bench.run(120)
    assert not bench.watchdog.trouble


def test_another_plan_is_taken_up_at_once() -> None:
    """A radio that is told to listen elsewhere goes there, and a round that made it deaf is forgiven."""
    bench = Bench(radio(1, 6))
    bench.run(5)
    bench.watchdog.retune(radio(11))
    bench.run(1)
    assert (bench.watchdog.channel, bench.watchdog.hopping, bench.watchdog.trouble) == (11, False, None)
    bench.watchdog.retune(radio())
    bench.run(100)
    assert bench.interface.calls[-1] == "channel 11"


def test_a_driver_that_does_not_say_its_channel_is_believed() -> None:
    """Where iw gives no channel, the one that was set counts."""
    bench = Bench(radio(11), StandIn(reports_channel=False))
    bench.run(100)
    assert bench.interface.calls == ["set up", "channel 11"]
    assert (bench.watchdog.trouble, bench.watchdog.channel) == (None, 11)


def test_facts_name_a_source_and_hold_from_a_kernel_on() -> None:
    """Every fact can be looked up; one that begins with a kernel does not hold before."""
    assert all(fact.source.startswith("https://") and fact.words and fact.advice for fact in FACTS)
    assert deaf_fact("mt7921u", "6.16.9-arch1", hopping=True) is None
    assert deaf_fact("mt7921u", "6.17.0", hopping=True) is not None
    assert deaf_fact("mt7921u", "6.17.0", hopping=False) is None
    assert deaf_fact("mt76x2u", "6.17.0", hopping=True) is None
    assert [fact.fault for fact in facts_of("88XXau", "unknown")] == [Fault.CHANNEL]


class AnyFaults(RuleBasedStateMachine):
    """Whatever befalls a radio, in whatever order, it works again a while after the faults have passed."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(radio(1, 6))

    @rule(
        name=st.sampled_from(["exists", "is_up", "is_monitor", "stuck", "held", "deaf", "reports_channel"]),
        value=st.booleans(),
    )
    def fault(self, name: str, value: bool) -> None:
        """Something breaks or heals by itself."""
        setattr(self.bench.interface, name, value)

    @rule(blocked=st.sampled_from(["", "soft", "hard"]))
    def switch(self, blocked: str) -> None:
        """Somebody switches Wi-Fi off or on."""
        self.bench.interface.blocked = blocked

    @rule(count=st.integers(0, 1000))
    def replug(self, count: int) -> None:
        """Another adapter takes its place, with counters of its own."""
        self.bench.interface.heard = count

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds: int) -> None:
        """The watchdog does its work."""
        self.bench.run(seconds)

    @precondition(lambda self: not self.bench.interface.exists)
    @rule()
    def gone_is_found(self) -> None:
        """An adapter that is away is missed within seconds."""
        self.bench.run(5)
        assert self.bench.watchdog.trouble is RadioTrouble.GONE

    @invariant()
    def the_channel_is_one_of_the_plan_or_unknown(self) -> None:
        """What is told of the channel is what the radio said or was told."""
        assert self.bench.watchdog.channel in (0, 1, 6)

    def teardown(self) -> None:
        """Everything that the watchdog cannot mend is mended; the rest it does."""
        at = self.bench.interface
        at.exists, at.blocked, at.stuck, at.held = True, "", False, False
        self.bench.run(2 * LONGEST_DELAY_S)
        assert self.bench.watchdog.trouble is None
        assert at.is_up
        assert at.is_monitor
        assert not at.deaf


TestAnyFaults = AnyFaults.TestCase
TestAnyFaults.settings = settings(max_examples=40, stateful_step_count=12)
