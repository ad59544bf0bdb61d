"""The site file: what is accepted, what is refused, and how helpful the refusal is."""

from math import hypot

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.site import Georeference, Site, dump_site, parse_site

MINIMAL = """\
version: 1
mall: {id: riverside, name: {en: Riverside, zh: 河畔}, timezone: Asia/Shanghai}
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
        category: food
        area: {type: Polygon, coordinates: [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}
nodes:
  - {id: n1, floor: F1, x_m: 10, y_m: 10, z_m: 3.2}
"""


def test_a_minimal_site_is_read_with_defaults() -> None:
    """Names may be given once for both languages; privacy and retention have defaults."""
    site = parse_site(MINIMAL, "mall.yaml")
    assert site.mall.name.zh == "河畔"
    assert site.floor("F1").zones[0].name.zh == "Bakery"
    assert site.privacy.k == 5
    assert [zone.id for _, zone in site.zones()] == ["bakery"]


def test_a_dumped_site_reads_back_as_the_same_site() -> None:
    """`dump_site` and `parse_site` are inverses."""
    site = parse_site(MINIMAL, "mall.yaml")
    assert parse_site(dump_site(site), "dumped") == site


def _radios(text: str) -> tuple[str, str]:
    """Replace the node's height by radios, and its own access point."""
    return "z_m: 3.2", f"radios: [{text}], stations: wlan0"


def _cameras(text: str) -> tuple[str, str]:
    """Replace the node's height by cameras."""
    return "z_m: 3.2", f"cameras: [{text}]"


LANE = "{id: entry, direction: in}"


def test_a_camera_is_read_with_its_lanes() -> None:
    """A lane is the whole picture, its cars come towards the camera; such a node hears no phones."""
    text = MINIMAL.replace(*_cameras(f"{{id: ramp, source: rtsp://10.0.0.7/main, lanes: [{LANE}]}}"))
    site = parse_site(text.replace("timezone:", "province: 浙, timezone:"), "mall.yaml")
    (node,) = site.nodes
    (lane,) = node.cameras[0].lanes
    assert (lane.direction.value, lane.heading.value, len(lane.region)) == ("in", "down", 4)
    assert not node.hears
    assert parse_site(dump_site(site), "dumped") == site
    assert parse_site(MINIMAL, "mall.yaml").nodes[0].hears


