"""Webhooks over HTTP and at the command line, at a running gateway; the sample consumer, killed."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

from contracts import schemas
from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError
from contracts.site import Crm
from gateway.crm.cli import app
from gateway.crm.delivery import backoff
from gateway.runtime import Gateway, Settings
from tests.gateway.conftest import ticked
from tests.gateway.crm_feed import START_MS, Receiver, put_many, receiver, rude
from tests.gateway.crowd import small_site, stream
from tests.gateway.running import announce, client, play
from tests.support import Mosquitto, free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Mall:
    """A gateway with a CRM, and a client of it."""

    gateway: Gateway
    api: httpx.Client
    broker: Mosquitto

    def tell(self, numbers: range) -> list[str]:
        """Put events into the feed."""
        assert self.gateway.crm is not None
        ids = put_many(self.gateway.crm.file, numbers)
        self.gateway.crm.feed.told()
        return ids

    def cli(self, *arguments: str) -> str:
        """Run a command of `mallsense crm webhooks`; gives what it prints."""
        asked = ["webhooks", *arguments, "--url", self.gateway.url]
        return CliRunner().invoke(app, asked, catch_exceptions=False).output


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are a twentieth of what they are."""
    monkeypatch.setattr(backoff, "BASE_S", 0.05)


@pytest.fixture(scope="module")
def mall(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mall]:
    """Run a gateway."""
    broker = mosquitto_factory(settings="max_queued_messages 0")
    site = small_site().model_copy(update={"crm": Crm()})
    store = tmp_path_factory.mktemp("webhooks") / "store.db"
    made = Settings(site=site, store=store, broker=BrokerAddress("127.0.0.1", broker.port), port=0)
    with (
        Gateway(made) as gateway,
        httpx.Client(base_url=f"{gateway.url}api/v1/crm", timeout=20, trust_env=False) as api,
    ):
        yield Mall(gateway, api, broker)
    broker.stop()


@pytest.fixture(scope="module")
def crm() -> Iterator[Receiver]:
    """Run a receiver that takes everything."""
    with receiver() as one:
        yield one


def test_a_webhook_from_beginning_to_end(mall: Mall, crm: Receiver) -> None:
    """Added, shown, changed, tried, paused, sent again, removed; its secret is shown once."""
    api = mall.api
    made = api.post("/webhooks", json={"subscriber": "crm", "url": crm.url, "private": True})
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert "secret" not in api.get("/webhooks").json()[0]
    assert api.post("/webhooks/crm/test").json()["ok"] is True
    headers, body = crm.taken[-1]
    assert Webhook(secret).verify(body, headers)["type"] == "io.mallsense.webhook.test.v1"
    crm.taken.clear()
    ids = mall.tell(range(3))
    wait_until(lambda: len(crm.taken) == 3)
    assert api.patch("/webhooks/crm", json={"paused": True, "zones": ["S10"]}).json()["state"] == "paused"
    row = api.patch("/webhooks/crm", json={"zones": None}).json()
    assert (row["zones"], row["state"]) == (None, "paused")
    assert api.post("/webhooks/crm/replay", json={"event": ids[1]}).json() == {"events": 1}
    assert api.patch("/webhooks/crm", json={"paused": False}).json()["state"] == "ok"
    wait_until(lambda: len(crm.taken) == 4)
    assert api.post("/webhooks/crm/replay", json={"from_ms": START_MS + 2}).json() == {"events": 1}
    wait_until(lambda: len(crm.taken) == 5)
    assert api.get("/webhooks/crm/dead").json() == {"dead": [], "next": None}
    assert api.post("/webhooks/crm/secret").json()["secret"] != secret
    assert api.delete("/webhooks/crm").status_code == 204
    assert api.delete("/webhooks/crm").status_code == 404


NEW = {"subscriber": "new", "url": "https://crm.example/"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("POST", "/webhooks", {**NEW, "url": "http://crm.example/"}, 422, "is https"),
        ("POST", "/webhooks", {**NEW, "url": "https://me:secret@crm.example/"}, 422, "no user or password"),
        ("POST", "/webhooks", {**NEW, "zones": ["attic"]}, 422, "there are S10"),
        ("POST", "/webhooks", {**NEW, "kinds": ["visit.dreamt"]}, 422, "visit.started"),
        ("POST", "/webhooks", {**NEW, "subscriber": "@broker"}, 422, "pattern"),
        ("POST", "/webhooks/@broker/test", None, 404, "no webhook"),
        ("PATCH", "/webhooks/@broker", {"paused": True}, 404, "no webhook"),
        ("POST", "/webhooks/nobody/replay", {"dead": True}, 404, "no webhook"),
        ("POST", "/webhooks/nobody/replay", {"dead": True, "from_ms": 1}, 422, "one of"),
        ("GET", "/schemas/io.mallsense.nothing.v1", None, 404, "GET /crm/schemas"),
    ],
)
def test_what_cannot_be_done(
    mall: Mall, method: str, path: str, body: dict[str, object] | None, status: int, says: str
) -> None:
    """The answer says what is wrong, and never repeats a password."""
    answer = mall.api.request(method, path, json=body)
    assert answer.status_code == status
    assert says in answer.text
    assert "secret@" not in json.dumps(answer.json()["detail"]) or "input" in answer.text


