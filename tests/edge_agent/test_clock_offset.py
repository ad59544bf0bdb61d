"""A node knows how far its clock is off, however the network delays what it asks."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.control import TimeAnswer, TimeRequest
from contracts.messages import decode, encode
from edge_agent.clock_offset import EVERY_S, FIRST_EVERY_S, KEPT, ClockFilter, ClockOffset, sample

START_S = 1_772_330_400.0
DELAY_S = st.floats(0, 3)
OFFSET_S = st.floats(-1e6, 1e6)


class Clocks:
    """A world with a true time, a node's clock that is off, and its monotonic clock."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.true_s = START_S
        self.offset_s = offset_s
        self.node = ClockOffset("n1", wall=self.wall, monotonic=lambda: self.true_s - START_S)

    def wall(self) -> float:
        """Give the time by the node's clock."""
        return self.true_s - self.offset_s

    def ask(self, *, there_s: float = 0.01, back_s: float = 0.01, busy_s: float = 0.0) -> bool:
        """Let the node ask, if it wants to, and the gateway answer; tells whether it asked."""
        payload = self.node.request()
        if payload is None:
            return False
        request = decode(payload, TimeRequest)
        self.true_s += there_s
        received_s = self.true_s
        self.true_s += busy_s
        answer = TimeAnswer(
            id=request.id, received_us=round(received_s * 1e6), sent_us=round(self.true_s * 1e6)
        )
        self.true_s += back_s
        self.node.take(encode(answer))
        return True


@given(there_s=DELAY_S, back_s=DELAY_S, busy_s=DELAY_S, offset_s=OFFSET_S)
def test_the_truth_is_within_half_a_round_trip(
    there_s: float, back_s: float, busy_s: float, offset_s: float
) -> None:
    """Whatever the two ways take, the true offset is within half a round trip of the measured one."""
    sent_s, received_s = START_S - offset_s, START_S + there_s
    answered_s = received_s + busy_s
    taken_s = answered_s + back_s - offset_s
    measured = sample(sent_s, received_s, answered_s, taken_s, at_s=0.0)
    assert measured.round_trip_s == pytest.approx(there_s + back_s, abs=1e-5)
    assert abs(measured.offset_s - offset_s) <= measured.round_trip_s / 2 + 1e-5


@given(st.lists(st.tuples(DELAY_S, DELAY_S), min_size=1, max_size=20), st.floats(-1e4, 1e4))
def test_the_fastest_answer_counts(ways_s: list[tuple[float, float]], offset_s: float) -> None:
    """Of several answers the best is as good as the fastest of the last few."""
    chosen = ClockFilter()
    for i, (there_s, back_s) in enumerate(ways_s):
        taken_s = START_S + there_s + back_s - offset_s
        moment_s = START_S + there_s
        chosen.add(sample(START_S - offset_s, moment_s, moment_s, taken_s, at_s=i))
    best = chosen.best(len(ways_s))
    assert best is not None
    fastest_s = min(sum(ways) for ways in ways_s[-KEPT:])
    assert abs(best.offset_s - offset_s) <= fastest_s / 2 + 0.003


def test_asks_often_at_first_and_seldom_later() -> None:
    """A request is due at once, every few seconds until enough answers are there, and then every minute."""
    world = Clocks(offset_s=7.25)
    assert world.node.offset_ms is None
    asked_s: list[float] = []
    while len(asked_s) < KEPT + 2:
        if world.ask():
            asked_s.append(world.true_s)
        world.true_s += 0.5
    gaps_s = [b - a for a, b in pairwise(asked_s)]
    assert max(gaps_s[: KEPT - 1]) <= FIRST_EVERY_S + 1
    assert min(gaps_s[KEPT:]) >= EVERY_S
    assert world.node.offset_ms == pytest.approx(7250, abs=0.5)


def test_a_clock_that_is_set_is_noticed() -> None:
    """After the node's clock was set, what was measured before does not count any more."""
    world = Clocks(offset_s=3600.0)
    for _ in range(KEPT + 1):
        world.ask(there_s=0.001, back_s=0.001)
        world.true_s += EVERY_S
    assert world.node.offset_ms == pytest.approx(3_600_000, abs=5)
    world.offset_s = 0.0
    world.ask(there_s=0.2, back_s=0.3)
    assert world.node.offset_ms == pytest.approx(0, abs=300)


def test_what_does_not_belong_is_passed_over() -> None:
    """Answers to nobody's question, twice, torn, far too late or to another request change nothing."""
    world = Clocks(offset_s=1.0)
    stranger = encode(TimeAnswer(id="0" * 16, received_us=0, sent_us=0))
    world.node.take(stranger)
    for payload in (stranger, b"", b"{", b"\xff" * 100):
        world.true_s += FIRST_EVERY_S
        assert world.node.request() is not None
        world.node.take(payload)
        assert world.node.offset_ms is None
    world.true_s += FIRST_EVERY_S
    world.ask(there_s=60.0)
    assert world.node.offset_ms is None
    world.true_s += FIRST_EVERY_S
    world.ask()
    assert world.node.offset_ms == pytest.approx(1000, abs=1)


@given(st.binary(max_size=200) | st.dictionaries(st.sampled_from(["v", "id", "sent_us"]), st.integers()))
def test_no_answer_stops_a_node(answer: bytes | dict[str, int]) -> None:
    """Whatever comes as an answer is passed over or taken, without an error."""
    node = Clocks().node
    node.request()
    node.take(answer if isinstance(answer, bytes) else msgspec.json.encode(answer))
    assert node.offset_ms is None
