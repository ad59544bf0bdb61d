"""A gateway's writing half as a process that can be killed: made records, one tick after the other.

`python benchmarks/store_writer.py JSON`, with the fields of `WriterSettings`. What tick number n gives
follows from n alone, so the process goes on where its checkpoint says and computes again what had died with
it, as a gateway does from its journal.
"""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import msgspec
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from contracts.errors import UnavailableError  # noqa: E402
from gateway.store.influx.address import InfluxAddress  # noqa: E402
from gateway.store.influx.client import InfluxClient  # noqa: E402
from gateway.store.influx.store import InfluxStore  # noqa: E402
from gateway.store.outbox import LIMIT_BYTES  # noqa: E402
from gateway.store.records import (  # noqa: E402
    CellGrid,
    CellMinute,
    Checkpoint,
    Outputs,
    Positions,
    Stay,
    Visit,
    ZoneMinute,
)
from gateway.store.records import Path as WalkedPath  # noqa: E402

START_MS = 1_772_330_400_000
"""Of tick 0: a whole hour."""
DEVICES = 20
MINUTE = 60
GRID = CellGrid(2.0, 0.0, 0.0, 20, 10)


@dataclass(frozen=True)
class WriterSettings:
    """What a writer is started with."""

    journal: str
    address: str
    ticks: int
    """How many there are; it ends when the last one is committed, and waits until all has arrived."""
    pause_s: float = 0.0
    """After each tick."""
    answer_timeout_s: float = 30.0
    limit_bytes: int = LIMIT_BYTES
    finish: bool = True
    """Wait for all to arrive; else end at once."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Read it from the command line."""
        return cls(**msgspec.json.decode(text))

    def command(self) -> list[str]:
        """What starts it."""
        return [sys.executable, str(Path(__file__).resolve()), msgspec.json.encode(asdict(self)).decode()]


def outputs(number: int) -> Outputs:
    """What tick `number` gives: a snapshot, states of visits and stays, each minute what it adds up to."""
    draw = np.random.default_rng(number)
    t_ms = START_MS + (number + 1) * 1000
    devices = [f"{number % 7 * 100 + i:016x}" for i in range(DEVICES)]
    found = Outputs(
        positions=[
            Positions(
                t_ms, "F1", devices, draw.normal(50, 20, (DEVICES, 2)), np.tile(np.eye(2), (DEVICES, 1, 1))
            )
        ],
    )
    for started in (number, number - 30, number - 60):
        if started >= 0:
            visit = _visit(started, number)
            found.visits[visit.visit] = visit
    if number % 10 == 0:
        found.paths.append(WalkedPath(f"p{number}", devices[0], t_ms - 9000, t_ms, b'[{"zone":"S1"}]'))
        found.stays[f"s{number}"] = Stay(f"s{number}", "0" * 16, "P1", t_ms, t_ms, t_ms, None, 0.9)
    if number % MINUTE == MINUTE - 1:
        minute_ms = t_ms - MINUTE * 1000
        found.zone_minutes += [
            ZoneMinute(minute_ms, f"S{i}", mean, most, variance, 1, 2)
            for i, (mean, most, variance) in enumerate(draw.uniform(0, 9, (5, 3)).tolist())
        ]
        index = np.sort(draw.choice(GRID.size, 30, replace=False)).astype(np.int32)
        found.cell_minutes.append(
            CellMinute(minute_ms, "F1", GRID, index, draw.uniform(1, 60, 30).astype(np.float32))
        )
    return found


def _visit(started: int, now: int) -> Visit:
    """A visit that starts with a tick, goes on, and ends 60 ticks later."""
    start_ms, seen_ms = START_MS + started * 1000, START_MS + now * 1000
    ended_ms = seen_ms if now - started == 60 else None
    return Visit(
        f"v{started}", f"{started:016x}", f"S{started % 5}", "F1", start_ms, seen_ms, ended_ms,
        float(now - started), 0.9,
    )  # fmt: skip


def points(ticks: int) -> int:
    """How many points so many ticks are, in arithmetic: what a run without faults is held against."""
    starts = sum(1 for number in range(ticks) if number % 10 == 0)
    minutes = ticks // MINUTE
    hours = max(0, (minutes - 1) // 60)
    return ticks * DEVICES + ticks + 2 * starts + minutes * 6 + hours


def run(settings: WriterSettings) -> None:
    """Go on from the checkpoint to the last tick, whatever fails."""
    client = InfluxClient(
        InfluxAddress.parse(settings.address), major=1, answer_timeout_s=settings.answer_timeout_s
    )
    store = InfluxStore(
        Path(settings.journal), client, "faults", limit_bytes=settings.limit_bytes, pause_s=(0.05, 0.5)
    )
    last = store.checkpoint()
    for number in range(last.position if last else 0, settings.ticks):
        state = Checkpoint(number + 1, START_MS + number * 1000, 1, "site", b"engine", b"recorder")
        while True:
            try:
                store.commit(outputs(number), state)
            except UnavailableError:
                time.sleep(0.1)
            else:
                break
        time.sleep(settings.pause_s)
    while settings.finish and store.state().waiting.bodies:
        time.sleep(0.02)
    store.close()


if __name__ == "__main__":
    run(WriterSettings.of(sys.argv[1]))
