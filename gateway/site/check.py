"""What the parser of site files cannot see: lines that cross, shops that overlap, nodes outside."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Point
from shapely.geometry.base import BaseGeometry

from contracts.site import Floor, Georeference, KeyPath, Node, Site, Zone, ZoneKind
from gateway.site.finding import Finding, Severity
from gateway.site.shapes import shape_of

SLACK_M2 = 0.5
"""Areas this small are drawing errors that no estimate of a position can notice."""

MIN_ZONE_M2 = 4.0
"""Below this, position estimates cannot tell who is inside."""

MIN_NODES = 3
"""Fewer nodes on a floor leave a position ambiguous."""

NEAR_M, FAR_M = 1.0, 10.0
"""Between these distances outside the outline a node may hang on the outer wall; further out is a mistake."""

SAME_PLACE_M = 0.1

DEGREES_EXTENT = 0.1
"""A floor whose sides are shorter than this many units was written in degrees: a mall is never wider."""

LARGE_M = 2000.0
"""The largest malls are below a kilometre long."""


def check(site: Site) -> list[Finding]:
    """Return everything that is wrong with a site, floor by floor; an empty list if nothing is."""
    findings: list[Finding] = []
    for index, floor in enumerate(site.floors):
        nodes = [(i, node) for i, node in enumerate(site.nodes) if node.floor == floor.id]
        findings += _FloorCheck(floor, ("floors", index), nodes).findings()
    findings += _levels(site)
    findings += _cameras(site)
    if site.georeference == Georeference(lat=0, lon=0):
        findings.append(
            Finding(
                Severity.WARNING,
                ("georeference",),
                "the mall lies at latitude 0, longitude 0, in the Atlantic",
                "Put the place of (0, 0) of the plan, from any map; maps in Grafana and exports need it.",
            )
        )
    return findings


@dataclass(frozen=True)
class _FloorCheck:
    floor: Floor
    path: KeyPath
    nodes: list[tuple[int, Node]]

    def findings(self) -> list[Finding]:
        """Check extent first: on a floor in degrees all else would be noise."""
        outline = shape_of(self.floor.outline)
        if extent := list(self._extent(outline)):
            return extent
        valid = list(
            self._validity(outline, (*self.path, "outline"), f"the outline of floor {self.floor.id}")
        )
        # All that a broken outline may have meant: so that one mistake is told once.
        area = outline.convex_hull if valid else outline
        return [*valid, *self._zones(area), *self._nodes(area)]

    def _finding(
        self, severity: Severity, path: KeyPath, what: str, todo: str, at: BaseGeometry | None = None
    ) -> Finding:
        point = None if at is None or at.is_empty else at.representative_point()
        place = None if point is None else (point.x, point.y)
        return Finding(severity, path, what, todo, self.floor.id, place)

    def _extent(self, outline: MultiPolygon) -> Iterator[Finding]:
        x0, y0, x1, y1 = outline.bounds
        path, size = (*self.path, "outline"), f"{x1 - x0:.6g} x {y1 - y0:.6g}"
        if max(x1 - x0, y1 - y0) < DEGREES_EXTENT:
            yield self._finding(
                Severity.ERROR,
                path,
                f"floor {self.floor.id} measures {size} m: it looks like degrees rather than metres",
                "Write x and y in metres from a corner of the plan, and the corner's latitude and longitude "
                "under georeference; `mallsense site import` does that for IMDF archives.",
            )
        elif max(x1 - x0, y1 - y0) > LARGE_M:
            yield self._finding(
                Severity.ERROR,
                path,
                f"floor {self.floor.id} measures {size} m, more than any mall",
                "Write metres: divide millimetres by 1000, multiply feet by 0.3048.",
            )

    def _validity(self, shape: MultiPolygon, path: KeyPath, what: str) -> Iterator[Finding]:
        reason = shapely.is_valid_reason(shape)
        if reason == "Valid Geometry":
            return
        cause, _, place = reason.partition("[")
        x, y = (float(number) for number in place.rstrip("]").split()[:2]) if place else (0.0, 0.0)
        at = Point(x, y) if place else None
        where = f" at ({x:.2f}, {y:.2f})" if place else ""
        yield self._finding(
            Severity.ERROR,
            (*path, "coordinates"),
            f"{what} is not a valid polygon: {cause.strip().lower()}{where}",
            "Draw each ring once around without crossing itself; holes lie inside and parts do not overlap.",
            at,
        )

    def _zones(self, outline: BaseGeometry) -> Iterator[Finding]:
        if not self.floor.zones:
            yield self._finding(
                Severity.WARNING,
                self.path,
                f"floor {self.floor.id} has no zones",
                "Add zones: visits, dwell and occupancy are reported for them alone.",
            )
        shapes: list[BaseGeometry] = []
        for i, zone in enumerate(self.floor.zones):
            path = (*self.path, "zones", i)
            shape = shape_of(zone.area)
            invalid = list(self._validity(shape, (*path, "area"), f"zone {zone.id}"))
            yield from invalid
            good = shapely.make_valid(shape, method="structure") if invalid else shape
            shapes.append(good)
            yield from self._zone(zone, good, outline, path)
        yield from self._overlaps(shapes)

    def _zone(
        self, zone: Zone, shape: BaseGeometry, outline: BaseGeometry, path: KeyPath
    ) -> Iterator[Finding]:
        outside = shapely.difference(shape, outline)
        if outside.area > SLACK_M2:
            most = outside.area > shape.area / 2
            yield self._finding(
                Severity.ERROR if most else Severity.WARNING,
                (*path, "area"),
                f"{outside.area:.1f} of the {shape.area:.1f} m2 of zone {zone.id} lie outside the outline of "
                f"floor {self.floor.id}",
                "Correct the zone, or widen the outline: positions are only looked for inside it.",
                outside,
            )
        if shape.area < MIN_ZONE_M2:
            yield self._finding(
                Severity.WARNING,
                (*path, "area"),
                f"zone {zone.id} has {shape.area:.1f} m2",
                f"Merge it with a neighbour: below {MIN_ZONE_M2:g} m2 nobody can be told to be inside.",
                shape,
            )
        if zone.kind == ZoneKind.VERTICAL and not set(zone.connects) - {self.floor.id}:
            yield self._finding(
                Severity.WARNING,
                path,
                f"zone {zone.id} is vertical but connects to no other floor",
                "List under connects the floors that people get to from here.",
                shape,
            )

    def _overlaps(self, shapes: list[BaseGeometry]) -> Iterator[Finding]:
        tree = shapely.STRtree(shapes)
        geometries = np.array(shapes, dtype=object)
        for first, second in sorted(tree.query(geometries, predicate="intersects").T.tolist()):
            if first >= second:
                continue
            common = shapely.intersection(shapes[first], shapes[second])
            if common.area <= SLACK_M2:
                continue
            one, other = self.floor.zones[first], self.floor.zones[second]
            shops = one.kind == other.kind == ZoneKind.SHOP
            yield self._finding(
                Severity.ERROR if shops else Severity.WARNING,
                (*self.path, "zones", second, "area"),
                f"{other.kind} {other.id} overlaps {one.kind} {one.id} by {common.area:.1f} m2",
                "Draw the line between them once; a person there would be in both.",
                common,
            )

    def _nodes(self, outline: BaseGeometry) -> Iterator[Finding]:
        hearing = sum(node.hears for _, node in self.nodes)
        if hearing < MIN_NODES:
            yield self._finding(
                Severity.WARNING,
                self.path,
                f"floor {self.floor.id} has {hearing} nodes",
                f"Add nodes: a position needs {MIN_NODES} or more that hear the phone.",
            )
        for i, node in self.nodes:
            place = Point(node.x_m, node.y_m)
            # Nodes may hang over a void or in a closed room, so the holes of the outline count as inside.
            # Cameras alone are at the car park's gates, wherever these are.
            away = place.distance(_filled(outline)) if node.hears else 0.0
            if away > NEAR_M:
                yield self._finding(
                    Severity.ERROR if away > FAR_M else Severity.WARNING,
                    ("nodes", i),
                    f"node {node.id} at ({node.x_m:g}, {node.y_m:g}) hangs {away:.1f} m outside the outline "
                    f"of floor {self.floor.id}",
                    "Correct x_m and y_m (metres, x right, y up) or the floor it is on.",
                    place,
                )
        for (_, one), (i, other) in _close_pairs(self.nodes):
            yield self._finding(
                Severity.WARNING,
                ("nodes", i),
                f"node {other.id} hangs where node {one.id} does, at ({other.x_m:g}, {other.y_m:g})",
                "Measure both again, or remove the one that was copied.",
                Point(other.x_m, other.y_m),
            )


def _close_pairs(
    nodes: list[tuple[int, Node]],
) -> Iterator[tuple[tuple[int, Node], tuple[int, Node]]]:
    places = np.array([Point(node.x_m, node.y_m) for _, node in nodes], dtype=object)
    pairs = shapely.STRtree(places).query(places, predicate="dwithin", distance=SAME_PLACE_M).T.tolist()
    for first, second in sorted(pairs):
        if first < second and abs(nodes[first][1].z_m - nodes[second][1].z_m) < SAME_PLACE_M:
            yield nodes[first], nodes[second]


def _levels(site: Site) -> Iterator[Finding]:
    by_level = sorted(enumerate(site.floors), key=lambda item: item[1].level)
    for (_, low), (index, high) in pairwise(by_level):
        if low.level == high.level:
            what = f"floors {low.id} and {high.id} are both level {low.level}"
        elif low.elevation_m >= high.elevation_m:
            what = f"floor {high.id} is above {low.id} by level but not by elevation ({high.elevation_m:g} m)"
        else:
            continue
        todo = "Number levels from the bottom; elevation_m is the height of the slab above the mall's zero."
        yield Finding(Severity.WARNING, ("floors", index, "level"), what, todo, high.id)


def _filled(shape: BaseGeometry) -> BaseGeometry:
    return shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(shape).tolist()])


def _cameras(site: Site) -> Iterator[Finding]:
    """Cameras that read plates for nobody."""
    at_gates = {gate.camera for gate in site.car_park.gates} if site.car_park is not None else set()
    todo = (
        "Add a gate with it, or take the camera out." if at_gates else "Add car_park: with areas and gates."
    )
    for index, node in enumerate(site.nodes):
        for number, camera in enumerate(node.cameras):
            if camera.id not in at_gates:
                yield Finding(
                    Severity.WARNING,
                    ("nodes", index, "cameras", number),
                    f"camera {camera.id} stands at no gate of the car park: what it reads is left out",
                    todo,
                )
