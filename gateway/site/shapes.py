"""Between the areas of a site file and shapely's geometries."""

from collections.abc import Iterable

import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from contracts import site

PRECISION_M = 0.01
"""Coordinates are written to the centimetre: finer than any plan is true."""

SLIVER_M = 0.4
"""Nobody walks through a gap this narrow."""

Shape = Polygon | MultiPolygon


def shape_of(area: site.Area) -> MultiPolygon:
    """Return the shapely geometry of an area as it was written, valid or not."""
    return MultiPolygon([Polygon(rings[0], rings[1:]) for rings in area.polygons])


def polygons_in(shape: BaseGeometry) -> list[Polygon]:
    """Return the polygons of any geometry, without the lines and points that repairs leave behind."""
    return [part for part in shapely.get_parts(shape, return_index=False).tolist() if _is_area(part)]


def repaired(shape: BaseGeometry) -> Shape:
    """Return a valid shape on the centimetre grid; empty where nothing is left.

    Uses the "structure" method of GEOS (what a hole was, stays a hole).
    """
    valid = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    return united(polygons_in(shapely.set_precision(valid, PRECISION_M)))


def united(shapes: Iterable[BaseGeometry]) -> Shape:
    """Return the union on the centimetre grid."""
    union = shapely.union_all(list(shapes), grid_size=PRECISION_M)
    parts = polygons_in(union)
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def without(shape: Shape, others: Iterable[BaseGeometry]) -> Shape:
    """Return what of a shape no other one covers, on the centimetre grid."""
    rest = shapely.difference(shape, united(others), grid_size=PRECISION_M)
    parts = polygons_in(rest)
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def without_slivers(shape: Shape) -> Shape:
    """Return a shape without what is narrower than `SLIVER_M`: gaps between lines that were meant to meet."""
    opened = shape.buffer(-SLIVER_M / 2, join_style="mitre").buffer(SLIVER_M / 2, join_style="mitre")
    return united([shapely.intersection(opened, shape)])


def area_of(shape: Shape) -> site.Area:
    """Return the area of a shape that is not empty; outer rings run counterclockwise (RFC 7946)."""
    polygons = [_rings(shapely.orient_polygons(part)) for part in polygons_in(shape)]
    if len(polygons) == 1:
        return site.Polygon(type="Polygon", coordinates=polygons[0])
    return site.MultiPolygon(type="MultiPolygon", coordinates=polygons)


def _rings(polygon: Polygon) -> list[list[site.Position]]:
    return [
        [(round(x, 2), round(y, 2)) for x, y in ring.coords]
        for ring in (polygon.exterior, *polygon.interiors)
    ]


def _is_area(part: BaseGeometry) -> bool:
    return isinstance(part, Polygon) and part.area > PRECISION_M**2
