"""What a mall loses when its parts fail: `python benchmarks/node_faults.py [--tries 200] [--only NAME ...]`.

Network namespaces, a real mosquitto, a real gateway, a real node (`fault_lab.py`); needs root, some minutes,
and longer with more `--tries`. After each fault everything is given time to come to rest; then what the
node's spool had acknowledged, and what it had heard where it lived to tell, is held against the store.
Prints a Markdown table; with `--report docs/faults.md` it goes there.
"""

import argparse
import contextlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.fault_lab import START_MS, Lab, Verdict  # noqa: E402
from mallsense.accuracy.report import rewrite  # noqa: E402
from mallsense.accuracy.tables import markdown  # noqa: E402

LIFE_MS = 1_000_000
"""Event time between the starts of two lives of a node: observations of one are never those of another."""
HEADINGS = ("fault", "tries", "heard", "on disk of the node", "dropped, counted", "**lost**", "**doubled**")


@dataclass(frozen=True)
class Outcome:
    """What a fault has cost."""

    tries: int
    heard: int | None
    """None where the node was killed, and what it had heard in its last second died with it."""
    verdict: Verdict

    def lost(self) -> int:
        """Observations that are not in the store and were not counted as dropped either."""
        missing = 0 if self.heard is None else self.heard - self.verdict.stored - self.verdict.dropped
        return max(self.verdict.lost, missing)


def control(lab: Lab, _tries: int, _draw: random.Random) -> Outcome:
    """Nothing fails."""
    lab.broker()
    lab.gateway()
    lab.node(seconds=600, start_ms=START_MS)
    return _rest(lab, 1)


def link_cut(lab: Lab, _tries: int, _draw: random.Random) -> Outcome:
    """The cable is out for an hour of event time, and the node goes on hearing."""
    lab.broker()
    lab.gateway()
    lab.node(seconds=4200, start_ms=START_MS, speed=120.0)
    time.sleep(2.5)
    lab.cut()
    time.sleep(30.0)
    lab.mend()
    return _rest(lab, 1)


def packet_loss(lab: Lab, _tries: int, _draw: random.Random) -> Outcome:
    """A fifth of the packets is lost, both ways."""
    lab.broker()
    lab.gateway()
    lab.lose_packets(20)
    lab.node(seconds=400, start_ms=START_MS, speed=20.0)
    time.sleep(30.0)
    lab.lose_packets(0)
    return _rest(lab, 1)


def broker_killed(lab: Lab, tries: int, draw: random.Random) -> Outcome:
    """The broker is killed (-9) under load, again and again."""
    return _killed(lab, tries, draw, "broker", lab.broker)


def forgetful_broker_killed(lab: Lab, tries: int, draw: random.Random) -> Outcome:
    """The same with a broker that saves nothing at all."""
    conf = lab.folder / "mosquitto.conf"
    conf.write_text(conf.read_text().replace("persistence true", "persistence false"))
    return _killed(lab, tries, draw, "broker", lab.broker)


