"""The way from a frame to the broker: what each stage costs, and how many observations a second it takes.

    python -m benchmarks.edge_path [--devices 20000] [--nodes 200] [--seconds 60] [--broker mqtt://...]

First the recorded frames (MALLSENSE_DATA or ../shared/data), as one node would hear them in a busy hall: a
stage more each time, the whole agent last. Then a crowd's observations, made beforehand: 20,000 devices heard
by 8 receivers each every 10 s are 16,000 a second; printed is how much faster than that the agent is.
Without --broker it starts a mosquitto of its own.
"""

import argparse
import cProfile
import itertools
import math
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.fuzz_frames import real_frames
from contracts.broker import BrokerAddress
from contracts.messages import FrameKind, ObservationBatch, encode
from edge_agent.agent import LONGEST_HOLD_MS, Progress, run_agent
from edge_agent.batcher import Batcher
from edge_agent.frames import parse_frame
from edge_agent.pcap import PcapFile
from edge_agent.pseudonym import Pseudonyms
from edge_agent.sources import Heard, Source
from edge_agent.sources.pcap import PcapSource
from edge_agent.spool import Spool
from tests.edge_agent.helpers import KEY, ROTATION, T0_MS, Gateway, pcap
from tests.support import Mosquitto, find_program

MALL = "benchmark"
NEEDED = 16_000
A_SECOND = 1_000
"""Frames a second that the stages are measured with; a phone in use sends some tens."""
ROUNDS = 5


class Crowd:
    """Blocks made beforehand, so that making them is not measured."""

    def __init__(self, nodes: int, devices: int, seconds: int) -> None:
        self.nodes = tuple(f"n{i}" for i in range(nodes))
        draw = random.Random(1)
        addresses = [draw.randbytes(6) for _ in range(devices)]
        models = [draw.randbytes(80) for _ in range(60)]
        per_block = devices * 8 // 10 // nodes
        self._blocks = [
            Heard(
                node,
                T0_MS + second * 1000 + 1000,
                frames=per_block,
                t_ms=[T0_MS + second * 1000 + i * 1000 // per_block for i in range(per_block)],
                address=draw.choices(addresses, k=per_block),
                rssi_dbm=draw.choices(range(-95, -30), k=per_block),
                channel=[6] * per_block,
                frame_kind=[FrameKind.PROBE] * per_block,
                sequence=draw.choices(range(4096), k=per_block),
                elements=draw.choices(models, k=per_block),
            )
            for second in range(seconds)
            for node in self.nodes
        ]

    def blocks(self) -> Iterator[Heard]:
        """Give them."""
        yield from self._blocks


class Stages:
    """The way of recorded frames, a stage longer each time."""

    def __init__(self, folder: Path, broker: BrokerAddress) -> None:
        self._folder = folder
        self._broker = broker
        self._path = folder / "dense.pcap"
        frames = real_frames()
        self.frames = len(frames)
        self._path.write_bytes(
            pcap([(T0_MS + i * 1000 // A_SECOND, frame) for i, frame in enumerate(frames)])
        )
        self._spools = 0

    def measure(self) -> None:
        """Print the processor time, of all threads, up to each stage: the least of some rounds."""
        stages: dict[str, Callable[[], object]] = {
            "reading the capture": self._read,
            "parser": self._parse,
            "columns of a second": lambda: self._blocks(_nothing),
            "pseudonyms, batches": lambda: self._batches(_nothing),
            "JSON": lambda: self._batches(encode),
            "spool, all of it on disk": self._spool,
            "the agent, with mosquitto": self._send,
        }
        took_s = dict.fromkeys(stages, math.inf)
        for _, (name, work) in itertools.product(range(ROUNDS), stages.items()):
            start_s = time.process_time()
            work()
            took_s[name] = min(took_s[name], time.process_time() - start_s)
        print(f"{self.frames:,} recorded frames, {A_SECOND:,} a second of one node\n")
        print(f"{'up to and with':28} {'us of processor a frame':>24}")
        for name, up_to_here_s in took_s.items():
            print(f"{name:28} {1e6 * up_to_here_s / self.frames:24.2f}")

    def _read(self) -> None:
        for _ in PcapFile(self._path):
            pass

    def _parse(self) -> None:
        for packet in PcapFile(self._path):
            parse_frame(packet.data)

    def _blocks(self, use: Callable[[Heard], object]) -> None:
        for heard in PcapSource("n1", [self._path]).blocks():
            use(heard)

    def _batches(
        self, use: Callable[[ObservationBatch], object], after: Callable[[], None] | None = None
    ) -> None:
        batcher = Batcher(Pseudonyms(KEY, ROTATION), boot="0" * 16, number=itertools.count().__next__)
        batcher.hold_ms = LONGEST_HOLD_MS

        def add(heard: Heard) -> None:
            for batch in batcher.add(heard):
                use(batch)
            if after:
                after()

        self._blocks(add)

    def _spool(self) -> None:
        spool = Spool(self._new_spool())
        self._batches(lambda batch: spool.append("n1", batch.seq, encode(batch)), spool.commit)
        spool.close()

    def _send(self) -> None:
        _agent(PcapSource("n1", [self._path]), self._broker, self._new_spool(), None)

    def _new_spool(self) -> Path:
        self._spools += 1
        return self._folder / f"spool{self._spools}"


def _nothing(_: object) -> None:
    pass


def _agent(source: Source, broker: BrokerAddress, spool: Path, speed: float | None) -> Progress:
    return run_agent(
        source,
        mall=MALL,
        agent_id="bench",
        broker=broker,
        spool_path=spool,
        key=KEY,
        rotation=ROTATION,
        speed=speed,
        broker_timeout_s=10,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--devices", type=int, default=20_000)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--speed", type=float, default=None, help="as fast as possible where not given")
    parser.add_argument("--broker")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = BrokerAddress.parse(options.broker) if options.broker else _own_broker(folder, stack)
        gateway = stack.enter_context(Gateway(address.host, address.port, MALL))
        Stages(folder, address).measure()
        gateway.messages.clear()
        crowd = Crowd(options.nodes, options.devices, options.seconds)
        profile = stack.enter_context(cProfile.Profile()) if options.profile else None
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        done = _agent(crowd, address, folder / "spool", options.speed)
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        if profile:
            profile.print_stats("tottime")
        sent_bytes = sum(len(payload) for payload in gateway.of("observations"))
    rate = done.observations / wall_s
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{done.observations:,} observations, {options.nodes} nodes, {done.sent:,} batches: {wall_s:.2f} s"
    )
    print(f"{rate:,.0f} observations/s, {rate / NEEDED:.1f} times {NEEDED:,}/s")
    print(f"CPU {1e6 * cpu_s / done.observations:.2f} us an observation, the listening client included")
    print(f"{sent_bytes / done.observations:.1f} bytes an observation; peak memory {memory_mb:.0f} MB")


def _own_broker(folder: Path, stack: ExitStack) -> BrokerAddress:
    program = find_program("mosquitto")
    if program is None:
        sys.exit("mosquitto is not installed; name a broker with --broker")
    broker = Mosquitto(program, folder).start()
    stack.callback(broker.stop)
    return BrokerAddress(broker.host, broker.port)


if __name__ == "__main__":
    main()
