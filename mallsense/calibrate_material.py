"""What a calibration can be made from: recorded folders, labelled readings, a gateway's traffic."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.csv_rows import Row, number
from contracts.errors import ConfigurationError
from contracts.site import Site
from gateway.engine.setup import radio_model
from gateway.site.import_folder import import_folder
from mallsense.ladder import crowd_of, points_of
from mallsense.recording import prior_of, read_datasets, skipped_rows, survey_of
from mallsense.stored_traffic import stored_traffic
from positioning.crowd import Crowd
from positioning.radio import RadioModel
from positioning.survey import Survey
from simulators.recorded_csv import Skipped, table
from simulators.recorded_tables import DEVICE_HEIGHT_M, RSSI_RANGE_DBM

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SURVEY_PLACES = 150
"""Labelled readings at so many places a floor (3 m apart or more) are a survey: they tell a radio map."""
PLACE_M = 3.0


@dataclass(frozen=True)
class Material:
    """All that is known of a site before it is calibrated.

    Attributes:
        site: the nodes' places.
        prior: the textbook's radio model of its nodes.
        survey: readings at many places, or None.
        points: readings at a few places, or None.
        crowd: readings of devices whose places nobody knows, or None.
        made_from: what all this is, for people.
        notes: what was left out, for people.
    """

    site: Site
    prior: RadioModel
    survey: Survey | None
    points: Survey | None
    crowd: Crowd | None
    made_from: str
    notes: tuple[str, ...] = ()


def from_folder(folder: Path, receivers: int | None, points: int, site: Site | None) -> Material:
    """Return what a recorded floor, or a folder of floors, holds; test walks are left alone.

    Args:
        folder: of the recording.
        receivers: use the planned deployment of that many.
        points: how many of its surveyed places a floor count as labelled points.
        site: nodes' places, where they are known better than the folder has them.

    Raises:
        ConfigurationError: a file is missing or wrong, or the site has other nodes.

    """
    known = site or import_folder(folder, receivers).site
    datasets = read_datasets(folder, receivers)
    recorded = [name for data in datasets for name in data.receivers]
    if (nodes := [node.id for node in known.nodes]) != recorded:
        other = sorted(set(nodes) ^ set(recorded))[:5]
        raise ConfigurationError(
            "the site's nodes are not the recording's receivers: "
            + (f"only one of them has {other}" if other else "their order differs"),
            f"Make a site file of it: mallsense site import {folder}, and correct places in there.",
        )
    crowd, survey = crowd_of(datasets), survey_of(datasets)
    return Material(
        known,
        prior_of(known),
        survey,
        None if survey is None else points_of(datasets, points),
        crowd if len(crowd) else None,
        str(folder) if receivers is None else f"{folder}, {receivers} receivers",
        tuple(skipped_rows(datasets)),
    )


def from_files(site: Site, labelled: Path | None, store: Path | None) -> Material:
    """Return what labelled readings and the store of a running gateway tell about a site.

    Raises:
        ConfigurationError: a file is missing or wrong, or neither is given.

    """
    if labelled is None and store is None:
        raise ConfigurationError(
            "a site file alone tells nothing of its radio",
            "Add --points FILE (readings at known places), --from-store FILE (a gateway's store), or both.",
        )
    nodes = {node.id: i for i, node in enumerate(site.nodes)}
    points, notes = (None, ()) if labelled is None else read_labelled(labelled, site)
    dense = points is not None and _places(points) >= SURVEY_PLACES * len(site.floors)
    return Material(
        site,
        radio_model(site),
        points if dense else None,
        points,
        None if store is None else stored_traffic(store, nodes),
        " and ".join(str(path) for path in (labelled, store) if path),
        notes,
    )


def read_labelled(path: Path, site: Site) -> tuple[Survey, tuple[str, ...]]:
    """Return readings at known places: `x_m,y_m,receiver,rssi_dbm` and `floor` or `z_m`, `walk,t_s` if there.

    With `walk` and `t_s` the places are those of a walk; without, a device stood still at each.

    Raises:
        ConfigurationError: the file is missing, or no row can be used.

    """
    nodes = {node.id: i for i, node in enumerate(site.nodes)}
    elevation = {floor.id: floor.elevation_m for floor in site.floors}
    walks: dict[str, int] = {}
    skipped = Skipped()

    def read(row: Row, where: str) -> tuple[float, ...] | str:
        if row["receiver"] not in nodes:
            return "receiver is no node of the site"
        if (floor := row.get("floor") or site.floors[0].id) not in elevation:
            return "floor is not in the site file"
        level = number(row, "rssi_dbm", where)
        if not RSSI_RANGE_DBM[0] <= level <= RSSI_RANGE_DBM[1]:
            return f"rssi_dbm outside {RSSI_RANGE_DBM}"
        z_m = number(row, "z_m", where, elevation[floor] + DEVICE_HEIGHT_M)
        walk = walks.setdefault(row.get("walk", ""), len(walks))
        x_m, y_m, t_s = number(row, "x_m", where), number(row, "y_m", where), number(row, "t_s", where, 0.0)
        return x_m, y_m, z_m, nodes[row["receiver"]], level, walk, t_s

    columns = table(path, ("x_m", "y_m", "receiver", "rssi_dbm"), read, skipped, 7)
    if not len(columns):
        raise ConfigurationError(
            f"{path}: no row can be used: {'; '.join(skipped.lines()) or 'it is empty'}",
            "Each line is a reading at a known place: x_m,y_m,floor,receiver,rssi_dbm",
        )
    place, receiver, level = columns[:, :3], columns[:, 3].astype(np.int64), columns[:, 4]
    notes = tuple(f"{path.name}: {line}" for line in skipped.lines())
    if set(walks) == {""}:
        return Survey.from_points(place, receiver, level), notes
    walk, t_s = columns[:, 5].astype(np.int64), columns[:, 6]
    way = np.unique(columns[:, 5:7], axis=0, return_index=True)[1]
    return Survey.from_walks(receiver, level, t_s, walk, walk[way], t_s[way], place[way]), notes


def _places(survey: Survey) -> int:
    return len(np.unique(np.round(survey.positions() / PLACE_M), axis=0))
