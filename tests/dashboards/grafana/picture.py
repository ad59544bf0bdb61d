"""Take the picture of docs/grafana.md: maps of a rendered dashboard over a running gateway.

From the project's root: `python -m tests.dashboards.grafana.picture mall.yaml --url http://127.0.0.1:8000
--floor F1`.
"""

import argparse
import json
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from contracts.site.read import read_site
from dashboards.grafana.catalogue import Wanted, dashboards
from dashboards.grafana.sources import Kind
from tests.conftest import _CHROMIUM_OPTIONS
from tests.dashboards.grafana import npm
from tests.dashboards.screenshots import FOLDER, save
from tests.support import find_program


def bundle(folder: Path) -> Path:
    """Bundle the page into a folder; give its file."""
    script = folder / "floor_page.js"
    done = npm.run(
        "esbuild/bin/esbuild", "floor_page.ts", "--bundle", f"--outfile={script}", folder=npm.FOLDER
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    page = folder / "floor_page.html"
    page.write_text((npm.FOLDER / page.name).read_text(encoding="utf-8"), encoding="utf-8")
    return page


def main() -> None:
    """Draw one floor of a running gateway's mall."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", type=Path, help="the mall's site file")
    parser.add_argument("--url", required=True, help="of its gateway")
    parser.add_argument("--floor", required=True, help="which floor")
    parser.add_argument("--to", type=Path, default=FOLDER / "grafana-map.png", help="the picture")
    options = parser.parse_args()
    site = read_site(options.site)
    wanted = Wanted([site], Kind.INFINITY, "en", {site.mall.id: options.url.rstrip("/")})
    board: Any = next(iter(dashboards(wanted, "en")))
    panel = next(
        panel
        for panel in board["panels"]
        if panel["type"] == "geomap" and panel["targets"][0]["url"].endswith(f"floor={options.floor}")
    )
    with urllib.request.urlopen(
        f"{options.url.rstrip('/')}/api/v1/rows/cell?floor={options.floor}", timeout=30
    ) as answer:
        rows = json.load(answer)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = bundle(Path(folder))
        chromium = playwright.chromium.launch(
            executable_path=find_program("chromium", "chromium-browser", "google-chrome"),
            # The page comes from a file, and the gateway lets no such page at its plan.
            args=[*_CHROMIUM_OPTIONS, "--disable-web-security"],
        )
        page = chromium.new_page(viewport={"width": 790, "height": 540}, device_scale_factor=1.5)
        page.goto(page_file.as_uri())
        page.evaluate("([panel, rows]) => draw(panel, rows)", [panel, rows])
        save(page.screenshot(), options.to)
        chromium.close()


if __name__ == "__main__":
    main()
