"""A recorded data set made ready to run: its site, its walks, and what its survey teaches."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from contracts.site import Site
from gateway.engine import Calibration
from gateway.engine.setup import floors_of, radio_model
from gateway.site.import_folder import import_folder, places_of
from positioning.calibrate import calibrate, room_weight
from positioning.radiomap import survey_map
from positioning.survey import Survey
from simulators.recorded import RecordedDataset

UNHEARD_SLAB_DB = 60.0
"""Each floor was recorded with its own receivers alone: those of the others hear nothing of it."""


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


def read_recording(folder: Path, receivers: int | None = None) -> Recording:
    """Read a floor folder, or a folder of floor folders, and calibrate on what it may be calibrated on.

    Raises:
        ConfigurationError: a file is missing or wrong.

    """
    site = import_folder(folder, receivers).site
    datasets = tuple(
        RecordedDataset.read(place.folder, receivers).placed(
            prefix=place.node_prefix, offset_m=place.offset_m
        )
        for place in places_of(folder, receivers)
    )
    notes = [f"{data.folder.name}: {line}" for data in datasets for line in data.skipped.lines()]
    survey = survey_of(datasets)
    if survey is None:
        notes.append(
            "no calibration data (neither training walks with truth nor survey.csv.gz): "
            "the radio model is the textbook's, so positions are less certain"
        )
    slab_db = UNHEARD_SLAB_DB if len(site.floors) > 1 else None
    return Recording(site, datasets, calibration_of(site, survey, slab_db=slab_db), tuple(notes))


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


def calibration_of(site: Site, survey: Survey | None, *, slab_db: float | None = None) -> Calibration:
    """Return what a survey teaches about a site whose nodes are its receivers; the textbook's without one.

    `slab_db` is the loss of a slab between floors, where more is known about it than the textbook says.
    """
    prior = radio_model(site)
    if slab_db is not None:
        prior = replace(prior, slab_loss_db=slab_db)
    if survey is None:
        return Calibration(prior)
    model = calibrate(survey, prior)
    return Calibration(survey_map(survey, model), room_weight(survey, floors_of(site)))
