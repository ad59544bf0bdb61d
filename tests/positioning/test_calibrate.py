"""Calibration on surveys whose truth is known."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from positioning.calibrate import calibrate, room_weight
from positioning.grid import Floor
from positioning.radio import RadioModel
from positioning.survey import Survey

Floats = npt.NDArray[np.float64]

RECEIVERS = np.array([[x, y, 3.0] for x in (5.0, 25.0, 45.0) for y in (5.0, 25.0)])
TRUE = replace(
    RadioModel.prior(tuple("abcdef"), RECEIVERS),
    p0_dbm=np.array([-40.0, -42, -36, -45, -39, -41]),
    exponent=np.array([2.6, 3.0, 2.4, 2.9, 2.2, 3.1]),
    near_m=1.0,
)
PRIOR = RadioModel.prior(tuple("abcdef"), RECEIVERS)


def walked(seed: int = 0, *, noise_db: float = 3.0, lead_s: float = 0.0, walks: int = 12) -> Survey:
    """Return walks across the hall; a reading stamped t was heard where the walker is ``lead_s`` later."""
    rng = np.random.default_rng(seed)
    ways, readings = [], []
    for number in range(walks):
        corners = rng.uniform((0, 0), (50, 30), (5, 2))
        legs = np.hypot(*np.diff(corners, axis=0).T)
        ways.append(
            np.column_stack((np.full(5, number), np.append(0, np.cumsum(legs)), corners, np.full(5, 1.2)))
        )
        t = np.arange(6.0, legs.sum() - 6.0, 0.5)
        readings.append(np.column_stack((np.full(len(t), number), t)))
    way, read = np.concatenate(ways), np.concatenate(readings)
    receiver = rng.integers(0, 6, len(read))
    walk, way_walk = read[:, 0].astype(int), way[:, 0].astype(int)
    survey = Survey.from_walks(
        receiver, np.zeros(len(read)), read[:, 1], walk, way_walk, way[:, 1], way[:, 2:]
    )
    level = TRUE.expected_dbm(survey.positions(lead_s))[np.arange(len(read)), receiver]
    offset = rng.normal(0, 3, walks)[survey.track]
    return replace(survey, rssi_dbm=level + offset + rng.normal(0, noise_db, len(level)))


def rms_on_floor(model: RadioModel) -> float:
    """Return the error of the expected level over the hall, common offset aside."""
    x, y = np.meshgrid(np.arange(0, 50, 2.0), np.arange(0, 30, 2.0))
    places = np.column_stack((x.ravel(), y.ravel(), np.full(x.size, 1.2)))
    error = model.expected_dbm(places) - TRUE.expected_dbm(places)
    return float(np.sqrt(np.mean((error - error.mean()) ** 2)))


def test_path_loss_is_recovered() -> None:
    """From noisy walks with an offset each, levels over the hall come out within 1.5 dB."""
    fitted = calibrate(walked(), PRIOR)
    assert rms_on_floor(fitted) < 1.5 < rms_on_floor(PRIOR)
    assert fitted.sigma_db == pytest.approx(3.0, abs=0.8)


def test_outliers_do_little() -> None:
    """Five per cent of readings that are plain wrong move the levels by less than a decibel more."""
    survey = walked()
    rng = np.random.default_rng(5)
    level = survey.rssi_dbm.copy()
    level[rng.random(len(level)) < 0.05] = -30.0
    assert rms_on_floor(calibrate(replace(survey, rssi_dbm=level), PRIOR)) < 2.5


@pytest.mark.parametrize("lead_s", [-2.0, 0.0, 2.3])
def test_the_clock_offset_of_the_survey_is_found(lead_s: float) -> None:
    """Walks whose readings run ahead or behind are put right to 0.3 s."""
    assert calibrate(walked(lead_s=lead_s, walks=20), PRIOR).clock_offset_s == pytest.approx(lead_s, abs=0.3)


def test_a_receiver_with_three_readings_stays_near_the_others() -> None:
    """Few readings shift the level a little and leave the exponent to what the others show."""
    survey = walked()
    few = (survey.receiver != 0) | (np.cumsum(survey.receiver == 0) <= 3)
    fitted = calibrate(survey.subset(few), PRIOR)
    assert fitted.exponent[0] == pytest.approx(fitted.exponent[1:].mean(), abs=0.5)
    assert abs(fitted.p0_dbm[0] - fitted.p0_dbm[1:].mean()) < 12


def test_hearing_edge_is_learnt() -> None:
    """Where weak receivers are never heard, the chance at the edge falls between strong and weak levels."""
    rng = np.random.default_rng(3)
    places = np.repeat(rng.uniform((0, 0, 1.2), (50, 30, 1.2), (150, 3)), 6, axis=0)
    receiver = np.tile(np.arange(6), 150)
    level = TRUE.expected_dbm(places)[np.arange(900), receiver] + rng.normal(0, 1, 900)
    loud = level > -80
    fitted = calibrate(Survey.from_points(places[loud], receiver[loud], level[loud]), PRIOR)
    chance = fitted.hear_probability(np.array([-70.0, -90.0]))
    assert chance[0] > 0.9
    assert chance[1] < 0.1


def test_survey_positions_are_straight_between_waypoints_and_held_beyond() -> None:
    """Positions interpolate within each walk only, whatever the clock offset."""
    way = np.array([[0.0, 0, 1], [10, 0, 1], [50, 50, 1], [50, 60, 1]])
    survey = Survey.from_walks(
        np.zeros(3, dtype=int), np.zeros(3), np.array([5.0, 9.0, 1.0]), np.array([7, 7, 9]),
        np.array([7, 7, 9, 9]), np.array([0.0, 10, 0, 10]), way,
    )  # fmt: skip
    np.testing.assert_allclose(survey.positions()[:, :2], [[5, 0], [9, 0], [50, 51]])
    np.testing.assert_allclose(survey.positions(3.0)[:, :2], [[8, 0], [10, 0], [50, 54]])
    assert survey.moves


def test_point_surveys_group_the_nth_readings() -> None:
    """At a stationary point the n-th readings of all receivers are one moment; no clock is fitted."""
    places = np.array([[1.0, 1, 1]] * 5 + [[2.0, 2, 1]])
    survey = Survey.from_points(places, np.array([0, 1, 0, 1, 0, 0]), np.full(6, -60.0))
    assert len(set(survey.tick.tolist())) == 4
    assert survey.tick[0] == survey.tick[1] != survey.tick[2]
    assert not survey.moves


def test_rooms_that_are_never_entered_weigh_little_but_something() -> None:
    """Walks that stay outside rooms give the least weight; walks all over give about one."""
    hall = np.array([[0.0, 0], [50, 0], [50, 30], [0, 30]])
    room = np.array([[0.0, 0], [50, 0], [50, 15], [0, 15]])
    rng = np.random.default_rng(0)
    everywhere = rng.uniform((0, 0, 1.2), (50, 30, 1.2), (300, 3))
    corridor = everywhere[everywhere[:, 1] > 15]

    def weight(places: Floats) -> float:
        survey = Survey.from_points(places, np.zeros(len(places), dtype=int), np.zeros(len(places)))
        return room_weight(survey, [Floor([hall], rooms=[room])])

    assert weight(corridor) == pytest.approx(np.exp(-3))
    assert weight(everywhere) == pytest.approx(1.0, abs=0.2)
    assert weight(everywhere[:10]) == 1.0


def test_bad_surveys_are_refused() -> None:
    """An empty survey, or one of other receivers, says so."""
    survey = walked(walks=2)
    with pytest.raises(ValueError, match="no reading"):
        calibrate(survey.subset(np.zeros(len(survey), dtype=bool)), PRIOR)
    with pytest.raises(ValueError, match="the model has 1"):
        calibrate(survey, RadioModel.prior(("a",), RECEIVERS[:1]))
    with pytest.raises(ValueError, match="waypoints"):
        Survey.from_walks(
            np.zeros(1, dtype=int), np.zeros(1), np.zeros(1), np.ones(1, dtype=int),
            np.zeros(1, dtype=int), np.zeros(1), np.zeros((1, 3)),
        )  # fmt: skip
