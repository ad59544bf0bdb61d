"""Scores of association and counts, with answers known by hand and against an independent definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.scoring_identity import coverage, score_counts, score_identity, v_measure

LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def conditional_entropy(of: list[int], given_: list[int]) -> float:
    """Return H(of | given), by the definition."""
    total = 0.0
    for value in set(given_):
        inside = [o for o, g in zip(of, given_, strict=True) if g == value]
        for other in set(inside):
            share = inside.count(other) / len(inside)
            total -= len(inside) / len(of) * share * np.log(share)
    return total


@given(LABELS)
def test_v_measure_is_that_of_its_authors(pairs: list[tuple[int, int]]) -> None:
    """Homogeneity and completeness agree with the conditional entropies they are defined by."""
    truth, found = [t for t, _ in pairs], [f for _, f in pairs]
    homogeneity, completeness, v = v_measure(np.array(truth), np.array(found))
    whole = [0] * len(pairs)
    for told, one, other in ((homogeneity, truth, found), (completeness, found, truth)):
        entropy = conditional_entropy(one, whole)
        expected = 1 - conditional_entropy(one, other) / entropy if entropy > 1e-12 else 1.0
        assert told == pytest.approx(expected, abs=1e-9)
    assert min(homogeneity, completeness) - 1e-9 <= v <= max(homogeneity, completeness) + 1e-9


def test_association_without_mistakes_is_perfect() -> None:
    """Two phones with three addresses in all, put into two devices."""
    score = score_identity(
        np.array([0, 1, 2, 3]), np.array([7, 8, 9, 9]), np.array([1, 2, 1, 1]), np.array([50, 60, 50, 50])
    )
    assert (score.addresses, score.phones, score.devices) == (3, 2, 2)
    assert score.v_measure == pytest.approx(1.0)
    assert (score.links, score.false_merge_rate) == (1, 0.0)
    assert (score.changes, score.false_split_rate) == (1, 0.0)


def test_merges_and_splits_are_told_apart() -> None:
    """Phone 1 uses addresses 10, 11, 12; 11 was put to phone 2's, 12 left alone: one merge, two splits."""
    address = np.array([10, 20, 11, 12])
    phone = np.array([1, 2, 1, 1])
    device = np.array([0, 1, 1, 2])
    score = score_identity(np.arange(4), address, phone, device)
    assert (score.links, score.false_merge_rate) == (1, 1.0)
    assert (score.changes, score.false_split_rate) == (2, 1.0)


def test_a_late_decision_counts_as_linked() -> None:
    """An address that is put to its device some hearings late is a change that was noticed."""
    score = score_identity(np.arange(4), np.array([1, 2, 2, 2]), np.zeros(4, int), np.array([0, 9, 0, 0]))
    assert (score.devices, score.false_split_rate) == (1, 0.0)
    assert score.completeness < 1.0


def test_addresses_in_turn_are_one_change() -> None:
    """A phone that goes back and forth between two addresses has changed once; order of rows is no matter."""
    t_ms = np.array([3, 0, 2, 1])
    address = np.array([2, 1, 1, 2])
    score = score_identity(t_ms, address, np.zeros(4, int), address)
    assert (score.changes, score.false_split_rate) == (1, 1.0)
    assert score.links == 0
    assert np.isnan(score.false_merge_rate)


def test_no_hearings_have_no_score() -> None:
    """Nothing heard: counts of zero and no rates."""
    none = np.empty(0, dtype=np.int64)
    score = score_identity(none, none, none, none)
    assert (score.hearings, score.links) == (0, 0)
    assert np.isnan(score.v_measure)


def test_impossible_hearings_are_refused() -> None:
    """Columns of two lengths, and an address of two phones."""
    two, one = np.zeros(2, int), np.zeros(1, int)
    with pytest.raises(ValueError, match="lengths"):
        score_identity(two, two, two, one)
    with pytest.raises(ValueError, match="two phones"):
        score_identity(two, two, np.array([0, 1]), two)


def test_counts_are_scored_as_shares() -> None:
    """Bias, mean and worst error as shares of the truth."""
    score = score_counts(np.array([110.0, 40.0]), np.array([100.0, 50.0]))
    assert (score.periods, score.true_mean) == (2, 75.0)
    assert score.bias_share == 0.0
    assert score.error_share == pytest.approx(10 / 75)
    assert score.worst_share == pytest.approx(0.2)
    assert np.isnan(score_counts(np.ones(1), np.zeros(1)).bias_share)
    with pytest.raises(ValueError, match="shape"):
        score_counts(np.zeros(1), np.zeros(2))


def test_coverage_is_the_share_inside() -> None:
    """Two of three truths lie inside, one of them on the edge."""
    low, high = np.array([0.0, 5.0, 5.0]), np.array([4.0, 6.0, 6.0])
    assert coverage(low, high, np.array([4.0, 5.5, 7.0])) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="shape"):
        coverage(low, high, np.zeros(2))
