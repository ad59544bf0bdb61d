"""The plan on the earth: GeoJSON that maps draw, and whose pages may read it."""

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import get_coordinates, get_exterior_ring
from shapely.geometry import Polygon, shape

from contracts.errors import ConfigurationError
from contracts.site import Site
from gateway.api.geojson import floor_collection, zone_collection
from gateway.api.guarding import parse_origin
from gateway.auth import Credentials
from gateway.figures.cells import MOST_CELLS, Blocks
from gateway.figures.geohash import geohash
from gateway.runtime import Gateway, Settings
from gateway.store.records import CellGrid
from tests.gateway.crowd import small_site
from tests.gateway.small_mall import small_mall

GRAFANA = "https://grafana.example"
PASSWORD = "correct horse"
TOKEN = "a-token-of-more-than-twenty-characters"
FLOOR, ZONES = "/api/v1/plan/floors/F1.geojson", "/api/v1/plan/floors/F1/zones.geojson"


def turned(bearing_deg: float, *, clockwise: bool) -> Site:
    """A mall with a hole in its floor, turned, its rings drawn one way or the other."""
    outer = [(0.0, 0.0), (40.0, 0.0), (40.0, 22.0), (0.0, 22.0), (0.0, 0.0)]
    hole = [(10.0, 5.0), (15.0, 5.0), (15.0, 9.0), (10.0, 9.0), (10.0, 5.0)]
    rings = [outer[::-1] if clockwise else outer, hole[::-1] if clockwise else hole]
    plain = small_mall(georeference={"lat": 31.23, "lon": 121.47, "bearing_deg": bearing_deg})
    site = plain.model_dump(mode="json")
    site["floors"][0]["outline"] = {"type": "Polygon", "coordinates": rings}
    return Site.model_validate(site)


@given(st.floats(-360, 360), st.booleans())
def test_rings_are_wound_as_the_format_says(bearing_deg: float, clockwise: bool) -> None:
    """Outer rings run counterclockwise and holes clockwise on the earth, however drawn (RFC 7946)."""
    collection = floor_collection(turned(bearing_deg, clockwise=clockwise), "F1")
    (feature,) = collection.features
    outer, hole = feature.geometry.coordinates
    assert Polygon(outer).exterior.is_ccw
    assert not Polygon(hole).exterior.is_ccw
    assert outer[0] == outer[-1]


def test_places_are_those_of_the_georeference() -> None:
    """A floor of 40 m by 22 m has that size on the earth, longitude first, its corner at the origin."""
    site = turned(30.0, clockwise=False)
    (feature,) = floor_collection(site, "F1").features
    assert feature.geometry.coordinates[0][0] == (121.47, 31.23)
    outline = shape(feature.geometry.model_dump())
    back = Polygon([site.georeference.to_plan(y, x) for x, y in get_coordinates(get_exterior_ring(outline))])
    assert back.area == pytest.approx(40 * 22, rel=1e-3)
    assert back.bounds == pytest.approx((0, 0, 40, 22), abs=0.02)


def test_features_have_what_a_map_writes() -> None:
    """Zones have their id, names in both languages, kind, category and capacity; floors their names."""
    site = small_site()
    zones = zone_collection(site, "F2").model_dump()
    assert [feature["id"] for feature in zones["features"]] == [zone.id for zone in site.floors[1].zones]
    first = zones["features"][0]["properties"]
    assert first == {
        "zone": "S20",
        "floor": "F2",
        "name_en": "Shop 0",
        "name_zh": "商店0",
        "kind": "shop",
        "category": "",
        "capacity": None,
    }
    (floor,) = floor_collection(site, "F2").model_dump()["features"]
    assert floor["properties"] == {"floor": "F2", "name_en": "Floor 2", "name_zh": "Floor 2", "level": 2}
    outline = shape(floor["geometry"])
    assert all(outline.buffer(1e-9).contains(shape(zone["geometry"])) for zone in zones["features"])


@pytest.mark.parametrize(
    ("lat", "lon", "known"),
    [(57.64911, 10.40744, "u4pruydqqvj"), (-25.382708, -49.265506, "6gkzwgjzn820"), (0, 0, "s0000000000")],
)
def test_geohash(lat: float, lon: float, known: str) -> None:
    """Places have the names that others give them."""
    assert geohash(lat, lon, len(known)) == known


