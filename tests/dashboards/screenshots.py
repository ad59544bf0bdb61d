"""Take the pictures of docs/images, of a running gateway or of a mall that is only drawn.

From the project's root: `python -m tests.dashboards.screenshots live-dark --url http://127.0.0.1:8000`;
without names all of them, without an address of the drawn mall.
"""

import argparse
import io
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.conftest import _CHROMIUM_OPTIONS
from tests.dashboards.browsing import DESK, PHONE, serving
from tests.dashboards.fake_crm import CONFLICTED, FakeCrm
from tests.dashboards.fake_figures import FakeGateway
from tests.support import find_program

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
_SETTLE_MS = 4_000


@dataclass(frozen=True)
class Shot:
    """One picture: which view, and how it is looked at."""

    view: str = "live"
    dark: bool = True
    language: str = "en-GB"
    size: ViewportSize | None = None
    scale: float = 1.0
    click: str = ""
    keys: tuple[str, ...] = ()


SHOTS = {
    "live-dark": Shot(),
    "live-light-zh": Shot(dark=False, language="zh-CN"),
    "shop": Shot(dark=False, click=".ranking button"),
    "past": Shot(keys=("Home", *["PageUp"] * 16)),
    "zones": Shot("zones"),
    "flows": Shot("flows", dark=False),
    "footfall": Shot("footfall", dark=False),
    "events": Shot("events", language="zh-CN"),
    "nodes": Shot("nodes"),
    "car-park": Shot("carpark", dark=False),
    "phone": Shot(size=PHONE, scale=2.0),
    "crm-member": Shot(f"crm/members/{CONFLICTED}"),
    "crm-figures": Shot("crm/figures", dark=False),
    "crm-here": Shot("crm/here"),
    "crm-segments": Shot("crm/segments", dark=False),
}


def take(browser: Browser, url: str, shot: Shot) -> bytes:
    """Return the picture as PNG."""
    context = browser.new_context(
        viewport=shot.size or DESK,
        device_scale_factor=shot.scale,
        locale=shot.language,
        color_scheme="dark" if shot.dark else "light",
    )
    page = context.new_page()
    page.goto(f"{url}/#/{shot.view}")
    page.locator(".status-open").wait_for()
    page.wait_for_timeout(_SETTLE_MS)
    _handle(page, shot)
    picture = page.screenshot()
    context.close()
    return picture


def _handle(page: Page, shot: Shot) -> None:
    if shot.click:
        page.locator(shot.click).first.click()
        page.mouse.move(0, 0)
    if shot.keys:
        page.get_by_role("slider").focus()
        for key in shot.keys:
            page.keyboard.press(key)
    if shot.click or shot.keys:
        page.wait_for_timeout(_SETTLE_MS / 2)


def save(picture: bytes, path: Path) -> None:
    """Write the picture with 256 colours, dithered: less than half the size, and it looks the same."""
    with Image.open(io.BytesIO(picture)) as image:
        full = image.convert("RGB")
        palette = full.quantize(256, kmeans=2)
        full.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def main() -> None:
    """Take the pictures named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[[], *SHOTS], help="of the pictures; none: all")
    parser.add_argument("--url", help="of a running gateway; none: a mall that is only drawn")
    parser.add_argument("--view", help="of the one picture that is named, another: crm/members/m-000013")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder to write to")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    program = find_program("chromium", "chromium-browser", "google-chrome")
    gateway = FakeGateway(phones=2400)
    drawn = serving(gateway, crm=FakeCrm(gateway.now_ms()))
    mall = nullcontext() if options.url else drawn
    with mall as served, sync_playwright() as playwright:
        url = options.url or (served.url if served else "")
        browser = playwright.chromium.launch(executable_path=program, args=list(_CHROMIUM_OPTIONS))
        for name in options.names or SHOTS:
            shot = SHOTS[name] if options.view is None else replace(SHOTS[name], view=options.view)
            save(take(browser, url, shot), options.to / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
