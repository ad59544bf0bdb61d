"""How well is a plate's confidence calibrated? Photographs of real cars, as they are and spoilt in four ways.

    python -m benchmarks.plates_calibration [DATA]

DATA is the folder `plates` with `easypr/` and `ccpd/`. Each photograph's labelled plate is read as it is,
made small, moved, dark and blurred. The regression of `edge_agent.plates.calibration` is fitted on one half
of the photographs and checked on the other, both ways round; then on all, and its numbers are printed to be
put there. Photographs, not pictures, are divided: no plate is on both sides.
"""

import csv
import sys
import zlib
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from edge_agent.plates import models
from edge_agent.plates.detector import Detection, Image, RetinaDetector
from edge_agent.plates.reader import FALLBACK_SIDE, SIDE, PlateReader

KINDS = ("as they are", "small", "moved", "dark", "blurred")
WRONG_LABELS = frozenset({"a4c65e2629.jpg", "5e09486314.jpg"})
"""One shows another digit than its label says; the label of the other has an O, as no serial number does."""
EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
_RIDGE = 1.0
_console = Console(width=110)

Array = npt.NDArray[np.float64]


class Case(NamedTuple):
    """One reading of a labelled plate."""

    half: int
    kind: str
    signs: tuple[float, ...]
    right: bool


def spoil(image: Image, plate_px: float, kind: str, rng: np.random.Generator) -> Image:
    """Spoil `image`, in which the plate is `plate_px` wide, as cameras in car parks do."""
    if kind == "small":
        scale = min(rng.uniform(45, 90) / plate_px, 1.0)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return _jpeg(small, int(rng.integers(50, 90)))
    if kind == "moved":
        length = max(2, int(plate_px * rng.uniform(0.02, 0.06)))
        level = np.zeros((length, length), np.float32)
        level[length // 2] = 1.0
        middle = (length / 2 - 0.5, length / 2 - 0.5)
        line = cv2.warpAffine(
            level, cv2.getRotationMatrix2D(middle, rng.uniform(-40, 40), 1.0), (length, length)
        )
        return np.asarray(cv2.filter2D(image, -1, line / line.sum()), np.uint8)
    if kind == "dark":
        dark = image * rng.uniform(0.08, 0.3) + rng.normal(0, rng.uniform(3, 9), image.shape)
        return np.clip(dark * rng.uniform(1.0, 2.5), 0, 255).astype(np.uint8)
    if kind == "blurred":
        return _jpeg(cv2.GaussianBlur(image, (0, 0), plate_px * rng.uniform(0.008, 0.022)), 40)
    return image


def _jpeg(image: cv2.typing.MatLike, quality: int) -> Image:
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def cases(data: Path) -> Iterator[Case]:
    """All readings of labelled plates under `data`."""
    reader = PlateReader()
    detector = RetinaDetector(models.model(models.DETECTOR))
    labels = [
        (folder / row["file"], row["plate"])
        for folder in (data / "easypr", data / "ccpd")
        for row in csv.DictReader((folder / "labels.csv").open(encoding="utf-8"))
    ]
    for path, plate in track(labels, "reading", console=_console):
        if path.name in WRONG_LABELS:
            continue
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        seed = zlib.crc32(path.name.encode())
        rng = np.random.default_rng(seed)
        target = _labelled(
            reader, image, detector.find(image, SIDE) or detector.find(image, FALLBACK_SIDE), plate
        )
        if target is None:
            continue
        for kind in KINDS:
            spoilt = spoil(image, target[2], kind, rng)
            for detection in detector.find(spoilt, SIDE):
                reading = _is_at(detection, target, spoilt.shape[1] / image.shape[1]) and reader.read_plate(
                    spoilt, detection
                )
                if reading:
                    yield Case(seed % 2, kind, reading.signs, reading.text == plate)
                    break


def _labelled(
    reader: PlateReader, image: Image, found: list[Detection], plate: str
) -> tuple[float, float, float, float] | None:
    """The box of the plate that the label means: a picture may show several."""
    likeness: dict[tuple[float, float, float, float], float] = {}
    for detection in found:
        reading = reader.read_plate(image, detection)
        if reading:
            likeness[detection.box] = SequenceMatcher(None, reading.text, plate).ratio()
    best = max(likeness, key=likeness.__getitem__, default=None)
    return best if best is not None and likeness[best] >= 0.5 else None


def _is_at(detection: Detection, box: tuple[float, float, float, float], scale: float) -> bool:
    x, y = detection.quad.mean(0) / scale
    return bool(box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3])


def fit(signs: Array, right: Array) -> Array:
    """(1 + S,) intercept and weights of the ridge-penalised logistic regression, by Newton's method."""
    middle, spread = signs.mean(0), signs.std(0)
    design = np.hstack([np.ones((len(signs), 1)), (signs - middle) / spread])
    penalty = _RIDGE * np.diag([0.0] + [1.0] * signs.shape[1])
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        said = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (right - said) - penalty @ weights
        curvature = (design.T * (said * (1 - said))) @ design + penalty
        weights += np.linalg.solve(curvature, slope)
    plain = weights[1:] / spread
    return np.array([weights[0] - plain @ middle, *plain])


def predict(weights: Array, signs: Array) -> Array:
    """(N,) probabilities."""
    return np.asarray(1 / (1 + np.exp(-(weights[0] + signs @ weights[1:]))))


def main() -> None:
    """Fit, check, print."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/data/plates")
    read = list(cases(data))
    signs = np.array([case.signs for case in read])
    right = np.array([case.right for case in read], float)
    half = np.array([case.half for case in read])
    plain = np.array([case.kind == KINDS[0] for case in read])
    said = np.zeros(len(read))
    for one in (0, 1):
        said[half == one] = predict(fit(signs[half != one], right[half != one]), signs[half == one])
    for name, chosen in (("all, by the other half", plain | True), ("as they are, by the other half", plain)):
        _console.print(f"\n{name}: {chosen.sum()} readings, {right[chosen].mean():.3f} right")
        for low, high in pairwise(EDGES):
            inside = chosen & (said >= low) & ((said < high) | (high == 1.0))
            if inside.any():
                _console.print(
                    f"| {low:.2f} to {high:.2f} | {inside.sum()} | {said[inside].mean():.3f} "
                    f"| {right[inside].mean():.3f} |"
                )
        sure = chosen & (said >= 0.9)
        _console.print(f"at .9 or more: {sure.sum()}, wrong {int((sure & (right == 0)).sum())}")
    for kind in KINDS:
        chosen = np.array([case.kind == kind for case in read])
        _console.print(
            f"{kind}: {chosen.sum()} read, right {right[chosen].mean():.3f}, said {said[chosen].mean():.3f}"
        )
    intercept, *weights = fit(signs, right)
    _console.print(
        f"\nINTERCEPT = {intercept:.3f}\nWEIGHTS = Signs({', '.join(f'{w:.3f}' for w in weights)})"
    )


if __name__ == "__main__":
    main()
