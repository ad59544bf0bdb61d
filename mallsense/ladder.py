"""The calibration ladder on recorded data: how much each of its steps may know of a recording.

==========  ==================================================================================================
`survey`    all training walks with their truth, or all stationary points: the radio map
`points`    what `zero` teaches, corrected at a few of those places, each heard for some seconds
`zero`      where the receivers are, and what they heard of devices whose places nobody knows
==========  ==================================================================================================
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from contracts.errors import ConfigurationError
from contracts.site import Site
from gateway.engine import Calibration
from gateway.engine.setup import floors_of, grid_of
from positioning.calibrate import calibrate
from positioning.crowd import Crowd, crowd_room_weight, self_calibrate
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap
from positioning.refine import refine
from positioning.survey import Survey
from simulators.recorded import RecordedDataset
from simulators.recorded_tables import Floats, Ints

POINTS = 20
"""A floor's labelled points, where nobody says how many: what a person does in half an hour."""

STANDING_S = 2.0
"""A walker's readings within this time of a surveyed point count as heard there."""

SEED = 0
"""Of the choice of points."""


class Step(StrEnum):
    """A step of the ladder."""

    SURVEY = "survey"
    POINTS = "points"
    ZERO = "zero"


def from_points(
    site: Site,
    prior: RadioModel,
    datasets: Sequence[RecordedDataset],
    count: int,
    progress: Callable[[float], None] | None = None,
) -> Calibration:
    """Return what `count` labelled points a floor correct in what the traffic of walkers teaches.

    Without such traffic, the points alone tell level and exponent of each receiver.

    Raises:
        ConfigurationError: no place of the recordings is known.

    """
    points = points_of(datasets, count)
    if not any(len(data.readings.of(data.split("train"))) for data in datasets):
        return Calibration(calibrate(points, prior))
    return corrected(from_crowd(site, prior, datasets, progress), points)


def corrected(calibration: Calibration, points: Survey) -> Calibration:
    """Return a calibration with what labelled points show beyond its path loss."""
    radio = calibration.radio
    base = radio.base if isinstance(radio, SurveyedMap) else radio
    return Calibration(refine(points, base), calibration.room_weight)


def points_of(datasets: Sequence[RecordedDataset], count: int) -> Survey:
    """Return the readings at `count` labelled points a floor; receivers are numbered through the data sets.

    Raises:
        ConfigurationError: no place of the recordings is known.

    """
    parts = [_at_points(data, count) for data in datasets]
    readings: list[tuple[Ints, Floats, Floats, Ints]] = []
    first_receiver = first_point = 0
    for data, part in zip(datasets, parts, strict=True):
        point = part.point + first_point
        readings.append((part.receiver + first_receiver, part.rssi_dbm, part.t_s, point))
        first_receiver += len(data.receivers)
        first_point += len(part.xyz_m)
    if not first_point:
        raise ConfigurationError(
            "no place of a training walk or survey point is known, so there are no labelled points",
            "Use --calibration zero, which needs none.",
        )
    receiver, rssi_dbm, t_s, point = (np.concatenate(column) for column in zip(*readings, strict=True))
    places = np.concatenate([part.xyz_m for part in parts])
    number, still, one_phone = np.arange(first_point), np.zeros(first_point), np.zeros_like(point)
    return Survey.from_walks(receiver, rssi_dbm, t_s, point, number, still, places, session=one_phone)


def from_crowd(
    site: Site,
    prior: RadioModel,
    datasets: Sequence[RecordedDataset],
    progress: Callable[[float], None] | None = None,
) -> Calibration:
    """Return what the traffic of devices at unknown places teaches: training walks without their truth.

    Where there are no training walks, each stationary point is taken for a device that stood still somewhere.

    Raises:
        ConfigurationError: there is no such traffic.

    """
    crowd = crowd_of(datasets)
    if not len(crowd):
        raise ConfigurationError(
            "neither training walks nor survey points, so there is no traffic to learn from",
            "Leave out --calibration: the radio model is then the textbook's.",
        )
    return taught_by(crowd, site, prior, progress or _nobody_watches)


