"""Expectation maximisation of a radio model over devices whose places nobody knows.

One round smooths the path of every device under the model at hand and fits the model to the believed places
(Dempster, Laird and Rubin, 1977). The offset of each device is found along with it (a conditional step: Meng
and Rubin, 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from positioning.crowd_fit import Tables, fit_tables
from positioning.crowd_moments import Moments
from positioning.crowd_paths import Cells
from positioning.likelihood import ONLY, REFERENCE_DBM, Heard, LikelihoodSettings, LikelihoodTables
from positioning.radio import RadioModel
from positioning.robust import student_weight

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SETTINGS = LikelihoodSettings(temper=0.8, silence=0.6)
"""Errors of moments that follow each other on one path are not independent."""
OFFSET_WEIGHT = 0.15
"""For the same reason a reading counts so much for the offset of its device."""
LINK_WEIGHT = 3.0
"""A link between nodes is a mean over time at places that are known: it counts as so many readings."""
SENDER_SD_DB = 3.0
"""Nodes may send somewhat louder or softer than phones."""
CHUNK = 512


@dataclass(frozen=True)
class NodeLinks:
    """Levels at which nodes hear each other: indices ``sender`` and ``receiver`` (K,), ``rssi_dbm`` (K,)."""

    sender: Ints
    receiver: Ints
    rssi_dbm: Floats


@dataclass(frozen=True)
class Offsets:
    """Offsets of D devices: mean and variance (D,), and their spread over devices."""

    mean_db: Floats
    variance_db2: Floats
    spread_db: float

    @classmethod
    def unknown(cls, devices: int, spread_db: float) -> Offsets:
        """Return what is known before anything is heard."""
        return cls(np.zeros(devices), np.full(devices, spread_db**2), spread_db)

    def fitted(self, total: Floats, residual: Floats) -> Offsets:
        """Return offsets from weights (D,) and weighted residuals (D,): random effects, shrunk and centred.

        Centred, since a level common to all devices belongs to the receivers.
        """
        precision = OFFSET_WEIGHT * total + 1.0 / self.spread_db**2
        mean = OFFSET_WEIGHT * residual / precision
        mean -= np.average(mean, weights=total + 1e-9)
        seen = total > 0
        spread = float(np.sqrt(np.mean((mean**2 + 1.0 / precision)[seen]))) if seen.any() else self.spread_db
        return Offsets(mean, 1.0 / precision, spread)


def improve(
    parts: Sequence[Moments],
    cells: Cells,
    model: RadioModel,
    prior: RadioModel,
    offsets: Offsets,
    links: NodeLinks | None,
) -> tuple[RadioModel, Offsets]:
    """Return model and offsets after one round.

    Args:
        parts: moments, whole tracks in each.
        cells: where devices can be.
        model: the model of the round before.
        prior: what every fit shrinks towards.
        offsets: the devices' offsets of the round before.
        links: levels between nodes.
    """
    emission, awake = LikelihoodTables(model, cells.xyz_m[None], SETTINGS), _awake(parts, model)
    places = np.concatenate((cells.xyz_m, model.receiver_xyz_m))
    expected = model.expected_dbm(places) - REFERENCE_DBM
    tables = _link_tables(links, model, expected[len(cells) :], len(cells))
    total, residual = np.zeros((2, len(offsets.mean_db)))
    here = expected[: len(cells)].astype(np.float32)
    for part in parts:
        likelihood, heard = _log_likelihood(part, emission, model, offsets, awake)
        belief, _ = cells.smooth(part, likelihood)
        mean = belief @ here
        level = heard.level - offsets.mean_db[part.device][:, None]
        # The expectation of the squared residual over the believed places.
        square = level**2 - 2.0 * level * mean + belief @ here**2
        weight = (heard.number > 0) * student_weight(square / model.sigma_db**2) / model.sigma_db**2
        total += np.bincount(part.device, weight.sum(axis=1), len(total))
        away = (weight * (heard.level - mean)).sum(axis=1)
        residual += np.bincount(part.device, away, len(total))
        tables = tables + _tables(belief, heard, level + REFERENCE_DBM, weight, len(places))
    return fit_tables(tables, model, prior, places), offsets.fitted(total, residual)


def evidence(parts: Sequence[Moments], cells: Cells, model: RadioModel) -> float:
    """Return the log-likelihood of moments whose devices' offsets are unknown, places integrated out."""
    emission, awake = LikelihoodTables(model, cells.xyz_m[None], SETTINGS), _awake(parts, model)
    total = 0.0
    for part in parts:
        unknown = Offsets.unknown(int(part.device.max()) + 1, model.offset_sd_db)
        likelihood = _log_likelihood(part, emission, model, unknown, awake)[0]
        total += float(cells.smooth(part, likelihood)[1].sum())
    return total


