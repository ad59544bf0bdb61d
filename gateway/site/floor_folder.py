"""One floor as the recorded malls describe it: its map in WGS 84, its size in metres, its receivers."""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import MultiPoint, box, shape
from shapely.geometry.base import BaseGeometry

from contracts.csv_rows import Row, number, rows
from contracts.errors import ConfigurationError
from contracts.site import Georeference
from gateway.site.places import category_of
from gateway.site.shapes import Shape, repaired

DEFAULT_HEIGHT_M = 3.0
"""Where a receiver hangs if its height was not written down."""

MARGIN_M = 2.0
"""Around the receivers and surveyed points of a floor without a map."""


@dataclass(frozen=True)
class Receiver:
    """A receiver and where it hangs on its floor."""

    name: str
    x_m: float
    y_m: float
    z_m: float


@dataclass(frozen=True)
class MapArea:
    """A polygon of a map with the name and the category it has there."""

    name: str
    category: str
    shape: Shape


@dataclass(frozen=True)
class FloorFolder:
    """A floor as its folder describes it, in metres from the lower left corner of its outline."""

    folder: Path
    name: str
    level: int
    outline: Shape
    areas: list[MapArea]
    receivers: list[Receiver]
    corner: Georeference | None
    """Where (0, 0) lies on the earth; None without a map."""
    notes: list[str] = field(default_factory=list)


def read_floor_folder(folder: Path, deployment: int | None) -> FloorFolder:
    """Read a folder with receivers.csv and, where there is a map, floor_info.json and geojson_map.json.

    With `deployment`, only the receivers of that planned deployment (column in_20, in_40, in_80).

    Raises:
        ConfigurationError: a file is missing or wrong; with file, line or key, and what was expected.

    """
    receivers = _receivers(folder / "receivers.csv", deployment)
    if not (folder / "geojson_map.json").exists():
        return _without_map(folder, receivers)
    info, plan = _json(folder / "floor_info.json"), _json(folder / "geojson_map.json")
    try:
        size_m = float(info["map_info"]["width"]), float(info["map_info"]["height"])
        outline, *features = plan["features"]
        ring = shape(outline["geometry"])
        properties = dict(outline.get("properties") or {})
        name, level = str(properties.get("name") or folder.name), int(properties.get("floor_num") or 1)
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError) as error:
        raise ConfigurationError(
            f"{folder}: not a floor map: {type(error).__name__}: {error}",
            "Expected map_info.width and .height in floor_info.json, and in geojson_map.json a collection of "
            "features, the first of which is the outline.",
        ) from error
    west, south, east, north = ring.bounds
    if not (east > west and north > south and min(size_m) > 0):
        raise ConfigurationError(f"{folder}: the floor has no extent: {ring.bounds} on {size_m} m")
    scale = size_m[0] / (east - west), size_m[1] / (north - south)

    def metres(geometry: BaseGeometry) -> BaseGeometry:
        return shapely.transform(geometry, lambda degrees: (degrees - (west, south)) * scale)

    notes: list[str] = []
    areas = [area for i, feature in enumerate(features, 1) if (area := _area(i, feature, metres, notes))]
    corner = Georeference(lat=round(south, 9), lon=round(west, 9))
    return FloorFolder(folder, name, level, repaired(metres(ring)), areas, receivers, corner, notes)


def _area(
    number_: int, feature: Any, metres: Callable[[BaseGeometry], BaseGeometry], notes: list[str]
) -> MapArea | None:
    """Return one polygon of a map, repaired where it must be; None, with a note, where it is none."""
    try:
        properties = feature.get("properties") or {}
        name = str(properties.get("name") or "")
        categories = properties.get("category") or []
        raw = metres(shape(feature["geometry"]))
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError) as error:
        notes.append(f"feature {number_} left out: not a polygon: {error}")
        return None
    good = repaired(raw)
    if good.is_empty:
        notes.append(f"feature {number_} ({name}) left out: it has no area")
        return None
    if not raw.is_valid:
        notes.append(f"feature {number_} ({name}) repaired: {shapely.is_valid_reason(raw)}")
    return MapArea(name, category_of(categories if isinstance(categories, list) else ()), good)


def _receivers(path: Path, deployment: int | None) -> list[Receiver]:
    column = f"in_{deployment}"
    found: list[Receiver] = []
    for where, row in _rows(path, ("receiver", "x_m", "y_m", *([column] if deployment else []))):
        if deployment is None or row[column].strip() == "1":
            z_m = number(row, "z_m", where, DEFAULT_HEIGHT_M)
            found.append(Receiver(row["receiver"], number(row, "x_m", where), number(row, "y_m", where), z_m))
    return found


def _without_map(folder: Path, receivers: list[Receiver]) -> FloorFolder:
    """Return a floor that is the box around all places that calibration may know, and a margin."""
    places = [(receiver.x_m, receiver.y_m) for receiver in receivers]
    if (folder / "survey.csv.gz").exists():
        places += [_place(row, where) for where, row in _rows(folder / "survey.csv.gz", ("x_m", "y_m"))]
    if (folder / "truth.csv.gz").exists():
        split = {row["walk"]: row["split"] for _, row in _rows(folder / "walks.csv", ("walk", "split"))}
        for where, row in _rows(folder / "truth.csv.gz", ("walk", "x_m", "y_m")):
            if split.get(row["walk"]) == "train":
                places.append(_place(row, where))
    if not places:
        raise ConfigurationError(
            f"{folder}: neither a map nor a receiver", "Is it a folder of recorded data?"
        )
    outline = box(*MultiPoint(places).bounds).buffer(MARGIN_M, join_style="mitre")
    notes = [
        f"no geojson_map.json: the floor is the box around the receivers and surveyed points + {MARGIN_M} m"
    ]
    return FloorFolder(folder, folder.name, 1, repaired(outline), [], receivers, None, notes)


def _place(row: Row, where: str) -> tuple[float, float]:
    return number(row, "x_m", where), number(row, "y_m", where)


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, Row]]:
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as text:
            yield from rows(text, str(path), needed)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror or error}", "A floor folder holds receivers.csv: receiver,x_m,y_m"
        ) from error


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read as JSON: {error}") from error
