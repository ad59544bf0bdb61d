"""The HTTP API of a gateway that has heard a small mall for three minutes, asked over a real connection."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import jsonschema
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from contracts.messages import ObservationBatch, encode
from contracts.topics import Topics
from tests.gateway.conftest import Running
from tests.gateway.crowd import BOOT, START_MS
from tests.support import wait_until

MINUTE = 60_000
DAY_MS = 24 * 60 * MINUTE


@pytest.fixture(scope="module")
def api(running: Running) -> Iterator[httpx.Client]:
    """Return a client of the running gateway's API."""
    with httpx.Client(base_url=f"{running.gateway.url}api/v1", timeout=30, trust_env=False) as made:
        yield made


@pytest.fixture(scope="module")
def openapi(api: httpx.Client) -> dict[str, Any]:
    """Return the API's own description, whose schemas are schemas."""
    document: dict[str, Any] = api.get("/openapi.json").json()
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    return document


NOW = START_MS + 170_000
TABLES = (
    *("occupancy", "cell", "cell_hour", "zone_hour", "footfall_hour", "flow_hour"),
    *("car_park", "node", "freshness", "promotion"),
)
EXAMPLES = {
    "floor": "F1",
    "zone": "S10",
    "t_ms": str(NOW - 2 * MINUTE),
    "from_ms": str(START_MS - DAY_MS),
    "to_ms": str(NOW),
    "after": "2",
    "limit": "5",
    "kind": "zone",
    "node": "n10",
    "source": "S10",
    "target": "S11",
    "area": "car-park",
}
WRONG = {
    "floor": "F9",
    "zone": "nowhere",
    "t_ms": "-1",
    "from_ms": "x",
    "to_ms": "99e99",
    "after": "-1",
    "limit": "0",
    "kind": "planet",
    "node": "n99",
    "source": "nowhere",
    "target": "nowhere",
    "area": "nowhere",
}


def requests(openapi: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], dict[str, str]]]:
    """Every GET of the API: its path, the same filled in, its operation, and the example parameters.

    Those of the car park and of the CRM are asked where there is one (test_car_park_api, test_crm_*).
    """
    for path, operations in openapi["paths"].items():
        elsewhere = "/car-park" in path or "/crm/" in path
        if (operation := operations.get("get")) is not None and not elsewhere:
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            query = {name: EXAMPLES[name] for name in names if f"{{{name}}}" not in path}
            yield path, path.format(**EXAMPLES).removeprefix("/api/v1"), operation, query


def conforms(openapi: dict[str, Any], operation: dict[str, Any], answer: httpx.Response) -> None:
    """Check an answer against the schema that the API itself promises for its status."""
    promised = operation["responses"][str(answer.status_code)]
    media_type = answer.headers["content-type"].partition(";")[0]
    schema = promised["content"][media_type]["schema"]
    found = answer.json()
    if isinstance(found, list):  # of many rows that differ in nothing but their minute, one: most are empty
        found = [*{str({**row, "time": 0}): row for row in found}.values()]
    checked(openapi, schema, found)


def checked(openapi: dict[str, Any], schema: dict[str, Any], found: object) -> None:
    """Check something against a schema of the API."""
    jsonschema.Draft202012Validator({**schema, "components": openapi["components"]}).validate(found)


def test_every_answer_is_as_described(api: httpx.Client, openapi: dict[str, Any]) -> None:
    """Every GET, with and without parameters, answers what OpenAPI promises, with no field too many."""
    asked = list(requests(openapi))
    assert {path.removeprefix("/api/v1") for path, *_ in asked} == {
        *("/site", "/nodes", "/health", "/live", "/frame", "/timeline", "/heat", "/zones"),
        *("/zones/{zone}/hours", "/footfall", "/flows", "/events", "/promotions", "/login"),
        *("/plan/floors/{floor}.geojson", "/plan/floors/{floor}/zones.geojson"),
        *(f"/rows/{table}" for table in TABLES),
    }
    for _, path, operation, query in asked:
        required = {p["name"] for p in operation.get("parameters", []) if p.get("required")} & query.keys()
        for parameters in (query, {name: query[name] for name in required}):
            answer = api.get(path, params=parameters)
            assert answer.status_code == 200, (path, answer.text)
            conforms(openapi, operation, answer)


def test_wrong_parameters_are_refused(api: httpx.Client, openapi: dict[str, Any]) -> None:
    """Every parameter with a senseless value is refused with a reason, never with an error of ours."""
    for path, filled, operation, query in requests(openapi):
        for name in query:
            answer = api.get(filled, params={**query, name: WRONG[name]})
            assert answer.status_code in {404, 422}, (path, name, answer.text)
            assert answer.json()["detail"]
            if answer.status_code == 422 and isinstance(answer.json()["detail"], list):
                conforms(openapi, operation, answer)
    assert api.get("/zones/nowhere/hours").status_code == 404


