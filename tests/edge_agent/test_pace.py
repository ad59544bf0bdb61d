"""Event time runs at the speed asked for."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from edge_agent.pace import LONGEST_PAUSE_MS, paced, parse_speed
from edge_agent.sources import Heard
from tests.edge_agent.helpers import T0_MS


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        assert seconds > 0
        self.now_s += seconds


def blocks(*seconds: float) -> Iterator[Heard]:
    """Give empty blocks complete to these seconds after T0."""
    return (Heard("n1", T0_MS + round(1000 * second)) for second in seconds)


@given(st.sampled_from([0.5, 1.0, 7.0, 60.0]), st.lists(st.integers(0, 50_000), min_size=1, max_size=20))
def test_blocks_come_when_they_are_due(speed: float, steps_ms: list[int]) -> None:
    """Each block comes when its event time is due, counted from the first, to the millisecond."""
    clock, at, times = Clock(), 0, []
    for step in steps_ms:
        at += step
        times.append(at / 1000)
    for block in paced(blocks(*times), speed, clock=clock, sleep=clock.sleep):
        due_s = 1000 + ((block.complete_to_ms - T0_MS) / 1000 - times[0]) / speed
        assert clock.now_s == pytest.approx(due_s, abs=0.002)


def test_as_fast_as_possible_never_sleeps() -> None:
    """Without a speed all blocks come at once."""
    clock = Clock()
    assert len(list(paced(blocks(0, 1e6), None, clock=clock, sleep=clock.sleep))) == 2
    assert clock.now_s == 1000


def test_slow_taker_catches_up() -> None:
    """A taker that was slow for ten seconds gets the blocks it missed at once, then waits again."""
    clock = Clock()
    came = []
    for block in paced(blocks(*range(20)), 1.0, clock=clock, sleep=clock.sleep):
        came.append(clock.now_s - 1000)
        if block.complete_to_ms == T0_MS:
            clock.now_s += 10
    assert came == pytest.approx([0, *[10] * 10, *range(11, 20)])


def test_past_is_caught_up_with() -> None:
    """What is older than `now_ms` comes at once, what is younger when it is due."""
    clock = Clock()
    came = []
    for _ in paced(blocks(*range(8)), 1.0, now_ms=T0_MS + 5000, clock=clock, sleep=clock.sleep):
        came.append(clock.now_s - 1000)  # noqa: PERF401  # the clock moves while blocks come
    assert came == pytest.approx([0] * 6 + [1, 2])


def test_pause_between_recordings_is_cut_short() -> None:
    """Nobody waits through the night between two captures."""
    clock = Clock()
    night_s = LONGEST_PAUSE_MS / 1000 + 1
    list(paced(blocks(0, 1, 1 + night_s, 2 + night_s), 1.0, clock=clock, sleep=clock.sleep))
    assert clock.now_s == pytest.approx(1002)


def test_stop_ends_the_wait() -> None:
    """A stop is noticed within a slice of sleep, and no block comes after it."""
    clock, stop = Clock(), threading.Event()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now_s > 1003:
            stop.set()

    came = list(paced(blocks(0, 50), 1.0, clock=clock, sleep=sleep, stop=stop))
    assert len(came) == 1
    assert clock.now_s < 1003.2


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("2.5", 2.5), ("60x", 60.0), (" MAX ", None)])
def test_speeds(text: str, speed: float | None) -> None:
    """Speeds are read as people write them."""
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "fast", ""])
def test_other_speeds_are_refused(text: str) -> None:
    """What is no speed is refused with an example."""
    with pytest.raises(ConfigurationError, match="max"):
        parse_speed(text)
