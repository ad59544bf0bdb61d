"""A real VictoriaMetrics for tests: Debian's, on a free port, for the way of writing that InfluxDB 2 has.

It takes line protocol at `/api/v2/write` as InfluxDB 2 does, and keeps numbers alone, to the millisecond:
what is a text is left out. It is asked by its own API, not in InfluxQL.
"""

import json
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.support import free_port, wait_until


class Victoria:
    """A VictoriaMetrics with its data in a folder of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self._log = folder / "victoria-metrics.log"
        self._arguments = [
            program,
            f"-httpListenAddr={self.host}:{self.port}",
            f"-storageDataPath={folder}/data",
            "-retentionPeriod=100y",
            "-memory.allowedBytes=128MiB",
            "-loggerLevel=WARN",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def address(self, database: str) -> str:
        """The address of a store in it; it speaks what InfluxDB 2 does."""
        return f"influx://{self.host}:{self.port}/{database}"

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._arguments, stdout=log, stderr=log)
        wait_until(lambda: self._healthy() or not self.running, what="VictoriaMetrics does not answer")
        if not self.running:
            raise RuntimeError(f"VictoriaMetrics did not start:\n{self.log}")
        return self

    def _healthy(self) -> bool:
        try:
            return self._get("/health", {}) == b"OK"
        except OSError:
            return False

    def _get(self, path: str, parameters: dict[str, str]) -> bytes:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://{self.host}:{self.port}{path}?{query}", timeout=30) as answer:
            found: bytes = answer.read()
        return found

    def series(self, selector: str) -> list[dict[str, Any]]:
        """Everything written so far of what a selector chooses: `metric`, `values`, `timestamps` in ms.

        A metric is called `MEASUREMENT_FIELD`; the labels are the tags, and `db`.
        """
        self._get("/internal/force_flush", {})
        found = self._get("/api/v1/export", {"match[]": selector, "start": "0"})
        return [json.loads(line) for line in found.splitlines()]

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
