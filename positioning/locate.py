"""Where devices are: the posterior over all cells, its most probable floor, mean and covariance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from positioning.grid import Grid
from positioning.likelihood import (
    Bools,
    Floats32,
    Heard,
    Ints,
    LikelihoodSettings,
    LikelihoodTables,
    Readings,
)
from positioning.radio import Floats, RadioMap

__all__ = ["Fixes", "LikelihoodSettings", "Locator", "Prior", "Readings"]

LEAST_SD_DB = 0.1  # no transmit power is known better
BLOCK = 32  # rows of every matrix product: bounded memory, and results that do not depend on the company


@dataclass(frozen=True)
class Prior:
    """What was believed about D devices before they were heard.

    Attributes:
        floor_probability: (D, F).
        xy_m: (D, 2).
        cov_m2: (D, 2, 2).
        offset_db: (D,) expected offset of the device's level from the radio map's.
        offset_sd_db: (D,) its standard deviation, what one moment adds included.
        wander: share of the belief that is spread over all cells, so that a lost track is found again.
    """

    floor_probability: Floats
    xy_m: Floats
    cov_m2: Floats
    offset_db: Floats
    offset_sd_db: Floats
    wander: float = 1e-3

    def rows(self, rows: slice) -> Prior:
        """Return what was believed about some of the devices."""
        return Prior(
            self.floor_probability[rows], self.xy_m[rows], self.cov_m2[rows],
            self.offset_db[rows], self.offset_sd_db[rows], self.wander,
        )  # fmt: skip


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
        alone_cov_m2: (D, 2, 2) covariance on the floor likeliest without the prior, from the readings alone.
        offset_db: (D,) posterior mean of the offset of the device's level in this moment.
        offset_sd_db: (D,) its standard deviation.
    """

    device: Ints
    floor: Ints
    floor_probability: Floats
    xy_m: Floats
    cov_m2: Floats
    heard: Ints
    alone_cov_m2: Floats
    offset_db: Floats
    offset_sd_db: Floats

    def __len__(self) -> int:
        """Return the number of devices."""
        return len(self.device)


