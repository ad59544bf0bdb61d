"""Geometry checks of sites: what is found, where it stands in the file, and what is fine."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.site import SourceMap, parse_site, site_of
from gateway.site.check import check
from gateway.site.finding import Finding, Severity
from gateway.site.import_folder import import_folder
from tests.gateway.parked import site_with_car_park

GOOD = """\
version: 1
mall: {id: riverside, name: Riverside}
georeference: {lat: 30.29, lon: 120.07}
floors:
  - id: F1
    name: Ground floor
    level: 0
    outline: {type: Polygon, coordinates: [[[0, 0], [60, 0], [60, 40], [0, 40], [0, 0]]]}
    zones:
      - id: bakery
        name: Bakery
        kind: shop
        area: {type: Polygon, coordinates: [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}
      - id: books
        name: Books
        kind: shop
        area: {type: Polygon, coordinates: [[[9, 0], [20, 0], [20, 9], [9, 9], [9, 0]]]}
      - id: stairs
        name: Stairs
        kind: vertical
        connects: [F2]
        area: {type: Polygon, coordinates: [[[30, 30], [34, 30], [34, 34], [30, 34], [30, 30]]]}
  - id: F2
    name: First floor
    level: 1
    elevation_m: 5
    outline: {type: Polygon, coordinates: [[[0, 0], [60, 0], [60, 40], [0, 40], [0, 0]]]}
    zones:
      - id: hall
        name: Hall
        kind: corridor
        area: {type: Polygon, coordinates: [[[0, 0], [60, 0], [60, 40], [0, 40], [0, 0]]]}
nodes:
  - {id: n1, floor: F1, x_m: 10, y_m: 10}
  - {id: n2, floor: F1, x_m: 50, y_m: 10}
  - {id: n3, floor: F1, x_m: 30, y_m: 30}
  - {id: m1, floor: F2, x_m: 10, y_m: 10}
  - {id: m2, floor: F2, x_m: 50, y_m: 10}
  - {id: m3, floor: F2, x_m: 30, y_m: 30}
"""


def findings(text: str) -> list[tuple[Finding, str]]:
    """Check a text; each finding with the place it names."""
    source = SourceMap.read(text, "mall.yaml")
    return [(finding, source.where(finding.path)) for finding in check(site_of(source))]


def test_a_good_site_has_no_findings() -> None:
    """Shops that share a wall, a zone along the outline and nodes inside are fine."""
    assert findings(GOOD) == []


BAKERY = "[[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]"
OUTLINE = "[[[0, 0], [60, 0], [60, 40], [0, 40], [0, 0]]]"
N2 = "n2, floor: F1, x_m: 50"

FAULTS = {
    "crossing zone": (
        (BAKERY, "[[[0, 0], [9, 9], [9, 0], [0, 9], [0, 0]]]"),
        (Severity.ERROR, 13, "zone bakery is not a valid polygon: self-intersection at (4.50, 4.50)"),
    ),
    "crossing outline": (
        (OUTLINE, "[[[0, 0], [60, 40], [60, 0], [0, 40], [0, 0]]]"),
        (
            Severity.ERROR,
            8,
            "the outline of floor F1 is not a valid polygon: self-intersection at (30.00, 20.00)",
        ),
    ),
    "overlapping shops": (
        ("[[[9, 0], [20, 0], [20, 9], [9, 9], [9, 0]]]", "[[[7, 0], [20, 0], [20, 9], [7, 9], [7, 0]]]"),
        (Severity.ERROR, 17, "shop books overlaps shop bakery by 18.0 m2"),
    ),
    "zone partly outside": (
        ("[34, 30], [34, 34]", "[64, 30], [64, 34]"),
        (Severity.WARNING, 22, "16.0 of the 136.0 m2 of zone stairs lie outside the outline of floor F1"),
    ),
    "zone outside": (
        (BAKERY, "[[[-9, 0], [2, 0], [2, 9], [-9, 9], [-9, 0]]]"),
        (Severity.ERROR, 13, "81.0 of the 99.0 m2 of zone bakery lie outside"),
    ),
    "tiny zone": (
        (BAKERY, "[[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]"),
        (Severity.WARNING, 13, "zone bakery has 1.0 m2"),
    ),
    "node far outside": (
        (N2, "n2, floor: F1, x_m: 90"),
        (Severity.ERROR, 35, "30.0 m outside the outline of floor F1"),
    ),
    "node just outside": ((N2, "n2, floor: F1, x_m: 64"), (Severity.WARNING, 35, "4.0 m outside")),
    "node twice": (
        (N2, "n2, floor: F1, x_m: 10"),
        (Severity.WARNING, 35, "node n2 hangs where node n1 does"),
    ),
    "few nodes": (
        ("  - {id: n3, floor: F1, x_m: 30, y_m: 30}\n", ""),
        (Severity.WARNING, 5, "floor F1 has 2 nodes"),
    ),
    "stairs to nowhere": (
        ("connects: [F2]", "connects: []"),
        (Severity.WARNING, 18, "vertical but connects to no other floor"),
    ),
    "two floors on one level": (
        ("level: 1", "level: 0"),
        (Severity.WARNING, 25, "floors F1 and F2 are both level 0"),
    ),
    "upper floor below": (
        ("elevation_m: 5", "elevation_m: -5"),
        (Severity.WARNING, 25, "above F1 by level but not by elevation"),
    ),
    "nowhere on earth": (
        ("lat: 30.29, lon: 120.07", "lat: 0, lon: 0"),
        (Severity.WARNING, 3, "in the Atlantic"),
    ),
}


@pytest.mark.parametrize(("change", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_alone_with_its_line(
    change: tuple[str, str], expected: tuple[Severity, int, str]
) -> None:
    """Each kind of fault gives one finding that says what is wrong, where, and what to do."""
    before, after = change
    severity, line, what = expected
    assert before in GOOD
    found = findings(GOOD.replace(before, after, 1))
    assert [(finding.severity, where) for finding, where in found] == [(severity, f"mall.yaml:{line}")], found
    assert what in found[0][0].what
    assert found[0][0].todo


def test_a_floor_without_zones_is_told() -> None:
    """A floor whose zones were forgotten gets a warning."""
    text = GOOD[: GOOD.index("    zones:\n      - id: hall")] + GOOD[GOOD.index("nodes:") :]
    assert [finding.what for finding, _ in findings(text)] == ["floor F2 has no zones"]


@pytest.mark.parametrize(
    ("factor", "expected"), [(1e-6, "looks like degrees rather than metres"), (1000, "more than any mall")]
)
def test_wrong_units_are_recognised(factor: float, expected: str) -> None:
    """A floor in degrees or millimetres gives one finding about units, not one about every zone in it."""
    ring = [[x * factor, y * factor] for x, y in ((0, 0), (60, 0), (60, 40), (0, 40), (0, 0))]
    text = GOOD.replace("[[[0, 0], [60, 0], [60, 40], [0, 40], [0, 0]]]", f"[{ring}]", 1)
    found = [finding for finding, _ in findings(text) if finding.floor == "F1"]
    assert len(found) == 1
    assert found[0].severity == Severity.ERROR
    assert expected in found[0].what


def test_a_hole_outside_its_shell_is_found() -> None:
    """Holes are checked too."""
    hole = "[0, 40], [0, 0]], [[70, 10], [80, 10], [80, 20], [70, 10]]]}\n    zones:\n      - id: bakery"
    text = GOOD.replace("[0, 40], [0, 0]]]}\n    zones:\n      - id: bakery", hole)
    assert "hole lies outside shell" in findings(text)[0][0].what


def test_cameras_may_be_anywhere() -> None:
    """A node with cameras alone is where the car park's gate is; it hears no phones, and is none of three."""
    camera = "{id: ramp-in, lanes: [{id: lane, direction: in}]}"
    ramp = f"  - {{id: ramp, floor: F1, x_m: 200, y_m: 0, cameras: [{camera}]}}\n"
    assert [finding.what for finding, _ in findings(GOOD + ramp) if "ramp " in finding.what] == []
    two = GOOD.replace("  - {id: n3, floor: F1, x_m: 30, y_m: 30}\n", "") + ramp
    assert any("floor F1 has 2 nodes" in finding.what for finding, _ in findings(two))


def test_nodes_may_hang_over_a_void() -> None:
    """A node inside a hole of the outline, such as an atrium, is fine."""
    hole = (
        "[0, 40], [0, 0]], [[48, 8], [52, 8], [52, 12], [48, 12], [48, 8]]]}\n    zones:\n      - id: bakery"
    )
    assert findings(GOOD.replace("[0, 40], [0, 0]]]}\n    zones:\n      - id: bakery", hole)) == []


points = st.tuples(st.integers(-5, 65), st.integers(-5, 45))


@given(st.lists(points, min_size=3, max_size=8))
def test_any_ring_is_checked_without_a_crash(ring: list[tuple[int, int]]) -> None:
    """Whatever people draw as a zone gives findings with advice, never an exception."""
    coordinates = [list(point) for point in (*ring, ring[0])]
    try:
        text = GOOD.replace("[[[9, 0], [20, 0], [20, 9], [9, 9], [9, 0]]]", f"[{coordinates}]")
        found = check(parse_site(text, "x"))
    except ConfigurationError:
        return
    assert all(finding.what and finding.todo for finding in found)


@pytest.mark.parametrize("name", ["mall", "mall/site1-F1", "lab12"])
def test_imports_of_the_real_data_have_no_errors(recorded_data: Path, name: str) -> None:
    """What `site import` makes of the recorded data passes its own check."""
    found = check(import_folder(recorded_data / name).site)
    assert not [finding.what for finding in found if finding.severity == Severity.ERROR]


def test_a_camera_at_no_gate_is_noticed() -> None:
    """What it reads would be left out without a word."""
    site = site_with_car_park(
        gates=[{"camera": "car-in", "area": "P1"}, {"camera": "ramp", "area": "P2", "from": "P1"}]
    )
    finding, _ = [one for one in check(site) if "camera" in one.what]
    assert finding.severity is Severity.WARNING
    assert "camera car-out stands at no gate" in finding.what
    assert len([one for one in check(site_with_car_park()) if "camera" in one.what]) == 1
