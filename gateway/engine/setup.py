"""From a site file, and a calibration where there is one, to an engine ready to be fed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError
from contracts.site import Area, Site
from gateway.engine.engine import Engine
from positioning.grid import Floor, Grid
from positioning.positioner import Positioner
from positioning.radio import RadioModel
from positioning.zones import ZoneArea, ZoneMap

Floats = npt.NDArray[np.float64]

SLAB_BELOW_FLOOR_M = 0.3
"""How far the middle of a slab lies under the surface that people walk on."""


def build_engine(site: Site, calibration: Mapping[str, Any] | None = None, *, cell_m: float = 2.0) -> Engine:
    """Return an engine for a site.

    Args:
        site: floors, zones and nodes. People can be everywhere inside the outlines.
        calibration: what `RadioModel.to_dict` gives for all nodes of the site; without one, the radio model is the
            textbook's.
        cell_m: edge of the cells that devices are looked for in.

    Raises:
        ConfigurationError: the site has no nodes, or the calibration does not fit it.
    """
    if not site.nodes:
        raise ConfigurationError(
            f"mall {site.mall.id} has no nodes", "List at least three under `nodes:` in the site file."
        )
    grid = Grid.over([Floor(rings(floor.outline), floor.elevation_m) for floor in site.floors], cell_m=cell_m)
    tick_ms = round(site.tracking.tick_s * 1000)
    return Engine(site, Positioner(radio_model(site, calibration), grid, tick_ms=tick_ms), zone_map(site))


def radio_model(site: Site, calibration: Mapping[str, Any] | None = None) -> RadioModel:
    """Return the radio model of a site's nodes, in the order of the site.

    Raises:
        ConfigurationError: the calibration is none, or lacks a node.
    """
    nodes = tuple(node.id for node in site.nodes)
    if calibration is not None:
        try:
            return RadioModel.from_dict(calibration).select(nodes)
        except (ValueError, KeyError) as error:
            message = str(error.args[0]) if error.args else str(error)
            raise ConfigurationError(f"the calibration does not fit the site: {message}") from error
    elevation = {floor.id: floor.elevation_m for floor in site.floors}
    places = np.array([(node.x_m, node.y_m, elevation[node.floor] + node.z_m) for node in site.nodes])
    slabs = np.sort(np.array([floor.elevation_m for floor in site.floors]))[1:] - SLAB_BELOW_FLOOR_M
    return RadioModel.prior(nodes, places, slab_z_m=slabs)


def zone_map(site: Site) -> ZoneMap:
    """Return the zones of a site as a raster, in the order of ``site.zones()``."""
    number = {floor.id: i for i, floor in enumerate(site.floors)}
    zones = [ZoneArea(number[floor.id], rings(zone.area)) for floor, zone in site.zones()]
    return ZoneMap.over([rings(floor.outline) for floor in site.floors], zones)


def rings(area: Area) -> list[Floats]:
    """Return all rings (K, 2) of an area; by the even-odd rule they are the area again."""
    return [np.array(ring, dtype=np.float64) for polygon in area.polygons for ring in polygon]
