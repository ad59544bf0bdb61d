"""What the checks need from npm: installed once, with the Node.js that is built with (hatch_build.py)."""

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

import hatch_build

FOLDER = Path(__file__).resolve().parent


def node() -> str:
    """The program that runs the packages."""
    return hatch_build._npm()[0]


def installed() -> Path:
    """Install what the lock file says, unless it is there; give the folder of packages."""
    packages = FOLDER / "node_modules"
    packages.mkdir(exist_ok=True)
    # Outside of the packages, which npm removes first. Tests of other processes wait for the same.
    with (FOLDER / ".installing").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
        stamp = packages / ".mallsense"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            hatch_build._run(hatch_build._npm(), hatch_build._NPM_CI, FOLDER)
            # With scripts ignored, esbuild's program is where its own package for this machine has it.
            stamp.write_text(wanted, encoding="utf-8")
    return packages


def run(
    program: str, *arguments: str, folder: Path, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of the packages, or one beside them, with this as its input."""
    path = installed() / program
    environment = {**os.environ, "NODE_PATH": str(installed())}
    return subprocess.run(
        [node(), str(path), *arguments],
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
