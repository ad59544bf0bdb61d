"""A running gateway with a car park: what it answers, what it publishes, and what survives a restart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import UNSET
from paho.mqtt.client import Client, MQTTMessage

from contracts.messages import AgentState, AgentStatus, ObservationBatch, encode
from contracts.plates import PlateRead
from contracts.topics import Topics
from gateway.auth import Credentials
from gateway.runtime import Gateway, Settings
from tests.gateway.parked import START_MS, Pass, all_reads, site_with_car_park
from tests.gateway.running import client, rows
from tests.gateway.small_mall import small_mall
from tests.support import free_port, wait_until

SITE = site_with_car_park(
    vouchers=[
        {"id": "guests", "name": {"en": "Two hours", "zh": "两小时"}, "free_min": 120, "min_stay_min": 10},
        {"id": "members", "name": "Members", "free_min": 480, "members": True},
        {"id": "late", "name": "Late", "free_min": 60, "min_stay_min": 600},
    ]
)
TOPICS = Topics(SITE.mall.id)
PASSAGES = [Pass(60 + 60 * i, "car-in", f"浙C{i:02d}A{i:02d}") for i in range(12)]
PASSAGES += [Pass(1200 + 30 * i, "car-out", f"浙C{i:02d}A{i:02d}") for i in range(6)]
ENROLLED = PASSAGES[11].plate
"""Whose owner agreed."""
ENTERED_MS = START_MS + 60_000 + 11 * 60_000 + 4_000
"""When the last of them came in."""
END_MS = START_MS + 1_800_000
TOKEN = "a token of machines, long enough"


def publish(edge: Client, seq: int, watermark_ms: int, plates: list[PlateRead]) -> None:
    """Send a batch of the node with the cameras."""
    batch = ObservationBatch(
        node="gate", boot="0" * 16, seq=seq, watermark_ms=watermark_ms, plates=plates or UNSET
    )
    edge.publish(TOPICS.observations("gate"), encode(batch), qos=1).wait_for_publish(10)


class Park:
    """A gateway that can be stopped and started again, and the edge that feeds it."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store.db"
        self.broker_port = free_port()
        self.heard: dict[str, dict[str, Any]] = {}
        self.gateway: Gateway | None = None
        self.api = httpx.Client()
        self.minutes = 0

    def start(self) -> None:
        """Start it."""
        credentials = Credentials(password="a password", token=TOKEN)
        settings = Settings(
            site=SITE, store=self.store, broker_port=self.broker_port, port=0, credentials=credentials
        )
        self.gateway = Gateway(settings).start()
        self.api = httpx.Client(
            base_url=f"{self.gateway.url}api/v1",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
            trust_env=False,
        )

    def stop(self) -> None:
        """Stop it."""
        self.api.close()
        if self.gateway is not None:
            self.gateway.stop()

    def play(self) -> None:
        """Let cars come and go, and wait until they are computed."""
        reads = [
            msgspec.structs.replace(read, enrolled=ENROLLED) if read.track == f"{12:016x}" else read
            for read in all_reads(PASSAGES)
        ]
        with client(self.broker_port, "edge") as edge, client(self.broker_port, "crm") as crm:
            crm.on_message = self._arrived
            crm.subscribe(TOPICS.all_events, qos=1)
            status = AgentStatus(agent="gate", nodes=["gate"], state=AgentState.ONLINE, since_ms=START_MS)
            edge.publish(TOPICS.agent_status("gate"), encode(status), qos=1, retain=True).wait_for_publish(10)
            publish(edge, 0, START_MS, [])
            publish(edge, 1, START_MS + 70_000, reads[:2])
            wait_until(lambda: self.api.get("/car-park").status_code == 200, what="no tick of the car park")
            wait_until(lambda: self.now()["t_ms"] > reads[1].t_ms, what="the first car has not come in")
            assert self.api.post("/car-park/count", json={"cars": 1}).status_code == 200
            for seq, end_ms in enumerate(range(START_MS + 120_000, END_MS + 1, 60_000), 2):
                said = [read for read in reads[2:] if end_ms - 60_000 <= read.t_ms < end_ms]
                publish(edge, seq, end_ms, said)
            wait_until(lambda: self.now()["t_ms"] >= END_MS - 60_000, 60, "the stream was not computed")
            wait_until(lambda: len(self.heard) >= 18, what=f"{len(self.heard)} events were published")

    def restart(self) -> None:
        """Stop it, start it again, and let a minute pass."""
        self.stop()
        self.start()
        self.minutes += 1
        with client(self.broker_port, "edge") as edge:
            status = AgentStatus(agent="gate", nodes=["gate"], state=AgentState.ONLINE, since_ms=START_MS)
            edge.publish(TOPICS.agent_status("gate"), encode(status), qos=1, retain=True).wait_for_publish(10)
            publish(edge, 900 + self.minutes, END_MS + 60_000 * self.minutes, [])
            wait_until(lambda: self.api.get("/car-park").status_code == 200, what="no tick after the restart")

    def _arrived(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        event = msgspec.json.decode(message.payload)
        event["topic"] = message.topic
        self.heard[event["id"]] = event

    def now(self) -> dict[str, Any]:
        """Return the car park now."""
        answer: dict[str, Any] = self.api.get("/car-park").json()
        return answer


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Park]:
    """Run a gateway whose car park twelve cars have entered and six have left."""
    running = Park(tmp_path_factory.mktemp("park"))
    running.start()
    try:
        running.play()
        yield running
    finally:
        running.stop()