def _awake(parts: Sequence[Moments], model: RadioModel) -> Bools:
    """Return which receivers (R,) heard anything at all: the silence of a dead one says nothing."""
    heard = np.zeros(len(model.receivers), dtype=bool)
    for part in parts:
        heard[part.readings.receiver] = True
    return heard


def _tables(belief: Floats32, heard: Heard, level_dbm: Floats, weight: Floats, places: int) -> Tables:
    """Return what moments with beliefs (N, C) say of each cell; the other places are left empty."""
    listened = heard.number > 0

    def by_place(values: npt.NDArray[np.generic]) -> Floats:
        table = np.zeros((len(values), places))
        table[:, : belief.shape[1]] = values
        return table

    return Tables(
        listened.sum(axis=0).astype(np.float64),
        by_place(weight.T.astype(np.float32) @ belief),
        by_place((weight * level_dbm).T.astype(np.float32) @ belief),
        (weight * level_dbm**2).sum(axis=0),
        by_place(belief.sum(axis=0, keepdims=True))[0],
        by_place(listened.T.astype(np.float32) @ belief),
    )


def _link_tables(links: NodeLinks | None, model: RadioModel, expected: Floats, cells: int) -> Tables:
    """Return what nodes heard of each other: they follow the cells as further places.

    The level at which a node sends is shrunk towards that of phones.
    """
    count = len(model.receivers)
    weights, levels = np.zeros((2, count, cells + count))
    readings, squares = np.zeros(count), np.zeros(count)
    if links is not None and len(links.sender):
        own = links.sender != links.receiver
        sender, receiver = links.sender[own], links.receiver[own]
        rssi = links.rssi_dbm[own]
        away = rssi - REFERENCE_DBM - expected[sender, receiver]
        variance = model.sigma_db[receiver] ** 2
        weight = LINK_WEIGHT * (student_weight(away**2 / variance) / variance)
        total = np.bincount(sender, weight, count) + 1.0 / SENDER_SD_DB**2
        level = rssi - (np.bincount(sender, weight * away, count) / total)[sender]
        np.add.at(weights, (receiver, cells + sender), weight)
        np.add.at(levels, (receiver, cells + sender), weight * level)
        squares += np.bincount(receiver, weight * level**2, count)
        readings += LINK_WEIGHT * np.bincount(receiver, minlength=count)
    nobody = np.zeros_like(weights)
    return Tables(readings, weights, levels, squares, nobody[0], nobody)


def _log_likelihood(
    moments: Moments, emission: LikelihoodTables, model: RadioModel, offsets: Offsets, awake: Bools
) -> tuple[Floats32, Heard]:
    """Return how likely each cell is in each moment (N, C), as positioning has it, and what was heard."""
    heard = emission.tabulate(moments.readings)
    left = emission.left(heard, offsets.mean_db[moments.device])[None, :-1]
    variance = offsets.variance_db2[moments.device] + model.moment_sd_db**2
    precision = (1.0 / variance).astype(np.float32)[None]
    silence = emission.silence(awake)
    parts = []
    for start in range(0, len(moments), CHUNK):
        rows = slice(start, start + CHUNK)
        some = left[:, rows]
        room = np.empty((4, 1, some.shape[1], silence.shape[1]), dtype=np.float32)
        parts.append(emission.log_likelihood(some, precision[:, rows], ONLY, silence, room)[0][0])
    return np.concatenate(parts), heard
