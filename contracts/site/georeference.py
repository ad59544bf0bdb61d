"""Where the metres of a floor plan lie on the earth."""

from math import cos, radians, sin
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

EARTH_RADIUS_M = 6_371_008.8
"""Mean earth radius, IUGG (Moritz 2000)."""


class Georeference(BaseModel):
    """The WGS 84 position of the origin (0, 0), and how far the plan's y axis is turned from north.

    A mall is small, so the plan maps onto the local tangent plane (equirectangular).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    lat: Annotated[float, Field(ge=-89, le=89, description="Latitude of the origin, degrees north")]
    lon: Annotated[float, Field(ge=-180, le=180, description="Longitude of the origin, degrees east")]
    bearing_deg: Annotated[float, Field(ge=-360, le=360)] = 0.0
    """Direction of the plan's y axis, degrees clockwise from north."""

    def to_wgs84(self, x_m: float, y_m: float) -> tuple[float, float]:
        """The (latitude, longitude) in degrees of a point of the plan in metres."""
        turn = radians(self.bearing_deg)
        east_m = x_m * cos(turn) + y_m * sin(turn)
        north_m = y_m * cos(turn) - x_m * sin(turn)
        degree_m = radians(1) * EARTH_RADIUS_M
        return self.lat + north_m / degree_m, self.lon + east_m / (degree_m * cos(radians(self.lat)))

    def to_plan(self, lat: float, lon: float) -> tuple[float, float]:
        """The (x, y) in metres on the plan of a point in degrees; the inverse of `to_wgs84`."""
        degree_m = radians(1) * EARTH_RADIUS_M
        north_m = (lat - self.lat) * degree_m
        east_m = (lon - self.lon) * degree_m * cos(radians(self.lat))
        turn = radians(self.bearing_deg)
        return east_m * cos(turn) - north_m * sin(turn), east_m * sin(turn) + north_m * cos(turn)
