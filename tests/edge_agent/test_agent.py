"""The whole agent against real brokers: nothing lost, birth before data, a will where it dies."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from iotcore import Broker

from contracts.broker import BrokerAddress
from contracts.errors import UnavailableError
from contracts.messages import AgentState, AgentStatus, NodeHealth, decode
from edge_agent import agent as agent_module
from edge_agent import connection as connection_module
from edge_agent import publisher as publisher_module
from edge_agent.agent import Progress, run_agent
from tests.edge_agent.helpers import KEY, PHONE, ROTATION, T0_MS, Gateway, ScriptedSource, heard
from tests.support import Mosquitto, free_port, wait_until

MALL = "edge-test"
SECONDS = 40


def run(source: Any, broker: BrokerAddress | Mosquitto, folder: Path, **more: Any) -> Progress:
    """Run an agent as fast as possible."""
    return run_agent(
        source,
        mall=more.pop("mall", MALL),
        agent_id="a1",
        broker=BrokerAddress(broker.host, broker.port),
        spool_path=folder / "spool",
        key=KEY,
        rotation=ROTATION,
        speed=more.pop("speed", None),
        broker_timeout_s=more.pop("broker_timeout_s", 10),
        **more,
    )


def one_a_second(count: int = SECONDS, node: str = "n1") -> list[Any]:
    """Give blocks with one observation each, so that its time is its number."""
    return [heard(node, second) for second in range(count)]


ALL_TIMES = [T0_MS + second * 1000 for second in range(SECONDS)]

# rumqttd hands MQTT 5 to a listener of its own kind alone.
IOTCORE = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 4194304
max_inflight_count = 200
dynamic_filters = true
"""


@pytest.fixture(scope="module")
def iotcore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerAddress]:
    """Run the broker that comes as a Python package."""
    address = BrokerAddress("127.0.0.1", free_port())
    path = tmp_path_factory.mktemp("iotcore") / "broker.toml"
    path.write_text(IOTCORE.format(port=address.port))
    with Broker(config_path=str(path)):
        yield address


