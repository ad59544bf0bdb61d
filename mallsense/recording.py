"""A recorded data set made ready to run: its site, its walks, and what its survey teaches."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from contracts.errors import ConfigurationError
from contracts.site import Site
from gateway.engine import Calibration
from gateway.engine.setup import floors_of, radio_model
from gateway.site.import_folder import import_folder, places_of
from mallsense.ladder import POINTS, Step, from_crowd, from_points
from positioning.calibrate import calibrate, room_weight
from positioning.radio import RadioModel
from positioning.radiomap import survey_map
from positioning.survey import Survey
from simulators.recorded import RecordedDataset

UNHEARD_SLAB_DB = 60.0
"""Each floor was recorded with its own receivers alone: those of the others hear nothing of it."""

FOLDS = 5
"""One of so many training walks is held out; which, is drawn once and for all."""


@dataclass(frozen=True)
class Recording:
    """One floor's recording, or the recordings of several floors of a mall, in one frame."""

    site: Site
    datasets: tuple[RecordedDataset, ...]
    calibration: Calibration
    notes: tuple[str, ...]

    def unmoved(self) -> tuple[RecordedDataset, ...]:
        """Return the recordings in the frames of their files, as their truth is scored."""
        return tuple(data.unmoved() for data in self.datasets)


def read_recording(
    folder: Path,
    receivers: int | None = None,
    *,
    step: Step = Step.SURVEY,
    points: int = POINTS,
    held_out: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Recording:
    """Read a floor folder, or a folder of floor folders, and calibrate on what it may be calibrated on.

    Args:
        folder: of a floor, or of the floors of one mall.
        receivers: use the planned deployment of that many; by default all receivers.
        step: how much of the recording the calibration may know.
        points: labelled points a floor, for `Step.POINTS`.
        held_out: play a fifth of the training walks, and calibrate on the others; test walks are left alone.
        progress: told the share of a long calibration that is done.

    Raises:
        ConfigurationError: a file is missing or wrong, or the recording lacks what the step needs.

    """
    site = import_folder(folder, receivers).site
    datasets = read_datasets(folder, receivers)
    notes = skipped_rows(datasets)
    if held_out:
        datasets = tuple(with_walks_held_out(data) for data in datasets)
    prior = prior_of(site)
    if step is Step.ZERO:
        calibration = from_crowd(site, prior, datasets, progress)
    elif step is Step.POINTS:
        calibration = from_points(site, prior, datasets, points, progress)
    else:
        survey = survey_of(datasets)
        if survey is None:
            notes.append(
                "no calibration data (neither training walks with truth nor survey.csv.gz): "
                "the radio model is the textbook's, so positions are less certain"
            )
        calibration = surveyed(site, survey, prior)
    return Recording(site, datasets, calibration, tuple(notes))


def read_datasets(folder: Path, receivers: int | None) -> tuple[RecordedDataset, ...]:
    """Read the recordings of a floor folder, or of the floors in a folder, in the mall's frame.

    Raises:
        ConfigurationError: a file is missing or wrong.

    """
    return tuple(
        RecordedDataset.read(place.folder, receivers).placed(
            prefix=place.node_prefix, offset_m=place.offset_m
        )
        for place in places_of(folder, receivers)
    )


def skipped_rows(datasets: tuple[RecordedDataset, ...]) -> list[str]:
    """Return which rows of the recordings were left out, for people."""
    return [f"{data.folder.name}: {line}" for data in datasets for line in data.skipped.lines()]


def prior_of(site: Site) -> RadioModel:
    """Return the textbook's radio model of a recorded site."""
    prior = radio_model(site)
    return replace(prior, slab_loss_db=UNHEARD_SLAB_DB) if len(site.floors) > 1 else prior


def with_walks_held_out(data: RecordedDataset) -> RecordedDataset:
    """Return a recording whose test walks are a fifth of its training walks, and which has no others.

    What is tuned on them leaves the true test walks unseen.

    Raises:
        ConfigurationError: it has too few training walks.

    """
    train = data.split("train")
    if len(train) < FOLDS:
        raise ConfigurationError(
            f"{data.folder}: {len(train)} training walks, too few to hold some out",
            f"Expected at least {FOLDS} walks whose split is train in walks.csv.",
        )
    held = set(np.random.default_rng(0).permutation(train)[::FOLDS].tolist())
    split = {i: "test" if i in held else "train" for i in train.tolist()}
    walks = tuple(replace(walk, split=split.get(i, "unused")) for i, walk in enumerate(data.walks))
    return replace(data, walks=walks)


def survey_of(datasets: tuple[RecordedDataset, ...]) -> Survey | None:
    """Return the site survey of all floors: the training walks with truth, else the stationary points.

    Receivers are numbered through the data sets, in their order.
    """
    walks, points = [], []
    first_receiver = first_walk = 0
    for data in datasets:
        train = data.split("train")
        heard, truth = data.readings.of(train), data.truth.of(train)
        receiver = heard.receiver + first_receiver
        way = (truth.walk + first_walk, truth.t_s, truth.xyz_m)
        walks.append((receiver, heard.rssi_dbm, heard.t_s, heard.walk + first_walk, *way))
        if (still := data.survey_points) is not None:
            points.append((still.xyz_m, still.receiver + first_receiver, still.rssi_dbm))
        first_receiver += len(data.receivers)
        first_walk += len(data.walks)
    columns = [np.concatenate(column) for column in zip(*walks, strict=True)]
    if np.isin(columns[3], columns[4]).any():
        return Survey.from_walks(*columns)
    columns = [np.concatenate(column) for column in zip(*points, strict=True)]
    return Survey.from_points(*columns) if columns and len(columns[1]) else None


def surveyed(site: Site, survey: Survey | None, prior: RadioModel) -> Calibration:
    """Return what a survey teaches about a site, starting from `prior`; the prior itself without one."""
    if survey is None:
        return Calibration(prior)
    model = calibrate(survey, prior)
    return Calibration(survey_map(survey, model), room_weight(survey, floors_of(site)))
