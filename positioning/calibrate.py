"""From a site survey to a radio model: robust, regularised path loss per receiver.

Recipe from a dataset folder to running positions::

    survey = Survey.from_walks(...)      # walked training tracks with their surveyed waypoints, or
    survey = Survey.from_points(...)     # stationary points (lab12's survey.csv.gz)
    prior = RadioModel.prior(receivers, receiver_xyz_m, slab_z_m=...)
    model = calibrate(survey, prior)
    grid = Grid.over([Floor(outline_rings_m)])            # or Grid.around(points) without a floor plan
    positioner = Positioner(model, grid)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from positioning.radio import RadioModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STUDENT_DOF = 5.0  # residuals of surveyed readings: kurtosis 4-6 on the recorded malls
NEAR_CANDIDATES_M = (0.5, 1.0, 2.0, 3.0, 4.5)
CLOCK_CANDIDATES_S = np.arange(-5.0, 5.01, 0.5)


@dataclass(frozen=True)
class Survey:
    """Readings of devices whose place was known.

    Attributes:
        receiver: (M,) index of the receiver of each reading.
        rssi_dbm: (M,) level of each reading.
        t_s: (M,) time of each reading on its track's clock.
        track: (M,) index of the track (a walk or a stationary point) of each reading.
        session: (M,) index of the device and session that sent; each has an offset of its own.
        tick: (M,) readings of one moment of one device share a number.
        way_track: (K,) track of each waypoint, ascending.
        way_t_s: (K,) time of each waypoint, ascending within a track.
        way_xyz_m: (K, 3) surveyed place; straight lines between waypoints.
    """

    receiver: Ints
    rssi_dbm: Floats
    t_s: Floats
    track: Ints
    session: Ints
    tick: Ints
    way_track: Ints
    way_t_s: Floats
    way_xyz_m: Floats

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.receiver)

    @classmethod
    def from_walks(
        cls, receiver: Ints, rssi_dbm: Floats, t_s: Floats, walk: Ints,
        way_walk: Ints, way_t_s: Floats, way_xyz_m: Floats, *, session: Ints | None = None, tick_s: float = 1.0,
    ) -> Survey:  # fmt: skip
        """Return the survey of walks with surveyed waypoints; readings of walks without waypoints are dropped.

        Args:
            receiver: (M,) index of the receiver of each reading.
            rssi_dbm: (M,) level of each reading.
            t_s: (M,) time of each reading since its walk's start.
            walk: (M,) index of the walk of each reading.
            way_walk: (K,) walk of each waypoint.
            way_t_s: (K,) time of each waypoint since its walk's start.
            way_xyz_m: (K, 3) surveyed places.
            session: (M,) device and session of each reading; by default each walk is one.
            tick_s: length of the ticks in which positions will be computed.

        Raises:
            ValueError: no reading belongs to a walk with waypoints.
        """
        order = np.lexsort((way_t_s, way_walk))
        names = np.unique(way_walk)
        known = np.isin(walk, names)
        if not known.any():
            raise ValueError("no reading belongs to a walk with surveyed waypoints")
        track = np.searchsorted(names, walk[known])
        t = t_s[known]
        _, tick = np.unique(
            np.stack((track, np.ceil(t / tick_s).astype(np.int64))), axis=1, return_inverse=True
        )
        return cls(
            receiver[known], rssi_dbm[known], t, track,
            track if session is None else np.unique(session[known], return_inverse=True)[1],
            tick, np.searchsorted(names, way_walk[order]), way_t_s[order], way_xyz_m[order],
        )  # fmt: skip

    @classmethod
    def from_points(
        cls, xyz_m: Floats, receiver: Ints, rssi_dbm: Floats, *, session: Ints | None = None
    ) -> Survey:
        """Return the survey of stationary points.

        The n-th readings of all receivers at a point count as one moment.

        Args:
            xyz_m: (M, 3) place of each reading; equal places are one point.
            receiver: (M,) index of the receiver of each reading.
            rssi_dbm: (M,) level of each reading.
            session: (M,) device and session of each reading; by default there is one.
        """
        points, track = np.unique(xyz_m, axis=0, return_inverse=True)
        track = track.reshape(-1)
        nth = _running_count(track * (int(receiver.max(initial=0)) + 1) + receiver)
        _, tick = np.unique(np.stack((track, nth)), axis=1, return_inverse=True)
        one = np.zeros(len(receiver), dtype=np.int64)
        return cls(
            receiver, rssi_dbm, nth.astype(np.float64), track, one if session is None else session,
            tick, np.arange(len(points)), np.zeros(len(points)), points,
        )  # fmt: skip

    @property
    def moves(self) -> bool:
        """Whether any track has more than one waypoint, so that its clock can be told."""
        return bool((np.diff(self.way_track) == 0).any())

    def positions(self, clock_offset_s: float = 0.0) -> Floats:
        """Return where the device was (M, 3) when each reading was heard, clock offset applied."""
        return self.at(self.track, self.t_s + clock_offset_s)

    def at(self, track: Ints, t_s: Floats) -> Floats:
        """Return the places (N, 3) on tracks (N,) at times (N,), held still beyond a track's ends."""
        starts = np.searchsorted(self.way_track, np.arange(self.way_track[-1] + 1))
        ends = np.append(starts[1:], len(self.way_track)) - 1
        span = np.ptp(self.way_t_s) + 1.0
        base = self.way_t_s.min()
        held = np.clip(t_s, self.way_t_s[starts[track]], self.way_t_s[ends[track]])
        key = track * span + held - base
        way_key = self.way_track * span + self.way_t_s - base
        return np.stack([np.interp(key, way_key, axis) for axis in self.way_xyz_m.T], axis=1)

    def subset(self, mask: Bools) -> Survey:
        """Return the survey of the readings under a mask (M,)."""
        columns = ("receiver", "rssi_dbm", "t_s", "track", "session", "tick")
        return replace(self, **{name: getattr(self, name)[mask] for name in columns})


