"""What each ingredient of positioning buys: `python -m benchmarks.positioning_accuracy`.

Test walks are not touched: the training walks of each floor are split into folds, a model is calibrated on
all but one, and the walks of that one are positioned live and scored as the data's scorer does. Prints a
Markdown table of median and 95th percentile of the error in metres, and of the share of truths inside the
68 % and 95 % regions.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.recorded import recorded
from gateway.engine.setup import floors_of, radio_model
from gateway.site.import_folder import import_folder
from mallsense.recording import survey_of
from positioning.calibrate import calibrate, room_weight
from positioning.grid import Floor, Grid
from positioning.grid_filter import GridFilter
from positioning.likelihood import LikelihoodSettings, Readings
from positioning.positioner import Positioner
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap, survey_map
from positioning.survey import Survey
from simulators.recorded import RecordedDataset

Floats = npt.NDArray[np.float64]
Build = Callable[["Fold"], Positioner | GridFilter]

FOLDS = 5
STEP_S, FRESH_S = 2, 5.0


@dataclass(frozen=True)
class Fold:
    """One split of a floor's training walks."""

    train: Survey
    test: Survey
    model: RadioModel
    floors: list[Floor]

    def grid(self, *, rooms: bool = True) -> Grid:
        """Return the floor's cells, with rooms weighed as the training walks show."""
        return Grid.over(self.floors, room_weight=room_weight(self.train, self.floors) if rooms else 1.0)


def folds_of(folder: Path, receivers: int, count: int) -> list[Fold]:
    """Return the first ``count`` folds of a floor folder."""
    site = import_folder(folder, receivers).site
    survey = survey_of((RecordedDataset.read(folder, receivers),))
    if survey is None:
        raise SystemExit(f"{folder} has no training walks")
    group = np.random.default_rng(0).permutation(survey.track.max() + 1) % FOLDS
    folds = []
    for number in range(count):
        held = group[survey.track] == number
        train = survey.subset(~held)
        folds.append(
            Fold(train, survey.subset(held), calibrate(train, radio_model(site)), list(floors_of(site)))
        )
    return folds


def play(positioner: Positioner | GridFilter, survey: Survey) -> tuple[Floats, Floats]:
    """Return errors (N, 2) and covariances (N, 2, 2) every STEP_S where a track was heard of late."""
    last = np.zeros(survey.way_track.max() + 1)
    np.maximum.at(last, survey.way_track, survey.way_t_s)
    heard = np.full(len(last), -np.inf)
    errors, covariances = [np.empty((0, 2))], [np.empty((0, 2, 2))]
    for tick in range(1, int(last.max()) + 1):
        now = np.ceil(survey.t_s) == tick
        np.maximum.at(heard, survey.track[now], survey.t_s[now])
        found = positioner.step(
            1000 * tick, Readings(survey.track[now], survey.receiver[now], survey.rssi_dbm[now])
        )
        if tick % STEP_S == 0:
            scored = (tick <= last[found.slot]) & (tick - heard[found.slot] <= FRESH_S)
            slot = found.slot[scored]
            errors.append(found.xy_m[scored] - survey.at(slot, np.full(len(slot), float(tick)))[:, :2])
            covariances.append(found.cov_m2[scored])
    return np.concatenate(errors), np.concatenate(covariances)


def row(folds: list[Fold], build: Build) -> str:
    """Return one floor's cell of the table."""
    parts = [play(build(fold), fold.test) for fold in folds]
    error, cov = (np.concatenate(part) for part in zip(*parts, strict=True))
    distance = np.hypot(*error.T)
    nees = np.einsum("ni,nij,nj->n", error, np.linalg.inv(cov), error)
    inside = f"{np.mean(nees <= 2.279):.0%} / {np.mean(nees <= 5.991):.0%}"
    return f"{np.median(distance):.2f} / {np.percentile(distance, 95):.1f} ({inside})"


@dataclass(frozen=True)
class Independent(SurveyedMap):
    """A map whose errors are taken to be new in every reading."""

    @property
    def alike(self) -> float:
        """Return that nothing persists."""
        return 0.0


def surveyed(fold: Fold) -> GridFilter:
    """Return the default: everything on."""
    return GridFilter(survey_map(fold.train, fold.model), fold.grid())


def without_silence(fold: Fold) -> GridFilter:
    """Return the default without what receivers say that heard nothing."""
    settings = LikelihoodSettings(silence=1e-3)
    return GridFilter(survey_map(fold.train, fold.model), fold.grid(), likelihood=settings)


def without_clock(fold: Fold) -> GridFilter:
    """Return the default whose map was made as if the survey's clock were right."""
    model = replace(fold.model, clock_offset_s=0.0)
    return GridFilter(survey_map(fold.train, model), fold.grid())


def independent(fold: Fold) -> GridFilter:
    """Return the default with errors that are new in every reading."""
    return GridFilter(Independent(**vars(survey_map(fold.train, fold.model))), fold.grid())


VARIANTS: dict[str, Build] = {
    "path loss, fix, then Kalman filter": lambda f: Positioner(
        f.model, f.grid(rooms=False), tracker="kalman"
    ),
    "path loss, normal belief": lambda f: Positioner(f.model, f.grid()),
    "path loss, belief over cells": lambda f: GridFilter(f.model, f.grid()),
    "map, fix, then Kalman filter": lambda f: Positioner(
        survey_map(f.train, f.model), f.grid(rooms=False), tracker="kalman"
    ),
    "map, normal belief": lambda f: Positioner(survey_map(f.train, f.model), f.grid()),
    "map, belief over cells (the default)": surveyed,
    "the default without rooms": lambda f: GridFilter(survey_map(f.train, f.model), f.grid(rooms=False)),
    "the default without silence": without_silence,
    "the default without the clock offset": without_clock,
    "the default with independent errors": independent,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--receivers", type=int, default=40)
    parser.add_argument("--folds", type=int, default=3, help=f"how many of the {FOLDS} folds to run")
    args = parser.parse_args()
    floors = recorded("mall/*")
    folds = [folds_of(folder, args.receivers, args.folds) for folder in floors]
    print("| |", " | ".join(folder.name for folder in floors), "|")
    print("|---" * (len(floors) + 1) + "|")
    for name, build in VARIANTS.items():
        print(f"| {name} |", " | ".join(row(fold, build) for fold in folds), "|", flush=True)


if __name__ == "__main__":
    main()
