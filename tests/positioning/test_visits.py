"""Visits: who passes by, who stays, who comes back, who is not heard for a while, who vanishes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.site import VisitRules
from positioning.belief import Stickiness
from positioning.visits import Change, Changes, Visits

A, B, CORRIDOR, NOWHERE = range(4)
STARTED, UPDATED, ENDED = Change.STARTED, Change.UPDATED, Change.ENDED
RULES = VisitRules(enter_probability=0.6, leave_probability=0.3, min_dwell_s=45, reentry_s=120)
QUICK = Stickiness(stay_s=1.0, correlation_s=0.01, outlier=0.001)
"""Believes every estimate at once, so that the state machine is seen alone."""

Event = tuple[Change, int, float, float]
"""What happened, in which zone, and the seconds at which the visit started and ended (or was last seen)."""


def visits(rules: VisitRules = RULES, stickiness: Stickiness = QUICK) -> Visits:
    """Return a tracker of two shops and a corridor, all as large as the rest."""
    return Visits(np.array([True, True, False]), np.ones(4), rules, stickiness)


def estimate(zone: int, probability: float = 0.97) -> npt.NDArray[np.float32]:
    """Return an estimate of one device that is in ``zone`` with this probability."""
    row = np.full((1, 4), (1 - probability) / 3, dtype=np.float32)
    row[0, zone] = probability
    return row


def listing(changes: Changes) -> Iterator[Event]:
    """Return changes as events in seconds."""
    rows = zip(
        changes.change.tolist(), changes.zone.tolist(), changes.started_ms, changes.ended_ms, strict=True
    )
    return (
        (Change(change), zone, started_ms / 1000, ended_ms / 1000)
        for change, zone, started_ms, ended_ms in rows
    )


def play(tracker: Visits, heard: Sequence[tuple[float, int]], until_s: float = 0.0) -> list[Event]:
    """Feed one device's hearings (second, zone) in ticks of a second and return all events."""
    zone_at = dict(heard)
    events: list[Event] = []
    for second in range(int(max(until_s, *zone_at)) + 1):
        if second in zone_at:
            changes = tracker.step(second * 1000, np.array([0]), estimate(zone_at[second]))
        else:
            changes = tracker.step(
                second * 1000, np.zeros(0, dtype=np.int64), np.zeros((0, 4), dtype=np.float32)
            )
        events += listing(changes)
    return events


def every(step_s: int, *legs: tuple[int, int]) -> list[tuple[float, int]]:
    """Return hearings every ``step_s``; each leg is a zone and the second until which the device is there."""
    heard: list[tuple[float, int]] = []
    second = 0
    for zone, until_s in legs:
        while second < until_s:
            heard.append((second, zone))
            second += step_s
    return heard


def test_a_stay_becomes_a_visit_dated_back_to_its_begin() -> None:
    """The visit is announced once it has lasted, and says when it began: halfway since the last hearing."""
    events = play(visits(), every(10, (CORRIDOR, 30), (A, 90)))
    assert events[0] == (STARTED, A, 25.0, 70.0)


def test_walking_past_a_door_is_no_visit() -> None:
    """Estimates that stray into a shop for half a minute leave no trace."""
    assert play(visits(), every(5, (CORRIDOR, 30), (A, 60), (CORRIDOR, 300))) == []


def test_a_corridor_is_not_visited() -> None:
    """However long somebody stands in the corridor, it is no visit."""
    assert play(visits(), every(10, (CORRIDOR, 1000))) == []


def test_an_open_visit_is_reported_every_minute() -> None:
    """Updates come a minute apart, each with the moment last seen."""
    events = play(visits(), every(10, (A, 300)))
    assert events == [(STARTED, A, 0, 50)] + [(UPDATED, A, 0, second) for second in (110, 170, 230, 290)]