def _running_count(group: Ints) -> Ints:
    """Return for each element how many equal ones precede it."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    lengths = np.diff(np.append(first, len(group)))
    count = np.empty(len(group), dtype=np.int64)
    count[order] = np.arange(len(group)) - np.repeat(first, lengths)
    return count


@dataclass(frozen=True)
class PathLoss:
    """One fit of the path loss of all receivers and the offsets of all sessions."""

    model: RadioModel
    session_offset_db: Floats
    residual_db: Floats
    deviance: float


def calibrate(survey: Survey, prior: RadioModel, *, rounds: int = 15) -> RadioModel:
    """Fit a radio model to a survey.

    Per-receiver level and exponent shrink towards what the other receivers show, and those towards ``prior``;
    a receiver without readings ends at the common values. The softening radius, the survey's clock offset
    (only if the survey moves) and the hearing edge are common to all receivers.

    Args:
        survey: readings at known places; receiver indices are those of ``prior``.
        prior: what was believed before, see :meth:`RadioModel.prior`.
        rounds: rounds of iterative reweighting.

    Raises:
        ValueError: the survey is empty or names a receiver that the prior lacks.
    """
    if not len(survey):
        raise ValueError("the survey holds no reading")
    if survey.receiver.max() >= len(prior.receivers):
        raise ValueError(
            f"the survey has a receiver {survey.receiver.max()}, the model {len(prior.receivers)}"
        )
    model = prior
    if survey.moves:
        losses = [_fit(survey, replace(model, clock_offset_s=s), 6).deviance for s in CLOCK_CANDIDATES_S]
        model = replace(model, clock_offset_s=_parabola_minimum(CLOCK_CANDIDATES_S, np.asarray(losses)))
    fits = [_fit(survey, replace(model, near_m=near), rounds) for near in NEAR_CANDIDATES_M]
    best = min(fits, key=lambda fit: fit.deviance)
    spread = _session_spread(survey, best)
    return _fit_hearing(survey, replace(best.model, offset_sd_db=spread))


def fit_path_loss(survey: Survey, start: RadioModel, *, rounds: int = 15) -> PathLoss:
    """Fit level, exponent and spread of every receiver by iteratively reweighted, shrunk least squares.

    Weights are those of a Student t distribution with ``STUDENT_DOF`` degrees of freedom (Lange, Little and
    Taylor, 1989). ``near_m``, ``clock_offset_s`` and the slab loss are taken from ``start``.
    """
    return _fit(survey, start, rounds)


def _fit(survey: Survey, start: RadioModel, rounds: int) -> PathLoss:
    places = survey.positions(start.clock_offset_s)
    pick = np.arange(len(survey)), survey.receiver
    distance = -start.log_distance(places)[pick]
    slabs = start.slab_loss_db * start.slabs_crossed(places[:, 2])[pick]
    level = survey.rssi_dbm + slabs
    count = len(start.receivers)
    params = np.stack((start.p0_dbm, start.exponent))
    sigma, session = start.sigma_db.copy(), np.zeros(int(survey.session.max()) + 1)
    centre, spread = params.mean(axis=1), np.array([8.0, 0.5])
    for _ in range(rounds):
        residual = level - session[survey.session] - params[0, survey.receiver]
        residual -= params[1, survey.receiver] * distance
        weight = _student_weight(residual, sigma[survey.receiver])
        session = _session_offsets(survey, residual + session[survey.session], weight, start.offset_sd_db)
        params = _receiver_lines(
            survey.receiver, count, distance, level - session[survey.session], weight, centre, spread
        )
        centre, spread = _hyper(params, start, np.bincount(survey.receiver, minlength=count))
        sigma = _spreads(survey.receiver, count, residual, sigma)
    residual = level - session[survey.session] - params[0, survey.receiver]
    residual -= params[1, survey.receiver] * distance
    scale = sigma[survey.receiver]
    tails = (STUDENT_DOF + 1) * np.log1p((residual / scale) ** 2 / STUDENT_DOF)
    deviance = float(np.sum(tails + 2 * np.log(scale)))
    model = replace(start, p0_dbm=params[0], exponent=params[1], sigma_db=sigma)
    return PathLoss(model, session, residual, deviance)


def _student_weight(residual: Floats, sigma: Floats) -> Floats:
    tail: Floats = (STUDENT_DOF + 1) / (STUDENT_DOF + (residual / sigma) ** 2)
    return tail / sigma**2


def _session_offsets(survey: Survey, residual: Floats, weight: Floats, sd_db: float) -> Floats:
    """Return the offset of each session, shrunk to zero and centred so that levels stay identified."""
    size = int(survey.session.max()) + 1
    total = np.bincount(survey.session, weight, size)
    # Readings of one session are far from independent; a twentieth of their weight is about right.
    offset = np.bincount(survey.session, weight * residual, size) / (total + 20.0 / max(sd_db, 0.1) ** 2)
    return np.asarray(offset - np.average(offset, weights=total), dtype=np.float64)


def _receiver_lines(
    receiver: Ints,
    count: int,
    distance: Floats,
    level: Floats,
    weight: Floats,
    centre: Floats,
    spread: Floats,
) -> Floats:
    """Return (2, R): intercept and slope of each receiver by weighted least squares with a normal prior."""
    s0, s1, s2, b0, b1 = (
        np.bincount(receiver, weight * column, count)
        for column in (np.ones_like(level), distance, distance**2, level, level * distance)
    )
    precision = 1.0 / spread**2
    s0, s2 = s0 + precision[0], s2 + precision[1]
    b0, b1 = b0 + precision[0] * centre[0], b1 + precision[1] * centre[1]
    determinant = s0 * s2 - s1**2
    slope = np.clip((s0 * b1 - s1 * b0) / determinant, 1.0, 6.0)
    return np.stack(((b0 - s1 * slope) / s0, slope))


def _hyper(params: Floats, prior: RadioModel, readings: Ints) -> tuple[Floats, Floats]:
    """Return mean and spread of levels and exponents over receivers, shrunk towards the prior's."""
    believed = np.array([prior.p0_dbm.mean(), prior.exponent.mean()])
    known = params[:, readings >= 20]
    strength = 3.0  # the prior counts as this many receivers
    centre = (known.sum(axis=1) + strength * believed) / (known.shape[1] + strength)
    prior_var = np.array([8.0, 0.5]) ** 2
    scatter = ((known - centre[:, None]) ** 2).sum(axis=1)
    return centre, np.sqrt((scatter + strength * prior_var) / (known.shape[1] + strength))


