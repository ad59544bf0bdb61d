"""Motion model and batched updates against filterpy, and what composes."""

import numpy as np
import numpy.typing as npt
import pytest
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import KalmanFilter
from hypothesis import given
from hypothesis import strategies as st

from positioning.track import Motion, assimilate, kalman_update

Floats = npt.NDArray[np.float64]


def covariances(rng: np.random.Generator, count: int, size: int) -> Floats:
    """Return random covariance matrices."""
    root = rng.normal(size=(count, size, size))
    return root @ root.transpose(0, 2, 1) + 0.1 * np.eye(size)


def test_a_hundred_devices_match_filterpy() -> None:
    """Predicting and updating a batch gives what filterpy's filter gives device by device, to 1e-9."""
    rng, motion = np.random.default_rng(1), Motion()
    mean, cov = rng.normal(size=(100, 4)) * 10, covariances(rng, 100, 4)
    filters = [KalmanFilter(dim_x=4, dim_z=2) for _ in range(100)]
    for i, oracle in enumerate(filters):
        oracle.x, oracle.P, oracle.H = mean[i].copy(), cov[i].copy(), np.eye(2, 4)
    for _ in range(20):
        dt = rng.uniform(0.0, 30.0, 100)
        seen, noise = rng.normal(size=(100, 2)) * 20, covariances(rng, 100, 2)
        mean, cov = motion.predict(mean, cov, dt)
        mean, cov, distance = kalman_update(mean, cov, seen, noise)
        for i, oracle in enumerate(filters):
            oracle.predict(F=motion.transition(dt[i : i + 1])[0], Q=motion.noise(dt[i : i + 1])[0])
            oracle.update(seen[i], R=noise[i])
            assert distance[i] == pytest.approx(oracle.mahalanobis**2, rel=1e-6)
    np.testing.assert_allclose(mean, [oracle.x for oracle in filters], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(cov, [oracle.P for oracle in filters], rtol=1e-9, atol=1e-9)


def test_assimilating_a_normal_posterior_is_the_kalman_update() -> None:
    """Handing over the position posterior of a normal measurement gives the Kalman update."""
    rng = np.random.default_rng(2)
    mean, cov = rng.normal(size=(50, 4)), covariances(rng, 50, 4)
    seen, noise = rng.normal(size=(50, 2)), covariances(rng, 50, 2)
    expected_mean, expected_cov, _ = kalman_update(mean, cov, seen, noise)
    new_mean, new_cov = assimilate(mean, cov, expected_mean[:, :2], expected_cov[:, :2, :2])
    np.testing.assert_allclose(new_mean, expected_mean, atol=1e-9)
    np.testing.assert_allclose(new_cov, expected_cov, atol=1e-9)


def test_short_steps_are_constant_velocity_with_white_noise() -> None:
    """For a velocity that fades slowly the noise is filterpy's continuous white noise model."""
    motion, dt = Motion(speed_sd_m_s=30.0, fade_s=1e5), 3.0
    density = 2 * motion.speed_sd_m_s**2 / motion.fade_s
    expected = Q_continuous_white_noise(2, dt=dt, spectral_density=density)
    np.testing.assert_allclose(motion.noise(np.array([dt]))[0][np.ix_([0, 2], [0, 2])], expected, rtol=1e-3)
    np.testing.assert_allclose(motion.transition(np.array([dt]))[0, 0, 2], dt, rtol=1e-3)


@given(first=st.floats(0, 100), second=st.floats(0, 100), fade=st.floats(0.5, 100))
def test_predictions_compose(first: float, second: float, fade: float) -> None:
    """Two predictions in a row are the prediction over their sum."""
    motion, rng = Motion(fade_s=fade), np.random.default_rng(3)
    mean, cov = rng.normal(size=(1, 4)), covariances(rng, 1, 4)
    twice = motion.predict(*motion.predict(mean, cov, np.array([first])), np.array([second]))
    once = motion.predict(mean, cov, np.array([first + second]))
    for a, b in zip(twice, once, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@given(dt=st.floats(0, 7200))
def test_uncertainty_grows_and_speed_stays_human(dt: float) -> None:
    """Unheard devices grow less certain, and their speed never leaves the walking range."""
    motion = Motion()
    mean, cov = motion.start(np.zeros((1, 2)), np.eye(2)[None])
    _, later = motion.predict(mean, cov, np.array([dt]))
    assert np.linalg.eigvalsh(later[0]).min() > 0
    assert later[0, 0, 0] >= 1.0
    assert later[0, 2, 2] == pytest.approx(motion.speed_sd_m_s**2)


def test_retrodiction_is_exact_for_the_stationary_process() -> None:
    """What a state now says of the past is the conditional distribution under the joint law of both."""
    motion, dt = Motion(0.7, 10.0), 2.0
    start = np.diag([1e6, 1e6, 0.49, 0.49])  # a vague place and a velocity from the long run
    F, Q = motion.transition(np.array([dt]))[0], motion.noise(np.array([dt]))[0]
    now = F @ start @ F.T + Q
    gain = start @ F.T @ np.linalg.inv(now)
    state, spread = np.array([3.0, -1.0, 0.8, 0.2]), np.diag([2.0, 3.0, 0.2, 0.1])
    expected = gain @ state
    expected_cov = start + gain @ (spread - now) @ gain.T
    mean, cov = motion.retrodict(state[None], spread[None], np.array([dt]))
    np.testing.assert_allclose(mean[0], expected, atol=1e-4)
    np.testing.assert_allclose(cov[0], expected_cov, atol=1e-3)


def test_an_outlier_pulls_less_but_not_nothing() -> None:
    """A measurement far outside the gate moves the track less than without a gate."""
    mean, cov = Motion().start(np.zeros((1, 2)), 4 * np.eye(2)[None])
    far, noise = np.array([[100.0, 0.0]]), 4 * np.eye(2)[None]
    plain, _, _ = kalman_update(mean, cov, far, noise)
    gated, gated_cov, distance = kalman_update(mean, cov, far, noise, gate=9.0)
    assert distance[0] == pytest.approx(100**2 / 8)
    assert 0 < gated[0, 0] < 0.1 * plain[0, 0]
    assert np.linalg.eigvalsh(gated_cov[0]).min() > 0


def test_motion_refuses_nonsense() -> None:
    """A speed or a fading time that is not positive is an error."""
    with pytest.raises(ValueError, match="positive"):
        Motion(speed_sd_m_s=0.0)
