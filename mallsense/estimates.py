"""Position estimates of recorded walks: collected from ticks, and written as people score them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gateway.engine import Tick
from mallsense.csv_table import write_csv

RECENT_MS = 10_000
"""A device is followed for this long after it was last heard; what was heard earlier says little of now."""

COLUMNS = ("walk", "t_s", "x_m", "y_m", "xx_m2", "xy_m2", "yy_m2")


@dataclass(frozen=True)
class Estimate:
    """Where the device of a walk is estimated to be at `t_s`, from what was heard before."""

    walk: str
    t_s: float
    xy_m: npt.NDArray[np.float64]
    """(2,)"""
    cov_m2: npt.NDArray[np.float64]
    """(2, 2)"""


def estimates(
    ticks: Iterable[Tick],
    walk_of: Mapping[str, str],
    start_ms: int,
    offset_m: Mapping[str, tuple[float, float, float]],
) -> Iterator[Estimate]:
    """Give an estimate a tick for every walk heard lately; in between they are predictions.

    Args:
        ticks: of the engine.
        walk_of: the walk of each pseudonym.
        start_ms: event time at which all walks start.
        offset_m: for each walk, how far its recording was moved; its estimates are moved back.

    """
    heard_ms: dict[str, int] = {}
    for tick in ticks:
        tracks = tick.tracks
        for i, device in enumerate(tracks.device):
            if tracks.heard[i]:
                heard_ms[device] = tick.t_ms
            if tick.t_ms - heard_ms.get(device, -RECENT_MS) < RECENT_MS and device in walk_of:
                walk = walk_of[device]
                xy_m = tracks.xy_m[i] - np.array(offset_m[walk][:2])
                yield Estimate(walk, (tick.t_ms - start_ms) / 1000, xy_m, tracks.cov_m2[i])


def write_estimates(path: Path, rows: Iterable[Estimate]) -> None:
    """Write estimates as CSV, covariance included.

    Raises:
        ConfigurationError: the file cannot be written.

    """
    write_csv(path, COLUMNS, map(_cells, rows))


def _cells(row: Estimate) -> list[str]:
    numbers = (*row.xy_m, row.cov_m2[0, 0], row.cov_m2[0, 1], row.cov_m2[1, 1])
    return [row.walk, f"{row.t_s:.3f}", *(repr(float(number)) for number in numbers)]
