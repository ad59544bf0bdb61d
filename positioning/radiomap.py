"""A surveyed radio map: path loss plus a smooth residual per receiver, with its own uncertainty.

What walls and shops do to a receiver's level beyond its path loss is a Gaussian process over the floor,
with a Matern 3/2 kernel (Rasmussen and Williams, 2006, equations 2.23-2.26 and 4.17; for signal strength:
Ferris, Haehnel and Fox, RSS 2006). Far from surveyed places the map falls back to path loss with a wider
spread. Whether a receiver hears a device at all is a local frequency that shrinks towards the hearing edge
of the path loss model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from positioning.calibrate import fit_path_loss
from positioning.radio import Prediction, RadioModel
from positioning.shaded import FORMAT as SHADED_FORMAT
from positioning.shaded import ShadedModel
from positioning.survey import Survey

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FORMAT = "mallsense-radio-map"
VERSION = 1
MIN_SHARED = 3  # readings in a tick, before it tells what they share
DEFAULT_MOMENT_DB = 1.5
LEAST_OFFSET_DB = 2.0  # another phone, another hand
MAP_DOUBT = 1.2  # measured on held-out training walks, see docs/accuracy.md
DOUBT_LENGTHS = 0.4  # measured on held-out training walks, see docs/accuracy.md
BIN_M = 1.5  # readings closer than this are averaged: they share their shadows
MAX_SUPPORTS = 350  # of one receiver and storey
FAR_M = 1e6  # further than anything has influence
MIN_SD_DB = 2.0
FIT_RECEIVERS, FIT_SUPPORTS = 8, 250  # enough to tell three hyperparameters


@dataclass(frozen=True)
class Residual:
    """Hyperparameters of the residual, common to all receivers.

    Attributes:
        length_m: distance over which shadows decorrelate.
        signal_db: standard deviation of the residual far from any survey.
        noise_db: standard deviation of one reading about map and offset.
        repeat_db: what averaging readings of one place never removes (bodies, time of day).
    """

    length_m: float = 10.0
    signal_db: float = 5.0
    noise_db: float = 4.5
    repeat_db: float = 2.0

    def kernel(self, distance_m: Floats) -> Floats:
        """Return the Matern 3/2 covariance in dB^2 at distances in metres."""
        scaled = np.sqrt(3.0) * distance_m / self.length_m
        covariance: Floats = self.signal_db**2 * (1.0 + scaled) * np.exp(-scaled)
        return covariance


@dataclass(frozen=True)
class Hearing:
    """How local the chance of being heard is: kernel width, and how many ticks the path loss edge counts."""

    width_m: float = 6.0
    edge_ticks: float = 1.0


@dataclass(frozen=True)
class SurveyedMap:
    """A radio map from a survey, see :func:`survey_map`.

    Attributes:
        base: path loss and what is common to all receivers.
        residual: hyperparameters of the Gaussian process.
        hearing: smoothing of the hearing frequencies.
        support_receiver: (K,) receiver of each support of the residual.
        support_xyz_m: (K, 3) its place.
        support_db: (K,) mean residual there.
        support_count: (K,) number of readings in the mean.
        visit_xyz_m: (V, 3) places where ticks were surveyed.
        visit_count: (V,) number of ticks there.
        visit_heard: (V, R) in how many of them each receiver heard the device.
    """

    base: RadioModel
    residual: Residual
    hearing: Hearing
    support_receiver: Ints
    support_xyz_m: Floats
    support_db: Floats
    support_count: Floats
    visit_xyz_m: Floats
    visit_count: Floats
    visit_heard: Floats

    @property
    def receivers(self) -> tuple[str, ...]:
        """Names of the receivers."""
        return self.base.receivers

    @property
    def offset_sd_db(self) -> float:
        """Prior standard deviation of a device's common offset."""
        return self.base.offset_sd_db

    @property
    def moment_sd_db(self) -> float:
        """Standard deviation of what all levels of one device have in common in one moment only."""
        return self.base.moment_sd_db

    @property
    def map_doubt(self) -> float:
        """Variance of errors that persist, in units of that of the readings of some seconds."""
        return self.base.map_doubt

    @property
    def alike(self) -> float:
        """Share of the variance of levels about their mean that belongs to the place: it persists there."""
        signal = self.residual.signal_db**2
        return signal / (signal + self.residual.noise_db**2 + self.residual.repeat_db**2)

    @property
    def doubt_m(self) -> float:
        """Standard deviation per axis of position errors that persist.

        Where it was surveyed, a share of the shadows' length; elsewhere that of the model without a survey.
        Circles strewn at random leave ``exp(-number x area)`` of a unit uncovered.
        """
        surveyed_m = DOUBT_LENGTHS * float(np.sqrt(self.alike)) * self.residual.length_m
        around_m2 = np.pi * self.residual.length_m**2
        floors = len(self.base.slab_z_m) + 1
        area_m2 = floors * max(float(np.ptp(self.base.receiver_xyz_m[:, :2], axis=0).prod()), around_m2)
        left = float(np.exp(-len(self.visit_count) * around_m2 / area_m2))
        return float(np.sqrt(surveyed_m**2 + left * self.base.doubt_m**2))

    @property
    def clock_offset_s(self) -> float:
        """A reading stamped ``t`` tells where the device is at ``t + clock_offset_s``."""
        return self.base.clock_offset_s

    def predict(self, xyz_m: Floats) -> Prediction:
        """Predict reception at places ``xyz_m`` (N, 3)."""
        mean = self.base.expected_dbm(xyz_m)
        variance = np.full_like(mean, self.residual.signal_db**2)
        for receiver in range(len(self.receivers)):
            rows = np.flatnonzero(self.support_receiver == receiver)
            if len(rows):
                shift, known = self.condition(rows, xyz_m)
                mean[:, receiver] += shift
                variance[:, receiver] -= known
        about = self.residual.noise_db**2 + self.residual.repeat_db**2
        sd = np.sqrt(np.maximum(variance, 0.0) + about)
        return Prediction(mean, np.maximum(sd, MIN_SD_DB), self._hear_probability(xyz_m, mean))

    def hear_probability(self, mean_dbm: Floats) -> Floats:
        """Return the chance of being heard where nothing but the expected level is known."""
        return self.base.hear_probability(mean_dbm)

    def distance_m(self, a_m: Floats, b_m: Floats) -> Floats:
        """Return distances (A, B); places with a slab between them know nothing of each other."""
        distance: Floats = cdist(a_m, b_m)
        distance[self._storey(a_m)[:, None] != self._storey(b_m)] = FAR_M
        return distance

    def condition(self, rows: Ints, xyz_m: Floats) -> tuple[Floats, Floats]:
        """Return mean and the variance explained (N,) by the supports ``rows`` of one receiver."""
        shift, known = np.zeros(len(xyz_m)), np.zeros(len(xyz_m))
        of_row, of_place = self._storey(self.support_xyz_m[rows]), self._storey(xyz_m)
        for storey in np.intersect1d(of_row, of_place):
            mine, there = rows[of_row == storey], of_place == storey
            shift[there], known[there] = self._condition(mine, xyz_m[there])
        return shift, known

    def _condition(self, rows: Ints, xyz_m: Floats) -> tuple[Floats, Floats]:
        """Do what :meth:`condition` does, within one storey."""
        places = self.support_xyz_m[rows]
        noise = self.residual.noise_db**2 / self.support_count[rows] + self.residual.repeat_db**2
        factor = np.linalg.cholesky(self.residual.kernel(cdist(places, places)) + np.diag(noise))
        across = self.residual.kernel(cdist(places, xyz_m))
        shift = cho_solve((factor, True), self.support_db[rows]) @ across
        half = solve_triangular(factor, across, lower=True, overwrite_b=True, check_finite=False)
        return shift, np.einsum("kn,kn->n", half, half)

    def _storey(self, xyz_m: Floats) -> Ints:
        """Return the number of slabs below each place (N,)."""
        storey: Ints = np.searchsorted(np.sort(self.base.slab_z_m), xyz_m[:, 2])
        return storey

    def _hear_probability(self, xyz_m: Floats, mean_dbm: Floats) -> Floats:
        edge = self.base.hear_probability(mean_dbm)
        near = np.exp(-0.5 * (self.distance_m(xyz_m, self.visit_xyz_m) / self.hearing.width_m) ** 2)
        heard = near @ self.visit_heard + self.hearing.edge_ticks * edge
        probability: Floats = heard / (near @ self.visit_count + self.hearing.edge_ticks)[:, None]
        return probability

    def to_dict(self) -> dict[str, Any]:
        """Return the map as plain, JSON-able values with format name and version."""
        arrays = {
            f.name: np.round(getattr(self, f.name), 3).tolist()
            for f in fields(self)
            if f.name.startswith(("support", "visit"))
        }
        return {
            "format": FORMAT,
            "version": VERSION,
            "base": self.base.to_dict(),
            "residual": vars(self.residual),
            "hearing": vars(self.hearing),
        } | arrays

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SurveyedMap:
        """Return the map that :meth:`to_dict` wrote.

        Raises:
            ValueError: the format or version is not this one, or an entry is missing, unknown or misshapen.
        """
        if data.get("format") != FORMAT or data.get("version") != VERSION:
            found = f"{data.get('format')!r} version {data.get('version')!r}"
            raise ValueError(
                f"calibration is {found}, expected {FORMAT!r} version {VERSION}; calibrate again"
            )
        arrays: dict[str, Any] = {
            key: np.asarray(value, dtype=np.int64 if key == "support_receiver" else np.float64)
            for key, value in data.items()
            if key.startswith(("support", "visit"))
        }
        try:
            base = path_loss_from_dict(data["base"])
            arrays["support_xyz_m"] = arrays["support_xyz_m"].reshape(-1, 3)
            arrays["visit_xyz_m"] = arrays["visit_xyz_m"].reshape(-1, 3)
            arrays["visit_heard"] = arrays["visit_heard"].reshape(-1, len(base.receivers))
            return cls(base, Residual(**data["residual"]), Hearing(**data["hearing"]), **arrays)
        except (KeyError, TypeError) as error:
            raise ValueError(f"calibration has a missing or unknown entry: {error}") from error


