"""Where is a device, given what receivers heard of it in one tick: the whole likelihood over a grid.

For a device with readings ``z`` the likelihood of cell ``c`` is normal about the radio map's expectation ``m[c]``
with one unknown offset common to all readings, whose normal prior (standard deviation ``s``) is integrated out.
By the matrix determinant lemma and the Sherman-Morrison formula::

    -2 log L = sum w (z - m)^2 - (sum w (z - m))^2 / (sum w + 1/s^2) - sum log w + log(1 + s^2 sum w)

with ``w = 1 / sd[c]^2``. Expanding the squares makes every sum over receivers a matrix product of what was heard,
(devices, receivers), with tables that depend on the map alone, (receivers, cells): one GEMM for all devices.
Receivers that were awake and did not hear the device add ``log(1 - P(heard))``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from positioning.grid import Grid
from positioning.radio import RadioMap

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

REFERENCE_DBM = -75.0  # levels are taken from here, so that squares stay small in single precision
BLOCK = 32  # rows of every matrix product: bounded memory, and results that do not depend on the company


@dataclass(frozen=True)
class Readings:
    """What was heard in one tick.

    Attributes:
        device: (M,) slot of the device, not negative.
        receiver: (M,) index of the receiver in the radio map.
        rssi_dbm: (M,) level.
    """

    device: Ints
    receiver: Ints
    rssi_dbm: Floats

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.device)


@dataclass(frozen=True)
class Prior:
    """What was believed about D devices before they were heard.

    Attributes:
        floor_probability: (D, F).
        xy_m: (D, 2).
        cov_m2: (D, 2, 2).
    """

    floor_probability: Floats
    xy_m: Floats
    cov_m2: Floats


@dataclass(frozen=True)
class Fixes:
    """Where D devices were, each from the readings of one tick (and a prior, where one was given).

    Attributes:
        device: (D,) slots, ascending.
        floor: (D,) most probable floor.
        floor_probability: (D, F).
        xy_m: (D, 2) posterior mean on that floor.
        cov_m2: (D, 2, 2) posterior covariance there.
        heard: (D,) number of receivers that heard the device.
        surprise: (D,) log of the share of the prior's mass that the readings left over; very negative where
            they contradict it. Zero without a prior.
    """

    device: Ints
    floor: Ints
    floor_probability: Floats
    xy_m: Floats
    cov_m2: Floats
    heard: Ints
    surprise: Floats

    def __len__(self) -> int:
        """Return the number of devices."""
        return len(self.device)


@dataclass(frozen=True)
class LikelihoodSettings:
    """How far the readings of one moment are to be trusted.

    Attributes:
        temper: exponent of the likelihood; below one because errors of one moment are not independent.
        repeat_correlation: correlation of the errors of several readings of one receiver in one tick.
        silence: exponent of what receivers say that did not hear the device.
        wander: weight of a uniform share mixed into a prior, so that a lost track is found again.
    """

    temper: float = 1.0
    repeat_correlation: float = 0.5
    silence: float = 1.0
    wander: float = 1e-3


class Locator:
    """Computes fixes for many devices at once over a fixed grid and radio map."""

    def __init__(self, radio: RadioMap, grid: Grid, settings: LikelihoodSettings | None = None) -> None:
        """Prepare the tables; memory is 6 x receivers x cells x 4 bytes."""
        self.grid = grid
        self.settings = settings or LikelihoodSettings()
        self.receivers = len(radio.receivers)
        self._offset_precision = np.float32(1.0 / max(radio.offset_sd_db, 1e-3) ** 2)
        prediction = radio.predict(grid.xyz_m)
        mean = (prediction.mean_dbm - REFERENCE_DBM).T
        weight = 1.0 / prediction.sd_db.T**2
        hear = np.clip(prediction.hear_probability.T, 1e-6, 1 - 1e-6)
        silence = self.settings.silence
        # Rows of `_square` answer to (n z^2, n z, n, heard, awake); of `_linear` to (n z, n); of `_weight` to n.
        edge = silence * (np.log(hear) - np.log1p(-hear))
        self._square = np.concatenate(
            (-0.5 * weight, weight * mean, 0.5 * (np.log(weight) - weight * mean**2), edge, silence * np.log1p(-hear))
        ).astype(np.float32)  # fmt: skip
        self._linear = np.concatenate((weight, -weight * mean)).astype(np.float32)
        self._weight = np.ascontiguousarray(weight, dtype=np.float32)
        self._constant_weight = bool(np.ptp(weight, axis=1).max(initial=0.0) == 0.0)
        self._centre = grid.xyz_m[:, :2].mean(axis=0)
        x, y = (grid.xyz_m[:, :2] - self._centre).T
        self._shape = np.stack((x * x, 2 * x * y, y * y, x, y, np.ones_like(x))).astype(np.float32)
        on_floor = grid.floor == np.arange(grid.floors)[:, None]
        moments = np.stack((np.ones_like(x), x, y, x * x, x * y, y * y))
        self._moments = np.ascontiguousarray(
            (on_floor[:, None, :] * moments).reshape(-1, len(grid)).T, dtype=np.float32
        )
        self._on_floor = on_floor.astype(np.float32)

    def locate(self, readings: Readings, *, awake: Bools | None = None, prior: Prior | None = None) -> Fixes:
        """Return a fix for every device heard.

        Args:
            readings: what was heard in one tick; the order does not matter.
            awake: (R,) which receivers were listening; silence of the others says nothing. By default all.
            prior: what was believed about each distinct device of ``readings``, in ascending order of slot.

        Raises:
            ValueError: an index is out of range, or a level is not finite.
        """
        self._check(readings)
        device, heard = self._tabulate(readings)
        awake_row = np.ones(self.receivers) if awake is None else np.asarray(awake, dtype=np.float64)
        parts = [
            self._block(heard[:, start : start + BLOCK], awake_row, _part(prior, start))
            for start in range(0, len(device), BLOCK)
        ]
        if not parts:
            floors = self.grid.floors
            empty = np.empty
            return Fixes(
                device, np.empty(0, dtype=np.int64), empty((0, floors)), empty((0, 2)), empty((0, 2, 2)),
                np.empty(0, dtype=np.int64), empty(0),
            )  # fmt: skip
        floor_probability, xy, cov, surprise = (np.concatenate(part) for part in zip(*parts, strict=True))
        count = (heard[0] > 0).sum(axis=1)
        return Fixes(device, floor_probability.argmax(axis=1), floor_probability, xy, cov, count, surprise)

    def log_likelihood(self, readings: Readings, *, awake: Bools | None = None) -> tuple[Ints, Floats32]:
        """Return the devices (D,) and the log-likelihood of every cell (D, C), up to a constant per device."""
        self._check(readings)
        device, heard = self._tabulate(readings)
        awake_row = np.ones(self.receivers) if awake is None else np.asarray(awake, dtype=np.float64)
        blocks = [
            self._log_likelihood(_padded(heard[:, start : start + BLOCK]), awake_row)[: len(device) - start]
            for start in range(0, len(device), BLOCK)
        ]
        return device, np.concatenate([*blocks, np.empty((0, len(self.grid)), dtype=np.float32)])

    def _check(self, readings: Readings) -> None:
        for name, values in (("device", readings.device), ("receiver", readings.receiver)):
            if len(values) and values.min() < 0:
                raise ValueError(f"a reading has {name} {values.min()}, which is negative")
        if len(readings) and readings.receiver.max() >= self.receivers:
            raise ValueError(
                f"a reading has receiver {readings.receiver.max()}, the map knows {self.receivers}"
            )
        if not np.isfinite(readings.rssi_dbm).all():
            raise ValueError("a reading's level is not finite; drop such readings before locating")

    def _tabulate(self, readings: Readings) -> tuple[Ints, Floats]:
        """Return devices (D,) and (2, D, R): effective number of readings, and their mean level."""
        order = np.lexsort((readings.rssi_dbm, readings.receiver, readings.device))
        device, row = np.unique(readings.device[order], return_inverse=True)
        key = row.reshape(-1) * self.receivers + readings.receiver[order]
        size = len(device) * self.receivers
        count = np.bincount(key, minlength=size).astype(np.float64)
        total = np.bincount(key, readings.rssi_dbm[order] - REFERENCE_DBM, minlength=size)
        mean = total / np.maximum(count, 1.0)
        effective = count / (1.0 + np.maximum(count - 1.0, 0.0) * self.settings.repeat_correlation)
        return device, np.stack((effective, mean)).reshape(2, len(device), self.receivers)

    def _log_likelihood(self, heard: Floats, awake: Floats) -> Floats32:
        """Return (BLOCK, C) for (2, BLOCK, R) of effective number and mean level."""
        number, level = heard
        linear_in = np.concatenate((number * level, number), axis=1).astype(np.float32)
        listening = np.broadcast_to(awake, number.shape)
        left = np.concatenate((number * level**2, linear_in, number > 0, listening), axis=1).astype(
            np.float32
        )
        log_likelihood: Floats32 = left @ self._square
        linear = linear_in @ self._linear
        np.square(linear, out=linear)
        if self._constant_weight:
            total = number.astype(np.float32) @ self._weight[:, :1]
        else:
            total = number.astype(np.float32) @ self._weight
        linear /= 2.0 * (total + self._offset_precision)
        log_likelihood += linear
        if not self._constant_weight:
            log_likelihood -= 0.5 * np.log1p(total / self._offset_precision)
        return log_likelihood

    def _block(
        self, heard: Floats, awake: Floats, prior: Prior | None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return floor probability, mean, covariance and surprise of at most BLOCK devices."""
        used = heard.shape[1]
        log_posterior = self._log_likelihood(_padded(heard), awake)
        log_posterior *= np.float32(self.settings.temper)
        surprise = np.zeros(used)
        if prior is not None:
            flat = _log_sum(log_posterior[:used])
            log_posterior[:used] += self._log_prior(prior)
            surprise = _log_sum(log_posterior[:used]) - flat
        log_posterior -= log_posterior.max(axis=1, keepdims=True)
        posterior = np.exp(log_posterior, out=log_posterior)
        moments = (posterior @ self._moments)[:used].astype(np.float64)
        return *self._summary(moments.reshape(used, self.grid.floors, 6)), surprise

    def _log_prior(self, prior: Prior) -> Floats32:
        """Return the prior (D, C): a normal in x/y times the floor's probability, mixed with a uniform share."""
        precision = np.linalg.inv(prior.cov_m2)
        mean = prior.xy_m - self._centre
        pull = np.einsum("dij,dj->di", precision, mean)
        constant = (
            np.einsum("di,di->d", pull, mean) - np.log(np.linalg.det(precision)) + 2 * np.log(2 * np.pi)
        )
        columns = (precision[:, 0, 0], precision[:, 0, 1], precision[:, 1, 1], *(-2.0 * pull.T), constant)
        rows = np.zeros((BLOCK, 6), dtype=np.float32)
        rows[: len(mean)] = -0.5 * np.stack(columns, axis=1)
        log_prior: Floats32 = (rows @ self._shape)[: len(mean)]
        log_prior += 2.0 * np.log(self.grid.cell_m)
        floor = np.log(np.clip(prior.floor_probability, 1e-6, 1.0)).astype(np.float32)
        log_prior += floor[:, self.grid.floor]
        np.logaddexp(log_prior, np.float32(np.log(self.settings.wander / len(self.grid))), out=log_prior)
        return log_prior

    def _summary(self, moments: Floats) -> tuple[Floats, Floats, Floats]:
        """Return floor probabilities, and mean and covariance on the likeliest floor, from raw moments."""
        mass = moments[:, :, 0]
        floor_probability = mass / mass.sum(axis=1, keepdims=True)
        best = mass.argmax(axis=1)
        total, x, y, xx, xy, yy = moments[np.arange(len(moments)), best].T
        x, y, xx, xy, yy = (value / total for value in (x, y, xx, xy, yy))
        inside_cell = self.grid.cell_m**2 / 12.0
        cov = np.empty((len(moments), 2, 2))
        cov[:, 0, 0] = np.maximum(xx - x * x, 0.0) + inside_cell
        cov[:, 1, 1] = np.maximum(yy - y * y, 0.0) + inside_cell
        limit = 0.999 * np.sqrt(cov[:, 0, 0] * cov[:, 1, 1])
        cov[:, 0, 1] = cov[:, 1, 0] = np.clip(xy - x * y, -limit, limit)
        return floor_probability, np.stack((x, y), axis=1) + self._centre, cov


def _padded(heard: Floats) -> Floats:
    """Return (2, BLOCK, R): every product has the same shape, hence the same rounding, in any company."""
    return np.pad(heard, ((0, 0), (0, BLOCK - heard.shape[1]), (0, 0)))


def _part(prior: Prior | None, start: int) -> Prior | None:
    if prior is None:
        return None
    rows = slice(start, start + BLOCK)
    return Prior(prior.floor_probability[rows], prior.xy_m[rows], prior.cov_m2[rows])


def _log_sum(values: Floats32) -> Floats:
    """Return the log of the sum of exponentials of each row."""
    top = values.max(axis=1)
    return np.asarray(np.log(np.exp(values - top[:, None]).sum(axis=1)) + top, dtype=np.float64)
