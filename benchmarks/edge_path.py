"""Observations a second from source to broker: pseudonyms, batches, spool, MQTT, on one machine.

    python benchmarks/edge_path.py [--devices 20000] [--nodes 200] [--seconds 60] [--broker mqtt://...]

Without --broker it starts a mosquitto of its own. 20,000 phones heard by 8 receivers each every 10 s are
16,000 observations a second; the figure printed is how much faster than that the agent is.
"""

import argparse
import cProfile
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from contracts.broker import BrokerAddress  # noqa: E402  # found once the root is on the path
from contracts.messages import FrameKind  # noqa: E402
from edge_agent.agent import run_agent  # noqa: E402
from edge_agent.sources import Heard  # noqa: E402
from tests.edge_agent.helpers import KEY, ROTATION, T0_MS, Gateway  # noqa: E402
from tests.support import Mosquitto, find_program  # noqa: E402

MALL = "benchmark"
NEEDED = 16_000


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
    crowd = Crowd(options.nodes, options.devices, options.seconds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = BrokerAddress.parse(options.broker) if options.broker else _own_broker(folder, stack)
        gateway = stack.enter_context(Gateway(address.host, address.port, MALL))
        profile = stack.enter_context(cProfile.Profile()) if options.profile else None
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        done = run_agent(
            crowd,
            mall=MALL,
            agent_id="bench",
            broker=address,
            spool_path=folder / "spool",
            key=KEY,
            rotation=ROTATION,
            speed=options.speed,
            broker_timeout_s=10,
        )
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        if profile:
            profile.print_stats("tottime")
        sent_bytes = sum(len(payload) for payload in gateway.of("observations"))
    rate = done.observations / wall_s
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{done.observations:,} observations, {options.nodes} nodes, {done.sent:,} batches: {wall_s:.2f} s")
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
