"""A small recorded data set of our own making, in the layout of the real ones."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

WIDTH_M, HEIGHT_M = 40.0, 30.0
WEST, SOUTH = 120.0, 30.0
DEGREES = 0.0004
"""Both sides of the map are as long in degrees: metres come from floor_info.json, not from them."""

RECEIVERS = {"A": (2.0, 2.0), "B": (38.0, 3.0), "C": (37.0, 28.0), "D": (3.0, 27.0), "E": (20.0, 15.0)}


@dataclass
class RecordedFolder:
    """What to write; change it before `write`."""

    train: int = 4
    test: int = 2
    duration_s: int = 24
    truth: bool = True
    mapped: bool = True
    survey: bool = False
    seed: int = 1
    shops: list[tuple[str, Sequence[tuple[float, float]]]] = field(
        default_factory=lambda: [
            ("diqianong", [(0, 20), (15, 20), (15, 30), (0, 30)]),
            ("UNIQLO", [(20, 20), (40, 20), (40, 30), (20, 30)]),
            ("fuzhumian", [(18, 9), (22, 9), (22, 12), (18, 12)]),
            ("xishoujianfuzhumian", [(0, 0), (8, 0), (8, 5), (0, 5)]),
        ]
    )

    def write(self, folder: Path) -> Path:
        """Write all files of the folder and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(self.seed)
        lines = ["receiver,x_m,y_m,in_20,in_40,in_80"]
        lines += [f"{name},{x},{y},{int(name in 'ABCD')},1,1" for name, (x, y) in RECEIVERS.items()]
        (folder / "receivers.csv").write_text("\n".join(lines) + "\n")
        walks, heard, truth = (
            ["walk,split,duration_s"],
            ["walk,t_s,receiver,rssi_dbm,freq_mhz"],
            ["walk,t_s,x_m,y_m"],
        )
        for number in range(self.train + self.test):
            split = "train" if number < self.train else "test"
            name = f"{split}{number}"
            walks.append(f"{name},{split},{self.duration_s}")
            start, end = rng.uniform((3, 3), (37, 18), (2, 2))
            truth += [
                f"{name},0.0,{start[0]:.2f},{start[1]:.2f}",
                f"{name},{self.duration_s},{end[0]:.2f},{end[1]:.2f}",
            ]
            for t_s in np.arange(0.4, self.duration_s, 0.8):
                place = start + (end - start) * t_s / self.duration_s
                for receiver, at in RECEIVERS.items():
                    heard.append(f"{name},{t_s:.3f},{receiver},{_level(place, at, rng)},2437")
        (folder / "walks.csv").write_text("\n".join(walks) + "\n")
        _zip(folder / "heard.csv.gz", heard)
        if self.truth:
            _zip(folder / "truth.csv.gz", truth)
        if self.survey:
            _zip(folder / "survey.csv.gz", self._survey(rng))
        if self.mapped:
            self._write_map(folder)
        return folder

    def _survey(self, rng: np.random.Generator) -> list[str]:
        lines = ["x_m,y_m,z_m,receiver,rssi_dbm"]
        for x in range(4, 40, 8):
            for y in range(3, 20, 8):
                for receiver, at in RECEIVERS.items():
                    lines += [f"{x},{y},1.2,{receiver},{_level(np.array([x, y]), at, rng)}" for _ in range(4)]
        return lines

    def _write_map(self, folder: Path) -> None:
        info = {"map_info": {"width": WIDTH_M, "height": HEIGHT_M}}
        (folder / "floor_info.json").write_text(json.dumps(info))
        outline = [(0, 0), (WIDTH_M, 0), (WIDTH_M, HEIGHT_M), (0, HEIGHT_M)]
        features = [_feature("F1", outline, floor_num=1)] + [
            _feature(name, ring) for name, ring in self.shops
        ]
        collection = {"type": "FeatureCollection", "features": features}
        (folder / "geojson_map.json").write_text(json.dumps(collection))


def _feature(name: str, ring: Sequence[tuple[float, float]], **properties: Any) -> dict[str, Any]:
    degrees = [[WEST + x / WIDTH_M * DEGREES, SOUTH + y / HEIGHT_M * DEGREES] for x, y in (*ring, ring[0])]
    geometry = {"type": "Polygon", "coordinates": [degrees]}
    return {"type": "Feature", "geometry": geometry, "properties": {"name": name, **properties}}


def _level(place: Any, receiver: tuple[float, float], rng: np.random.Generator) -> int:
    distance_m = np.linalg.norm((*(np.asarray(place) - receiver), 2.0))
    return round(-40.0 - 28.0 * float(np.log10(distance_m)) + float(rng.normal(0, 3)))


def _zip(path: Path, lines: Sequence[str]) -> None:
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines) + "\n")