def radio_from_dict(data: Mapping[str, Any]) -> RadioModel | SurveyedMap:
    """Return the radio model or surveyed map of a calibration file.

    Raises:
        ValueError: the file is neither, or is damaged.
    """
    return SurveyedMap.from_dict(data) if data.get("format") == FORMAT else path_loss_from_dict(data)


def path_loss_from_dict(data: Mapping[str, Any]) -> RadioModel:
    """Return the path loss of a calibration file, shaded by rooms or plain.

    Raises:
        ValueError: it is neither, or is damaged.
    """
    shaded = data.get("format") == SHADED_FORMAT
    return ShadedModel.from_dict(data) if shaded else RadioModel.from_dict(data)


def survey_map(
    survey: Survey, model: RadioModel, *, residual: Residual | None = None, hearing: Hearing | None = None
) -> SurveyedMap:
    """Fit a surveyed map on top of a calibrated path loss model.

    Args:
        survey: the survey that ``model`` was calibrated on.
        model: result of :func:`positioning.calibrate.calibrate`.
        residual: hyperparameters; by default those of the greatest marginal likelihood.
        hearing: smoothing of hearing frequencies.
    """
    places = survey.positions(model.clock_offset_s)
    fit = fit_path_loss(survey, model)
    residual_db = fit.residual_db
    bins, row = _bins(survey.receiver, places, np.searchsorted(np.sort(model.slab_z_m), places[:, 2]))
    support_count, support_xyz, support_db = _bin_means(row, places, residual_db)
    ticks, first, tick = np.unique(survey.tick, return_index=True, return_inverse=True)
    heard = np.zeros((len(ticks), len(model.receivers)))
    heard[tick.reshape(-1), survey.receiver] = 1.0
    at = places[first]
    _, visit = np.unique(np.round(at / BIN_M).astype(np.int64), axis=0, return_inverse=True)
    visit_count, visit_xyz, _ = _bin_means(visit.reshape(-1), at, at[:, 0])
    visit_heard = np.zeros((len(visit_count), heard.shape[1]))
    np.add.at(visit_heard, visit.reshape(-1), heard)
    draft = SurveyedMap(
        model, residual or Residual(), hearing or Hearing(), bins[:, 0], support_xyz, support_db,
        support_count, visit_xyz, visit_count, visit_heard,
    )  # fmt: skip
    if residual is None:
        noise_db = _noise_within_bins(row, residual_db)
        draft = replace(draft, residual=_likeliest_residual(draft, noise_db))
    unexplained = residual_db - _smoothed(draft)[row]
    moment_sd, session_sd = _offset_spreads(survey, unexplained, fit.session_offset_db)
    return replace(
        draft, base=replace(model, moment_sd_db=moment_sd, offset_sd_db=session_sd, map_doubt=MAP_DOUBT)
    )