def _spreads(receiver: Ints, count: int, residual: Floats, sigma: Floats) -> Floats:
    """Return the scale of each receiver's residuals, shrunk towards the common one by 20 readings."""
    tail = (STUDENT_DOF + 1) / (STUDENT_DOF + (residual / sigma[receiver]) ** 2)
    squares = tail * residual**2
    pooled = squares.mean()
    total = np.bincount(receiver, squares, count) + 20.0 * pooled
    return np.sqrt(np.maximum(total / (np.bincount(receiver, minlength=count) + 20.0), 1.0))


def _session_spread(survey: Survey, fit: PathLoss) -> float:
    """Return the prior spread of a device's offset: within what one tick, and between what sessions show."""
    sigma = fit.model.sigma_db[survey.receiver]
    size = int(survey.tick.max()) + 1
    count = np.bincount(survey.tick, minlength=size)
    weight = 1.0 / sigma**2
    total = np.bincount(survey.tick, weight, size)
    # Method of moments for a random effect per tick (DerSimonian and Laird, 1986).
    offset = np.bincount(survey.tick, weight * fit.residual_db, size) / np.maximum(total, 1e-9)
    enough = count >= 3
    if enough.sum() < 10:
        return fit.model.offset_sd_db
    within = float(np.mean(offset[enough] ** 2 - 1.0 / total[enough]))
    sessions = float(np.var(fit.session_offset_db))
    return float(np.sqrt(max(within + sessions, 1.0)))


