"""Sites made of floor folders: metres, names, kinds, and a floor that is covered."""

from pathlib import Path

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.site import ZoneKind, dump_site, parse_site
from gateway.site.import_folder import import_folder, places_of
from gateway.site.places import Ids, category_of, place_of, slug_of
from gateway.site.shapes import shape_of
from tests.recorded_folder import SOUTH, WEST, RecordedFolder


def test_a_map_in_degrees_becomes_zones_in_metres(tmp_path: Path) -> None:
    """The outline's box maps onto width x height; names become known brands, facilities and ids."""
    site = import_folder(RecordedFolder().write(tmp_path / "site9-F1")).site
    floor = site.floors[0]
    assert (site.mall.id, floor.id, floor.level) == ("site9-f1", "F1", 1)
    assert (site.georeference.lat, site.georeference.lon) == (SOUTH, WEST)
    zones = {zone.id: zone for zone in floor.zones}
    assert zones["f1-decathlon"].name.zh == "迪卡侬"
    assert shape_of(zones["f1-decathlon"].area).equals(shapely.box(0, 20, 15, 30))
    assert zones["f1-toilets"].kind == ZoneKind.FACILITY
    assert zones["f1-corridor"].kind == ZoneKind.CORRIDOR
    assert [(node.id, node.x_m, node.y_m) for node in site.nodes][:2] == [("A", 2.0, 2.0), ("B", 38.0, 3.0)]


def test_closed_areas_are_cut_out_and_the_rest_is_covered(tmp_path: Path) -> None:
    """Nobody is looked for in shafts and voids; zones cover all of the rest and do not overlap."""
    imported = import_folder(RecordedFolder().write(tmp_path))
    floor = imported.site.floors[0]
    outline, zones = shape_of(floor.outline), [shape_of(zone.area) for zone in floor.zones]
    assert outline.area == pytest.approx(40 * 30 - 12)
    assert shapely.union_all(zones).symmetric_difference(outline).area < 0.1
    assert sum(zone.area for zone in zones) == pytest.approx(outline.area, abs=0.1)
    assert any("1 areas closed to the public" in note for note in imported.notes)


def test_a_floor_that_is_marked_as_closed_stays_open(tmp_path: Path) -> None:
    """Where most of a floor would be cut out, nothing is, and a note says so."""
    folder = RecordedFolder(shops=[("feikaifangquyu", [(0, 0), (39, 0), (39, 30), (0, 30)])]).write(tmp_path)
    imported = import_folder(folder)
    assert shape_of(imported.site.floors[0].outline).area == pytest.approx(40 * 30)
    assert any("nothing was cut out" in note for note in imported.notes)


def test_damaged_polygons_are_repaired_or_left_out_with_a_note(tmp_path: Path) -> None:
    """A bow tie is repaired, a line left out, overlapping and protruding shops are cut; each is told."""
    folder = RecordedFolder(
        shops=[
            ("bow tie", [(2, 2), (12, 12), (12, 2), (2, 12)]),
            ("line", [(20, 20), (30, 20), (25, 20)]),
            ("outside", [(30, 5), (45, 5), (45, 15), (30, 15)]),
            ("overlaps", [(25, 5), (35, 5), (35, 15), (25, 15)]),
        ]
    )
    imported = import_folder(folder.write(tmp_path))
    text = "\n".join(imported.notes)
    assert "feature 1 (bow tie) repaired: Self-intersection" in text
    assert "feature 2 (line) left out: it has no area" in text
    assert "outside: 50.0 m2 outside the outline cut off" in text
    areas = {zone.id: shape_of(zone.area).area for zone in imported.site.floors[0].zones}
    assert areas["f1-outside"] == pytest.approx(100)
    assert areas["f1-overlaps"] == pytest.approx(50)


def test_a_planned_deployment_gives_its_nodes(tmp_path: Path) -> None:
    """With 20 receivers only those are nodes; a deployment nobody planned is refused."""
    folder = RecordedFolder().write(tmp_path)
    assert [node.id for node in import_folder(folder, 20).site.nodes] == ["A", "B", "C", "D"]
    with pytest.raises(ConfigurationError, match="no column in_30"):
        import_folder(folder, 30)


def test_several_folders_are_the_floors_of_one_mall(tmp_path: Path) -> None:
    """Floors of a parent folder share one frame; their nodes carry the floor, so their data can be placed."""
    for name in ("site9-F1", "site9-F2"):
        RecordedFolder().write(tmp_path / name)
    shifted = (tmp_path / "site9-F2" / "geojson_map.json").read_text().replace('"name": "F1"', '"name": "F2"')
    (tmp_path / "site9-F2" / "geojson_map.json").write_text(
        shifted.replace('"floor_num": 1', '"floor_num": 2')
    )
    site = import_folder(tmp_path).site
    assert (site.mall.id, [floor.id for floor in site.floors]) == ("site9", ["F1", "F2"])
    assert [floor.elevation_m for floor in site.floors] == [0.0, 5.0]
    assert {node.id for node in site.nodes if node.floor == "F2"} == {"F2-A", "F2-B", "F2-C", "F2-D", "F2-E"}
    assert [(place.node_prefix, place.offset_m) for place in places_of(tmp_path)] == [
        ("F1-", (0.0, 0.0, 0.0)),
        ("F2-", (0.0, 0.0, 5.0)),
    ]


