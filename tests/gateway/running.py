"""A gateway as a process of its own, an edge agent that plays a stream into it, and what is in its store."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from contracts.messages import ObservationBatch, encode
from contracts.site import Site, dump_site
from contracts.topics import Topics
from tests.gateway.crowd import AGENT, status

ROOT = Path(__file__).resolve().parents[2]

RESULTS = ("visits", "paths", "zone_minutes", "cell_minutes", "positions")


class GatewayProcess:
    """`mallsense gateway` for a site; its console is at `url` once `start` returns."""

    def __init__(
        self, site: Site, folder: Path, *options: str, environment: dict[str, str] | None = None
    ) -> None:
        self.store = folder / "store.db"
        self._site_file = folder / "site.yaml"
        self._site_file.write_text(dump_site(site), encoding="utf-8")
        self._options = options
        self._environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def launch(self) -> None:
        """Start it and do not wait for anything."""
        command = [sys.executable, "-m", "mallsense", "gateway", "--site", str(self._site_file)]
        self.process = subprocess.Popen(
            [*command, "--store", str(self.store), "--port", "0", *self._options],
            cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it says where it listens."""
        self.launch()
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the gateway did not start: {line!r}"
        self.url = found[0]

    def get(self, path: str) -> bytes:
        """Ask its API."""
        with urllib.request.urlopen(f"{self.url}api/v1/{path}", timeout=10) as answer:
            body: bytes = answer.read()
            return body

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and wait for its end; gives its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@contextmanager
def client(port: int, name: str, *, expiry_s: int = 0) -> Iterator[Client]:
    """An MQTT client of the test's own."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = expiry_s
    made = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
    made.max_queued_messages_set(0)
    made.connect("127.0.0.1", port, properties=properties)
    made.loop_start()
    try:
        yield made
    finally:
        made.disconnect()
        made.loop_stop()


def announce(edge: Client, site: Site) -> None:
    """Publish the birth of the agent that speaks for all nodes."""
    topic = Topics(site.mall.id).agent_status(AGENT)
    edge.publish(topic, encode(status(site)), qos=1, retain=True).wait_for_publish(5)


def play(edge: Client, messages: Sequence[tuple[str, ObservationBatch]], *, pause_s: float = 0.0) -> None:
    """Publish a stream, with a pause after every second of event time."""
    last_ms = messages[0][1].watermark_ms
    last = edge.publish(messages[0][0], encode(messages[0][1]), qos=1)
    for topic, batch in messages[1:]:
        if batch.watermark_ms != last_ms:
            time.sleep(pause_s)
            last_ms = batch.watermark_ms
        last = edge.publish(topic, encode(batch), qos=1)
    last.wait_for_publish(60)


def rows(store: Path, table: str, columns: str = "*") -> list[Any]:
    """What a table of a store holds, in order."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return sorted(connection.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)
    finally:
        connection.close()


def results(store: Path) -> dict[str, list[Any]]:
    """Everything a store says about the past, table by table."""
    found = {table: rows(store, table) for table in RESULTS}
    found["events"] = rows(store, "events", "cursor, id, kind, t_ms, zone, floor, visit, dwell_s")
    return found
