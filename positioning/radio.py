"""What a receiver is expected to hear: log-distance path loss per receiver, and what it misses.

The model in one line, for a device at distance ``d`` of receiver ``r``::

    rssi = p0[r] - 10 * exponent[r] * log10(sqrt(d**2 + near**2)) - slab_loss * slabs + offset + noise

``offset`` belongs to the device (its transmit power, its pocket) and is unknown; its prior is normal with
standard deviation ``offset_sd_db``. See Rappaport, *Wireless Communications* (2002), sections 4.9 and 4.11,
for the log-distance and floor attenuation models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]

SHADOWS = 0.5  # without a survey; what surveyed malls show
DOUBT_SPACINGS = 0.25  # without a survey; measured on held-out training walks
FORMAT = "mallsense-radio-model"
VERSION = 1


@dataclass(frozen=True)
class Prediction:
    """What R receivers are expected to hear of a device at N places, before its own offset.

    ``mean_dbm``, ``sd_db`` and ``hear_probability`` are (N, R); the last is the chance that a receiver hears
    the device within one tick in which at least one receiver does.
    """

    mean_dbm: Floats
    sd_db: Floats
    hear_probability: Floats


class Reception(Protocol):
    """Anything that predicts reception at any place."""

    @property
    def receivers(self) -> tuple[str, ...]:
        """Names of the receivers, in the order of the columns of a prediction."""

    def predict(self, xyz_m: Floats) -> Prediction:
        """Predict reception at places ``xyz_m`` (N, 3)."""


class RadioMap(Reception, Protocol):
    """What is known of the radio of a mall; :class:`RadioModel` is the simplest one."""

    @property
    def offset_sd_db(self) -> float:
        """Prior standard deviation of a device's common offset."""

    @property
    def moment_sd_db(self) -> float:
        """Standard deviation of what all levels of one device have in common in one moment only."""

    @property
    def map_doubt(self) -> float:
        """Variance of errors that persist, in units of that of the readings of some seconds."""

    @property
    def alike(self) -> float:
        """Share of the variance of levels about the map that belongs to the place: it persists there."""

    @property
    def doubt_m(self) -> float:
        """Standard deviation per axis of position errors that the map's own faults cause and that persist."""

    @property
    def clock_offset_s(self) -> float:
        """A reading stamped ``t`` tells where the device is at ``t + clock_offset_s``."""

    def hear_probability(self, mean_dbm: Floats) -> Floats:
        """Return the chance of being heard where nothing but the expected level is known."""