@pytest.mark.parametrize("kind", ["mosquitto", "iotcore"])
def test_everything_arrives_between_birth_and_goodbye(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A finite source arrives completely and in order, after the birth and before the goodbye."""
    broker = request.getfixturevalue(kind)
    shown: list[Progress] = []
    blocks = [block for second in range(SECONDS) for block in (heard("n1", second), heard("n2", second))]
    with Gateway(broker.host, broker.port, f"{MALL}-{kind}") as gateway:
        done = run(ScriptedSource(blocks), broker, tmp_path, mall=f"{MALL}-{kind}", progress=shown.append)
        wait_until(lambda: len(gateway.of("status")) == 2)
        topics = [topic.rpartition("/")[2] for topic, _ in gateway.messages]
    assert (done.observations, done.spooled, done.dropped, done.trouble) == (2 * SECONDS, 0, 0, "")
    assert done.sent == len(gateway.batches)
    for node in ("n1", "n2"):
        batches = [batch for batch in gateway.batches if batch.node == node]
        assert [t for batch in batches for t in batch.t_ms] == ALL_TIMES
        assert len({(batch.boot, batch.seq) for batch in batches}) == len(batches)
    assert (topics[0], topics[-1]) == ("status", "status")
    birth, goodbye = (decode(payload, AgentStatus) for payload in gateway.of("status"))
    assert (birth.state, goodbye.state) == (AgentState.ONLINE, AgentState.OFFLINE)
    assert (birth.agent, birth.nodes, birth.since_ms) == ("a1", ["n1", "n2"], T0_MS + 1000)
    last = [decode(payload, NodeHealth) for payload in gateway.of("health")][-1]
    assert (last.observations, last.t_ms, last.spooled) == (SECONDS, T0_MS + SECONDS * 1000, 0)


def test_large_batches_arrive(tmp_path: Path, iotcore: BrokerAddress) -> None:
    """A second with more observations than a batch holds arrives in several, through either broker."""
    addresses = [PHONE] * 12_000
    with Gateway(iotcore.host, iotcore.port, "large") as gateway:
        run(ScriptedSource([heard(addresses=addresses)]), iotcore, tmp_path, mall="large")
        wait_until(lambda: len(gateway.times) == 12_000)
    assert [len(batch) for batch in gateway.batches] == [5000, 5000, 2000]
    assert [batch.watermark_ms for batch in gateway.batches] == [0, 0, T0_MS + 1000]


def test_broker_that_goes_and_comes_back(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker stopped again and again under load costs nothing, and each connection has its birth.

    Stopped, not killed: mosquitto acknowledges a message a moment before it saves it (docs/operations.md).
    """
    monkeypatch.setattr(publisher_module, "RETRY_S", 0.2)
    monkeypatch.setattr(connection_module, "SPREAD_S", 0.5)
    monkeypatch.setattr(connection_module, "_SHORT_DELAY_S", 0.2)
    broker = mosquitto_factory(persistence=True)
    blocks = [heard(second=second) for second in range(400)]
    times = {t for block in blocks for t in block.t_ms}
    seen: set[int] = set()
    births = 0
    thread = threading.Thread(
        target=run, args=(ScriptedSource(blocks), broker, tmp_path), kwargs={"speed": 120}
    )
    thread.start()
    for stop in range(3):
        with Gateway(broker.host, broker.port, MALL, session="gateway") as gateway:
            wait_until(lambda: len(seen | set(gateway.times)) > len(seen))  # noqa: B023  # asked at once
            if stop == 2:
                thread.join(60)
                wait_until(lambda: seen | set(gateway.times) == times)  # noqa: B023  # asked at once
            broker.stop()
            seen |= set(gateway.times)
            births += len(
                [s for s in gateway.of("status") if decode(s, AgentStatus).state is AgentState.ONLINE]
            )
        broker.start()
    assert not thread.is_alive()
    assert seen == times
    assert births >= 3


def test_without_a_listener_nothing_is_given_away(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches wait until a gateway listens, since a broker without one would throw them away."""
    monkeypatch.setattr(publisher_module, "RETRY_S", 0.1)
    shown: list[Progress] = []
    arguments = {"mall": "unheard", "progress": shown.append}
    source = ScriptedSource(one_a_second())
    thread = threading.Thread(target=run, args=(source, mosquitto, tmp_path), kwargs=arguments)
    thread.start()
    wait_until(lambda: shown and "no gateway of this mall" in shown[-1].trouble)
    with Gateway(mosquitto.host, mosquitto.port, "unheard") as gateway:
        thread.join(60)
        wait_until(lambda: gateway.times == ALL_TIMES)
    assert not thread.is_alive()


def test_what_is_left_is_sent_at_the_next_start(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent stopped without a broker keeps everything; the next one sends it, old before new."""
    monkeypatch.setattr(agent_module, "DRAIN_ON_STOP_S", 0.2)
    broker = mosquitto_factory()
    broker.stop()
    stop = threading.Event()
    source = ScriptedSource(one_a_second())
    arguments = {"stop": stop, "broker_timeout_s": None}
    thread = threading.Thread(target=run, args=(source, broker, tmp_path), kwargs=arguments)
    thread.start()
    assert source.done.wait(30)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    broker.start()
    with Gateway(broker.host, broker.port, MALL) as gateway:
        run(ScriptedSource([heard(second=SECONDS)]), broker, tmp_path)
        wait_until(lambda: gateway.times == [*ALL_TIMES, T0_MS + SECONDS * 1000])
    assert len({batch.boot for batch in gateway.batches}) == 2


def test_replay_waits_for_room(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a broker a replay stops taking from its source, and nothing is dropped."""
    monkeypatch.setattr(publisher_module, "DELETE_S", 0.05)
    monkeypatch.setattr(publisher_module, "RETRY_S", 0.2)
    monkeypatch.setattr(connection_module, "SPREAD_S", 0.2)
    broker = mosquitto_factory()
    broker.stop()
    source = ScriptedSource([heard(second=second, addresses=[PHONE] * 100) for second in range(500)])
    stop = threading.Event()
    shown: list[Progress] = []
    arguments = {"stop": stop, "max_spool_bytes": 200_000, "broker_timeout_s": None, "progress": shown.append}
    thread = threading.Thread(target=run, args=(source, broker, tmp_path), kwargs=arguments)
    thread.start()
    wait_until(lambda: len(shown) > 5)
    assert not source.done.is_set()
    broker.start()
    with Gateway(broker.host, broker.port, MALL) as gateway:
        thread.join(60)
        wait_until(lambda: sum(map(len, gateway.batches)) == 50_000)
    assert not thread.is_alive()
    assert {progress.dropped for progress in shown} == {0}


def test_live_source_is_never_made_to_wait(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a broker a live source goes on; the oldest batches make room, and that is counted."""
    monkeypatch.setattr(agent_module, "DRAIN_ON_STOP_S", 0.2)
    monkeypatch.setattr(publisher_module, "COMMIT_S", 0.05)
    monkeypatch.setattr(connection_module, "SPREAD_S", 0.2)
    broker = mosquitto_factory()
    broker.stop()
    blocks = [heard(second=second, addresses=[PHONE] * 100) for second in range(200)]
    source, stop = ScriptedSource(blocks), threading.Event()
    shown: list[Progress] = []
    arguments = {"stop": stop, "live": True, "max_spool_bytes": 50_000, "broker_timeout_s": None}
    thread = threading.Thread(
        target=run, args=(source, broker, tmp_path), kwargs={**arguments, "progress": shown.append}
    )
    thread.start()
    assert source.done.wait(30)
    wait_until(lambda: shown and shown[-1].dropped > 100)
    broker.start()
    with Gateway(broker.host, broker.port, MALL) as gateway:
        thread.join(60)
        wait_until(lambda: gateway.times and gateway.times[-1] == blocks[-1].t_ms[-1])
    assert not thread.is_alive()
    assert shown[-1].dropped + len({batch.seq for batch in gateway.batches}) >= 200


def test_will_speaks_for_an_agent_that_dies(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A killed agent is offline for all: its last will says so."""
    script = f"""
import time
from pathlib import Path
from edge_agent.agent import run_agent
from contracts.broker import BrokerAddress
from tests.edge_agent.helpers import *

class Endless(ScriptedSource):
    def blocks(self):
        for second in range(1000):
            yield heard(second=second)

run_agent(Endless([heard()]), mall="dying", agent_id="a1",
    broker=BrokerAddress("{mosquitto.host}", {mosquitto.port}),
    spool_path=Path({str(tmp_path / "spool")!r}), key=KEY, rotation=ROTATION, speed=1)
"""
    with Gateway(mosquitto.host, mosquitto.port, "dying") as gateway:
        process = subprocess.Popen([sys.executable, "-c", script])
        wait_until(lambda: gateway.times)
        process.kill()
        process.wait()
        wait_until(lambda: len(gateway.of("status")) == 2)
    states = [decode(payload, AgentStatus).state for payload in gateway.of("status")]
    assert states == [AgentState.ONLINE, AgentState.OFFLINE]


def test_no_broker_is_an_error_where_asked_for(tmp_path: Path) -> None:
    """With a timeout, a broker that is not there is an error that says what to do."""
    nobody = BrokerAddress("127.0.0.1", free_port())
    with pytest.raises(UnavailableError, match="cannot be reached") as error:
        run(ScriptedSource([heard()]), nobody, tmp_path, broker_timeout_s=0.3)
    assert "mosquitto" in error.value.hint


def test_wrong_password_is_named(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that refuses the login says so, and the password is not in the message."""
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    broker = mosquitto_factory(settings=f"password_file {passwords}\nallow_anonymous false")
    address = BrokerAddress(broker.host, broker.port, "me", "s3cret")
    with pytest.raises(UnavailableError, match=r"refuses the connection: Not authorized") as error:
        run_agent(
            ScriptedSource([heard()]),
            mall=MALL,
            agent_id="a1",
            broker=address,
            spool_path=tmp_path / "spool",
            key=KEY,
            rotation=ROTATION,
            broker_timeout_s=1.0,
        )
    assert "s3cret" not in f"{error.value} {caplog.text}"


def test_empty_source_says_hello_and_goodbye(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A source without a block is no error."""
    with Gateway(mosquitto.host, mosquitto.port, "empty") as gateway:
        done = run(ScriptedSource([]), mosquitto, tmp_path, mall="empty")
        wait_until(lambda: len(gateway.of("status")) == 2)
    assert (done.frames, done.t_ms) == (0, 0)