def test_schemas_are_served(mall: Mall) -> None:
    """Each by its name and by what `dataschema` of an event says."""
    rows = mall.api.get("/schemas").json()
    assert {row["name"] for row in rows} == schemas.documents().keys()
    for name in (rows[0]["name"], rows[0]["id"]):
        assert mall.api.get(f"/schemas/{name}").json()["$id"] == rows[0]["id"]


def test_at_the_command_line(mall: Mall, crm: Receiver) -> None:
    """What the CRM team does is there, and mistakes say what to do."""
    assert "no webhooks" in mall.cli("list")
    assert "whsec_" in mall.cli(
        "add", "till", crm.url, "--private", "--zone", "S10", "--since", "2025-01-01T00:00Z"
    )
    assert "took the test event" in mall.cli("test", "till")
    assert "till" in mall.cli("list")
    assert "paused" in mall.cli("pause", "till")
    assert "sent events again" in mall.cli("resume", "till")
    assert "events are sent" in mall.cli("replay", "till", "--since", "2025-01-01T00:00Z")
    assert "nothing is sent" in mall.cli("replay", "till", "--event", "0" * 32)
    assert "no dead letters" in mall.cli("dead", "till")
    assert "whsec_" in mall.cli("secret", "till")
    for wrong in (("replay", "till"), ("replay", "till", "--since", "yesterday"), ("pause", "nobody")):
        with pytest.raises(ConfigurationError):
            mall.cli(*wrong)
    assert "removed" in mall.cli("remove", "till")


def test_a_receiver_that_never_answers_stops_nobody(mall: Mall) -> None:
    """While webhooks hang, the mall is heard and shown as ever."""
    with rude(None) as hangs, client(mall.broker.port, "edge") as edge:
        for name in ("one", "two", "three"):
            mall.api.post("/webhooks", json={"subscriber": name, "url": hangs, "private": True})
        nobody = {"subscriber": "nobody", "url": "http://127.0.0.1:1/", "private": True}
        mall.api.post("/webhooks", json=nobody)
        mall.tell(range(100, 200))
        site = small_site()
        messages = stream(site, people=6, seconds=40)
        announce(edge, site)
        play(edge, messages)
        wait_until(lambda: ticked(mall.gateway) >= messages[-1][1].watermark_ms)
        rows = mall.api.get("/webhooks").json()
        assert [row["last_ok_ms"] for row in rows] == [None] * 4
        wait_until(lambda: _health(mall)["behind"] == 1)
        assert _health(mall)["dead_letters"] == 0
        for name in ("one", "two", "three", "nobody"):
            assert mall.api.delete(f"/webhooks/{name}").status_code == 204


def _health(mall: Mall) -> dict[str, int]:
    found: dict[str, int] = httpx.get(f"{mall.gateway.url}api/v1/health", trust_env=False).json()["crm"]
    return found


def test_the_sample_consumer_survives_being_killed(mall: Mall, tmp_path: Path) -> None:
    """Killed at random moments and started again, it has every event once in the end."""
    port, database = free_port(), tmp_path / "crm.db"
    url = f"http://127.0.0.1:{port}/"
    made = mall.api.post("/webhooks", json={"subscriber": "sample", "url": url, "private": True}).json()
    environment = {**os.environ, "WEBHOOK_SECRET": made["secret"]}
    chance, ids = random.Random(4), []

    def consumer() -> subprocess.Popen[bytes]:
        script = str(ROOT / "docs/examples/crm_consumer.py")
        return subprocess.Popen(
            [sys.executable, script, str(port), str(database)], env=environment, stderr=subprocess.DEVNULL
        )

    process = consumer()
    for start in (300, 330, 360):
        ids += mall.tell(range(start, start + 30))
        time.sleep(chance.uniform(0.1, 0.5))
        process.kill()
        process.wait()
        process = consumer()
    try:
        wait_until(lambda: set(ids) <= set(_kept(database)))
    finally:
        process.kill()
        process.wait()
    mall.api.delete("/webhooks/sample")


def _kept(database: Path) -> list[str]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        try:
            return [row[0] for row in db.execute("SELECT id FROM events ORDER BY id")]
        except sqlite3.OperationalError:  # the table is not made yet
            return []
