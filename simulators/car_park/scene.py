"""What a camera at a car park sees: lanes, walls, signs with text, a parked car, and cars that drive."""

from collections.abc import Sequence

import cv2
import numpy as np

from simulators.car_park.fleet import Plate, PlateKind
from simulators.car_park.lens import Lens, Points
from simulators.car_park.plate_picture import Image, draw_plate, draw_text, width_mm
from simulators.car_park.traffic import LANE_X_M, Car

PARKED = Plate("浙A6K2T8", PlateKind.BLUE)
"""Of the car that stands in view all the time."""
SIGNS = (
    ("出口 EXIT", -4.2, 2.1, 9.0, 1.9),
    ("限速 5 km/h", 4.1, 2.4, 9.5, 1.7),
    ("浙A·88888 专用", -3.0, 0.6, 8.3, 0.85),
)
"""Text, place (x, y, z) and width in metres; the last one is written like a plate."""
PLATE_Y_M = 0.52


def empty_scene(lens: Lens, rng: np.random.Generator) -> Image:
    """Draw what is always there."""
    rows = np.linspace(0, 1, lens.height, dtype=np.float32)[:, None, None]
    page = np.broadcast_to(95 + 45 * rows, (lens.height, lens.width, 3)).copy()
    grain = cv2.resize(
        rng.normal(0, 9, (lens.height // 3, lens.width // 3)).astype(np.float32), (lens.width, lens.height)
    )
    page += grain[..., None]
    image: Image = page.clip(0, 255).astype(np.uint8)
    for x_m in (-3.6, 0.0, 3.6):
        _polygon(
            image,
            lens,
            [(x_m - 0.06, 0, 1.5), (x_m + 0.06, 0, 1.5), (x_m + 0.06, 0, 40), (x_m - 0.06, 0, 40)],
            (215, 215, 215),
        )
    for side in (-1, 1):
        wall = [(7.5 * side, 0, 3), (7.5 * side, 3.2, 3), (7.5 * side, 3.2, 30), (7.5 * side, 0, 30)]
        _polygon(image, lens, wall, (150, 158, 160))
    _polygon(image, lens, [(-7.5, 0, 30), (7.5, 0, 30), (7.5, 3.2, 30), (-7.5, 3.2, 30)], (70, 74, 78))
    for text, x_m, y_m, z_m, wide_m in SIGNS:
        sign = draw_text(text, (30, 110, 20), (245, 245, 245))
        tall_m = wide_m * sign.shape[0] / sign.shape[1]
        corners = _upright(x_m, y_m, z_m, wide_m, tall_m)
        _paste(image, sign, lens.project(corners))
    draw_car(image, lens, x_m=3.4, z_m=8.3, yaw_deg=-8, colour=(150, 60, 40), front=True, night=0.0)
    put_plate(image, lens, draw_plate(PARKED), (3.4, PLATE_Y_M, 8.27), 0.44, yaw_deg=-8, tilt_deg=0, light=1)
    return image


def draw_driving(image: Image, lens: Lens, car: Car, night: float) -> Points:
    """Draw a car with its plate into a picture; give the corners of the plate in pixels."""
    front = car.lane == "entry"
    x_m = LANE_X_M[car.lane] + car.look.side_m
    draw_car(
        image,
        lens,
        x_m=x_m,
        z_m=car.z_m,
        yaw_deg=car.look.yaw_deg,
        colour=car.look.colour,
        front=front,
        night=night,
    )
    plate = draw_plate(car.plate, dirt=car.look.dirt, rng=np.random.default_rng(car.look.seed))
    # At night the car's ground is dark, and its plate is lit by the camera's lamp.
    light = car.look.plate_light * (1 + 1.2 * night)
    place = (x_m, PLATE_Y_M, car.z_m - 0.03)
    wide_m = width_mm(car.plate) / 1000
    return put_plate(
        image, lens, plate, place, wide_m, yaw_deg=car.look.yaw_deg, tilt_deg=car.look.tilt_deg, light=light
    )


def draw_car(
    image: Image,
    lens: Lens,
    *,
    x_m: float,
    z_m: float,
    yaw_deg: float,
    colour: tuple[int, int, int],
    front: bool,
    night: float,
) -> None:
    """Draw a car whose near end is at `z_m`: roof, window, bonnet, end, lamps, from back to front."""
    dark = tuple(int(c * 0.45) for c in colour)
    light = tuple(min(int(c * 1.1) + 12, 255) for c in colour)
    parts = [
        ([(-0.72, 1.42, 1.9), (0.72, 1.42, 1.9), (0.75, 1.3, 3.6), (-0.75, 1.3, 3.6)], light),
        ([(-0.9, 0.3, 0.1), (-0.9, 0.95, 0.3), (-0.9, 0.95, 4.2), (-0.9, 0.3, 4.2)], dark),
        ([(0.9, 0.3, 0.1), (0.9, 0.95, 0.3), (0.9, 0.95, 4.2), (0.9, 0.3, 4.2)], dark),
        ([(-0.8, 0.95, 1.1), (0.8, 0.95, 1.1), (0.72, 1.42, 1.9), (-0.72, 1.42, 1.9)], (60, 52, 44)),
        ([(-0.88, 0.82, 0.05), (0.88, 0.82, 0.05), (0.85, 0.95, 1.1), (-0.85, 0.95, 1.1)], light),
        ([(-0.9, 0.25, 0.0), (0.9, 0.25, 0.0), (0.9, 0.82, 0.0), (-0.9, 0.82, 0.0)], colour),
        ([(-0.85, 0.08, 0.1), (0.85, 0.08, 0.1), (0.9, 0.25, 0.0), (-0.9, 0.25, 0.0)], (25, 25, 25)),
    ]
    if front:
        parts.append(([(-0.45, 0.62, 0), (0.45, 0.62, 0), (0.5, 0.76, 0), (-0.5, 0.76, 0)], (35, 35, 35)))
    lamp = (235, 240, 245) if front else (40, 40, 190)
    parts += [
        (
            [(side * 0.85, 0.62, 0), (side * 0.56, 0.62, 0), (side * 0.58, 0.78, 0), (side * 0.85, 0.78, 0)],
            lamp,
        )
        for side in (-1, 1)
    ]
    for corners, shade in parts:
        turned = _turn(np.array(corners, dtype=np.float64), x_m, z_m, yaw_deg)
        if turned[:, 2].min() > 0.6:
            lit = tuple(int(c * (1 - 0.75 * night)) if shade != lamp else c for c in shade)
            cv2.fillPoly(image, [_pixels(lens.project(turned))], lit, cv2.LINE_AA, 3)


def put_plate(
    image: Image,
    lens: Lens,
    plate: Image,
    place_m: tuple[float, float, float],
    wide_m: float,
    *,
    yaw_deg: float,
    tilt_deg: float,
    light: float,
) -> Points:
    """Draw a plate at its place; give its corners in pixels."""
    tall_m = 0.14
    lean = np.deg2rad(tilt_deg)
    half_y, half_z = tall_m / 2 * np.cos(lean), tall_m / 2 * np.sin(lean)
    flat = np.array(
        [
            (-wide_m / 2, half_y, half_z),
            (wide_m / 2, half_y, half_z),
            (wide_m / 2, -half_y, -half_z),
            (-wide_m / 2, -half_y, -half_z),
        ]
    )
    corners = lens.project(_turn(flat, place_m[0], place_m[2], yaw_deg) + np.array([0, place_m[1], 0]))
    lit = cv2.convertScaleAbs(plate, alpha=light) if light != 1 else plate
    _paste(image, lit, corners)
    return corners


def _turn(points: Points, x_m: float, z_m: float, yaw_deg: float) -> Points:
    """Turn points about the upright through the origin, then move them."""
    yaw = np.deg2rad(yaw_deg)
    x = points[:, 0] * np.cos(yaw) + points[:, 2] * np.sin(yaw)
    z = -points[:, 0] * np.sin(yaw) + points[:, 2] * np.cos(yaw)
    return np.stack([x + x_m, points[:, 1], z + z_m], axis=1)


def _upright(x_m: float, y_m: float, z_m: float, wide_m: float, tall_m: float) -> Points:
    left, right, top, bottom = x_m - wide_m / 2, x_m + wide_m / 2, y_m + tall_m / 2, y_m - tall_m / 2
    return np.array([(left, top, z_m), (right, top, z_m), (right, bottom, z_m), (left, bottom, z_m)])


def _polygon(
    image: Image, lens: Lens, corners: Sequence[tuple[float, float, float]], colour: tuple[int, int, int]
) -> None:
    cv2.fillPoly(image, [_pixels(lens.project(np.array(corners, dtype=np.float64)))], colour, cv2.LINE_AA, 3)


def _pixels(points: Points) -> np.ndarray:
    """Give points in eighths of a pixel, as OpenCV draws them without steps."""
    return np.round(np.clip(points, -4000, 4000) * 8).astype(np.int32)


def _paste(image: Image, art: Image, corners: Points) -> None:
    """Draw flat art into the quadrilateral of its corners, clockwise from the upper left one."""
    height, width = image.shape[:2]
    left, top = np.floor(corners.min(axis=0)).astype(int) - 2
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 3
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if right - left < 4 or bottom - top < 4:
        return
    # Shrunk first: a warp alone would pick single pixels out of a large picture.
    across = max(float(np.hypot(*(corners[1] - corners[0]))), 8.0)
    scale = min(1.3 * across / art.shape[1], 1.0)
    small = cv2.resize(art, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    high, wide = small.shape[:2]
    source = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], dtype=np.float32)
    target = (corners - (left, top)).astype(np.float32)
    warp = cv2.getPerspectiveTransform(source, target)
    size = (right - left, bottom - top)
    flat = cv2.warpPerspective(small, warp, size, flags=cv2.INTER_LINEAR)
    cover = cv2.warpPerspective(np.full((high, wide), 255, np.uint8), warp, size, flags=cv2.INTER_LINEAR)
    share = (cover.astype(np.float32) / 255)[..., None]
    part = image[top:bottom, left:right]
    part[:] = (part * (1 - share) + flat * share).astype(np.uint8)