@pytest.mark.parametrize("path", ["zones", "heat", "footfall", "flows", "timeline"])
def test_periods_that_make_no_sense(api: httpx.Client, path: str) -> None:
    """A period that is empty, turned round or longer than a year is refused, and the message says why."""
    for start, end in ((NOW, NOW), (NOW, NOW - 1), (NOW - 367 * DAY_MS, NOW)):
        answer = api.get(f"/{path}", params={"from_ms": start, "to_ms": end})
        assert answer.status_code == 422
        assert "before" in answer.text or "longer" in answer.text


def test_site_is_drawn(api: httpx.Client, running: Running) -> None:
    """The plan has every floor, zone and node, bounds around the outline and labels inside their zones."""
    plan = api.get("/site").json()
    assert [floor["id"] for floor in plan["floors"]] == ["F1", "F2"]
    assert plan["floors"][0]["bounds"] == [0, 0, 60, 40]
    assert len(plan["nodes"]) == len(running.site.nodes)
    corridor = plan["floors"][0]["zones"][-1]
    assert 0 < corridor["label"][0] < 60
    assert 15 < corridor["label"][1] < 25


def test_live_frame_fits_together(api: httpx.Client) -> None:
    """The numbers of a frame agree: floors with the mall, heat with its floor, dots with their ids."""
    frame = api.get("/live", params={"floor": "F1"}).json()
    floors = [floor["people"] or 0 for floor in frame["floors"]]
    assert abs(sum(floors) - frame["present"]["people"]) <= 2
    assert sum(frame["heat"]["value"]) == pytest.approx(floors[0], abs=2.5)
    dots = frame["dots"]
    assert len(dots["id"]) == len(set(dots["id"])) == len(dots["x_m"]) == len(dots["sd_m"]) > 0
    assert max(frame["heat"]["index"]) < frame["heat"]["nx"] * frame["heat"]["ny"]


def test_past_frame_is_like_the_live_one_was(api: httpx.Client) -> None:
    """A minute ago there were people, and their dots have the ids that they have now."""
    past = api.get("/frame", params={"floor": "F1", "t_ms": NOW - 70_000}).json()
    assert past["present"]["people"] > 0
    assert past["heat"]["index"]
    assert past["events"]
    now = api.get("/live", params={"floor": "F1"}).json()
    both = [{*api.get("/frame", params={"floor": f, "t_ms": NOW}).json()["dots"]["id"]} for f in ("F1", "F2")]
    assert {*now["dots"]["id"]} & (both[0] | both[1])


def test_past_beyond_the_store_is_empty(api: httpx.Client) -> None:
    """Of a time before the first record there is nothing, and no error."""
    frame = api.get("/frame", params={"floor": "F1", "t_ms": START_MS - DAY_MS}).json()
    assert frame["dots"]["id"] == frame["heat"]["index"] == frame["events"] == []
    assert frame["present"]["people"] == 0


def test_no_pseudonym_is_shown(api: httpx.Client, openapi: dict[str, Any], running: Running) -> None:
    """No answer of the API holds the pseudonym of any device."""
    names = {name for _, batch in running.messages for name in batch.device}
    for _, path, _, query in requests(openapi):
        text = api.get(path, params=query).text
        assert not [name for name in names if name in text], path


def test_figures_agree_with_each_other(api: httpx.Client) -> None:
    """Visits by zone, visits by hour and visits in the feed are the same visits."""
    period = {"from_ms": START_MS - MINUTE, "to_ms": NOW + MINUTE}
    zones = {z["zone"]: z for z in api.get("/zones", params=period).json()}
    started = api.get("/events", params={"after": 0, "limit": 1000}).json()["events"]
    for zone, figures in zones.items():
        here = {e["visit"] for e in started if e["zone"] == zone and e["kind"] == "visit.started"}
        if not figures["suppressed"]:
            assert figures["visits"] == len(here)
            hours = api.get(f"/zones/{zone}/hours", params=period).json()
            if not any(hour["suppressed"] for hour in hours):
                assert sum(hour["visits"] for hour in hours) == len(here)
            assert figures["visitors"] <= figures["visits"]
    assert len({e["visit"] for e in started if e["kind"] == "visit.started"}) > 5
    assert any(figures["visits"] for figures in zones.values())