def test_a_password_in_the_address_of_a_camera_is_refused_and_not_repeated() -> None:
    """The refusal says where it belongs, and does not show it."""
    text = MINIMAL.replace(*_cameras(f"{{id: ramp-1, source: 'RTSP://a:hunter2@cam/', lanes: [{LANE}]}}"))
    with pytest.raises(ConfigurationError) as caught:
        parse_site(text, "mall.yaml")
    assert "MALLSENSE_CAMERA_RAMP_1" in str(caught.value)
    assert "mall.yaml:16: nodes.0.cameras.0" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "kind: shop",
            "kind: shopp",
            ["mall.yaml:12: floors.0.zones.0.kind", "'shop', 'corridor'", "found 'shopp'"],
        ),
        (
            "level: 0",
            "levle: 0",
            ["mall.yaml:7: floors.0.levle: unknown key", "mall.yaml:5: floors.0.level: missing"],
        ),
        ("z_m: 3.2", "z_m: .nan", ["mall.yaml:16: nodes.0.z_m: input should be a finite number"]),
        ("x_m: 10", "x_m: ten", ["mall.yaml:16: nodes.0.x_m", "valid number", "found 'ten'"]),
        (
            "[0, 40], [0, 0]]]}\n    zones",
            "[0, 40], [0, 1]]]}\n    zones",
            ["mall.yaml:8", "last point to repeat"],
        ),
        ("floor: F1", "floor: F7", ["node n1 hangs on floor 'F7'; expected one of ['F1']"]),
        ("Asia/Shanghai", "Asia/Shangha", ["mall.yaml:2: mall.timezone", "IANA name such as Asia/Shanghai"]),
        ("id: n1", "id: a/b", ["mall.yaml:16: nodes.0.id", "found 'a/b'"]),
        ("version: 1", "version: 2", ["mall.yaml:1: version", "found 2"]),
        ("kind: shop", "kind: [", ["mall.yaml:", "not valid YAML"]),
        (
            "nodes:\n",
            "visits: {enter_probability: 0.2}\nnodes:\n",
            ["visits", "must be below enter_probability"],
        ),
        ("nodes:\n", "nodes:\n  - {id: n1, floor: F1, x_m: 1, y_m: 1}\n", ["two nodes have the id 'n1'"]),
        (*_radios("{interface: wlan1, channels: [1, 15]}"), ["there is no channel 15", "1 to 14"]),
        (*_radios("{interface: wlan1, channels: [6, 6]}"), ["names a channel twice"]),
        (*_radios("{interface: ../wlan1}"), ["nodes.0.radios.0.interface", "found '../wlan1'"]),
        (*_radios("{interface: wlan1}, {interface: wlan1}"), ["two radios have the id 'wlan1'"]),
        (*_cameras("{id: ramp, lanes: []}"), ["nodes.0.cameras.0.lanes", "at least 1"]),
        (*_cameras(f"{{id: ramp, lanes: [{LANE}, {LANE}]}}"), ["two lanes have the id 'entry'"]),
        (
            *_cameras(f"{{id: ramp, lanes: [{LANE}]}}, {{id: ramp, lanes: [{LANE}]}}"),
            ["two cameras have the id 'ramp'"],
        ),
        (
            *_cameras("{id: ramp, lanes: [{id: a, direction: in, region: [[0, 0], [1, 1], [0.5, 0.5]]}]}"),
            ["nodes.0.cameras.0.lanes.0.region", "encloses next to nothing"],
        ),
        (
            *_cameras("{id: ramp, lanes: [{id: a, direction: in, region: [[0, 0], [640, 0], [0, 480]]}]}"),
            ["less than or equal to 1", "found 640"],
        ),
        (*_cameras("{id: ramp, lanes: [{id: a, direction: up}]}"), ["'in' or 'out'"]),
        ("timezone: Asia/Shanghai", "province: ZJ", ["mall.yaml:2: mall.province", "found 'ZJ'"]),
        (*_radios("{interface: wlan0}"), ["wlan0 cannot be a radio that listens and an access point"]),
    ],
)
def test_a_mistake_is_named_with_file_line_key_and_what_was_expected(
    before: str, after: str, expected: list[str]
) -> None:
    """Each kind of mistake is refused with what a person needs to mend it."""
    assert before in MINIMAL
    with pytest.raises(ConfigurationError) as caught:
        parse_site(MINIMAL.replace(before, after, 1), "mall.yaml")
    for part in expected:
        assert part in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "just words", "1", "null", "\x00"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    """Empty files, lists and plain text are configuration errors, not crashes."""
    with pytest.raises(ConfigurationError):
        parse_site(text, "mall.yaml")


@given(st.text(max_size=200))
def test_any_text_is_a_site_or_a_configuration_error(text: str) -> None:
    """No input makes the parser fail in another way."""
    try:
        assert isinstance(parse_site(text, "x"), Site)
    except ConfigurationError as error:
        assert error.message.startswith("x")


@settings(max_examples=200)
@given(st.data())
def test_a_site_file_with_one_damaged_line_is_a_site_or_a_configuration_error(data: st.DataObject) -> None:
    """Whatever one line of a good file is replaced with, the result is a site or a helpful refusal."""
    lines = MINIMAL.splitlines()
    lines[data.draw(st.integers(0, len(lines) - 1))] = data.draw(st.text(max_size=60))
    try:
        parse_site("\n".join(lines), "x")
    except ConfigurationError as error:
        assert error.message.startswith("x")


@given(
    lat=st.floats(-70, 70),
    lon=st.floats(-180, 180),
    bearing=st.floats(-360, 360),
    x=st.floats(-1000, 1000),
    y=st.floats(-1000, 1000),
)
def test_plan_and_earth_are_inverses(lat: float, lon: float, bearing: float, x: float, y: float) -> None:
    """A point of the plan goes to the earth and comes back within a millimetre."""
    frame = Georeference(lat=lat, lon=lon, bearing_deg=bearing)
    back = frame.to_plan(*frame.to_wgs84(x, y))
    assert hypot(back[0] - x, back[1] - y) < 1e-3


def test_the_bearing_turns_the_y_axis_from_north() -> None:
    """With a bearing of 90 degrees, the plan's y axis points east."""
    lat, lon = Georeference(lat=30, lon=120, bearing_deg=90).to_wgs84(0, 100)
    assert lat == pytest.approx(30, abs=1e-9)
    assert lon > 120


