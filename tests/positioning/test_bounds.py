"""Cramer-Rao bounds: closed forms, brute force, and estimators that meet them."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares

from positioning.bounds import TrackBound, fix_bound, tick_information
from positioning.radio import Prediction, RadioModel
from positioning.track import Motion

Floats = npt.NDArray[np.float64]

HEARD = 0.999


def ring(count: int, radius_m: float = 20.0, *, exponent: float = 3.0, sigma_db: float = 6.0) -> RadioModel:
    """Return receivers evenly on a circle about the origin, on one plane, that always hear the device."""
    angle = 2 * np.pi * np.arange(count) / count
    places = radius_m * np.stack((np.cos(angle), np.sin(angle), np.zeros(count)), axis=1)
    names = tuple(map(str, range(count)))
    return replace(
        RadioModel.prior(names, places, exponent=exponent, sigma_db=sigma_db),
        near_m=1e-6,
        hear_max=HEARD,
        hear_dbm=-1000.0,
        moment_sd_db=0.0,
    )


def patwari(radio: RadioModel, place: Floats) -> Floats:
    """Return the information matrix of Patwari et al. (2003) for path loss on a plane, term by term."""
    factor = (10 * radio.exponent / (radio.sigma_db * np.log(10))) ** 2
    delta = place - radio.receiver_xyz_m
    squared = (delta**2).sum(axis=1)
    matrix: Floats = np.einsum("r,ri,rj->ij", factor / squared**2, delta[:, :2], delta[:, :2])
    return matrix


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(1.5, 5), st.floats(2, 10), st.integers(3, 9))
def test_path_loss_gives_the_published_formula(
    x: float, y: float, exponent: float, sigma_db: float, count: int
) -> None:
    """Anywhere inside a ring, the entries for a known offset are those of Patwari et al."""
    radio, place = ring(count, exponent=exponent, sigma_db=sigma_db), np.array([[x, y, 0.0]])
    found = tick_information(radio, place, step_m=0.01)[0, :2, :2]
    expected = HEARD * patwari(radio, place[0])
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5 * np.trace(expected))


def test_in_the_middle_of_a_ring_an_unknown_offset_costs_nothing() -> None:
    """At the centre all bearings cancel: the bound is 2 d^2 / (R b) on both axes, whatever the offset."""
    count, radius_m = 6, 20.0
    information = tick_information(ring(count, radius_m), np.zeros((1, 3)), step_m=0.01)
    factor = (10 * 3.0 / (6.0 * np.log(10))) ** 2
    expected = np.eye(2) * 2 * radius_m**2 / (count * factor * HEARD)
    for offset_sd_db in (0.0, 5.0, 1e6):
        assert fix_bound(information, offset_sd_db)[0] == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_two_receivers_cannot_tell_place_and_offset_apart() -> None:
    """Beside two receivers with an unknown offset only one combination is left: the bound grows with it."""
    places = np.array([[0.0, 0, 0], [40, 0, 0]])
    radio = replace(ring(4), receivers=("a", "b", "c", "d"), receiver_xyz_m=np.vstack((places, places)))
    information = tick_information(radio, np.array([[15.0, 12.0, 0.0]]), step_m=0.01)
    known, unsure, open_ = (np.trace(fix_bound(information, sd)[0]) for sd in (0.0, 5.0, 500.0))
    assert known < unsure < open_
    assert open_ > 1000 * known


def test_levels_shared_by_a_moment_are_a_second_offset() -> None:
    """A single fix cannot tell what a moment shares from the device's own offset: variances add up."""
    place, radio = np.array([[6.0, 4.0, 0.0]]), ring(5)
    shared = tick_information(replace(radio, moment_sd_db=3.0), place)
    alone = tick_information(radio, place)
    assert fix_bound(shared, 4.0) == pytest.approx(fix_bound(alone, 5.0), rel=1e-9)


def test_who_hears_tells_too() -> None:
    """A hearing edge through the place adds information across it, even where levels say nothing."""
    deaf = replace(ring(1), sigma_db=np.array([1e6]), hear_dbm=-77.0, hear_width_db=4.0, hear_max=0.5)
    place = np.array([[0.0, 0.0, 0.0]])
    slope = 10 * 3.0 / np.log(10) / 20.0  # dB per metre, 20 m away
    level = float(deaf.expected_dbm(place)[0, 0])
    edge = 1 / (1 + np.exp(-(level + 77.0) / 4.0))
    chance, change = 0.5 * edge, 0.5 * edge * (1 - edge) / 4.0 * slope
    information = tick_information(deaf, place, step_m=0.01)[0]
    assert information[0, 0] == pytest.approx(change**2 / (chance * (1 - chance)), rel=1e-3)
    assert information[1, 1] == pytest.approx(0.0, abs=1e-9)