def ticket(park: Park, entered_ms: int = ENTERED_MS) -> str:
    """Return the token of a ticket for a car that came in at a time."""
    window = {"camera": "car-in", "from_ms": entered_ms - 5_000, "to_ms": entered_ms + 5_000}
    answer = park.api.post("/car-park/tickets", json=window)
    assert answer.status_code == 201
    token: str = answer.json()["token"]
    return token


def test_how_full_it_is(park: Park) -> None:
    """Six of twelve cars are left; free spaces by area and level, with an interval and a forecast."""
    now = park.now()
    assert (now["whole"]["cars"], now["whole"]["capacity"]) == (6, 60)
    assert now["whole"]["low"] <= 6 <= now["whole"]["high"] <= 8
    assert [(area["id"], area["free"]) for area in now["areas"]] == [("P1", 34), ("P2", 20)]
    assert now["forecast"]["within_60"] < 0.2
    assert [area["id"] for area in park.api.get("/site").json()["car_park"]] == ["P1", "P2"]


def test_what_it_was(park: Park) -> None:
    """The chart has every step; lengths of stays are shown for six cars, and not for fewer than k."""
    period = {"from_ms": START_MS, "to_ms": END_MS}
    wait_until(lambda: len(rows(park.store, "stays")) >= 12, what="the stays were not stored")
    chart = park.api.get("/car-park/timeline", params=period).json()
    assert max(cars for cars in chart["cars"] if cars is not None) == 12
    assert (sum(chart["entered"]), sum(chart["left"])) == (12, 6)
    figures = park.api.get("/car-park/stays", params=period).json()
    assert (figures["stays"], figures["ended"], figures["suppressed"]) == (12, 6, False)
    assert 10 < figures["length_median_min"] < 20
    few = park.api.get("/car-park/stays", params={"from_ms": START_MS, "to_ms": START_MS + 200_000}).json()
    assert few["suppressed"]
    assert few["stays"] is few["length_median_min"] is few["turnover"] is None


def test_events_are_cloud_events(park: Park) -> None:
    """Every entry and exit comes over MQTT, each once, under its kind and area; none has a clear plate."""
    kinds = [event["topic"].split("/")[-2:] for event in park.heard.values()]
    assert kinds.count(["car.entered", "P1"]) == 12
    assert kinds.count(["car.left", "P1"]) == 6
    gone = next(event for event in park.heard.values() if event["type"] == "io.mallsense.car.left.v1")
    assert gone["specversion"] == "1.0"
    assert gone["data"]["dwell_s"] > 600
    assert gone["data"]["enrolled"] is None
    feed = park.api.get("/events", params={"limit": 100}).json()["events"]
    assert {"car.entered", "car.left"} <= {row["kind"] for row in feed}
    assert all(row["visit"] is None for row in feed)


def test_no_clear_plate_is_written(park: Park) -> None:
    """Neither the file nor its log holds a plate, or the part that tells cars apart, but the enrolled one."""
    for file in park.store.parent.iterdir():
        content = file.read_bytes()
        for passed in PASSAGES[:11]:
            assert passed.plate.encode() not in content
            assert passed.plate[1:].encode() not in content


def test_a_ticket_finds_its_car_and_nothing_else(park: Park) -> None:
    """By the token the area is told; a car that has left, or a made-up token, is not found."""
    found = park.api.post("/car-park/find", json={"token": ticket(park)}).json()
    assert (found["area"], found["entered_ms"]) == ("P1", ENTERED_MS)
    left = park.api.post("/car-park/find", json={"token": ticket(park, START_MS + 64_000)})
    assert left.status_code == 404
    assert "has left" in left.json()["detail"]
    assert park.api.post("/car-park/find", json={"token": "made up"}).status_code == 404


