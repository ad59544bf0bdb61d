"""Lanes in a picture: what is looked at, and which way cars drive there."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from contracts.plates import Direction
from contracts.site.model import Heading, Lane, LaneDirection
from edge_agent.camera.picture import Mask

_UNIT = {
    Heading.DOWN: (0.0, 1.0),
    Heading.UP: (0.0, -1.0),
    Heading.LEFT: (-1.0, 0.0),
    Heading.RIGHT: (1.0, 0.0),
}
MOVED_WIDTHS = 0.4
"""How far a plate has to move along its lane, in widths of it, for its direction to be told."""
_OTHER = {Direction.IN: Direction.OUT, Direction.OUT: Direction.IN}
MARGIN = 0.08
"""Share of the picture that a crop goes beyond a lane: a plate whose middle is on its edge is read whole."""


class Box(NamedTuple):
    """A rectangle of pixels, right and bottom not included."""

    left: int
    top: int
    right: int
    bottom: int


class LaneView:
    """One lane in pictures of a size."""

    def __init__(self, lane: Lane, width: int, height: int) -> None:
        self.id = lane.id
        self._direction = Direction.IN if lane.direction is LaneDirection.IN else Direction.OUT
        self._unit = np.array(_UNIT[lane.heading])
        self._corners = np.array(lane.region, dtype=np.float64) * (width, height)
        self._size = (width, height)

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a point lies in the lane."""
        return cv2.pointPolygonTest(self._corners.astype(np.float32), (x, y), measureDist=False) >= 0

    def mask(self, width: int, height: int) -> Mask:
        """Draw the lane in a picture of another size, (height, width)."""
        scaled = self._corners * (width / self._size[0], height / self._size[1])
        drawn = np.zeros((height, width), dtype=np.uint8)
        cv2.fillPoly(drawn, [np.round(scaled).astype(np.int32)], 1)
        return drawn.astype(bool)

    @property
    def box(self) -> Box:
        """The rectangle round the lane with some margin, within the picture."""
        width, height = self._size
        dx, dy = MARGIN * width, MARGIN * height
        (left, top), (right, bottom) = self._corners.min(axis=0), self._corners.max(axis=0)
        return Box(
            max(int(left - dx), 0),
            max(int(top - dy), 0),
            min(int(right + dx) + 1, width),
            min(int(bottom + dy) + 1, height),
        )

    def direction(self, moved_widths: Sequence[float]) -> Direction:
        """Say which way a car drove whose plate moved by (x, y) widths of itself."""
        along = float(self._unit @ np.asarray(moved_widths))
        if abs(along) < MOVED_WIDTHS:
            return Direction.UNKNOWN
        return self._direction if along > 0 else _OTHER[self._direction]


def box_around(boxes: Sequence[Box]) -> Box:
    """Give the smallest rectangle that holds all of them."""
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
