"""Drawn plates: proportions, colours and places of the characters as in GA 36-2018.

The standard's own typeface is not free. Characters are those of a bold sans serif, stretched into the boxes
that the standard gives them; characters of provinces are Noto Sans CJK where the machine has it, else the
face that OpenCV brings.
"""

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError
from simulators.car_park.fleet import Plate, PlateKind

Image = npt.NDArray[Any]
"""(height, width, 3) bytes: blue, green, red."""
Floats = npt.NDArray[Any]

PX_PER_MM = 1.0
HEIGHT_MM = 140
_CHINESE_FACES = ("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc",)
_LATIN_FACES = (
    "/usr/share/fonts/truetype/liberation/LiberationSansNarrow-Bold.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSansCondensed-Bold.ttf",
)
_GLYPH_PX = 160
_WHITE, _BLACK = (245, 245, 245), (20, 20, 20)
_BLUE, _YELLOW = (150, 70, 15), (20, 180, 240)
_GREEN_TOP, _GREEN_BOTTOM = (235, 245, 235), (95, 190, 75)
_GREEN_KINDS = (PlateKind.GREEN_SMALL, PlateKind.GREEN_LARGE)


def boxes_mm(plate: Plate) -> list[tuple[float, float]]:
    """Give left edge and width of each character, in millimetres from the plate's left edge."""
    if plate.kind in _GREEN_KINDS:  # 480 mm: 45 + 43s, 9 apart, 49 after the second
        widths, gap, after_second = [45.0] + [43.0] * 7, 9.0, 49.0
    else:  # 440 mm: 45 each, 12 apart, 34 after the second
        widths, gap, after_second = [45.0] * 7, 12.0, 34.0
    boxes, left = [], 15.5
    for place, width in enumerate(widths):
        boxes.append((left, width))
        left += width + (after_second if place == 1 else gap)
    return boxes


def width_mm(plate: Plate) -> int:
    """Give how wide a plate is."""
    return 480 if plate.kind in _GREEN_KINDS else 440


def draw_plate(plate: Plate, *, dirt: float = 0.0, rng: np.random.Generator | None = None) -> Image:
    """Draw a plate, a pixel a millimetre; `dirt` from 0 (washed) to 1 (hardly to be read).

    Raises:
        ConfigurationError: OpenCV is too old to draw letters of a typeface.

    """
    width, height = round(width_mm(plate) * PX_PER_MM), round(HEIGHT_MM * PX_PER_MM)
    ground = _ground(plate.kind, width, height)
    ink = _WHITE if plate.kind is PlateKind.BLUE else _BLACK
    cover = np.zeros((height, width), dtype=np.float32)
    for char, (left, wide) in zip(plate.text, boxes_mm(plate), strict=True):
        x, w = round(left * PX_PER_MM), round(wide * PX_PER_MM)
        y, h = round(25 * PX_PER_MM), round(90 * PX_PER_MM)
        cover[y : y + h, x : x + w] = _glyph(char, w, h)
    if plate.kind not in _GREEN_KINDS:  # the dot behind the second character
        cv2.circle(cover, (round(134.5 * PX_PER_MM), height // 2), 5, 1.0, -1, cv2.LINE_AA)
    cv2.rectangle(cover, (4, 4), (width - 5, height - 5), 1.0, 2, cv2.LINE_AA)
    drawn = ground * (1 - cover[..., None]) + np.array(ink, dtype=np.float32) * cover[..., None]
    if dirt > 0 and rng is not None:
        drawn = _soil(drawn, dirt, rng)
    return drawn.clip(0, 255).astype(np.uint8)


def _ground(kind: PlateKind, width: int, height: int) -> Floats:
    ground = np.empty((height, width, 3), dtype=np.float32)
    if kind is PlateKind.BLUE:
        ground[:] = _BLUE
    elif kind in _GREEN_KINDS:
        share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        ground[:] = np.array(_GREEN_TOP) * (1 - share) + np.array(_GREEN_BOTTOM) * share
        if kind is PlateKind.GREEN_LARGE:
            ground[:, : round(width * 0.3)] = _YELLOW
            ground[:, round(width * 0.3) :] = _GREEN_BOTTOM
    else:
        ground[:] = _YELLOW
    return ground


@cache
def _faces() -> tuple[Any, Any]:
    if not hasattr(cv2, "FontFace"):
        raise ConfigurationError(
            f"OpenCV {cv2.__version__} cannot draw letters of a typeface",
            "Install version 5: pip install 'opencv-python-headless>=5'",
        )
    chinese = next((path for path in _CHINESE_FACES if Path(path).exists()), "uni")
    latin = next((path for path in _LATIN_FACES if Path(path).exists()), "sans")
    return cv2.FontFace(chinese), cv2.FontFace(latin)


@cache
def _glyph(char: str, width: int, height: int) -> Floats:
    """Draw a character into a box, 0 to 1. It fills the height; a 1 keeps its proportions."""
    chinese, latin = _faces()
    page = np.zeros((3 * _GLYPH_PX, 3 * _GLYPH_PX, 3), dtype=np.uint8)
    face = latin if char.isascii() else chinese
    cv2.putText(page, char, (_GLYPH_PX, 2 * _GLYPH_PX), (255, 255, 255), face, _GLYPH_PX, 700)
    ink = page[..., 0]
    found = cv2.boundingRect(cv2.findNonZero((ink > 40).astype(np.uint8)))
    x, y, w, h = found
    wide = width if w / h > 0.35 else max(round(width * w / h / 0.5), 6)
    glyph = cv2.resize(ink[y : y + h, x : x + w], (wide, height), interpolation=cv2.INTER_AREA)
    box = np.zeros((height, width), dtype=np.float32)
    left = (width - wide) // 2
    box[:, left : left + wide] = glyph.astype(np.float32) / 255
    return box


def _soil(plate: Floats, dirt: float, rng: np.random.Generator) -> Floats:
    """Cover a plate with an uneven film and splashes of mud, thicker at the bottom."""
    height, width = plate.shape[:2]
    film: Floats = cv2.resize(
        rng.random((5, 12)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    film = film * np.linspace(0.5, 1.0, height, dtype=np.float32)[:, None]
    splashes = np.zeros((height, width), dtype=np.float32)
    for _ in range(rng.poisson(14 * dirt)):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(splashes, at, int(rng.integers(2, 4 + round(9 * dirt))), 1.0, -1, cv2.LINE_AA)
    cover = np.clip(0.55 * dirt * film + 0.85 * cv2.GaussianBlur(splashes, (5, 5), 0), 0, 0.92)[..., None]
    mud = np.array((70, 85, 100), dtype=np.float32)
    soiled: Floats = plate * (1 - cover) + mud * cover
    return soiled


def draw_text(text: str, ground: tuple[int, int, int], ink: tuple[int, int, int]) -> Image:
    """Draw a sign with a line of text."""
    chinese, _ = _faces()
    size = 90
    (_, _, width, _) = cv2.getTextSize((0, 0), text, (0, 0), chinese, size, 700)
    page = np.full((2 * size, width + size, 3), ground, dtype=np.uint8)
    cv2.putText(page, text, (size // 2, round(1.35 * size)), ink, chinese, size, 700)
    return page