def test_a_key_that_stands_twice_is_refused() -> None:
    """A second list of nodes would silently replace the first; aliases, even in a circle, are no twins."""
    with pytest.raises(ConfigurationError, match=r"mall\.yaml:3: nodes is there already, in line 1"):
        parse_site("nodes: [1]\nfloors: []\nnodes: []\n", "mall.yaml")
    with pytest.raises(ConfigurationError, match="unknown key"):
        parse_site("a: &a [{x: 1}, *a]\nb: *a\n", "mall.yaml")


def test_store_is_an_address_without_secrets() -> None:
    """The site file may name the InfluxDB of the mall, and never how to log in there."""
    address = "influxs://db.example:8086/mall?org=group"
    site = parse_site(f"{MINIMAL}store: {address}\n", "mall.yaml")
    assert site.store == address
    assert parse_site(dump_site(site), "dumped") == site
    for wrong in (
        "influx://anna:pw@h/mall",
        "influx://h",
        "http://h/mall",
        "mall.db",
        "influx://h/mall?token=x",
    ):
        with pytest.raises(ConfigurationError, match="holds no secrets"):
            parse_site(f"{MINIMAL}store: {wrong}\n", "mall.yaml")


def test_radios_of_a_node_are_read_and_written_again() -> None:
    """A node's radios keep interface, channels and dwell time; most nodes name none."""
    text = MINIMAL.replace("z_m: 3.2", "radios: [{interface: wlan1, channels: [1, 36], dwell_s: 5}]")
    site = parse_site(text, "x")
    (radio,) = site.nodes[0].radios
    assert (radio.interface, radio.channels, radio.dwell_s) == ("wlan1", [1, 36], 5.0)
    assert parse_site(dump_site(site), "x") == site
    assert parse_site(MINIMAL, "x").nodes[0].radios == []


CAR_PARK = """
    cameras:
      - {id: gate-in, lanes: [{id: entry, direction: in}]}
      - {id: ramp, lanes: [{id: down, direction: in}]}
car_park:
  areas:
    - {id: P1, name: {en: Upper level, zh: 上层}, level: B1, capacity: 300}
    - {id: P2, name: Lower level, level: B2, capacity: 200}
  gates:
    - {camera: gate-in, area: P1}
    - {camera: ramp, area: P2, from: P1}
  empty_at_h: 4
  vouchers:
    - {id: guests, name: Two hours, free_min: 120, min_stay_min: 30}
"""


def _with_car_park(found: str = "", replaced: str = "") -> str:
    site = MINIMAL.replace("  - {id: n1, floor: F1, x_m: 10, y_m: 10, z_m: 3.2}\n", "")
    return site + "  - id: n1\n    floor: F1\n    x_m: 10\n    y_m: 10" + CAR_PARK.replace(found, replaced)


def test_a_car_park_is_read_and_written_again() -> None:
    """Areas, gates and vouchers are read, gates between areas with their `from`, and survive a dump."""
    site = parse_site(_with_car_park(), "mall.yaml")
    assert site.car_park is not None
    assert site.car_park.capacity == 500
    assert [gate.from_ for gate in site.car_park.gates] == [None, "P1"]
    assert parse_site(dump_site(site), "dumped") == site


@pytest.mark.parametrize(
    ("found", "replaced", "said"),
    [
        ("camera: ramp,", "camera: rmap,", "camera 'rmap', which no node has; expected one of ['gate-in',"),
        ("area: P2, from", "area: P3, from", "names the area 'P3'; expected one of ['P1', 'P2']"),
        ("area: P2, from: P1", "area: P1, from: P1", "leads from P1 to P1"),
        ("camera: ramp, area: P2", "camera: gate-in, area: P2", "two gates have the camera gate-in"),
        ("    - {camera: ramp, area: P2, from: P1}\n", "", "no gate leads from the street to ['P2']"),
        ("id: P2", "id: P1", "two areas have the id 'P1'"),
        ("capacity: 300", "capacity: 0", "greater than 0"),
        ("empty_at_h: 4", "empty_at_h: 24", "less than or equal to 23"),
        ("level: B1", "story: B1", "unknown key"),
    ],
)
def test_mistakes_in_a_car_park_are_explained(found: str, replaced: str, said: str) -> None:
    """A gate that leads nowhere, a camera that is not there, an area nobody gets to: each is named."""
    with pytest.raises(
        ConfigurationError, match=r"mall\.yaml:\d+: car_park|mall\.yaml:1: the site"
    ) as caught:
        parse_site(_with_car_park(found, replaced), "mall.yaml")
    assert said in caught.value.message
