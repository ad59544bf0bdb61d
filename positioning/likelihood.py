"""How likely each cell is, given what receivers heard of a device in one tick.

For a device with readings ``z`` the likelihood of a cell is normal about the radio map's expectation ``m``
there, with one unknown offset common to all readings whose normal prior (standard deviation ``s``) is
integrated out. By the matrix determinant lemma and the Sherman-Morrison formula, with ``w = 1 / sd^2``::

    -2 log L = sum w (z - m)^2 - (sum w (z - m))^2 / (sum w + 1/s^2) - sum log w + log(1 + s^2 sum w)

Expanding the squares makes every sum over receivers a matrix product of what was heard, (devices, receivers),
with tables that depend on the map alone, (receivers, cells): three GEMMs for all devices.
Receivers that were awake and did not hear the device add ``log(1 - P(heard))``, the others ``log P(heard)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from positioning.radio import Floats, RadioMap

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

REFERENCE_DBM = -75.0  # levels are taken from here, so that squares stay small in single precision
CHANCE_LIMIT = 1e-6  # no receiver is ever certain


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
class LikelihoodSettings:
    """How far the readings of one moment are to be trusted.

    Attributes:
        temper: exponent of the likelihood of levels; below one because errors of one moment, and of the same
            place a moment later, are not independent.
        silence: exponent of what receivers say by hearing the device at all or not.
        repeat_correlation: correlation of the errors of several readings of one receiver in one tick.
    """

    temper: float = 1.0
    silence: float = 0.8
    repeat_correlation: float = 0.5


@dataclass(frozen=True)
class Heard:
    """Readings by device: ``number`` (D, R) of independent readings, and their mean ``level`` (D, R)."""

    device: Ints
    number: Floats
    level: Floats


class LikelihoodTables:
    """Tables of one radio map over C places; memory is 6 x receivers x places x 4 bytes."""

    def __init__(self, radio: RadioMap, xyz_m: Floats, settings: LikelihoodSettings) -> None:
        """Predict reception at places ``xyz_m`` (C, 3) and lay the tables out for the products."""
        self.receivers = len(radio.receivers)
        self._repeat_correlation = settings.repeat_correlation
        self._temper = settings.temper
        prediction = radio.predict(xyz_m)
        mean = (prediction.mean_dbm - REFERENCE_DBM).T
        weight = 1.0 / prediction.sd_db.T**2
        chance = np.clip(prediction.hear_probability.T, CHANCE_LIMIT, 1 - CHANCE_LIMIT)
        self._deaf = settings.silence * np.log1p(-chance)
        edge = (settings.silence * np.log(chance) - self._deaf) / settings.temper
        # Rows answer to (n z^2, n z, n), (n z, n) and n, where n readings of mean z were heard.
        alone = 0.5 * (np.log(weight) - weight * mean**2) + edge
        self._square = np.concatenate((-0.5 * weight, weight * mean, alone)).astype(np.float32)
        self._linear = np.concatenate((weight, -weight * mean)).astype(np.float32)
        self._weight = np.ascontiguousarray(weight, dtype=np.float32)
        if np.ptp(weight, axis=1).max(initial=0.0) == 0.0:
            self._weight = self._weight[:, :1]  # the same at all places: one column does

    def tabulate(self, readings: Readings) -> Heard:
        """Gather readings by device; the order of the readings does not matter, to the last bit.

        Raises:
            ValueError: an index is out of range, or a level is not finite.
        """
        for name, values in (("device", readings.device), ("receiver", readings.receiver)):
            if values.min(initial=0) < 0:
                raise ValueError(f"a reading has {name} {values.min()}, which is negative")
        if readings.receiver.max(initial=0) >= self.receivers:
            highest = readings.receiver.max()
            raise ValueError(f"a reading has receiver {highest}, the radio map knows {self.receivers}")
        if not np.isfinite(readings.rssi_dbm).all():
            raise ValueError("a reading's level is not finite; drop such readings before locating")
        order = np.lexsort((readings.rssi_dbm, readings.receiver, readings.device))
        device, row = np.unique(readings.device[order], return_inverse=True)
        key = row.reshape(-1) * self.receivers + readings.receiver[order]
        shape = len(device), self.receivers
        count = np.bincount(key, minlength=shape[0] * shape[1]).astype(np.float64)
        total = np.bincount(key, readings.rssi_dbm[order] - REFERENCE_DBM, minlength=len(count))
        # A mean of n readings with correlation r has the variance of n / (1 + (n - 1) r) independent ones.
        number = self._temper * count / (1.0 + np.maximum(count - 1.0, 0.0) * self._repeat_correlation)
        return Heard(device, number.reshape(shape), (total / np.maximum(count, 1.0)).reshape(shape))

    def silence(self, awake: Bools) -> Floats32:
        """Return what it says of each place (C,) that no receiver of those awake (R,) hears a device."""
        return np.asarray(awake @ self._deaf, dtype=np.float32)

    def log_likelihood(
        self, number: Floats, level: Floats, offset_sd_db: Floats, silence: Floats32, room: Floats32
    ) -> tuple[Floats32, Floats32, Floats32]:
        """Return log-likelihood, mean of the offset and its precision at every place, each (D, C).

        Args:
            number: (D, R) independent readings; zero where the receiver did not hear the device.
            level: (D, R) mean level above the reference, less the offset expected of the device.
            offset_sd_db: (D,) standard deviation of the offset about what is expected.
            silence: (C,) of :meth:`silence`; receivers that heard a device must be among those awake.
            room: (4, D, C) for the results and scratch: memory that stays mapped is twice as fast as new.
        """
        result, offset, total, scratch = room
        left = np.concatenate((number * level**2, number * level, number), axis=1).astype(np.float32)
        np.matmul(left, self._square, out=result)
        result += silence
        np.matmul(left[:, self.receivers :], self._linear, out=offset)
        worth = left[:, 2 * self.receivers :]
        if self._weight.shape[1] == 1:
            total[:] = worth @ self._weight
        else:
            np.matmul(worth, self._weight, out=total)
        total += (1.0 / offset_sd_db[:, None] ** 2).astype(np.float32)
        offset /= total
        np.square(offset, out=scratch)
        scratch *= total
        scratch *= np.float32(0.5)
        result += scratch
        np.log(total, out=scratch)
        scratch *= np.float32(0.5)
        result -= scratch
        return result, offset, total
