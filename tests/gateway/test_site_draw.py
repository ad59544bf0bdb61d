"""Drawings of floors: everything is in them, inside the picture, and PNGs are pictures."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from contracts.site import Site, parse_site
from gateway.site.check import check
from gateway.site.draw import WIDTH_PX, draw_floor, to_png
from gateway.site.import_folder import import_folder
from tests.gateway.test_site_check import GOOD
from tests.recorded_folder import RecordedFolder

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A small floor."""
    return import_folder(RecordedFolder().write(tmp_path / "mall-F1")).site


def test_a_drawing_shows_zones_nodes_scale_and_north(site: Site) -> None:
    """Every zone is a shape with its id and a label, every node a dot; there is a scale bar and an arrow."""
    root = ET.fromstring(draw_floor(site, site.floors[0]))
    ids = {path.get("id") for path in root.iter(f"{SVG}path")}
    assert {zone.id for zone in site.floors[0].zones} <= ids
    texts = {"".join(text.itertext()) for text in root.iter(f"{SVG}text")}
    assert {"Decathlon", "UNIQLO", "A", "E", "2 m", "N", "shop (2)"} <= texts
    assert len(root.findall(f".//{SVG}g[@class='node']")) == len(site.nodes) + 1


def test_everything_lies_inside_the_picture(site: Site) -> None:
    """No coordinate of a zone is outside the view box, y up became y down."""
    svg = draw_floor(site, site.floors[0])
    box = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert box is not None
    root = ET.fromstring(svg)
    shapes = " ".join(path.attrib["d"] for path in root.iter(f"{SVG}path") if path.get("class"))
    points = re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", shapes)
    assert points
    assert all(0 <= float(x) <= WIDTH_PX and 0 <= float(y) <= float(box[2]) for x, y in points)
    circles = root.findall(f".//{SVG}g[@class='node']/{SVG}circle")
    lower, upper = (float(circles[i].attrib["cy"]) for i in (0, 3))
    assert site.nodes[0].y_m < site.nodes[3].y_m
    assert lower > upper


def test_findings_are_ringed_where_they_are() -> None:
    """What the check finds at a place is marked there, and on its own floor only."""
    site = parse_site(GOOD.replace("n2, floor: F1, x_m: 50", "n2, floor: F1, x_m: 90"), "x")
    found = check(site)
    assert 'class="mark"' in draw_floor(site, site.floors[0], found)
    assert 'class="mark"' not in draw_floor(site, site.floors[1], found)


def test_names_cannot_break_the_drawing() -> None:
    """Markup in names stays text."""
    site = parse_site(GOOD.replace("name: Bakery", 'name: "<b> & \\"co\\""'), "x")
    texts = {
        "".join(text.itertext())
        for text in ET.fromstring(draw_floor(site, site.floors[0])).iter(f"{SVG}text")
    }
    assert '<b> & "co"' in texts


def test_a_png_is_a_picture_of_the_same_size(site: Site) -> None:
    """The PNG is rendered from the SVG in its width."""
    png = to_png(draw_floor(site, site.floors[0]))
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == WIDTH_PX
