"""A mall in two network namespaces: broker and gateway in one, a node in the other, a cable between them.

Everything is real and a process of its own: mosquitto as docs/operations.md sets it, `mallsense gateway`, the
edge agent of `fault_node.py`. Needs root. `Lab.verdict` holds the node's record against the gateway's store.
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.fault_node import NodeSettings, digest  # noqa: E402
from contracts.messages import ObservationBatch, decode  # noqa: E402
from contracts.site import Retention, dump_site  # noqa: E402
from tests.gateway.crowd import small_site  # noqa: E402
from tests.support import find_program, wait_until  # noqa: E402

MALL, NODE = "faults", "n10"
START_MS = 1_772_330_400_000
PORT = 1883
BROKER = """
listener {port} 0.0.0.0
allow_anonymous true
user root
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
max_queued_messages 0
max_inflight_messages 0
log_dest file {folder}/mosquitto.log
"""
Key = tuple[str, str, int]


@dataclass(frozen=True)
class Verdict:
    """What became of the observations that the spool had acknowledged, in numbers of observations."""

    acknowledged: int
    dropped: int
    """Given up by the spool, and counted, because it was full."""
    lost: int
    doubled: int
    stored: int
    """All in the store, also those that were stored before the spool wrote them down."""


@dataclass
class Lab:
    """One mall. Every process is started by a method, and ended with the `with` block."""

    folder: Path
    name: str = f"ms{os.getpid() % 10_000}"
    hub_address: str = "10.77.0.1"
    node_address: str = "10.77.0.2"
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    retention_h: int = 24 * 365

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        hub, node = f"{self.name}-hub", f"{self.name}-node"
        for space in (hub, node):
            _ip("netns", "add", space)
            _ip("-n", space, "link", "set", "lo", "up")
        _ip("link", "add", f"{self.name}h", "type", "veth", "peer", "name", f"{self.name}n")
        for space, end, address in (
            (hub, f"{self.name}h", self.hub_address),
            (node, f"{self.name}n", self.node_address),
        ):
            _ip("link", "set", end, "netns", space)
            _ip("-n", space, "addr", "add", f"{address}/24", "dev", end)
            _ip("-n", space, "link", "set", end, "up")
        site = small_site(MALL)
        site = site.model_copy(update={"retention": Retention(observations_h=self.retention_h)})
        (self.folder / "site.yaml").write_text(dump_site(site), encoding="utf-8")
        (self.folder / "mosquitto.conf").write_text(BROKER.format(port=PORT, folder=self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        for end in ("hub", "node"):
            _ip("netns", "del", f"{self.name}-{end}")

    # The cable

    def cut(self) -> None:
        """Pull the cable."""
        _ip("-n", f"{self.name}-hub", "link", "set", f"{self.name}h", "down")

    def mend(self) -> None:
        """Put it back."""
        _ip("-n", f"{self.name}-hub", "link", "set", f"{self.name}h", "up")

    def lose_packets(self, percent: int) -> None:
        """Lose packets at random, both ways; 0 = none. With nftables: not every kernel has netem."""
        for space in ("hub", "node"):
            nft = ["ip", "netns", "exec", f"{self.name}-{space}", "nft"]
            if not percent:
                subprocess.run([*nft, "delete", "table", "ip", "faults"], check=True)
                continue
            rules = (
                "add table ip faults",
                "add chain ip faults input { type filter hook input priority 0; policy accept; }",
                f'add rule ip faults input iifname != "lo" numgen random mod 100 < {percent} drop',
            )
            subprocess.run([*nft, "-f", "-"], input="\n".join(rules) + "\n", text=True, check=True)

    # The processes

    def broker(self) -> None:
        """Start mosquitto."""
        program = find_program("mosquitto")
        if program is None:
            sys.exit("mosquitto is not installed")
        self._start("broker", "hub", [program, "-c", str(self.folder / "mosquitto.conf")])
        time.sleep(0.2)

    def gateway(self, store: Path | None = None, *, wait: bool = True) -> None:
        """Start the gateway, by default on the store in the lab's folder."""
        command = [sys.executable, "-m", "mallsense", "gateway", "--site", str(self.folder / "site.yaml")]
        command += ["--store", str(store or self.store), "--port", "0"]
        command += ["--broker", f"mqtt://127.0.0.1:{PORT}"]
        self._start("gateway", "hub", command)
        if wait:
            stdout = self.processes["gateway"].stdout
            line = stdout.readline() if stdout else ""
            if "console" not in line:
                sys.exit(f"the gateway did not start: see {self.folder}/gateway.log")

    def node(self, *, seconds: int, start_ms: int, spool: Path | None = None, **more: Any) -> None:
        """Start the node; it ends when it has played so many seconds and all of it is stored."""
        settings = NodeSettings(
            broker=f"mqtt://{self.hub_address}:{PORT}", mall=MALL, node=NODE,
            spool=str(spool or self.folder / "spool.sqlite"), record=str(self.record),
            start_ms=start_ms, seconds=seconds, **more,
        )  # fmt: skip
        command = [sys.executable, str(ROOT / "benchmarks/fault_node.py")]
        self._start("node", "node", [*command, msgspec.json.encode(asdict(settings)).decode()])

    def kill(self, what: str) -> None:
        """End a process as a power cut would."""
        self.processes[what].kill()
        self.processes[what].wait()

    def stop(self, what: str) -> None:
        """Ask a process to end, and wait."""
        self.processes[what].send_signal(signal.SIGTERM)
        self.processes[what].wait(60)

    def finish(self, timeout_s: float = 600.0) -> Mapping[str, Any]:
        """Wait until the node has played everything and it is stored; give its last words."""
        output, _ = self.processes["node"].communicate(timeout=timeout_s)
        last: Mapping[str, Any] = msgspec.json.decode(output)
        return last

    def wait_for_commit(self) -> None:
        """Wait until the spool has written something new down."""
        before = self.record.stat().st_size if self.record.exists() else 0
        wait_until(lambda: self.record.exists() and self.record.stat().st_size > before, 60)

    def _start(self, name: str, space: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                ["ip", "netns", "exec", f"{self.name}-{space}", *command],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip

    # What became of it

    @property
    def store(self) -> Path:
        """The gateway's store."""
        return self.folder / "store.db"

    @property
    def record(self) -> Path:
        """The node's record of what its spool has acknowledged."""
        return self.folder / "record"

    def verdict(self, store: Path | None = None) -> Verdict:
        """Hold the node's record against the store."""
        return judge(self.record, store or self.store)


def judge(record: Path, store: Path) -> Verdict:
    """Hold a node's record against the journal of a store."""
    stored: dict[Key, str] = {}
    heard: Counter[tuple[object, ...]] = Counter()
    for key, payload in _journal(store):
        stored[key] = digest(payload)
        batch = decode(payload, ObservationBatch)
        heard.update(zip(batch.t_ms, batch.device, batch.sequence, strict=True))
    kept: dict[Key, tuple[int, str]] = {}
    dropped: dict[Key, int] = {}
    for line in record.read_text().splitlines() if record.exists() else ():
        what, node, boot, seq, count, text = line.split()
        if what == "kept":
            kept[node, boot, int(seq)] = int(count), text
        else:
            dropped[node, boot, int(seq)] = int(count)
    lost = {key: count for key, (count, text) in kept.items() if stored.get(key) != text}
    return Verdict(
        acknowledged=sum(count for count, _ in kept.values()),
        dropped=sum(count for key, count in lost.items() if key in dropped),
        lost=sum(count for key, count in lost.items() if key not in dropped),
        doubled=sum(count - 1 for count in heard.values()),
        stored=sum(heard.values()),
    )


def _journal(store: Path) -> Iterator[tuple[Key, bytes]]:
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        query = "SELECT node, boot, seq, payload FROM journal WHERE boot IS NOT NULL"
        for node, boot, seq, packed in database.execute(query):
            yield (node, boot, seq), zlib.decompress(packed)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