def gateway_killed(lab: Lab, tries: int, draw: random.Random) -> Outcome:
    """The gateway is killed (-9) under load, again and again."""
    return _killed(lab, max(tries // 4, 1), draw, "gateway", lab.gateway)


def node_killed(lab: Lab, tries: int, draw: random.Random) -> Outcome:
    """The node is killed (-9) at random moments; in every second life the cable is out."""
    lab.broker()
    lab.gateway()
    for life in range(tries):
        if life % 2:
            lab.cut()
        lab.node(seconds=900, start_ms=START_MS + life * LIFE_MS)
        time.sleep(draw.uniform(0.8, 3.5))
        lab.kill("node")
        lab.mend()
    lab.node(seconds=1, start_ms=START_MS + tries * LIFE_MS)
    lab.finish()
    return Outcome(tries, None, lab.verdict())


def all_killed(lab: Lab, tries: int, draw: random.Random) -> Outcome:
    """Node, broker and gateway are killed (-9) in the same moment, as when the mall's power fails."""
    rounds = max(tries // 8, 1)
    for life in range(rounds):
        lab.broker()
        lab.gateway()
        if life % 2:
            lab.cut()
        lab.node(seconds=900, start_ms=START_MS + life * LIFE_MS)
        time.sleep(draw.uniform(1.0, 5.0))
        for what in ("node", "broker", "gateway"):
            lab.kill(what)
        lab.mend()
    lab.broker()
    lab.gateway()
    lab.node(seconds=1, start_ms=START_MS + rounds * LIFE_MS)
    lab.finish()
    return Outcome(rounds, None, lab.verdict())


def node_disk_full(lab: Lab, _tries: int, _draw: random.Random) -> Outcome:
    """The node's disk of 8 MB fills while the cable is out; then the cable is put back."""
    lab.broker()
    lab.gateway()
    with _small_disk(lab.folder / "card", 8) as card:
        lab.node(seconds=1800, start_ms=START_MS, spool=card / "spool.sqlite")
        time.sleep(1.0)
        lab.cut()
        time.sleep(20.0)
        lab.mend()
        return _rest(lab, 1)


def spool_full(lab: Lab, _tries: int, _draw: random.Random) -> Outcome:
    """The cable is out for longer than a spool of 4 MB can hold."""
    lab.broker()
    lab.gateway()
    lab.node(seconds=1800, start_ms=START_MS, max_bytes=4_000_000)
    time.sleep(1.0)
    lab.cut()
    time.sleep(20.0)
    lab.mend()
    return _rest(lab, 1)


def store_disk_full(lab: Lab, _tries: int, _draw: random.Random) -> Outcome:
    """The disk of the gateway's store is full for a quarter of an hour of event time."""
    lab.broker()
    with _small_disk(lab.folder / "disk", 64) as disk:
        lab.gateway(disk / "store.db")
        lab.node(seconds=1800, start_ms=START_MS)
        time.sleep(3.0)
        filler = disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        time.sleep(15.0)
        filler.unlink()
        return _rest(lab, 1, disk / "store.db")


def clock_stepped(lab: Lab, _tries: int, _draw: random.Random) -> Outcome:
    """The node's clock goes an hour ahead, back, an hour behind and back; the cable is out for part of it."""
    lab.broker()
    lab.gateway()
    steps = ((300, 3_600_000), (600, 0), (900, -3_600_000), (1200, 0))
    lab.node(seconds=1500, start_ms=START_MS, steps=steps)
    time.sleep(8.0)
    lab.cut()
    time.sleep(10.0)
    lab.mend()
    return _rest(lab, 4)


FAULTS: dict[str, tuple[str, Callable[[Lab, int, random.Random], Outcome]]] = {
    "control": ("none", control),
    "link": ("link cut for an hour of event time", link_cut),
    "packets": ("20 % of packets lost, both ways", packet_loss),
    "broker": ("broker killed -9", broker_killed),
    "forgetful": ("broker without persistence killed -9", forgetful_broker_killed),
    "gateway": ("gateway killed -9", gateway_killed),
    "node": ("node killed -9", node_killed),
    "all": ("node, broker and gateway killed -9 at once", all_killed),
    "card": ("disk of the node full", node_disk_full),
    "spool": ("spool full", spool_full),
    "disk": ("disk of the store full", store_disk_full),
    "clock": ("clock of the node stepped by an hour", clock_stepped),
}


def _killed(lab: Lab, tries: int, draw: random.Random, victim: str, start: Callable[[], object]) -> Outcome:
    """Kill something under load again and again; the node lives through it."""
    lab.broker()
    lab.gateway()
    lab.node(seconds=tries * 240, start_ms=START_MS, speed=20.0)
    for _ in range(tries):
        time.sleep(draw.uniform(0.5, 3.0))
        lab.kill(victim)
        time.sleep(draw.uniform(0.0, 1.0))
        start()
    lab.processes["node"].send_signal(signal.SIGTERM)
    heard = int(lab.finish()["observations"])
    lab.node(seconds=1, start_ms=START_MS + tries * LIFE_MS)  # sends what the first one has left in the spool
    return Outcome(tries, heard + int(lab.finish()["observations"]), lab.verdict())


def _rest(lab: Lab, tries: int, store: Path | None = None) -> Outcome:
    """Wait for the node to be done, and judge."""
    last = lab.finish()
    return Outcome(tries, int(last["observations"]), lab.verdict(store))


@contextlib.contextmanager
def _small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def row(words: str, outcome: Outcome) -> tuple[str, ...]:
    """Give a line of the table."""
    verdict = outcome.verdict
    figures = (verdict.acknowledged, verdict.dropped, outcome.lost(), verdict.doubled)
    heard = "" if outcome.heard is None else f"{outcome.heard:,}"
    return (words, f"{outcome.tries:,}", heard, *(f"{figure:,}" for figure in figures))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=20, help="how often something is killed")
    parser.add_argument("--only", nargs="*", choices=sorted(FAULTS), default=list(FAULTS))
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    parser.add_argument("--keep", type=Path, help="folder that keeps logs and stores")
    args = parser.parse_args()
    rows = []
    print(*HEADINGS, sep=" | ")
    for name in args.only:
        words, fault = FAULTS[name]
        folder = (args.keep or Path(tempfile.mkdtemp(prefix="mallsense-faults-"))) / name
        start_s = time.monotonic()
        with Lab(folder) as lab:
            rows.append(row(words, fault(lab, args.tries, random.Random(name))))
        print(*rows[-1], f"{time.monotonic() - start_s:.0f} s", sep=" | ", flush=True)
        if args.keep is None:
            shutil.rmtree(folder.parent)
    if args.report:
        rewrite(args.report, {"faults": markdown(HEADINGS, rows)})


if __name__ == "__main__":
    main()