def _fit_hearing(survey: Survey, model: RadioModel) -> RadioModel:
    """Fit the hearing edge: of all receivers, which were heard in a tick in which any was."""
    ticks, first = np.unique(survey.tick, return_index=True)
    places = survey.positions(model.clock_offset_s)[first]
    heard = np.zeros((len(ticks), len(model.receivers)), dtype=bool)
    heard[np.searchsorted(ticks, survey.tick), survey.receiver] = True
    mean = model.expected_dbm(places)

    def loss(theta: Floats) -> float:
        chance = expit(theta[2]) * expit((mean - theta[0]) / np.exp(theta[1]))
        chance = np.clip(chance, 1e-6, 1 - 1e-6)
        return float(-np.sum(np.where(heard, np.log(chance), np.log1p(-chance))))

    start = np.array(
        [model.hear_dbm, np.log(model.hear_width_db), logit(np.clip(model.hear_max, 0.01, 0.97))]
    )
    bounds = ((-110.0, -40.0), (np.log(1.0), np.log(20.0)), (-7.0, logit(0.98)))
    theta = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    return replace(
        model,
        hear_dbm=float(theta[0]),
        hear_width_db=float(np.exp(theta[1])),
        hear_max=float(expit(theta[2])),
    )


def _parabola_minimum(x: Floats, y: Floats) -> float:
    """Return the minimum of samples on an even lattice, refined by a parabola through its neighbours."""
    i = int(np.argmin(y))
    if i in (0, len(x) - 1):
        return float(x[i])
    low, mid, high = y[i - 1 : i + 2]
    return float(x[i] + 0.5 * (low - high) / (low - 2 * mid + high) * (x[1] - x[0]))
