"""The system's own tools, run for their answer; a tool that is missing or hangs is an answer, too."""

import os
import shutil
import subprocess
from typing import NamedTuple

TIMEOUT_S = 5.0
"""Longest wait for a tool: a driver in trouble may never answer."""
_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin")
"""Searched behind PATH: administrators' tools are not on everybody's."""


class Answer(NamedTuple):
    """What a tool has said."""

    ok: bool
    text: str
    """Its output; where it failed, what it said of that, in one line."""
    missing: bool = False
    """It is not installed."""


def run(program: str, *arguments: str, timeout_s: float = TIMEOUT_S) -> Answer:
    """Run a tool in English and wait for its answer; never raises."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *_FOLDERS))
    found = shutil.which(program, path=path)
    if found is None:
        return Answer(ok=False, text=f"{program} is not installed", missing=True)
    try:
        done = subprocess.run(  # noqa: S603  # a list of words, no shell; names come from the site file, checked there
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        return Answer(ok=False, text=f"{program} did not answer within {timeout_s:.0f} s")
    except OSError as error:
        return Answer(ok=False, text=f"{program} cannot be started: {error.strerror}")
    if done.returncode == 0:
        return Answer(ok=True, text=done.stdout.decode(errors="replace"))
    said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    return Answer(
        ok=False, text=said[-1].strip().rstrip(".") if said else f"{program} failed ({done.returncode})"
    )
