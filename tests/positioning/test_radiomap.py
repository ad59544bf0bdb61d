"""The surveyed map: the Gaussian process, hearing, and its file."""

import json
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from positioning.calibrate import calibrate
from positioning.radio import RadioModel
from positioning.radiomap import Hearing, Residual, SurveyedMap, radio_from_dict, survey_map
from positioning.survey import Survey

Floats = npt.NDArray[np.float64]

BASE = replace(
    RadioModel.prior(("a", "b"), np.array([[0.0, 0, 3], [30, 20, 3]])), slab_z_m=np.array([4.0]), hear_max=0.5
)


def hand_made() -> SurveyedMap:
    """Return a map with three supports of the first receiver, one of them upstairs."""
    return SurveyedMap(
        BASE, Residual(8.0, 5.0, 4.0, 1.0), Hearing(3.0, 2.0),
        np.zeros(3, dtype=int), np.array([[5.0, 5, 1], [9, 5, 1], [5, 5, 6]]), np.array([6.0, 3.0, -8.0]),
        np.array([4.0, 1.0, 9.0]), np.array([[5.0, 5, 1]]), np.array([10.0]), np.array([[10.0, 0.0]]),
    )  # fmt: skip


def test_residual_is_textbook_regression() -> None:
    """Mean and variance are those of the Gaussian process formulas, written out."""
    places = np.array([[6.0, 5, 1], [20, 15, 1]])
    ground = hand_made().support_xyz_m[:2]

    def kernel(a: Floats, b: Floats) -> Floats:
        scaled = np.sqrt(3) * cdist(a, b) / 8.0
        return np.asarray(25.0 * (1 + scaled) * np.exp(-scaled))

    inverse = np.linalg.inv(kernel(ground, ground) + np.diag([16 / 4 + 1.0, 16 / 1 + 1.0]))
    across = kernel(places, ground)
    prediction = hand_made().predict(places)
    mean = BASE.expected_dbm(places)[:, 0] + across @ inverse @ np.array([6.0, 3.0])
    variance = 25.0 - np.diag(across @ inverse @ across.T) + 16.0 + 1.0
    np.testing.assert_allclose(prediction.mean_dbm[:, 0], mean, rtol=1e-9)
    np.testing.assert_allclose(prediction.sd_db[:, 0] ** 2, variance, rtol=1e-9)


def test_far_from_the_survey_the_map_is_path_loss_and_less_sure() -> None:
    """Without supports near, the mean is path loss and the spread that of the whole residual."""
    prediction = hand_made().predict(np.array([[400.0, 400, 1]]))
    np.testing.assert_allclose(prediction.mean_dbm, BASE.expected_dbm(np.array([[400.0, 400, 1]])), atol=1e-6)
    np.testing.assert_allclose(prediction.sd_db, np.sqrt(25 + 16 + 1), rtol=1e-6)


def test_floors_know_nothing_of_each_other() -> None:
    """The support upstairs pulls down the level upstairs and leaves the ground floor alone."""
    up, down = hand_made().predict(np.array([[5.0, 5, 6], [5, 5, 1]])).mean_dbm[:, 0]
    up0, down0 = BASE.expected_dbm(np.array([[5.0, 5, 6], [5, 5, 1]]))[:, 0]
    assert up < up0 - 5
    assert down > down0 + 3


def test_hearing_is_local() -> None:
    """Where a receiver was always or never heard the chance says so; elsewhere the edge does."""
    here, there = np.array([[5.0, 5, 1]]), np.array([[50.0, 5, 1]])
    chance = hand_made().predict(here).hear_probability[0]
    assert chance[0] > 0.8
    assert chance[1] < 0.1
    far = hand_made().predict(there)
    np.testing.assert_allclose(far.hear_probability, BASE.hear_probability(far.mean_dbm), atol=1e-3)


def test_a_surveyed_map_predicts_walls_better_than_path_loss() -> None:
    """A hall with a wall: readings between surveyed points are predicted clearly better with the residual."""
    rng = np.random.default_rng(0)
    receivers = np.array([[0.0, 0, 3], [30, 20, 3], [0, 20, 3]])
    prior = RadioModel.prior(("a", "b", "c"), receivers)

    def level(places: Floats) -> Floats:
        behind = (places[:, :1] > 15) != (receivers[:, 0] > 15)
        return np.asarray(prior.expected_dbm(places) - 12.0 * behind)

    points = np.repeat(rng.uniform((0, 0, 1.2), (30, 20, 1.2), (120, 3)), 12, axis=0)
    receiver = np.tile(np.arange(3), 480)
    heard = level(points)[np.arange(1440), receiver] + rng.normal(0, 3, 1440)
    survey = Survey.from_points(points, receiver, heard)
    model = calibrate(survey, prior)
    surveyed = survey_map(survey, model)
    test = rng.uniform((1, 1, 1.2), (29, 19, 1.2), (400, 3))
    error = surveyed.predict(test).mean_dbm - level(test)
    plain = model.expected_dbm(test) - level(test)
    assert np.sqrt(np.mean(error**2)) < 0.7 * np.sqrt(np.mean(plain**2))
    # The spread it states covers its own error and the noise of a reading.
    score = (error + rng.normal(0, 3, error.shape)) / surveyed.predict(test).sd_db
    assert 0.7 < score.std() < 1.2


def test_map_file_round_trip_and_damage() -> None:
    """A map comes back from JSON with the same predictions; a damaged one is refused."""
    data = json.loads(json.dumps(hand_made().to_dict()))
    again = radio_from_dict(data)
    places = np.array([[6.0, 5, 1]])
    np.testing.assert_allclose(again.predict(places).mean_dbm, hand_made().predict(places).mean_dbm)
    assert isinstance(radio_from_dict(BASE.to_dict()), RadioModel)
    with pytest.raises(ValueError, match="version 9"):
        radio_from_dict(data | {"version": 9})
    with pytest.raises(ValueError, match="missing"):
        SurveyedMap.from_dict({key: value for key, value in data.items() if key != "residual"})
