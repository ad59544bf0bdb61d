"""The colour of a plate, which tells its class: blue, yellow, green, white, black."""

from enum import StrEnum

import cv2
import numpy as np

from edge_agent.plates.detector import Image


class Colour(StrEnum):
    """Ground colours of plates (GA 36-2018, table 1)."""

    BLUE = "blue"
    """Small cars."""
    YELLOW = "yellow"
    """Large vehicles, learners, trailers."""
    GREEN = "green"
    """New-energy cars: fading from white, or half yellow for large ones."""
    WHITE = "white"
    """Police, army; most of Europe."""
    BLACK = "black"
    """Embassies, consulates, Hong Kong and Macao."""
    UNKNOWN = "unknown"


_HUES = ((Colour.YELLOW, 12, 38), (Colour.GREEN, 38, 92), (Colour.BLUE, 92, 135))
"""Of OpenCV's 180."""
_COLOURED = 60
"""Saturation, of 255, from which a pixel has a colour."""
_DARK = 50
"""Brightness, of 255, below which colour is noise."""


def colour_of(plate: Image) -> Colour:
    """The ground colour of a straightened `plate`, by the commonest hue of its pixels that have one."""
    hue, saturation, value = cv2.split(cv2.cvtColor(plate, cv2.COLOR_BGR2HSV))
    coloured = (saturation >= _COLOURED) & (value >= _DARK)
    if coloured.mean() < 0.25:
        bright = np.median(value)
        return Colour.WHITE if bright >= 120 else Colour.BLACK if bright < 80 else Colour.UNKNOWN
    counts = {name: int(((hue >= low) & (hue < high) & coloured).sum()) for name, low, high in _HUES}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] >= 0.5 * coloured.sum() else Colour.UNKNOWN