def _bins(receiver: Ints, places: Floats, storey: Ints) -> tuple[Ints, Ints]:
    """Return bins (K, 4) of receiver and place, and the bin (M,) of each reading.

    Bins grow until no receiver has more than `MAX_SUPPORTS` in a storey: the map's cost is cubic in them, and
    a dense survey of a large mall knows more places than its smooth residual has.
    """
    bin_m = BIN_M
    while True:
        key = np.column_stack((receiver, np.round(places / bin_m).astype(np.int64)))
        bins, row = np.unique(key, axis=0, return_inverse=True)
        row = row.reshape(-1)
        first = np.unique(row, return_index=True)[1]
        if np.unique((receiver[first], storey[first]), axis=1, return_counts=True)[1].max() <= MAX_SUPPORTS:
            return bins, row
        bin_m *= 1.3


def _smoothed(draft: SurveyedMap) -> Floats:
    """Return the mean of the residual at its own supports (K,)."""
    mean = np.zeros_like(draft.support_db)
    for receiver in range(len(draft.receivers)):
        rows = np.flatnonzero(draft.support_receiver == receiver)
        if len(rows):
            mean[rows] = draft.condition(rows, draft.support_xyz_m[rows])[0]
    return mean


def _offset_spreads(survey: Survey, unexplained_db: Floats, offset_db: Floats) -> tuple[float, float]:
    """Return the spread of what levels share in one moment, and of the offsets of devices and sessions.

    The first by the method of moments for a random effect (DerSimonian and Laird, 1986) over ticks with at
    least three readings. A survey shows the offsets of its own devices only; one session shows none.
    """
    count = np.bincount(survey.tick)
    shared = np.bincount(survey.tick, unexplained_db) / np.maximum(count, 1)
    several = count >= MIN_SHARED
    if not several.any():
        return DEFAULT_MOMENT_DB, max(float(np.std(offset_db)), LEAST_OFFSET_DB)
    among = several[survey.tick]
    squares = np.sum((unexplained_db - shared[survey.tick])[among] ** 2)
    own = squares / np.sum(count[several] - 1.0)
    moment = float(np.mean(shared[several] ** 2 - own / count[several]))
    return float(np.sqrt(max(moment, 0.25))), max(float(np.std(offset_db)), LEAST_OFFSET_DB)


