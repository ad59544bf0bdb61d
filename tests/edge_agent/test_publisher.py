"""The publisher keeps what the broker does not take, and says why."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.broker import BrokerAddress
from contracts.topics import Topics
from edge_agent import connection as connection_module
from edge_agent import publisher as publisher_module
from edge_agent.connection import Connection
from edge_agent.publisher import Publisher
from edge_agent.spool import Spool
from tests.edge_agent.helpers import Gateway
from tests.support import Mosquitto, wait_until

MALL = "publisher-test"


def publisher(broker: Mosquitto, folder: Path, sizes: list[int]) -> tuple[Publisher, Connection, Spool]:
    """Make a publisher with batches of these sizes in its spool."""
    spool, wake, topics = Spool(folder / "spool"), threading.Event(), Topics(MALL)
    for size in sizes:
        spool.append("n1", spool.number(), b"x" * size)
    connection = Connection(
        BrokerAddress(broker.host, broker.port),
        client_id="a1",
        status_topic=topics.agent_status("a1"),
        birth=b"on",
        will=b"off",
        wake=wake,
    )
    return Publisher(spool, connection, topics, wake), connection, spool


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less before trying again."""
    monkeypatch.setattr(publisher_module, "RETRY_S", 0.1)
    monkeypatch.setattr(connection_module, "SPREAD_S", 0.5)


def test_brokers_limits_are_kept(tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto]) -> None:
    """A broker that takes few messages at once, and small ones, is never sent more; a larger batch waits."""
    broker = mosquitto_factory(settings="max_inflight_messages 6\nmax_packet_size 5000")
    under_test, connection, spool = publisher(broker, tmp_path, [100] * 200 + [6000, 100])
    with Gateway(broker.host, broker.port, MALL) as gateway:
        under_test.start()
        wait_until(lambda: "a batch has 6000" in under_test.trouble)
        wait_until(lambda: under_test.sent == len(gateway.of("observations")) == 200)
        assert connection.window == 2
        assert connection.connections == 1
        under_test.stop()
    assert len(gateway.of("observations")) == 200
    assert spool.batches == 2


def test_refused_batches_are_kept(tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto]) -> None:
    """A broker that forbids the topic keeps refusing; nothing is deleted, and the reason is shown."""
    rules = tmp_path / "rules"
    rules.write_text(f"topic read #\ntopic write mallsense/v1/{MALL}/agent/#\n")
    broker = mosquitto_factory(settings=f"acl_file {rules}")
    under_test, _, spool = publisher(broker, tmp_path, [100] * 40)
    with Gateway(broker.host, broker.port, MALL) as gateway:
        under_test.start()
        wait_until(lambda: "Not authorized" in under_test.trouble)
        under_test.stop()
        assert gateway.of("observations") == []
    assert (under_test.sent, spool.batches) == (0, 40)


def test_order_is_kept(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Batches arrive in the order of the spool, once each."""
    under_test, _, _ = publisher(mosquitto, tmp_path, list(range(1, 300)))
    with Gateway(mosquitto.host, mosquitto.port, MALL) as gateway:
        under_test.start()
        wait_until(under_test.drained)
        under_test.stop()
        wait_until(lambda: len(gateway.of("status")) == 2)
    assert [len(payload) for payload in gateway.of("observations")] == list(range(1, 300))
    assert gateway.of("status") == [b"on", b"off"]


def test_two_agents_of_one_name(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Two agents of one name push each other out; they notice, say so, and slow down."""
    agents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        agents.append(publisher(mosquitto, tmp_path / name, [])[:2])
        agents[-1][0].start()
    wait_until(lambda: any("every agent needs its own" in agent.trouble for agent, _ in agents), 30)
    for agent, _ in agents:
        agent.stop()
    assert sum(connection.connections for _, connection in agents) < 12
