"""A real gateway on a real broker: members heard in batches are on the feed, here now, and nobody else is."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest

from contracts.broker import BrokerAddress
from contracts.crm import FeedEvent
from contracts.messages import MemberHeard, ObservationBatch, decode
from contracts.site.crm import Crm
from gateway.runtime import Gateway, Settings
from tests.gateway.conftest import stored, ticked
from tests.gateway.crowd import START_MS, small_site, stream
from tests.gateway.membership import assert_nobody_else, digest
from tests.gateway.running import announce, client, play, rows
from tests.support import Mosquitto, wait_until

PEOPLE, SECONDS, MEMBERS = 10, 100, 4

Messages = list[tuple[str, ObservationBatch]]


def with_members(messages: Messages) -> tuple[Messages, dict[str, str]]:
    """Have the nodes name the phones of the first members; gives batches, and references by device."""
    devices = sorted({device for _, batch in messages for device in batch.device})
    named = {device: f"m-{number}" for number, device in enumerate(devices[:MEMBERS])}
    digests = {device: digest(number) for number, device in enumerate(devices[:MEMBERS])}
    found = []
    for topic, batch in messages:
        heard = [
            MemberHeard(t_ms=t_ms, device=device, digest=digests[device])
            for t_ms, device in zip(batch.t_ms, batch.device, strict=True)
            if device in digests
        ]
        found.append((topic, msgspec.structs.replace(batch, members=heard) if heard else batch))
    return found, named


@dataclass
class Running:
    """A gateway that has heard a small mall with members in it."""

    gateway: Gateway
    api: httpx.Client
    store: Path
    named: dict[str, str]


@pytest.fixture(scope="module")
def running(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Run it; three of four members agree."""
    broker = mosquitto_factory(settings="max_queued_messages 0")
    site = small_site().model_copy(update={"crm": Crm()})
    messages, named = with_members(stream(site, people=PEOPLE, seconds=SECONDS))
    store = tmp_path_factory.mktemp("crm") / "store.db"
    settings = Settings(site=site, store=store, broker=BrokerAddress("127.0.0.1", broker.port), port=0)
    with (
        Gateway(settings) as gateway,
        client(broker.port, "edge") as edge,
        httpx.Client(base_url=f"{gateway.url}api/v1/crm", timeout=30, trust_env=False) as api,
    ):
        for number, reference in enumerate(named.values()):
            agree(api, reference, given=number != 1)
            if number != 1:
                has(api, reference, number)
        announce(edge, site)
        play(edge, messages)
        end_ms = messages[-1][1].watermark_ms
        wait_until(lambda: ticked(gateway) >= end_ms, 100, "the gateway has not taken in its stream")
        wait_until(lambda: stored(store) >= end_ms, what="the gateway has not stored its stream")
        wait_until(lambda: not rows(store, "crm_inbox", "item"), what="matching has not taken in everything")
        yield Running(gateway, api, store, named)
    broker.stop()


def agree(api: httpx.Client, reference: str, *, given: bool) -> None:
    """Say what a member says of positions."""
    said = {
        "reference": reference, "purpose": "position", "given": given, "text": "v1", "channel": "app",
        "t_ms": START_MS - 1000,
    }  # fmt: skip
    assert api.post("/consents", json=said).status_code == 201


def has(api: httpx.Client, reference: str, number: int) -> None:
    """Say that a member has a phone."""
    said = {"reference": reference, "kind": "wifi", "digest": digest(number), "key": "00c0ffee"}
    assert api.post("/identifiers", json=said).status_code == 201


def told(running: Running) -> dict[str, FeedEvent]:
    """Follow the feed from its start; gives the newest revision of each event."""
    found: dict[str, FeedEvent] = {}
    after = 0
    while True:
        answer = running.api.get("/events", params={"after": after, "limit": 7}).json()
        for event in answer["events"]:
            read = decode(msgspec.json.encode(event), FeedEvent)
            assert read.revision == (found[read.id].revision + 1 if read.id in found else 1)
            found[read.id] = read
        assert answer["cursor"] >= after
        after = answer["cursor"]
        if answer["next"] is None:
            return found


def test_every_event_is_told_and_names_whom_it_may(running: Running) -> None:
    """All events of the store are on the feed, those of members' devices with the member, no others."""
    found = told(running)
    assert found.keys() == {name for (name,) in rows(running.store, "events", "id")}
    assert len({event.member for event in found.values() if event.member}) >= 2
    for event in found.values():
        device = msgspec.json.decode(event.data).get("device", "")
        expected = running.named.get(device) if running.named.get(device) != "m-1" else None
        assert (event.member or None) == expected


def test_searched_for_anybody_else(running: Running) -> None:
    """No row of the file names who does not agree, and the member who refused is nowhere in it."""
    with closing(sqlite3.connect(running.store)) as db:
        assert assert_nobody_else(db) >= 5


def test_health(running: Running) -> None:
    """The gateway says how matching is: everything taken in, nothing left out."""
    crm = running.gateway.health().crm
    assert crm is not None
    assert (crm.problem, crm.waiting, crm.left_out) == (None, 0, 0)
    assert crm.events == len(rows(running.store, "events", "id"))


def test_filters(running: Running) -> None:
    """By kind, zone and member, the feed gives exactly these."""
    everything = told(running)
    for name, value in (("kind", "visit.started"), ("zone", "S10"), ("member", "m-0")):
        answer = running.api.get("/events", params={name: value, "limit": 1000}).json()
        found = {event["id"] for event in answer["events"]}
        expected = {
            an_id
            for an_id, event in everything.items()
            if value in (event.kind, event.subject, event.member or "")
        }
        assert found == expected
    assert running.api.get("/events", params={"member": "nobody"}).status_code == 404


def test_here_now(running: Running) -> None:
    """Members who are in the mall at the end are here, with the zone of their open visit; others are not."""
    answer = running.api.get("/here").json()
    open_visits = {
        device: (zone, floor)
        for device, zone, floor, ended_ms in rows(running.store, "visits", "device, zone, floor, ended_ms")
        if ended_ms is None
    }
    here = {one["reference"]: (one["zone"], one["floor"]) for one in answer["members"]}
    visiting = {
        reference: open_visits[device]
        for device, reference in running.named.items()
        if device in open_visits and reference != "m-1"
    }
    assert visiting
    assert {name: here[name] for name in visiting} == visiting
    assert "m-1" not in here
    assert all(one["evidence"] == ["wifi"] and one["confidence"] == 0.9 for one in answer["members"])
    assert answer["conflicts"] == []


def test_a_journey(running: Running) -> None:
    """A journey is the zones that the store knows of the device, in order; of who refused, nothing."""
    for device, reference in running.named.items():
        answer = running.api.get(f"/members/{reference}/journey").json()
        steps = [
            (step["zone"], step["started_ms"], step["ended_ms"])
            for visit in answer["visits"]
            for step in visit["steps"]
        ]
        known = sorted(
            row[1:]
            for row in rows(running.store, "visits", "device, zone, started_ms, ended_ms")
            if row[0] == device
        )
        assert sorted(steps) == (known if reference != "m-1" else [])
        assert sorted(steps, key=lambda step: step[1]) == steps
    assert running.api.get("/members/nobody/journey").status_code == 404