@given(st.floats(10, 400), st.sampled_from([1.0, 2.0, 3.0, 5.0]))
def test_floors_have_few_large_cells(edge_m: float, cell_m: float) -> None:
    """Cells of maps are whole heat cells, at least 4 m, and no more than the database adds up quickly."""
    square = [(0.0, 0.0), (edge_m, 0.0), (edge_m, edge_m), (0.0, edge_m), (0.0, 0.0)]
    site = small_mall().model_dump(mode="json")
    site["floors"][0]["outline"] = {"type": "Polygon", "coordinates": [square]}
    blocks = Blocks.of(Site.model_validate(site), CellGrid(cell_m, 0.0, 0.0, 10, 10))
    across_m = blocks.across * cell_m
    assert across_m >= 4.0
    assert edge_m**2 / across_m**2 <= MOST_CELLS * 1.001
    assert blocks.across == 1 or (across_m - cell_m < max(4.0, edge_m / MOST_CELLS**0.5))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway with a password whose plan a Grafana may draw."""
    settings = Settings(
        site=small_site(), store=tmp_path_factory.mktemp("plan") / "store.db", broker_port=0, port=0,
        credentials=Credentials(PASSWORD, TOKEN), allow_origins=(GRAFANA,),
    )  # fmt: skip
    with Gateway(settings) as running:
        yield running


@pytest.fixture
def page(gateway: Gateway) -> Iterator[httpx.Client]:
    """A browser without a session."""
    with httpx.Client(base_url=gateway.url, timeout=20, trust_env=False) as made:
        yield made


@pytest.mark.parametrize("path", [FLOOR, ZONES])
def test_named_page_reads_the_plan_without_login(page: httpx.Client, path: str) -> None:
    """The page that was named may read it, and so may a program; other pages' scripts get no leave."""
    answer = page.get(path, headers={"Origin": GRAFANA})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["access-control-allow-origin"] == GRAFANA
    assert "Origin" in answer.headers["vary"]
    assert page.get(path).json() == answer.json()
    stranger = page.get(path, headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in stranger.headers
    preflight = {"Origin": GRAFANA, "Access-Control-Request-Method": "GET"}
    assert page.options(path, headers=preflight).status_code == 200
    preflight["Access-Control-Request-Method"] = "POST"
    assert page.options(path, headers=preflight).status_code == 400


@pytest.mark.parametrize("path", ["/api/v1/site", "/api/v1/rows/occupancy", "/api/v1/plan", "/api/v1/live"])
def test_nothing_else_is_open(page: httpx.Client, path: str) -> None:
    """Everything but the plan wants a login, and no page of somebody else's, named or not, may read it."""
    assert page.get(path).status_code == 401
    assert page.get(path, headers={"Origin": GRAFANA}).status_code == 403
    assert page.post(FLOOR, headers={"Origin": GRAFANA}).status_code == 403
    assert page.get("/api/v1/plan/../site", headers={"Origin": GRAFANA}).status_code == 403
    assert page.get("/api/v1/plan/%2e%2e/site").status_code in {401, 404}


def test_machines_read_rows_with_their_token(page: httpx.Client) -> None:
    """A data source sends the token, as any machine."""
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert page.get("/api/v1/rows/node", headers=token).status_code == 200
    assert page.get("/api/v1/rows/node").status_code == 401


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://Grafana.example", "https://grafana.example"),
        ("https://grafana.example:443/", "https://grafana.example"),
        ("http://grafana:3000", "http://grafana:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_origins_are_written_as_browsers_do(written: str, origin: str) -> None:
    """Case, default ports and a slash at the end do not matter."""
    assert parse_origin(written) == origin


@pytest.mark.parametrize(
    "written",
    [
        "*",
        "https://*.example",
        "grafana.example",
        "https://g/d/1",
        "https://u@g",
        "ftp://g",
        "http://g:x",
        "",
    ],
)
def test_what_is_no_origin_is_refused(written: str) -> None:
    """A pattern, a whole address or a mistake stops the gateway, which says what is expected."""
    with pytest.raises(ConfigurationError, match="--allow-origin") as refused:
        parse_origin(written)
    assert "https://grafana.example:3000" in refused.value.hint
