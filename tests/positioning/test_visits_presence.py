"""Presence: how likely silent devices are still there, learnt from silences."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from positioning.presence import Presence

VANISH_MS = 600_000


def test_a_device_just_heard_is_there() -> None:
    """Nothing is doubted within a burst."""
    presence = Presence()
    presence.hear(0, np.array([0, 4]))
    assert presence.probability(5_000, np.array([0, 4])).tolist() == [1.0, 1.0]


def test_doubt_grows_with_silence() -> None:
    """The longer a device is silent, the less likely it is there; one heard often is doubted less."""
    presence = Presence()
    presence.hear(0, np.array([0, 1]))
    presence.hear(60_000, np.array([0, 1]))
    presence.hear(60_000, np.array([2]))
    table = np.array([presence.probability(60_000 + s * 1000, np.array([0, 2])) for s in range(0, 600, 20)])
    assert (np.diff(table, axis=0) <= 1e-9).all()
    assert (table[2:, 0] > table[2:, 1]).all()
    assert ((table >= 0) & (table <= 1)).all()


def crowd(*, rotating: bool, seconds: int) -> Iterator[tuple[int, float, int]]:
    """Play people of whom a tenth is replaced every ten minutes; give raw, expected and true counts."""
    random = np.random.default_rng(2)
    people = 120
    presence = Presence()
    slot_of = np.arange(people)
    last_ms: dict[int, int] = {}
    next_s = random.uniform(0, 90, people)
    free = iter(range(people, 1_000_000))
    for second in range(seconds):
        t_ms = second * 1000
        gone = as_slots({slot for slot, heard_ms in last_ms.items() if t_ms - heard_ms >= VANISH_MS})
        presence.vanish(gone)
        for slot in gone.tolist():
            del last_ms[slot]
        replaced = random.random(people) < 0.1 / 600
        sends = next_s <= second
        for person in np.flatnonzero(replaced | (sends & (rotating & (np.arange(people) % 2 == 0)))):
            slot_of[person] = next(free)
        next_s[sends] = second + random.uniform(60, 120, int(sends.sum()))
        heard = np.sort(slot_of[sends])
        presence.hear(t_ms, heard)
        last_ms.update(dict.fromkeys(heard.tolist(), t_ms))
        live = np.array(sorted(last_ms), dtype=np.int64)
        yield len(live), float(presence.probability(t_ms, live).sum()), people


@pytest.mark.parametrize("rotating", [False, True])
def test_the_expected_count_is_the_true_one(rotating: bool) -> None:
    """People are counted right, with addresses that stay and with half of the phones changing theirs."""
    played = np.array(list(crowd(rotating=rotating, seconds=2400)))[1200:]
    raw, expected, true = played.mean(axis=0)
    assert expected == pytest.approx(true, rel=0.08)
    assert raw > (3.0 if rotating else 1.03) * true


slot_sets = st.sets(st.integers(0, 5))


@given(st.lists(st.tuples(st.integers(0, 900_000), slot_sets, slot_sets), max_size=30))
def test_probabilities_are_probabilities(steps: list[tuple[int, set[int], set[int]]]) -> None:
    """Whoever is heard and vanishes whenever, the answer is between 0 and 1; a checkpoint changes nothing."""
    presence, t_ms, live = Presence(), 0, set[int]()
    for elapsed_ms, heard, gone in steps:
        t_ms += elapsed_ms
        presence.vanish(as_slots(gone & live))
        live = live - gone | heard
        presence.hear(t_ms, as_slots(heard))
        found = presence.probability(t_ms, as_slots(live))
        assert ((found >= 0) & (found <= 1)).all()
        again = Presence()
        again.restore(presence.state())
        np.testing.assert_array_equal(again.probability(t_ms, as_slots(live)), found)
        presence = again


def as_slots(slots: set[int]) -> npt.NDArray[np.int64]:
    """Return slots in order."""
    return np.array(sorted(slots), dtype=np.int64)


def test_old_habits_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """When many silences have been counted, all counts are halved."""
    monkeypatch.setattr("positioning.presence.MEMORY", 100)
    presence = Presence()
    for i in range(200):
        presence.hear(i * 30_000, np.array([0]))
    assert presence.state()["heard"].astype(np.float64).sum() <= 101


def test_who_is_silent_is_still_there_for_a_while() -> None:
    """Right after a burst for sure, then ever less, and not at all once silent for longer than anybody."""
    presence = Presence()
    for i in range(50):
        presence.hear(i * 30_000, np.array([0]))
    there = presence.still_there(50 * 30_000, np.array([0, 20_000, 60_000, 600_000, 2_000_000]))
    assert there[0] == 1.0
    assert (np.diff(there) <= 0.0).all()
    assert there[1] > 0.8
    assert there[-1] == 0.0


def test_other_bins_are_refused() -> None:
    """A checkpoint that counted between other edges does not fit."""
    state = Presence().state() | {"heard": np.zeros((2, 3))}
    with pytest.raises(ValueError, match=r"\(2, 3\) bins"):
        Presence().restore(state)
