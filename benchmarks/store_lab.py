"""A real influxd 1.6.7, a writer that can be killed, and what arrived against what should have."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.store_writer import WriterSettings, points, run  # noqa: E402
from gateway.store.outbox import Outbox  # noqa: E402
from tests.influx import Influxd  # noqa: E402
from tests.support import wait_until  # noqa: E402

POLICIES = ("raw", "visits", "rollups")


@dataclass(frozen=True)
class Verdict:
    """What became of the points of a run."""

    points: int
    """That should be there."""
    lost: int
    """Not there, or with another value."""
    doubled: int
    """There, and should not be."""
    dropped: int
    """Given up, and counted."""


@dataclass
class StoreLab:
    """A server, and writers to databases of it."""

    influxd: Influxd
    folder: Path
    writers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def database(self, name: str) -> str:
        """Make a database that keeps everything; gives its name."""
        self.influxd.make_database(name, *POLICIES)
        return name

    def settings(self, name: str, ticks: int, **more: Any) -> WriterSettings:
        """Say how a writer writes into a database."""
        more = {"address": self.influxd.address(name), "journal": str(self.folder / f"{name}.db")} | more
        return WriterSettings(ticks=ticks, **more)

    def start(self, settings: WriterSettings) -> subprocess.Popen[bytes]:
        """Start a writer; it goes on where the last one with this journal was."""
        with (self.folder / "writer.log").open("ab") as log:
            process = subprocess.Popen(
                settings.command(), cwd=ROOT, stdout=log, stderr=log,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        self.writers[settings.journal] = process
        return process

    def close(self) -> None:
        """End all writers."""
        for process in self.writers.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def position(self, settings: WriterSettings) -> int:
        """How many ticks a writer has committed."""
        if not Path(settings.journal).exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{settings.journal}?mode=ro", uri=True)) as db:
            try:
                row = db.execute("SELECT position FROM checkpoint").fetchone()
            except sqlite3.OperationalError:  # it has only just been made
                return 0
        return int(row[0]) if row else 0

    def wait_for(self, settings: WriterSettings, ticks: int) -> None:
        """Wait until a writer has committed so many ticks."""
        wait_until(
            lambda: self.position(settings) >= ticks, 120, f"the writer stands still: see {self.folder}"
        )

    def judge(self, settings: WriterSettings, name: str) -> Verdict:
        """Hold what is in a database against a run without faults, and that against arithmetic."""
        truth = f"truth{settings.ticks}"
        if f'"{truth}"' not in self._ask("SHOW DATABASES"):
            run(self.settings(self.database(truth), settings.ticks))
        expected, found = self.rows(truth), self.rows(name)
        if len(expected) != points(settings.ticks):
            sys.exit(f"a run without faults gave {len(expected)} points, not {points(settings.ticks)}")
        lost = sum(found.get(key) != row for key, row in expected.items())
        store = Outbox(Path(settings.journal), now_ms=lambda: 0)
        dropped = sum(store.lost().values())
        store.close()
        return Verdict(len(expected), lost, len(found.keys() - expected.keys()), dropped)

    def rows(self, name: str) -> dict[tuple[Any, ...], str]:
        """Every point of a database: measurement, time in ns and tags, with its fields."""
        rows: dict[tuple[Any, ...], str] = {}
        for policy in POLICIES:
            answer = json.loads(self._ask(f'SELECT * FROM "{policy}"./.*/ GROUP BY *', name))
            for series in answer["results"][0].get("series", []):
                tags = tuple(sorted(series["tags"].items()))
                for row in series["values"]:
                    rows[series["name"], row[0], tags] = json.dumps(
                        {
                            name: value
                            for name, value in zip(series["columns"], row, strict=True)
                            if value is not None
                        },
                        sort_keys=True,
                    )
        return rows

    def _ask(self, statement: str, name: str = "") -> str:
        query = urllib.parse.urlencode({"q": statement, "db": name, "epoch": "ns"})
        url = f"http://{self.influxd.host}:{self.influxd.port}/query?{query}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            text: str = answer.read().decode()
        return text
