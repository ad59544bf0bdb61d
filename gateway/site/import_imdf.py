"""From an IMDF archive to a site: levels become floors, units become zones, in metres at the venue."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from contracts.errors import ConfigurationError
from contracts.site import Floor, Georeference, Mall, Name, Site, Zone, ZoneKind
from gateway.site.compose import Part, compose
from gateway.site.imdf_archive import Archive, Feature, plan
from gateway.site.imdf_units import Contents, is_closed, place_of
from gateway.site.imported import Imported
from gateway.site.places import Ids, Place, slug_of
from gateway.site.shapes import Shape, area_of, repaired, shape_of, united, without, without_slivers

FLOOR_HEIGHT_M = 5.0
"""From slab to slab; IMDF knows the order of levels but not their heights."""

ENTRANCE_M = 4.0
"""How far from a main door the entrance zone reaches."""

ORDER = (ZoneKind.VERTICAL, ZoneKind.SHOP, ZoneKind.FACILITY, ZoneKind.ENTRANCE, ZoneKind.CORRIDOR)
"""Who keeps the ground where units overlap."""


def import_imdf(path: Path) -> Imported:
    """Make a site of an IMDF archive, a .zip file or a folder. It has no nodes yet: IMDF knows none.

    Raises:
        ConfigurationError: it is no IMDF 1.x archive, or lacks venue, levels or units.

    """
    archive = Archive(path)
    venue = archive.features("venue", required=True)[0]
    if venue.geometry is None or venue.geometry.is_empty:
        raise ConfigurationError(f"{venue.where}: geometry: expected the polygon of the venue")
    west, south, _, _ = venue.geometry.bounds
    frame = Georeference(lat=round(south, 9), lon=round(west, 9))
    notes: list[str] = []
    levels = _by_ordinal(archive, notes)
    units = _by_level(archive.features("unit", required=True), levels, notes)
    openings = _by_level(archive.features("opening"), levels, notes)
    contents, ids = Contents.of(archive), Ids()
    floors = [
        _floor(
            archive, ordinal, levels[ordinal], units[ordinal], openings[ordinal], contents, frame, ids, notes
        )
        for ordinal in sorted(levels)
    ]
    notes.append("IMDF knows no nodes: list where yours hang under nodes")
    notes.append("the time zone is a guess: IMDF has none")
    if len(floors) > 1:
        notes.append(f"floors were put {FLOOR_HEIGHT_M} m apart: correct elevation_m where you know better")
    name = archive.name(venue.properties.get("name"), path.stem) or Name(en="Mall", zh="商场")
    return Imported(
        Site(
            version=1,
            mall=Mall(id=slug_of(name.en) or slug_of(path.stem) or "mall", name=name),
            georeference=frame,
            floors=_connected(floors),
        ),
        notes,
    )


def _by_ordinal(archive: Archive, notes: list[str]) -> dict[int, list[Feature]]:
    """Return the indoor levels by ordinal; those of several buildings at one height are one floor."""
    levels: dict[int, list[Feature]] = defaultdict(list)
    for level in archive.features("level", required=True):
        ordinal = level.properties.get("ordinal")
        if not isinstance(ordinal, int | float) or isinstance(ordinal, bool) or level.geometry is None:
            raise ConfigurationError(f"{level.where}: expected a polygon and an ordinal, found {ordinal!r}")
        if level.properties.get("outdoor"):
            notes.append(f"level {ordinal:g} left out: it is outdoors")
        else:
            levels[round(ordinal)].append(level)
    if not levels:
        raise ConfigurationError(
            f"{archive.path}: level.geojson: no indoor level", "Is `outdoor` set by mistake?"
        )
    return levels


def _by_level(
    features: Iterable[Feature], levels: dict[int, list[Feature]], notes: list[str]
) -> dict[int, list[Feature]]:
    """Return features by the ordinal of the level they are on; the rest is left out with a note."""
    ordinal_of = {level.id: ordinal for ordinal, same in levels.items() for level in same}
    found: dict[int, list[Feature]] = defaultdict(list)
    lost = 0
    for feature in features:
        ordinal = ordinal_of.get(feature.text("level_id"))
        if ordinal is None or feature.geometry is None:
            lost += 1
        else:
            found[ordinal].append(feature)
    if lost:
        notes.append(
            f"{lost} features left out: no geometry, or a level that is not in the archive or outdoors"
        )
    return found


def _floor(
    archive: Archive,
    ordinal: int,
    levels: list[Feature],
    units: list[Feature],
    openings: list[Feature],
    contents: Contents,
    frame: Georeference,
    ids: Ids,
    notes: list[str],
) -> Floor:
    name = archive.name(levels[0].properties.get("name")) or Name(en=f"Level {ordinal}", zh=f"{ordinal} 层")
    short = archive.name(levels[0].properties.get("short_name"))
    floor_id = slug_of(short.en).upper() if short and slug_of(short.en) else f"L{ordinal}".replace("-", "B")
    shapes = [(unit, repaired(plan(unit.geometry, frame))) for unit in units if unit.geometry is not None]
    closed = [shape for unit, shape in shapes if is_closed(unit)]
    whole = united([repaired(plan(level.geometry, frame)) for level in levels if level.geometry is not None])
    outline = without_slivers(without(whole, closed))
    if outline.is_empty:
        raise ConfigurationError(f"{levels[0].where}: nothing of the level is open to the public")
    parts = [
        Part(place.name.en, place, shape)
        for unit, shape in shapes
        if not is_closed(unit) and not shape.is_empty
        for place in [place_of(archive, unit, contents)]
    ]
    parts += _entrances(archive, openings, whole, frame)
    parts.sort(key=lambda part: ORDER.index(part.place.kind))
    return Floor(
        id=floor_id,
        name=name,
        level=ordinal,
        elevation_m=ordinal * FLOOR_HEIGHT_M,
        outline=area_of(outline),
        zones=[zone for _, zone in compose(outline, parts, floor_id, ids, notes)],
    )


def _entrances(archive: Archive, openings: list[Feature], whole: Shape, frame: Georeference) -> list[Part]:
    """Return a zone behind each main door in the outer wall."""
    parts = []
    for opening in openings:
        if opening.text("category") != "pedestrian.principal" or opening.geometry is None:
            continue
        door = plan(opening.geometry, frame)
        if whole.boundary.distance(door) < 1.0:
            name = archive.name(opening.properties.get("name")) or Name(en="Entrance", zh="出入口")
            parts.append(Part(name.en, Place(name, ZoneKind.ENTRANCE), repaired(_inside(door, whole))))
    return parts


def _inside(door: BaseGeometry, whole: Shape) -> BaseGeometry:
    return shapely.intersection(door.buffer(ENTRANCE_M), whole)


def _connected(floors: list[Floor]) -> list[Floor]:
    """Return the floors with their vertical zones connected where two of one kind stand above each other."""
    vertical = [
        (floor.id, zone, shape_of(zone.area)) for floor in floors for zone in floor.zones if _goes_up(zone)
    ]
    connects = {
        zone.id: [
            other_floor
            for other_floor, other, other_shape in vertical
            if other_floor != floor_id and other.category == zone.category and shape.intersects(other_shape)
        ]
        for floor_id, zone, shape in vertical
    }
    return [
        floor.model_copy(
            update={
                "zones": [
                    zone.model_copy(update={"connects": connects.get(zone.id, [])}) for zone in floor.zones
                ]
            }
        )
        for floor in floors
    ]


def _goes_up(zone: Zone) -> bool:
    return zone.kind == ZoneKind.VERTICAL
