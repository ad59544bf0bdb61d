"""The parts of a linker: what was heard in a tick, habits, and rows that are used again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from positioning.identity import NO_SEQUENCE, Appearances, Habits, Linker
from positioning.identity.habits import (
    DIVERSITY,
    GAP_EDGES,
    GAP_WIDTHS,
    MEMORY,
    SAME,
    SEQUENCES,
    UNSEEN_FORMS,
    USUAL_GAPS,
    Family,
)
from positioning.identity.linker import FORGET_MS
from positioning.identity.tables import NOBODY, Addresses, Devices
from tests.positioning.identity_traffic import Sent, appearances, form_of

sent = st.builds(
    Sent,
    st.integers(0, 3),
    st.integers(0, 5),
    st.integers(-1, 6),
    st.sampled_from([0, form_of(1), form_of(2)]),
    st.just(value=False),
)


@given(st.lists(sent, max_size=12), st.randoms(use_true_random=False))
def test_order_within_a_tick_does_not_matter(frames: list[Sent], random: object) -> None:
    """Frames reach a gateway in any order, several times over; what was heard is the same."""
    shuffled = list(frames)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # random.Random
    one, other = appearances(frames), appearances(shuffled)
    for name in Appearances.__dataclass_fields__:
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert len(one) == len({frame.address for frame in frames})


def test_a_tick_by_address() -> None:
    """Of each address first and last frame count, and the forms that followed each other."""
    a, b = form_of(1), form_of(1, 7)
    heard = appearances(
        [Sent(9, 30, 5, b), Sent(4, 10, 800, a, permanent=True), Sent(9, 10, 4, a), Sent(9, 30, 5, b)]
    )
    assert heard.address.tolist() == [4, 9]
    assert heard.first_ms.tolist() == [10, 10]
    assert heard.last_ms.tolist() == [10, 30]
    assert heard.first_sequence.tolist() == [800, 4]
    assert heard.last_sequence.tolist() == [800, 5]
    assert heard.first_form.tolist() == [a, a]
    assert heard.last_form.tolist() == [a, b]
    assert heard.permanent.tolist() == [True, False]
    assert heard.steps.tolist() == [[a, b]]


def test_how_common_forms_are() -> None:
    """Of a new phone's form: the Ewens formula, whose expectations are those of its source."""
    habits = Habits()
    assert habits.commonness(1) == pytest.approx(1 / UNSEEN_FORMS)
    habits.learn_arrival(1, 3.0)
    habits.learn_arrival(2)
    assert habits.commonness(1) == pytest.approx((3 + DIVERSITY / UNSEEN_FORMS) / (4 + DIVERSITY))
    assert habits.commonness(3) == pytest.approx(DIVERSITY / UNSEEN_FORMS / (4 + DIVERSITY))
    assert sum(DIVERSITY / (DIVERSITY + n) for n in range(300)) == pytest.approx(55, abs=1)


def test_usual_jumps_are_a_distribution() -> None:
    """Jumps of every size are possible, longer ones less; their bins fill the numbers."""
    assert USUAL_GAPS.sum() == pytest.approx(1.0)
    assert GAP_WIDTHS.sum() == SEQUENCES == GAP_EDGES[-1]
    assert (np.diff(USUAL_GAPS / GAP_WIDTHS) < 0).all()
    assert (USUAL_GAPS > 0).all()


def test_families_start_undecided_and_learn() -> None:
    """Whether numbers run on is open at first, and decided by changes seen."""
    family = Family()
    assert family.runs_on == 0.5
    for _ in range(9):
        family.learn(1.0, 0.0)
    assert family.runs_on == pytest.approx(0.95)
    for _ in range(int(MEMORY)):
        family.learn(0.0, 1.0)
    assert family.runs + family.restarts <= MEMORY + 1
    assert family.runs_on < 0.01


def test_what_is_shown_next() -> None:
    """The same form most likely, one of the family less, others as common as they are; this is learnt."""
    habits = Habits()
    a, kin, b = form_of(1), form_of(1, 3), form_of(2)
    same, family, other = habits.shows_next([a, kin, b], a)
    assert same == SAME > family > other > 0.0
    for _ in range(50):
        habits.learn_form(b, a)
    assert habits.shows_next([b], a)[0] > 0.9
    assert habits.shows_next([a], b)[0] == pytest.approx(other)


def test_habits_are_carried_over_without_who_is_there() -> None:
    """What is known of kinds of phones keeps its ratios with less weight; their number is forgotten."""
    habits = Habits()
    for _ in range(100):
        habits.families[1].learn(0.9, 0.1)
        habits.learn_form(form_of(1), form_of(1, 3))
        habits.learn_change(0.8, 0.2)
    habits.learn_arrival(form_of(1), 50.0)
    other = habits.carried_over(10.0)
    assert other.families[1].runs_on == pytest.approx(habits.families[1].runs_on)
    assert other.families[1].runs + other.families[1].restarts <= 10.0
    assert 0.7 < other.shows_next([form_of(1)], form_of(1, 3))[0] < 1.0
    assert 2.0 < other.changes_per_phone < habits.changes_per_phone
    assert other.commonness(form_of(1)) == pytest.approx(1 / UNSEEN_FORMS)


