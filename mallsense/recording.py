"""A recorded data set made ready to run: its site, its walks, and a radio model calibrated on its survey."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from contracts.site import Site
from gateway.engine.setup import radio_model
from gateway.site.import_folder import import_folder, places_of
from positioning.calibrate import Survey, calibrate
from positioning.radio import RadioModel
from simulators.recorded import RecordedDataset

UNHEARD_SLAB_DB = 60.0
"""Each floor was recorded with its own receivers alone: those of the others hear nothing of it."""


@dataclass(frozen=True)
class Recording:
    """One floor's recording, or the recordings of several floors of a mall, in one frame."""

    site: Site
    datasets: tuple[RecordedDataset, ...]
    model: RadioModel
    calibrated: bool
    """False where there is no survey: the radio model is then the textbook's."""
    notes: tuple[str, ...]

    def unmoved(self) -> tuple[RecordedDataset, ...]:
        """Return the recordings in the frames of their files, as their truth is scored."""
        return tuple(data.placed(offset_m=tuple(-x for x in data.offset_m)) for data in self.datasets)


def read_recording(folder: Path, receivers: int | None = None) -> Recording:
    """Read a floor folder, or a folder of floor folders, and calibrate on what it may be calibrated on.

    Raises:
        ConfigurationError: a file is missing or wrong.

    """
    imported = import_folder(folder, receivers)
    datasets = tuple(
        RecordedDataset.read(place.folder, receivers).placed(
            prefix=place.node_prefix, offset_m=place.offset_m
        )
        for place in places_of(folder, receivers)
    )
    notes = [f"{data.folder.name}: {line}" for data in datasets for line in data.skipped.lines()]
    prior = radio_model(imported.site)
    models = [_calibrated(data, prior.select(data.receivers)) for data in datasets]
    known = [model for model in models if model is not None]
    if missing := [data.folder.name for data, model in zip(datasets, models, strict=True) if model is None]:
        notes.append(
            f"{', '.join(missing)}: no calibration data (neither training walks with truth nor survey.csv.gz); "
            "the radio model is the textbook's"
        )
    return Recording(imported.site, datasets, _merged(prior, known), len(known) == len(models), tuple(notes))


def survey_of(data: RecordedDataset) -> Survey | None:
    """Return the site survey: the training walks with their surveyed points, else the stationary points."""
    train = data.split("train")
    heard, truth = data.readings.of(train), data.truth.of(train)
    if np.isin(heard.walk, truth.walk).any():
        return Survey.from_walks(
            heard.receiver, heard.rssi_dbm, heard.t_s, heard.walk, truth.walk, truth.t_s, truth.xyz_m
        )
    points = data.survey_points
    if points is not None and len(points.receiver):
        return Survey.from_points(points.xyz_m, points.receiver, points.rssi_dbm)
    return None


def _calibrated(data: RecordedDataset, prior: RadioModel) -> RadioModel | None:
    survey = survey_of(data)
    return None if survey is None else calibrate(survey, prior)


def _merged(prior: RadioModel, models: list[RadioModel]) -> RadioModel:
    """Return one model of all receivers: each floor's own fits, and the mean of what receivers have in common."""
    if not models:
        return prior
    if len(models) == 1 and models[0].receivers == prior.receivers:
        return models[0]
    columns = {name: getattr(prior, name).copy() for name in ("p0_dbm", "exponent", "sigma_db")}
    row = {name: i for i, name in enumerate(prior.receivers)}
    for model in models:
        rows = [row[name] for name in model.receivers]
        for name, column in columns.items():
            column[rows] = getattr(model, name)
    common = {
        name: float(np.mean([getattr(model, name) for model in models]))
        for name in ("offset_sd_db", "near_m", "hear_dbm", "hear_width_db", "hear_max", "clock_offset_s")
    }
    slab_loss_db = UNHEARD_SLAB_DB if len(models) > 1 else prior.slab_loss_db
    return replace(prior, slab_loss_db=slab_loss_db, **columns, **common)