def test_a_visit_ends_when_it_was_left_once_nobody_comes_back() -> None:
    """The end is told after the time to come back has passed, and dated to when the device left."""
    tracker = visits()
    heard = every(10, (A, 100), (CORRIDOR, 400))
    before = play(visits(), [entry for entry in heard if entry[0] < 210], 214)
    assert ENDED not in {event[0] for event in before}
    assert play(tracker, heard)[-1] == (ENDED, A, 0, 95)


def test_coming_back_in_time_continues_the_visit() -> None:
    """A minute in the corridor does not cut a visit in two."""
    events = play(visits(), every(10, (A, 100), (CORRIDOR, 160), (A, 300), (CORRIDOR, 600)))
    assert [event[:3] for event in events if event[0] is not UPDATED] == [(STARTED, A, 0), (ENDED, A, 0)]
    assert events[-1] == (ENDED, A, 0, 295)


def test_coming_back_too_late_is_another_visit() -> None:
    """After the time to come back, the same shop is visited a second time."""
    events = play(visits(), every(10, (A, 100), (CORRIDOR, 300), (A, 400)), 600)
    assert [event[:3] for event in events if event[0] is not UPDATED] == [
        (STARTED, A, 0),
        (ENDED, A, 0),
        (STARTED, A, 295),
    ]


def test_a_visit_next_door_ends_the_first_at_once() -> None:
    """Nobody is in two shops: the first visit ends when the second is certain."""
    events = play(visits(), every(10, (A, 100), (B, 150)))
    assert [event for event in events if event[0] is not UPDATED] == [
        (STARTED, A, 0, 50),
        (ENDED, A, 0, 95),
        (STARTED, B, 95, 140),
    ]


def test_a_peek_next_door_does_not_end_the_visit() -> None:
    """Half a minute in the shop next door and back is one visit, of the first shop."""
    events = play(visits(), every(10, (A, 100), (B, 130), (A, 200)), 400)
    assert {event[:3] for event in events} == {(STARTED, A, 0), (UPDATED, A, 0)}


def test_silence_is_no_exit() -> None:
    """A phone that is silent for five minutes and then heard in the same shop never left it."""
    events = play(visits(), [(0, A), (60, A), (360, A), (660, A)], 700)
    assert [event[:3] for event in events] == [(STARTED, A, 0), (UPDATED, A, 0), (UPDATED, A, 0)]


def test_a_vanished_device_left_when_it_was_last_seen() -> None:
    """A device that is given up has its visit ended at the last hearing there, and its slot is as new."""
    tracker = visits()
    play(tracker, every(10, (A, 100)), 300)
    assert list(listing(tracker.vanish(np.array([0])))) == [(ENDED, A, 0, 90)]
    assert len(tracker.vanish(np.array([0]))) == 0
    assert play(tracker, [(301, B), (310, B)]) == []


def test_a_stay_too_short_vanishes_without_a_word() -> None:
    """A device that was heard once and never again leaves no visit."""
    tracker = visits()
    play(tracker, [(0, A), (10, A)])
    assert len(tracker.vanish(np.array([0]))) == 0


def test_a_standing_person_between_two_shops_makes_one_visit() -> None:
    """Estimates that jitter between adjacent shops give one visit; believed one by one they give many."""
    random = np.random.default_rng(11)
    mine = 0.5 + 0.15 * random.standard_normal(120)  # probability of shop A, every 10 s for 20 minutes
    sticky, naive = visits(stickiness=Stickiness()), visits()
    counts = []
    for tracker in (sticky, naive):
        started = 0
        for i, share in enumerate(np.clip(mine, 0.02, 0.95)):
            row = np.array([[share, 0.97 - share, 0.02, 0.01]], dtype=np.float32)
            started += int((tracker.step(i * 10_000, np.array([0]), row).change == STARTED).sum())
        counts.append(started)
    assert counts[0] == 1
    assert counts[1] > 1


def test_confidence_is_the_mean_probability() -> None:
    """Half of the hearings at 0.9 and half at 0.7 give a confidence of about 0.8."""
    tracker = visits()
    for i in range(40):
        tracker.step(i * 10_000, np.array([0]), estimate(A, 0.9 if i % 2 else 0.7))
    confidence = tracker.vanish(np.array([0])).confidence
    assert confidence[0] == pytest.approx(0.8, abs=0.01)


