"""Other mallsense commands as child processes, and a gateway that answers."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from contracts.errors import UnavailableError

STOP_TIMEOUT_S = 15.0
"""A gateway writes its checkpoint and says goodbye in a second or two."""
START_TIMEOUT_S = 60.0
POLL_S = 0.1
LAST_LINES = 15


class Command:
    """A `mallsense` command in a process of its own, for as long as the `with` block lasts.

    What it prints goes to `log`; a command that ends by itself is shown with the last lines of it.
    """

    def __init__(self, arguments: Sequence[str], *, log: Path) -> None:
        """Prepare `mallsense ARGUMENTS...`."""
        self.name = f"mallsense {arguments[0]}"
        self._arguments = [sys.executable, "-m", "mallsense", *arguments]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the parent alone, which then ends its children in order.
            self._process = subprocess.Popen(  # noqa: S603  (our own command)
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it with SIGTERM, and with SIGKILL if that does not help."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def check(self) -> None:
        """Raise `UnavailableError` where the command has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise UnavailableError(
                f"{self.name} ended with exit code {self._process.returncode}. The last it said:\n{self._tail()}"
            )

    def _tail(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LAST_LINES:])


def answers(url: str) -> bool:
    """Whether a gateway answers at `url`."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/health", timeout=2) as answer:  # noqa: S310  (an http address)
            return "status" in json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code == 401  # noqa: PLR2004  (it is there, and wants a login)
    except (OSError, ValueError):
        return False


def await_gateway(url: str, gateway: Command, *, timeout_s: float = START_TIMEOUT_S) -> None:
    """Wait until the gateway answers at `url`. Raises `UnavailableError` where it ends or takes too long."""
    deadline_s = time.monotonic() + timeout_s
    while not answers(url):
        gateway.check()
        if time.monotonic() > deadline_s:
            raise UnavailableError(f"the gateway does not answer at {url} after {timeout_s:.0f} s")
        time.sleep(POLL_S)


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
