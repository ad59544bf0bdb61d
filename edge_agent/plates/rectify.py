"""Straightening a plate: the quadrilateral in the picture becomes a rectangle as a recogniser wants it."""

import cv2
import numpy as np

from edge_agent.plates.detector import Image, Quad

TWO_LINES_BELOW = 2.4
"""A plate less than this many times as wide as high may have two lines: those measure 440 x 220 mm, those
with one line 440 x 140 mm, and less than that from the side."""
_UPPER = (0.02, 0.45)
_LOWER = (0.36, 1.0)


def extent(quad: Quad) -> tuple[float, float]:
    """Width and height of the plate in the picture, in pixels."""
    upper_left, upper_right, lower_right, lower_left = quad
    width = np.hypot(*(upper_right - upper_left)) + np.hypot(*(lower_right - lower_left))
    height = np.hypot(*(lower_left - upper_left)) + np.hypot(*(lower_right - upper_right))
    return float(width) / 2, float(height) / 2


def may_have_two_lines(quad: Quad) -> bool:
    """Whether the plate is of a shape that plates with two lines have."""
    width, height = extent(quad)
    return width < TWO_LINES_BELOW * height


def straighten(
    image: Image, quad: Quad, size: tuple[int, int], margin: tuple[float, float] = (0.0, 0.0)
) -> Image:
    """Cut the plate at `quad` out of `image` as a rectangle of `size` (width, height) pixels.

    `margin` says how much of the surroundings to keep on each side, as shares of its width and height.
    """
    left, top = (share / (1 + 2 * share) for share in margin)
    rectangle = np.array([[left, top], [1 - left, top], [1 - left, 1 - top], [left, 1 - top]]) * size
    transform = cv2.getPerspectiveTransform(quad.astype(np.float32), rectangle.astype(np.float32))
    straight = cv2.warpPerspective(
        image, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return straight.astype(np.uint8, copy=False)


def lines_of(quad: Quad) -> tuple[Quad, Quad]:
    """The upper and the lower line of a plate with two lines (GA 36-2018: a third and two thirds)."""
    upper_left, upper_right, lower_right, lower_left = quad
    down_left, down_right = lower_left - upper_left, lower_right - upper_right

    def strip(top: float, bottom: float) -> Quad:
        return np.array(
            [
                upper_left + top * down_left,
                upper_right + top * down_right,
                upper_right + bottom * down_right,
                upper_left + bottom * down_left,
            ]
        )

    return strip(*_UPPER), strip(*_LOWER)
