"""Stays of members' cars, from what cameras say to the feed, through the real pipeline."""

from pathlib import Path

import msgspec
from msgspec import UNSET

from contracts.crm import FeedEvent, IdentifierKind, Purpose
from contracts.messages import AgentState, AgentStatus, ObservationBatch, decode, encode
from contracts.plates import PlateRead
from contracts.site.crm import Crm
from gateway.engine import build_engine
from gateway.link import Delivery
from gateway.nodes import Nodes
from gateway.pipeline import Pipeline
from gateway.store.records import Input
from tests.gateway.membership import T0_MS, Desk, digest
from tests.gateway.nowhere import Nowhere
from tests.gateway.parked import START_MS, Pass, all_reads, site_with_car_park

MEMBER, OTHER, LATE = "浙C11A11", "浙C22A22", "浙C33A33"
PASSAGES = [
    Pass(60, "car-in", MEMBER),
    Pass(90, "car-in", OTHER),
    Pass(120, "car-in", LATE),
    Pass(600, "car-out", MEMBER),
    Pass(660, "car-out", OTHER),
    Pass(720, "car-out", LATE),
]
DIGESTS = {MEMBER: digest(1), LATE: digest(2)}


def said(read: PlateRead, number: int) -> PlateRead:
    """Return a reading as a node says it that knows the plate; LATE is on the list at the exit alone."""
    plate = PASSAGES[number].plate
    if plate not in DIGESTS or (plate == LATE and PASSAGES[number].camera == "car-in"):
        return read
    return msgspec.structs.replace(read, enrolled=plate, enrolled_digest=DIGESTS[plate])


class Broker(Nowhere):
    """Keeps what is published to everybody."""

    def __init__(self) -> None:
        super().__init__()
        self.payloads: list[bytes] = []

    def publish_surely(self, topic: str, payload: bytes, name: str) -> None:
        """Keep it."""
        self.payloads.append(payload)
        super().publish_surely(topic, payload, name)


def play(desk: Desk) -> list[bytes]:
    """Put a quarter of an hour through a pipeline and matching; gives the events that were published."""
    broker = Broker()
    site = site_with_car_park().model_copy(update={"crm": Crm()})
    pipeline = Pipeline(
        site=site, engine=build_engine(site), store=desk.store, outlet=broker, nodes=Nodes(site),
        show=lambda *_: None,
    )  # fmt: skip
    pipeline.resume()
    delivery = Delivery("", b"", 0, 1, 0)
    status = AgentStatus(agent="gate", nodes=["gate"], state=AgentState.ONLINE, since_ms=START_MS)
    pipeline.take([(delivery, Input(status, encode(status)))])
    reads = [said(read, int(read.track, 16) - 1) for read in all_reads(PASSAGES)]
    for number in range(1, 31):
        end_ms = START_MS + number * 30_000
        plates = [read for read in reads if end_ms - 30_000 <= read.t_ms < end_ms]
        batch = ObservationBatch(
            node="gate", boot="0" * 16, seq=number, watermark_ms=end_ms, plates=plates or UNSET
        )
        pipeline.take([(delivery, Input(batch, encode(batch)))])
        pipeline.commit()
        desk.work()
    return broker.payloads


def test_members_cars_and_no_others(tmp_path: Path) -> None:
    """A member's car is named from its entry on; one that is known at the exit is corrected, others never."""
    desk = Desk(tmp_path)
    for reference, number in (("m-1", 1), ("m-2", 2)):
        desk.says(reference, Purpose.PARKING, t_s=(START_MS - T0_MS) / 1000 - 60)
        desk.has(reference, digest(number), IdentifierKind.PLATE)
    published = play(desk)
    told = [decode(payload, FeedEvent) for _, payload in desk.rows("crm_feed", "seq, payload")]
    cars = [
        (event.kind.value, event.revision, event.member or None) for event in told if "car." in event.type
    ]
    assert sorted(cars, key=repr) == sorted(
        [
            ("car.entered", 1, "m-1"), ("car.entered", 1, None), ("car.entered", 1, None),
            ("car.entered", 2, "m-2"), ("car.left", 1, "m-1"), ("car.left", 1, None), ("car.left", 1, "m-2"),
        ],
        key=repr,
    )  # fmt: skip
    stays = desk.rows("crm_stays", "entered_ms, left_ms")
    assert [(a - START_MS) // 60_000 for a, _ in stays] == [1, 2]
    assert [(b - START_MS) // 60_000 for _, b in stays] == [10, 12]
    desk.check()
    assert MEMBER not in str([payload for (payload,) in desk.rows("crm_feed", "CAST(payload AS TEXT)")])
    everybody = b"".join(published)
    assert MEMBER.encode() in everybody
    assert not any(name.encode() in everybody for name in DIGESTS.values())  # they are the same on every day
    desk.close()
