"""Where a node seems to stand, told from what it heard of devices at known places.

The levels that one node heard are a line over the logarithm of the distance plus a Gaussian process for what
walls do (see :mod:`positioning.radiomap`). The covariance of the process depends on where the devices were,
not on where the node is, so one Cholesky factor whitens the readings for all places the node might be at, and
the line's two coefficients are integrated out (Rasmussen and Williams, 2006, equations 2.40 to 2.42). What is
left is the likelihood of every place, with neighbouring readings counted as what they are: not independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from positioning.grid import Grid
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REFERENCE_M = 10.0
"""Levels of nodes are compared here: at one metre they are extrapolated, and follow the exponent."""
LEVEL_SD_DB, EXPONENT_SD = 10.0, 0.7
"""How much nodes may differ from each other before anything is heard of them."""
LEAST_EXPONENT = 0.5
"""Levels that rise with distance tell of no place."""
IMPOSSIBLE = -1e9
ABOVE_DEVICE_M = 1.8
"""Nodes hang under the ceiling."""


@dataclass(frozen=True)
class Lines:
    """The level of one node over distance, as it would be if it stood at each of C places.

    Attributes:
        log_likelihood: (C,) of its readings, up to a common constant.
        level_dbm: (C,) level at `REFERENCE_M`.
        exponent: (C,) path loss exponent.
        cov: (C, 2, 2) covariance of level and exponent.
    """

    log_likelihood: Floats
    level_dbm: Floats
    exponent: Floats
    cov: Floats


@dataclass(frozen=True)
class Peers:
    """What the nodes of a site have in common: median level at `REFERENCE_M`, and median exponent."""

    level_dbm: float
    exponent: float

    @classmethod
    def of(cls, model: RadioModel) -> Peers:
        """Return what the nodes of a model have in common."""
        level = model.p0_dbm - model.exponent * 10.0 * np.log10(REFERENCE_M)
        return cls(float(np.median(level)), float(np.median(model.exponent)))


def lines(radio: SurveyedMap, node: int, places_m: Floats, peers: Peers) -> Lines:
    """Return how the readings of a node look from places ``places_m`` (C, 3) at which it might stand.

    Raises:
        ValueError: the map holds no reading of the node.
    """
    rows = np.flatnonzero(radio.support_receiver == node)
    if not len(rows):
        raise ValueError(f"the map holds no reading of node {radio.receivers[node]}")
    at, count = radio.support_xyz_m[rows], radio.support_count[rows]
    base = radio.base
    covariance = radio.residual.kernel(radio.distance_m(at, at))
    covariance[np.diag_indices(len(rows))] += radio.residual.noise_db**2 / count + radio.residual.repeat_db**2
    factor = np.linalg.cholesky(covariance)
    squared = ((at[:, None, :] - places_m) ** 2).sum(axis=2) + base.near_m**2
    level = radio.support_db[rows] + base.expected_dbm(at)[:, node] - peers.level_dbm
    distance = 10.0 * np.log10(REFERENCE_M) - 5.0 * np.log10(squared)
    columns = np.hstack((np.ones((len(rows), 1)), level[:, None], distance))
    white = solve_triangular(factor, columns, lower=True, check_finite=False)
    one, level, distance = white[:, 0], white[:, 1:2], white[:, 2:]
    if len(base.slab_z_m):
        slabs = base.slabs_between(at[:, None, 2], places_m[None, :, 2])
        level = level + base.slab_loss_db * solve_triangular(factor, slabs, lower=True, check_finite=False)
    # The gap is about the peers' line, which is the prior's mean.
    return _integrated(one, distance, level - peers.exponent * distance, peers)


def _integrated(one: Floats, distance: Floats, gap: Floats, peers: Peers) -> Lines:
    """Integrate level and exponent out of whitened columns: ones (K,), distances and gaps (K, C)."""
    p00 = one @ one + LEVEL_SD_DB**-2
    p01 = one @ distance
    p11 = (distance**2).sum(axis=0) + EXPONENT_SD**-2
    b0, b1 = one @ gap, (distance * gap).sum(axis=0)
    determinant = p00 * p11 - p01**2
    level, exponent = (p11 * b0 - p01 * b1) / determinant, (p00 * b1 - p01 * b0) / determinant
    explained = level * b0 + exponent * b1
    likelihood = -0.5 * ((gap**2).sum(axis=0) - explained + np.log(determinant))
    likelihood[peers.exponent + exponent < LEAST_EXPONENT] = IMPOSSIBLE
    cov = np.array([[p11, -p01], [-p01, np.full_like(p11, p00)]]) / determinant
    return Lines(likelihood, peers.level_dbm + level, peers.exponent + exponent, np.moveaxis(cov, -1, 0))


def mounting_places(model: RadioModel, grid: Grid) -> Floats:
    """Return places (C, 3) all over the floors, and a little beyond, at which a node may hang.

    They are a third of the distance between neighbouring nodes apart: few readings tell places better.
    """
    spacing = spacing_m(model.receiver_xyz_m)
    step = max(spacing / 3.0, grid.cell_m)
    parts = []
    for floor in range(grid.floors):
        cells = grid.xyz_m[grid.floor == floor]
        low, high = cells[:, :2].min(axis=0) - spacing, cells[:, :2].max(axis=0) + spacing
        x, y = (np.arange(start, end + step, step) for start, end in zip(low, high, strict=True))
        xy = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        parts.append(np.column_stack((xy, np.full(len(xy), cells[0, 2] + ABOVE_DEVICE_M))))
    return np.concatenate(parts)


def spacing_m(receiver_xyz_m: Floats) -> float:
    """Return the typical distance between neighbouring nodes (R, 3): of each to its nearest, the median."""
    if len(receiver_xyz_m) < 2:
        return 0.0
    distance = np.linalg.norm(receiver_xyz_m[:, None] - receiver_xyz_m, axis=2)
    np.fill_diagonal(distance, np.inf)
    return float(np.median(distance.min(axis=1)))


def candidate_places(model: RadioModel, node: int, lattice_m: Floats) -> Floats:
    """Return the places (1 + C, 3) to try for a node: first its own, then a lattice (C, 3) on all floors.

    On its own storey the node is tried at its own height.
    """
    own = model.receiver_xyz_m[node]
    places = lattice_m.copy()
    places[model.slabs_between(places[:, 2], own[2]) == 0, 2] = own[2]
    return np.concatenate((own[None], places))
