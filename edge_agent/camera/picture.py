"""Pictures and what is read in them: the words of this package."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""(height, width, 3), blue, green, red."""
Mask = npt.NDArray[np.bool_]
Quad = npt.NDArray[np.float32]
"""(4, 2) corners in pixels: top left, top right, bottom right, bottom left of the plate."""


def read_picture(path: Path) -> Image | None:
    """Read a file; None where it is no picture, or one of more pixels than OpenCV takes (2 to the 30th)."""
    try:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)  # takes files that end early, which imdecode does not
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


class Picture(NamedTuple):
    """A picture with its event time."""

    t_ms: int
    image: Image


class Reading(Protocol):
    """A plate in one picture, as `edge_agent.plates.reader` gives it."""

    @property
    def text(self) -> str:
        """The likeliest string."""
        ...

    @property
    def confidence(self) -> float:
        """Probability that it is right; calibrated."""
        ...

    @property
    def alternatives(self) -> Sequence[tuple[str, float]]:
        """Other strings with their probabilities."""
        ...

    @property
    def quad(self) -> npt.NDArray[np.floating]:
        """(4, 2) corners in pixels."""
        ...


class PlateReader(Protocol):
    """Reads plates in single pictures."""

    def read(self, image: Image, /) -> Sequence[Reading]:
        """Give the plates in a picture."""
        ...
