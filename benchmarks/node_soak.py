"""A day of a node at ten times its load: `python benchmarks/node_soak.py [--hours 24] [--per-second 1000]`.

A busy node hears 100 frames a second that count: some hundred phones in range, a tenth of them in the guest
network. This one hears 1,000, of 30,000 addresses an hour, played as fast as it goes through the whole agent
(pseudonyms, batches, spool, MQTT) and a real mosquitto to a subscriber that counts what it gets and confirms
it as a gateway does. The broker is killed (-9) every two hours. Printed for every hour of event time: memory
and file descriptors of the agent's process; at the end what was lost. With `--report docs/faults.md` the
table goes there.
"""

import argparse
import contextlib
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import paho.mqtt.client as mqtt  # noqa: E402
from paho.mqtt.enums import CallbackAPIVersion  # noqa: E402
from paho.mqtt.packettypes import PacketTypes  # noqa: E402
from paho.mqtt.properties import Properties  # noqa: E402

from contracts.broker import BrokerAddress  # noqa: E402
from contracts.messages import (  # noqa: E402
    AgentState,
    FrameKind,
    GatewayStatus,
    ObservationBatch,
    StoredBatches,
    decode,
    encode,
)
from contracts.topics import Topics  # noqa: E402
from edge_agent.agent import run_agent  # noqa: E402
from edge_agent.rotation import SaltRotation  # noqa: E402
from edge_agent.sources import Heard  # noqa: E402
from mallsense.accuracy.report import rewrite  # noqa: E402
from mallsense.accuracy.tables import markdown  # noqa: E402
from tests.support import Mosquitto, find_program  # noqa: E402

TOPICS = Topics("soak")
NODE = "n1"
START_MS = 1_772_330_400_000
HOUR_S = 3600
ADDRESSES_AN_HOUR = 30_000
ELEMENTS = 400
KILL_EVERY_H = 2
SETTINGS = "max_queued_messages 0\nmax_inflight_messages 0"


class Crowd:
    """Phones around a node: addresses last an hour, elements are of some hundred models."""

    nodes = (NODE,)

    def __init__(self, hours: int, per_second: int) -> None:
        self._seconds = hours * HOUR_S
        self._count = per_second

    def blocks(self) -> Iterator[Heard]:
        """Give a block a second."""
        draw, count = random.Random(1), self._count
        models = [b"", *(b"\x01\x04" + draw.randbytes(4) for _ in range(ELEMENTS))]
        offsets = [1000 * i // count for i in range(count)]
        levels = [draw.randrange(-90, -40) for _ in range(5003)]
        pool: list[bytes] = []
        for second in range(self._seconds):
            if second % HOUR_S == 0:
                pool = [b"\x02" + draw.randbytes(5) for _ in range(ADDRESSES_AN_HOUR)]
            start_ms, at = START_MS + 1000 * second, second * 997 % 4000
            yield Heard(
                NODE,
                start_ms + 1000,
                frames=count,
                t_ms=[start_ms + offset for offset in offsets],
                address=draw.choices(pool, k=count),
                rssi_dbm=levels[at : at + count],
                channel=[6] * count,
                frame_kind=[FrameKind.DATA] * count,
                sequence=[(second * count + i) & 4095 for i in range(count)],
                elements=draw.choices(models, k=count),
            )


class Counter:
    """Takes batches as a gateway does: counted once each, confirmed always."""

    def __init__(self, broker: Mosquitto) -> None:
        self.newest_ms = START_MS
        self.observations = self.again = 0
        self._seen: set[tuple[str, int]] = set()
        name = "mallsense-gateway-soak"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
        self._client.on_connect = self._connected
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 1)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = HOUR_S
        self._client.connect(broker.host, broker.port, clean_start=False, properties=properties)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(TOPICS.all_observations, 1)
        here = GatewayStatus(state=AgentState.ONLINE, since_ms=START_MS, confirms=True)
        client.publish(TOPICS.gateway_status(), encode(here), qos=1, retain=True)

    def _message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        batch = decode(message.payload, ObservationBatch)
        if (batch.boot, batch.seq) in self._seen:
            self.again += 1
        else:
            self._seen.add((batch.boot, batch.seq))
            self.observations += len(batch)
            self.newest_ms = max(self.newest_ms, batch.watermark_ms)
        word = StoredBatches(node=batch.node, boot=batch.boot, seqs=[batch.seq])
        client.publish(TOPICS.stored(batch.node), encode(word), qos=1)


def node(port: int, folder: str, hours: int, per_second: int) -> None:
    """Run the agent, in a process of its own."""
    run_agent(
        Crowd(hours, per_second),
        mall="soak",
        agent_id=NODE,
        broker=BrokerAddress("127.0.0.1", port),
        spool_path=Path(folder, "spool.sqlite"),
        key=bytes(range(32)),
        rotation=SaltRotation("Asia/Shanghai"),
        speed=None,
    )


def usage(pid: int) -> tuple[float, int, int]:
    """Return megabytes of memory, file descriptors and threads of a process."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return int(status["VmRSS"].split()[0]) / 1024, files, int(status["Threads"])


def watch(process: Any, counter: Counter, broker: Mosquitto) -> Iterator[tuple[str, ...]]:
    """Give a line for every hour of event time that has arrived; kill the broker now and then."""
    started_s, hour = time.monotonic(), 0
    while process.is_alive():
        time.sleep(0.2)
        now = (counter.newest_ms - START_MS) // (HOUR_S * 1000)
        if now <= hour:
            continue
        hour = now
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            megabytes, files, threads = usage(process.pid)
            took_s = time.monotonic() - started_s
            yield (
                str(hour),
                f"{counter.observations:,}",
                f"{megabytes:.1f}",
                *(str(files), str(threads)),
                f"{took_s:.0f}",
            )
        if hour % KILL_EVERY_H == 0:
            broker.kill()
            time.sleep(1.0)
            broker.start()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--per-second", type=int, default=1000)
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    args = parser.parse_args()
    program = find_program("mosquitto")
    if program is None:
        sys.exit("mosquitto is not installed")
    headings = (
        "hour",
        "observations stored",
        "memory of the agent, MB",
        "file descriptors",
        "threads",
        "after, s",
    )
    rows = []
    with tempfile.TemporaryDirectory(prefix="mallsense-soak-") as folder:
        broker = Mosquitto(program, Path(folder), persistence=True, settings=SETTINGS).start()
        counter = Counter(broker)
        process = multiprocessing.get_context("spawn").Process(
            target=node, args=(broker.port, folder, args.hours, args.per_second)
        )
        process.start()
        print(*headings, sep=" | ")
        for row in watch(process, counter, broker):
            rows.append(row)
            print(*row, sep=" | ", flush=True)
        process.join()
        threading.Event().wait(1.0)
        heard = args.hours * HOUR_S * args.per_second
        counter.stop()
        broker.stop()
    ended = f"{heard:,} heard, {heard - counter.observations:,} lost; {counter.again} batches came twice."
    print(ended)
    if args.report:
        rewrite(args.report, {"soak": f"{markdown(headings, rows)}\n\n{ended}"})


if __name__ == "__main__":
    main()
