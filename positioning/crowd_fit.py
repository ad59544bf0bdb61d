"""Path loss from devices whose places are only believed: the M-step of self-calibration.

What a crowd of unknown places says about the radio is, per receiver and cell, how many readings are believed
to have been sent there and their mean level. The rest is the fit of a survey: robust, shrunk lines.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from positioning.radio import RadioModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEAR_CANDIDATES_M = (1.0, 2.0, 3.0, 4.5)
SPREAD = np.array([8.0, 0.5])
"""Of levels and exponents over receivers, before any reading."""
PRIOR_RECEIVERS = 3.0
"""The prior's levels and exponents count as much as those of so many receivers."""
KNOWN = 20
"""Readings from which on a receiver tells about the others."""
SHARED_WEIGHT = 0.3
"""Readings of one path share their errors: one counts so much against the prior."""
HEAR_SPREAD = np.array([10.0, 0.5])
"""Standard deviations of what is believed of the edge in dB, and of the logarithm of its width."""
HEAR_BOUNDS = ((-110.0, -40.0), (np.log(1.0), np.log(20.0)), (-7.0, float(logit(0.98))))


@dataclass(frozen=True)
class Tables:
    """What is believed to have been heard in each of C cells, by R receivers.

    Attributes:
        readings: (R,) number of readings.
        weight: (R, C) precision of the readings believed to be from each cell, in 1 / dB^2.
        level: (R, C) weighted sum of their levels, offsets of devices taken off.
        square: (R,) weighted sum of their squares.
        visits: (C,) number of moments.
        heard: (R, C) number of moments in which a receiver heard the device.
    """

    readings: Floats
    weight: Floats
    level: Floats
    square: Floats
    visits: Floats
    heard: Floats

    def __add__(self, other: Tables) -> Tables:
        """Return what both say together, over the same cells."""
        return Tables(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def fit_tables(tables: Tables, model: RadioModel, prior: RadioModel, xyz_m: Floats) -> RadioModel:
    """Return the path loss and hearing edge that fit tables over cells at ``xyz_m`` (C, 3) best.

    Args:
        tables: beliefs about readings, weighted by the spreads of ``model``.
        model: the fit of the round before.
        prior: what all rounds shrink towards.
        xyz_m: (C, 3) places of the cells.
    """
    # Whatever is between device and receiver beside distance: slabs, rooms.
    lost = (model.p0_dbm - model.exponent * model.log_distance(xyz_m) - model.expected_dbm(xyz_m)).T
    fits = []
    for near_m in NEAR_CANDIDATES_M:
        distance = -replace(model, near_m=near_m).log_distance(xyz_m).T
        lines = _lines(tables, distance, lost, np.stack((model.p0_dbm, model.exponent)), prior)
        expected = lines[0][:, None] + lines[1][:, None] * distance - lost
        misfit = tables.square + ((tables.weight * expected - 2.0 * tables.level) * expected).sum(axis=1)
        fits.append((float(misfit.sum()), near_m, lines, expected, misfit))
    _, near_m, lines, expected, misfit = min(fits, key=lambda fit: fit[0])
    squares = np.maximum(misfit, 0.0) * model.sigma_db**2
    pooled = squares.sum() / tables.readings.sum()
    sigma = np.sqrt((squares + KNOWN * pooled) / (tables.readings + KNOWN))
    model = replace(model, p0_dbm=lines[0], exponent=lines[1], sigma_db=np.maximum(sigma, 2.0), near_m=near_m)
    return _fit_hearing(tables, model, prior, expected)


def _lines(tables: Tables, distance: Floats, lost: Floats, start: Floats, prior: RadioModel) -> Floats:
    """Return (2, R): level and exponent of each receiver, shrunk towards what all show, those to the prior.

    Empirical Bayes: mean and spread over receivers and the lines themselves are found in turn.
    """
    sums = [
        SHARED_WEIGHT * values.sum(axis=1)
        for values in (
            tables.weight,
            tables.weight * distance,
            tables.weight * distance**2,
            tables.level + tables.weight * lost,
            (tables.level + tables.weight * lost) * distance,
        )
    ]
    lines = start
    believed = np.array([prior.p0_dbm.mean(), prior.exponent.mean()])
    known = tables.readings >= KNOWN
    strength = known.sum() + PRIOR_RECEIVERS
    for _ in range(6):
        centre = (lines[:, known].sum(axis=1) + PRIOR_RECEIVERS * believed) / strength
        scatter = ((lines[:, known] - centre[:, None]) ** 2).sum(axis=1)
        tight = strength / (scatter + PRIOR_RECEIVERS * SPREAD**2)
        s0, s2 = sums[0] + tight[0], sums[2] + tight[1]
        b0, b1 = sums[3] + tight[0] * centre[0], sums[4] + tight[1] * centre[1]
        slope = np.clip((s0 * b1 - sums[1] * b0) / (s0 * s2 - sums[1] ** 2), 1.2, 5.5)
        lines = np.stack(((b0 - sums[1] * slope) / s0, slope))
    return lines


def _fit_hearing(tables: Tables, model: RadioModel, prior: RadioModel, expected_dbm: Floats) -> RadioModel:
    """Fit the hearing edge to how many of the moments in each cell each receiver heard.

    Where every level lies above the edge, weak priors hold what cannot be told.
    """
    awake = tables.heard.any(axis=1)
    expected, heard = expected_dbm[awake], tables.heard[awake]
    missed = tables.visits - heard
    believed = np.array([prior.hear_dbm, np.log(prior.hear_width_db)])

    def loss(theta: Floats) -> float:
        chance = expit(theta[2]) * expit((expected - theta[0]) / np.exp(theta[1]))
        chance = np.clip(chance, 1e-6, 1.0 - 1e-6)
        doubt = 0.5 * float(np.sum(((theta[:2] - believed) / HEAR_SPREAD) ** 2))
        return doubt - float(np.sum(heard * np.log(chance) + missed * np.log1p(-chance)))

    most = float(logit(np.clip(model.hear_max, 0.01, 0.97)))
    start = np.array([model.hear_dbm, np.log(model.hear_width_db), most])
    edge, width, most = minimize(loss, start, method="L-BFGS-B", bounds=HEAR_BOUNDS).x.tolist()
    return replace(model, hear_dbm=edge, hear_width_db=float(np.exp(width)), hear_max=float(expit(most)))