def test_without_a_map_the_floor_is_a_box_around_what_calibration_knows(tmp_path: Path) -> None:
    """Receivers, survey and training walks span the floor; the test walks' truth is not looked at."""
    folder = RecordedFolder(mapped=False, survey=True).write(tmp_path)
    before = import_folder(folder)
    assert shape_of(before.site.floors[0].outline).bounds == (0.0, 0.0, 40.0, 30.0)
    assert any("put its latitude" in note for note in before.notes)
    RecordedFolder(mapped=False, survey=True, train=0).write(tmp_path)
    (folder / "receivers.csv").write_text("receiver,x_m,y_m\nA,10,10\n")
    assert shape_of(import_folder(folder).site.floors[0].outline).bounds == (2.0, 1.0, 38.0, 21.0)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("floor_info.json", "{", "cannot be read as JSON"),
        ("floor_info.json", "{}", "not a floor map"),
        ("floor_info.json", '{"map_info": {"width": -1, "height": 2}}', "no extent"),
        ("geojson_map.json", '{"features": []}', "not a floor map"),
        ("geojson_map.json", "[1]", "not a floor map"),
        ("receivers.csv", "receiver,x_m,y_m\nA,b,1\n", "receivers.csv:2: x_m: expected a number, found 'b'"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, file: str, text: str, expected: str) -> None:
    """A wrong file is refused by its name, with what was expected."""
    folder = RecordedFolder().write(tmp_path)
    (folder / file).write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        import_folder(folder)
    assert expected in str(caught.value)


def test_a_folder_without_floors_is_refused(tmp_path: Path) -> None:
    """An empty folder is not a mall."""
    with pytest.raises(ConfigurationError, match=r"no receivers\.csv here or one level below"):
        import_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "kind", "english"),
    [
        ("CHOW&amp;RAY", ZoneKind.SHOP, "CHOW&RAY"),
        ("meidiya", ZoneKind.SHOP, "Meidiya"),
        ("Toilet", ZoneKind.FACILITY, "Toilets"),
        ("kongpu", ZoneKind.FACILITY, "Vacant unit"),
        ("futi", ZoneKind.VERTICAL, "Escalator"),
        ("north entrance", ZoneKind.ENTRANCE, "Entrance"),
        ("", ZoneKind.SHOP, "Unnamed"),
    ],
)
def test_names_of_plans_are_understood(name: str, kind: ZoneKind, english: str) -> None:
    """Pinyin, markup and common words become names and kinds."""
    place = place_of(name, 100.0)
    assert (place.kind, place.name.en) == (kind, english)


def test_a_stand_is_no_shop() -> None:
    """What is smaller than a kiosk is a facility, whatever its name."""
    assert place_of("laidian", 5.0).kind == ZoneKind.FACILITY


def test_the_most_special_known_category_is_taken() -> None:
    """A catalogue's ids run from general to special; unknown ones are passed over."""
    assert category_of(["5d35733edb07255e495599ed", "5d357341db07255e49559a28", "?"]) == "fashion"
    assert category_of(["?"]) == ""


@given(st.lists(st.text(max_size=80), max_size=20))
def test_ids_are_valid_and_never_given_twice(names: list[str]) -> None:
    """Whatever a plan calls its shops, each gets an id that a topic can carry."""
    ids = Ids()
    given_out = [ids.take("F1", name) for name in names]
    assert len(set(given_out)) == len(names)
    assert all(an_id == an_id.lower() and len(an_id) <= 63 and slug_of(an_id) == an_id for an_id in given_out)


@pytest.mark.parametrize("name", ["mall/site1-F1", "mall/site1-F2", "mall/site1-F3", "lab12"])
def test_the_real_floors_import_and_read_back(recorded_data: Path, name: str) -> None:
    """Each real floor becomes a site whose file reads back as the same site, zones covering the floor."""
    site = import_folder(recorded_data / name).site
    assert parse_site(dump_site(site), "written") == site
    floor = site.floors[0]
    covered = shapely.union_all([shape_of(zone.area) for zone in floor.zones])
    outline = shape_of(floor.outline)
    assert covered.difference(outline).area < 1.0
    assert outline.difference(covered).area < 0.01 * outline.area
