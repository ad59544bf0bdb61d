"""Where people can walk: a roadmap of points and straight steps that keep clear of every wall.

A probabilistic roadmap (Kavraki et al. 1996): points scattered over each room, joined where a person can walk
straight from one to the other. Every way anybody takes is made of its steps, so nobody walks through a wall.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from contracts.errors import ConfigurationError
from contracts.site import ZoneKind
from simulators.building import Building, Storey, is_open

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLEAR_M = 0.5
"""A step keeps this far from walls, so a person may stray by less than this from it."""
SPACING_M, LARGE_M2 = (2.6, 5.5), 900.0
"""Distance between points in the smallest rooms and in those of at least so many square metres."""
HABITS = 3
"""People differ in the way they take: so many roadmaps of the same points, each with its own preferences."""
WHIM = 0.35
"""In one of them a step may seem this much longer than it is."""
REACH_M = 7.5
"""The longest straight step."""
DETOUR = {True: 1.0, False: 2.0}
"""People prefer open places: a metre in a room counts double, so nobody takes a short cut through a shop."""
ESCALATOR_S, LIFT_S = 24.0, 50.0
"""From step-on to step-off over one storey at 0.5 m/s; from pressing the button to getting out."""


@dataclass(frozen=True, slots=True)
class Ride:
    """A way between two floors: the points where one gets on and off, and how long it takes."""

    start: int
    end: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Walkways:
    """The roadmap of a building. Points are numbered over all floors."""

    xy_m: Floats
    """(P, 2)"""
    floor: Ints
    """(P,)"""
    zone: Ints
    """(P,) the zone each point lies in."""
    points_of: list[Ints]
    """Points people may stop at, for each zone; doors are left out."""
    gates: Ints
    """Points where people enter and leave the mall."""
    rides: list[Ride]
    first: Ints
    """(F + 1,) the first point of each floor."""
    effort_m: list[Floats]
    """Length of the way between any two points of a floor, (n, n), where a metre in a room counts double."""
    towards: list[npt.NDArray[np.int16]]
    """`towards[f][h, b, a]`: the next point on the way from a to b for habit h, numbered within the floor."""

    @classmethod
    def of(cls, building: Building, seed: int = 1) -> "Walkways":
        """Scatter the points and find all shortest ways; the same seed gives the same roadmap.

        Raises:
            ConfigurationError: some room cannot be reached.

        """
        rng = np.random.default_rng(seed)
        floors = [_points(building, storey, rng) for storey in building.storeys]
        first = np.cumsum([0, *(len(xy) for xy, *_ in floors)])
        efforts, nexts = [], []
        for storey, (xy, zones, *_) in zip(building.storeys, floors, strict=True):
            weight = np.array([DETOUR[is_open(building.zones[number])] for number in zones])
            steps = _steps(storey, xy, weight, _barriers(building, storey))
            ways = [_shortest_ways(steps, rng) for _ in range(HABITS)]
            effort = ways[0][0]
            if not np.isfinite(effort).all():
                raise ConfigurationError(
                    f"floor {storey.id}: some places cannot be reached from others on foot",
                    f"Corridors and doors must leave {2 * CLEAR_M:g} m of room between walls.",
                )
            efforts.append(effort)
            nexts.append(np.stack([towards for _, towards in ways]))
        xy = np.concatenate([points for points, *_ in floors])
        zone = np.concatenate([zones for _, zones, _, _ in floors])
        doors = np.concatenate([is_door for _, _, is_door, _ in floors])
        gates = np.concatenate(
            [numbers + start for (*_, numbers), start in zip(floors, first[:-1], strict=True)]
        )
        floor = np.concatenate([np.full(len(points), n) for n, (points, *_) in enumerate(floors)])
        stops = [np.flatnonzero((zone == number) & ~doors) for number in range(len(building.zones))]
        rides = list(_rides(building, stops, xy))
        return cls(xy, floor, zone, stops, gates, rides, first, efforts, nexts)

    def ways(self, start: Ints, end: Ints, habit: Ints) -> tuple[Ints, Ints]:
        """Return the ways between pairs of points of one floor each, as columns.

        For pairs (N,) and the habit of who walks them (N,), in [0, HABITS), returns (pair, point): all points
        of way 0 from its start to its end, then of way 1, ...
        """
        floor = self.floor[start]
        here, goal = start - self.first[floor], end - self.first[floor]
        pair = np.arange(len(start))
        pairs, points = [pair], [start]
        while True:
            on_the_way = here != goal
            pair, here, goal = pair[on_the_way], here[on_the_way], goal[on_the_way]
            floor, habit = floor[on_the_way], habit[on_the_way]
            if not len(pair):
                break
            for number, towards in enumerate(self.towards):
                on = floor == number
                here[on] = towards[habit[on], goal[on], here[on]]
            pairs.append(pair)
            points.append(here + self.first[floor])
        column = np.concatenate(pairs)
        order = np.argsort(column, kind="stable")
        return column[order], np.concatenate(points)[order]

    def effort(self, start: Ints, end: Ints) -> Floats:
        """Return the effort in metres between each pair of points, (N,); infinite between floors."""
        result = np.full(len(start), np.inf)
        same = self.floor[start] == self.floor[end]
        for number, effort_m in enumerate(self.effort_m):
            on = same & (self.floor[start] == number)
            result[on] = effort_m[start[on] - self.first[number], end[on] - self.first[number]]
        return result


def _points(
    building: Building, storey: Storey, rng: np.random.Generator
) -> tuple[Floats, Ints, npt.NDArray[np.bool_], Ints]:
    """Return the points of a floor, the zone of each, which are doors, and which are gates."""
    xy: list[Floats] = []
    zones: list[int] = []
    barriers = shapely.union_all(_barriers(building, storey))
    shapely.prepare(barriers)
    for number, area in zip(storey.zones, storey.areas, strict=True):
        zone = building.zones[number]
        small, large = SPACING_M
        spots = _scatter(area, small + min(1.0, area.area / LARGE_M2) * (large - small), rng)
        if is_open(zone) and zone.kind is ZoneKind.VERTICAL:
            spots = _ends(area)
        keep = ~np.asarray(shapely.dwithin(barriers, shapely.points(spots), 2 * CLEAR_M))
        spots = spots[keep] if keep.any() else shapely.get_coordinates(area.representative_point())
        xy.append(spots)
        zones += [number] * len(spots)
    rooms = len(zones)
    doors = [door.line.interpolate(0.5, normalized=True) for door in storey.doors]
    gates = [point for _, point in storey.gates]
    zones += [door.room for door in storey.doors] + [number for number, _ in storey.gates]
    is_door = np.zeros(len(zones), dtype=np.bool_)
    is_door[rooms : rooms + len(doors)] = True
    every = np.concatenate([*xy, shapely.get_coordinates([*doors, *gates])])
    return every, np.array(zones), is_door, np.arange(rooms + len(doors), len(zones))


def _scatter(area: BaseGeometry, spacing_m: float, rng: np.random.Generator) -> Floats:
    """Return points of a shaken hexagonal grid over an area."""
    x0, y0, x1, y1 = area.bounds
    row_m = spacing_m * 3**0.5 / 2
    y, x = np.meshgrid(np.arange(y0, y1, row_m), np.arange(x0 - spacing_m, x1, spacing_m), indexing="ij")
    x = x + spacing_m / 2 * (np.arange(len(x)) % 2)[:, None]
    spots = np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-0.25, 0.25, (x.size, 2)) * spacing_m
    kept: Floats = spots[shapely.contains_xy(area, spots)]
    return kept


def _ends(area: BaseGeometry) -> Floats:
    """Return the two ends of an escalator, half a metre inside its narrow sides."""
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(area))[:4]
    sides = np.roll(corners, -1, axis=0) - corners
    short = int(np.argmin(np.hypot(*sides[:2].T)))
    middles = (corners + np.roll(corners, -1, axis=0))[[short, short + 2]] / 2
    along = (middles[1] - middles[0]) / np.hypot(*(middles[1] - middles[0]))
    ends: Floats = np.array([middles[0] + 0.5 * along, middles[1] - 0.5 * along])
    return ends


def _barriers(building: Building, storey: Storey) -> list[LineString]:
    """Return what nobody walks through: the walls, and the long sides of escalators."""
    lines = [LineString([(x0, y0), (x1, y1)]) for x0, y0, x1, y1 in storey.walls_m.tolist()]
    for number, area in zip(storey.zones, storey.areas, strict=True):
        zone = building.zones[number]
        if zone.kind is ZoneKind.VERTICAL and is_open(zone):
            corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(area))
            sides = [LineString(corners[n : n + 2]) for n in range(4)]
            lines += sorted(sides, key=lambda side: side.length)[2:]
    return lines


def _steps(storey: Storey, xy: Floats, weight: Floats, barriers: list[LineString]) -> csr_array:
    """Return the graph of all straight steps clear of walls and rails; lengths in weighted metres."""
    points = [Point(x, y) for x, y in xy.tolist()]
    a, b = shapely.STRtree(points).query(points, predicate="dwithin", distance=REACH_M)
    a, b = a[a < b], b[a < b]
    lines = [LineString(pair) for pair in np.stack([xy[a], xy[b]], axis=1)]
    walkable = np.asarray(shapely.covers(storey.outline, lines))
    walkable[shapely.STRtree(barriers).query(lines, predicate="dwithin", distance=CLEAR_M)[0]] = False
    a, b = a[walkable], b[walkable]
    effort = np.hypot(*(xy[a] - xy[b]).T) * (weight[a] + weight[b]) / 2
    both = np.concatenate([a, b]), np.concatenate([b, a])
    return csr_array((np.tile(effort, 2), both), shape=(len(xy), len(xy)))


def _shortest_ways(steps: csr_array, rng: np.random.Generator) -> tuple[Floats, npt.NDArray[np.int16]]:
    """Return the effort of all ways, and for each goal (row) the next point from each point (column)."""
    taste = rng.uniform(1.0, 1.0 + WHIM, steps.nnz)
    whim = csr_array((steps.data * taste, steps.indices, steps.indptr), shape=steps.shape)
    effort, before = dijkstra(whim, directed=False, return_predecessors=True)
    return effort, before.astype(np.int16)


def _rides(building: Building, stops: list[Ints], xy: Floats) -> Iterator[Ride]:
    """Yield the rides between vertical zones that lie above each other and name each other's floor."""
    floors = [storey.id for storey in building.storeys]
    vertical = [n for n, zone in enumerate(building.zones) if zone.kind is ZoneKind.VERTICAL]
    for low in vertical:
        for high in vertical:
            level, upper = int(building.zone_floor[low]), int(building.zone_floor[high])
            if upper != level + 1 or floors[upper] not in building.zones[low].connects:
                continue
            if np.hypot(*(xy[stops[low]].mean(axis=0) - xy[stops[high]].mean(axis=0))) > 3.0:
                continue
            if is_open(building.zones[low]):
                yield from _escalator(stops[low], stops[high])
            else:
                yield Ride(int(stops[low][0]), int(stops[high][0]), LIFT_S)
                yield Ride(int(stops[high][0]), int(stops[low][0]), LIFT_S)


def _escalator(low: Ints, high: Ints) -> Iterator[Ride]:
    """Yield the two lanes of an escalator: both get off at the end opposite to where they get on."""
    yield Ride(int(low[0]), int(high[-1]), ESCALATOR_S)
    yield Ride(int(high[-1]), int(low[0]), ESCALATOR_S)
