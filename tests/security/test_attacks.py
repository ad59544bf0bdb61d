"""What somebody inside the mall's network may try: refused, counted, visible, and nobody else notices."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest

from contracts.broker import BrokerAddress
from contracts.control import TimeRequest
from contracts.messages import AgentState, AgentStatus, encode
from contracts.tls import client_context, explain
from edge_agent.agent import run_agent
from edge_agent.reporting import Progress
from firmware_configs.broker import Authority
from firmware_configs.broker.certificates import make_client
from firmware_configs.broker.mosquitto import MAX_PACKET_BYTES
from tests.edge_agent.helpers import KEY, ROTATION
from tests.gateway.crowd import START_MS
from tests.security.conftest import Attacked
from tests.security.mall import HONEST, Endless, attacker, batch_of, refusal
from tests.support import wait_until

BAD = "n11"
"""The node whose certificate an attacker holds."""
DAY_MS = 24 * 3600 * 1000
NOW = datetime.now(UTC)

Counted = Callable[[str], None]


@pytest.fixture
def counted(attacked: Attacked) -> Counted:
    """Return a function that waits until the gateway counts one more of a cause than before the test."""
    before = dict(attacked.gateway.health().counters)

    def more(cause: str) -> None:
        wait_until(lambda: attacked.counted(cause) > before.get(cause, 0), what=f"{cause} is not counted")

    return more


def test_certificate_of_another_mall(attacked: Attacked, counted: Counted, tmp_path: Path) -> None:
    """A certificate of the right name from another mall's authority is refused, and the gateway counts it."""
    other = Authority.create(tmp_path / "other", mall="small", now=NOW)
    assert "another mall's authority" in refusal(
        attacked.mall.address(BAD, issued=other.client(BAD, now=NOW))
    )
    counted("broker_certificate")
    assert "certificate verify failed" in attacked.mall.log


def test_no_certificate(attacked: Attacked, counted: Counted) -> None:
    """Nobody gets in without a certificate."""
    address = BrokerAddress.parse(
        f"mqtts://127.0.0.1:{attacked.mall.port}", ca=attacked.mall.authority.folder / "ca.crt"
    )
    assert "wants a certificate" in refusal(address)
    counted("broker_certificate")


@pytest.mark.parametrize(
    ("made", "says"),
    [(NOW - timedelta(days=4000), "has expired"), (NOW + timedelta(days=30), "not valid yet")],
)
def test_certificate_out_of_its_time(attacked: Attacked, counted: Counted, made: datetime, says: str) -> None:
    """A certificate past its end, or before its beginning, is refused; the node is told which."""
    root = attacked.mall.authority._root
    issued = make_client(root, "small", BAD, now=made)
    assert says in refusal(attacked.mall.address(BAD, issued=issued))
    counted("broker_certificate")


def test_the_brokers_certificate_is_no_node(attacked: Attacked, counted: Counted) -> None:
    """The broker's own certificate cannot be used to log in."""
    server = attacked.mall.authority.server(["127.0.0.1"], now=NOW)
    assert "not made for logging in" in refusal(attacked.mall.address("server", issued=server))
    counted("broker_certificate")


def test_a_node_is_no_broker(attacked: Attacked) -> None:
    """A node's certificate cannot stand in for the broker: clients see that it is not made for that."""
    files = attacked.mall.address(BAD).files
    assert files.certificate is not None
    pretender = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pretender.load_cert_chain(files.certificate, files.key)
    with socket.create_server(("127.0.0.1", 0)) as fake:
        address = BrokerAddress.parse(f"mqtts://127.0.0.1:{fake.getsockname()[1]}", ca=files.ca)

        def pretend() -> None:
            connection, _ = fake.accept()
            with suppress(OSError), pretender.wrap_socket(connection, server_side=True):
                pass

        thread = threading.Thread(target=pretend)
        thread.start()
        with (
            socket.create_connection((address.host, address.port)) as plain,
            pytest.raises(ssl.SSLCertVerificationError) as refused,
        ):
            client_context(address.files).wrap_socket(plain, server_hostname=address.host)
        thread.join()
    assert "is not trusted" in explain(refused.value, address)


def test_plain_mqtt_on_the_tls_port(attacked: Attacked, counted: Counted) -> None:
    """Without TLS nothing is said, and the gateway counts that somebody tried."""
    with attacker(BrokerAddress("127.0.0.1", attacked.mall.port)) as bad:
        assert bad.ended.wait(30)
        assert not bad.connected.is_set()
    counted("broker_no_tls")


