"""From a site file, and a calibration where there is one, to an engine ready to be fed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError
from contracts.site import Area, Belief, Site, ZoneKind
from gateway.engine.calibration import Calibration
from gateway.engine.engine import Engine
from positioning.grid import Floor, Grid
from positioning.grid_filter import GridFilter
from positioning.positioner import Positioner
from positioning.radio import RadioModel
from positioning.zones import ZoneArea, ZoneMap

Floats = npt.NDArray[np.float64]

CELL_M = (0.5, 2.0)
"""Smallest and largest edge of a cell: below the first nothing is gained, above the second doors are lost."""
CELLS = 10_000

FOLLOWED_BY_CELL = 8_000
"""Up to so many cells, one core follows 20,000 phones by beliefs over cells in real time."""

SLAB_BELOW_FLOOR_M = 0.3
"""How far the middle of a slab lies under the surface that people walk on."""


def build_engine(site: Site, calibration: Mapping[str, Any] | None = None) -> Engine:
    """Return an engine for a site.

    Args:
        site: floors, zones and nodes. People can be everywhere inside the outlines.
        calibration: what `Calibration.to_dict` gives for the nodes of the site; without one, the radio model
            is the textbook's.

    Raises:
        ConfigurationError: the site has no nodes, or the calibration does not fit it.
    """
    if not site.nodes:
        raise ConfigurationError(
            f"mall {site.mall.id} has no nodes", "List at least three under `nodes:` in the site file."
        )
    known = (
        Calibration(radio_model(site)) if calibration is None else Calibration.from_dict(calibration, site)
    )
    grid = grid_of(site, room_weight=known.room_weight)
    belief = site.tracking.belief or (Belief.CELLS if len(grid) <= FOLLOWED_BY_CELL else Belief.NORMAL)
    if belief is Belief.CELLS:
        tracker: GridFilter | Positioner = GridFilter(known.radio, grid)
    else:
        tracker = Positioner(known.radio, grid, tick_ms=round(site.tracking.tick_s * 1000))
    return Engine(site, tracker, zone_map(site), room_weight=known.room_weight)


def radio_model(site: Site) -> RadioModel:
    """Return the textbook's radio model of a site's nodes, in the order of the site."""
    nodes = tuple(node.id for node in site.nodes)
    elevation = {floor.id: floor.elevation_m for floor in site.floors}
    places = np.array([(node.x_m, node.y_m, elevation[node.floor] + node.z_m) for node in site.nodes])
    slabs = np.sort(np.array([floor.elevation_m for floor in site.floors]))[1:] - SLAB_BELOW_FLOOR_M
    return RadioModel.prior(nodes, places, slab_z_m=slabs)


def grid_of(site: Site, *, room_weight: float = 1.0) -> Grid:
    """Return where people can be: everywhere inside the outlines, in shops `room_weight` as likely."""
    return Grid.over(floors_of(site), cell_m=cell_m(site), room_weight=room_weight)


def floors_of(site: Site) -> list[Floor]:
    """Return the floors with their rooms: shops and facilities."""
    return [
        Floor(
            rings(floor.outline),
            floor.elevation_m,
            rooms=[
                np.array(polygon[0], dtype=np.float64)
                for zone in floor.zones
                if zone.kind in (ZoneKind.SHOP, ZoneKind.FACILITY)
                for polygon in zone.area.polygons
            ],
        )
        for floor in site.floors
    ]


def cell_m(site: Site) -> float:
    """Return the edge of the cells in which people are looked for: about 10,000 cells in all are enough.

    The time per fix grows with the number of cells on all floors together.
    """
    extents = [np.ptp(np.concatenate(rings(floor.outline)), axis=0) for floor in site.floors]
    area_m2 = sum(float(extent[0] * extent[1]) for extent in extents)
    return float(np.clip(round(2.0 * np.sqrt(area_m2 / CELLS)) / 2.0, *CELL_M))


def zone_map(site: Site) -> ZoneMap:
    """Return the zones of a site as a raster, in the order of ``site.zones()``."""
    number = {floor.id: i for i, floor in enumerate(site.floors)}
    zones = [ZoneArea(number[floor.id], rings(zone.area)) for floor, zone in site.zones()]
    return ZoneMap.over([rings(floor.outline) for floor in site.floors], zones)


def rings(area: Area) -> list[Floats]:
    """Return all rings (K, 2) of an area; by the even-odd rule they are the area again."""
    return [np.array(ring, dtype=np.float64) for polygon in area.polygons for ring in polygon]
