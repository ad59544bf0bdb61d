"""A real InfluxDB 1.x for tests: Debian's influxd on a free port, with its data in a folder of its own."""

import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Self

from tests.support import free_port, listens, wait_until

_CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"

[meta]
dir = "{folder}/meta"
logging-enabled = false

[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
{data}

[monitor]
store-enabled = false

[coordinator]
log-queries-after = "0s"

[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
{http}

[logging]
level = "warn"
suppress-logo = true
"""


class Influxd:
    """An influxd; stopped or killed and started again, it is the same one on the same port."""

    def __init__(self, program: str, folder: Path, *, http: str = "", data: str = "") -> None:
        """`http` and `data` are lines for these sections of its configuration."""
        self.host = "127.0.0.1"
        self.port = free_port()
        self.folder = folder
        self._program = program
        self._configuration = folder / "influxdb.conf"
        self._log = folder / "influxd.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._configuration.write_text(
            _CONFIGURATION.format(port=self.port, rpc=free_port(), folder=folder, http=http, data=data),
            encoding="utf-8",
        )

    def address(self, database: str) -> str:
        """The address of a store in it."""
        return f"influx://{self.host}:{self.port}/{database}"

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "run", "-config", self._configuration], stdout=log, stderr=log
            )
        wait_until(lambda: listens(self.port) or not self.running, what="influxd does not listen")
        if not self.running:
            raise RuntimeError(f"influxd did not start:\n{self.log}")
        return self

    def do(self, statement: str) -> None:
        """Have one InfluxQL statement done, such as CREATE DATABASE."""
        body = urllib.parse.urlencode({"q": statement}).encode()
        with urllib.request.urlopen(f"http://{self.host}:{self.port}/query", body, timeout=30) as answer:
            said = answer.read()
        if b'"error"' in said:
            raise RuntimeError(f"{statement}: {said.decode()}")

    def make_database(self, name: str, *policies: str) -> None:
        """Make a database whose retention policies keep everything."""
        self.do(f'CREATE DATABASE "{name}"')
        for policy in policies:
            self.do(
                f'CREATE RETENTION POLICY "{policy}" ON "{name}" DURATION INF REPLICATION 1 SHARD DURATION 7d'
            )

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
