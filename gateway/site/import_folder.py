"""From folders of recorded data to a site: each folder with a receivers.csv is a floor."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from contracts.errors import ConfigurationError
from contracts.site import Floor, Georeference, Mall, Name, Node, Site
from gateway.site.compose import Part, compose
from gateway.site.floor_folder import FloorFolder, read_floor_folder
from gateway.site.imported import Imported
from gateway.site.places import Ids, is_closed, place_of, slug_of
from gateway.site.shapes import Shape, area_of, united, without, without_slivers

FLOOR_HEIGHT_M = 5.0
"""From slab to slab, where no plan says it."""


OPEN_SHARE = 0.5
"""A map that closes more than the rest of its floor means something else by it."""


@dataclass(frozen=True)
class FloorPlace:
    """Where the data of a folder went in the site: their node names and how far their places were moved."""

    folder: Path
    floor: str
    node_prefix: str
    offset_m: tuple[float, float, float]


def floor_folders(folder: Path) -> list[Path]:
    """Return the folder itself if it is a floor, else the floors in it, by name.

    Raises:
        ConfigurationError: there is none.

    """
    if (folder / "receivers.csv").exists():
        return [folder]
    if found := sorted(path.parent for path in folder.glob("*/receivers.csv")):
        return found
    what = "no receivers.csv here or one level below" if folder.is_dir() else "no such folder"
    raise ConfigurationError(
        f"{folder}: {what}",
        "Name a floor folder, or the folder that holds the floors of one mall.",
    )


def import_folder(folder: Path, deployment: int | None = None) -> Imported:
    """Make a site of a floor folder, or of all floor folders in `folder`; see `FloorFolder` for the layout.

    With `deployment`, the nodes are the receivers of the planned deployment of that many.

    Raises:
        ConfigurationError: there is no floor, or a file is wrong.

    """
    floors = _read(folder, deployment)
    places = floor_places(floors)
    ids, notes = Ids(), [f"{floor.folder.name}: {note}" for floor in floors for note in floor.notes]
    made = [_floor(floor, place, ids, notes) for floor, place in zip(floors, places, strict=True)]
    nodes = [
        Node(
            id=place.node_prefix + receiver.name,
            floor=place.floor,
            x_m=round(receiver.x_m + place.offset_m[0], 2),
            y_m=round(receiver.y_m + place.offset_m[1], 2),
            z_m=receiver.z_m,
        )
        for floor, place in zip(floors, places, strict=True)
        for receiver in floor.receivers
    ]
    corner = floors[0].corner
    if corner is None:
        notes.append(
            "no map says where this is on the earth: put its latitude and longitude under georeference"
        )
    if len(made) > 1:
        notes.append(f"floors were put {FLOOR_HEIGHT_M} m apart: correct elevation_m where you know better")
    site = Site(
        version=1,
        mall=_mall([floor.folder.name for floor in floors], folder),
        georeference=corner or Georeference(lat=0, lon=0),
        floors=made,
        nodes=nodes,
    )
    return Imported(site, notes)


def floor_places(floors: list[FloorFolder]) -> list[FloorPlace]:
    """Return where each floor lies in the frame of the first; one floor alone keeps its names and places."""
    names = [floor.name for floor in floors]
    if len(set(names)) < len(names):
        names = [floor.folder.name for floor in floors]
    places = []
    for floor, name in zip(floors, names, strict=True):
        x_m = y_m = 0.0
        if (first := floors[0].corner) and floor.corner:
            x_m, y_m = first.to_plan(floor.corner.lat, floor.corner.lon)
        z_m = FLOOR_HEIGHT_M * (floor.level - floors[0].level)
        prefix = f"{name}-" if len(floors) > 1 else ""
        places.append(FloorPlace(floor.folder, name, prefix, (round(x_m, 2), round(y_m, 2), z_m)))
    return places


def places_of(folder: Path, deployment: int | None = None) -> list[FloorPlace]:
    """Return where `import_folder` puts the data of each floor folder. Raises as it does."""
    return floor_places(_read(folder, deployment))


def _read(folder: Path, deployment: int | None) -> list[FloorFolder]:
    floors = [read_floor_folder(path, deployment) for path in floor_folders(folder)]
    return sorted(floors, key=lambda floor: (floor.level, floor.name))


def _mall(folders: list[str], parent: Path) -> Mall:
    """Return the mall; it is called what the folders of its floors share: site1 for site1-F1, site1-F2."""
    words = [folder.split("-") for folder in folders]
    shared = [column[0] for column in zip(*words, strict=False) if len(set(column)) == 1]
    name = folders[0] if len(folders) == 1 else "-".join(shared) or parent.resolve().name
    return Mall(id=slug_of(name) or "mall", name=Name(en=name, zh=name))


def _floor(folder: FloorFolder, place: FloorPlace, ids: Ids, notes: list[str]) -> Floor:
    dx, dy, z_m = place.offset_m
    closed = [area.shape for area in folder.areas if is_closed(area.name)]
    outline = without_slivers(without(folder.outline, closed))
    if outline.area < OPEN_SHARE * folder.outline.area:
        notes.append(f"{folder.folder.name}: most of the floor is marked as closed; nothing was cut out")
        closed, outline = [], folder.outline
    if closed:
        notes.append(
            f"{folder.folder.name}: {len(closed)} areas closed to the public (voids, shafts, back rooms: "
            f"{united(closed).area:,.0f} m2) cut out of the outline"
        )
    parts = [
        Part(area.name, place_of(area.name, area.shape.area, area.category), area.shape)
        for area in folder.areas
        if not is_closed(area.name)
    ]
    zones = compose(outline, parts, place.floor, ids, notes)
    return Floor(
        id=place.floor,
        name=Name(en=folder.name, zh=folder.name),
        level=folder.level,
        elevation_m=z_m,
        outline=area_of(_moved(outline, dx, dy)),
        zones=[zone.model_copy(update={"area": area_of(_moved(shape, dx, dy))}) for shape, zone in zones],
    )


def _moved(shape: Shape, dx_m: float, dy_m: float) -> Shape:
    moved: Shape = shapely.transform(shape, lambda xy: np.add(xy, (dx_m, dy_m)))
    return moved