@dataclass(frozen=True)
class RadioModel:
    """Path loss of R receivers at known places.

    Attributes:
        receivers: names, in the order of every array below and of the reading's ``receiver`` index.
        receiver_xyz_m: (R, 3) positions; z in the frame of the floors' elevations.
        p0_dbm: (R,) level at one metre.
        exponent: (R,) path loss exponent (2 in free space).
        sigma_db: (R,) standard deviation of one reading about the model.
        offset_sd_db: prior standard deviation of a device's common offset.
        moment_sd_db: standard deviation of what all levels of a device share in one moment only (bodies).
        map_doubt: variance of the position errors that the model's own faults cause and that persist from
            tick to tick, in units of the variance of what some seconds of readings tell.
        near_m: softening radius: no level rises without bound near a receiver, nor is its place exact.
        slab_z_m: (K,) heights of the slabs between floors; a path pays ``slab_loss_db`` for each it crosses.
        slab_loss_db: attenuation of one slab.
        hear_dbm: expected level at which half of the frames that could be heard are heard.
        hear_width_db: width of the logistic edge at ``hear_dbm``.
        hear_max: the chance that a receiver close by hears a device within a tick in which any does.
        clock_offset_s: a reading stamped ``t`` tells where the device is at ``t + clock_offset_s``.
    """

    receivers: tuple[str, ...]
    receiver_xyz_m: Floats
    p0_dbm: Floats
    exponent: Floats
    sigma_db: Floats
    offset_sd_db: float = 5.0
    moment_sd_db: float = 1.5
    map_doubt: float = 3.0
    near_m: float = 1.0
    slab_z_m: Floats = field(default_factory=lambda: np.empty(0))
    slab_loss_db: float = 15.0
    hear_dbm: float = -88.0
    hear_width_db: float = 4.0
    hear_max: float = 0.5
    clock_offset_s: float = 0.0

    def __post_init__(self) -> None:
        """Check shapes and ranges.

        Raises:
            ValueError: an array has the wrong shape or holds a number outside its range.
        """
        count = len(self.receivers)
        shapes = {
            "receiver_xyz_m": (count, 3),
            "p0_dbm": (count,),
            "exponent": (count,),
            "sigma_db": (count,),
        }
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value.shape != shape:
                raise ValueError(f"{name} has shape {value.shape}, expected {shape} for {count} receivers")
            if not np.isfinite(value).all():
                raise ValueError(f"{name} holds a value that is not finite: {value[~np.isfinite(value)][0]}")
        for name in ("exponent", "sigma_db", "hear_width_db", "near_m"):
            if np.min(getattr(self, name), initial=np.inf) <= 0:
                raise ValueError(f"{name} must be positive, got {np.min(getattr(self, name))}")
        if self.offset_sd_db < 0 or not 0 <= self.hear_max < 1:
            raise ValueError("offset_sd_db must not be negative and hear_max lies in [0, 1)")

    @classmethod
    def prior(
        cls,
        receivers: tuple[str, ...],
        receiver_xyz_m: Floats,
        *,
        p0_dbm: float = -38.0,
        exponent: float = 3.0,
        sigma_db: float = 7.5,
        offset_sd_db: float = 6.0,
        slab_z_m: Floats | None = None,
    ) -> RadioModel:
        """Return the model to start from when nothing but node positions is known.

        The defaults are what phones at some 15 dBm show indoors between shops: -38 dBm at a metre and an
        exponent of 3 (Rappaport's table 4.2 gives 2.7 to 3.5 for obstructed floors), shadowing of 7-8 dB.
        """
        count = len(receivers)
        return cls(
            receivers=tuple(receivers),
            receiver_xyz_m=np.asarray(receiver_xyz_m, dtype=np.float64).reshape(count, 3),
            p0_dbm=np.full(count, p0_dbm),
            exponent=np.full(count, exponent),
            sigma_db=np.full(count, sigma_db),
            offset_sd_db=offset_sd_db,
            near_m=2.0,
            slab_z_m=np.empty(0) if slab_z_m is None else np.asarray(slab_z_m, dtype=np.float64),
        )

    @property
    def alike(self) -> float:
        """Share of the variance of levels about the model that belongs to the place: it persists there."""
        return SHADOWS

    @property
    def doubt_m(self) -> float:
        """Standard deviation per axis of position errors that persist: a share of the receivers' spacing."""
        spread = np.ptp(self.receiver_xyz_m[:, :2], axis=0)
        floors = len(self.slab_z_m) + 1
        return float(DOUBT_SPACINGS * np.sqrt(spread.prod() * floors / max(len(self.receivers), 1)))

    def log_distance(self, xyz_m: Floats) -> Floats:
        """Return ``10 log10`` of the softened distance from N places (N, 3) to each receiver, (N, R)."""
        delta = xyz_m[:, None, :] - self.receiver_xyz_m[None, :, :]
        squared: Floats = np.einsum("nrk,nrk->nr", delta, delta) + self.near_m**2
        decibels: Floats = 5.0 * np.log10(squared)
        return decibels

    def slabs_crossed(self, z_m: Floats) -> Floats:
        """Return how many slabs lie between heights ``z_m`` (N,) and each receiver, (N, R)."""
        return self.slabs_between(z_m[:, None], self.receiver_xyz_m[None, :, 2])

    def slabs_between(self, z_m: Floats, other_z_m: Floats) -> Floats:
        """Return how many slabs lie between two heights, element by element."""
        slabs = np.sort(self.slab_z_m)
        return np.abs(
            np.subtract(np.searchsorted(slabs, z_m), np.searchsorted(slabs, other_z_m), dtype=np.float64)
        )

    def expected_dbm(self, xyz_m: Floats) -> Floats:
        """Return the expected level (N, R) in dBm of an average device at N places ``xyz_m`` (N, 3)."""
        loss = self.exponent * self.log_distance(xyz_m) + self.slab_loss_db * self.slabs_crossed(xyz_m[:, 2])
        level: Floats = self.p0_dbm - loss
        return level

    def hear_probability(self, mean_dbm: Floats) -> Floats:
        """Return the chance of being heard within a tick in which any receiver hears the device."""
        edge = expit((mean_dbm - self.hear_dbm) / self.hear_width_db)
        chance: Floats = self.hear_max * edge
        return chance

    def predict(self, xyz_m: Floats) -> Prediction:
        """Predict reception at places ``xyz_m`` (N, 3)."""
        mean = self.expected_dbm(xyz_m)
        return Prediction(mean, np.broadcast_to(self.sigma_db, mean.shape), self.hear_probability(mean))

    def select(self, receivers: tuple[str, ...]) -> RadioModel:
        """Return the model of some receivers, in the order given.

        Raises:
            KeyError: the model does not know a receiver.
        """
        index = {name: i for i, name in enumerate(self.receivers)}
        missing = [name for name in receivers if name not in index]
        if missing:
            raise KeyError(
                f"no calibration for receivers {missing}; calibrate again or remove them from the site"
            )
        rows = [index[name] for name in receivers]
        return replace(
            self,
            receivers=tuple(receivers),
            receiver_xyz_m=self.receiver_xyz_m[rows],
            p0_dbm=self.p0_dbm[rows],
            exponent=self.exponent[rows],
            sigma_db=self.sigma_db[rows],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain, JSON-able values with format name and version."""
        arrays = ("receiver_xyz_m", "p0_dbm", "exponent", "sigma_db", "slab_z_m")
        scalars = [f.name for f in fields(self) if f.name not in (*arrays, "receivers")]
        return (
            {"format": FORMAT, "version": VERSION, "receivers": list(self.receivers)}
            | {name: getattr(self, name).tolist() for name in arrays}
            | {name: float(getattr(self, name)) for name in scalars}
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RadioModel:
        """Return the model that :meth:`to_dict` wrote.

        Raises:
            ValueError: the format or version is not this one, a key is missing or unknown, a value is bad.
        """
        if data.get("format") != FORMAT or data.get("version") != VERSION:
            found = f"{data.get('format')!r} version {data.get('version')!r}"
            raise ValueError(
                f"calibration is {found}, expected {FORMAT!r} version {VERSION}; calibrate again"
            )
        values = {key: value for key, value in data.items() if key not in ("format", "version")}
        for key, value in values.items():
            if isinstance(value, list) and key != "receivers":
                values[key] = np.asarray(value, dtype=np.float64)
        values["receivers"] = tuple(values.get("receivers", ()))
        values["receiver_xyz_m"] = np.reshape(values.get("receiver_xyz_m", ()), (-1, 3))
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"calibration has a missing or unknown entry: {error}") from error
