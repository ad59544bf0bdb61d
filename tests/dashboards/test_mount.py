"""How the console is served, and that its colours can be read."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from dashboards import mount
from dashboards.console import STATIC

TOKENS = STATIC.parent / "src" / "style" / "tokens.css"
SURFACES = ("bg", "panel", "raised", "hover")


def fetch(static: Path, path: str) -> httpx.Response:
    """Ask an application that has one route of its own and the console."""
    app = FastAPI()

    @app.get("/api/v1/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    mount(app, static)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mall") as web:
            return await web.get(path)

    return asyncio.run(ask())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that looks like a built console."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>mallsense</title>", encoding="utf-8")
    (tmp_path / "assets" / "main-ABC.js").write_text("1", encoding="utf-8")
    return tmp_path


def test_page_is_served_beside_the_api(folder: Path) -> None:
    """The console is at the root and hides no route that was there before it."""
    assert "mallsense" in fetch(folder, "/").text
    assert fetch(folder, "/api/v1/health").json() == {"status": "ok"}
    assert fetch(folder, "/nothing-here").status_code == 404


def test_browsers_are_held_to_the_page_s_own_origin(folder: Path) -> None:
    """The policy names no other origin and allows no inline script or style."""
    policy = fetch(folder, "/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "default-src 'none'" in policy


def test_bundles_are_kept_and_the_page_is_not(folder: Path) -> None:
    """A new version is seen at once, since only files with a digest in their name stay in the cache."""
    assert "immutable" in fetch(folder, "/assets/main-ABC.js").headers["Cache-Control"]
    assert fetch(folder, "/").headers["Cache-Control"] == "no-cache"


def test_console_that_was_not_built_says_how(tmp_path: Path) -> None:
    """Without a bundle the page names the command, and the API works."""
    page = fetch(tmp_path, "/")
    assert page.status_code == 503
    assert "hatch_build.py" in page.text
    assert fetch(tmp_path, "/api/v1/health").status_code == 200
    assert fetch(tmp_path, "/api/v1/nothing-here").status_code == 404


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_has_the_contrast_that_wcag_aa_asks_for(theme: str) -> None:
    """Every colour of text has 4.5 : 1 on every surface it can lie on, in both themes."""
    blocks = TOKENS.read_text(encoding="utf-8").split('[data-theme="light"]')
    tokens = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[theme == "light"]))
    for surface in SURFACES:
        for text in ("text", "text-2", "text-3", "accent", "good", "warn", "bad"):
            assert _contrast(tokens[text], tokens[surface]) >= 4.5, (text, surface)
    assert _contrast(tokens["accent-ink"], tokens["accent"]) >= 4.5
    for ground in ("map-floor", "map-corridor", "map-shop", "map-other"):
        assert _contrast(tokens["map-label"], tokens[ground]) >= 4.5
        assert _contrast(tokens["map-muted"], tokens[ground]) >= 4.5