def test_elements_nobody_sent_before_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ever new elements only the commonest are remembered: what was learnt of real phones stays."""
    monkeypatch.setattr("positioning.identity.habits.MOST", 20)
    linker = Linker()
    linker.habits.families[1].learn(50.0, 0.0)
    linker.habits.learn_form(form_of(1), form_of(1, 3), 50.0)
    learnt = linker.habits.shows_next([form_of(1)], form_of(1, 3))
    for k in range(200):
        linker.hear(appearances([Sent(k, 1_000 * k, 10, form_of(100 + k))]))
        linker.hear(appearances([Sent(k, 1_000 * k + 500, 11, form_of(100 + k, 1))]))
        linker.expire(1_000 * k)
    state = linker.habits.state()
    sizes = {name: len(state[name]) for name in ("families", "steps", "shown", "forms")}
    assert max(sizes.values()) <= 40
    assert linker.habits.families[1].runs_on > 0.9
    assert linker.habits.shows_next([form_of(1)], form_of(1, 3)) == learnt


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200)), max_size=300))
def test_rows_are_used_again(steps: list[tuple[bool, int]]) -> None:
    """Rows are found by name while in use; a freed one is blank; there are no more than were needed."""
    devices, names = Devices(), set[int]()
    most = 0
    for add, name in steps:
        if add and name not in names:
            row = devices.add(np.uint64(name))
            assert devices.address[row] == NOBODY
            devices.address[row] = name
            names.add(name)
        elif not add and name in names:
            devices.free(devices.find(np.array([name], dtype=np.uint64)))
            names.remove(name)
        most = max(most, len(names))
    assert len(devices) == len(names) == devices.live.sum()
    wanted = np.array(sorted(names), dtype=np.uint64)
    assert np.array_equal(devices.address[devices.find(wanted)], wanted.astype(np.int64))
    assert (devices.find(np.array([999], dtype=np.uint64)) == NOBODY).all()
    assert len(devices.name) <= max(64, 2 * most)


def test_rows_of_another_shape_are_refused() -> None:
    """A checkpoint of another version says which column does not fit."""
    state = Addresses().state("a_")
    state["a_order"] = np.zeros(3, dtype=np.int64)
    with pytest.raises(ValueError, match="a_order has shape"):
        Addresses().restore(state, "a_")
    with pytest.raises(KeyError, match="a_form"):
        Addresses().restore({k: v for k, v in state.items() if k != "a_form"}, "a_")
    habits = Habits()
    habits.families[1].learn(1.0, 0.0)
    broken = habits.state()
    broken["family_habits"] = broken["family_habits"][:, :-1]
    with pytest.raises(ValueError, match="habits of families have shape"):
        Habits().restore(broken)


def test_forgotten_devices_leave_no_address() -> None:
    """Who is erased is unknown again, under all addresses; others stay."""
    linker = Linker()
    linker.hear(appearances([Sent(1, 0, 10), Sent(5, 0, 3000, form_of(7))]))
    linker.hear(appearances([Sent(2, 5_000, 12)]))
    linker.forget(np.array([1, 77], dtype=np.uint64))
    assert linker.remembers(np.array([1, 2, 5], dtype=np.uint64)).tolist() == [False, False, True]
    assert len(linker) == 1


def test_what_is_silent_is_forgotten() -> None:
    """Addresses that others followed and devices go after their time, and not before."""
    linker = Linker()
    for k in range(4):
        linker.hear(appearances([Sent(k, 600_000 * k, 10 + 2 * k)]))
    assert len(linker) == 1
    linker.expire(FORGET_MS)
    assert linker.remembers(np.arange(4, dtype=np.uint64)).tolist() == [True] * 4
    linker.expire(FORGET_MS + 1)
    assert linker._addresses.find(np.arange(4, dtype=np.uint64)).tolist()[0] == NOBODY
    assert len(linker) == 1
    linker.expire(2 * FORGET_MS + 1)
    assert len(linker) == 0


def test_memory_of_a_day_is_bounded_by_who_is_there_at_once() -> None:
    """Addresses that come and go all day leave no more rows than those that are there at once."""
    linker = Linker()
    each, ticks = 100, 100
    for tick in range(ticks):
        t_ms = tick * FORGET_MS // 2
        address = np.arange(each, dtype=np.uint64) + np.uint64(each * tick)
        alike = np.zeros(each, dtype=np.int64)
        form = np.zeros(each, dtype=np.uint64)
        heard = Appearances.of(
            address, alike + t_ms, alike + NO_SEQUENCE, form, np.ones(each, dtype=np.bool_)
        )
        linker.hear(heard)
        linker.expire(t_ms)
    assert len(linker) <= 3 * each
    sizes = [len(array) for name, array in linker.state().items() if array.ndim]
    assert max(sizes) <= 512
