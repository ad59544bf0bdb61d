"""Floors and zones as GeoJSON on the earth (RFC 7946), for maps of other programs."""

from typing import Annotated, Literal

from pydantic import Field
from shapely.geometry import Polygon
from shapely.geometry.polygon import orient

from contracts.site import Site
from contracts.site.georeference import Georeference
from contracts.site.model import Area, ZoneKind
from gateway.api.schemas import Answer

DECIMALS = 7
"""Of degrees: a centimetre."""

LonLat = tuple[float, float]
Rings = list[list[LonLat]]


class GeoPolygon(Answer):
    """An outer ring, counterclockwise, and its holes, clockwise."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: Rings


class GeoMultiPolygon(Answer):
    """Several of them."""

    type: Literal["MultiPolygon"] = "MultiPolygon"
    coordinates: list[Rings]


Geometry = Annotated[GeoPolygon | GeoMultiPolygon, Field(discriminator="type")]


class FloorProperties(Answer):
    """What a map may write on a floor."""

    floor: str
    name_en: str
    name_zh: str
    level: int


class ZoneProperties(Answer):
    """What a map may write on a zone, and colour it by."""

    zone: str
    floor: str
    name_en: str
    name_zh: str
    kind: ZoneKind
    category: str
    capacity: int | None


class FloorFeature(Answer):
    """The outline of a floor."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: Geometry
    properties: FloorProperties


class ZoneFeature(Answer):
    """The area of a zone."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: Geometry
    properties: ZoneProperties


class FloorCollection(Answer):
    """One floor."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[FloorFeature]


class ZoneCollection(Answer):
    """The zones of a floor."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[ZoneFeature]


def floor_collection(site: Site, floor_id: str) -> FloorCollection:
    """The outline of a floor. Raises `KeyError` for one that is not there."""
    floor = site.floor(floor_id)
    properties = FloorProperties(
        floor=floor.id, name_en=floor.name.en, name_zh=floor.name.zh, level=floor.level
    )
    geometry = _geometry(floor.outline, site.georeference)
    return FloorCollection(features=[FloorFeature(id=floor.id, geometry=geometry, properties=properties)])


def zone_collection(site: Site, floor_id: str) -> ZoneCollection:
    """The zones of a floor. Raises `KeyError` for one that is not there."""
    features = [
        ZoneFeature(
            id=zone.id,
            geometry=_geometry(zone.area, site.georeference),
            properties=ZoneProperties(
                zone=zone.id,
                floor=floor_id,
                name_en=zone.name.en,
                name_zh=zone.name.zh,
                kind=zone.kind,
                category=zone.category,
                capacity=zone.capacity,
            ),
        )
        for zone in site.floor(floor_id).zones
    ]
    return ZoneCollection(features=features)


def _geometry(area: Area, georeference: Georeference) -> GeoPolygon | GeoMultiPolygon:
    polygons = [_rings(polygon, georeference) for polygon in area.polygons]
    if len(polygons) == 1:
        return GeoPolygon(coordinates=polygons[0])
    return GeoMultiPolygon(coordinates=polygons)


def _rings(polygon: list[list[tuple[float, float]]], georeference: Georeference) -> Rings:
    outer, *holes = polygon
    wound = orient(Polygon(outer, holes))  # the plan is turned onto the earth, not mirrored: it stays so
    return [
        [_lon_lat(georeference, x_m, y_m) for x_m, y_m in ring.coords]
        for ring in (wound.exterior, *wound.interiors)
    ]


def _lon_lat(georeference: Georeference, x_m: float, y_m: float) -> LonLat:
    lat, lon = georeference.to_wgs84(x_m, y_m)
    return round(lon, DECIMALS), round(lat, DECIMALS)