@dataclass(frozen=True)
class Louder(RadioModel):
    """A map whose levels are the same everywhere and spread more to the east, by 0.1 dB a metre."""

    def predict(self, xyz_m: Floats) -> Prediction:
        """Predict reception at places (N, 3)."""
        shape = len(xyz_m), len(self.receivers)
        spread = np.broadcast_to(5.0 + 0.1 * xyz_m[:, :1], shape)
        return Prediction(np.full(shape, -70.0), spread, np.full(shape, 0.5))


def test_how_much_levels_scatter_tells_too() -> None:
    """A normal level with spread s tells 2 / s^2 of s: Kay (1993), equation 3.31, counted as it is heard."""
    base = ring(4)
    radio = Louder(base.receivers, base.receiver_xyz_m, base.p0_dbm, base.exponent, base.sigma_db)
    information = tick_information(radio, np.array([[20.0, 3.0, 0.0]]))[0]
    assert information[0, 0] == pytest.approx(4 * 0.5 * 2 * 0.1**2 / 7.0**2)
    assert information[:2, 1] == pytest.approx(np.zeros(2))


def test_maximum_likelihood_meets_the_bound_where_it_should() -> None:
    """With little noise, the spread of least-squares fixes with a known prior of the offset is the bound."""
    radio, place, offset_sd_db = ring(8, sigma_db=0.5), np.array([5.0, -3.0, 0.0]), 2.0
    rng = np.random.default_rng(4)
    mean = radio.expected_dbm(place[None])[0]

    def fix() -> Floats:
        level = mean + rng.normal(0, offset_sd_db) + rng.normal(0, radio.sigma_db)

        def misfit(theta: Floats) -> Floats:
            expected = radio.expected_dbm(np.array([[theta[0], theta[1], 0.0]]))[0] + theta[2]
            return np.append((level - expected) / radio.sigma_db, theta[2] / offset_sd_db)

        found: Floats = least_squares(misfit, np.zeros(3)).x
        return found[:2]

    spread = np.cov(np.array([fix() for _ in range(300)]).T)
    bound = fix_bound(tick_information(radio, place[None]) / HEARD, offset_sd_db)[0]
    assert spread == pytest.approx(bound, rel=0.15, abs=0.1 * np.trace(bound))


def by_brute_force(track: TrackBound, moment_s: Floats, information: Floats, at_s: float) -> Floats:
    """Return the covariance of the place at ``at_s`` given all ticks, from their joint normal."""
    times = np.append(moment_s, at_s)
    size = len(times)
    place, speed, offset = track.start_sd_m**2, track.motion.speed_sd_m_s**2, track.offset_sd_db**2
    # x = place_0 + integral of an Ornstein-Uhlenbeck velocity; covariances in closed form.
    tau = track.motion.fade_s
    early, late = np.minimum.outer(times, times), np.maximum.outer(times, times)
    walk = speed * tau * (2 * early - tau * (1 - np.exp(-early / tau)) * (1 + np.exp(-(late - early) / tau)))
    level = offset * np.exp(-(late - early) / track.offset_stay_s)
    axis = place + walk
    joint = np.zeros((3 * size, 3 * size))
    for column, covariance in enumerate((axis, axis, level)):
        joint[column * size : (column + 1) * size, column * size : (column + 1) * size] = covariance
    told = np.zeros_like(joint)
    for k, block in enumerate(information):
        rows = [k, size + k, 2 * size + k]
        told[np.ix_(rows, rows)] += block
    posterior = np.linalg.inv(np.linalg.inv(joint + 1e-9 * np.eye(3 * size)) + told)
    rows = [size - 1, 2 * size - 1]
    return np.asarray(posterior[np.ix_(rows, rows)], dtype=np.float64)


@pytest.mark.parametrize(("at_s", "known"), [(9.5, 4), (4.0, 4), (2.0, 3), (0.7, 2), (3.1, 0)])
def test_the_recursion_is_the_joint_information(at_s: float, known: int) -> None:
    """Predicted, filtered and smoothed bounds equal the inverse of the information of all moments at once."""
    radio = ring(5)
    track = TrackBound(Motion(), offset_sd_db=4.0, start_sd_m=30.0)
    moment_s = np.array([1.0, 2.5, 5.0, 8.0])
    path = np.array([[0.0, 0, 0], [2, 1, 0], [5, 2, 0], [8, 6, 0]])
    information = tick_information(radio, path)
    found = track.along(moment_s, information, np.array([at_s]), np.array([known]))[0]
    expected = by_brute_force(track, moment_s[:known], information[:known], at_s)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_nobody_heard_leaves_the_start() -> None:
    """Without any tick the place is as unsure as at the start, and more with time."""
    track = TrackBound(Motion(), offset_sd_db=4.0, start_sd_m=30.0)
    nothing = np.zeros((0, 3, 3))
    bound = track.along(np.zeros(0), nothing, np.array([0.0, 10.0]), np.zeros(2, dtype=np.int64))
    assert bound[0] == pytest.approx(900.0 * np.eye(2))
    assert bound[1, 0, 0] > 900.0
