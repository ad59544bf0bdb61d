"""From a site survey to a radio model: robust, regularised path loss per receiver.

Recipe from a dataset folder to running positions::

    survey = Survey.from_walks(...)      # walked training tracks with their surveyed waypoints, or
    survey = Survey.from_points(...)     # stationary points
    prior = RadioModel.prior(receivers, receiver_xyz_m, slab_z_m=...)
    model = calibrate(survey, prior)     # path loss; the whole answer where the survey is a few points
    radio = survey_map(survey, model)    # from positioning.radiomap: with the residual
    floors = [Floor(outline_rings, rooms=shop_rings)]
    grid = Grid.over(floors, room_weight=room_weight(survey, floors))
    # without a floor plan: Grid.around(points, margin_m=1, cell_m=0.5)
    tracker = GridFilter(radio, grid)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from positioning.grid import Floor, Grid, inside_any
from positioning.radio import RadioModel
from positioning.robust import STUDENT_DOF, student_weight
from positioning.survey import Survey

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEAR_CANDIDATES_M = (0.5, 1.0, 2.0, 3.0, 4.5)
MIN_TICKS = 50  # of a survey, before it tells where people walk
LEAST_ROOM_WEIGHT = float(np.exp(-3.0))
CLOCK_CANDIDATES_S = np.arange(-5.0, 5.01, 0.5)


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
            f"the survey names receiver {survey.receiver.max()}, the model has {len(prior.receivers)}"
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

    Weights are those of :mod:`positioning.robust`. ``near_m``, ``clock_offset_s`` and the slab loss are taken
    from ``start``.
    """
    return _fit(survey, start, rounds)


def _fit(survey: Survey, start: RadioModel, rounds: int) -> PathLoss:
    places = survey.positions(start.clock_offset_s)
    at = start.receiver_xyz_m[survey.receiver]
    distance = -5.0 * np.log10(((places - at) ** 2).sum(axis=1) + start.near_m**2)
    level = survey.rssi_dbm + start.slab_loss_db * start.slabs_between(places[:, 2], at[:, 2])
    count = len(start.receivers)
    params = np.stack((start.p0_dbm, start.exponent))
    sigma, session = start.sigma_db.copy(), np.zeros(int(survey.session.max()) + 1)
    centre, spread = params.mean(axis=1), np.array([8.0, 0.5])
    for _ in range(rounds):
        residual = level - session[survey.session] - params[0, survey.receiver]
        residual -= params[1, survey.receiver] * distance
        own_sigma = sigma[survey.receiver]
        weight = student_weight((residual / own_sigma) ** 2) / own_sigma**2
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
    squares = student_weight((residual / sigma[receiver]) ** 2) * residual**2
    pooled = squares.mean()
    total = np.bincount(receiver, squares, count) + 20.0 * pooled
    variance = total / (np.bincount(receiver, minlength=count) + 20.0)
    return np.asarray(np.sqrt(np.maximum(variance, 1.0)), dtype=np.float64)


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


def room_weight(survey: Survey, floors: Sequence[Floor], *, cell_m: float = 2.0) -> float:
    """Return how likely a cell in a room is beside one on the open floor, as a survey's walks show.

    The share of surveyed time per cell inside rooms over that outside, with one tick on either side; between
    ``LEAST_ROOM_WEIGHT`` (a survey that never enters shops must not forbid them) and one. Pass it to
    :meth:`Grid.over`. A survey walked on purpose through shops gives one, as does a survey that cannot tell.
    """
    first = np.unique(survey.tick, return_index=True)[1]
    places = survey.positions()[first]
    grid = Grid.over(floors, cell_m=cell_m)
    cells = times = np.zeros(2)
    for number, floor in enumerate(floors):
        own = grid.xyz_m[grid.floor == number, :2]
        height = np.abs(places[:, 2:] - np.array([f.elevation_m for f in floors])).argmin(axis=1)
        cells = cells + np.bincount(inside_any(floor.rooms, own), minlength=2)
        times = times + np.bincount(inside_any(floor.rooms, places[height == number, :2]), minlength=2)
    if cells.min() == 0 or len(places) < MIN_TICKS:
        return 1.0
    ratio = (times[1] + 1.0) / cells[1] / ((times[0] + 1.0) / cells[0])
    return float(np.clip(ratio, LEAST_ROOM_WEIGHT, 1.0))
