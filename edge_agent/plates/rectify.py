"""Straightening a plate: the quadrilateral in the picture becomes a rectangle of the size a recogniser wants."""

import cv2
import numpy as np

from edge_agent.plates.detector import Image, Quad

TWO_LINES_BELOW = 2.4
"""A plate less than this many times as wide as high may have two lines (440 x 220 mm; one line: 440 x 140 mm)."""
_UPPER = (0.02, 0.45)
_LOWER = (0.36, 1.0)


def aspect(quad: Quad) -> float:
    """Width over height of the plate in the picture."""
    across = np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])
    down = np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])
    return float(across / max(down, 1e-6))


def straighten(
    image: Image, quad: Quad, size: tuple[int, int], margin: tuple[float, float] = (0.0, 0.0)
) -> Image:
    """Cut the plate at `quad` out of `image` as a rectangle of `size` (width, height) pixels.

    `margin` says how much of the surroundings to keep on each side, as a share of the plate's width and height.
    """
    width, height = size
    left, top = (share / (1 + 2 * share) for share in margin)
    rectangle = np.array([[left, top], [1 - left, top], [1 - left, 1 - top], [left, 1 - top]]) * size
    transform = cv2.getPerspectiveTransform(quad.astype(np.float32), rectangle.astype(np.float32))
    return cv2.warpPerspective(
        image, transform, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8, copy=False)


def lines_of(quad: Quad) -> tuple[Quad, Quad]:
    """The upper and the lower line of a plate with two lines (GA 36-2018, figures 4 and 5)."""
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
