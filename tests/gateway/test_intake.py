"""What the gateway takes from the broker, and what it refuses, by cause."""

import logging
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.messages import AgentState, AgentStatus, NodeHealth, ObservationBatch, encode
from contracts.topics import Topics
from gateway.broker import MAX_PAYLOAD_BYTES
from gateway.intake import Intake
from gateway.link import Delivery
from gateway.refusals import ADVICE, Refusals
from gateway.store.records import Input
from tests.gateway.crowd import BOOT, START_MS, small_site, status, stream

SITE = small_site()
TOPICS = Topics("small")
BATCH = next(batch for _, batch in stream(SITE, people=5, seconds=3) if batch.node == "n11" and len(batch))


def delivery(topic: str, payload: bytes) -> Delivery:
    """Make a message from the broker."""
    return Delivery(topic, payload, mid=1, qos=1, connection=1)


@pytest.fixture
def intake() -> Intake:
    """Make an intake of the small mall."""
    return Intake(SITE, Refusals())


def test_batch_and_heartbeat_are_taken(intake: Intake) -> None:
    """A batch is taken with its bytes as they came, and so is an empty one."""
    heartbeat = ObservationBatch(node="n11", boot=BOOT, seq=7, watermark_ms=START_MS)
    for batch in (BATCH, heartbeat):
        payload = encode(batch)
        assert intake.read(delivery(TOPICS.observations("n11"), payload)) == Input(batch, payload)


def test_status_and_health_are_taken(intake: Intake) -> None:
    """The birth of an agent and the health of a node are taken; an empty status is how one is removed."""
    birth = status(SITE)
    assert intake.read(delivery(TOPICS.agent_status("all"), encode(birth))) == Input(birth, encode(birth))
    health = NodeHealth(node="n11", t_ms=1, uptime_s=1, frames=0, observations=0, spooled=0)
    assert intake.read(delivery(TOPICS.health("n11"), encode(health))) == health
    assert intake.read(delivery(TOPICS.agent_status("all"), b"")) is None
    assert not intake._refusals.counters


def test_strangers_in_a_status_are_left_out(intake: Intake) -> None:
    """An agent that speaks for a node too many speaks for the others all the same."""
    birth = AgentStatus(agent="a", nodes=["n11", "ghost"], state=AgentState.ONLINE, since_ms=1)
    taken = intake.read(delivery(TOPICS.agent_status("a"), encode(birth)))
    assert isinstance(taken, Input)
    assert isinstance(taken.message, AgentStatus)
    assert taken.message.nodes == ["n11"]
    assert intake._refusals.counters == {"unknown_node": 1}


def changed(**fields: object) -> bytes:
    """The batch with other fields, right or wrong."""
    return msgspec.json.encode({**msgspec.to_builtins(BATCH), **fields})


@pytest.mark.parametrize(
    ("cause", "topic", "payload"),
    [
        ("topic", "mallsense/v1/other/node/n11/observations", encode(BATCH)),
        ("topic", "mallsense/v1/small/node/n11/elsewhere", encode(BATCH)),
        ("topic", "", b""),
        ("unknown_node", TOPICS.observations("ghost"), encode(BATCH)),
        ("sender", TOPICS.observations("n12"), encode(BATCH)),
        ("sender", TOPICS.agent_status("other"), encode(status(SITE))),
        ("version", TOPICS.observations("n11"), changed(v=2)),
        ("oversized", TOPICS.observations("n11"), b" " * (MAX_PAYLOAD_BYTES + 1)),
        ("garbage", TOPICS.observations("n11"), b"\x00\xff"),
        ("garbage", TOPICS.observations("n11"), b"[" * 100_000),
        ("garbage", TOPICS.observations("n11"), b""),
        ("garbage", TOPICS.observations("n11"), changed(rssi_dbm=[float("nan")])),
        ("garbage", TOPICS.observations("n11"), changed(rssi_dbm=[])),
        ("garbage", TOPICS.observations("n11"), changed(watermark_ms=10**18)),
        ("garbage", TOPICS.observations("n11"), changed(device=["00:11:22:33:44:55"])),
        ("garbage", TOPICS.health("n11"), encode(BATCH)),
    ],
)
def test_refused_by_cause(
    intake: Intake, caplog: pytest.LogCaptureFixture, cause: str, topic: str, payload: bytes
) -> None:
    """What cannot be used is counted every time and logged once, with what to do about it."""
    with caplog.at_level(logging.WARNING):
        assert intake.read(delivery(topic, payload)) is None
        assert intake.read(delivery(topic, payload)) is None
    assert intake._refusals.counters == {cause: 2}
    (record,) = caplog.records
    assert ADVICE[cause] in record.getMessage()


EDGE_TOPICS = [
    TOPICS.observations("n11"),
    TOPICS.health("n11"),
    TOPICS.agent_status("all"),
    TOPICS.observations("ghost"),
    "mallsense/v1/small/node/n11",
]

wrong_fields: st.SearchStrategy[Callable[[], bytes]] = st.dictionaries(
    st.sampled_from([*BATCH.__struct_fields__, "extra"]),
    st.one_of(
        st.none(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=3)
    ),
    min_size=1,
).map(lambda fields: lambda: msgspec.json.encode({**msgspec.to_builtins(BATCH), **fields}))


@given(st.sampled_from(EDGE_TOPICS), st.binary(max_size=300) | wrong_fields.map(lambda make: make()))
@example(EDGE_TOPICS[0], b'{"v":1e999}')
def test_garbage_never_stops_it(topic: str, payload: bytes) -> None:
    """Whatever stands on whatever topic is taken as what it is or counted; nothing is raised."""
    intake = Intake(SITE, Refusals())
    taken = intake.read(delivery(topic, payload))
    refused = sum(intake._refusals.counters.values())
    assert (taken is None) == (refused == 1 or payload == b"")
