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

from positioning.estimates import Estimates
from positioning.grid import Grid
from positioning.likelihood import LikelihoodSettings, Readings
from positioning.locate import Locator, Prior
from positioning.offset import DeviceOffsets
from positioning.radio import RadioMap
from positioning.track import Motion, assimilate, kalman_update

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

__all__ = ["Estimates", "Positioner"]

Tracker = Literal["density", "kalman"]

GATE = 16.0  # squared Mahalanobis distance from which the Kalman filter pulls less
DOUBT_MEMORY_S = 5.0  # a walker leaves a radio shadow in about this time
FLOOR_STAY_S = 300.0  # people change floors every some minutes


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
        self._mean = np.zeros((0, 4))
        self._cov = np.zeros((0, 4, 4))
        self._floor = np.zeros((0, grid.floors))
        self._information = np.zeros((0, 2, 2))
        self._offset_db = np.zeros(0)
        self._offset_db2 = np.zeros(0)
        self._state_ms = np.zeros(0, dtype=np.int64)
        self._heard_ms = np.zeros(0, dtype=np.int64)
        self._live = np.zeros(0, dtype=bool)

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
        return self.predict(np.flatnonzero(self._live), t_ms)

    def predict(self, slots: Ints, t_ms: int) -> Estimates:
        """Return where the devices in live ``slots`` are at ``t_ms``, changing nothing.

        Raises:
            KeyError: a slot holds no device.
        """
        slots = np.sort(np.asarray(slots, dtype=np.int64))
        dead = slots[(slots < 0) | (slots >= len(self._live))]
        if not len(dead):
            dead = slots[~self._live[slots]]
        if len(dead):
            raise KeyError(f"slots {dead[:5].tolist()} hold no device")
        mean, cov, floor = self._at(slots, t_ms)
        best = floor.argmax(axis=1)
        heard_ms = self._heard_ms[slots]
        return Estimates(
            slots, t_ms, heard_ms, best, floor[np.arange(len(slots)), best],
            mean[:, :2], cov[:, :2, :2] + self._doubt_m2(slots), mean[:, 2:], heard_ms == t_ms,
            np.zeros(len(slots)),
        )  # fmt: skip

    def forget(self, slots: Ints) -> None:
        """Free slots; their next readings start afresh. Slots that hold nothing are left alone."""
        slots = np.asarray(slots, dtype=np.int64)
        slots = slots[(slots >= 0) & (slots < len(self._live))]
        self._live[slots] = False
        for array in (
            self._mean,
            self._cov,
            self._floor,
            self._information,
            self._offset_db,
            self._offset_db2,
            self._state_ms,
            self._heard_ms,
        ):
            array[slots] = 0

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of all beliefs, for a checkpoint."""
        slots = np.flatnonzero(self._live)
        return {
            "slot": slots,
            "mean": self._mean[slots],
            "cov": self._cov[slots],
            "floor": self._floor[slots],
            "information": self._information[slots],
            "offset_db": self._offset_db[slots],
            "offset_db2": self._offset_db2[slots],
            "state_ms": self._state_ms[slots],
            "heard_ms": self._heard_ms[slots],
        }

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace all beliefs by those of :meth:`state`; what follows is bit for bit the same.

        Raises:
            ValueError: the state was taken with another number of floors.
            KeyError: an array is missing.
        """
        floor = np.asarray(state["floor"], dtype=np.float64)
        if floor.ndim != 2 or floor.shape[1] != self._grid.floors:
            raise ValueError(
                f"the checkpoint has floors {floor.shape}, the grid has {self._grid.floors} floors"
            )
        slots = np.asarray(state["slot"], dtype=np.int64)
        self.forget(np.flatnonzero(self._live))
        self._grow(int(slots.max(initial=-1)) + 1)
        self._mean[slots] = state["mean"]
        self._cov[slots] = state["cov"]
        self._floor[slots] = floor
        self._information[slots] = state["information"]
        self._offset_db[slots] = state["offset_db"]
        self._offset_db2[slots] = state["offset_db2"]
        self._state_ms[slots] = state["state_ms"]
        self._heard_ms[slots] = state["heard_ms"]
        self._live[slots] = True

    def _grow(self, capacity: int) -> None:
        """Make room for slots below ``capacity``, at least doubling."""
        old = len(self._live)
        if capacity <= old:
            return
        extra = max(capacity - old, old, 64)
        for name in (
            "_mean",
            "_cov",
            "_floor",
            "_information",
            "_offset_db",
            "_offset_db2",
            "_state_ms",
            "_heard_ms",
            "_live",
        ):
            array = getattr(self, name)
            room = np.zeros((extra, *array.shape[1:]), dtype=array.dtype)
            setattr(self, name, np.concatenate((array, room)))

    def _at(self, slots: Ints, t_ms: int) -> tuple[Floats, Floats, Floats]:
        """Return state and floor probabilities at ``t_ms``; the stored state may be a little ahead of it."""
        dt_s = (t_ms - self._state_ms[slots]) / 1000.0
        mean, cov = self._mean[slots], self._cov[slots]
        back = dt_s < 0
        ahead = ~back
        mean[ahead], cov[ahead] = self._motion.predict(mean[ahead], cov[ahead], dt_s[ahead])
        mean[back], cov[back] = self._motion.retrodict(mean[back], cov[back], -dt_s[back])
        stay = np.exp(-np.abs(dt_s) / FLOOR_STAY_S)[:, None]
        floor = stay * self._floor[slots] + (1.0 - stay) / self._grid.floors
        return mean, cov, floor

    def _update(self, t_ms: int, readings: Readings, awake: Bools | None) -> None:
        device = np.unique(readings.device)
        if device[0] < 0:
            raise ValueError(f"a reading has device slot {device[0]}, which is negative")
        self._grow(int(device[-1]) + 1)
        if (late := self._heard_ms[device[self._live[device]]] > t_ms).any():
            raise ValueError(
                f"time went back for {int(late.sum())} devices at {t_ms}: ticks must come in order"
            )
        moment = t_ms + self._lead_ms
        mean, cov, floor = self._at(device, moment)
        new = ~self._live[device]
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
            self._offset_db[device], self._offset_db2[device] = self._offsets.learnt(
                offset, variance, fixes.offset_db - offset, fixes.offset_sd_db**2
            )
        memory = np.exp(-np.abs(moment - self._state_ms[device]) / 1000.0 / DOUBT_MEMORY_S)
        memory[new] = 0.0
        fresh = np.linalg.inv(fixes.alone_cov_m2)
        self._information[device] = memory[:, None, None] * self._information[device] + fresh
        self._mean[device], self._cov[device], self._floor[device] = mean, cov, floor
        self._state_ms[device] = moment
        self._heard_ms[device] = t_ms
        self._live[device] = True

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
        return np.asarray(self._map_doubt * np.linalg.inv(self._information[slots]), dtype=np.float64)

    def _offset_at(self, slots: Ints, t_ms: int) -> tuple[Floats, Floats]:
        """Return mean and variance of the devices' offsets, of new ones the prior's."""
        since_s = np.where(self._live[slots], (t_ms - self._state_ms[slots]) / 1000.0, np.inf)
        return self._offsets.expected(self._offset_db[slots], self._offset_db2[slots], since_s)