def test_only_enrolled_plates_find_a_car(park: Park) -> None:
    """Without consent a plate is no way to a car, though it is there; with it, its end is enough."""
    answer = park.api.post("/car-park/find", json={"plate": "10A10"})
    assert answer.status_code == 404
    assert "enrolled" in answer.json()["detail"]
    found = park.api.post("/car-park/find", json={"plate": "1 1a11"}).json()
    assert (found["area"], found["entered_ms"]) == ("P1", ENTERED_MS)
    told = [event["data"]["enrolled"] for event in park.heard.values() if "enrolled" in event["data"]]
    assert {plate for plate in told if plate} == {ENROLLED}


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("count", {"cars": 5, "area": "P9"}, "no area 'P9'; there are P1, P2"),
        ("count", {"cars": 500}, "more than twice the 60 spaces"),
        ("tickets", {"camera": "ramp", "from_ms": 1, "to_ms": 2}, "there are car-in, car-out"),
        ("tickets", {"camera": "car-in", "from_ms": 2, "to_ms": 2}, "to_ms must be after from_ms"),
        ("find", {}, "give token or plate"),
        ("find", {"plate": "· - ·"}, "at least 4 letters and digits"),
        ("find", {"plate": "·.1.1"}, "at least 4 letters and digits"),
        ("claims", {"claim": "x", "voucher": "none", "stay": "y"}, "no voucher 'none'"),
    ],
)
def test_bad_requests_are_explained(park: Park, path: str, body: dict[str, Any], said: str) -> None:
    """What is wrong and what would be right is said."""
    answer = park.api.post(f"/car-park/{path}", json=body)
    assert answer.status_code in {404, 422}
    assert said in answer.text.replace("\\u2019", "'")


def test_a_voucher_is_granted_once(park: Park) -> None:
    """The same claim again is answered as before; another one for the stay is refused, or one too early."""
    token = ticket(park)
    claim = {"claim": "kiosk-1-0001", "voucher": "guests", "token": token}
    first = park.api.post("/car-park/claims", json=claim)
    assert (first.status_code, first.json()["free_min"]) == (200, 120)
    assert park.api.post("/car-park/claims", json=claim).json() == first.json()
    second = park.api.post("/car-park/claims", json=claim | {"claim": "kiosk-2-0001"})
    assert second.status_code == 409
    assert "claimed for this stay already" in second.json()["detail"]
    early = park.api.post("/car-park/claims", json=claim | {"claim": "kiosk-1-0002", "voucher": "late"})
    assert early.status_code == 409
    assert "has to wait" in early.json()["detail"]


def test_a_members_voucher_is_granted_once_a_day(park: Park) -> None:
    """A member gets it for one car a day; without a member it is not granted."""
    other = ticket(park, ENTERED_MS - 60_000)
    claim = {"claim": "app-1", "voucher": "members", "token": ticket(park), "member": "m-4711"}
    assert park.api.post("/car-park/claims", json=claim | {"member": None}).status_code == 422
    assert park.api.post("/car-park/claims", json=claim).status_code == 200
    again = park.api.post("/car-park/claims", json=claim | {"claim": "app-2", "token": other})
    assert again.status_code == 409
    assert "by this member today" in again.json()["detail"]
    assert b"m-4711" not in park.store.read_bytes()


def test_nobody_gets_in_without_a_login(park: Park) -> None:
    """All of it asks for the password or the token."""
    for method, path in (("GET", ""), ("POST", "/find"), ("POST", "/claims"), ("POST", "/count")):
        answer = park.api.request(method, f"/car-park{path}", headers={"Authorization": ""}, json={})
        assert answer.status_code == 401, path


def test_guessing_is_slowed_down(park: Park) -> None:
    """After twenty wrong tokens within a minute the next one is not looked at."""
    answers = [park.api.post("/car-park/find", json={"token": f"guess {i}"}).status_code for i in range(25)]
    assert answers[-1] == 429
    assert 404 in answers
    park.restart()  # the limit is of the process: the tests after this one are not to wait


def test_a_restart_changes_nothing(park: Park) -> None:
    """Cars, tickets and claims are there afterwards: a claim is answered as before, a second one refused."""
    token = ticket(park)
    claim = {"claim": "before", "voucher": "guests", "token": ticket(park, ENTERED_MS - 60_000)}
    first = park.api.post("/car-park/claims", json=claim)
    assert first.status_code == 200
    park.restart()
    assert park.now()["whole"]["cars"] == 6
    assert park.api.post("/car-park/find", json={"token": token}).json()["entered_ms"] == ENTERED_MS
    assert park.api.post("/car-park/claims", json=claim).json() == first.json()
    assert park.api.post("/car-park/claims", json=claim | {"claim": "after"}).status_code == 409
    stay = first.json()["stay"]
    granted = park.api.get("/car-park/claims", params={"stay": stay}).json()
    assert [one["claim"] for one in granted] == ["before"]


def test_a_mall_without_a_car_park_has_none(tmp_path: Path) -> None:
    """It says so, and the console does not show the page."""
    settings = Settings(site=small_mall(), store=tmp_path / "store.db", broker_port=0, port=0)
    with Gateway(settings) as gateway:
        answer = httpx.get(f"{gateway.url}api/v1/car-park", trust_env=False)
        assert answer.status_code == 404
        assert "site file" in answer.json()["detail"]
        assert httpx.get(f"{gateway.url}api/v1/site", trust_env=False).json()["car_park"] is None
