"""A Bayes filter over cells: beliefs of any shape, so that a track with two likely places keeps both.

A belief is a probability for every cell (the point-mass or histogram filter, e.g. Thrun, Burgard and Fox,
*Probabilistic Robotics*, 2005, section 8.2). Of each device the likeliest tiles are kept, so that its memory
is bounded; all others share a small remainder, from which a lost track is found again.

* Half of the people stand, half walk, by diffusion over the cells, more readily to where people are:
  corridors before rooms.
* Errors of readings a moment apart are alike, so a likelihood counts the less the sooner it follows the last.
* Whether a device is outside is asked beside it (:mod:`positioning.outside`); positions are for those inside.
* The position told is the geometric median of the belief: the place from which the expected error is least.

Event time only: the caller gives every instant. Results do not depend on the order of the readings of a tick,
nor on slot numbers, nor on which other devices were heard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from positioning.beliefs import Beliefs
from positioning.estimates import Estimates
from positioning.grid import Bools, Floats, Grid, Ints
from positioning.lattice import Lattice
from positioning.likelihood import Floats32, Heard, LikelihoodSettings, Readings
from positioning.locate import DOMINANT_SHARE, POSTERIOR_SHARE, Locator
from positioning.offset import DeviceOffsets
from positioning.outside import Outdoors, Tick
from positioning.radio import RadioMap
from positioning.walking import FLOOR_STAY_S, STAND_M2_S, WALK_M2_S, Spans

CHUNK = 128  # devices at a time: their beliefs fit the cache
ALIKE_S = 8.0
"""In what time errors that readings share fade to 1/e, measured on held-out training walks."""
WANDER = 1e-3
"""Share of a belief that is spread over all cells at each step."""
LEAST = np.float32(1e-30)
FLOOR_MATTERS = 1e-3  # on a floor with less, nobody's steps are followed
SPANS = Spans((1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300))
"""For which kernels are made."""
CORE = 5e-3  # tiles with less beside the likeliest one's share hardly move the median
WEISZFELD_ROUNDS = 5


class GridFilter:
    """Beliefs about devices in numbered slots: small integers that the caller hands out and reuses."""

    def __init__(
        self,
        radio: RadioMap,
        grid: Grid,
        *,
        likelihood: LikelihoodSettings | None = None,
    ) -> None:
        """Prepare tables for a radio map and a grid.

        Args:
            radio: expected reception; its receivers' order is that of the readings' ``receiver``. Its clock
                offset is left to the filter's own lag, which is about as long.
            grid: where devices can be.
            likelihood: how far readings of one moment are trusted.
        """
        self._locator = Locator(radio, grid, likelihood)
        self._grid = grid
        self._tiles = self._locator.tiles
        self._lattice = Lattice(grid, self._tiles)
        places = self._tiles.centre_m[:, None] + self._tiles.local_m
        self._places = np.ascontiguousarray(np.moveaxis(places, 2, 0), dtype=np.float32)
        self._doubt_m2 = radio.doubt_m**2
        self._alike = radio.alike
        self._offsets = DeviceOffsets(self._locator.offset_sd_db, radio.moment_sd_db)
        self._outdoors = Outdoors(radio, grid, self._locator.offset_sd_db, likelihood or LikelihoodSettings())
        self._beliefs = Beliefs(grid.floors, self._tiles.cell.shape[1], len(self._outdoors))

    @property
    def grid(self) -> Grid:
        """The cells that devices can be in."""
        return self._grid

    def step(self, t_ms: int, readings: Readings, *, awake: Bools | None = None) -> Estimates:
        """Take in the readings of the tick that ends at ``t_ms``; return all devices it knows, by slot.

        Args:
            t_ms: event time; never before that of an earlier step with readings of the same device.
            readings: what was heard; the order does not matter.
            awake: (R,) which receivers were listening in this tick. By default all.

        Raises:
            ValueError: a reading is out of range, or time went back.
        """
        if len(readings):
            heard = self._locator.tabulate(readings)
            self._beliefs.make_room(heard.device, t_ms)
            for start in range(0, len(heard.device), CHUNK):
                self._update(t_ms, heard, slice(start, start + CHUNK), awake)
        return self.predict(np.flatnonzero(self._beliefs.live), t_ms)

    def predict(self, slots: Ints, t_ms: int) -> Estimates:
        """Return where the devices in live ``slots`` are at ``t_ms``, changing nothing.

        Raises:
            KeyError: a slot holds no device.
        """
        slots = self._beliefs.check(slots)
        own = self._beliefs
        heard_ms = own.heard_ms[slots]
        since_s = np.maximum(t_ms - heard_ms, 0) / 1000.0
        stay = np.exp(-since_s / FLOOR_STAY_S)[:, None]
        floor = stay * own.floor[slots] + (1.0 - stay) / self._grid.floors
        best = floor.argmax(axis=1)
        # What is wrong with the map is wrong in all readings of one place: it does not average out in them.
        spread = self._doubt_m2 * own.alike[slots] + 0.5 * (STAND_M2_S + WALK_M2_S) * since_s
        spread += self._grid.cell_m**2 / 12.0
        cov = own.cov_m2[slots] + spread[:, None, None] * np.eye(2)
        return Estimates(
            slots, t_ms, heard_ms, best, floor[np.arange(len(slots)), best],
            own.xy_m[slots], cov, np.zeros_like(own.xy_m[slots]), heard_ms == t_ms, own.outside[slots],
        )  # fmt: skip

    def forget(self, slots: Ints) -> None:
        """Free slots; their next readings start afresh. Slots that hold nothing are left alone."""
        self._beliefs.forget(slots)

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of all beliefs, for a checkpoint."""
        return self._beliefs.state()

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace all beliefs by those of :meth:`state`; what follows is bit for bit the same.

        Raises:
            ValueError: the state was taken with another number of floors, or by another tracker.
        """
        self._beliefs.restore(state)

    def _update(self, t_ms: int, heard: Heard, rows: slice, awake: Bools | None) -> None:
        """Multiply the predicted beliefs of some devices with what was heard of them."""
        own, slots = self._beliefs, heard.device[rows]
        since_s = np.where(own.live[slots], (t_ms - own.heard_ms[slots]) / 1000.0, np.inf)
        offset, variance = self._offsets.expected(own.offset_db[slots], own.offset_db2[slots], since_s)
        moment = self._locator.moment(
            heard, rows, awake, offset, np.sqrt(variance + self._offsets.moment_db2)
        )
        prior = self._predicted(slots, since_s)
        alike = np.exp(-since_s / ALIKE_S)
        trust = (1.0 - self._alike * alike).astype(np.float32)
        wanted = self._wanted(prior, trust[:, None] * self._locator.tile_log_likelihood(moment))
        device, tile, likelihood, offsets, spreads = self._locator.cell_log_likelihood(moment, wanted)
        posterior = trust[device, None] * likelihood
        top = np.full(len(slots), -np.inf, dtype=np.float32)
        np.maximum.at(top, device, posterior.max(axis=1))
        posterior = np.exp(posterior - top[device, None]) * prior[device[:, None], self._lattice.place[tile]]
        mass = _by_device(device, posterior, len(slots))
        self._outdoors.update(own, Tick(
            slots, Heard(slots, heard.number[rows], heard.level[rows]), moment.listening, since_s, trust,
            offset, variance, top + np.log(mass) + trust * self._locator.left_out(moment),
        ))  # fmt: skip
        posterior /= mass[device, None]
        mean = _by_device(device, posterior * offsets, len(slots))
        square = _by_device(device, posterior * (offsets**2 + spreads), len(slots))
        own.offset_db[slots], own.offset_db2[slots] = self._offsets.learnt(
            offset, variance, mean, square - mean**2
        )
        own.keep(slots, device, tile, posterior)
        summary = self._summary(device, tile, posterior, len(slots))
        own.floor[slots], own.xy_m[slots], own.cov_m2[slots] = summary
        own.alike[slots] = np.where(own.live[slots], alike, 1.0)
        own.heard_ms[slots] = t_ms
        own.live[slots] = True

    def _predicted(self, slots: Ints, since_s: Floats) -> Floats32:
        """Return beliefs (N, F x H x W) before the readings; of new devices, that they may be anywhere."""
        floors, height, width = self._lattice.shape
        belief = np.zeros((len(slots), floors * height * width), dtype=np.float32)
        planes = belief.reshape(-1, floors, height, width)
        old = np.flatnonzero(np.isfinite(since_s))
        if len(old):
            tile, share = self._beliefs.kept(slots[old])
            belief[old[:, None, None], self._lattice.place[tile]] = share
            for row, floor, span_s in self._moves(planes, since_s):
                some = planes[row, floor]
                moved = [self._lattice.spread(some, floor, rate * span_s) for rate in (STAND_M2_S, WALK_M2_S)]
                planes[row, floor] = moved[0] + moved[1]
            if floors > 1:
                self._change_floor(planes, np.exp(-since_s / FLOOR_STAY_S).astype(np.float32))
            belief *= (1 - WANDER) / np.maximum(belief.sum(axis=1, keepdims=True), LEAST)
        wander = np.where(np.isfinite(since_s), WANDER, 1.0).astype(np.float32)
        belief += wander[:, None] * self._lattice.uniform.reshape(-1)
        return belief

    def _change_floor(self, planes: Floats32, stay: Floats32) -> None:
        """Move some of the belief to the same places of all floors, as far as there are places."""
        leaving = planes.mean(axis=1, keepdims=True) * (1.0 - stay)[:, None, None, None]
        planes *= stay[:, None, None, None]
        planes += leaving * self._lattice.there

    def _moves(self, planes: Floats32, since_s: Floats) -> Iterator[tuple[Ints, Ints, float]]:
        """Yield rows and floors of the planes that matter, and how long they have moved, span by span."""
        nearest = SPANS.nearest(since_s)
        mass = planes.sum(axis=(2, 3))
        row, floor = np.nonzero(mass > FLOOR_MATTERS * mass.sum(axis=1, keepdims=True))
        for step in np.unique(nearest):
            some = nearest[row] == step
            yield row[some], floor[some], float(SPANS.seconds[step])

    def _wanted(self, prior: Floats32, tile_log_likelihood: Floats32) -> Bools:
        """Return which tiles (N, T) hold a share of the posterior that matters, and those around them."""
        share = self._lattice.by_tile(prior)
        share *= np.exp(tile_log_likelihood - tile_log_likelihood.max(axis=1, keepdims=True))
        total = share.sum(axis=1, keepdims=True)
        wanted: Bools = share > POSTERIOR_SHARE * total
        self._tiles.mark_around(wanted, share > DOMINANT_SHARE * total)
        return wanted

    def _summary(
        self, device: Ints, tile: Ints, posterior: Floats32, count: int
    ) -> tuple[Floats, Floats, Floats]:
        """Return floor probabilities, and on the likeliest floor geometric median and spread about it."""
        floors = self._grid.floors
        on_floor = device * floors + self._tiles.floor[tile]
        floor = _by_device(on_floor, posterior, count * floors).reshape(count, floors)
        there = self._tiles.floor[tile] == floor.argmax(axis=1)[device]
        device, tile = device[there], tile[there]
        share = posterior[there]
        share /= _by_device(device, share, count)[device, None]
        x, y = self._places[0, tile], self._places[1, tile]
        mass = share.sum(axis=1)
        top = np.zeros(count)
        np.maximum.at(top, device, mass)
        core = mass > CORE * top[device]
        at = self._median(device[core], share[core], x[core], y[core], count)
        near = at[device].astype(np.float32)
        u, v = x - near[:, :1], y - near[:, 1:]
        cov = np.empty((count, 2, 2))
        cov[:, 0, 0] = _by_device(device, share * u * u, count)
        cov[:, 1, 1] = _by_device(device, share * v * v, count)
        cov[:, 0, 1] = cov[:, 1, 0] = _by_device(device, share * u * v, count)
        return floor, at, cov

    def _median(self, device: Ints, share: Floats32, x: Floats32, y: Floats32, count: int) -> Floats:
        """Return the geometric medians (count, 2) of places (P, S) by Weiszfeld's algorithm (1937)."""
        at, weight = _centre(device, share, x, y, count), np.empty_like(share)
        for _ in range(WEISZFELD_ROUNDS):
            # No cell is nearer than half its edge: the median may lie on one.
            near = at[device].astype(np.float32)
            distance = np.sqrt((x - near[:, :1]) ** 2 + (y - near[:, 1:]) ** 2)
            np.divide(share, np.maximum(distance, np.float32(0.5 * self._grid.cell_m)), out=weight)
            at = _centre(device, weight, x, y, count)
        return at


def _centre(device: Ints, weight: Floats32, x: Floats32, y: Floats32, count: int) -> Floats:
    """Return the weighted means (count, 2) of places (P, S)."""
    sums = [np.bincount(device, np.einsum("ps,ps->p", weight, axis), count) for axis in (x, y)]
    mean: Floats = np.stack(sums, axis=1) / _by_device(device, weight, count)[:, None]
    return mean


def _by_device(device: Ints, values: npt.NDArray[np.floating], count: int) -> Floats:
    """Return the sums (count,) of values (P, S) by device (P,)."""
    return np.asarray(np.bincount(device, values.sum(axis=1), count), dtype=np.float64)
