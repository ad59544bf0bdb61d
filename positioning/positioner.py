"""From readings to tracked positions of every device, one tick at a time.

The filter is an assumed density filter: a device's belief is normal in ``(x, y, vx, vy)`` with a
probability per floor; each tick predicts it, multiplies it with the likelihood of what was heard over all
cells (so that walls, several modes and silence count in full), and takes mean and covariance of the product
as the next belief.

Event time only: the caller gives every instant. Results do not depend on the order of the readings of a tick,
nor on slot numbers, nor on which other devices were heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from positioning.device_arrays import DeviceArrays
from positioning.estimates import Estimates
from positioning.grid import Grid
from positioning.likelihood import LikelihoodSettings, Readings
from positioning.locate import Locator, Prior
from positioning.offset import DeviceOffsets
from positioning.radio import RadioMap
from positioning.track import Motion, assimilate, kalman_update
from positioning.walking import FLOOR_STAY_S

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

__all__ = ["Estimates", "Positioner"]

Tracker = Literal["density", "kalman"]

GATE = 16.0  # squared Mahalanobis distance from which the Kalman filter pulls less
DOUBT_MEMORY_S = 5.0  # a walker leaves a radio shadow in about this time


class NormalBeliefs(DeviceArrays):
    """Normal beliefs.

    Attributes:
        mean: (N, 4) of place and velocity.
        cov: (N, 4, 4) their covariance.
        information: (N, 2, 2) of the readings of the last seconds about the place.
        offset_db: (N,) offset of the device's level from the radio map's.
        offset_db2: (N,) its variance.
        state_ms: (N,) moment that all this is of.
    """

    ARRAYS = (*DeviceArrays.ARRAYS, "mean", "cov", "information", "offset_db", "offset_db2", "state_ms")

    def __init__(self, floors: int) -> None:
        """Hold nothing yet."""
        super().__init__(floors)
        self.mean: Floats = np.zeros((0, 4))
        self.cov: Floats = np.zeros((0, 4, 4))
        self.information: Floats = np.zeros((0, 2, 2))
        self.offset_db: Floats = np.zeros(0)
        self.offset_db2: Floats = np.zeros(0)
        self.state_ms: Ints = np.zeros(0, dtype=np.int64)


class Positioner:
    """Beliefs about devices in numbered slots: small integers that the caller hands out and reuses."""

    def __init__(
        self,
        radio: RadioMap,
        grid: Grid,
        *,
        motion: Motion | None = None,
        likelihood: LikelihoodSettings | None = None,
        tracker: Tracker = "density",
        tick_ms: int = 1000,
    ) -> None:
        """Prepare tables for a radio map and a grid.

        Args:
            radio: expected reception; its receivers' order is that of the readings' ``receiver``.
            grid: where devices can be.
            motion: how people move.
            likelihood: how far readings are trusted.
            tracker: ``density`` multiplies the prediction with the likelihood of every cell; ``kalman``
                updates it with mean and covariance of a fix made without it (the textbook method).
            tick_ms: length of a tick; the readings of tick T were heard in ``T - tick_ms < t <= T``.
        """
        self._locator = Locator(radio, grid, likelihood)
        self._grid = grid
        self._tracker = tracker
        self._map_doubt = radio.map_doubt
        self._offsets = DeviceOffsets(self._locator.offset_sd_db, radio.moment_sd_db)
        self._motion = motion or Motion()
        # A reading tells where the device is clock_offset_s after its stamp; on average half a tick old.
        self._lead_ms = round(1000.0 * radio.clock_offset_s - tick_ms / 2)
        self._beliefs = NormalBeliefs(grid.floors)

    @property
    def grid(self) -> Grid:
        """The cells that devices can be in."""
        return self._grid

    def step(self, t_ms: int, readings: Readings, *, awake: Bools | None = None) -> Estimates:
        """Take in the readings of the tick that ends at ``t_ms`` and return all live devices at that instant.

        Args:
            t_ms: end of the tick; must not go back for any device heard.
            readings: what was heard in the tick; ``device`` is the slot.
            awake: (R,) which receivers were listening in this tick. By default all.

        Raises:
            ValueError: a reading is out of range, or time went back.
        """
        if len(readings):
            self._update(t_ms, readings, awake)
        return self.predict(np.flatnonzero(self._beliefs.live), t_ms)

    def predict(self, slots: Ints, t_ms: int) -> Estimates:
        """Return where the devices in live ``slots`` are at ``t_ms``, changing nothing.

        Raises:
            KeyError: a slot holds no device.
        """
        slots = self._beliefs.check(slots)
        mean, cov, floor = self._at(slots, t_ms)
        best = floor.argmax(axis=1)
        heard_ms = self._beliefs.heard_ms[slots]
        return Estimates(
            slots, t_ms, heard_ms, best, floor[np.arange(len(slots)), best],
            mean[:, :2], cov[:, :2, :2] + self._doubt_m2(slots), mean[:, 2:], heard_ms == t_ms,
            np.zeros(len(slots)),
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

    def _at(self, slots: Ints, t_ms: int) -> tuple[Floats, Floats, Floats]:
        """Return state and floor probabilities at ``t_ms``; the stored state may be a little ahead of it."""
        own = self._beliefs
        dt_s = (t_ms - own.state_ms[slots]) / 1000.0
        mean, cov = own.mean[slots], own.cov[slots]
        back = dt_s < 0
        ahead = ~back
        mean[ahead], cov[ahead] = self._motion.predict(mean[ahead], cov[ahead], dt_s[ahead])
        mean[back], cov[back] = self._motion.retrodict(mean[back], cov[back], -dt_s[back])
        stay = np.exp(-np.abs(dt_s) / FLOOR_STAY_S)[:, None]
        floor = stay * own.floor[slots] + (1.0 - stay) / self._grid.floors
        return mean, cov, floor

    def _update(self, t_ms: int, readings: Readings, awake: Bools | None) -> None:
        device = np.unique(readings.device)
        if device[0] < 0:
            raise ValueError(f"a reading has device slot {device[0]}, which is negative")
        own = self._beliefs
        own.make_room(device, t_ms)
        moment = t_ms + self._lead_ms
        mean, cov, floor = self._at(device, moment)
        new = ~own.live[device]
        offset, variance = self._offset_at(device, moment)
        if self._tracker == "kalman":
            prior = None
        else:
            prior = self._prior(mean, cov, floor, new)
            prior = replace(
                prior, offset_db=offset, offset_sd_db=np.sqrt(variance + self._offsets.moment_db2)
            )
        fixes = self._locator.locate(readings, awake=awake, prior=prior)
        mean[new], cov[new] = self._motion.start(fixes.xy_m[new], fixes.cov_m2[new])
        old = ~new
        if prior is None:
            mean[old], cov[old], _ = kalman_update(
                mean[old], cov[old], fixes.xy_m[old], fixes.cov_m2[old], gate=GATE
            )
            floor[new] = 1.0
            floor *= fixes.floor_probability
            floor /= floor.sum(axis=1, keepdims=True)
        else:
            mean[old], cov[old] = assimilate(mean[old], cov[old], fixes.xy_m[old], fixes.cov_m2[old])
            floor = fixes.floor_probability
            own.offset_db[device], own.offset_db2[device] = self._offsets.learnt(
                offset, variance, fixes.offset_db - offset, fixes.offset_sd_db**2
            )
        memory = np.exp(-np.abs(moment - own.state_ms[device]) / 1000.0 / DOUBT_MEMORY_S)
        memory[new] = 0.0
        fresh = np.linalg.inv(fixes.alone_cov_m2)
        own.information[device] = memory[:, None, None] * own.information[device] + fresh
        own.mean[device], own.cov[device], own.floor[device] = mean, cov, floor
        own.state_ms[device] = moment
        own.heard_ms[device] = t_ms
        own.live[device] = True

    def _prior(self, mean: Floats, cov: Floats, floor: Floats, new: Bools) -> Prior:
        """Return what is believed before the readings; of new devices, that they may be anywhere."""
        middle, spread = mean[:, :2].copy(), cov[:, :2, :2].copy()
        chance = np.where(new[:, None], 1.0 / self._grid.floors, floor)
        middle[new] = self._grid.xyz_m[:, :2].mean(axis=0)
        spread[new] = np.diag(4.0 * np.ptp(self._grid.xyz_m[:, :2], axis=0) ** 2)
        return Prior(chance, middle, spread, np.zeros(len(new)), np.ones(len(new)))

    def _doubt_m2(self, slots: Ints) -> Floats:
        """Return the covariance of errors that ticks do not average out.

        What is wrong with the radio map is wrong for as long as a device is near: the filter, which takes
        the errors of ticks for independent, grows surer than it may. Such errors are like those of the
        readings of the last seconds taken together.
        """
        return np.asarray(self._map_doubt * np.linalg.inv(self._beliefs.information[slots]), dtype=np.float64)

    def _offset_at(self, slots: Ints, t_ms: int) -> tuple[Floats, Floats]:
        """Return mean and variance of the devices' offsets, of new ones the prior's."""
        own = self._beliefs
        since_s = np.where(own.live[slots], (t_ms - own.state_ms[slots]) / 1000.0, np.inf)
        return self._offsets.expected(own.offset_db[slots], own.offset_db2[slots], since_s)
