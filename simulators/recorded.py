"""Recorded radio: a folder of walks that fixed receivers heard, with surveyed truth.

Layout (metres, seconds, dBm, MHz; x right, y up; `.gz` or plain)::

    receivers.csv   receiver,x_m,y_m  [z_m]  [in_20,in_40,in_80: planned deployments]
    walks.csv       walk,split,duration_s     split is train (the site survey) or test
    heard.csv.gz    walk,t_s,receiver,rssi_dbm  [freq_mhz]
    truth.csv.gz    walk,t_s,x_m,y_m  [z_m]     surveyed points, linear in between; optional
    survey.csv.gz   x_m,y_m,z_m,receiver,rssi_dbm   stationary calibration points; optional
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np

from contracts.errors import ConfigurationError
from simulators.recorded_csv import Skipped
from simulators.recorded_tables import (
    Floats,
    Ints,
    Readings,
    SurveyPoints,
    Truth,
    Walk,
    file_in,
    read_readings,
    read_receivers,
    read_survey,
    read_truth,
    read_walks,
)


@dataclass(frozen=True)
class RecordedDataset:
    """One floor's recording; indices in its columns point into `receivers` and `walks`."""

    folder: Path
    receivers: tuple[str, ...]
    receiver_xyz_m: Floats
    """(R, 3)"""
    walks: tuple[Walk, ...]
    readings: Readings
    truth: Truth
    survey_points: SurveyPoints | None = None
    skipped: Skipped = field(default_factory=Skipped)
    offset_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """How far its places were moved from where its files say they are."""

    @classmethod
    def read(cls, folder: Path, receivers: int | None = None) -> Self:
        """Read a folder; with `receivers` only those of the planned deployment of that many.

        A reading that cannot be used is counted in `skipped` and left out.

        Raises:
            ConfigurationError: no such folder, a file or column is missing, or the receivers or walks are
                wrong; with file, line and what was expected.

        """
        if not folder.is_dir():
            raise ConfigurationError(f"{folder}: no such folder", "Name a folder that holds heard.csv.gz.")
        skipped = Skipped()
        places = read_receivers(folder / "receivers.csv", receivers)
        walks = read_walks(folder / "walks.csv")
        names = tuple(places)
        index = {name: i for i, name in enumerate(names)}
        # A receiver that the chosen deployment leaves out is no mistake; one nobody knows is.
        known = set(read_receivers(folder / "receivers.csv", None))
        walk_index = {walk.id: i for i, walk in enumerate(walks)}
        survey_file = file_in(folder, "survey.csv")
        return cls(
            folder,
            names,
            np.array([places[name] for name in names], dtype=np.float64).reshape(-1, 3),
            walks,
            read_readings(file_in(folder, "heard.csv"), walk_index, index, known, skipped),
            read_truth(file_in(folder, "truth.csv"), walk_index, skipped),
            read_survey(survey_file, index, known, skipped) if survey_file.exists() else None,
            skipped,
        )

    def split(self, name: str) -> Ints:
        """Return the indices of the walks of a split, `train` or `test`."""
        return np.array([i for i, walk in enumerate(self.walks) if walk.split == name], dtype=np.int64)

    def unmoved(self) -> Self:
        """Return the recording with its places where its files say they are, under its new names."""
        x_m, y_m, z_m = self.offset_m
        return replace(self.placed(offset_m=(-x_m, -y_m, -z_m)), offset_m=(0.0, 0.0, 0.0))

    def placed(self, *, prefix: str = "", offset_m: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Self:
        """Return the recording with its receivers renamed `prefix` + name, and all places moved.

        So that several floors fit into the one frame of a mall.
        """
        move = np.array(offset_m)
        survey = self.survey_points
        return replace(
            self,
            receivers=tuple(prefix + name for name in self.receivers),
            receiver_xyz_m=self.receiver_xyz_m + move,
            truth=replace(self.truth, xyz_m=self.truth.xyz_m + move),
            survey_points=survey and replace(survey, xyz_m=survey.xyz_m + move),
            offset_m=offset_m,
        )