def _noise_within_bins(row: Ints, values: Floats) -> float:
    """Return the pooled standard deviation of readings of one receiver at one place."""
    count = np.bincount(row)
    squares = np.bincount(row, values**2) - np.bincount(row, values) ** 2 / count
    freedom = (count - 1).sum()
    return float(np.sqrt((squares.sum() + 16.0) / (freedom + 1.0)))


def _likeliest_residual(draft: SurveyedMap, noise_db: float) -> Residual:
    """Return the hyperparameters of the greatest marginal likelihood over the best surveyed receivers."""
    supports = np.bincount(draft.support_receiver, minlength=len(draft.receivers))
    best = np.argsort(-supports, kind="stable")[:FIT_RECEIVERS]
    problems = []
    for receiver in best[supports[best] > 0]:
        rows = np.flatnonzero(draft.support_receiver == receiver)
        rows = rows[:: -(-len(rows) // FIT_SUPPORTS)]
        places = draft.support_xyz_m[rows]
        problems.append((draft.distance_m(places, places), draft.support_db[rows], draft.support_count[rows]))

    def loss(theta: Floats) -> float:
        trial = Residual(float(np.exp(theta[0])), float(np.exp(theta[1])), noise_db, float(np.exp(theta[2])))
        # Weak log-normal priors hold hyperparameters that few readings cannot tell.
        total = float(np.sum((theta - start) ** 2))
        for distance, values, count in problems:
            covariance = trial.kernel(distance)
            covariance += np.diag(noise_db**2 / count + trial.repeat_db**2)
            factor = np.linalg.cholesky(covariance)
            white = solve_triangular(factor, values, lower=True)
            total += 0.5 * float(white @ white) + float(np.log(np.diag(factor)).sum())
        return total

    start = np.log([Residual.length_m, Residual.signal_db, Residual.repeat_db])
    theta = minimize(
        loss, start, method="Nelder-Mead", options={"maxiter": 60, "xatol": 0.03, "fatol": 0.1}
    ).x
    return Residual(float(np.exp(theta[0])), float(np.exp(theta[1])), noise_db, float(np.exp(theta[2])))


def _bin_means(row: Ints, places: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
    """Return count (K,), mean place (K, 3) and mean value (K,) of the readings of each bin."""
    count = np.bincount(row).astype(np.float64)
    centre = np.stack([np.bincount(row, axis) / count for axis in places.T], axis=1)
    return count, centre, np.bincount(row, values) / count
