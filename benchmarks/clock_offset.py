"""How well a node measures its clock, over a network that delays: the error, and what was promised.

    python benchmarks/clock_offset.py

The real connection, a real mosquitto, and the gateway's answers; between node and broker a relay that holds
back what goes up and what comes down, each for a time drawn anew for every chunk.
"""

import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contracts.broker import BrokerAddress
from contracts.topics import Topics
from edge_agent.clock_offset import FIRST_EVERY_S, KEPT, ClockOffset
from edge_agent.connection import Connection
from gateway.link import Announcement, Delivery, Link
from gateway.time_answers import TimeAnswers
from tests.gateway.crowd import small_site
from tests.support import Mosquitto, find_program, wait_until

OFFSET_S = 3.0
"""What the gateway's clock is ahead of the node's."""


class Case(NamedTuple):
    """A network: longest delay up and down, seconds; each is drawn between half of it and the whole."""

    name: str
    up_s: float
    down_s: float


CASES = (
    Case("no delay", 0.0, 0.0),
    Case("20 ms each way", 0.02, 0.02),
    Case("100 ms up, 20 ms down", 0.1, 0.02),
    Case("500 ms up, 50 ms down", 0.5, 0.05),
)


@contextmanager
def relay(port: int, case: Case) -> Iterator[int]:
    """Stand between a node and the broker; gives the port that the node connects to."""
    drawn = random.Random(7)

    def pump(source: socket.socket, sink: socket.socket, longest_s: float) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(drawn.uniform(longest_s / 2, longest_s))
                sink.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    node, _ = server.accept()
                    broker = socket.create_connection(("127.0.0.1", port))
                    for ends in ((node, broker, case.up_s), (broker, node, case.down_s)):
                        threading.Thread(target=pump, args=ends, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]


def measure(port: int, case: Case) -> tuple[float, float]:
    """Let a node ask until its filter is full; gives its error and the fastest round trip, ms."""
    topics = Topics("small")
    clock = ClockOffset("n10", wall=lambda: time.time() - OFFSET_S, monotonic=time.monotonic)
    with relay(port, case) as through:
        node = Connection(
            BrokerAddress("127.0.0.1", through),
            client_id="n10",
            status_topic=topics.agent_status("n10"),
            birth=b"{}",
            will=b"{}",
            wake=threading.Event(),
            subscriptions={topics.time_answer("n10"): clock.take},
        )
        node.start()
        node.connected.wait(30)
        end_s = time.monotonic() + (KEPT + 1) * FIRST_EVERY_S
        while time.monotonic() < end_s:
            if (request := clock.request()) is not None:
                node.publish(topics.time_request("n10"), request, qos=0)
            time.sleep(0.05)
        node.stop()
    best = clock.best
    if best is None:
        raise RuntimeError("nobody has answered")
    return 1000 * (best.offset_s - OFFSET_S), 1000 * best.round_trip_s


def main() -> None:
    """Measure and print a table."""
    program = find_program("mosquitto")
    if program is None:
        sys.exit("mosquitto is not installed")
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(program, Path(folder)).start()
        answers: list[TimeAnswers] = []

        def arrived(delivery: Delivery) -> None:
            answers[0].take(delivery)

        link = Link(
            BrokerAddress(broker.host, broker.port), "gateway", {Topics("small").all_time_requests: 0},
            Announcement("gateway", b"on", b"off"), arrived,
        )  # fmt: skip
        answers.append(TimeAnswers(small_site(), publish=link.publish, now_us=lambda: time.time_ns() // 1000))
        link.start()
        wait_until(lambda: link.connected)
        print("| network | fastest round trip | error of the offset |\n|---|---|---|")
        for case in CASES:
            error_ms, trip_ms = measure(broker.port, case)
            print(f"| {case.name} | {trip_ms:.1f} ms | {error_ms:+.1f} ms |", flush=True)
        link.stop()
        broker.stop()


if __name__ == "__main__":
    main()
