"""From named shapes to the zones of a floor: inside its outline, without overlaps, and covering all of it."""

from dataclasses import dataclass

import shapely

from contracts.site import Name, Zone, ZoneKind
from gateway.site.check import MIN_ZONE_M2
from gateway.site.places import Ids, Place
from gateway.site.shapes import Shape, area_of, polygons_in, united, without, without_slivers

HALL_M2 = 50.0
"""A piece of corridor as large as this is a zone of its own; what is smaller goes with the largest."""

MIN_AREA_M2 = 0.5
"""What is cut off or left over and smaller is a gap between two lines."""

LONG_LIST = 12
"""So many notes of one kind are worth reading; more are counted."""


@dataclass(frozen=True)
class Part:
    """A place that a plan shows, with the shape it has there and what the plan calls it."""

    label: str
    place: Place
    shape: Shape


def compose(
    outline: Shape, parts: list[Part], floor: str, ids: Ids, notes: list[str]
) -> list[tuple[Shape, Zone]]:
    """Return the zones of a floor with their shapes: the parts in order, then what is left over as corridors.

    What lies outside the outline is cut off, with a note; what an earlier part has, a later one does not get.
    """
    zones: list[tuple[Shape, Zone]] = []
    small: list[str] = []
    for part in parts:
        inside = united([shapely.intersection(part.shape, outline)])
        if part.shape.area - inside.area > MIN_AREA_M2:
            notes.append(
                f"{floor}: {part.label}: {part.shape.area - inside.area:.1f} m2 outside the outline cut off"
            )
        shape = without(inside, [taken for taken, _ in zones])
        if shape.area < MIN_ZONE_M2:
            small.append(part.label)
        else:
            zones.append((shape, _zone(part.place, shape, floor, ids)))
    if small:
        shown = ", ".join(small[:LONG_LIST]) + (", ..." if len(small) > LONG_LIST else "")
        notes.append(f"{floor}: {len(small)} places below {MIN_ZONE_M2:g} m2 are no zones: {shown}")
    return zones + _corridors(outline, [shape for shape, _ in zones], floor, ids)


def _corridors(outline: Shape, zones: list[Shape], floor: str, ids: Ids) -> list[tuple[Shape, Zone]]:
    rest = sorted(polygons_in(without_slivers(without(outline, zones))), key=lambda part: -part.area)
    rest = [part for part in rest if part.area >= MIN_AREA_M2]
    if not rest or sum(part.area for part in rest) < MIN_ZONE_M2:
        return []
    halls = [part for part in rest[1:] if part.area >= HALL_M2]
    crumbs = [part for part in rest[1:] if part.area < HALL_M2]
    shapes = [united([rest[0], *crumbs]), *halls]
    corridors = []
    for i, shape in enumerate(shapes, 1):
        number = f" {i}" if len(shapes) > 1 else ""
        place = Place(Name(en=f"Corridor{number}", zh=f"走廊{number}"), ZoneKind.CORRIDOR)
        corridors.append((shape, _zone(place, shape, floor, ids)))
    return corridors


def _zone(place: Place, shape: Shape, floor: str, ids: Ids) -> Zone:
    return Zone(
        id=ids.take(floor, place.name.en),
        name=place.name,
        kind=place.kind,
        category=place.category,
        area=area_of(shape),
    )
