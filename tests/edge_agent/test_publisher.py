"""The publisher keeps what the broker does not take, and says why."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.broker import BrokerAddress
from contracts.messages import AgentState, GatewayStatus, StoredBatches, encode
from contracts.topics import Topics
from edge_agent import connection as connection_module
from edge_agent import publisher as publisher_module
from edge_agent.connection import WINDOW, Connection
from edge_agent.gateway_view import GatewayView
from edge_agent.publisher import Publisher
from edge_agent.spool import Spool
from edge_agent.token_bucket import TokenBucket
from tests.edge_agent.helpers import Gateway
from tests.gateway.running import client
from tests.support import Mosquitto, wait_until

MALL = "publisher-test"


TOPICS = Topics(MALL)


def publisher(
    broker: Mosquitto,
    folder: Path,
    sizes: list[int],
    *,
    rate_hz: float | None = None,
    nodes: tuple[str, ...] | None = None,
) -> tuple[Publisher, Connection, Spool]:
    """Make a publisher with batches of these sizes in its spool."""
    spool, wake, topics = Spool(folder / "spool"), threading.Event(), TOPICS
    for size in sizes:
        spool.append("n1", spool.number(), b"x" * size)
    gateway = GatewayView()
    connection = Connection(
        BrokerAddress(broker.host, broker.port),
        client_id="a1",
        status_topic=topics.agent_status("a1"),
        birth=b"on",
        will=b"off",
        wake=wake,
        subscriptions=gateway.subscriptions(topics, ["n1"]),
    )
    made = Publisher(spool, connection, topics, wake, gateway=gateway, rate_hz=rate_hz, nodes=nodes)
    return made, connection, spool


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less before trying again."""
    monkeypatch.setattr(publisher_module, "RETRY_S", 0.1)
    monkeypatch.setattr(connection_module, "SPREAD_S", 0.5)
    monkeypatch.setattr(connection_module, "_SHORT_DELAY_S", 0.2)


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


def test_another_nodes_batches_hold_up_nothing(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], caplog: pytest.LogCaptureFixture
) -> None:
    """What was heard where a card was before cannot be sent from here: it is given up, counted, and told."""
    rules = tmp_path / "rules"
    rules.write_text(
        f"topic read #\ntopic write {TOPICS.agent_status('a1')}\ntopic write {TOPICS.observations('n1')}\n"
    )
    broker = mosquitto_factory(settings=f"acl_file {rules}")
    under_test, _, spool = publisher(broker, tmp_path, [100] * 3, nodes=("n1",))
    for _ in range(40):
        spool.append("n2", spool.number(), b"y" * 100)
    spool.append("n1", spool.number(), b"z" * 100)
    with Gateway(broker.host, broker.port, MALL) as gateway:
        under_test.start()
        wait_until(under_test.drained)
        under_test.stop()
    assert len(gateway.of("observations")) == under_test.sent == 4
    assert spool.dropped == 40
    assert [record.message for record in caplog.records if "n2" in record.message] == [
        "batches of n2 are in this spool, which is another node's: given up"
    ]


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


def say(broker: Mosquitto, state: AgentState, *, confirms: bool = True) -> None:
    """Publish a gateway's status."""
    status = encode(GatewayStatus(state=state, since_ms=0, confirms=confirms))
    with client(broker.port, "gateway-status") as gateway:
        gateway.publish(TOPICS.gateway_status(), status, qos=1, retain=True).wait_for_publish(5)


def confirm(broker: Mosquitto, spool: Spool, seqs: list[int]) -> None:
    """Publish that a gateway has stored batches."""
    word = encode(StoredBatches(node="n1", boot=spool.boot, seqs=seqs))
    with client(broker.port, "gateway-word") as gateway:
        gateway.publish(TOPICS.stored("n1"), word, qos=1).wait_for_publish(5)


