"""Tracks of many devices at once: a batched Kalman filter with a velocity that fades.

State per device: ``(x, y, vx, vy)`` in metres and seconds. Velocity follows an Ornstein-Uhlenbeck process
(the integrated Ornstein-Uhlenbeck model, e.g. Bar-Shalom, Li and Kirubarajan, 2001, section 8.2.3 for its
use as Singer's model): shoppers walk, slow down and stand, so a velocity seen long ago says nothing now and
its variance stays bounded. For times short against ``fade_s`` it is the constant-velocity model with
continuous white noise acceleration, ``filterpy.common.Q_continuous_white_noise``. Predictions compose: two
steps of 1 s equal one of 2 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """How people move.

    Attributes:
        speed_sd_m_s: standard deviation of each component of the velocity, in the long run.
        fade_s: time in which a velocity is forgotten to 1/e.
    """

    speed_sd_m_s: float = 0.7
    fade_s: float = 10.0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: a value is not positive.
        """
        if not (self.speed_sd_m_s > 0 and self.fade_s > 0):
            raise ValueError(f"speed_sd_m_s and fade_s must be positive, got {self}")

    def transition(self, dt_s: Floats) -> Floats:
        """Return the transition matrices (N, 4, 4) over times ``dt_s`` (N,), which may be negative."""
        decay = np.exp(-dt_s / self.fade_s)
        matrix = np.zeros((len(dt_s), 4, 4))
        matrix[:, [0, 1, 2, 3], [0, 1, 2, 3]] = np.stack((np.ones_like(decay),) * 2 + (decay,) * 2, axis=1)
        matrix[:, 0, 2] = matrix[:, 1, 3] = self.fade_s * (1.0 - decay)
        return matrix

    def noise(self, dt_s: Floats) -> Floats:
        """Return the process noise (N, 4, 4) over times ``dt_s`` (N,) that are not negative."""
        tau, variance = self.fade_s, self.speed_sd_m_s**2
        u = dt_s / tau
        first, second = -np.expm1(-u), -np.expm1(-2.0 * u)
        # The difference of nearly equal terms is taken as a series where u is small.
        series = u**3 / 3.0 - u**4 / 4.0 + 7.0 * u**5 / 60.0 - u**6 / 24.0
        place = 2.0 * variance * tau**2 * np.where(u < 1e-2, series, u - 2.0 * first + 0.5 * second)
        matrix = np.zeros((len(dt_s), 4, 4))
        matrix[:, 0, 0] = matrix[:, 1, 1] = place
        matrix[:, 2, 2] = matrix[:, 3, 3] = variance * second
        cross = variance * tau * first**2
        matrix[:, 0, 2] = matrix[:, 2, 0] = matrix[:, 1, 3] = matrix[:, 3, 1] = cross
        return matrix

    def predict(self, mean: Floats, cov: Floats, dt_s: Floats) -> tuple[Floats, Floats]:
        """Return mean (N, 4) and covariance (N, 4, 4) ``dt_s`` (N,) seconds later."""
        transition = self.transition(dt_s)
        moved = np.einsum("nij,nj->ni", transition, mean)
        spread = transition @ cov @ transition.transpose(0, 2, 1) + self.noise(dt_s)
        return moved, spread

    def retrodict(self, mean: Floats, cov: Floats, dt_s: Floats) -> tuple[Floats, Floats]:
        """Return mean and covariance ``dt_s`` (N,) seconds earlier, given a filtered state now.

        The state ran from then to now by ``predict``; with a stationary velocity the reversed process has the
        same form with the velocity's sign turned, so the noise is the same.
        """
        turn = np.array([1.0, 1.0, -1.0, -1.0])
        moved, spread = self.predict(mean * turn, cov * np.outer(turn, turn), dt_s)
        return moved * turn, spread * np.outer(turn, turn)

    def start(self, xy_m: Floats, cov_m2: Floats) -> tuple[Floats, Floats]:
        """Return the state of devices first seen at ``xy_m`` (N, 2) with covariance (N, 2, 2)."""
        mean = np.concatenate((xy_m, np.zeros_like(xy_m)), axis=1)
        cov = np.zeros((len(xy_m), 4, 4))
        cov[:, :2, :2] = cov_m2
        cov[:, 2, 2] = cov[:, 3, 3] = self.speed_sd_m_s**2
        return mean, cov


def kalman_update(
    mean: Floats, cov: Floats, xy_m: Floats, cov_m2: Floats, *, gate: float = np.inf
) -> tuple[Floats, Floats, Floats]:
    """Return mean (N, 4), covariance (N, 4, 4) and squared Mahalanobis distance (N,) after a measurement.

    A measurement further out than ``gate`` (squared Mahalanobis distance) has its covariance stretched
    until it lies on the gate, so that outliers pull less but never nothing (a Huber-like robust update).
    Joseph's form keeps the covariance symmetric and positive.
    """
    innovation = xy_m - mean[:, :2]
    spread = cov[:, :2, :2] + cov_m2
    distance = np.einsum("ni,nij,nj->n", innovation, np.linalg.inv(spread), innovation)
    stretch = np.maximum(distance / gate, 1.0)
    noise = cov_m2 + (stretch - 1.0)[:, None, None] * spread
    gain = cov[:, :, :2] @ np.linalg.inv(cov[:, :2, :2] + noise)
    moved = mean + np.einsum("nij,nj->ni", gain, innovation)
    keep = np.broadcast_to(np.eye(4), cov.shape).copy()
    keep[:, :, :2] -= gain
    updated = keep @ cov @ keep.transpose(0, 2, 1) + gain @ noise @ gain.transpose(0, 2, 1)
    return moved, updated, distance


def assimilate(mean: Floats, cov: Floats, xy_m: Floats, cov_m2: Floats) -> tuple[Floats, Floats]:
    """Return the state whose position is replaced by a posterior that already contains the prediction.

    Velocity follows by regression on position: the law of total expectation over a position posterior of any
    shape (assumed density filtering; for a normal likelihood it is exactly the Kalman update).
    """
    gain = cov[:, 2:, :2] @ np.linalg.inv(cov[:, :2, :2])
    new_mean = mean.copy()
    new_mean[:, :2] = xy_m
    new_mean[:, 2:] += np.einsum("nij,nj->ni", gain, xy_m - mean[:, :2])
    new_cov = np.empty_like(cov)
    cross = gain @ cov_m2
    new_cov[:, :2, :2] = cov_m2
    new_cov[:, 2:, :2] = cross
    new_cov[:, :2, 2:] = cross.transpose(0, 2, 1)
    change = gain @ (cov[:, :2, :2] - cov_m2) @ gain.transpose(0, 2, 1)
    new_cov[:, 2:, 2:] = cov[:, 2:, 2:] - change
    return new_mean, new_cov
