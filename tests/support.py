"""What tests share: a real MQTT broker, free ports, waiting for something to come true."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], timeout_s: float = 30.0, what: str = "") -> None:
    """Wait until `condition` is true. The default is long: tests run side by side, and machines are loaded.

    Raises:
        TimeoutError: it was still false after `timeout_s` seconds.

    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what or f"still not true after {timeout_s} s: {condition}")
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Tell whether somebody accepts connections on this port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def find_program(*names: str) -> str | None:
    """Find the first of these programs, also beside Python and where only root has it on the path."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join((beside, os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


class Mosquitto:
    """A real mosquitto on a free port of the loopback address, with its persistence in `folder`.

    It is kept for the life of the object: stopped (or killed) and started again, it listens on the same port.
    """

    def __init__(self, program: str, folder: Path, *, persistence: bool = False, settings: str = "") -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self._program = program
        self._configuration = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.database = folder / "mosquitto.db"
        lines = [
            f"listener {self.port} {self.host}",
            "allow_anonymous true",
            f"persistence {'true' if persistence else 'false'}",
            f"persistence_location {folder}/",
            "log_dest stderr",
            settings,
        ]
        if persistence:
            lines += ["autosave_on_changes true", "autosave_interval 1"]
        if os.geteuid() == 0:
            lines.append("user root")  # else it gives up its rights and cannot write to `folder`
        self._configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def start(self) -> Self:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", self._configuration], stderr=log)
        wait_until(lambda: listens(self.port) or not self.running, what="mosquitto does not listen")
        if not self.running:
            raise RuntimeError(f"mosquitto did not start:\n{self.log}")
        return self

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
