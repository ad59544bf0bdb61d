"""Whether a device is outside the mall: a phone in the street must not be pulled in to the nearest shop.

Beside the belief over the cells each device has a second one, over places in a ring around the ground floor,
from where it would be heard through the facade. A two-state Markov chain, inside or outside, weighs the two
by how well each foretold the readings (the interacting multiple model filter of Blom and Bar-Shalom, IEEE
Trans. Autom. Control 33, 1988; here only who goes out takes something along: the offset learnt inside).

A facade takes 14 dB in the median at 2.4 GHz, with a standard deviation of 10 dB over buildings and places
(building entry loss of ITU-R P.2109, traditional buildings). A device sends through one piece of one facade,
so what it meets there is common to all receivers and joins its offset. With a part of the spread for each
receiver's own, more walkers on held-out training walks were told to be outside who were not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.ndimage import binary_fill_holes
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from positioning.grid import Bools, Floats, Grid, Ints
from positioning.likelihood import BLOCK, Floats32, Heard, LikelihoodSettings, LikelihoodTables
from positioning.offset import DeviceOffsets
from positioning.radio import Prediction, RadioMap
from positioning.walking import WALK_M2_S, Spans

FACADE_DB, FACADE_SD_DB = 14.0, 10.0
"""Median and standard deviation of what a facade takes."""
NEAREST_M, FARTHEST_M = 3.0, 40.0
"""Of places from the floor. Nearer, the width of walls and errors of the plan decide; from farther, hardly
a phone is heard."""
EDGE_M = 4.0
PLACES = 256
"""Places lie at least so far apart, and there are about so many at most: memory and time per device."""
STAY_INSIDE_S, STAY_OUTSIDE_S = 3600.0, 120.0
"""How long people stay on average: a visit, and the way past the mall or to its doors."""
OUTSIDE = STAY_OUTSIDE_S / (STAY_OUTSIDE_S + STAY_INSIDE_S)
"""Share of those outside before anything is heard: what the chain settles at."""
SPANS = Spans((1, 2, 4, 8, 16, 32, 64, 128))
"""For which kernels are made."""
SURE = 30.0  # greatest logarithm of odds
LEAST = np.float32(1e-30)


class Remembered(Protocol):
    """What is remembered of the devices in N slots; `positioning.beliefs.Beliefs` is the real one.

    Attributes:
        outside: (N,) probability of being outside.
        ring: (N, P) probability of each place, given that it is outside, beside the likeliest one's.
        ring_offset_db: (N,) offset of the device's level and its facade's, given that it is outside.
        ring_offset_db2: (N,) its variance.
    """

    outside: Floats
    ring: np.ndarray[tuple[int, int], np.dtype[np.float16]]
    ring_offset_db: Floats
    ring_offset_db2: Floats


@dataclass(frozen=True)
class Tick:
    """What one tick says about D devices, and what the belief over the cells made of it.

    Attributes:
        slots: (D,).
        heard: their readings.
        listening: (R,) which receivers were awake.
        since_s: (D,) since they were last heard; infinite for new ones.
        trust: (D,) exponent of the likelihood.
        offset_db: (D,) expected before the readings, given that the device is inside.
        offset_db2: (D,) its variance.
        log_inside: (D,) logarithm of the readings' probability density, given that it is inside.
    """

    slots: Ints
    heard: Heard
    listening: Bools
    since_s: Floats
    trust: Floats32
    offset_db: Floats
    offset_db2: Floats
    log_inside: Floats


def ring(grid: Grid) -> Floats:
    """Return places (P, 3) around the floor that is nearest to elevation 0, at the height of its devices.

    Streets are there. Courtyards that the floor encloses are not reached from them and hold no place.
    """
    height = np.array([grid.xyz_m[grid.floor == floor, 2].min() for floor in range(grid.floors)])
    ground = int(np.abs(height).argmin())
    xy = grid.xyz_m[grid.floor == ground, :2]
    low = xy.min(axis=0)
    column, row = np.rint((xy - low) / grid.cell_m).astype(np.int64).T
    raster = np.zeros((row.max() + 1, column.max() + 1), dtype=bool)
    raster[row, column] = True
    row, column = np.nonzero(binary_fill_holes(raster))
    floor = cKDTree(np.column_stack((column, row)) * grid.cell_m + low)
    margin = grid.cell_m / 2**0.5  # a floor reaches beyond the centres of its cells
    edge = EDGE_M
    while True:
        first, last = np.floor((low - FARTHEST_M) / edge), np.ceil((xy.max(axis=0) + FARTHEST_M) / edge)
        x, y = (np.arange(a, b + 1) * edge for a, b in zip(first, last, strict=True))
        places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        distance = floor.query(places)[0] - margin
        places = places[(distance >= NEAREST_M) & (distance <= FARTHEST_M)]
        if len(places) <= PLACES:
            return np.column_stack((places, np.full(len(places), height[ground])))
        edge *= max(1.05, (len(places) / PLACES) ** 0.5)


@dataclass(frozen=True)
class _ThroughFacade:
    """A radio map as it is for devices outside."""

    radio: RadioMap

    @property
    def receivers(self) -> tuple[str, ...]:
        return self.radio.receivers

    def predict(self, xyz_m: Floats) -> Prediction:
        found = self.radio.predict(xyz_m)
        mean = found.mean_dbm - FACADE_DB
        return Prediction(mean, found.sd_db, self.radio.hear_probability(mean))


class Outdoors:
    """Follows whether devices are outside, and where."""

    def __init__(
        self, radio: RadioMap, grid: Grid, offset_sd_db: float, settings: LikelihoodSettings
    ) -> None:
        """Prepare tables; ``offset_sd_db`` is the spread of the offsets of devices."""
        self.places_m = ring(grid)
        self._tables = LikelihoodTables(_ThroughFacade(radio), self.places_m[None], settings)
        self._offsets = DeviceOffsets(float(np.hypot(offset_sd_db, FACADE_SD_DB)), radio.moment_sd_db)
        squared = cdist(self.places_m, self.places_m) ** 2
        kernels = np.exp(-0.5 * squared / (WALK_M2_S * SPANS.seconds[:, None, None] + EDGE_M**2 / 12.0))
        self._kernels = (kernels / kernels.sum(axis=2, keepdims=True)).astype(np.float32)

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self.places_m)

    def update(self, own: Remembered, tick: Tick) -> None:
        """Take in a tick: replace what is remembered of its devices."""
        slots, new = tick.slots, np.isinf(tick.since_s)
        before = np.where(new, OUTSIDE, own.outside[slots])
        settled = -np.expm1(-tick.since_s * (1.0 / STAY_INSIDE_S + 1.0 / STAY_OUTSIDE_S))
        expected = before + (OUTSIDE - before) * settled
        fresh = np.where(new, 1.0, (1.0 - before) * OUTSIDE * settled / np.maximum(expected, 1e-12))
        places = self._moved(own.ring[slots].astype(np.float32), tick.since_s)
        places *= (1.0 - fresh).astype(np.float32)[:, None]
        places += (fresh / len(self)).astype(np.float32)[:, None]
        offset, variance = self._expected_offset(own, tick, fresh)
        log_outside, places, moment = self._evidence(tick, places, offset, variance)
        own.ring_offset_db[slots], own.ring_offset_db2[slots] = self._offsets.learnt(
            offset, variance, moment[0], moment[1]
        )
        own.ring[slots] = places / places.max(axis=1, keepdims=True)
        odds = np.log(expected) - np.log1p(-expected) + log_outside - tick.log_inside
        own.outside[slots] = 1.0 / (1.0 + np.exp(-np.clip(odds, -SURE, SURE)))

    def _moved(self, places: Floats32, since_s: Floats) -> Floats32:
        """Return beliefs (D, P), which sum to one, after people walked; those of new devices are zero."""
        nearest = SPANS.nearest(since_s)
        room = np.zeros((BLOCK, len(self)), dtype=np.float32)
        for step in np.unique(nearest):
            rows = np.flatnonzero(nearest == step)
            for start in range(0, len(rows), BLOCK):
                some = rows[start : start + BLOCK]
                room[: len(some)] = places[some]
                places[some] = np.matmul(room, self._kernels[step])[: len(some)]
        places /= np.maximum(places.sum(axis=1, keepdims=True), LEAST)
        return places

    def _expected_offset(self, own: Remembered, tick: Tick, fresh: Floats) -> tuple[Floats, Floats]:
        """Return mean and variance (D,): of a share ``fresh`` what was learnt inside and a facade unknown."""
        mean, variance = self._offsets.expected(
            own.ring_offset_db[tick.slots], own.ring_offset_db2[tick.slots], tick.since_s
        )
        shift = tick.offset_db - mean
        mixed = (1.0 - fresh) * variance + fresh * (tick.offset_db2 + FACADE_SD_DB**2)
        return mean + fresh * shift, mixed + fresh * (1.0 - fresh) * shift**2

    def _evidence(
        self, tick: Tick, places: Floats32, offset_db: Floats, offset_db2: Floats
    ) -> tuple[Floats, Floats32, tuple[Floats, Floats]]:
        """Return log density (D,), belief after the readings (D, P), offset's mean and variance (D,)."""
        count = len(tick.slots)
        left = self._tables.left(tick.heard, offset_db)
        precision = np.ones(count + 1, dtype=np.float32)
        precision[:-1] = 1.0 / (offset_db2 + self._offsets.moment_db2)
        silence = self._tables.silence(tick.listening)
        found = np.empty((3, count, len(self)), dtype=np.float32)
        for rows, *part, _ in self._tables.by_block(left, precision, silence):
            for result, values in zip(found, part, strict=True):
                result[rows] = values[: rows.stop - rows.start]
        likelihood, offset, total = found
        likelihood *= tick.trust[:, None]
        top = likelihood.max(axis=1)
        places = places * np.exp(likelihood - top[:, None])
        mass = np.maximum(places.sum(axis=1, keepdims=True), LEAST)
        places /= mass
        mean = (places * offset).sum(axis=1).astype(np.float64)
        square = (places * (offset**2 + 1.0 / total)).sum(axis=1).astype(np.float64)
        left_out = tick.trust * self._tables.left_out(left, precision)[:-1]
        return top + np.log(mass[:, 0]) + left_out, places, (mean, square - mean**2)
