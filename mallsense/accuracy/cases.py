"""What there is to evaluate: data sets under a folder, their planned deployments, the calibrations asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from contracts.errors import ConfigurationError
from gateway.site.import_folder import floor_folders
from mallsense.ladder import Step

FILES = ("receivers.csv", "walks.csv", "heard.csv.gz", "heard.csv")
"""A folder with any of them is meant to be a data set, even where another one is missing."""


@dataclass(frozen=True)
class Case:
    """One evaluation: a data set, a deployment, a calibration."""

    folder: Path
    """Of a floor; of the floors of a mall, where they are played together."""
    receivers: int | None
    """The planned deployment; None for all receivers."""
    step: Step
    held_out: bool = False
    """Score held-out training walks, leave the test walks alone."""

    @property
    def name(self) -> str:
        """What the case is called in messages."""
        receivers = "all receivers" if self.receivers is None else f"{self.receivers} receivers"
        return f"{self.folder.resolve().name}, {receivers}, {self.step}"


def cases_in(
    folders: Iterable[Path],
    receivers: Sequence[int],
    steps: Sequence[Step],
    *,
    held_out: bool = False,
    every_deployment: bool = False,
    together: bool = False,
) -> list[Case]:
    """Return the cases for all data sets in some folders, at any depth.

    Args:
        folders: data sets, or folders that hold some.
        receivers: planned deployments; a data set without any planned one is evaluated with all receivers.
        steps: calibrations.
        held_out: score held-out training walks.
        every_deployment: without `receivers`, take every planned deployment instead of all receivers.
        together: floors that lie in one folder are one mall and one case.

    Raises:
        ConfigurationError: a folder is not there, or holds no data set.

    """
    found: list[Path] = []
    for folder in folders:
        found += [place for place in _data_sets(folder, together=together) if place not in found]
    return [
        Case(folder, deployment, step, held_out)
        for step in dict.fromkeys(steps)
        for folder in found
        for deployment in _deployments(folder, receivers, every=every_deployment)
    ]


def _data_sets(folder: Path, *, together: bool) -> list[Path]:
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder}: no such folder", "Name a folder of recorded data, or one that holds such folders."
        )
    found = sorted({path.parent for name in FILES for path in folder.rglob(name)})
    if not found:
        raise ConfigurationError(
            f"{folder}: no recorded data here or below",
            "A data set is a folder with receivers.csv, walks.csv and heard.csv.gz.",
        )
    if not together:
        return found
    malls = [list(floors) for _, floors in groupby(found, key=lambda floor: floor.parent)]
    return [floors[0] if len(floors) == 1 else floors[0].parent for floors in malls]


def _deployments(folder: Path, receivers: Sequence[int], *, every: bool) -> list[int | None]:
    planned = _planned(folder)
    if receivers and planned:
        return list(dict.fromkeys(receivers))
    return list(planned) if every and planned else [None]


def _planned(folder: Path) -> list[int]:
    """Return the sizes of the planned deployments, by the columns in_20, in_40, ... of receivers.csv."""
    try:
        with (floor_folders(folder)[0] / "receivers.csv").open(encoding="utf-8") as text:
            header = next(text, "").strip().split(",")
    except (ConfigurationError, OSError, UnicodeDecodeError):
        return []  # what is wrong is told when the data set is read
    sizes = [column.removeprefix("in_") for column in header if column.startswith("in_")]
    return sorted(int(size) for size in sizes if size.isdecimal())
