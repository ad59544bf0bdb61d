"""What the tests of cameras share: pictures with marked plates, a reader of the marks, two lanes."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from contracts.site.model import Camera, Heading, Lane, LaneDirection

WIDTH, HEIGHT = 320, 180
PLATES = ["浙A7K2Z5", "京C6K2T8", "沪AD88123", "粤B71X34"]
"""The n-th is drawn in the n-th colour."""
_COLOURS = [(255, 0, 255), (255, 255, 0), (0, 255, 255), (0, 0, 255)]

CAMERA = Camera(
    id="ramp",
    lanes=[
        Lane(id="entry", direction=LaneDirection.IN, region=[(0, 0), (0.5, 0), (0.5, 1), (0, 1)]),
        Lane(
            id="exit",
            direction=LaneDirection.OUT,
            heading=Heading.UP,
            region=[(0.5, 0), (1, 0), (1, 1), (0.5, 1)],
        ),
    ],
)


def picture(*plates: tuple[int, float, float], noise: int = 0, wide: int = 60) -> npt.NDArray[np.uint8]:
    """Draw plates (which, x, y of the middle) as coloured rectangles three times as wide as high."""
    image = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
    image[:, :, 1] += np.linspace(0, 60, WIDTH, dtype=np.uint8)
    if noise:
        image += np.random.default_rng(noise).integers(0, 4, image.shape, dtype=np.uint8)
    for which, x, y in plates:
        corner = (round(x - wide / 2), round(y - wide / 6))
        cv2.rectangle(image, corner, (round(x + wide / 2), round(y + wide / 6)), _COLOURS[which], -1)
    return image


def reading(text: str, x: float, y: float, confidence: float = 0.95, wide: float = 60, **more: Any) -> Any:
    """What a reader of plates gives for a plate whose middle is at (x, y)."""
    w, h = wide / 2, wide / 6
    quad = np.array([(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)])
    return SimpleNamespace(text=text, confidence=confidence, quad=quad, alternatives=more.get("others", ()))


class MarkReader:
    """Reads the rectangles of `picture`, also out of compressed video."""

    def __init__(self, confidence: float = 0.95) -> None:
        self.pictures = 0
        self._confidence = confidence

    def read(self, image: npt.NDArray[np.uint8], /) -> Sequence[Any]:
        """Give the plates whose colours are there."""
        self.pictures += 1
        found = []
        for text, colour in zip(PLATES, _COLOURS, strict=True):
            away = np.abs(image.astype(np.int16) - np.array(colour)).max(axis=2)
            ys, xs = np.nonzero(away < 60)
            if len(xs) > 60:
                wide = float(np.ptp(xs))
                found.append(reading(text, float(xs.mean()), float(ys.mean()), self._confidence, wide))
        return found
