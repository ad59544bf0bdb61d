"""The plan of the mall for maps of other programs, such as Grafana's."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from gateway.api import geojson
from gateway.api.context import Here, known_floor


class GeoJsonResponse(JSONResponse):
    """An answer of the media type of RFC 7946."""

    media_type = "application/geo+json"


router = APIRouter(prefix="/plan", tags=["plan"], default_response_class=GeoJsonResponse)


@router.get("/floors/{floor}.geojson")
def floor(here: Here, floor: str) -> geojson.FloorCollection:
    """Give the outline of a floor on the earth (WGS 84)."""
    return geojson.floor_collection(here.site, known_floor(here, floor))


@router.get("/floors/{floor}/zones.geojson")
def zones(here: Here, floor: str) -> geojson.ZoneCollection:
    """Give the zones of a floor on the earth (WGS 84)."""
    return geojson.zone_collection(here.site, known_floor(here, floor))
