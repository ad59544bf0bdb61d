"""Zero-survey calibration: the radio model learnt from unlabelled traffic of the crowd itself.

Nobody walks a survey. Where the nodes are, the floor plan, and that people move continuously pin the places
of the crowd down; expectation maximisation (Dempster, Laird and Rubin, 1977) takes turns: given the radio
model, smooth the path of every device; given the paths, fit the radio model as a survey's::

    radio = self_calibrate(Crowd(device, t_s, receiver, rssi_dbm), RadioModel.prior(nodes, xyz_m), grid)
    positioner = Positioner(radio, grid)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from positioning.crowd_fit import Tables, fit_tables
from positioning.crowd_paths import Cells, Moments
from positioning.grid import Grid
from positioning.likelihood import (
    REFERENCE_DBM,
    Heard,
    LikelihoodSettings,
    LikelihoodTables,
)
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

ROUNDS = 10
CELL_M = 4.0
CHUNK = 512
MIN_MOMENTS = 200
"""Fewer tell less than the prior knows."""
STUDENT_DOF = 5.0
SETTINGS = LikelihoodSettings(temper=0.5, silence=0.4)
"""Errors of moments that follow each other on one path are far from independent."""
OFFSET_WEIGHT = 0.15
"""For the same reason a reading counts so much for the offset of its device."""
OFFSET_SD_DB = 4.0


@dataclass(frozen=True)
class Crowd:
    """Unlabelled traffic.

    Attributes:
        device: (M,) the phone in one session that sent; any numbers.
        t_s: (M,) when, on a clock that all share.
        receiver: (M,) index of the receiver that heard it.
        rssi_dbm: (M,) level.
    """

    device: Ints
    t_s: Floats
    receiver: Ints
    rssi_dbm: Floats

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.device)


@dataclass(frozen=True)
class NodeLinks:
    """Levels at which nodes hear each other: indices ``sender`` and ``receiver`` (K,), ``rssi_dbm`` (K,)."""

    sender: Ints
    receiver: Ints
    rssi_dbm: Floats


@dataclass(frozen=True)
class _Offsets:
    """Offsets of D devices in dB and their variances."""

    mean_db: Floats
    variance_db2: Floats


def _silent(_: float) -> None:
    """Report no progress."""


def self_calibrate(
    crowd: Crowd,
    prior: RadioModel,
    grid: Grid,
    *,
    links: NodeLinks | None = None,
    progress: Callable[[float], None] = _silent,
) -> RadioModel | SurveyedMap:
    """Learn the radio model from unlabelled traffic.

    Args:
        crowd: what was heard of devices whose places nobody knows; the order does not matter.
        prior: the model to start from, which knows the places of the nodes.
        grid: where devices can be.
        links: levels between nodes, where they hear each other.
        progress: called with the share of the work done, 0 to 1.

    Raises:
        ValueError: a reading names a receiver that the prior lacks.
    """
    if len(crowd) and not 0 <= crowd.receiver.min() <= crowd.receiver.max() < len(prior.receivers):
        raise ValueError(
            f"the crowd names receivers {crowd.receiver.min()} to {crowd.receiver.max()}, "
            f"the model has {len(prior.receivers)}"
        )
    del links
    moments = Moments.of(crowd.device, crowd.t_s, crowd.receiver, crowd.rssi_dbm)
    if len(moments) < MIN_MOMENTS:
        return prior
    cells = Cells(grid, CELL_M)
    devices = int(moments.device.max()) + 1
    offsets = _Offsets(np.zeros(devices), np.full(devices, prior.offset_sd_db**2))
    model = prior
    for number in range(ROUNDS):
        progress(number / ROUNDS)
        model, offsets = _round(moments, cells, model, prior, offsets)
    progress(1.0)
    return model


def _round(
    moments: Moments, cells: Cells, model: RadioModel, prior: RadioModel, offsets: _Offsets
) -> tuple[RadioModel, _Offsets]:
    """Return model and offsets after one round of expectation and maximisation."""
    log_likelihood, heard = _likelihood(moments, cells, model, offsets)
    belief, _ = cells.smooth(moments, log_likelihood)
    expected = (model.expected_dbm(cells.xyz_m) - REFERENCE_DBM).astype(np.float32)
    mean, square = belief @ expected, belief @ expected**2
    level = heard.level - offsets.mean_db[moments.device][:, None]
    residual2 = level**2 - 2.0 * level * mean + square
    sigma2 = model.sigma_db**2
    weight = (STUDENT_DOF + 1.0) / (STUDENT_DOF + residual2 / sigma2) * (heard.number > 0) / sigma2
    weight = weight.astype(np.float32)
    offsets = _fit_offsets(moments.device, weight, heard.level - mean)
    level = heard.level + REFERENCE_DBM - offsets.mean_db[moments.device][:, None]
    tables = Tables(
        (heard.number > 0).sum(axis=0).astype(np.float64),
        weight.T @ belief,
        (weight * level).astype(np.float32).T @ belief,
        (weight * level**2).sum(axis=0),
        belief.sum(axis=0, dtype=np.float64),
        (heard.number > 0).T.astype(np.float32) @ belief,
    )
    return fit_tables(tables, model, prior, cells.xyz_m), offsets


def _likelihood(
    moments: Moments, cells: Cells, model: RadioModel, offsets: _Offsets
) -> tuple[Floats32, Heard]:
    """Return how likely each cell is in each moment (N, C), as positioning has it, and what was heard."""
    tables = LikelihoodTables(model, cells.xyz_m[None], SETTINGS)
    heard = tables.tabulate(moments.readings)
    left = tables.left(heard, offsets.mean_db[moments.device])[:-1]
    precision = 1.0 / (offsets.variance_db2[moments.device] + model.moment_sd_db**2)
    silence = tables.silence(np.ones(len(model.receivers), dtype=bool))
    result = np.empty((len(moments), len(cells)), dtype=np.float32)
    only = np.zeros(1, dtype=np.int64)
    for start in range(0, len(moments), CHUNK):
        rows = slice(start, start + CHUNK)
        some = left[None, rows]
        room = np.empty((4, 1, some.shape[1], len(cells)), dtype=np.float32)
        result[rows] = tables.log_likelihood(
            some, precision[None, rows].astype(np.float32), only, silence, room
        )[0][0]
    return result, heard


def _fit_offsets(device: Ints, weight: Floats, residual_db: Floats) -> _Offsets:
    """Return the devices' offsets, shrunk to zero and centred, so that levels stay identified."""
    total = np.bincount(device, weight.sum(axis=1))
    own = np.bincount(device, (weight * residual_db).sum(axis=1))
    precision = OFFSET_WEIGHT * total + 1.0 / OFFSET_SD_DB**2
    mean = OFFSET_WEIGHT * own / precision
    return _Offsets(mean - np.average(mean, weights=total), 1.0 / precision)
