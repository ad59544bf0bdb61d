"""The heat lies on the floor: a rendered panel, drawn with the OpenLayers that Grafana draws with."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from contracts.site import Site
from dashboards.grafana.catalogue import Wanted, dashboards
from dashboards.grafana.sources import Kind
from gateway.figures.period import HOUR_MS
from gateway.people import MallPeople
from gateway.store.promotions import Promotions
from gateway.store.records import MINUTE_MS
from gateway.store.sqlite import SqliteStore
from tests.dashboards.grafana.picture import bundle
from tests.gateway import afternoon
from tests.gateway.crowd import START_MS
from tests.gateway.served import served
from tests.gateway.ticks import GRID

END_MS = START_MS + HOUR_MS + 25 * MINUTE_MS


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bundle the page and serve it, on an origin that is not the gateway's, as Grafana's is not."""
    folder = tmp_path_factory.mktemp("page")
    bundle(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


def maps(site: Site, gateway: str) -> list[dict[str, Any]]:
    """The maps of a mall's live dashboard, as rendered."""
    wanted = Wanted([site], Kind.INFINITY, "zh", {site.mall.id: gateway})
    board: Any = next(iter(dashboards(wanted, "zh")))
    return [panel for panel in board["panels"] if panel["type"] == "geomap"]


def draw(page: Page, url: str, panel: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw a panel with its rows; give where its heat is."""
    page.goto(f"{url}/floor_page.html")
    page.evaluate("([panel, rows]) => draw(panel, rows)", [panel, rows])
    seen: dict[str, Any] = page.evaluate("rows => measure(rows, 'people')", rows)
    return seen


@pytest.fixture(scope="module")
def gateway(page_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Serve an afternoon with people on both floors; the page may read the plan."""
    file, site = tmp_path_factory.mktemp("embedded") / "store.db", afternoon.site()
    store, promotions = SqliteStore(file), Promotions(file)
    afternoon.record(site, store.commit, until_ms=END_MS)
    with served(site, store, GRID, promotions, MallPeople.assumed(), origins=[page_url]) as client:
        yield client
    promotions.close()
    store.close()


def test_heat_lies_on_the_floor(browser: Browser, page_url: str, gateway: httpx.Client) -> None:
    """Nearly all heat is inside the outline, and it is warmest where the fullest cells are."""
    page = browser.new_page(viewport={"width": 790, "height": 540})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    drawn = maps(afternoon.site(), str(gateway.base_url).rstrip("/").removesuffix("/api/v1"))
    assert len(drawn) == 2
    for panel in drawn:
        floor = panel["targets"][0]["url"].rpartition("floor=")[2]
        rows = gateway.get("/rows/cell", params={"floor": floor}).json()
        assert len(rows) > 5
        seen = draw(page, page_url, panel, rows)
        assert seen["onFloor"] > 0.93  # the rest is blurred over its edge
        assert min(seen["warm"]) > 0.25
        assert max(seen["elsewhere"]) < min(seen["warm"])
        # The same heat 55 m further north is not on the floor: what is measured can tell.
        moved = [{**row, "lat": row["lat"] + 0.0005} for row in rows]
        assert draw(page, page_url, panel, moved)["onFloor"] < 0.2
    assert problems == []
    page.close()
