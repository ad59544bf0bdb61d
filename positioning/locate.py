"""Where devices are: the posterior over all cells, its most probable floor, mean and covariance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from positioning.grid import Grid
from positioning.likelihood import (
    BLOCK,
    Bools,
    Floats32,
    Heard,
    Ints,
    LikelihoodSettings,
    LikelihoodTables,
    Readings,
)
from positioning.radio import Floats, RadioMap
from positioning.tiles import Blocks, Tiles

__all__ = ["Fixes", "LikelihoodSettings", "Locator", "Prior", "Readings"]

LEAST_SD_DB = 0.1  # no transmit power is known better
LEAST = 1e-300  # has a logarithm that is finite
NOTHING = np.float32(-60.0)  # exponents below only make subnormal numbers, which are slow
BATCH = 32  # blocks at a time: they fit the cache
CHUNK = 2048  # devices at a time: bounded memory
TILE_EDGE = 4  # cells; at 2 m a tile is about as large as a fix is uncertain

# A tile is evaluated cell by cell if it holds more than such a share of a device's posterior, or of its
# likelihood (of which only the covariance is used), or if a tile beside it holds so much that one place per
# tile cannot tell how far it reaches. Measured: fixes differ by a centimetre from those without tiles.
POSTERIOR_SHARE = np.float32(2e-4)
LIKELIHOOD_SHARE = np.float32(0.01)
DOMINANT_SHARE = np.float32(0.05)


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
class Moment:
    """What one moment says about D devices, laid out for the products.

    Attributes:
        left: (D + 1, 3 R) of :meth:`LikelihoodTables.left`.
        offset_precision: (D + 1,) of their offsets: ``1 / sd^2``.
        listening: (R,) which receivers were awake.
        prior: what was believed about them.
    """

    left: Floats32
    offset_precision: Floats32
    listening: Bools
    prior: Prior | None

    def __len__(self) -> int:
        """Return the number of devices."""
        return len(self.left) - 1


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
    """Computes fixes for many devices at once over a fixed grid and radio map.

    Every device is evaluated at one place per tile first; where that shows a share of its likelihood or
    posterior that matters, cell by cell. Everywhere else the one place stands for its tile.
    """

    def __init__(self, radio: RadioMap, grid: Grid, settings: LikelihoodSettings | None = None) -> None:
        """Prepare the tables."""
        self.grid = grid
        settings = settings or LikelihoodSettings()
        self._tiles = tiles = Tiles.over(grid, TILE_EDGE)
        weight = tiles.weight / grid.weight.mean()
        self._coarse = LikelihoodTables(radio, tiles.mean_place_m()[None], settings, weight.sum(axis=1)[None])
        self._fine = LikelihoodTables(radio, tiles.xyz_m, settings, weight)
        self.offset_sd_db = max(radio.offset_sd_db, LEAST_SD_DB)
        self._moment_sd_db = radio.moment_sd_db
        # Moments are taken about the middle of the floors, where single precision is good to millimetres.
        self._centre = 0.5 * (grid.xyz_m[:, :2].min(axis=0) + grid.xyz_m[:, :2].max(axis=0))
        self._middle = tiles.centre_m - self._centre
        self._local = _monomials(tiles.local_m).astype(np.float32)
        self._normal = np.ascontiguousarray(_monomials(tiles.mean_place_m()[:, :2] - self._centre).T)
        self._normal = self._normal.astype(np.float32)
        share = tiles.weight / tiles.weight.sum(axis=1, keepdims=True)
        places = _monomials(tiles.xyz_m[:, :, :2] - self._centre)
        moments = np.einsum("ts,tsk->tk", share, places)
        on_floor = tiles.floor[:, None] == np.arange(grid.floors)
        self._moments = (on_floor[:, :, None] * moments[:, None]).reshape(len(tiles), -1).astype(np.float32)

    def locate(self, readings: Readings, *, awake: Bools | None = None, prior: Prior | None = None) -> Fixes:
        """Return a fix for every device heard.

        Args:
            readings: what was heard in one tick; the order does not matter.
            awake: (R,) which receivers were listening; silence of the others says nothing. By default all.
            prior: what was believed about each distinct device of ``readings``, in ascending order of slot.

        Raises:
            ValueError: an index is out of range, or a level is not finite.
        """
        heard = self._fine.tabulate(readings)
        posterior, alone = np.empty((2, len(heard.device), self.grid.floors, 6))
        offsets = np.empty((len(heard.device), 3))
        for rows in _slices(len(heard.device), CHUNK):
            moment = self._moment(heard, rows, awake, prior)
            posterior[rows], alone[rows], offsets[rows] = self._sums(moment)
        offsets /= posterior[:, :, 0].sum(axis=1)[:, None]
        probability, xy, cov = self._summary(posterior)
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
        heard = self._fine.tabulate(readings)
        result = np.zeros((len(heard.device), len(self.grid)))
        for rows in _slices(len(heard.device), BLOCK):
            moment = self._moment(heard, rows, awake, prior)
            blocks = Blocks.of(np.ones((len(moment), len(self._tiles)), dtype=bool), BLOCK)
            density = np.empty((len(blocks.tile), BLOCK, len(self._local)))
            top = np.empty((len(blocks.tile), BLOCK))
            for part, _, found, _, _, reference in self._evaluate(moment, blocks):
                density[part], top[part] = found, reference
            # Block b is tile b: (tiles, devices, places).
            density, top = density[:, : len(moment)], top[:, : len(moment)]
            density *= np.exp(top - top.max(axis=0))[:, :, None]
            there = self._tiles.cell >= 0
            result[rows, self._tiles.cell[there]] = density.swapaxes(1, 2)[there].T
        return heard.device, (result / result.sum(axis=1, keepdims=True)).astype(np.float32)

    @property
    def tiles(self) -> Tiles:
        """The tiles in which cells are evaluated."""
        return self._tiles

    def tabulate(self, readings: Readings) -> Heard:
        """Gather readings by device; raises ValueError as :meth:`locate` does."""
        return self._fine.tabulate(readings)

    def moment(
        self, heard: Heard, rows: slice, awake: Bools | None, offset_db: Floats, offset_sd_db: Floats
    ) -> Moment:
        """Put together what one moment says about some devices with expected offsets (D,)."""
        own = Heard(heard.device[rows], heard.number[rows], heard.level[rows])
        precision = np.ones(len(own.device) + 1, dtype=np.float32)
        precision[:-1] = 1.0 / offset_sd_db**2
        return Moment(self._fine.left(own, offset_db), precision, _listening(heard, awake), None)

    def tile_log_likelihood(self, moment: Moment) -> Floats32:
        """Return the log-likelihood (D, T) of one place in each tile; weights of cells are left out."""
        silence = self._coarse.silence(moment.listening, weighted=False)
        result = np.empty((len(moment), len(self._tiles)), dtype=np.float32)
        for rows, found, *_ in self._coarse.by_block(moment.left, moment.offset_precision, silence):
            result[rows] = found[: len(result[rows])]
        return result

    def left_out(self, moment: Moment) -> Floats:
        """Return what :meth:`cell_log_likelihood` leaves out (D,) because it is the same at all places."""
        return self._fine.left_out(moment.left, moment.offset_precision)[:-1]

    def cell_log_likelihood(
        self, moment: Moment, wanted: Bools
    ) -> tuple[Ints, Ints, Floats32, Floats32, Floats32]:
        """Return what a moment says of the places in some tiles; weights of cells are left out.

        Args:
            moment: of D devices.
            wanted: (D, T) which tiles.

        Returns:
            device (P,), tile (P,) of each pair wanted, by tile; log-likelihood, mean and variance of the
            offset (P, S).
        """
        blocks = Blocks.of(wanted, BLOCK)
        silence = self._fine.silence(moment.listening, weighted=False)
        room = np.empty((4, BATCH, BLOCK, len(self._local)), dtype=np.float32)
        found = np.empty((3, *blocks.device.shape, len(self._local)), dtype=np.float32)
        for part in _slices(len(blocks.tile), BATCH):
            device = blocks.device[part]
            found[0, part], found[1, part], precision = self._fine.log_likelihood(
                moment.left[device], moment.offset_precision[device], blocks.tile[part], silence,
                room[:, : len(device)],
            )  # fmt: skip
            found[2, part] = 1.0 / precision
        likelihood, offset, variance = found.reshape(3, -1, len(self._local))[:, blocks.place]
        return blocks.pair_device, blocks.pair_tile, likelihood, offset, variance

    def _moment(self, heard: Heard, rows: slice, awake: Bools | None, prior: Prior | None) -> Moment:
        """Put together what one moment says about some of the devices."""
        if prior is None:
            nothing = np.zeros(len(heard.device[rows]))
            spread = np.full_like(nothing, np.hypot(self.offset_sd_db, self._moment_sd_db))
            return self.moment(heard, rows, awake, nothing, spread)
        prior = prior.rows(rows)
        moment = self.moment(heard, rows, awake, prior.offset_db, prior.offset_sd_db)
        return replace(moment, prior=prior)

    def _sums(self, moment: Moment) -> tuple[Floats, Floats, Floats]:
        """Return raw moments of posterior and likelihood, (D, F, 6), and sums about the offset (D, 3)."""
        count, floors = len(moment), self.grid.floors
        coarse = np.empty((count, 12 * floors + 3))
        wanted = np.empty((count, len(self._tiles)), dtype=bool)
        reference = np.empty(count)
        for rows, found, block, peak in self._survey(moment):
            size = len(reference[rows])
            wanted[rows], coarse[rows], reference[rows] = found[:size], block[:size], peak[:size]
        device, tile, top, pair = self._refine(moment, wanted)
        best = reference.copy()
        np.maximum.at(best, device, top)
        pair *= np.exp(top - best[device])
        coarse *= np.exp(reference - best)[:, None]
        on_floor = device * floors + self._tiles.floor[tile]
        by_floor = np.stack([np.bincount(on_floor, row, count * floors) for row in pair[:12]], axis=1)
        by_floor = by_floor.reshape(count, floors, 12)
        offsets = np.stack([np.bincount(device, row, count) for row in pair[12:]], axis=1)
        return (
            by_floor[:, :, :6] + coarse[:, : 6 * floors].reshape(count, floors, 6),
            by_floor[:, :, 6:] + coarse[:, 6 * floors : 12 * floors].reshape(count, floors, 6),
            offsets + coarse[:, 12 * floors :],
        )

    def _refine(self, moment: Moment, wanted: Bools) -> tuple[Ints, Ints, Floats, Floats]:
        """Return device and tile of the pairs ``wanted`` (D, T), their references (P,) and sums (15, P)."""
        blocks = Blocks.of(wanted, BLOCK)
        sums = np.empty((15, *blocks.device.shape), dtype=np.float32)
        tops = np.empty(blocks.device.shape, dtype=np.float32)
        for part, likelihood, posterior, offset, precision, top in self._evaluate(moment, blocks):
            tops[part] = top
            sums[:6, part] = np.moveaxis(np.matmul(posterior, self._local), -1, 0)
            sums[6:12, part] = np.moveaxis(np.matmul(likelihood, self._local), -1, 0)
            sums[12:, part] = _offset_sums(posterior, offset, precision)
        pair = sums.reshape(15, -1)[:, blocks.place].astype(np.float64)
        by_m = np.ascontiguousarray(self._middle[blocks.pair_tile].T)
        _move(pair[:6], by_m)
        _move(pair[6:12], by_m)
        reference = tops.reshape(-1)[blocks.place].astype(np.float64)
        return blocks.pair_device, blocks.pair_tile, reference, pair

    def _survey(self, moment: Moment) -> Iterator[tuple[slice, Bools, Floats32, Floats32]]:
        """Yield rows of devices, then for BLOCK of them: which tiles matter, sums over the others, reference.

        Rows beyond those devices are padding.
        """
        silence = self._coarse.silence(moment.listening)
        floors = self.grid.floors
        sums = np.empty((BLOCK, 12 * floors + 3), dtype=np.float32)
        blocks = self._coarse.by_block(moment.left, moment.offset_precision, silence)
        for rows, *found, scratch in blocks:
            likelihood, offset, precision = found
            top = likelihood.max(axis=1)
            likelihood -= top[:, None]
            np.maximum(likelihood, NOTHING, out=likelihood)
            np.exp(likelihood, out=likelihood)
            total = likelihood.sum(axis=1, keepdims=True)
            wanted, dominant = likelihood > LIKELIHOOD_SHARE * total, likelihood > DOMINANT_SHARE * total
            posterior = likelihood
            if moment.prior is not None:
                posterior = self._prior(moment.prior.rows(rows), scratch)
                posterior *= likelihood
                total = posterior.sum(axis=1, keepdims=True)
                dominant |= posterior > DOMINANT_SHARE * total
            wanted |= posterior > POSTERIOR_SHARE * total
            self._tiles.mark_around(wanted, dominant)
            rest = ~wanted
            likelihood *= rest
            if moment.prior is not None:
                posterior *= rest
            sums[:, : 6 * floors] = posterior @ self._moments
            sums[:, 6 * floors : 12 * floors] = likelihood @ self._moments
            sums[:, 12 * floors :] = _offset_sums(posterior, offset, precision).T
            yield rows, wanted, sums, top

    def _evaluate(
        self, moment: Moment, blocks: Blocks
    ) -> Iterator[tuple[slice, Floats32, Floats32, Floats32, Floats32, Floats32]]:
        """Yield some blocks, then (B, BLOCK, S): likelihood, posterior, offset, precision; references.

        Likelihood (weight of the cells included) and posterior are relative to the reference (B, BLOCK), the
        greatest log-likelihood in the tile.
        """
        silence = self._fine.silence(moment.listening)
        room = np.empty((4, BATCH, BLOCK, len(self._local)), dtype=np.float32)
        terms = None if moment.prior is None else self._terms(moment.prior, blocks)
        for part in _slices(len(blocks.tile), BATCH):
            device = blocks.device[part]
            some = room[:, : len(device)]
            likelihood, offset, precision = self._fine.log_likelihood(
                moment.left[device], moment.offset_precision[device], blocks.tile[part], silence, some
            )
            top = likelihood.max(axis=2)
            likelihood -= top[:, :, None]
            np.maximum(likelihood, NOTHING, out=likelihood)
            np.exp(likelihood, out=likelihood)
            posterior = likelihood
            if moment.prior is not None and terms is not None:
                posterior = np.matmul(terms[part], self._local.T, out=some[3])
                np.maximum(posterior, NOTHING, out=posterior)
                np.exp(posterior, out=posterior)
                posterior += np.float32(moment.prior.wander / len(self.grid))
                posterior *= likelihood
            yield part, likelihood, posterior, offset, precision, top

    def _terms(self, prior: Prior, blocks: Blocks) -> Floats32:
        """Return the logarithm of the normal prior as a polynomial about each tile, (B, BLOCK, 6)."""
        device, tile = blocks.pair_device, blocks.pair_tile
        precision = np.asarray(np.linalg.inv(prior.cov_m2), dtype=np.float64)
        height = (1.0 - prior.wander) * self._peak(precision)[:, None] * prior.floor_probability
        height = np.log(np.maximum(height, LEAST))[device, self._tiles.floor[tile]]
        a, b, c = precision[device, 0, 0], precision[device, 0, 1], precision[device, 1, 1]
        x, y = (self._middle[tile] + self._centre - prior.xy_m[device]).T
        u, v = a * x + b * y, b * x + c * y
        result = np.zeros((blocks.device.size, 6), dtype=np.float32)
        result[blocks.place] = np.stack(
            (height - 0.5 * (x * u + y * v), -u, -v, -0.5 * a, -b, -0.5 * c), axis=1
        )
        return result.reshape(*blocks.device.shape, 6)

    def _prior(self, prior: Prior, density: Floats32) -> Floats32:
        """Return the mean prior of the tiles' cells (BLOCK, T) in ``density``.

        A normal distribution averaged over a square is about that of the sum of both random places.
        """
        square = np.eye(2) * self._tiles.edge_m**2 / 12.0
        precision = np.asarray(np.linalg.inv(prior.cov_m2 + square), dtype=np.float64)
        mean = prior.xy_m - self._centre
        pull = np.einsum("dij,dj->di", precision, mean)
        constant = np.einsum("di,di->d", pull, mean)
        terms = np.zeros((BLOCK, 6), dtype=np.float32)
        columns = (constant, *(-2 * pull.T), precision[:, 0, 0], 2 * precision[:, 0, 1], precision[:, 1, 1])
        terms[: len(mean)] = -0.5 * np.stack(columns, axis=1)
        np.matmul(terms, self._normal, out=density)
        np.maximum(density, NOTHING, out=density)
        np.exp(density, out=density)
        floor = np.zeros((BLOCK, self.grid.floors), dtype=np.float32)
        floor[: len(mean)] = (1.0 - prior.wander) * self._peak(precision)[:, None] * prior.floor_probability
        density *= floor if self.grid.floors == 1 else floor[:, self._tiles.floor]
        density += np.float32(prior.wander / len(self.grid))
        return density

    def _peak(self, precision: Floats) -> Floats:
        """Return the probability of the cell in the middle of normal distributions (D, 2, 2)."""
        peak: Floats = self.grid.cell_m**2 * np.sqrt(np.linalg.det(precision)) / (2.0 * np.pi)
        return peak

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


def _listening(heard: Heard, awake: Bools | None) -> Bools:
    """Return which receivers (R,) listened: those said to be awake, and whoever heard anything."""
    listening: Bools = heard.number.max(axis=0, initial=0.0) > 0
    return listening | (True if awake is None else np.asarray(awake, dtype=bool))


def _slices(count: int, size: int) -> Iterator[slice]:
    """Yield slices of ``size``, the last one shorter."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _monomials(xy_m: Floats) -> Floats:
    """Return ``1, x, y, x^2, xy, y^2`` of places (..., 2) as (..., 6)."""
    x, y = xy_m[..., 0], xy_m[..., 1]
    return np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=-1)


def _move(moments: Floats, by_m: Floats) -> None:
    """Take raw moments (6, P) about places that lie at ``by_m`` (2, P), so that they are about the origin."""
    (one, x, y), (u, v) = moments[:3], by_m
    moments[3] += (2.0 * x + u * one) * u
    moments[4] += x * v + y * u + u * v * one
    moments[5] += (2.0 * y + v * one) * v
    moments[1:3] += by_m * one


def _offset_sums(posterior: Floats32, offset: Floats32, precision: Floats32) -> Floats32:
    """Return sums over the last axis of offset, its square and its variance; ``offset`` is overwritten."""
    variance = np.reciprocal(precision, out=precision)
    if variance.shape[-1] == 1:
        last = variance[..., 0] * posterior.sum(axis=-1)
    else:
        last = np.einsum("...s,...s->...", posterior, variance)
    first = np.einsum("...s,...s->...", posterior, offset)
    np.square(offset, out=offset)
    return np.stack((first, np.einsum("...s,...s->...", posterior, offset), last))
