"""Sites made of IMDF archives, built here as Apple's IMDF 1.0.0 specification describes them."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.site import Georeference, Site, Zone, ZoneKind
from gateway.site.check import check
from gateway.site.finding import Severity
from gateway.site.import_imdf import import_imdf
from gateway.site.shapes import shape_of

ORIGIN = Georeference(lat=31.2304, lon=121.4737)
Files = dict[str, Any]


def degrees(*points: tuple[float, float]) -> list[list[float]]:
    """Points in metres as GeoJSON positions."""
    return [[lon, lat] for lat, lon in (ORIGIN.to_wgs84(x, y) for x, y in points)]


def box(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    """A rectangle in metres as a GeoJSON polygon."""
    return {"type": "Polygon", "coordinates": [degrees((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))]}


def feature(an_id: str, kind: str, geometry: dict[str, Any] | None, **properties: Any) -> dict[str, Any]:
    """An IMDF feature."""
    return {
        "id": an_id,
        "type": "Feature",
        "feature_type": kind,
        "geometry": geometry,
        "properties": properties,
    }


def unit(
    an_id: str, category: str, rectangle: tuple[float, float, float, float], level: str, **more: Any
) -> Any:
    """An IMDF unit."""
    return feature(an_id, "unit", box(*rectangle), category=category, level_id=level, **more)


def archive() -> Files:
    """A mall of two floors in an archive."""
    levels = [
        feature(
            f"level{ordinal}",
            "level",
            box(0, 0, 60, 40),
            category="unspecified",
            ordinal=ordinal,
            outdoor=False,
            name={"en": name, "zh-Hans": zh},
            short_name={"en": short},
            building_ids=["building"],
        )
        for ordinal, name, zh, short in ((0, "Ground floor", "一层", "1F"), (1, "Upper floor", "二层", "2F"))
    ]
    units = [
        unit("u1", "room", (0, 0, 20, 10), "level0"),
        unit("u2", "room", (20, 0, 40, 10), "level0", name={"en": "Riverside Books"}),
        unit("u3", "restroom.female", (40, 0, 50, 10), "level0"),
        unit("u4", "escalator", (28, 18, 32, 26), "level0"),
        unit("u5", "opentobelow", (10, 20, 20, 30), "level0"),
        unit("u6", "walkway", (0, 10, 60, 40), "level0", name={"en": "Main Street", "zh": "主街"}),
        unit("u7", "room", (50, 0, 60, 10), "level0", restriction="employeesonly"),
        unit("v1", "foodservice", (0, 0, 30, 10), "level1"),
        unit("v2", "escalator", (28, 18, 32, 26), "level1"),
        unit("v3", "room", (40, 0, 60, 10), "level1"),
    ]
    anchors = [
        feature("a1", "anchor", {"type": "Point", "coordinates": degrees((5, 5))[0]}, unit_id="u1"),
        feature("a2", "anchor", {"type": "Point", "coordinates": degrees((5, 5))[0]}, unit_id="v1"),
        feature("a3", "anchor", {"type": "Point", "coordinates": degrees((9, 5))[0]}, unit_id="v1"),
    ]
    occupants = [
        feature(
            "o1",
            "occupant",
            None,
            name={"en": "Tea House", "zh": "茶馆"},
            category="restaurant",
            anchor_id="a1",
        ),
        feature("o2", "occupant", None, name={"en": "Noodles"}, category="restaurant", anchor_id="a2"),
        feature("o3", "occupant", None, name={"en": "Dumplings"}, category="restaurant", anchor_id="a3"),
    ]
    amenities = [
        feature(
            "m1", "amenity", {"type": "Point", "coordinates": degrees((50, 5))[0]}, category="information",
            name={"en": "Information"}, unit_ids=["v3"],
        )
    ]  # fmt: skip
    door = {"type": "LineString", "coordinates": degrees((60, 20), (60, 24))}
    openings = [feature("d1", "opening", door, category="pedestrian.principal", level_id="level0")]
    return {
        "manifest.json": {"version": "1.0.0", "created": "2026-01-01T00:00:00Z", "language": "en"},
        "venue.geojson": [
            feature("venue", "venue", box(0, 0, 60, 40), name={"en": "River Mall", "zh": "河畔"})
        ],
        "building.geojson": [feature("building", "building", None, category="unspecified")],
        "level.geojson": levels,
        "unit.geojson": units,
        "anchor.geojson": anchors,
        "occupant.geojson": occupants,
        "amenity.geojson": amenities,
        "opening.geojson": openings,
    }  # fmt: skip


def write(folder: Path, files: Files, *, inside: str = "") -> Path:
    """Write an archive as a zip file."""
    path = folder / "mall.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for name, content in files.items():
            whole = (
                {"type": "FeatureCollection", "features": content} if isinstance(content, list) else content
            )
            zipped.writestr(inside + name, whole if isinstance(whole, str | bytes) else json.dumps(whole))
    return path


def zones_of(site: Site) -> dict[str, Zone]:
    """The zones by id."""
    return {zone.id: zone for _, zone in site.zones()}


def test_levels_units_and_occupants_become_floors_and_zones(tmp_path: Path) -> None:
    """Names come from occupants, units or categories; closed units are cut out; metres are true."""
    imported = import_imdf(write(tmp_path, archive()))
    site, zones = imported.site, zones_of(imported.site)
    assert (site.mall.id, site.mall.name.zh) == ("river-mall", "河畔")
    assert [(floor.id, floor.name.zh, floor.level, floor.elevation_m) for floor in site.floors] == [
        ("1F", "一层", 0, 0.0),
        ("2F", "二层", 1, 5.0),
    ]
    assert (zones["1f-tea-house"].name.zh, zones["1f-tea-house"].category) == ("茶馆", "restaurant")
    assert shape_of(zones["1f-tea-house"].area).symmetric_difference(shapely.box(0, 0, 20, 10)).area < 0.5
    assert zones["1f-riverside-books"].kind == ZoneKind.SHOP
    assert (zones["1f-toilets"].kind, zones["1f-toilets"].category) == (ZoneKind.FACILITY, "restroom")
    assert zones["1f-main-street"].kind == ZoneKind.CORRIDOR
    assert zones["2f-noodles-dumplings"].name.zh == "Noodles、Dumplings"
    assert zones["2f-information"].kind == ZoneKind.FACILITY
    assert shape_of(site.floors[0].outline).area == pytest.approx(60 * 40 - 100 - 100, rel=1e-3)
    assert not site.nodes
    assert any("IMDF knows no nodes" in note for note in imported.notes)


def test_escalators_connect_floors_and_main_doors_are_entrances(tmp_path: Path) -> None:
    """Vertical units above each other are connected; a main door in the outer wall gets an entrance zone."""
    zones = zones_of(import_imdf(write(tmp_path, archive())).site)
    assert zones["1f-escalator"].connects == ["2F"]
    assert zones["2f-escalator"].connects == ["1F"]
    entrance = shape_of(zones["1f-entrance"].area)
    assert zones["1f-entrance"].kind == ZoneKind.ENTRANCE
    assert entrance.bounds == pytest.approx((56, 16, 60, 28), abs=0.1)


def test_an_imported_archive_passes_the_check(tmp_path: Path) -> None:
    """All that is left to do is to add nodes."""
    found = check(import_imdf(write(tmp_path, archive())).site)
    assert not [finding for finding in found if finding.severity == Severity.ERROR]
    assert {finding.what for finding in found} == {"floor 1F has 0 nodes", "floor 2F has 0 nodes"}


def test_a_folder_and_a_zip_with_a_folder_in_it_are_archives_too(tmp_path: Path) -> None:
    """People unzip archives, and zip folders."""
    zipped = import_imdf(write(tmp_path, archive(), inside="River Mall/")).site
    with zipfile.ZipFile(tmp_path / "mall.zip") as file:
        file.extractall(tmp_path)
    assert import_imdf(tmp_path / "River Mall").site == zipped


def test_levels_of_several_buildings_at_one_height_are_one_floor(tmp_path: Path) -> None:
    """Two buildings with an ordinal in common share a floor; an outdoor level is left out."""
    files = archive()
    files["level.geojson"].append(
        feature("annex", "level", box(60, 0, 80, 40), ordinal=0, outdoor=False, name={"en": "Annex"})
    )
    files["level.geojson"].append(
        feature("roof", "level", box(0, 0, 60, 40), ordinal=2, outdoor=True, name=None)
    )
    files["unit.geojson"].append(unit("w1", "room", (60, 0, 80, 10), "annex", name={"en": "Annex Shop"}))
    files["unit.geojson"].append(unit("w2", "room", (0, 0, 9, 9), "roof"))
    imported = import_imdf(write(tmp_path, files))
    assert [floor.id for floor in imported.site.floors] == ["1F", "2F"]
    assert "1f-annex-shop" in zones_of(imported.site)
    text = "\n".join(imported.notes)
    assert "level 2 left out: it is outdoors" in text
    assert "1 features left out" in text


def without(name: str) -> Callable[[Files], None]:
    """A change that takes a file out."""
    return lambda files: files.pop(name) and None


def put(name: str, content: Any) -> Callable[[Files], None]:
    """A change that replaces a file."""
    return lambda files: files.update({name: content})


BROKEN = {
    "no manifest": (without("manifest.json"), "no manifest.json"),
    "another version": (put("manifest.json", {"version": "2.0.0"}), "expected 1.x, found '2.0.0'"),
    "no venue": (without("venue.geojson"), "no venue.geojson"),
    "no levels": (
        put("level.geojson", []),
        "level.geojson: expected a FeatureCollection with at least one level",
    ),
    "no units": (without("unit.geojson"), "no unit.geojson"),
    "broken JSON": (put("unit.geojson", "{"), "unit.geojson: not valid JSON"),
    "not features": (put("unit.geojson", [1]), "unit.geojson: feature 1: expected a feature"),
    "no ordinal": (
        put("level.geojson", [feature("l", "level", box(0, 0, 9, 9), name={"en": "x"})]),
        "level.geojson: feature 1: expected a polygon and an ordinal",
    ),
    "all outdoors": (
        put("level.geojson", [feature("l", "level", box(0, 0, 9, 9), ordinal=0, outdoor=True)]),
        "no indoor level",
    ),
    "bad geometry": (
        put("unit.geojson", [feature("u", "unit", {"type": "Polygon", "coordinates": 7}, level_id="level0")]),
        "unit.geojson: feature 1: geometry: not GeoJSON",
    ),
}


@pytest.mark.parametrize(("change", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_archive_is_refused_by_file_and_feature(
    tmp_path: Path, change: Callable[[Files], None], expected: str
) -> None:
    """Each kind of damage is named with the file it is in."""
    files = archive()
    change(files)
    with pytest.raises(ConfigurationError) as caught:
        import_imdf(write(tmp_path, files))
    assert expected in str(caught.value)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    """Neither a text file nor an empty folder is an archive."""
    path = tmp_path / "mall.zip"
    path.write_text("no zip")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        import_imdf(path)
    with pytest.raises(ConfigurationError, match=r"no manifest\.json"):
        import_imdf(tmp_path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(data=st.data())
def test_any_damaged_property_is_imported_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever stands where a property or a geometry should, the import gives a site or a helpful error."""
    files = archive()
    names = [name for name, content in files.items() if isinstance(content, list)]
    target = data.draw(st.sampled_from(files[data.draw(st.sampled_from(names))]))
    if data.draw(st.booleans()):
        target["properties"][data.draw(st.sampled_from(sorted(target["properties"])))] = data.draw(values)
    else:
        target[data.draw(st.sampled_from(sorted(target)))] = data.draw(values)
    try:
        import_imdf(write(tmp_path_factory.mktemp("imdf"), files))
    except ConfigurationError as error:
        assert "mall.zip" in error.message
