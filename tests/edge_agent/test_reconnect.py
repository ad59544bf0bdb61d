"""The nodes of a mall come back one after another, and say why they cannot."""

import threading
from collections.abc import Callable

import pytest

from contracts.broker import BrokerAddress
from edge_agent.connection import SPREAD_S, Connection
from tests.support import Mosquitto, free_port, wait_until


def connection(address: BrokerAddress, number: int = 0) -> Connection:
    """Make a connection that has nothing to say but that it is there."""
    return Connection(
        address,
        client_id=f"node{number}",
        status_topic=f"reconnect/{number}",
        birth=b"on",
        will=b"off",
        wake=threading.Event(),
    )


def test_no_second_brings_them_all() -> None:
    """Of 200 nodes that lose the broker at once, at most two fifths try again in the same second."""
    nodes = [connection(BrokerAddress("127.0.0.1", 1), number) for number in range(200)]
    first_s = sorted(node._client._reconnect_min_delay for node in nodes)
    assert 0 < first_s[0] < first_s[-1] <= SPREAD_S
    assert max(sum(t <= other < t + 1 for other in first_s) for t in first_s) < 80
    longest_s = {node._client._reconnect_max_delay for node in nodes}
    assert len(longest_s) == 200
    assert min(longest_s) >= 20


def test_comes_back_by_itself(
    mosquitto_factory: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node whose broker is killed says that it cannot be reached, and is there again soon after it is."""
    monkeypatch.setattr("edge_agent.connection.SPREAD_S", 0.5)
    monkeypatch.setattr("edge_agent.connection._SHORT_DELAY_S", 0.2)
    broker = mosquitto_factory()
    node = connection(BrokerAddress(broker.host, broker.port))
    node.start()
    assert node.connected.wait(30)
    broker.kill()
    wait_until(lambda: "Connection refused" in node.trouble)
    broker.start()
    wait_until(lambda: node.connections == 2)
    assert node.trouble == ""
    node.stop()
    broker.stop()


def test_says_why_there_is_no_broker() -> None:
    """A port where nobody listens and a name that nobody knows are told apart."""
    for host, says in (("127.0.0.1", "Connection refused"), ("no-such-host.invalid", "cannot be reached")):
        node = connection(BrokerAddress(host, free_port()))
        node.start()
        wait_until(lambda says=says, node=node: says in node.trouble)  # type: ignore[misc]
        node.stop()
