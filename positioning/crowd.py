"""Zero-survey calibration: the radio model learnt from unlabelled traffic of the crowd itself.

Nobody walks a survey. Where the nodes are, the floor plan, who did not hear, and that people move
continuously pin the places of the crowd down well enough to fit path loss to them::

    crowd = Crowd(device, t_s, receiver, rssi_dbm)
    weight = crowd_room_weight(crowd, prior, floors)
    grid = Grid.over(floors, room_weight=weight)
    radio = self_calibrate(crowd, prior, grid)
    tracker = GridFilter(radio, grid)

What it cannot learn: a clock offset (all paths would only be earlier or later), and a level common to all
phones apart from the nodes' own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from positioning.crowd_em import NodeLinks, Offsets, evidence, improve
from positioning.crowd_moments import Moments
from positioning.crowd_paths import Cells
from positioning.grid import Floor, Grid
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap
from positioning.shaded import Rooms, ShadedModel

__all__ = ["Crowd", "NodeLinks", "crowd_room_weight", "self_calibrate"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_MOMENTS = 200
"""Fewer tell less than the prior knows."""
MOST_MOMENTS = 8000
"""More tell little beyond: every second or third track is taken instead."""
PART = 1000
"""Moments at a time: bounded memory."""
ROUNDS, CELL_M = 8, 4.0
TRIAL_ROUNDS, TRIAL_CELL_M = 5, 6.0
STARTS = ((0.0, 0.0), (10.0, 0.5), (-10.0, -0.5))
"""Level in dB and exponent from the prior's; expectation maximisation finds the maximum near its start."""
ROOM_LOSS_DB_M = 0.12
"""Surveyed malls show 0.15 to 0.21 beside lines fitted per receiver; less is safer where plans are rough."""
ROOM_WEIGHTS = (0.9, 0.6, 0.37, 0.22, 0.135)
TOO_GOOD_EDGE = 1.3
"""Believed places fit what is silent better than true ones do: the hearing edge is so much wider."""
LEAST_OFFSET_SD_DB = 3.0
"""Another phone, another hand."""


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

    Several starts are tried on half of the tracks; the one that predicts the other half best goes on with
    all. Where none predicts it better than the prior, the prior is returned.

    Args:
        crowd: what was heard of devices whose places nobody knows; the order does not matter.
        prior: the model to start from, which knows the places of the nodes.
        grid: where devices can be; its cells that weigh less than others are taken for rooms, which shade.
        links: levels between nodes, where they hear each other.
        progress: called with the share of the work done, 0 to 1.

    Raises:
        ValueError: a reading names a receiver that the prior lacks.
    """
    moments = _moments(crowd, prior)
    if len(moments) < MIN_MOMENTS:
        return prior
    start = _best_start(moments, prior, grid, links, progress)
    if start is None:
        return prior
    parts, cells = moments.parts(PART), Cells(grid, CELL_M)
    model, offsets = start, _unknown(moments, prior)
    for number in range(ROUNDS):
        progress(0.5 + 0.5 * number / ROUNDS)
        model, offsets = improve(parts, cells, model, start, offsets, links)
    progress(1.0)
    return replace(
        model,
        hear_width_db=TOO_GOOD_EDGE * model.hear_width_db,
        offset_sd_db=max(offsets.spread_db, LEAST_OFFSET_SD_DB),
    )


def crowd_room_weight(crowd: Crowd, radio: RadioModel, floors: Sequence[Floor]) -> float:
    """Return how likely a cell in a room is beside one on the open floor, as unlabelled traffic shows.

    The weight under which the traffic is most likely; pass it to :meth:`Grid.over`. Traffic that is too
    little to tell, and a plan without rooms, give the largest.

    Args:
        crowd: unlabelled traffic.
        radio: the best model there is; the prior does.
        floors: outlines and rooms.

    Raises:
        ValueError: a reading names a receiver that the model lacks.
    """
    moments = _moments(crowd, radio)
    if len(moments) < MIN_MOMENTS or not any(floor.rooms for floor in floors):
        return ROOM_WEIGHTS[0]
    parts = moments.parts(PART)
    grids = [Grid.over(floors, room_weight=weight) for weight in ROOM_WEIGHTS]
    found = [evidence(parts, Cells(grid, CELL_M), radio) for grid in grids]
    return ROOM_WEIGHTS[int(np.argmax(found))]


def _moments(crowd: Crowd, radio: RadioModel) -> Moments:
    """Return the moments to learn from."""
    known = len(radio.receivers)
    if len(crowd) and not 0 <= crowd.receiver.min() <= crowd.receiver.max() < known:
        raise ValueError(
            f"the crowd names receivers {crowd.receiver.min()} to {crowd.receiver.max()}, "
            f"the model has {known}, numbered from 0"
        )
    return Moments.of(crowd.device, crowd.t_s, crowd.receiver, crowd.rssi_dbm).thinned(MOST_MOMENTS)


def _unknown(moments: Moments, prior: RadioModel) -> Offsets:
    return Offsets.unknown(int(moments.device.max()) + 1, prior.offset_sd_db)


def _best_start(
    moments: Moments,
    prior: RadioModel,
    grid: Grid,
    links: NodeLinks | None,
    progress: Callable[[float], None],
) -> RadioModel | None:
    """Return the model that predicts held-out tracks best, None if that is the prior."""
    cells = Cells(grid, TRIAL_CELL_M)
    even = np.arange(moments.tracks) % 2 == 0
    train, test = (moments.of_tracks(half).parts(PART) for half in (even, ~even))
    starts = _starts(prior, grid)
    best, most = None, evidence(test, cells, prior)
    for number, start in enumerate(starts):
        progress(0.5 * number / len(starts))
        model, offsets = start, _unknown(moments, prior)
        for _ in range(TRIAL_ROUNDS):
            model, offsets = improve(train, cells, model, start, offsets, links)
        if (found := evidence(test, cells, model)) > most:
            best, most = model, found
    return best


def _starts(prior: RadioModel, grid: Grid) -> list[RadioModel]:
    """Return the models from which to start: with rooms in the way, where the grid knows any."""
    plain = [replace(prior, p0_dbm=prior.p0_dbm + level, exponent=prior.exponent + exponent)
             for level, exponent in STARTS]  # fmt: skip
    if not np.ptp(grid.weight):
        return plain
    rooms = Rooms.of(grid, prior.slab_z_m)
    return [plain[0], *(ShadedModel.over(model, rooms, ROOM_LOSS_DB_M) for model in plain)]