class Locator:
    """Computes fixes for many devices at once over a fixed grid and radio map."""

    def __init__(self, radio: RadioMap, grid: Grid, settings: LikelihoodSettings | None = None) -> None:
        """Prepare the tables."""
        self.grid = grid
        self.tables = LikelihoodTables(radio, grid.xyz_m, settings or LikelihoodSettings())
        self.offset_sd_db = max(radio.offset_sd_db, LEAST_SD_DB)
        self._moment_sd_db = radio.moment_sd_db
        self._weight = (grid.weight / grid.weight.mean()).astype(np.float32)
        # Moments are taken about the middle of the floors, where single precision is good to millimetres.
        self._centre = 0.5 * (grid.xyz_m[:, :2].min(axis=0) + grid.xyz_m[:, :2].max(axis=0))
        x, y = (grid.xyz_m[:, :2] - self._centre).T
        self._normal = np.stack((x * x, x * y, y * y, x, y, np.ones_like(x))).astype(np.float32)
        moments = np.stack((np.ones_like(x), x, y, x * x, x * y, y * y))
        on_floor = grid.floor == np.arange(grid.floors)[:, None]
        by_floor = (on_floor[:, None, :] * moments).reshape(-1, len(grid)).T
        self._moments = np.ascontiguousarray(by_floor, dtype=np.float32)

    def locate(self, readings: Readings, *, awake: Bools | None = None, prior: Prior | None = None) -> Fixes:
        """Return a fix for every device heard.

        Args:
            readings: what was heard in one tick; the order does not matter.
            awake: (R,) which receivers were listening; silence of the others says nothing. By default all.
            prior: what was believed about each distinct device of ``readings``, in ascending order of slot.

        Raises:
            ValueError: an index is out of range, or a level is not finite.
        """
        heard = self.tables.tabulate(readings)
        alone, moments = np.empty((2, len(heard.device), self.grid.floors, 6))
        offsets = np.empty((len(heard.device), 3))
        for rows, likelihood, posterior, offset, precision in self._posteriors(heard, awake, prior):
            size = len(moments[rows])
            moments[rows] = (posterior @ self._moments)[:size].reshape(-1, self.grid.floors, 6)
            alone[rows] = (likelihood @ self._moments)[:size].reshape(-1, self.grid.floors, 6)
            offsets[rows, 0] = np.einsum("dc,dc->d", posterior, offset)[:size]
            np.square(offset, out=offset)
            offsets[rows, 1] = np.einsum("dc,dc->d", posterior, offset)[:size]
            offsets[rows, 2] = np.einsum("dc,dc->d", posterior, np.reciprocal(precision, out=precision))[
                :size
            ]
        offsets /= moments[:, :, 0].sum(axis=1)[:, None]
        probability, xy, cov = self._summary(moments)
        expected = 0.0 if prior is None else prior.offset_db
        spread = np.sqrt(np.maximum(offsets[:, 1] - offsets[:, 0] ** 2, 0.0) + offsets[:, 2])
        return Fixes(
            heard.device,
            probability.argmax(axis=1),
            probability,
            xy,
            cov,
            heard=(heard.number > 0).sum(axis=1),
            alone_cov_m2=self._summary(alone)[2],
            offset_db=expected + offsets[:, 0],
            offset_sd_db=spread,
        )

    def posterior(
        self, readings: Readings, *, awake: Bools | None = None, prior: Prior | None = None
    ) -> tuple[Ints, Floats32]:
        """Return devices (D,) and the probability of every cell (D, C); arguments as in :meth:`locate`."""
        heard = self.tables.tabulate(readings)
        result = np.empty((len(heard.device), len(self.grid)), dtype=np.float32)
        for rows, _, posterior, _, _ in self._posteriors(heard, awake, prior):
            result[rows] = posterior[: len(result[rows])]
        return heard.device, result / result.sum(axis=1, keepdims=True)

    def _posteriors(
        self, heard: Heard, awake: Bools | None, prior: Prior | None
    ) -> Iterator[tuple[slice, Floats32, Floats32, Floats32, Floats32]]:
        """Yield rows of devices, then (BLOCK, C) each: likelihood, posterior, offset and its precision.

        Likelihood (weight of the cells included) and posterior are up to a factor per row.

        All products have one shape, padded with zeros: so rounding is the same in any company.
        """
        receivers = self.tables.receivers
        listening = np.ones(receivers) if awake is None else np.asarray(awake, dtype=np.float64)
        silence = self.tables.silence(np.maximum(listening, heard.number.max(axis=0, initial=0.0) > 0))
        room = np.empty((4, BLOCK, len(self.grid)), dtype=np.float32)
        padded = np.zeros((2, BLOCK, receivers))
        spread = np.full(BLOCK, np.hypot(self.offset_sd_db, self._moment_sd_db))
        for start in range(0, len(heard.device), BLOCK):
            rows = slice(start, start + BLOCK)
            size = len(heard.device[rows])
            padded[:, :size], padded[:, size:] = (heard.number[rows], heard.level[rows]), 0.0
            if prior is not None:
                padded[1, :size] -= prior.offset_db[rows, None]
                spread[:size] = prior.offset_sd_db[rows]
            likelihood, offset, precision = self.tables.log_likelihood(
                padded[0], padded[1], spread, silence, room
            )
            likelihood -= likelihood.max(axis=1, keepdims=True)
            np.exp(likelihood, out=likelihood)
            likelihood *= self._weight
            posterior = likelihood
            if prior is not None:
                posterior = self._prior(prior.rows(rows), room[3])
                posterior *= likelihood
            yield rows, likelihood, posterior, offset, precision

    def _prior(self, prior: Prior, density: Floats32) -> Floats32:
        """Return the prior (BLOCK, C) in ``density``: normal in x/y by floor, and the uniform share."""
        precision = np.linalg.inv(prior.cov_m2)
        mean = prior.xy_m - self._centre
        pull = np.einsum("dij,dj->di", precision, mean)
        constant = np.einsum("di,di->d", pull, mean)
        terms = np.zeros((BLOCK, 6), dtype=np.float32)
        columns = (precision[:, 0, 0], 2 * precision[:, 0, 1], precision[:, 1, 1], *(-2 * pull.T), constant)
        terms[: len(mean)] = -0.5 * np.stack(columns, axis=1)
        np.matmul(terms, self._normal, out=density)
        np.exp(density, out=density)
        per_cell = self.grid.cell_m**2 * np.sqrt(np.linalg.det(precision)) / (2.0 * np.pi)
        floor = np.zeros((BLOCK, self.grid.floors), dtype=np.float32)
        floor[: len(mean)] = (1.0 - prior.wander) * per_cell[:, None] * prior.floor_probability
        density *= floor if self.grid.floors == 1 else floor[:, self.grid.floor]
        density += np.float32(prior.wander / len(self.grid))
        return density

    def _summary(self, moments: Floats) -> tuple[Floats, Floats, Floats]:
        """Return floor probabilities, and mean and covariance on the likeliest floor, from raw moments."""
        mass = moments[:, :, 0]
        probability = mass / mass.sum(axis=1, keepdims=True)
        best = moments[np.arange(len(moments)), mass.argmax(axis=1)]
        x, y, xx, xy, yy = best[:, 1:].T / best[:, 0]
        cov = np.empty((len(moments), 2, 2))
        # A cell is a square, not a point: each axis adds the variance of a uniform distribution over it.
        cov[:, 0, 0] = np.maximum(xx - x * x, 0.0) + self.grid.cell_m**2 / 12.0
        cov[:, 1, 1] = np.maximum(yy - y * y, 0.0) + self.grid.cell_m**2 / 12.0
        limit = 0.999 * np.sqrt(cov[:, 0, 0] * cov[:, 1, 1])
        cov[:, 0, 1] = cov[:, 1, 0] = np.clip(xy - x * y, -limit, limit)
        return probability, np.stack((x, y), axis=1) + self._centre, cov
