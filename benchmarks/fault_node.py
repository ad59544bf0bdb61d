"""A node whose spool keeps a record of what it has acknowledged: the witness in `node_faults.py`.

Run as a process of its own, `python benchmarks/fault_node.py SETTINGS` with JSON of `NodeSettings`, so that
it can be killed. The record holds one line for each batch that is on disk, written and synced after the spool
has said so, and one for each that the spool has dropped and counted. Every observation differs from all
others.
"""

import dataclasses
import hashlib
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402

from contracts.broker import BrokerAddress  # noqa: E402
from contracts.messages import FrameKind, ObservationBatch, decode  # noqa: E402
from edge_agent import agent as agent_module  # noqa: E402
from edge_agent.agent import Progress, run_agent  # noqa: E402
from edge_agent.rotation import SaltRotation  # noqa: E402
from edge_agent.sources import Heard  # noqa: E402
from edge_agent.spool import Spool, Spooled  # noqa: E402

KEY = bytes(range(32))
PHONES = 60


@dataclasses.dataclass(frozen=True)
class NodeSettings:
    """What a node is started with."""

    broker: str
    mall: str
    node: str
    spool: str
    record: str
    start_ms: int
    seconds: int
    """Event time to play; the node then waits until everything is stored."""
    per_second: int = 100
    speed: float | None = 60.0
    max_bytes: int = 1 << 30
    steps: tuple[tuple[int, int], ...] = ()
    """(second, milliseconds): by how much the clock is off from that second on."""


class Phones:
    """Phones that stand around a node and are heard all the time."""

    def __init__(self, settings: NodeSettings) -> None:
        self.nodes = (settings.node,)
        self._settings = settings

    def blocks(self) -> Iterator[Heard]:
        """Give a block a second."""
        settings = self._settings
        draw = random.Random(1)
        phones = [b"\x00" + draw.randbytes(5) for _ in range(PHONES)]
        count, off_ms = settings.per_second, 0
        steps = dict(settings.steps)
        for second in range(settings.seconds):
            off_ms = steps.get(second, off_ms)
            start_ms = settings.start_ms + 1000 * second + off_ms
            first = second * count
            yield Heard(
                settings.node,
                start_ms + 1000,
                frames=count,
                t_ms=[start_ms + 1000 * i // count for i in range(count)],
                address=[phones[(first + i) % PHONES] for i in range(count)],
                rssi_dbm=[draw.randrange(-80, -50) for _ in range(count)],
                channel=[6] * count,
                frame_kind=[FrameKind.DATA] * count,
                sequence=[(first + i) % 4096 for i in range(count)],
                elements=[b""] * count,
            )


class RecordedSpool(Spool):
    """A spool that writes down what it has acknowledged and what it has given up."""

    record: Path

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        super().__init__(path, max_bytes=max_bytes)
        self._record = os.open(self.record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._known = {batch.row: batch for batch in self.peek(0, 1 << 30)}

    def _write(self, new: Sequence[Spooled], acked: Sequence[int]) -> None:
        super()._write(new, acked)
        self._known.update((batch.row, batch) for batch in new)
        self._note("kept", new)

    def give_up(self, rows: Sequence[int]) -> None:
        """Note what is dropped, and drop it."""
        self._note("dropped", [self._known[row] for row in rows if row in self._known])
        super().give_up(rows)

    def _note(self, what: str, batches: Sequence[Spooled]) -> None:
        lines = []
        for batch in batches:
            count = len(decode(batch.payload, ObservationBatch))
            name = f"{batch.node} {batch.boot} {batch.seq}"
            lines.append(f"{what} {name} {count} {digest(batch.payload)}\n")
        if lines:
            os.write(self._record, "".join(lines).encode())
            os.fsync(self._record)


def digest(payload: bytes) -> str:
    """Give what tells one payload from all others."""
    return hashlib.blake2b(payload, digest_size=8).hexdigest()


def main() -> None:
    """Run the node; SIGTERM stops it in the ordinary way."""
    settings = msgspec.json.decode(sys.argv[1], type=NodeSettings)
    RecordedSpool.record = Path(settings.record)
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    with mock.patch.object(agent_module, "Spool", RecordedSpool):
        done = play(settings, stop)
    print(json.dumps(dataclasses.asdict(done)))


def play(settings: NodeSettings, stop: threading.Event) -> Progress:
    """Run the agent to its end."""
    return run_agent(
        Phones(settings),
        mall=settings.mall,
        agent_id=settings.node,
        broker=BrokerAddress.parse(settings.broker),
        spool_path=Path(settings.spool),
        key=KEY,
        rotation=SaltRotation("Asia/Shanghai"),
        speed=settings.speed,
        stop=stop,
        live=True,
        max_spool_bytes=settings.max_bytes,
    )


if __name__ == "__main__":
    main()
