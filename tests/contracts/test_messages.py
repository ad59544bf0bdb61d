"""Messages on the wire: what is read back, what is refused."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import asyncapi, messages
from contracts.control import EnrolledDevices, EnrolledPlates
from contracts.errors import MessageError
from contracts.events import (
    CarData,
    CarEvent,
    EventKind,
    PathData,
    PathEvent,
    PathStep,
    VisitData,
    VisitEvent,
    stable_id,
)
from contracts.messages import (
    AgentState,
    AgentStatus,
    GatewayStatus,
    MemberHeard,
    NodeHealth,
    ObservationBatch,
    PositionSnapshot,
    decode,
    encode,
)
from contracts.plates import (
    CameraHealth,
    CameraTrouble,
    Direction,
    PlateAlternative,
    PlateChange,
    PlateEnergy,
    PlateRead,
    PlateRegion,
)
from contracts.topics import EdgeTopic, Topics, read_edge_topic

DOCS = Path(__file__).resolve().parents[2] / "docs"

ROWS = st.tuples(
    st.integers(0, 4_102_444_800_000),
    st.text("0123456789abcdef", min_size=16, max_size=16),
    st.integers(0, 1),
    st.integers(-127, 20),
    st.integers(0, 233),
    st.integers(1, 3),
    st.integers(-1, 4095),
    st.sampled_from(["", "00ff00ff00ff00ff"]),
)


def batch(rows: list[tuple[Any, ...]]) -> ObservationBatch:
    """A batch of these observations."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(8)]
    names = ("t_ms", "device", "address_kind", "rssi_dbm", "channel", "frame_kind", "sequence", "elements")
    fields: dict[str, Any] = dict(zip(names, columns, strict=True))
    return ObservationBatch(node="n1", boot="0" * 16, seq=3, watermark_ms=1_700_000_000_000, **fields)


VISIT = VisitData(
    visit=stable_id("m", "z", 1),
    device="0123456789abcdef",
    zone="z",
    floor="F1",
    started_ms=1_000,
    seen_ms=61_000,
    dwell_s=60.0,
    confidence=0.8,
)
STEP = PathStep(visit=VISIT.visit, zone="z", floor="F1", started_ms=1_000, ended_ms=61_000)
PATH = PathData(
    path=stable_id("p"), device=VISIT.device, started_ms=0, ended_ms=90_000, dwell_s=90.0, steps=[STEP]
)
PLATE = PlateRead(
    track="00ff" * 4,
    change=PlateChange.END,
    t_ms=5,
    camera="ramp",
    direction=Direction.IN,
    plate="0123456789abcdef",
    near=["0123456789abcdef"] * 7,
    formerly="fedcba9876543210",
    formerly_near=["fedcba9876543210"] * 7,
    alternatives=[PlateAlternative("1" * 16, 0.1)],
    confidence=0.9,
    region=PlateRegion.LOCAL,
    energy=PlateEnergy.NEW_ENERGY,
    enrolled="浙A12345",
    enrolled_digest="f" * 32,
)
MEMBER = MemberHeard(t_ms=1, device="0" * 16, formerly="1" * 16, digest="f" * 32)
EXAMPLES: list[msgspec.Struct] = [
    batch([(1, "0" * 16, 1, -60, 6, 1, 77, "")]),
    NodeHealth(
        node="n1", t_ms=5, uptime_s=1.5, frames=10, observations=8, skipped={"truncated": 2}, spooled=0
    ),
    AgentStatus(agent="n1", nodes=["n1"], state=AgentState.ONLINE, since_ms=5, software="0.1"),
    PositionSnapshot(
        floor="F1", t_ms=5, device=["0" * 16], x_m=[1.0], y_m=[2.0], xx_m2=[4.0], xy_m2=[0.0], yy_m2=[4.0]
    ),
    GatewayStatus(state=AgentState.OFFLINE, since_ms=5),
    VisitEvent(
        id=stable_id("e"),
        source="mallsense://m/gateway",
        type="io.mallsense.visit.started.v1",
        subject="z",
        time="2026-01-01T00:00:00Z",
        data=VISIT,
    ),
    PathEvent(
        id=stable_id("f"),
        source="mallsense://m/gateway",
        type="io.mallsense.path.ended.v1",
        subject="mall",
        time="2026-01-01T00:00:00Z",
        data=PATH,
    ),
    ObservationBatch(node="n1", boot="0" * 16, seq=4, watermark_ms=1_000, plates=[PLATE]),
    EnrolledPlates(key="0" * 8, digests=["f" * 32]),
    EnrolledPlates(key="0" * 8, digests=[], members=["f" * 32]),
    EnrolledDevices(key="0" * 8, digests=["f" * 32]),
    ObservationBatch(node="n1", boot="0" * 16, seq=5, watermark_ms=1_000, members=[MEMBER]),
    CarEvent(
        id=stable_id("g"),
        source="mallsense://m/gateway",
        type="io.mallsense.car.entered.v1",
        subject="p1",
        time="2026-01-01T00:00:00Z",
        data=CarData(
            stay=stable_id("s"),
            plate=PLATE.plate,
            area="p1",
            entered_ms=5,
            confidence=0.9,
            region=PLATE.region,
            energy=PLATE.energy,
            enrolled_digest="f" * 32,
        ),
    ),
    NodeHealth(
        node="n1",
        t_ms=5,
        uptime_s=1.5,
        frames=0,
        observations=0,
        spooled=0,
        cameras=[CameraHealth(camera="ramp", trouble=CameraTrouble.GONE, advice="plug it in")],
    ),
]


