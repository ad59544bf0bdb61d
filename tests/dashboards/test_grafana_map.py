"""The heat lies on the floor: a panel of a rendered dashboard, drawn with the OpenLayers that Grafana draws with."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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
from tests.dashboards.grafana import npm
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
    bundle = folder / "floor_page.js"
    done = npm.run(
        "esbuild/bin/esbuild", "floor_page.ts", "--bundle", f"--outfile={bundle}", folder=npm.FOLDER
    )
    assert done.returncode == 0, done.stderr
    page = npm.FOLDER / "floor_page.html"
    (folder / page.name).write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
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


def draw(page: Page, panel: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Draw a panel with its rows."""
    page.evaluate("([panel, rows]) => draw(panel, rows)", [panel, rows])


def test_heat_lies_on_the_floor(browser: Browser, page_url: str, tmp_path: Path) -> None:
    """Nearly all the heat is inside the floor's outline, and it is warm where the fullest cells are."""
    file, site = tmp_path / "store.db", afternoon.site()
    store = SqliteStore(file)
    afternoon.record(site, store.commit, until_ms=END_MS)
    promotions = Promotions(file)
    with served(site, store, GRID, promotions, MallPeople.assumed(), origins=[page_url]) as gateway:
        address = str(gateway.base_url).removesuffix("/").removesuffix("/api/v1")
        page = browser.new_page(viewport={"width": 790, "height": 540})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        for panel in maps(site, address):
            page.goto(f"{page_url}/floor_page.html")
            asked = panel["targets"][0]["url"].partition("?")[0].removeprefix("/api/v1")
            rows = gateway.get(asked, params={"floor": panel["targets"][0]["url"].rpartition("=")[2]}).json()
            assert len(rows) > 5
            draw(page, panel, rows)
            page.screenshot(path=tmp_path / f"{panel['id']}.png")
            seen = page.evaluate("rows => measure(rows, 'people')", rows)
            assert seen["onFloor"] > 0.93
            assert min(seen["warm"]) > 0.25
            assert max(seen["elsewhere"]) < min(seen["warm"])
            page.screenshot(path=tmp_path / f"{panel['id']}.png")
        assert problems == []
        # The same heat with its coordinates turned round lies nowhere near.
        turned = [{**row, "lat": panel["options"]["view"]["lat"] + 0.002} for row in rows]
        page.goto(f"{page_url}/floor_page.html")
        draw(page, panel, turned)
        assert not page.evaluate("rows => measure(rows, 'people')", turned)["onFloor"] > 0.5
        page.close()
    promotions.close()
    store.close()
