"""A floor of a site as a drawing: SVG written here, PNG rendered from it."""

from html import escape
from math import floor as round_down
from math import log10

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from contracts.errors import UnavailableError
from contracts.site import Floor, Node, Site, Zone, ZoneKind
from gateway.site.finding import Finding, Severity
from gateway.site.shapes import polygons_in, shape_of

WIDTH_PX = 1600
MARGIN_PX = 48
TITLE_PX = 44
FOOT_PX = 92
FONT = "'Inter', 'Noto Sans', 'Noto Sans CJK SC', 'DejaVu Sans', sans-serif"
LARGEST_PX, SMALLEST_PX = 24.0, 7.5
WIDE_ENOUGH = 0.7

COLOURS = {
    ZoneKind.SHOP: ("#dbe7f7", "#7d9cc8"),
    ZoneKind.CORRIDOR: ("#fbfaf6", "#d8d3c4"),
    ZoneKind.ENTRANCE: ("#d7f0dc", "#5fae74"),
    ZoneKind.VERTICAL: ("#fde6c8", "#d99a3d"),
    ZoneKind.FACILITY: ("#ece6f4", "#a792c5"),
}
"""Fill and stroke of each kind of zone."""

_STYLE = """\
text { fill: #26324a } .title { font-size: 26px; font-weight: 600 } .small { font-size: 13px; fill: #5b667d }
.outline { fill: #eef0f3; stroke: #39445c; stroke-width: 2.5 } .zone { stroke-width: 1 }
.node circle { fill: #c2304a; stroke: #fff; stroke-width: 1.5 }
.node text { font-size: 9.5px; fill: #8d1c33; paint-order: stroke; stroke: #fff; stroke-width: 2.5px }
.label { text-anchor: middle; dominant-baseline: central }
.mark { fill: none; stroke-width: 3 }"""


def draw_floor(site: Site, floor: Floor, findings: list[Finding] | None = None) -> str:
    """Return the SVG of a floor: outline, named zones, nodes, scale, north, and findings ringed."""
    outline = shape_of(floor.outline)
    nodes = [node for node in site.nodes if node.floor == floor.id]
    view = _View(
        shapely.union_all([outline.envelope, *(shapely.Point(node.x_m, node.y_m) for node in nodes)])
    )
    corridors_first = sorted(floor.zones, key=lambda zone: zone.kind != ZoneKind.CORRIDOR)
    title = f"{site.mall.name.en} · {floor.name.en}"
    marks = [finding for finding in findings or [] if finding.floor == floor.id and finding.at]
    size = f'viewBox="0 0 {WIDTH_PX} {view.height_px:.0f}" width="{WIDTH_PX}" height="{view.height_px:.0f}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text class="title" x="{MARGIN_PX}" y="46">{escape(title)}</text>',
            f'<path class="outline" fill-rule="evenodd" d="{view.path(outline)}"/>',
            *(_zone(view, zone) for zone in corridors_first),
            *(_label(view, zone) for zone in corridors_first),
            *(_node(view, node) for node in nodes),
            *(_mark(view, finding) for finding in marks),
            *_foot(site, floor, view),
            "</svg>\n",
        ]
    )


def to_png(svg: str) -> bytes:
    """Return the picture of an SVG.

    Raises:
        UnavailableError: the renderer is not installed.

    """
    try:
        import resvg_py  # noqa: PLC0415  # only this one function needs it
    except ImportError as error:
        raise UnavailableError(
            "PNG drawings need the package 'resvg-py', which is not installed.",
            "Install it with: pip install resvg-py, or draw an .svg instead.",
        ) from error
    return bytes(resvg_py.svg_to_bytes(svg_string=svg))


