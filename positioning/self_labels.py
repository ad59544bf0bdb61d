"""Readings of the crowd, each labelled with the place at which all but a few nodes put its device.

What nodes heard tells where they hang only if the devices' places were found without them: otherwise every
node confirms itself. So the nodes are dealt into a few groups, and the places for the readings of each group
are found by the nodes of the others (cross-validation; Stone, 1974).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from positioning.crowd import Crowd
from positioning.grid import Grid
from positioning.likelihood import Readings
from positioning.positioner import Positioner
from positioning.radio import RadioMap
from positioning.survey import Survey

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GROUPS = 6
NEAR_SHARE = 0.25
"""Places less sure than this share of the floor's extent (standard deviation) label nothing."""


def self_labelled(crowd: Crowd, radio: RadioMap, grid: Grid) -> Survey:
    """Return the crowd's readings as a survey at the places found by the other nodes.

    Args:
        crowd: what was heard of devices at unknown places.
        radio: the model of all nodes, self-calibrated or better.
        grid: where devices can be.

    Raises:
        ValueError: no device was ever located, because hardly any was heard by several nodes.
    """
    count = len(radio.receivers)
    # Neighbours in the list often are on the floor: dealt in turn, no region loses all its nodes.
    group = np.arange(count) % GROUPS
    order = np.argsort(crowd.t_s, kind="stable")
    device = np.unique(crowd.device[order], return_inverse=True)[1].reshape(-1)
    t_s, receiver, level = crowd.t_s[order], crowd.receiver[order], crowd.rssi_dbm[order]
    place, spread = np.full((len(order), 3), np.nan), np.full(len(order), np.inf)
    positioner = Positioner(radio, grid)
    for number in range(min(GROUPS, count)):
        _label(device, t_s, receiver, level, group == number, positioner, place, spread)
    sure = spread < NEAR_SHARE * np.ptp(grid.xyz_m[:, :2], axis=0).max()
    if not sure.any():
        raise ValueError("no device of the crowd was heard by enough nodes to be located")
    still = Survey.from_points(place[sure], receiver[sure], level[sure], session=device[sure])
    moment = np.stack((device[sure], np.ceil(t_s[sure]).astype(np.int64)))
    tick = np.unique(moment, axis=1, return_inverse=True)[1].reshape(-1)
    return Survey(
        still.receiver, still.rssi_dbm, still.t_s, still.track, still.session, tick,
        still.way_track, still.way_t_s, still.way_xyz_m,
    )  # fmt: skip


def _label(
    device: Ints, t_s: Floats, receiver: Ints, level: Floats, out: npt.NDArray[np.bool_],
    positioner: Positioner, place: Floats, spread: Floats,
) -> None:  # fmt: skip
    """Fill in place and spread of the readings of the nodes left ``out``, found by the others."""
    grid = positioner.grid
    elevation = np.array([grid.xyz_m[grid.floor == floor, 2][0] for floor in range(grid.floors)])
    tick = np.ceil(t_s).astype(np.int64)
    moments, first = np.unique(tick, return_index=True)
    ends = np.append(first[1:], len(tick))
    row_of = np.full(int(device.max(initial=-1)) + 1, -1)
    positioner.forget(np.arange(len(row_of)))
    for moment, start, end in zip(moments.tolist(), first.tolist(), ends.tolist(), strict=True):
        rows = np.arange(start, end)
        mine = out[receiver[rows]]
        use, wanted = rows[~mine], rows[mine]
        found = positioner.step(1000 * moment, Readings(device[use], receiver[use], level[use]), awake=~out)
        row_of[:] = -1
        row_of[found.slot] = np.arange(len(found.slot))
        row = row_of[device[wanted]]
        wanted, row = wanted[row >= 0], row[row >= 0]
        place[wanted, :2] = found.xy_m[row]
        place[wanted, 2] = elevation[found.floor[row]]
        spread[wanted] = np.sqrt(0.5 * np.trace(found.cov_m2[row], axis1=1, axis2=2))
