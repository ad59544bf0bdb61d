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

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from positioning.radio import Floats, Reception

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

REFERENCE_DBM = -75.0  # levels are taken from here, so that squares stay small in single precision
CHANCE_LIMIT = 1e-6  # no receiver is ever certain
BLOCK = 32  # rows of every matrix product of a filter: results do not depend on the company
ONLY = np.zeros(1, dtype=np.int64)  # the tile of tables that have one alone


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
    """Tables of one radio map over T tiles of S places; memory is 7 x receivers x places x 4 bytes."""

    def __init__(
        self, radio: Reception, xyz_m: Floats, settings: LikelihoodSettings, weight: Floats | None = None
    ) -> None:
        """Predict reception and lay the tables out for the products.

        Args:
            radio: expected reception.
            xyz_m: (T, S, 3) places.
            settings: how far readings are trusted.
            weight: (T, S) by how much the likelihood of a place is to be multiplied. By default not at all.
        """
        self.receivers = len(radio.receivers)
        self._repeat_correlation = settings.repeat_correlation
        self._temper = settings.temper
        prediction = radio.predict(xyz_m.reshape(-1, 3))
        mean = (prediction.mean_dbm - REFERENCE_DBM).T
        precision = 1.0 / prediction.sd_db.T**2
        chance = np.clip(prediction.hear_probability.T, CHANCE_LIMIT, 1 - CHANCE_LIMIT)
        deaf = settings.silence * np.log1p(-chance)
        edge = (settings.silence * np.log(chance) - deaf) / settings.temper
        self._deaf = deaf.astype(np.float32)
        with np.errstate(divide="ignore"):
            self._log_weight = None if weight is None else np.log(weight)
        # Rows answer to (n z^2, n z, n), (n z, n) and n, where n readings of mean z were heard.
        alone = 0.5 * (np.log(precision) - precision * mean**2) + edge
        tiles, places = xyz_m.shape[:2]
        self._square = _by_tile((-0.5 * precision, precision * mean, alone), tiles, places)
        self._linear = _by_tile((precision, -precision * mean), tiles, places)
        if np.ptp(precision, axis=1).max(initial=0.0) == 0.0:
            precision = precision[:, :1]  # the same at all places: one column does
            tiles = places = 1
        self._precision = _by_tile((precision,), tiles, places)

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

    def left(self, heard: Heard, offset_db: Floats) -> Floats32:
        """Return the left-hand side of the products, (D + 1, 3 R), for D devices and one that is not heard.

        Args:
            heard: readings by device.
            offset_db: (D,) expected of the device's levels.
        """
        level = heard.level - offset_db[:, None]
        number = heard.number
        result = np.zeros((len(level) + 1, 3 * self.receivers), dtype=np.float32)
        result[:-1] = np.concatenate((number * level**2, number * level, number), axis=1)
        return result

    def silence(self, awake: Bools, *, weighted: bool = True) -> Floats32:
        """Return what it says of each place (T, S) that no receiver of those awake (R,) hears a device.

        If ``weighted``, the logarithm of the weight is included: it is minus infinity where there is nothing.
        """
        shape = len(self._square), self._square.shape[2]
        # OpenBLAS computes in lanes that it does not use, and may say "invalid" of what is left in them.
        with np.errstate(invalid="ignore"):
            result = (np.asarray(awake, dtype=np.float32) @ self._deaf).reshape(shape)
        if weighted and self._log_weight is not None:
            result = result + self._log_weight
        return result.astype(np.float32)

    def left_out(self, left: Floats32, offset_precision: Floats32) -> Floats:
        """Return what :meth:`log_likelihood` leaves out (N,) because it is the same at all places.

        Arguments as there, (N, 3 R) and (N,). With it, log-likelihoods over several tables compare.
        """
        result = 0.5 * np.log(offset_precision.astype(np.float64))
        if self._precision.shape[2] == 1:
            worth = left[:, 2 * self.receivers :]
            result -= 0.5 * np.log((worth * self._precision[0, :, 0]).sum(axis=1) + offset_precision)
        return result

    def log_likelihood(
        self, left: Floats32, offset_precision: Floats32, tile: Ints, silence: Floats32, room: Floats32
    ) -> tuple[Floats32, Floats32, Floats32]:
        """Return log-likelihood and mean of the offset (B, N, S), and the offset's precision (B, N, 1 or S).

        All products have the shape of one block: results do not depend on how many blocks there are.

        Args:
            left: (B, N, 3 R) rows of :meth:`left` in blocks.
            offset_precision: (B, N) of the offset about what is expected: ``1 / sd^2``.
            tile: (B,) of each block.
            silence: (T, S) of :meth:`silence`; receivers that heard a device must be among those awake.
            room: (4, B, N, S) for the results and scratch: memory that stays mapped is twice as fast as new.
        """
        result, offset, total, scratch = room
        for block, number in enumerate(tile.tolist()):
            np.matmul(left[block], self._square[number], out=result[block])
            np.matmul(left[block, :, self.receivers :], self._linear[number], out=offset[block])
        result += silence[tile][:, None]
        worth = left[:, :, 2 * self.receivers :]
        if self._precision.shape[2] == 1:
            total = np.matmul(worth, self._precision[0])
        else:
            for block, number in enumerate(tile.tolist()):
                np.matmul(worth[block], self._precision[number], out=total[block])
        total += offset_precision[:, :, None]
        # By now ``offset`` is precision times mean: half its product with the mean joins the exponent.
        np.multiply(offset, np.float32(0.5), out=scratch)
        offset /= total
        scratch *= offset
        result += scratch
        if self._precision.shape[2] > 1:  # else it is the same at all places
            np.log(total, out=scratch)
            scratch *= np.float32(0.5)
            result -= scratch
        return result, offset, total

    def by_block(
        self, left: Floats32, offset_precision: Floats32, silence: Floats32
    ) -> Iterator[tuple[slice, Floats32, Floats32, Floats32, Floats32]]:
        """Yield rows of D devices, then what :meth:`log_likelihood` says of BLOCK of them, of the only tile.

        All products have one shape, padded with the device that is not heard: so rounding is the same in any
        company.

        Args:
            left: (D + 1, 3 R) of :meth:`left`.
            offset_precision: (D + 1,) of the offset about what is expected: ``1 / sd^2``.
            silence: (1, S) of :meth:`silence`.

        Yields:
            rows of at most BLOCK devices; log-likelihood and mean of the offset (BLOCK, S), the offset's
            precision (BLOCK, 1 or S) and scratch (BLOCK, S), all of which the next block overwrites.
        """
        count = len(left) - 1
        room = np.empty((4, 1, BLOCK, silence.shape[1]), dtype=np.float32)
        for start in range(0, count, BLOCK):
            padded = np.minimum(np.arange(start, start + BLOCK), count)[None]
            likelihood, offset, precision = self.log_likelihood(
                left[padded], offset_precision[padded], ONLY, silence, room
            )
            yield slice(start, min(start + BLOCK, count)), likelihood[0], offset[0], precision[0], room[3, 0]


def _by_tile(parts: tuple[Floats, ...], tiles: int, places: int) -> Floats32:
    """Return tables (K, tiles x places), one below the other, as (tiles, sum of K, places)."""
    table = np.concatenate(parts).astype(np.float32)
    return np.ascontiguousarray(table.reshape(len(table), tiles, places).swapaxes(0, 1))