class _View:
    """From metres with y up to pixels with y down."""

    def __init__(self, extent: BaseGeometry) -> None:
        self.x0_m, self.y0_m, self.x1_m, self.y1_m = extent.bounds
        self.px_per_m = (WIDTH_PX - 2 * MARGIN_PX) / max(
            self.x1_m - self.x0_m, 0.6 * (self.y1_m - self.y0_m), 1.0
        )
        self.top_px = MARGIN_PX + TITLE_PX
        self.bottom_px = self.top_px + (self.y1_m - self.y0_m) * self.px_per_m
        self.height_px = self.bottom_px + FOOT_PX

    def point(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Return the pixel of a place."""
        return MARGIN_PX + (x_m - self.x0_m) * self.px_per_m, self.top_px + (self.y1_m - y_m) * self.px_per_m

    def path(self, shape: BaseGeometry) -> str:
        """Return the path data of all rings."""
        rings = [
            ring for part in shapely.get_parts(shape).tolist() for ring in (part.exterior, *part.interiors)
        ]
        return " ".join(
            "M" + "L".join("{:.1f},{:.1f}".format(*self.point(x, y)) for x, y in ring.coords[:-1]) + "Z"
            for ring in rings
        )


def _zone(view: _View, zone: Zone) -> str:
    fill, stroke = COLOURS[zone.kind]
    shape = shape_of(zone.area)
    about = f"{zone.name.en} / {zone.name.zh}\n{zone.id} · {zone.kind} {zone.category}\n{shape.area:.0f} m²"
    return (
        f'<path class="zone" id="{zone.id}" fill="{fill}" stroke="{stroke}" fill-rule="evenodd" '
        f'd="{view.path(shape)}"><title>{escape(about)}</title></path>'
    )


def _label(view: _View, zone: Zone) -> str:
    """Return the name where the zone is widest, as large as fits; nothing where only a speck would."""
    parts = polygons_in(shapely.make_valid(shape_of(zone.area), method="structure"))
    if not parts:
        return ""
    largest = max(parts, key=lambda part: part.area)
    (x, y), room_m = _middle(largest)
    room_px = room_m * view.px_per_m
    left, right = _reach(largest, x, y)
    width_px = 2 * min(x - left, right - x) * view.px_per_m * 0.92
    size, lines = max(
        (min(LARGEST_PX, room_px * 1.3 / len(lines), width_px / max(map(_ems, lines))), lines)
        for lines in _wrappings(zone.name.en)
    )
    if size < SMALLEST_PX:
        return ""
    px, py = view.point(x, y)
    top = py - size * 1.15 * (len(lines) - 1) / 2
    return (
        f'<text class="label" font-size="{size:.1f}">'
        + "".join(
            f'<tspan x="{px:.1f}" y="{top + 1.15 * size * i:.1f}">{escape(line)}</tspan>'
            for i, line in enumerate(lines)
        )
        + "</text>"
    )


def _ems(line: str) -> float:
    """Return about how wide a line is, in font sizes; Chinese characters are square."""
    return sum(1.0 if character > "\u2e80" else 0.56 for character in line)


def _wrappings(name: str) -> list[list[str]]:
    """Return the name on one line, on two (broken near the middle), and word by word."""
    words = name.split()
    half = min(range(1, len(words) + 1), key=lambda i: abs(_ems(" ".join(words[:i])) - _ems(name) / 2))
    two = [" ".join(words[:half]), " ".join(words[half:])]
    return [[name], *([two] if two[1] else []), *([words] if len(words) == 3 else [])]


def _middle(shape: Polygon) -> tuple[tuple[float, float], float]:
    """Return where a label looks best and how far the edge is: the centroid, unless that is close to one."""
    centre = shape.centroid
    room_m = centre.distance(shape.boundary) if shape.contains(centre) else 0.0
    radius = shapely.maximum_inscribed_circle(shape, tolerance=0.5)
    if room_m >= WIDE_ENOUGH * radius.length:
        return (centre.x, centre.y), room_m
    x, y = radius.coords[0]
    return (x, y), radius.length


def _reach(shape: BaseGeometry, x: float, y: float) -> tuple[float, float]:
    """Return how far left and right one can go from a place inside a shape without leaving it."""
    x0, _, x1, _ = shape.bounds
    line = shapely.intersection(shape, shapely.LineString([(x0 - 1, y), (x1 + 1, y)]))
    for part in shapely.get_parts(line).tolist():
        if part.bounds[0] <= x <= part.bounds[2]:
            return part.bounds[0], part.bounds[2]
    return x, x


def _node(view: _View, node: Node) -> str:
    x, y = view.point(node.x_m, node.y_m)
    about = escape(f"{node.id}: ({node.x_m:g}, {node.y_m:g}, {node.z_m:g}) m {node.note}")
    return (
        f'<g class="node"><title>{about}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        f'<text x="{x + 7:.1f}" y="{y + 3:.1f}">{escape(node.id)}</text></g>'
    )


def _mark(view: _View, finding: Finding) -> str:
    x, y = view.point(*(finding.at or (0.0, 0.0)))
    colour = "#d40000" if finding.severity == Severity.ERROR else "#e08a00"
    return (
        f'<circle class="mark" stroke="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="14">'
        f"<title>{escape(finding.what)}</title></circle>"
    )


def _foot(site: Site, floor: Floor, view: _View) -> list[str]:
    """Return scale bar, legend of the kinds that occur, and the arrow to north."""
    y = view.height_px - 30
    length_m = _round_length(160 / view.px_per_m)
    end = MARGIN_PX + length_m * view.px_per_m
    foot = [
        f'<path d="M{MARGIN_PX},{y - 6:.1f}v6H{end:.1f}v-6" fill="none" stroke="#39445c" stroke-width="2"/>',
        f'<text class="small" x="{end + 10:.1f}" y="{y + 2:.1f}">{length_m:g} m</text>',
    ]
    x = end + 100
    for kind in ZoneKind:
        count = sum(zone.kind == kind for zone in floor.zones)
        if count:
            fill, stroke = COLOURS[kind]
            foot.append(
                f'<rect x="{x:.0f}" y="{y - 12:.1f}" width="16" height="16" fill="{fill}" stroke="{stroke}"/>'
                f'<text class="small" x="{x + 23:.0f}" y="{y + 1:.1f}">{kind} ({count})</text>'
            )
            x += 150
    foot.append(
        f'<g class="node"><circle cx="{x + 8:.0f}" cy="{y - 4:.1f}" r="5"/></g>'
        f'<text class="small" x="{x + 23:.0f}" y="{y + 1:.1f}">node</text>'
    )
    north = WIDTH_PX - MARGIN_PX - 16
    foot.append(
        f'<g transform="translate({north},{y - 10:.1f}) rotate({-site.georeference.bearing_deg:g})">'
        '<path d="M0,-20L8,10L0,4L-8,10Z" fill="#39445c"/>'
        '<text class="small" text-anchor="middle" y="-24">N</text></g>'
    )
    return foot


def _round_length(about_m: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20 ... that is not more than `about_m`."""
    step: float = 10.0 ** round_down(log10(about_m))
    return max(step * factor for factor in (1, 2, 5) if step * factor <= about_m)
