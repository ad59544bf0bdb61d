"""Scores with answers known by hand."""

from collections import Counter

import numpy as np
import pytest

from simulators.scoring import (
    Stay,
    count_error,
    flow_error,
    flows,
    match_visits,
    score_positions,
    score_visits,
)


def test_positions_are_scored_on_the_right_floor() -> None:
    """Error, coverage and floor of four estimates, one of them on the wrong floor."""
    xy = np.array([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0], [9.0, 9.0]])
    score = score_positions(
        xy,
        np.tile(np.eye(2), (4, 1, 1)),
        np.array([0, 0, 0, 1]),
        np.zeros((4, 2)),
        np.zeros(4, dtype=np.int64),
    )
    assert (score.count, score.median_m, score.right_floor) == (3, 1.0, 0.75)
    assert score.p95_m == pytest.approx(np.percentile([5.0, 1.0, 0.0], 95))
    assert score.inside_68 == pytest.approx(2 / 3)
    assert score.inside_95 == pytest.approx(2 / 3)


def test_honest_covariances_score_as_honest() -> None:
    """Errors drawn from the covariances they come with lie inside 68 % and 95 % regions that often."""
    rng = np.random.default_rng(1)
    root = np.array([[2.0, 0.0], [1.0, 3.0]])
    xy = rng.standard_normal((20_000, 2)) @ root.T
    cov = np.tile(root @ root.T, (20_000, 1, 1))
    floor = np.zeros(20_000, dtype=np.int64)
    score = score_positions(xy, cov, floor, np.zeros((20_000, 2)), floor)
    assert score.inside_68 == pytest.approx(0.68, abs=0.01)
    assert score.inside_95 == pytest.approx(0.95, abs=0.01)


def test_nothing_on_the_right_floor_has_no_error() -> None:
    """Where no estimate is on the right floor there is no error to speak of."""
    one = np.zeros((1, 2))
    score = score_positions(one, np.eye(2)[None], np.array([1]), one, np.array([0]))
    assert score.count == 0
    assert score.right_floor == 0.0
    assert np.isnan(score.median_m)


TRUE = [Stay("a", "cafe", 0, 100), Stay("a", "books", 200, 300), Stay("b", "cafe", 0, 100)]


def test_visits_match_by_person_zone_and_overlap() -> None:
    """A visit matches where half of the shorter overlaps; not another zone, person or time."""
    estimated = [
        Stay("a", "cafe", 50, 150),  # overlaps half
        Stay("a", "books", 260, 400),  # overlaps 40 of 100
        Stay("b", "books", 0, 100),  # another zone
        Stay("c", "cafe", 0, 100),  # another person
    ]
    assert match_visits(estimated, TRUE) == [(0, 0)]


def test_each_visit_matches_once_the_longest_overlap_first() -> None:
    """Of two halves of one true visit only the longer counts."""
    estimated = [Stay("a", "cafe", 0, 30), Stay("a", "cafe", 40, 100)]
    assert match_visits(estimated, TRUE) == [(1, 0)]


def test_visits_are_scored() -> None:
    """Precision, recall, F1 and dwell error of two matches among three estimates and three truths."""
    estimated = [Stay("a", "cafe", 0, 90), Stay("a", "books", 190, 310), Stay("z", "cafe", 0, 10)]
    score = score_visits(estimated, TRUE)
    assert (score.true, score.estimated, score.matched) == (3, 3, 2)
    assert score.precision == score.recall == score.f1 == pytest.approx(2 / 3)
    assert score.dwell_bias_s == pytest.approx((-10 + 20) / 2)
    assert score.dwell_mae_s == pytest.approx(15)
    assert score.dwell_bias_share == pytest.approx(0.05)
    assert score.mean_dwell_share == pytest.approx((90 + 120 + 10) / 300 - 1)


def test_no_visits_score_as_nothing() -> None:
    """Without visits there is no precision, without truth no recall."""
    assert np.isnan(score_visits([], []).f1)
    assert score_visits([], TRUE).recall == 0.0
    assert np.isnan(score_visits([], TRUE).precision)


def test_flows_are_consecutive_visits() -> None:
    """Each person's visits in order of time; staying in one zone is no flow."""
    stays = [*TRUE, Stay("a", "books", 400, 500), Stay("a", "cafe", 600, 700)]
    assert flows(stays) == Counter({("cafe", "books"): 1, ("books", "cafe"): 1})


def test_flow_error_is_relative() -> None:
    """The sum of differences over all links, missing and invented ones included, over the true total."""
    true = Counter({("a", "b"): 6, ("b", "c"): 4})
    assert flow_error(true, true) == 0.0
    assert flow_error(Counter({("a", "b"): 5, ("c", "a"): 2}), true) == pytest.approx((1 + 4 + 2) / 10)
    assert np.isnan(flow_error(Counter(), Counter()))


def test_count_error_has_size_and_direction() -> None:
    """Mean absolute and mean error over zones and minutes; shapes must agree."""
    assert count_error(np.array([[3.0, 1.0]]), np.array([[1.0, 2.0]])) == (1.5, 0.5)
    with pytest.raises(ValueError, match="shape"):
        count_error(np.zeros((1, 2)), np.zeros((2, 1)))
