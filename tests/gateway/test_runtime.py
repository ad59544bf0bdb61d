"""Starting, losing things and finding them again."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError
from contracts.messages import AgentState, GatewayStatus, ObservationBatch, decode, encode
from contracts.topics import Topics
from gateway.broker import EmbeddedBroker
from gateway.runtime import Gateway, Settings, listen
from tests.gateway.crowd import BOOT, START_MS, small_site
from tests.gateway.running import ROOT, GatewayProcess, client, rows
from tests.support import Mosquitto, free_port, wait_until

TOPICS = Topics("small")


def settings(folder: Path, broker: Mosquitto | None = None) -> Settings:
    """Settings for a small mall on free ports."""
    address = BrokerAddress("127.0.0.1", broker.port) if broker else None
    return Settings(site=small_site(), store=folder / "store.db", broker=address, broker_port=0, port=0)


def heartbeat(seq: int) -> bytes:
    """A batch with nothing in it."""
    return encode(ObservationBatch(node="n11", boot=BOOT, seq=seq, watermark_ms=START_MS + 1000 * seq))


def batches(store: Path) -> list[int]:
    """The numbers of the batches in the journal."""
    return sorted(seq for (seq,) in rows(store, "journal", "seq") if seq is not None)


def test_broker_that_restarts(mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path) -> None:
    """A gateway whose broker is killed and comes back goes on taking batches, each once."""
    broker = mosquitto_factory()
    with Gateway(settings(tmp_path, broker)) as gateway:
        wait_until(lambda: gateway.health().status != "degraded")
        with client(broker.port, "edge") as edge:
            edge.publish(TOPICS.observations("n11"), heartbeat(0), qos=1).wait_for_publish(5)
            wait_until(lambda: batches(tmp_path / "store.db") == [0])
        broker.kill()
        wait_until(lambda: gateway.health().status == "degraded")
        broker.start()
        wait_until(lambda: gateway.health().status != "degraded", 30)
        with client(broker.port, "edge") as edge:
            for seq in (0, 1):
                edge.publish(TOPICS.observations("n11"), heartbeat(seq), qos=1).wait_for_publish(5)
            wait_until(lambda: batches(tmp_path / "store.db") == [0, 1])
    broker.stop()


def test_birth_goodbye_and_will(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The broker knows when the gateway is there, when it has gone, and when it has died."""
    states: list[AgentState] = []

    def arrived(_client: Client, _data: object, message: MQTTMessage) -> None:
        states.append(decode(bytes(message.payload), GatewayStatus).state)

    with client(mosquitto.port, "watcher") as watcher:
        watcher.on_message = arrived
        watcher.subscribe(TOPICS.gateway_status(), qos=1)
        gateway = GatewayProcess(small_site(), tmp_path, "--broker", f"mqtt://127.0.0.1:{mosquitto.port}")
        for number, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
            gateway.start()
            wait_until(lambda: states[-1:] == [AgentState.ONLINE], 30)
            assert gateway.end(number) == code
            wait_until(lambda: states[-1:] == [AgentState.OFFLINE], 60)


def test_store_that_is_locked_for_a_while(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store cannot be written the gateway says so and keeps what comes; then it writes it."""
    monkeypatch.setattr("gateway.store.files.BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr("gateway.runtime.RETRY_S", (0.05, 0.1))
    with Gateway(settings(tmp_path, mosquitto)) as gateway, client(mosquitto.port, "edge2") as edge:
        wait_until(lambda: gateway.health().status != "degraded")
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        edge.publish(TOPICS.observations("n11"), heartbeat(5), qos=1).wait_for_publish(5)
        wait_until(lambda: "locked" in " ".join(gateway.health().problems))
        assert batches(tmp_path / "store.db") == []
        other.execute("ROLLBACK")
        other.close()
        wait_until(lambda: batches(tmp_path / "store.db") == [5])
        wait_until(lambda: gateway.health().problems == [])


def test_new_site_starts_afresh(tmp_path: Path) -> None:
    """With a changed site file the old state is left alone, and the gateway runs all the same."""
    with Gateway(settings(tmp_path)) as gateway, client(gateway.broker.port, "edge") as edge:
        wait_until(lambda: gateway.health().status != "degraded")
        edge.publish(TOPICS.observations("n11"), heartbeat(0), qos=1).wait_for_publish(5)
        wait_until(lambda: batches(tmp_path / "store.db") == [0])
    site = small_site()
    fewer = site.model_copy(update={"nodes": site.nodes[:-1]})
    changed = Settings(site=fewer, store=tmp_path / "store.db", broker_port=0, port=0)
    with Gateway(changed) as gateway:
        wait_until(lambda: gateway.health().status == "starting")
        assert not gateway.wait(0)


def test_ports_in_use(tmp_path: Path) -> None:
    """A port that is taken stops the gateway at once and the message names the option to change it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)) as caught:
            listen("127.0.0.1", port)
        assert "--port" in caught.value.hint
        with pytest.raises(ConfigurationError) as caught, EmbeddedBroker(port):
            pass
        assert "--broker-port" in caught.value.hint
    with pytest.raises(ConfigurationError, match="cannot listen"):
        listen("no.such.host.invalid", free_port())
    assert not list(tmp_path.iterdir())


def test_network_without_password(tmp_path: Path) -> None:
    """The command refuses to listen to the network without a password and says how to set one."""
    gateway = GatewayProcess(small_site(), tmp_path)
    command = [sys.executable, "-m", "mallsense", "gateway", "--site", str(tmp_path / "site.yaml")]
    ended = subprocess.run(
        [*command, "--host", "0.0.0.0", "--store", str(gateway.store)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={k: v for k, v in os.environ.items() if k != "MALLSENSE_PASSWORD"},
    )  # fmt: skip
    assert ended.returncode == 2
    assert "MALLSENSE_PASSWORD" in ended.stderr
    assert not gateway.store.exists()


def test_embedded_broker_takes_large_batches(tmp_path: Path) -> None:
    """The embedded broker passes on the largest batch that a node may send."""
    heard: list[int] = []
    with EmbeddedBroker(0) as broker, client(broker.address.port, "a") as reader:
        reader.on_message = lambda _client, _data, message: heard.append(len(message.payload))
        reader.subscribe("large", qos=1)
        with client(broker.address.port, "b") as writer:
            writer.publish("large", b"x" * 3_000_000, qos=1).wait_for_publish(10)
            wait_until(lambda: heard == [3_000_000])
