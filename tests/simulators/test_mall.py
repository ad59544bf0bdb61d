"""The simulated mall: its plan, its walls and its ways."""

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Point, shape

from contracts.errors import ConfigurationError
from contracts.site import Floor, Site, ZoneKind, dump_site, parse_site
from simulators import mall
from simulators.building import OUTSIDE, Building
from simulators.drawing import room_at
from simulators.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """Return the simulated mall, built."""
    return World.of(mall.site())


def test_the_mall_survives_its_site_file() -> None:
    """What is written as a site file reads back as the same mall."""
    assert parse_site(dump_site(mall.site()), "mall.yaml") == mall.site()


def test_the_mall_has_what_a_mall_has() -> None:
    """Two floors with forty and more named shops, ways in, ways up, a food court, and nodes on both."""
    zones = [zone for _, zone in mall.site().zones()]
    shops = [zone for zone in zones if zone.kind is ZoneKind.SHOP]
    assert len(shops) >= 40
    assert len({zone.name.zh for zone in shops}) == len(shops)
    assert {"grocery", "department", "food_court", "cafe"} <= {zone.category for zone in shops}
    assert sum(zone.kind is ZoneKind.ENTRANCE for zone in zones) >= 3
    assert all(zone.connects for zone in zones if zone.kind is ZoneKind.VERTICAL)
    nodes = mall.site().nodes
    assert 28 <= len(nodes) <= 36
    assert all(3 <= node.z_m <= 4 for node in nodes)


@pytest.mark.parametrize("floor", mall.site().floors, ids=lambda floor: floor.id)
def test_zones_tile_the_floor(floor: Floor) -> None:
    """The zones of a floor are valid, do not overlap, and leave no gap inside the outline."""
    areas = [shape(zone.area.model_dump()) for zone in floor.zones]
    outline = shape(floor.outline.model_dump())
    assert all(area.is_valid for area in areas)
    assert shapely.coverage_is_valid(areas)
    assert sum(area.area for area in areas) == pytest.approx(outline.area)
    assert shapely.union_all(areas).symmetric_difference(outline).area == pytest.approx(0.0, abs=1e-6)


def test_nodes_hang_inside_their_floors() -> None:
    """Every node is inside the outline of the floor it hangs over."""
    site = mall.site()
    for node in site.nodes:
        assert shape(site.floor(node.floor).outline.model_dump()).covers(Point(node.x_m, node.y_m)), node.id


def test_the_atrium_is_open_above() -> None:
    """The middle of the atrium is a place on the ground floor and a hole in the upper one."""
    building = World.of(mall.site()).building
    middle = np.array([80.0]), np.array([47.0])
    assert building.zones[building.zones_at(np.array([0]), *middle)[0]].id == "atrium"
    assert building.zones_at(np.array([1]), *middle)[0] == OUTSIDE


def test_every_room_has_a_door_and_no_wall_in_it(world: World) -> None:
    """Each closed room has doors towards a promenade, and no wall stands in a doorway."""
    for storey in world.building.storeys:
        walls = shapely.union_all([LineString(w.reshape(2, 2)) for w in storey.walls_m])
        for door in storey.doors:
            middle = door.line.interpolate(0.5, normalized=True)
            assert walls.distance(middle) > 1.0
            assert world.building.zones[door.outside].kind is ZoneKind.CORRIDOR
        with_doors = {door.room for door in storey.doors}
        shops = {n for n in storey.zones if world.building.zones[n].kind is ZoneKind.SHOP}
        assert shops <= with_doors


def test_points_lie_in_the_zone_the_raster_says(world: World) -> None:
    """The raster of zones agrees with the polygons."""
    stops = np.concatenate(world.walkways.points_of)
    x, y = world.walkways.xy_m[stops].T
    found = world.building.zones_at(world.walkways.floor[stops], x, y)
    assert (found == world.walkways.zone[stops]).mean() > 0.99


def test_ways_lead_from_start_to_end(world: World) -> None:
    """A way begins and ends where asked, and none of its steps crosses a wall, whatever the habit."""
    ways = world.walkways
    rng = np.random.default_rng(5)
    start, end = rng.integers(0, ways.first[1], (2, 200))
    pair, point = ways.ways(start, end, rng.integers(0, 3, 200))
    firsts = np.searchsorted(pair, np.arange(200))
    lasts = np.append(firsts[1:], len(pair)) - 1
    assert (point[firsts] == start).all()
    assert (point[lasts] == end).all()
    walls = shapely.union_all([LineString(w.reshape(2, 2)) for w in world.building.storeys[0].walls_m])
    shapely.prepare(walls)
    steps = [LineString(ways.xy_m[point[a : b + 1]]) for a, b in zip(firsts, lasts, strict=True) if b > a]
    assert not shapely.intersects(walls, steps).any()


def test_a_mall_nobody_can_enter_is_refused() -> None:
    """A site without an entrance stops with words on what it needs."""
    values = mall.site().model_dump(mode="json")
    for floor in values["floors"]:
        for zone in floor["zones"]:
            zone["kind"] = "corridor" if zone["kind"] == "entrance" else zone["kind"]
    with pytest.raises(ConfigurationError, match="nobody can enter"):
        Building.of(Site.model_validate(values))


def test_a_room_without_a_door_is_refused() -> None:
    """A shop that touches no corridor is named in the error."""
    values = mall.site().model_dump(mode="json")
    for floor in values["floors"]:
        for zone in floor["zones"]:
            zone["kind"] = "shop" if zone["id"] == "north-passage-1" else zone["kind"]
            zone["kind"] = "shop" if zone["kind"] == "corridor" and floor["id"] == "F1" else zone["kind"]
    with pytest.raises(ConfigurationError, match="nobody can reach"):
        Building.of(Site.model_validate(values))


def test_a_room_drawn_outside_is_refused() -> None:
    """A directory entry with no room around it says which."""
    with pytest.raises(ValueError, match="kiosk is drawn at"):
        room_at([], (0, 0), "kiosk")
