"""What time it is in the mall when nodes are slow, silent, new, or have clocks that are wrong."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.engine.watermarks import TOLERANCE_MS, UNKNOWN, Watermarks

T = 1_750_000_000_000
DAY_MS = 86_400_000
LATENESS_MS = 5_000


def started(*watermarks_ms: int) -> Watermarks:
    """Return nodes that are online and have all spoken."""
    watermarks = Watermarks(len(watermarks_ms), LATENESS_MS)
    for node in range(len(watermarks_ms)):
        watermarks.status(node, online=True)
    for node, watermark_ms in enumerate(watermarks_ms):
        watermarks.speak(node, watermark_ms)
    return watermarks


def test_a_tick_is_complete_when_every_node_has_said_so() -> None:
    """The slowest node online decides, as long as it is not too slow."""
    assert started(T + 2000, T + 1000, T + 3000).complete_ms == T + 1000


def test_the_mall_waits_no_longer_than_the_lateness() -> None:
    """One node that hangs holds the others up for the lateness and no more."""
    assert started(T + 20_000, T, T + 21_000).complete_ms == T + 20_000 - LATENESS_MS


def test_nodes_offline_are_not_waited_for() -> None:
    """A last will frees the mall from a node at once."""
    watermarks = started(T + 8000, T + 4000, T + 8000)
    watermarks.status(1, online=False)
    assert watermarks.complete_ms == T + 8000


def test_a_node_far_behind_is_not_waited_for() -> None:
    """A node that sends what it stored an hour ago does not slow the mall down."""
    watermarks = started(T + 8000, T + 8000, T - 3_600_000)
    assert watermarks.mall_ms == T + 8000
    assert watermarks.complete_ms == T + 8000


def test_nothing_happens_before_half_of_the_nodes_have_spoken() -> None:
    """One node alone does not tell the time while others are online."""
    watermarks = Watermarks(3, LATENESS_MS)
    for node in range(3):
        watermarks.status(node, online=True)
    assert watermarks.speak(0, T + DAY_MS)
    assert watermarks.mall_ms == UNKNOWN
    assert watermarks.complete_ms == UNKNOWN
    watermarks.speak(1, T)
    assert watermarks.mall_ms == T


def test_a_clock_a_day_ahead_is_not_believed() -> None:
    """A node ahead of the others is refused, and the mall's time stays what it was."""
    watermarks = started(T, T, T)
    assert not watermarks.speak(2, T + DAY_MS)
    assert watermarks.mall_ms == T
    assert watermarks.speak(0, T + 1000)
    assert watermarks.speak(1, T + 1000)
    assert watermarks.mall_ms == T + 1000


def test_a_clock_put_right_is_believed_again() -> None:
    """After its time has been set back, a node counts like any other."""
    watermarks = started(T, T, T + DAY_MS)
    assert watermarks.speak(2, T + 1000)
    watermarks.speak(0, T + 1000)
    watermarks.speak(1, T + 1000)
    assert watermarks.complete_ms == T + 1000


def test_when_all_nodes_jump_the_mall_follows() -> None:
    """After a power cut the whole mall is an hour on: once most nodes say so, it is believed."""
    watermarks = started(T, T, T)
    later_ms = T + 3_600_000
    assert not watermarks.speak(0, later_ms)
    assert watermarks.speak(1, later_ms)
    assert watermarks.mall_ms == later_ms


def test_a_node_that_empties_its_spool_faster_is_believed() -> None:
    """After a break all nodes send what they stored; one that gets ahead step by step has no wrong clock."""
    watermarks = started(T, T, T)
    assert all(watermarks.speak(0, T + second * 1000) for second in range(3600))
    assert watermarks.complete_ms == T


def test_a_clock_that_was_wrong_from_the_start_is_found_out() -> None:
    """A node that spoke before anybody else is not believed once the others have told the time."""
    watermarks = Watermarks(3, LATENESS_MS)
    for node in range(3):
        watermarks.status(node, online=True)
    assert watermarks.speak(0, T + DAY_MS)
    watermarks.speak(1, T)
    assert not watermarks.speak(0, T + DAY_MS + 1000)


def test_a_node_without_status_is_online_when_it_speaks() -> None:
    """A single node that just starts sending drives a mall of its own."""
    watermarks = Watermarks(3, LATENESS_MS)
    watermarks.speak(1, T)
    assert watermarks.complete_ms == T
    assert watermarks.awake(T).tolist() == [False, True, False]


def test_a_node_that_comes_back_has_to_speak_first() -> None:
    """What a node said before it went away does not count when it is back."""
    watermarks = started(T, T, T)
    watermarks.status(2, online=False)
    watermarks.status(2, online=True)
    assert watermarks.awake(T).tolist() == [True, True, False]


def test_an_old_batch_again_changes_nothing() -> None:
    """A batch out of order by seconds does not set a node's time back."""
    watermarks = started(T + 9000, T + 9000, T + 9000)
    watermarks.speak(0, T + 4000)
    assert watermarks.awake(T + 9000).all()


def test_an_empty_mall_is_quiet() -> None:
    """Without a node online there is no time."""
    watermarks = started(T)
    watermarks.status(0, online=False)
    assert watermarks.complete_ms == T


node = st.integers(0, 4)
steps = st.lists(
    st.one_of(
        st.tuples(node, st.integers(-2 * DAY_MS, 2 * DAY_MS)),
        st.tuples(node, st.integers(-3000, 3000)),
        st.tuples(node, st.booleans()),
    ),
    max_size=60,
)


@given(steps)
def test_time_never_goes_back(events: list[tuple[int, int | bool]]) -> None:
    """Whatever nodes say and whoever comes and goes, mall time and completeness only grow."""
    watermarks = Watermarks(5, LATENESS_MS)
    mall_ms = complete_ms = UNKNOWN
    for who, what in events:
        if isinstance(what, bool):
            watermarks.status(who, online=what)
        else:
            watermarks.speak(who, T + what)
        assert watermarks.mall_ms >= mall_ms
        assert watermarks.complete_ms >= complete_ms
        mall_ms, complete_ms = watermarks.mall_ms, watermarks.complete_ms


@given(
    st.lists(st.integers(0, 60_000), min_size=2, max_size=2), st.integers(TOLERANCE_MS + 61_000, DAY_MS * 400)
)
def test_one_wrong_clock_of_three_never_tells_the_time(right: list[int], wrong: int) -> None:
    """However wrong one clock is, and in whatever direction, the mall's time is one of the two right ones."""
    for error in (wrong, -wrong):
        for order in ((0, 1, 2), (2, 0, 1), (0, 2, 1)):
            watermarks = Watermarks(3, LATENESS_MS)
            for i in range(3):
                watermarks.status(i, online=True)
            said = [T + right[0], T + right[1], T + error]
            for i in order:
                watermarks.speak(i, said[i])
            assert watermarks.mall_ms in said[:2]
