"""Finding lines of text: a second detector, for plates that the first does not know, such as European ones.

The network is PP-OCRv4's detector (Baidu, Apache-2.0; inside rapidocr-onnxruntime 1.4.4), a "differentiable
binarisation" network (Liao et al., AAAI 2020): for each pixel the probability that it is in the shrunken core
of a line. Cores are grown again by area / perimeter times a ratio, as the paper does. It finds all text there
is, signs and stickers, too: the grammar sorts out what is a plate.
"""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge_agent.plates.detector import Detection, Image, Quad
from edge_agent.plates.rectify import extent
from edge_agent.plates.session import open_session

_MULTIPLE = 32
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet, as it was trained
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
_CORE = 0.3
_GROWTH = 1.6
_LEAST_PX = 8.0
_ASPECT = (1.5, 9.0)
"""Width over height: plates and what is like them."""
_MOST = 12
"""Lines that are looked at, largest first."""


class LineDetector:
    """Finds lines of text of the shape of plates."""

    def __init__(self, model: Path, *, threads: int = 1, least_score: float = 0.5) -> None:
        self._session = open_session(model, threads)
        self._input = self._session.get_inputs()[0].name
        self._least_score = least_score

    def find(self, image: Image, side: int) -> list[Detection]:
        """Lines in `image` when it is looked at with its longer side `side` pixels long, largest first."""
        height, width = image.shape[:2]
        scale = side / max(height, width)
        size = tuple(max(1, round(pixels * scale / _MULTIPLE)) * _MULTIPLE for pixels in (width, height))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        batch = ((small / np.float32(255) - _MEAN) / _SPREAD).transpose(2, 0, 1)[None].astype(np.float32)
        likely = np.asarray(self._session.run(None, {self._input: batch})[0])[0, 0]
        back = np.array([width / size[0], height / size[1]])
        cores, _ = cv2.findContours(
            (likely > _CORE).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
        )
        found = [self._line(likely, np.asarray(core), back) for core in cores]
        lines = [line for line in found if line is not None]
        return sorted(lines, key=lambda line: -line.box[2] * line.box[3])[:_MOST]

    def _line(
        self, likely: npt.NDArray[np.float32], core: npt.NDArray[np.int32], back: npt.NDArray[np.float64]
    ) -> Detection | None:
        """The line with that core, None if it is too faint, too small or of another shape."""
        centre, (across, down), angle = cv2.minAreaRect(core)
        if min(across, down) < 2:
            return None
        inside = np.zeros(likely.shape, np.uint8)
        cv2.drawContours(inside, [core], -1, 1, cv2.FILLED)
        score = float(likely[inside > 0].mean())
        grown = 2 * _GROWTH * across * down / (2 * (across + down))
        corners = cv2.boxPoints((centre, (across + grown, down + grown), angle))
        quad = _clockwise(np.asarray(corners, float)) * back
        wide, high = extent(quad)
        if score < self._least_score or high < _LEAST_PX or not _ASPECT[0] <= wide / high <= _ASPECT[1]:
            return None
        x, y, width, height = cv2.boundingRect(quad.astype(np.float32))
        return Detection(score, quad, (x, y, width, height))


def _clockwise(corners: Quad) -> Quad:
    """The same corners, clockwise from the upper left of a line that runs from left to right."""
    by_x = corners[np.argsort(corners[:, 0])]
    left, right = (side[np.argsort(side[:, 1])] for side in (by_x[:2], by_x[2:]))
    return np.array([left[0], right[0], right[1], left[1]])
