"""The mall as its simulated visitors meet it: rooms, walls, and the doors in the walls.

A site file knows areas only. Here a wall stands wherever two rooms meet, except between places that are open
to each other (promenades, entrances, escalators), and every closed room gets doors towards an open one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
import shapely.ops
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon, shape
from shapely.ops import linemerge, substring

from contracts.errors import ConfigurationError
from contracts.site import Floor, Site, Zone, ZoneKind
from contracts.site.model import Area

CELL_M = 0.5
"""Cell of the raster that says which zone a point is in."""
OUTSIDE = -1

DOOR_EVERY_M = 15.0
"""A shop front gets one door for about this much of its length."""
DOOR_M = (2.4, 6.0)
"""The narrowest and the widest door."""
MIN_FRONT_M = 3.0
"""A room meets its neighbour along at least this, or there is no door."""

PARTITION_DB, FRONT_DB, SOLID_DB, FACADE_DB = 4.0, 2.5, 8.0, 12.0
"""Loss through plasterboard, a glazed front, masonry and a facade at 2.4 GHz (after ITU-R P.2040)."""
SOLID = frozenset({"department", "grocery", "entertainment", "food_court"})
"""Trades whose rooms have masonry walls."""


@dataclass(frozen=True, slots=True)
class Door:
    """An opening between a room and the place in front of it, by index of their zones."""

    room: int
    outside: int
    line: LineString


@dataclass(frozen=True, slots=True)
class Storey:
    """A floor with its walls. Zone numbers count over the whole site, in the order of `Site.zones()`."""

    id: str
    outline: Polygon | MultiPolygon
    zones: range
    areas: list[Polygon | MultiPolygon]
    doors: list[Door]
    gates: list[tuple[int, Point]]
    """Entrances, by zone, with the point where people come in from outside."""
    walls_m: npt.NDArray[np.float64]
    """(W, 4): both ends of each straight piece of wall, x0 y0 x1 y1."""
    loss_db: npt.NDArray[np.float64]
    """(W,): what a straight ray loses in it."""


@dataclass(frozen=True, slots=True)
class Building:
    """All floors, and a raster over them: `zone_of[floor, row, column]`, `OUTSIDE` where nobody can be."""

    site: Site
    storeys: list[Storey]
    zones: list[Zone]
    zone_floor: npt.NDArray[np.int64]
    origin_m: tuple[float, float]
    zone_of: npt.NDArray[np.int16]

    @classmethod
    def of(cls, site: Site) -> "Building":
        """Build the walls of a site.

        Raises:
            ConfigurationError: a room touches no corridor, or nobody can enter.

        """
        storeys: list[Storey] = []
        first = 0
        for floor in site.floors:
            storeys.append(_storey(floor, first))
            first += len(floor.zones)
        if not any(storey.gates for storey in storeys):
            raise ConfigurationError(
                f"nobody can enter the mall {site.mall.id!r}",
                "A simulated mall needs a zone of kind `entrance` that touches the outline of its floor.",
            )
        bounds = np.array([storey.outline.bounds for storey in storeys])
        origin = (float(np.floor(bounds[:, 0].min())), float(np.floor(bounds[:, 1].min())))
        size = np.ceil((bounds[:, 2:].max(axis=0) - origin) / CELL_M).astype(int)
        raster = np.full((len(storeys), size[1], size[0]), OUTSIDE, dtype=np.int16)
        for storey, layer in zip(storeys, raster, strict=True):
            _paint(storey, layer, origin)
        zones = [zone for _, zone in site.zones()]
        level = np.concatenate([np.full(len(s.zones), i) for i, s in enumerate(storeys)])
        return cls(site, storeys, zones, level, origin, raster)

    def zones_at(
        self, floor: npt.NDArray[np.integer], x_m: npt.NDArray[np.floating], y_m: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.int16]:
        """Return the zone number at each point (N,), `OUTSIDE` where there is none."""
        column = np.floor((x_m - self.origin_m[0]) / CELL_M).astype(np.int64)
        row = np.floor((y_m - self.origin_m[1]) / CELL_M).astype(np.int64)
        _, rows, columns = self.zone_of.shape
        inside = (column >= 0) & (row >= 0) & (column < columns) & (row < rows)
        zone = self.zone_of[floor, row.clip(0, rows - 1), column.clip(0, columns - 1)]
        return np.where(inside, zone, OUTSIDE).astype(np.int16)


def is_open(zone: Zone) -> bool:
    """Tell whether a zone has no walls of its own: people stroll in and out of it everywhere."""
    escalator = zone.kind is ZoneKind.VERTICAL and "lift" not in zone.id
    return escalator or zone.kind in (ZoneKind.CORRIDOR, ZoneKind.ENTRANCE)


def _storey(floor: Floor, first: int) -> Storey:
    outline = _shape(floor.outline)
    areas = [_shape(zone.area) for zone in floor.zones]
    pieces: list[tuple[LineString, float]] = []
    doors: list[Door] = []
    for i, j, line in _shared(areas):
        a, b = floor.zones[i], floor.zones[j]
        if is_open(a) and is_open(b):
            continue
        if not is_open(a) and not is_open(b):
            pieces.append((line, SOLID_DB if {a.category, b.category} & SOLID else PARTITION_DB))
            continue
        room, outside = (j, i) if is_open(a) else (i, j)
        openings = _openings(line, floor.zones[room], floor.zones[outside])
        doors += [Door(first + room, first + outside, opening) for opening in openings]
        glass = _lines(shapely.difference(line, shapely.union_all(openings).buffer(1e-6, cap_style="flat")))
        pieces += [(piece, SOLID_DB if floor.zones[room].category in SOLID else FRONT_DB) for piece in glass]
    closed = {first + n for n, zone in enumerate(floor.zones) if not is_open(zone)}
    if locked := closed - {door.room for door in doors}:
        names = ", ".join(floor.zones[n - first].id for n in sorted(locked))
        raise ConfigurationError(
            f"floor {floor.id}: nobody can reach {names}",
            f"A room must share at least {MIN_FRONT_M:g} m of its boundary with a corridor or an entrance.",
        )
    pieces += [(line, FACADE_DB) for line in _lines(outline.boundary)]
    gates = list(_gates(floor, areas, outline, first))
    ends = [(*p, *q, loss) for line, loss in pieces for p, q in pairwise(line.coords)]
    table = np.array(ends, dtype=np.float64).reshape(-1, 5)
    zones = range(first, first + len(areas))
    return Storey(floor.id, outline, zones, areas, doors, gates, table[:, :4], table[:, 4])


def _shape(area: Area) -> Polygon | MultiPolygon:
    drawn = shape(area.model_dump())
    assert isinstance(drawn, Polygon | MultiPolygon)  # noqa: S101  # the site file allows nothing else
    return drawn


def _shared(areas: list[Polygon | MultiPolygon]) -> Iterator[tuple[int, int, LineString]]:
    """Yield every line along which two areas meet."""
    tree = shapely.STRtree(areas)
    for i, j in sorted(zip(*tree.query(areas, predicate="intersects").tolist(), strict=True)):
        if i < j:
            for line in _lines(areas[i].boundary.intersection(areas[j].boundary)):
                yield i, j, line


def _lines(geometry: shapely.Geometry) -> list[LineString]:
    """Return the lines of a geometry, joined where they continue each other; points are left out."""
    parts = [part for part in shapely.get_parts(geometry).tolist() if isinstance(part, LineString)]
    if not parts:
        return []
    merged = linemerge(MultiLineString(parts)) if len(parts) > 1 else parts[0]
    return [part for part in shapely.get_parts(merged).tolist() if isinstance(part, LineString)]


def _openings(front: LineString, room: Zone, outside: Zone) -> list[LineString]:
    """Return the doors in a front; a shop beside an entrance hall opens to the promenade only."""
    if front.length < MIN_FRONT_M or outside.kind is not ZoneKind.CORRIDOR:
        return []
    narrow, wide = DOOR_M
    count = max(1, round(front.length / DOOR_EVERY_M)) if room.kind is ZoneKind.SHOP else 1
    width = wide if room.kind is ZoneKind.SHOP else narrow
    width = min(max(narrow, 0.5 * front.length / count), width, front.length - 0.4)
    middles = (np.arange(count) + 0.5) * front.length / count
    cuts = (substring(front, middle - width / 2, middle + width / 2) for middle in middles)
    return [cut for cut in cuts if isinstance(cut, LineString)]


def _gates(
    floor: Floor, areas: list[Polygon | MultiPolygon], outline: Polygon | MultiPolygon, first: int
) -> Iterator[tuple[int, Point]]:
    for number, (zone, area) in enumerate(zip(floor.zones, areas, strict=True)):
        if zone.kind is ZoneKind.ENTRANCE:
            for line in _lines(area.boundary.intersection(outline.boundary))[:1]:
                inner = area.buffer(-1.0)
                threshold = line.interpolate(0.5, normalized=True)
                yield first + number, shapely.ops.nearest_points(inner, threshold)[0]


def _paint(storey: Storey, layer: npt.NDArray[np.int16], origin: tuple[float, float]) -> None:
    """Write each area's zone number into the cells whose middle it covers."""
    for number, area in zip(storey.zones, storey.areas, strict=True):
        x0, y0, x1, y1 = area.bounds
        columns = slice(int((x0 - origin[0]) / CELL_M), int((x1 - origin[0]) / CELL_M) + 1)
        rows = slice(int((y0 - origin[1]) / CELL_M), int((y1 - origin[1]) / CELL_M) + 1)
        part = layer[rows, columns]
        x = origin[0] + (np.arange(columns.start, columns.start + part.shape[1]) + 0.5) * CELL_M
        y = origin[1] + (np.arange(rows.start, rows.start + part.shape[0]) + 0.5) * CELL_M
        part[shapely.contains_xy(area, *np.meshgrid(x, y))] = number