def taught_by(crowd: Crowd, site: Site, prior: RadioModel, progress: Callable[[float], None]) -> Calibration:
    """Return what the traffic of devices at unknown places teaches about a site."""
    weight = crowd_room_weight(crowd, prior, floors_of(site))
    grid = grid_of(site, room_weight=weight)
    return Calibration(self_calibrate(crowd, prior, grid, progress=progress), weight)


def crowd_of(datasets: Sequence[RecordedDataset]) -> Crowd:
    """Return what was heard of devices at unknown places; receivers are numbered through the data sets."""
    parts = [(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64), np.empty(0))]
    first_device = first_receiver = 0
    for data in datasets:
        device, t_s, receiver, rssi_dbm = _traffic(data)
        parts.append((device + first_device, t_s, receiver + first_receiver, rssi_dbm))
        first_device += int(device.max(initial=-1)) + 1
        first_receiver += len(data.receivers)
    return Crowd(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _traffic(data: RecordedDataset) -> tuple[Ints, Floats, Ints, Floats]:
    heard = data.readings.of(data.split("train"))
    if len(heard) or data.survey_points is None:
        return heard.walk, heard.t_s, heard.receiver, heard.rssi_dbm
    still = data.survey_points
    # Nobody wrote down when: the n-th readings of all receivers at a point count as one second's.
    points = Survey.from_points(still.xyz_m, still.receiver, still.rssi_dbm)
    return points.track, points.t_s, points.receiver, points.rssi_dbm


@dataclass(frozen=True)
class _Points:
    """What was heard at P places: M readings."""

    xyz_m: Floats
    """(P, 3)"""
    point: Ints
    """(M,)"""
    t_s: Floats
    receiver: Ints
    rssi_dbm: Floats


def _at_points(data: RecordedDataset, count: int) -> _Points:
    """Return what was heard at `count` well spread places."""
    train = data.split("train")
    heard, truth = data.readings.of(train), data.truth.of(train)
    if len(truth.t_s) or data.survey_points is None:
        first, last = (
            np.searchsorted(
                _moment(heard.walk, heard.t_s), _moment(truth.walk, truth.t_s + sign * STANDING_S)
            )
            for sign in (-1.0, 1.0)
        )
        candidates = np.flatnonzero(last > first)
        chosen = candidates[_spread_out(truth.xyz_m[candidates, :2], count)]
        times = last[chosen] - first[chosen]
        point = np.repeat(np.arange(len(chosen)), times)
        rows = np.arange(len(point)) + np.repeat(first[chosen] - np.cumsum(times) + times, times)
        columns = heard.t_s[rows], heard.receiver[rows], heard.rssi_dbm[rows]
        return _Points(truth.xyz_m[chosen], point, *columns)
    still = data.survey_points
    survey = Survey.from_points(still.xyz_m, still.receiver, still.rssi_dbm)
    chosen = np.sort(_spread_out(survey.way_xyz_m[:, :2], count))
    own = survey.subset(np.isin(survey.track, chosen))
    point = np.searchsorted(chosen, own.track)
    return _Points(survey.way_xyz_m[chosen], point, own.t_s, own.receiver, own.rssi_dbm)


def _moment(walk: Ints, t_s: Floats) -> Floats:
    """Return one number for walk and time that sorts as the two; a walk is never as long as eleven days."""
    return walk * 1e6 + t_s


def _spread_out(xy_m: Floats, count: int) -> Ints:
    """Return the indices of `count` places (N, 2), each far from those before (Gonzalez, 1985)."""
    chosen = np.random.default_rng(SEED).permutation(len(xy_m))[:1].tolist()
    distance = np.full(len(xy_m), np.inf)
    while 0 < len(chosen) < min(count, len(xy_m)):
        distance = np.minimum(distance, np.hypot(*(xy_m - xy_m[chosen[-1]]).T))
        chosen.append(int(distance.argmax()))
    return np.array(chosen, dtype=np.int64)


def _nobody_watches(_: float) -> None: ...
