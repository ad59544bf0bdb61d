"""How the nodes of a mall come back when its broker restarts: no second may bring them all.

    python benchmarks/reconnect.py [--nodes 200] [--away 0 2 10]

The real connection of the edge agent and a real mosquitto on this machine: it is stopped, left away for a
while and started again; how many nodes come back in the busiest second, and how long the last one takes.
"""

import argparse
import logging
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contracts.broker import BrokerAddress  # found once the root is on the path
from edge_agent.connection import Connection
from tests.support import Mosquitto, find_program, wait_until


class Node(Connection):
    """A connection that notes when it came back."""

    def __init__(self, number: int, broker: Mosquitto) -> None:
        super().__init__(
            BrokerAddress(broker.host, broker.port),
            client_id=f"node{number}",
            status_topic=f"reconnect/{number}",
            birth=b"on",
            will=b"off",
            wake=threading.Event(),
        )
        self.back_s = 0.0

    def watch(self, times: int) -> None:
        """Note when it is connected for the `times`-th time."""
        if self.connections >= times and not self.back_s:
            self.back_s = time.monotonic()


def outage(nodes: list[Node], broker: Mosquitto, away_s: float) -> tuple[int, float]:
    """Restart the broker; gives the nodes in the busiest second and the seconds until the last is back."""
    times = nodes[0].connections + 1
    for node in nodes:
        node.back_s = 0.0
    broker.kill()
    wait_until(lambda: not any(node.connected.is_set() for node in nodes))
    time.sleep(away_s)
    broker.start()
    start_s = time.monotonic()
    while not all(node.back_s for node in nodes):
        for node in nodes:
            node.watch(times)
        time.sleep(0.01)
    # The busiest second may begin at any of them.
    after_s = sorted(node.back_s - start_s for node in nodes)
    seconds = Counter({t: sum(t <= other < t + 1 for other in after_s) for t in after_s})
    return seconds.most_common(1)[0][1], after_s[-1]


def main() -> None:
    """Measure and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, default=200)
    options.add_argument("--away", type=float, nargs="+", default=[0.0, 2.0, 10.0])
    chosen = options.parse_args()
    logging.disable(logging.WARNING)
    program = find_program("mosquitto")
    if program is None:
        sys.exit("mosquitto is not installed")
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(program, Path(folder)).start()
        nodes = [Node(number, broker) for number in range(chosen.nodes)]
        for node in nodes:
            node.start()
        wait_until(lambda: all(node.connected.is_set() for node in nodes), 60)
        print("| broker away | nodes | in the busiest second | last one back after |\n|---|---|---|---|")
        for away_s in chosen.away:
            busiest, last_s = outage(nodes, broker, away_s)
            print(f"| {away_s:g} s | {len(nodes)} | {busiest} | {last_s:.1f} s |", flush=True)
        for node in nodes:
            node.stop(timeout_s=0.1)
        broker.stop()


if __name__ == "__main__":
    main()
