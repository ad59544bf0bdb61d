"""How far from itself a phone is found is learnt, and weighs what is near against all else."""

import numpy as np
import pytest

from positioning.identity.distances import EDGES_S, KNOWN, SCALES, USUAL, Apart, Distances

AREA_M2 = 10_000.0


def apart(*away_m: float, sd_m: float = 10.0) -> Apart:
    """Return devices so far away, with covariances that add up to ``sd_m`` squared."""
    away = np.array(away_m)
    return Apart((away / sd_m) ** 2, np.full(len(away), AREA_M2 / (2.0 * np.pi * sd_m**2)))


def test_near_is_likelier_than_far_and_nothing_is_ruled_out() -> None:
    """The ratio falls with distance, down to a floor; places that are not known say nothing."""
    ratio = Distances().likelihood_ratio(apart(0.0, 5.0, 10.0, 30.0, 500.0, np.nan), np.full(6, 30.0))
    assert (np.diff(ratio[:5]) < 0.0).all()
    assert ratio[4] == pytest.approx(USUAL[-1])
    assert ratio[5] == 1.0


def test_ratio_is_a_density_over_that_of_anywhere() -> None:
    """Over the whole area it adds up to one, less what is beyond its rim."""
    radius_m = np.arange(0.25, 400.0, 0.5)
    ratio = Distances().likelihood_ratio(apart(*radius_m), np.zeros(len(radius_m)))
    near = ratio - USUAL[-1]
    assert (near * 2.0 * np.pi * radius_m * 0.5).sum() / AREA_M2 == pytest.approx(1.0 - USUAL[-1], rel=1e-3)


def test_scales_of_a_place_are_learnt_for_silences_of_each_length() -> None:
    """Who stays during short silences and walks during long ones teaches two different scales."""
    rng, known = np.random.default_rng(1), Distances()
    for _ in range(1_500):
        for silent_s, scale in ((5.0, 0.1), (100.0, 3.0)):
            m2 = scale * np.square(rng.normal(size=(1, 2))).sum(axis=1)
            known.learn(Apart(m2, np.full(1, 1_000.0)), np.full(1, silent_s), np.ones(1))
    shares = known.counts / known.counts.sum(axis=1, keepdims=True)
    scale = (shares[:, :-1] * SCALES).sum(axis=1) / shares[:, :-1].sum(axis=1)
    short, long = np.searchsorted(EDGES_S, [5.0, 100.0], side="right") - 1
    assert scale[short] == pytest.approx(0.1, rel=0.5)
    assert scale[long] == pytest.approx(3.0, rel=0.5)
    untouched = np.setdiff1d(np.arange(len(EDGES_S)), [short, long])
    assert known.counts[untouched] == pytest.approx(np.tile(KNOWN * USUAL, (len(untouched), 1)))


def test_what_is_not_believed_teaches_nothing() -> None:
    """A candidate counts as far as it is believed, and one whose place is unknown not at all."""
    known = Distances()
    known.learn(apart(0.0, np.nan), np.zeros(2), np.array([0.0, 1.0]))
    assert (known.counts == Distances().counts).all()
    known.learn(apart(0.0), np.zeros(1), np.array([0.4]))
    assert known.counts.sum() == pytest.approx(Distances().counts.sum() + 0.4)
