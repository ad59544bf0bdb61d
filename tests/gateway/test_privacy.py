"""No figure about fewer than k people is shown, wherever it comes from; intervals are honest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.figures.intervals import interval
from gateway.figures.privacy import Anonymity


@given(st.floats(0, 100), st.floats(0, 50), st.integers(2, 10))
def test_small_groups_are_hidden(mean: float, variance: float, k: int) -> None:
    """A count is shown for nobody and from k people on, and then lies in its own interval."""
    count = Anonymity(k).count(mean, variance)
    if 0 < round(mean) < k:
        assert (count.people, count.low, count.high, count.suppressed) == (None, None, None, True)
    else:
        assert count.people == round(mean)
        assert count.low is not None
        assert count.high is not None
        assert 0 <= count.low <= count.people <= count.high
        assert not count.suppressed


@given(st.integers(1, 4))
def test_figure_of_a_small_group_is_hidden(people: int) -> None:
    """A figure goes with the size of the group it is about."""
    assert Anonymity(5).only_if(people, 12.5) is None
    assert Anonymity(5).only_if(people + 4, 12.5) == 12.5
    assert Anonymity(5).number(people) is None


@pytest.mark.parametrize("size", [10, 60, 400])
def test_interval_covers_nine_times_in_ten(size: int) -> None:
    """Of many crowds of devices, each present with its own probability, at least 90 % lie in the interval."""
    rng = np.random.default_rng(size)
    probability = rng.random(size)
    low, high = interval(float(probability.sum()), float((probability * (1 - probability)).sum()))
    present = (rng.random((20_000, size)) < probability).sum(axis=1)
    covered = ((present >= low) & (present <= high)).mean()
    assert 0.88 <= covered <= 1.0


def test_certainty_has_no_width() -> None:
    """Where every device's place is certain, the interval is the number itself."""
    assert interval(7.0, 0.0) == (7, 7)