def test_a_node_that_is_not_in_the_site_file(attacked: Attacked) -> None:
    """A good certificate of a node that the site file does not name (any more) gives no rights at all."""
    topics = attacked.mall.topics
    with attacker(attacked.mall.address("n99")) as stranger:
        stranger.client.subscribe("#", 1)
        for topic in (topics.observations("n99"), topics.agent_status("n99"), "anything/else"):
            assert stranger.publish(topic, b"x") == "Not authorized"
        stored = len(attacked.journal(HONEST))
        wait_until(lambda: len(attacked.journal(HONEST)) > stored + 3)
        assert stranger.heard == []


def test_forged_topics(attacked: Attacked) -> None:
    """A node cannot publish as another node, as the gateway, or to itself what the operator decides."""
    topics = attacked.mall.topics
    stored = attacked.journal(HONEST)
    with attacker(attacked.mall.address(BAD)) as bad:
        for topic in (
            topics.observations(HONEST),
            topics.health(HONEST),
            topics.agent_status(HONEST),
            topics.configuration_applied(HONEST),
            topics.time_request(HONEST),
            topics.configuration(BAD),
            topics.configuration(HONEST),
            topics.stored(HONEST),
            topics.gateway_status(),
            topics.opt_out(),
            topics.enrolled_devices(),
            topics.enrolled_plates(),
            topics.event("visit.started", "S10"),
            topics.positions("F1"),
            topics.time_answer(HONEST),
            "anything/else",
            "$SYS/broker/log/E",
        ):
            assert bad.publish(topic, encode(batch_of(HONEST, t_ms=START_MS))) == "Not authorized", topic
        assert bad.publish(topics.observations(BAD), b"{}") == "Success"
        assert not bad.ended.is_set()
    assert {boot for boot, _ in attacked.journal(HONEST)} == {boot for boot, _ in stored}


def test_forged_subscriptions(attacked: Attacked) -> None:
    """A node reads what is meant for it alone, not what others send or what the gateway has found."""
    topics = attacked.mall.topics
    with attacker(attacked.mall.address(BAD)) as bad:
        bad.client.subscribe("#", 1)
        bad.client.subscribe(topics.configuration(HONEST), 1)
        wait_until(lambda: len(bad.subscribed) == 2)
        bad.client.subscribe(topics.gateway_status(), 1)
        wait_until(lambda: bad.heard)
        wait_until(lambda: len(attacked.journal(HONEST)) > 3)
    assert {topic for topic, _ in bad.heard} == {topics.gateway_status()}


def test_a_message_in_another_nodes_name(attacked: Attacked, counted: Counted) -> None:
    """On its own topic a node cannot speak of another: batch, status and request are refused."""
    topics = attacked.mall.topics
    offline = AgentStatus(agent=BAD, nodes=[HONEST], state=AgentState.OFFLINE, since_ms=START_MS)
    with attacker(attacked.mall.address(BAD)) as bad:
        bad.publish(topics.observations(BAD), encode(batch_of(HONEST, t_ms=START_MS)))
        counted("sender")
        before = attacked.counted("sender")
        bad.publish(topics.agent_status(BAD), encode(offline))
        wait_until(lambda: attacked.counted("sender") == before + 1)
        bad.publish(topics.time_request(BAD), encode(TimeRequest(node=HONEST, id="0" * 16)))
        wait_until(lambda: attacked.counted("sender") == before + 2)
    assert attacked.journal(BAD) == []
    assert attacked.node(HONEST)["state"] == "online"


def test_another_nodes_client_id(attacked: Attacked) -> None:
    """A node that calls itself by another's client id is still itself: it pushes nobody out."""
    with attacker(attacked.mall.address(BAD), client_id=f"mallsense-edge-small-{HONEST}") as bad:
        assert bad.connected.wait(30)
        assert bad.publish(attacked.mall.topics.observations(HONEST), b"x") == "Not authorized"
        assert not bad.ended.is_set()


def test_a_stolen_certificate_used_twice(attacked: Attacked, counted: Counted) -> None:
    """Two that use one certificate push each other out, which the gateway counts."""
    with attacker(attacked.mall.address(BAD)) as one:
        assert one.connected.wait(30)
        with attacker(attacked.mall.address(BAD)) as two:
            assert two.connected.wait(30)
            assert one.ended.wait(30)
    counted("broker_taken_over")


def test_replayed_batches(attacked: Attacked, counted: Counted) -> None:
    """A batch sent again is stored once and counted; one of yesterday is stored, and changes nothing live."""
    topic, node = attacked.mall.topics.observations("n12"), "n12"
    mall_ms = attacked.gateway.health().t_ms or START_MS
    with attacker(attacked.mall.address(node)) as bad:
        payload = encode(batch_of(node, seq=7, t_ms=mall_ms))
        for _ in range(3):
            assert bad.publish(topic, payload) == "Success"
        counted("duplicate")
        one = {
            "device": ["0" * 16],
            "address_kind": [1],
            "rssi_dbm": [-60],
            "channel": [6],
            "frame_kind": [1],
        }
        old = msgspec.structs.replace(
            batch_of(node, seq=1, t_ms=mall_ms - DAY_MS + 1000), t_ms=[mall_ms - DAY_MS], sequence=[1],
            elements=[""], **one,
        )  # fmt: skip
        assert bad.publish(topic, encode(old)) == "Success"
        wait_until(lambda: len(attacked.journal(node)) == 2)
    counted("late")
    assert sorted(seq for _, seq in attacked.journal(node)) == [1, 7]
    assert (attacked.gateway.health().t_ms or 0) >= mall_ms