def test_a_batch_is_kept_until_the_gateway_confirms_it(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto]
) -> None:
    """The broker's word is not enough; confirmed are those named, in any order, each once."""
    broker = mosquitto_factory()
    say(broker, AgentState.ONLINE)
    under_test, _, spool = publisher(broker, tmp_path, [100] * 200)
    with Gateway(broker.host, broker.port, MALL) as gateway:
        under_test.start()
        wait_until(lambda: len(gateway.of("observations")) == publisher_module.UNCONFIRMED)
        assert (under_test.sent, spool.batches) == (0, 200)
        confirm(broker, spool, [2, 0, 0, 5000])
        wait_until(lambda: under_test.sent == 2)
        wait_until(lambda: len(gateway.of("observations")) == publisher_module.UNCONFIRMED + 2)
        confirm(broker, spool, list(range(publisher_module.UNCONFIRMED)))
        wait_until(lambda: under_test.sent == publisher_module.UNCONFIRMED)
        under_test.stop()
    assert spool.batches == 200 - publisher_module.UNCONFIRMED


def test_what_a_broker_has_lost_is_sent_again(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto]
) -> None:
    """Batches that a killed broker had acknowledged come again, in order, on the next connection."""
    broker = mosquitto_factory()
    say(broker, AgentState.ONLINE)
    under_test, connection, spool = publisher(broker, tmp_path, list(range(1, 11)))
    with Gateway(broker.host, broker.port, MALL) as gateway:
        under_test.start()
        wait_until(lambda: len(gateway.of("observations")) == 10)
        confirm(broker, spool, [4])
        wait_until(lambda: under_test.sent == 1)
    broker.kill()
    broker.start()
    with Gateway(broker.host, broker.port, MALL) as gateway:
        wait_until(lambda: connection.connections == 2)
        wait_until(lambda: len(gateway.of("observations")) >= 9)
        under_test.stop()
    assert [len(payload) for payload in gateway.of("observations")][-9:] == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert spool.batches == 9


def test_nothing_is_sent_to_a_gateway_that_is_away(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto]
) -> None:
    """While its last will says that it is offline, batches wait in the spool and the reason is told."""
    broker = mosquitto_factory()
    say(broker, AgentState.OFFLINE)
    under_test, _, spool = publisher(broker, tmp_path, [100] * 40)
    with Gateway(broker.host, broker.port, MALL) as gateway:
        under_test.start()
        wait_until(lambda: under_test.trouble == "the gateway is away")
        sent_before = len(gateway.of("observations"))
        say(broker, AgentState.ONLINE)
        wait_until(lambda: len(gateway.of("observations")) >= 40)
        confirm(broker, spool, list(range(40)))
        wait_until(under_test.drained)
        under_test.stop()
    assert sent_before <= WINDOW  # what went out before the status was known


def test_a_lost_word_is_asked_for_again(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that the gateway does not confirm in time is sent again, less and less often."""
    monkeypatch.setattr(publisher_module, "CONFIRM_S", 0.2)
    broker = mosquitto_factory()
    say(broker, AgentState.ONLINE)
    under_test, _, spool = publisher(broker, tmp_path, [100])
    with Gateway(broker.host, broker.port, MALL) as gateway:
        under_test.start()
        wait_until(lambda: len(gateway.of("observations")) >= 3)
        confirm(broker, spool, [0])
        wait_until(under_test.drained)
        under_test.stop()


def test_a_gateway_that_does_not_confirm_is_not_waited_for(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto]
) -> None:
    """For an older gateway a batch is safe when the broker has taken it."""
    broker = mosquitto_factory()
    say(broker, AgentState.ONLINE, confirms=False)
    under_test, _, _ = publisher(broker, tmp_path, [100] * 100)
    with Gateway(broker.host, broker.port, MALL) as gateway:
        under_test.start()
        wait_until(under_test.drained)
        under_test.stop()
        wait_until(lambda: len(gateway.of("observations")) == 100)


def test_token_bucket() -> None:
    """A second's worth goes at once, then as many as the rate allows; nothing is saved up beyond that."""
    now = [0.0]
    bucket = TokenBucket(10.0, clock=lambda: now[0])

    def go() -> int:
        gone = 0
        while bucket.allows():
            bucket.take()
            gone += 1
        return gone

    assert go() == 10
    assert bucket.wait_s() == pytest.approx(0.1)
    for _ in range(600):
        now[0] += 0.5
        assert go() == 5
    now[0] += 3600
    assert go() == 10
    assert TokenBucket(None).allows()
    assert TokenBucket(None).wait_s() == 0.0
