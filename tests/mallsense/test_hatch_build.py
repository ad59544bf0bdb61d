"""The console is built when its sources have changed, and only then."""

import json
from pathlib import Path

import pytest

from hatch_build import build_console

_BUILD = """
const fs = require("fs");
fs.mkdirSync("static", { recursive: true });
fs.copyFileSync("page", "static/page");
"""


@pytest.fixture
def console(tmp_path: Path) -> Path:
    """Lay out a console that depends on no package, so that npm needs no network."""
    about = {"name": "small", "version": "1.0.0", "scripts": {"build": "node build.js"}}
    lock = {"name": "small", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": about}}
    (tmp_path / "package.json").write_text(json.dumps(about), encoding="utf-8")
    (tmp_path / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    (tmp_path / "build.js").write_text(_BUILD, encoding="utf-8")
    (tmp_path / "page").write_text("first", encoding="utf-8")
    return tmp_path


def test_built_once_until_a_source_changes(console: Path) -> None:
    """A second build does nothing; one after a change brings the change."""
    assert build_console(console)
    assert (console / "static" / "page").read_text(encoding="utf-8") == "first"
    assert not build_console(console)
    (console / "page").write_text("second", encoding="utf-8")
    assert build_console(console)
    assert (console / "static" / "page").read_text(encoding="utf-8") == "second"


def test_a_build_that_fails_says_so_and_is_tried_again(console: Path) -> None:
    """A failed build names the step and leaves no mark of being done."""
    (console / "build.js").write_text("process.exit(3)", encoding="utf-8")
    with pytest.raises(SystemExit, match="npm run ended with 3"):
        build_console(console)
    (console / "build.js").write_text(_BUILD, encoding="utf-8")
    assert build_console(console)


def test_a_checkout_without_the_console_is_fine(tmp_path: Path) -> None:
    """A node's image leaves the console out: there is nothing to build."""
    assert not build_console(tmp_path / "console")