@given(st.lists(ROWS, max_size=20))
def test_every_batch_reads_back_as_itself(rows: list[tuple[Any, ...]]) -> None:
    """Encoding and decoding are inverses for any valid observations."""
    assert decode(encode(batch(rows)), ObservationBatch) == batch(rows)


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
def test_every_message_reads_back_as_itself(message: msgspec.Struct) -> None:
    """Each kind of message survives the wire."""
    assert decode(encode(message), type(message)) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
def test_the_asyncapi_document_describes_the_real_payloads(message: msgspec.Struct) -> None:
    """Each payload validates against the schema that the document publishes for it."""
    document = asyncapi.document()
    schema = {"$ref": f"#/components/schemas/{type(message).__name__}", "components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(json.loads(encode(message)))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**json.loads(encode(message)), "surprise": 1})


def test_the_published_asyncapi_document_is_the_current_one() -> None:
    """docs/asyncapi.json is what `python -m contracts.asyncapi` writes now."""
    assert (DOCS / "asyncapi.json").read_text(encoding="utf-8") == asyncapi.text()


def test_what_was_written_before_there_were_members_is_still_read() -> None:
    """Batches, plate reads and lists without a word of members are read and written as they ever were."""
    old = encode(batch([(1, "0" * 16, 1, -60, 6, 1, 77, "")]))
    assert b"members" not in old
    assert decode(old, ObservationBatch).members is msgspec.UNSET
    assert b"enrolled_digest" not in encode(msgspec.structs.replace(PLATE, enrolled_digest=msgspec.UNSET))
    assert b"members" not in encode(EnrolledPlates(key="0" * 8, digests=[]))


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("members", [{"t_ms": 1, "device": "0" * 16, "digest": "aa:bb:cc:dd:ee:ff"}], "$.members[0].digest"),
        ("v", 2, "$.v"),
        ("rssi_dbm", [300], "$.rssi_dbm"),
        ("rssi_dbm", [-60, -61], "columns of different lengths"),
        ("rssi_dbm", [None], "$.rssi_dbm"),
        ("device", ["aa:bb:cc:dd:ee:ff"], "$.device"),
        ("t_ms", [1_700_000_000_000_000_000], "$.t_ms"),
        ("t_ms", [-5], "$.t_ms"),
        ("sequence", [4096], "$.sequence"),
        ("node", "a/b", "$.node"),
        ("surprise", 1, "surprise"),
    ],
)
def test_a_wrong_field_is_refused_by_name(field: str, value: object, named: str) -> None:
    """A raw address, a number out of range or an unknown field is refused, and the error names it."""
    payload = {**json.loads(encode(EXAMPLES[0])), field: value}
    with pytest.raises(MessageError) as caught:
        decode(json.dumps(payload).encode(), ObservationBatch)
    assert named in str(caught.value)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_is_a_message_error_and_nothing_else(payload: bytes) -> None:
    """Whatever arrives, the decoder refuses it in one way."""
    for kind in (ObservationBatch, NodeHealth, AgentStatus):
        with pytest.raises(MessageError):
            decode(payload, kind)


@pytest.mark.parametrize(
    "payload", [b"[" * 100_000, b'{"v":NaN}', b'{"v":1e999}', b"\xff\xfe", b'{"node":"\\ud800"}']
)
def test_hostile_json_is_a_message_error(payload: bytes) -> None:
    """Deep nesting, NaN, overflow and broken text are refused like anything else."""
    with pytest.raises(MessageError):
        decode(payload, ObservationBatch)


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True))
def test_edge_topics_are_read_back(name: str) -> None:
    """A topic that an agent publishes to gives back who published what."""
    topics = Topics("m")
    assert read_edge_topic(topics.observations(name)) == EdgeTopic("m", name, "observations")
    assert read_edge_topic(topics.health(name)) == EdgeTopic("m", name, "health")
    assert read_edge_topic(topics.agent_status(name)) == EdgeTopic("m", name, "status")
    assert read_edge_topic(topics.positions(name)) is None


def test_an_event_knows_its_kind() -> None:
    """The kind is the CloudEvents type without prefix and version."""
    event = EXAMPLES[5]
    assert isinstance(event, VisitEvent)
    assert event.kind is EventKind.VISIT_STARTED


def test_stable_ids_depend_on_every_part_and_on_nothing_else() -> None:
    """The same parts give the same id on every run; moving a boundary between parts changes it."""
    assert stable_id("a", 1) == stable_id("a", 1)
    assert len({stable_id("ab", "c"), stable_id("a", "bc"), stable_id("a", "b", "c")}) == 3
    assert stable_id("mall", "zone", 1) == "d01fd782dc1954646ac69d563e540e1f"


def test_the_largest_batch_stays_under_the_brokers_limit() -> None:
    """A full batch is below 2 MB of JSON."""
    row = (1_700_000_000_000, "f" * 16, 1, -100, 149, 2, 4095, "f" * 16)
    assert len(encode(batch([row] * messages.MAX_BATCH))) < 2_000_000
