"""The sticky forward filter: what it believes after which estimates."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from positioning.belief import NEVER, Belief, Stickiness

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

SHARE = np.array([100.0, 100.0, 200.0])
ONE = np.array([0])


def row(*values: float) -> Floats32:
    """Return one device's zone probabilities."""
    return np.array([values], dtype=np.float32)


def test_the_first_estimate_is_believed_as_it_is() -> None:
    """Without a past, the belief is the estimate but for the share of outliers."""
    belief, before_ms = Belief(SHARE).hear(1000, ONE, row(0.7, 0.1, 0.2))
    outlier = Stickiness().outlier
    expected = (1 - outlier) * np.array([0.7, 0.1, 0.2]) + outlier * SHARE / SHARE.sum()
    np.testing.assert_allclose(belief[0], expected, atol=1e-3)
    assert before_ms.tolist() == [NEVER]


def test_a_slight_preference_does_not_move_a_person() -> None:
    """Somebody known to be in one shop stays there while estimates jitter between it and the next."""
    belief = Belief(SHARE)
    belief.hear(0, ONE, row(0.9, 0.05, 0.05))
    for t_ms in range(10_000, 600_000, 10_000):
        towards = 0.6 if t_ms // 10_000 % 2 else 0.4
        now, _ = belief.hear(t_ms, ONE, row(1 - towards - 0.05, towards, 0.05))
        assert now[0].argmax() == 0


def test_clear_estimates_move_a_person() -> None:
    """In a mall of fifty shops, a minute and a half of clear estimates of another shop is enough."""
    belief = Belief(np.ones(50))
    here, there = np.eye(50, dtype=np.float32)[:2]
    belief.hear(0, ONE, here[None])
    for t_ms in range(10_000, 100_000, 10_000):
        belief.hear(t_ms, ONE, there[None])
    assert belief.probability[0, 1] > 0.6


def test_a_long_silence_fades_what_was_believed() -> None:
    """After an hour of silence an estimate counts as if it were the first."""
    belief = Belief(SHARE)
    belief.hear(0, ONE, row(1.0, 0.0, 0.0))
    now, before_ms = belief.hear(3_600_000, ONE, row(0.0, 1.0, 0.0))
    fresh, _ = Belief(SHARE).hear(0, ONE, row(0.0, 1.0, 0.0))
    np.testing.assert_allclose(now, fresh, atol=0.03)
    assert before_ms.tolist() == [0]


def test_many_estimates_at_once_count_as_little_as_one() -> None:
    """Estimates within a second share their errors: ten of them weigh no more than one after ten seconds."""
    often, seldom = Belief(SHARE), Belief(SHARE)
    for belief in (often, seldom):
        belief.hear(0, ONE, row(0.8, 0.1, 0.1))
    for t_ms in range(1000, 11_000, 1000):
        often.hear(t_ms, ONE, row(0.3, 0.6, 0.1))
    seldom.hear(10_000, ONE, row(0.3, 0.6, 0.1))
    assert abs(often.probability[0, 1] - seldom.probability[0, 1]) < 0.05


def test_an_estimate_that_says_nothing_changes_little() -> None:
    """A row of zeros (a position outside the mall) only lets the belief fade."""
    belief = Belief(SHARE)
    before, _ = belief.hear(0, ONE, row(0.9, 0.05, 0.05))
    after, _ = belief.hear(10_000, ONE, row(0.0, 0.0, 0.0))
    np.testing.assert_allclose(after, before, atol=0.03)


@given(
    st.lists(
        st.tuples(st.integers(1, 400_000), st.lists(st.floats(0, 1), min_size=3, max_size=3)),
        min_size=1,
        max_size=20,
    )
)
def test_a_belief_is_always_a_distribution(heard: list[tuple[int, list[float]]]) -> None:
    """Whatever is heard whenever, probabilities are finite, not negative, and sum to one."""
    belief, t_ms = Belief(SHARE), 0
    for elapsed_ms, values in heard:
        t_ms += elapsed_ms
        total = sum(values)
        estimate = row(*(value / total if total else 0.0 for value in values))
        now, _ = belief.hear(t_ms, ONE, estimate)
        assert np.isfinite(now).all()
        assert (now >= 0).all()
        assert now.sum() == pytest.approx(1.0, abs=1e-5)


def test_devices_do_not_touch_each_other() -> None:
    """A device's belief is the same alone and among others, whatever its slot."""
    random = np.random.default_rng(5)
    crowd, alone = Belief(SHARE), Belief(SHARE)
    slots = np.array([0, 3, 70])
    for t_ms in range(0, 50_000, 5_000):
        estimates = random.dirichlet(np.ones(3), 3).astype(np.float32)
        crowd.hear(t_ms, slots, estimates)
        alone.hear(t_ms, ONE, estimates[2:])
    np.testing.assert_array_equal(crowd.probability[70], alone.probability[0])


def test_a_forgotten_device_starts_afresh() -> None:
    """A slot that was freed knows nothing of the device before."""
    belief = Belief(SHARE)
    fresh, _ = Belief(SHARE).hear(2000, ONE, row(0.2, 0.7, 0.1))
    belief.hear(1000, ONE, row(1.0, 0.0, 0.0))
    belief.forget(ONE)
    again, before_ms = belief.hear(2000, ONE, row(0.2, 0.7, 0.1))
    np.testing.assert_array_equal(again, fresh)
    assert before_ms.tolist() == [NEVER]


def test_a_checkpoint_restores_every_bit() -> None:
    """A belief restored from its state goes on as the original does."""
    random = np.random.default_rng(6)
    first, second = Belief(SHARE), Belief(SHARE, Stickiness())
    slots = np.arange(40)
    first.hear(0, slots, random.dirichlet(np.ones(3), 40).astype(np.float32))
    second.restore(first.state())
    estimates = random.dirichlet(np.ones(3), 40).astype(np.float32)
    np.testing.assert_array_equal(
        first.hear(7000, slots, estimates)[0], second.hear(7000, slots, estimates)[0]
    )


def test_a_checkpoint_of_more_zones_is_refused() -> None:
    """A state that does not fit the zones is refused, not squeezed in."""
    larger = Belief(np.ones(50))
    larger.hear(0, np.arange(64), np.full((64, 50), 0.02, dtype=np.float32))
    with pytest.raises(ValueError, match="other zones"):
        Belief(SHARE).restore(larger.state())


def test_bad_shares_are_refused() -> None:
    """Areas are positive numbers."""
    with pytest.raises(ValueError, match="must not be negative"):
        Belief(np.array([1.0, -1.0]))
    with pytest.raises(ValueError, match="nor all zero"):
        Belief(np.zeros(3))