def test_heat_of_the_period_is_people_times_minutes(api: httpx.Client) -> None:
    """The device-minutes of both floors are the mean number of people times the minutes."""
    period = {"from_ms": START_MS, "to_ms": START_MS + 2 * MINUTE}
    line = api.get("/timeline", params=period).json()
    minutes = sum(
        sum(api.get("/heat", params={**period, "floor": floor}).json()["value"]) for floor in ("F1", "F2")
    )
    assert line["step_ms"] == MINUTE
    assert minutes == pytest.approx(sum(line["people"]), abs=2.5)


def test_events_are_followed_by_cursor(api: httpx.Client) -> None:
    """Page after page gives every event once, in order; without a cursor the newest come."""
    cursors, after = [], 0
    while page := (answer := api.get("/events", params={"after": after, "limit": 7}).json())["events"]:
        cursors += [event["cursor"] for event in page]
        after = answer["next"]
    assert cursors == [*range(1, len(cursors) + 1)]
    newest = api.get("/events", params={"limit": 3}).json()
    assert [event["cursor"] for event in newest["events"]] == cursors[-3:]
    assert newest["next"] == cursors[-1]


def test_nodes_are_online(api: httpx.Client) -> None:
    """Every node that has just spoken is online and hears something."""
    for node in api.get("/nodes").json():
        assert node["state"] == "online"
        assert node["observations_per_min"] > 0
        assert node["advice"] is None


def live_address(running: Running, query: str = "") -> str:
    """Where the stream of frames is."""
    return f"{running.gateway.url.replace('http', 'ws', 1)}api/v1/live{query}"


def test_stream_of_frames(running: Running, openapi: dict[str, Any]) -> None:
    """A viewer gets a frame at once, another floor on asking, and survives talking nonsense."""
    schema = {"$ref": "#/components/schemas/Frame"}
    with connect(live_address(running, "?floor=F2")) as socket:
        first = json.loads(socket.recv(timeout=10))
        checked(openapi, schema, first)
        assert first["floor"] == "F2"
        for text in ("", "{", "[]", '{"floor": 7}', '{"floor": "F9"}', '{"floor": "F1"}'):
            socket.send(text)
        while json.loads(socket.recv(timeout=10))["floor"] != "F1":
            pass


def test_frames_keep_coming(running: Running) -> None:
    """While nothing happens, frames come all the same, so that a viewer knows that its connection lives."""
    with connect(live_address(running)) as socket:
        frames = [json.loads(socket.recv(timeout=10)) for _ in range(2)]
        assert frames[0]["t_ms"] == frames[1]["t_ms"]


def test_slow_viewer_holds_up_nobody(running: Running) -> None:
    """A viewer who never reads costs the others nothing: they see each new tick."""
    last_ms = running.messages[-1][1].watermark_ms
    topics = Topics("small")
    with (
        connect(live_address(running), max_queue=1, close_timeout=0.1),
        connect(live_address(running)) as quick,
    ):
        for second in range(1, 4):
            for node in running.site.nodes:
                batch = ObservationBatch(
                    node=node.id, boot=BOOT, seq=10_000 + second, watermark_ms=last_ms + 1000 * second
                )
                running.edge.publish(topics.observations(node.id), encode(batch), qos=1)
        seen = [json.loads(quick.recv(timeout=10))["t_ms"]]
        while seen[-1] < last_ms + 3000:
            seen.append(json.loads(quick.recv(timeout=10))["t_ms"])
        assert all(early <= late for early, late in pairwise(seen))


def test_strange_page_reaches_nothing(running: Running, api: httpx.Client) -> None:
    """Neither a rebound name nor another origin gets an answer or a stream of frames."""
    assert api.get("/live", headers={"Host": "evil.example"}).status_code == 403
    assert api.get("/live", headers={"Origin": "https://evil.example"}).status_code == 403
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(live_address(running), origin=Origin("https://evil.example")),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_garbage_on_every_topic_is_counted(running: Running, api: httpx.Client) -> None:
    """Rubbish on every topic leaves the gateway running and its figures as they were."""
    before = api.get("/zones").json()
    topics = Topics("small")
    for number in range(50):
        for topic in (topics.observations("n11"), topics.health("n11"), topics.agent_status("all")):
            running.edge.publish(topic, bytes([number]) * (number + 1), qos=number % 2)
        running.edge.publish(topics.observations(f"ghost{number}"), b"{}", qos=1)
    wait_until(lambda: api.get("/health").json()["counters"].get("unknown_node", 0) >= 50)
    counters = api.get("/health").json()["counters"]
    assert counters["garbage"] == 150
    assert api.get("/health").json()["status"] == "ok"
    assert api.get("/zones").json() == before
