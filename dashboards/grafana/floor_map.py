"""The floor as a map: its plan from the gateway as GeoJSON, with heat over it.

Layers as Grafana's geomap panel stores them: `GeoJSONMapperConfig` (layers/data/geojsonLayer.ts),
`HeatmapConfig` (layers/data/heatMap.tsx), `StyleConfig` (style/types.ts) and `XYZConfig`
(layers/basemaps/generic.ts).
"""

from collections.abc import Iterable
from math import cos, log2, radians

from grafana_foundation_sdk.models import common, geomap
from grafana_foundation_sdk.models.dashboard import (
    FieldColor,
    FieldColorModeId,
    FieldConfig,
    FieldConfigSource,
    GridPos,
    Panel,
)

from contracts.site import Floor, Site
from dashboards.grafana.asking import Query
from dashboards.grafana.fields import figure, override, thresholds, without
from dashboards.grafana.panels import Look
from dashboards.grafana.sources import Source
from dashboards.grafana.words import Language

WORLD_PX_M = 156_543.033_928
"""Metres at the equator a pixel of zoom 0 stands for, in Web Mercator with tiles of 256 pixels."""
NO_TILES = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""One transparent pixel, for a base map: nothing is fetched from a server of maps, which would say who
looks."""
CELL_M = 4.0
"""About the side of a cell of the figures."""
_COLUMN_PX, _ROW_PX = 1_500 / 24, 38
"""What a column and a row of a dashboard measure on a screen of 1,600 pixels."""
_RADIUS_CELLS = 0.7
_ZONE_KINDS = (
    ("corridor", "#3d434d"),
    ("entrance", "#33507a"),
    ("vertical", "#46406b"),
    ("facility", "#2f5750"),
)


def floor_map(
    source: Source, language: Language, site: Site, floor: Floor, look: Look, query: Query, gateway: str
) -> Panel:
    """The panel of one floor. `gateway` is its address as browsers reach it."""
    lat, lon, zoom, pixel_m = _view(site, floor, look)
    plan = f"{gateway}/api/v1/plan/floors/{floor.id}"
    heat = query.names[-1]
    return Panel(
        type_val="geomap",
        title=look.title(language),
        description=look.about(language),
        datasource=source.ref,
        targets=[source.target(query)],
        transformations=[*source.transformations(query), without("Time", "time")],
        options=geomap.Options(
            view=geomap.MapViewConfig(
                id_val="coords",
                lat=lat,  # type: ignore[arg-type]  # the schema says number, the SDK int
                lon=lon,  # type: ignore[arg-type]
                zoom=zoom,  # type: ignore[arg-type]
                all_layers=True,
            ),
            controls=geomap.ControlsOptions(
                show_zoom=True, mouse_wheel_zoom=False, show_attribution=False, show_scale=True
            ),
            basemap=common.MapLayerOptions(
                type_val="xyz", name="-", config={"url": NO_TILES, "attribution": ""}, tooltip=False
            ),
            layers=[
                _plan_layer("floor", f"{plan}.geojson", _style("#22262e", 1.0), ()),
                _plan_layer("zones", f"{plan}/zones.geojson", _style("#566070", 0.55), _ZONE_KINDS),
                _heat_layer(heat, CELL_M / pixel_m),
                _names_layer(f"{plan}/zones.geojson", f"name_{language}"),
            ],
            tooltip=geomap.TooltipOptions(geomap.TooltipMode.NONE),
        ),
        field_config=FieldConfigSource(
            FieldConfig(
                no_value=look.empty(language),
                thresholds=thresholds(look.steps),
                color=FieldColor(FieldColorModeId.CONTINUOUS_BL_YL_RD),
                min_val=0,  # else the emptiest cell would be cold, however many are in it
                custom={"hideFrom": {"legend": False, "tooltip": False, "viz": False}},
            ),
            [override(heat, figure(heat, language))],
        ),
        grid_pos=GridPos(h=look.height, w=look.width),
    )


def _view(site: Site, floor: Floor, look: Look) -> tuple[float, float, float, float]:
    """Give the floor's middle in degrees, the zoom at which it fills the panel, and metres a pixel."""
    corners = [point for polygon in floor.outline.polygons for point in polygon[0]]
    places = [site.georeference.to_wgs84(x, y) for x, y in corners]
    lats, lons = [lat for lat, _ in places], [lon for _, lon in places]
    lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    degree_m = 111_195.0  # of latitude, on the mean sphere
    width_m = (max(lons) - min(lons)) * degree_m * cos(radians(lat))
    height_m = (max(lats) - min(lats)) * degree_m
    pixel_m = max(width_m / (look.width * _COLUMN_PX), height_m / ((look.height - 1) * _ROW_PX)) * 1.08
    zoom = log2(WORLD_PX_M * cos(radians(lat)) / pixel_m)
    return round(lat, 7), round(lon, 7), round(zoom, 2), pixel_m


def _style(color: str, opacity: float) -> dict[str, object]:
    return {"color": {"fixed": color}, "opacity": opacity, "lineWidth": 1}


def _plan_layer(
    name: str, address: str, style: dict[str, object], kinds: Iterable[tuple[str, str]]
) -> common.MapLayerOptions:
    rules = [
        {
            "style": _style(color, 0.55),
            "check": {"property": "kind", "operation": "eq", "value": kind},
        }
        for kind, color in kinds
    ]
    return common.MapLayerOptions(
        type_val="geojson",
        name=name,
        config={"src": address, "style": style, "rules": rules},
        tooltip=False,
    )


def _names_layer(address: str, name: str) -> common.MapLayerOptions:
    """Outlines and names of zones over the heat; the map leaves out a name longer than its zone."""
    style = {**_style("#d5dae3", 0.0), "text": {"mode": "field", "field": name, "fixed": ""}}
    style["textConfig"] = {"fontSize": 12, "textAlign": "center", "textBaseline": "middle"}
    unnamed = {"property": "kind", "operation": "eq", "value": "corridor"}
    return common.MapLayerOptions(
        type_val="geojson",
        name="names",
        config={
            "src": address,
            "style": style,
            "rules": [{"style": _style("#8d96a5", 0.0), "check": unnamed}],
        },
        tooltip=False,
    )


def _heat_layer(field: str, cell_px: float) -> common.MapLayerOptions:
    """Heat of cells: the radius is in pixels, so it follows from how large a cell is on the panel."""
    radius = min(50, max(3, round(cell_px * _RADIUS_CELLS)))
    config = {
        "weight": {"field": field, "fixed": 0, "min": 0, "max": 1},
        "radius": radius,
        "blur": radius,
    }
    return common.MapLayerOptions(
        type_val="heatmap",
        name="heat",
        config=config,
        location=common.FrameGeometrySource(
            common.FrameGeometrySourceMode.COORDS, latitude="lat", longitude="lon"
        ),
        tooltip=False,
        opacity=1,
    )