def test_devices_are_told_apart() -> None:
    """Two devices in two shops have their own visits, in order of slot."""
    tracker = visits()
    both = np.concatenate((estimate(A), estimate(B)))
    for second in range(0, 50, 10):
        tracker.step(second * 1000, np.array([2, 5]), both)
    changes = tracker.step(50_000, np.array([2, 5]), both)
    assert changes.slot.tolist() == [2, 5]
    assert changes.zone.tolist() == [A, B]


def test_shares_must_fit_the_zones() -> None:
    """Three zones need four shares."""
    with pytest.raises(ValueError, match="3 zones need 4 shares"):
        Visits(np.ones(3, dtype=bool), np.ones(3), RULES)


def test_a_state_of_another_layout_is_refused() -> None:
    """A checkpoint whose rows are of another size is refused with both sizes."""
    state = visits().state() | {"devices": np.zeros((3, 8), dtype=np.uint8)}
    with pytest.raises(ValueError, match=r"rows of \(8,\) bytes"):
        visits().restore(state)


hearings = st.lists(st.tuples(st.integers(1, 200), st.integers(0, 3), st.floats(0.3, 1.0)), max_size=40)


def replay(tracker: Visits, heard: Sequence[tuple[int, int, float]], start_ms: int) -> list[Changes]:
    """Feed hearings (seconds since the one before, zone, probability) and return all changes."""
    t_ms, parts = start_ms, []
    for elapsed_s, zone, probability in heard:
        t_ms += elapsed_s * 1000
        parts.append(tracker.step(t_ms, np.array([0]), estimate(zone, probability)))
    return parts


@given(hearings)
def test_visits_are_well_formed_whatever_is_heard(heard: list[tuple[int, int, float]]) -> None:
    """Visits of a device start before they end, follow each other, and each ends exactly once."""
    tracker = visits(stickiness=Stickiness())
    parts = replay(tracker, heard, 0)
    open_visit: tuple[int, int] | None = None
    free_ms = 0
    for changes in (*parts, tracker.vanish(np.array([0]))):
        assert ((changes.confidence >= 0) & (changes.confidence <= 1)).all()
        for change, zone, started_ms, ended_ms in zip(
            *(
                column.tolist()
                for column in (changes.change, changes.zone, changes.started_ms, changes.ended_ms)
            ),
            strict=True,
        ):
            if change == STARTED:
                assert open_visit is None
                assert zone in {A, B}
                assert started_ms >= free_ms
                open_visit = (zone, started_ms)
            assert open_visit == (zone, started_ms)
            assert ended_ms >= started_ms
            if change == ENDED:
                open_visit, free_ms = None, ended_ms
    assert open_visit is None


@given(hearings, st.integers(0, 40))
def test_a_checkpoint_changes_nothing(heard: list[tuple[int, int, float]], cut: int) -> None:
    """Stopped after any hearing and restored, visits go on bit for bit."""
    whole, first, second = (visits(stickiness=Stickiness()) for _ in range(3))
    expected = Changes.join([*replay(whole, heard, 0), whole.vanish(np.array([0]))])
    parts = replay(first, heard[:cut], 0)
    second.restore(first.state())
    parts += replay(second, heard[cut:], 1000 * sum(entry[0] for entry in heard[:cut]))
    found = Changes.join([*parts, second.vanish(np.array([0]))])
    for name in ("slot", "change", "zone", "started_ms", "seen_ms", "ended_ms", "confidence"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_changes_join_in_order() -> None:
    """Joining keeps the order of the parts."""
    tracker = visits()
    changes = Changes.join(replay(tracker, [(10, A, 0.99)] * 6, 0))
    later = replace(changes, started_ms=changes.started_ms + 1)
    assert Changes.join([later, changes]).started_ms.tolist() == [
        *later.started_ms.tolist(),
        *changes.started_ms.tolist(),
    ]