def test_too_large_for_the_broker(attacked: Attacked, counted: Counted) -> None:
    """Who sends more than the broker takes is disconnected, and counted."""
    with attacker(attacked.mall.address(BAD)) as bad:
        assert bad.connected.wait(30)
        topic = attacked.mall.topics.observations(BAD)
        assert bad.publish(topic, bytes(MAX_PACKET_BYTES + 1)) == "disconnected"
    counted("broker_oversized")


def test_too_much_for_the_gateway(attacked: Attacked, counted: Counted) -> None:
    """What is no message, of another version, or has too many observations is refused, and counted."""
    topic = attacked.mall.topics.observations(BAD)
    with attacker(attacked.mall.address(BAD)) as bad:
        assert bad.publish(topic, b"[" * 100_000) == "Success"
        counted("garbage")
        assert bad.publish(topic, b'{"v":2}') == "Success"
        counted("version")
        many = {**msgspec.to_builtins(batch_of(BAD, t_ms=START_MS)), "t_ms": [START_MS] * 200_000}
        before = attacked.counted("garbage")
        assert bad.publish(topic, msgspec.json.encode(many)) == "Success"
        wait_until(lambda: attacked.counted("garbage") > before)
    assert attacked.journal(BAD) == []


def test_what_is_no_mqtt(attacked: Attacked, counted: Counted) -> None:
    """Who has a certificate and speaks no MQTT is disconnected; a torn packet, too."""
    address = attacked.mall.address(BAD)
    context = client_context(address.files)
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\xff", bytes(64)):
        with (
            socket.create_connection((address.host, address.port)) as plain,
            context.wrap_socket(plain, server_hostname=address.host) as secure,
        ):
            secure.settimeout(30)
            secure.sendall(said)
            with suppress(ssl.SSLError, ConnectionError):
                assert secure.recv(100) == b""
    with attacker(address) as bad:
        assert bad.connected.wait(30)
        bad.client._sock.send(b"\x30\x02\x00\x10")  # type: ignore[union-attr]  # its topic ends behind it
        assert bad.ended.wait(30)
    counted("broker_malformed")


def test_a_node_that_is_refused_says_so_and_waits(
    attacked: Attacked, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent with another node's certificate keeps what it hears, and says why it waits."""
    monkeypatch.setattr("edge_agent.agent.DRAIN_ON_STOP_S", 0.3)
    source = Endless("n13", START_MS)
    troubles: set[str] = set()

    def note(progress: Progress) -> None:
        troubles.add(progress.trouble)
        if "Not authorized" in progress.trouble:
            source.stop.set()

    stop = threading.Event()
    run = partial(
        run_agent,
        source,
        mall="small",
        agent_id="n13",
        broker=attacked.mall.address(BAD),
        spool_path=tmp_path / "spool",
        key=KEY,
        rotation=ROTATION,
        speed=None,
        live=True,
        stop=stop,
        progress=note,
    )
    thread = threading.Thread(target=run)
    thread.start()
    wait_until(source.stop.is_set, what=f"no word of being refused: {troubles}")
    stop.set()
    thread.join(30)
    assert attacked.journal("n13") == []
    assert [r.message for r in caplog.records if "Not authorized" in r.message]


def lets_in(address: BrokerAddress) -> bool:
    """Tell whether the broker lets a certificate in."""
    with attacker(address) as client:
        wait_until(lambda: client.connected.is_set() or client.ended.is_set())
        return client.connected.is_set()


def test_revoked_certificate(attacked: Attacked, counted: Counted) -> None:
    """A revoked certificate is refused once the broker has read the new list; the others stay connected."""
    lost = "n15"
    address = attacked.mall.address(lost, issued=attacked.mall.authority.client(lost, now=NOW))
    with attacker(address) as bad:
        assert bad.connected.wait(30)
    attacked.mall.authority.revoke(lost, now=NOW)
    attacked.mall.render()
    attacked.mall.reload()
    wait_until(lambda: not lets_in(address))
    assert "has been revoked" in refusal(address)
    counted("broker_certificate")
    with attacker(attacked.mall.address(lost)) as replaced:
        assert replaced.connected.wait(30)
