"""Drawing a floor: walls as lines on a straightened plan, the rooms between them, the bend of the building.

A floor is drawn in plan coordinates (u, v): u along the building, v across it, the atrium's middle at (0, 0).
The rooms are the faces between the lines, so they tile the floor without gap or overlap by construction.
Only then is the drawing bent along an arc, which turns a straight mall into a crescent.
"""

from collections.abc import Iterable, Sequence
from math import cos, sin

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import LineString, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

BEND_RADIUS_M = 250.0
"""Radius of the arc that u follows; its centre lies to the north."""
ORIGIN_M = (80.0, 47.0)
"""Where (0, 0) of the drawing comes to lie on the floor."""
GRID_M = 0.01
"""Walls are drawn to the centimetre."""
STEP_M = 8.0
"""A straight wall gets a corner at least this often, so that it can follow the bend."""


def bend(u_m: float, v_m: float) -> tuple[float, float]:
    """Return where a point of the drawing lies on the floor, (x, y) in metres, to the centimetre."""
    angle = u_m / BEND_RADIUS_M
    reach = BEND_RADIUS_M - v_m
    x = ORIGIN_M[0] + reach * sin(angle)
    y = ORIGIN_M[1] + BEND_RADIUS_M - reach * cos(angle)
    return round(x, 2), round(y, 2)


def bend_polygon(polygon: Polygon) -> Polygon:
    """Return a polygon of the drawing as it lies on the floor."""
    fine = shapely.segmentize(polygon, STEP_M)

    def ring(points: BaseGeometry) -> list[tuple[float, float]]:
        return [bend(u, v) for u, v in points.coords]

    return Polygon(ring(fine.exterior), [ring(hole) for hole in fine.interiors])


def superellipse(a_m: float, b_m: float, power: float, points: int = 88) -> Polygon:
    """Return |u/a|^n + |v/b|^n <= 1 (Lame 1818): n = 2 is an ellipse, more makes it squarer."""
    angle = np.linspace(0.0, 2 * np.pi, points, endpoint=False)
    u = a_m * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / power)
    v = b_m * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / power)
    return Polygon(np.column_stack([u, v]))


def rectangle(u0: float, v0: float, u1: float, v1: float) -> Polygon:
    """Return the rectangle between two corners."""
    return Polygon([(u0, v0), (u1, v0), (u1, v1), (u0, v1)])


def spoke(a_m: float, b_m: float, power: float, u_m: float, side: int, length_m: float = 45.0) -> LineString:
    """Return a wall that stands square on a superellipse at `u_m`; side +1 is north, -1 south."""
    v = b_m * (1 - (abs(u_m) / a_m) ** power) ** (1 / power)
    normal: npt.NDArray[np.float64] = np.array(
        [np.sign(u_m) * abs(u_m) ** (power - 1) / a_m**power, side * v ** (power - 1) / b_m**power]
    )
    normal /= np.hypot(*normal)
    start = np.array([u_m, side * v])
    return LineString([start - 0.5 * normal, start + length_m * normal])


def rooms(outline: Polygon, edges: Iterable[BaseGeometry], walls: Iterable[BaseGeometry]) -> list[Polygon]:
    """Return the faces that lines cut the outline into.

    `edges` are drawn whole; of each of `walls` only what lies in the outline. Loose ends are no walls.
    """
    lines = [outline.boundary, *edges, *(wall.intersection(outline) for wall in walls)]
    noded = shapely.union_all(lines, grid_size=GRID_M)
    inside = outline.buffer(GRID_M)
    faces = shapely.get_parts(shapely.polygonize([noded])).tolist()
    return [face for face in faces if isinstance(face, Polygon) and inside.contains(face)]


def room_at(faces: Sequence[Polygon], at: tuple[float, float], what: str) -> int:
    """Return the index of the face around a point. Raises `ValueError` where there is none."""
    point = Point(at)
    for index, face in enumerate(faces):
        if face.contains(point):
            return index
    raise ValueError(f"{what} is drawn at {at}, where there is no room")


def geojson(polygon: BaseGeometry) -> dict[str, object]:
    """Return a polygon as GeoJSON, its rings counter-clockwise outside (RFC 7946).

    Raises:
        TypeError: it is not one polygon.

    """
    if not isinstance(polygon, Polygon):
        raise TypeError(f"expected one polygon, found a {polygon.geom_type}")
    return dict(mapping(orient(polygon)))
