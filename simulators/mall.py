"""The simulated mall: two floors of shops around a racetrack of promenades and an atrium, as a `Site`."""

from collections.abc import Sequence
from functools import cache

from shapely import coverage_union_all, union_all
from shapely.geometry import LineString, Polygon

from contracts.site import Site, ZoneKind
from simulators.drawing import bend, bend_polygon, geojson, rectangle, room_at, rooms, spoke, superellipse
from simulators.tenants import GROUND, UPPER, Room

OUTLINE = Polygon(
    [
        *[(-71, -30), (-59, -45), (-11, -46), (-7, -42), (7, -42), (11, -46), (30, -46), (36, -44)],
        *[(58, -44), (72, -27), (75, -8), (74, 12), (69, 28), (56, 43), (44, 46), (14, 46), (10, 49)],
        *[(-21, 49), (-25, 45), (-57, 45), (-70, 31), (-74, 16), (-75, 0), (-74, -16)],
    ]
)
"""Both floors: a recessed entrance in the south, a stepped facade in the north, faceted ends."""

LOOP = (52.0, 29.0, 3.2)
"""Outer edge of the promenades: half axes in metres and power of a superellipse."""
ISLAND = superellipse(44, 21, 3.0)
PLAZA = superellipse(20.5, 12.5, 2.2, points=48)
VOID = superellipse(15, 7.5, 2.2, points=40)
"""The hole in the upper floor through which one looks down into the atrium."""

ARCADES = [rectangle(-46, -4.5, -18, 4.5), rectangle(18, -4.5, 46, 4.5)]
PASSAGES = [rectangle(-2.5, 10, 2.5, 23), rectangle(-2.5, -23, 2.5, -10)]
ESCALATORS = [rectangle(-37, -1.6, -28, 1.6), rectangle(28, -1.6, 37, 1.6)]
SERVICE_CORE = rectangle(-6, 26, 6, 50)
LIFT = rectangle(-6, 27, 0, 36)

NODES_IN_PROMENADES = (
    *[(u, v) for v in (24.8, -24.8) for u in (-14.0, 14.0)],
    *[(u, v) for v in (20.5, -20.5) for u in (-38.0, 38.0)],
    *[(-48.0, 0.0), (48.0, 0.0), (-17.5, 0.0), (17.5, 0.0)],
)
NODES_IN_SHOPS = ((-63.0, 14.0), (-63.0, -14.0), (62.0, -18.0), (52.0, 33.0))

FLOOR_HEIGHT_M = 5.4
CEILING_M = 3.6
"""Height of nodes over promenades; the atrium's hang from the gallery's edge at the same height."""
SHOP_CEILING_M = 3.2


@cache
def site() -> Site:
    """Return the simulated mall; `contracts.site.dump_site` writes it as a site file."""
    return Site.model_validate(
        {
            "version": 1,
            "mall": {
                "id": "lumen-bay",
                "name": {"en": "Lumen Bay", "zh": "澄光湾"},
                "timezone": "Asia/Shanghai",
            },
            "georeference": {"lat": 30.2069, "lon": 120.2108, "bearing_deg": -12.0},
            "floors": [
                {"id": "F1", "name": {"en": "Ground floor", "zh": "一层"}, "level": 1, "elevation_m": 0.0}
                | _plan(GROUND, _ground_rooms(), "F2"),
                {
                    "id": "F2",
                    "name": {"en": "Upper floor", "zh": "二层"},
                    "level": 2,
                    "elevation_m": FLOOR_HEIGHT_M,
                }
                | _plan(UPPER, _upper_rooms(), "F1"),
            ],
            "nodes": [*_nodes("F1", 1), *_nodes("F2", 2)],
            "tracking": {"belief": "cells"},
        }
    )


def _plan(directory: Sequence[Room], faces: Sequence[Polygon], other_floor: str) -> dict[str, object]:
    """Return outline and zones of a floor. The outline has every corner of the rooms, so none sticks out."""
    areas = [bend_polygon(faces[room_at(faces, room.at, room.id)]) for room in directory]
    zones = [
        {
            "id": room.id,
            "name": {"en": room.en, "zh": room.zh},
            "kind": room.kind,
            "category": room.category,
            "area": geojson(area),
            "capacity": room.capacity,
            "connects": [other_floor] if room.kind is ZoneKind.VERTICAL else [],
        }
        for room, area in zip(directory, areas, strict=True)
    ]
    return {"outline": geojson(coverage_union_all(areas)), "zones": zones}


def _ground_rooms() -> list[Polygon]:
    gates = [rectangle(-6, -47, 6, -27), rectangle(20, 26, 28, 47)]
    gates += [rectangle(-38, -47, -33, -25), rectangle(50, 4, 77, 11)]
    south = [-47, -24, -15, 14, 25, 35, 46]
    north = [-50.2, -42, -34, -21, 13, 38, 46]
    return _rooms(gates, south, north, island_m=[-32.5, -19.8, -10, 10, 19.8, 32.5])


def _upper_rooms() -> list[Polygon]:
    gates = [rectangle(50, 4, 77, 11)]
    south = [-47, -38, -24, -9, 9, 27, 38, 47]
    north = [-50.2, -38, -23, 46]
    return _rooms(gates, south, north, island_m=[-32.5, -19.8, 19.8, 32.5], edges=[VOID.exterior])


def _rooms(
    gates: Sequence[Polygon],
    south_m: Sequence[float],
    north_m: Sequence[float],
    island_m: Sequence[float],
    edges: Sequence[LineString] = (),
) -> list[Polygon]:
    """Return all rooms of a floor; shops are parted by walls at these u south, north, in the island."""
    loop = superellipse(*LOOP)
    band = OUTLINE.difference(loop)
    walls = [gate.boundary.intersection(band) for gate in [*gates, SERVICE_CORE, LIFT]]
    walls += [spoke(*LOOP, u, -1).intersection(band) for u in south_m]
    walls += [spoke(*LOOP, u, 1).intersection(band) for u in north_m]
    walls += [LineString([(40, 16), (77, 16)]).intersection(band)]
    island = ISLAND.difference(PLAZA)
    walls += [aisle.boundary.intersection(island) for aisle in [*ARCADES, *PASSAGES]]
    shops = island.difference(union_all(ARCADES))
    walls += [LineString([(u, -24), (u, 24)]).intersection(shops) for u in island_m]
    promenades = loop.difference(ISLAND)
    walls += [
        LineString([(u, 12 * side), (u, 30 * side)]).intersection(promenades)
        for u in (-41, 41)
        for side in (1, -1)
    ]
    rings = [loop.exterior, ISLAND.exterior, PLAZA.exterior, *(one.exterior for one in ESCALATORS)]
    return rooms(OUTLINE, [*rings, *edges], walls)


def _nodes(floor: str, level: int) -> list[dict[str, object]]:
    places = [(at, CEILING_M) for at in NODES_IN_PROMENADES] + [(at, SHOP_CEILING_M) for at in NODES_IN_SHOPS]
    return [
        {"id": f"n{level}{number:02d}", "floor": floor, "x_m": x, "y_m": y, "z_m": z}
        for number, (at, z) in enumerate(places, start=1)
        for x, y in [bend(*at)]
    ]
