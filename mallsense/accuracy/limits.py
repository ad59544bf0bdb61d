"""What limits the accuracy: Cramer-Rao bounds beside what is reached, and what bounds take for granted."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from mallsense.accuracy.running import Outcome
from mallsense.position_score import true_places
from positioning.bounds import TrackBound, fix_bound, tick_information
from positioning.radio import Prediction
from positioning.track import Motion
from simulators.recorded import RecordedDataset
from simulators.recorded_tables import Floats, Ints, Readings

TICK_S = 1.0
DRAWS = 200
"""Errors drawn from each bound, to tell the median of all."""

LAG_S = (1.0, 4.0)
"""Consecutive readings of one receiver are so far apart, or they are left out: about one scan of a phone."""


PLACE_M = 0.25
"""Places so close to each other are predicted as one."""


@dataclass(frozen=True)
class Limits:
    """Medians are of the distance from the truth of an estimator whose errors are normal with the bound.

    Attributes:
        fix_m: median bound of fixes from one tick each.
        track_m: median and 95th percentile of the bound of the filter, where errors of ticks are independent.
        lasting_m: the same where errors of levels last as long as those measured.
        reached_m: median and 95th percentile of the estimates.
        sd: of errors of levels, in units of the standard deviation that the map states; 1 is honest.
        tail: share of those errors beyond three standard deviations; 0.3 % of a normal distribution.
        correlation: of the errors of consecutive levels of one receiver.

    """

    fix_m: float
    track_m: tuple[float, float]
    lasting_m: tuple[float, float]
    reached_m: tuple[float, float]
    sd: float
    tail: float
    correlation: float

    @classmethod
    def of(cls, outcome: Outcome) -> Self | None:
        """Return the limits of an outcome; None where nothing could be compared."""
        comparison = outcome.comparison
        radio = outcome.recording.calibration.radio
        if not len(comparison.t_s):
            return None
        data = outcome.placed
        walks = np.unique(comparison.walk)
        ticks = _Ticks.of(data, walks, radio.clock_offset_s)
        information = tick_information(radio, ticks.xyz_m)
        errors = _level_errors(outcome, walks)
        sd, tail = float(errors.z.std()), float((np.abs(errors.z) > 3.0 * errors.z.std()).mean())
        correlation = errors.correlation()
        # Of errors that are an AR(1) process, n tell a mean as well as n (1 - r) / (1 + r) independent ones.
        worth = (1.0 - correlation) / (1.0 + correlation) / sd**2
        extent_m = float(np.ptp(data.receiver_xyz_m[:, :2], axis=0).max())
        track = TrackBound(Motion(), radio.offset_sd_db, extent_m)
        distance = comparison.distance_m
        return cls(
            _percentiles(fix_bound(information, radio.offset_sd_db))[0],
            _percentiles(_along(track, ticks, information, comparison.walk, comparison.t_s)),
            _percentiles(_along(track, ticks, worth * information, comparison.walk, comparison.t_s)),
            (float(np.median(distance)), float(np.percentile(distance, 95))),
            sd,
            tail,
            correlation,
        )


@dataclass(frozen=True)
class _Ticks:
    """Ticks in which a device was heard: K of them, by walk and time."""

    walk: Ints
    stamp_s: Floats
    moment_s: Floats
    """What they tell of: the clock offset after they were stamped."""
    xyz_m: Floats

    @classmethod
    def of(cls, data: RecordedDataset, walks: Ints, clock_offset_s: float) -> Self:
        heard = data.readings.of(walks)
        both = np.unique(np.stack((heard.walk, np.ceil(heard.t_s / TICK_S)), axis=1), axis=0)
        walk, end_s = both[:, 0].astype(np.int64), TICK_S * both[:, 1]
        moment_s = np.maximum(end_s - TICK_S / 2 + clock_offset_s, 0.0)
        return cls(walk, end_s, moment_s, true_places(data, walk, moment_s))


@dataclass(frozen=True)
class _LevelErrors:
    """Errors of levels at true places, in units of the standard deviation stated, by walk, receiver, time."""

    walk: Ints
    receiver: Ints
    t_s: Floats
    z: Floats

    def correlation(self) -> float:
        """Return the correlation of the errors of consecutive readings of one receiver, from 0 to 1."""
        order = np.lexsort((self.t_s, self.receiver, self.walk))
        walk, receiver, t_s, z = (c[order] for c in (self.walk, self.receiver, self.t_s, self.z))
        same = (np.diff(walk) == 0) & (np.diff(receiver) == 0)
        gap_s = np.diff(t_s)
        pairs = same & (gap_s >= LAG_S[0]) & (gap_s <= LAG_S[1])
        if not pairs.any():
            return 0.0
        return float(np.clip((z[:-1] * z[1:])[pairs].mean() / (z**2).mean(), 0.0, 0.99))


def _level_errors(outcome: Outcome, walks: Ints) -> _LevelErrors:
    """Return the errors of all levels, less the mean of their walk: that is the device's offset."""
    data, radio = outcome.placed, outcome.recording.calibration.radio
    heard: Readings = data.readings.of(walks)
    places = true_places(data, heard.walk, heard.t_s + radio.clock_offset_s)
    unique, row = np.unique(np.round(places / PLACE_M), axis=0, return_inverse=True)
    expected: Prediction = radio.predict(PLACE_M * unique)
    cell = row.reshape(-1), heard.receiver + outcome.first_receiver
    off_db, sd_db = heard.rssi_dbm - expected.mean_dbm[cell], expected.sd_db[cell]
    weight = np.bincount(heard.walk, sd_db**-2.0)
    own = np.bincount(heard.walk, off_db / sd_db**2) / np.maximum(weight + radio.offset_sd_db**-2.0, 1e-9)
    return _LevelErrors(heard.walk, heard.receiver, heard.t_s, (off_db - own[heard.walk]) / sd_db)


def _along(track: TrackBound, ticks: _Ticks, information: Floats, walk: Ints, at_s: Floats) -> Floats:
    """Return the bound (N, 2, 2) of the filter at instants of walks, with the ticks that are over by then."""
    bound = np.empty((len(walk), 2, 2))
    for i in np.unique(walk).tolist():
        own, rows = ticks.walk == i, walk == i
        known = np.searchsorted(ticks.stamp_s[own], at_s[rows], side="right")
        bound[rows] = track.along(ticks.moment_s[own], information[own], at_s[rows], known)
    return bound


def _percentiles(bound_m2: Floats) -> tuple[float, float]:
    """Return median and 95th percentile of the length of normal errors with covariances (N, 2, 2)."""
    white = np.random.default_rng(0).standard_normal((len(bound_m2), DRAWS, 2))
    error = np.einsum("nij,ndj->ndi", np.linalg.cholesky(bound_m2), white)
    median, p95 = np.percentile(np.hypot(error[..., 0], error[..., 1]), (50, 95)).tolist()
    return median, p95
