"""Reading an IMDF archive: its files, features and labels (Apple, Indoor Mapping Data Format 1.0.0)."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from contracts.errors import ConfigurationError
from contracts.site import Georeference, Name

VERSION = "1."
MAX_FILE_BYTES = 200_000_000
"""No mall's map is larger; a zip file can claim anything."""


@dataclass(frozen=True)
class Feature:
    """A feature of an archive, its geometry still in degrees."""

    id: str
    geometry: BaseGeometry | None
    properties: dict[str, Any]
    where: str
    """File and number of the feature, for people."""

    def text(self, key: str) -> str:
        """Return a property that is a text; empty where it is none."""
        value = self.properties.get(key)
        return value if isinstance(value, str) else ""

    def texts(self, key: str) -> list[str]:
        """Return a property that is a list of texts."""
        value = self.properties.get(key)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


class Archive:
    """The files of an IMDF archive, in a folder or a zip file."""

    def __init__(self, path: Path) -> None:
        """Open an archive.

        Raises:
            ConfigurationError: there is none, or it is of another version.

        """
        self.path = path
        self._files = dict(_read_all(path))
        manifest = self._json("manifest.json")
        version = manifest.get("version") if isinstance(manifest, dict) else None
        if not str(version).startswith(VERSION):
            raise ConfigurationError(
                f"{path}: manifest.json: version: expected {VERSION}x, found {version!r}",
                "Export the map as IMDF 1.0.",
            )
        self.language = str(manifest.get("language") or "en")

    def features(self, kind: str, *, required: bool = False) -> list[Feature]:
        """Return the features of a kind such as `unit`; none where the archive has no such file.

        Raises:
            ConfigurationError: the file is required and missing, or it is no feature collection.

        """
        name = f"{kind}.geojson"
        if name not in self._files and not required:
            return []
        collection = self._json(name)
        features = collection.get("features") if isinstance(collection, dict) else None
        if not isinstance(features, list) or (required and not features):
            raise ConfigurationError(
                f"{self.path}: {name}: expected a FeatureCollection with at least one {kind}",
                "Was the archive exported completely?",
            )
        return [
            _feature(feature, f"{self.path}: {name}: feature {i}") for i, feature in enumerate(features, 1)
        ]

    def name(self, labels: object, fallback: str = "") -> Name | None:
        """Return the name in English and Chinese of IMDF labels ({language tag: text}); None without any."""
        texts = labels if isinstance(labels, dict) else {}
        texts = {
            str(tag): text.strip() for tag, text in texts.items() if isinstance(text, str) and text.strip()
        }
        any_text = texts.get(self.language) or next(iter(texts.values()), fallback)
        if not any_text:
            return None
        return Name(en=_in("en", texts) or any_text, zh=_in("zh", texts) or any_text)

    def _json(self, name: str) -> Any:
        if name not in self._files:
            raise ConfigurationError(
                f"{self.path}: no {name}",
                "An IMDF archive holds manifest.json and one .geojson file a feature type.",
            )
        try:
            return json.loads(self._files[name])
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{self.path}: {name}: not valid JSON: {error}") from error


def plan(geometry: BaseGeometry, frame: Georeference) -> BaseGeometry:
    """Return a geometry in metres on the plan."""
    return shapely.transform(
        geometry, lambda degrees: np.array([frame.to_plan(lat, lon) for lon, lat in degrees.tolist()])
    )


def _in(language: str, texts: dict[str, str]) -> str | None:
    """Return the text whose language tag (BCP 47) is of a language: zh-Hans is zh."""
    return next((text for tag, text in texts.items() if tag.split("-")[0].lower() == language), None)


def _read_all(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files at the top of the archive, or of the one folder in it."""
    try:
        if path.is_dir():
            for file in sorted((*path.glob("*.geojson"), *path.glob("*.json"))):
                yield file.name, file.read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = entry.filename.rpartition("/")[2]
                if not name.endswith((".json", ".geojson")) or "__MACOSX" in entry.filename:
                    continue
                if entry.file_size > MAX_FILE_BYTES:
                    raise ConfigurationError(
                        f"{path}: {name}: {entry.file_size} bytes are more than any mall's map"
                    )
                yield name, archive.read(entry)
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error}", "Expected an IMDF archive: a .zip file, or the folder of one."
        ) from error


def _feature(feature: object, where: str) -> Feature:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        raise ConfigurationError(f"{where}: expected a feature with id, geometry and properties")
    geometry = feature.get("geometry")
    try:
        made = None if geometry is None else shape(geometry)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ShapelyError) as error:
        raise ConfigurationError(f"{where}: geometry: not GeoJSON: {error}") from error
    return Feature(str(feature.get("id", "")), made, feature["properties"], where)
