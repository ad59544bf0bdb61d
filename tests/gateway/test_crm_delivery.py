"""The feed delivered over real HTTP and a real broker, to receivers good and bad."""

import asyncio
import json
import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import jsonschema
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from contracts import schemas
from contracts.broker import BrokerAddress
from contracts.crm import Purpose
from contracts.errors import ConfigurationError
from contracts.topics import Topics
from gateway.crm.consent.covers import delete_covered
from gateway.crm.delivery import backoff, dead_letters, subscribers
from gateway.crm.delivery.addresses import check_url
from gateway.crm.delivery.delivery import Delivery
from gateway.crm.delivery.filters import EVERYTHING, Filter
from gateway.crm.delivery.listening import Listener
from gateway.crm.delivery.mqtt import BrokerTransport
from gateway.crm.delivery.sender import Webhooks, _connected, signed
from gateway.crm.delivery.subscribers import UnknownError
from gateway.crm.delivery.transport import Letter, Transport
from gateway.crm.file import open_file
from gateway.crm.matching.feed import Feed
from gateway.link import Announcement, Link
from tests.gateway.crm_feed import START_MS, make_store, put, put_many, receiver, rude
from tests.gateway.membership import Desk, car, device, digest, path, sighting, visit
from tests.gateway.running import client
from tests.support import Mosquitto, wait_until

HOUR_MS = 3_600_000


class Clock:
    """The wall's time, which tests move."""

    ahead_ms = 0

    def __call__(self) -> int:
        """Return what time it is."""
        return time.time_ns() // 1_000_000 + self.ahead_ms


class Mall:
    """A store with a feed, and its delivery."""

    def __init__(self, path: Path, broker: Transport | None = None) -> None:
        self.clock = Clock()
        self.file = open_file(path)
        self.feed = Feed(self.file)
        self.delivery = Delivery(
            open_file(path), self.feed, Webhooks("0", timeout_s=0.4), broker, mall="small",
            segments=lambda _db, _person: (), kept_ms=24 * HOUR_MS, now_ms=self.clock, settle_s=0.0,
        )  # fmt: skip
        self.desk = self.delivery.desk

    def subscribe(self, name: str, url: str, wanted: Filter = EVERYTHING) -> str:
        """Add a webhook in the private network; gives its secret."""
        return self.desk.add(name, url, wanted, private=True, since_ms=None)[1]

    def tell(self, numbers: range, lanes: int = 5) -> list[str]:
        """Put events into the feed."""
        ids = put_many(self.file, numbers, lanes=lanes)
        self.feed.told()
        return ids

    def waiting(self, name: str) -> int:
        """Count what waits for a webhook."""
        return self.desk.one(name).waiting


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are a fiftieth of what they are."""
    monkeypatch.setattr(backoff, "BASE_S", 0.02)


@contextmanager
def running(path: Path, broker: Transport | None = None) -> Iterator[Mall]:
    """Deliver the feed of a store."""
    mall = Mall(path if path.exists() else make_store(path), broker)
    mall.delivery.start()
    try:
        yield mall
    finally:
        mall.delivery.stop()
        mall.file.close()


def in_order(numbers: list[int], lanes: int = 5) -> bool:
    """Whether the events of each device came in order."""
    return all([n for n in numbers if n % lanes == lane] == sorted(
        n for n in numbers if n % lanes == lane) for lane in range(lanes))  # fmt: skip


def test_events_arrive_signed_and_in_order(tmp_path: Path) -> None:
    """Each has its id and is genuine to who has the secret; what was changed on the way is not."""
    with receiver() as crm, running(tmp_path / "store.db") as mall:
        secret = mall.subscribe("crm", crm.url)
        ids = mall.tell(range(40))
        wait_until(lambda: len(crm.taken) == 40)
        assert in_order(crm.numbers())
        assert sorted(headers["webhook-id"] for headers, _ in crm.taken) == sorted(f"{id_}.1" for id_ in ids)
        headers, body = crm.taken[0]
        assert headers["content-type"] == "application/cloudevents+json"
        assert Webhook(secret).verify(body, headers)["id"] in ids
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body + b" ", headers)
        fresh, _ = mall.desk.rotate("crm")
        mall.tell(range(40, 41))
        wait_until(lambda: len(crm.taken) == 41)
        for one in (fresh, secret):  # for a day both are right
            Webhook(one).verify(crm.taken[-1][1], crm.taken[-1][0])


def test_old_secrets_sign_for_a_day(tmp_path: Path) -> None:
    """After it the new one signs alone."""
    letter = Letter(1, "a", 0, "e", 1, "visit.started", "west", b"{}")
    with running(tmp_path / "store.db") as mall:
        old = mall.subscribe("crm", "http://127.0.0.1:1/")
        new, until_ms = mall.desk.rotate("crm")
        to = mall.desk.one("crm").to
        for now_ms, expected in ((until_ms - 1, {old, new}), (until_ms, {new})):
            headers = signed(to.keys(now_ms), letter, time.time())
            assert {one for one in (old, new) if _genuine(one, letter.payload, headers)} == expected


def _genuine(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.parametrize(
    "bad", [500, 503, 404, 422, (429, {"Retry-After": "0"}), (302, {"Location": "http://127.0.0.1:1/"})]
)
def test_what_is_not_taken_comes_again(tmp_path: Path, bad: int | tuple[int, dict[str, str]]) -> None:
    """Every third answer is none: all arrive, in order, and nothing is followed elsewhere."""
    with (
        receiver(lambda number, _: bad if number % 3 == 1 else 204) as crm,
        running(tmp_path / "store.db") as mall,
    ):
        mall.subscribe("crm", crm.url)
        mall.tell(range(12))
        wait_until(lambda: len(crm.taken) == 12)
        assert in_order(crm.numbers())
        assert len(crm.requests) > 12
        wait_until(lambda: mall.waiting("crm") == 0)
        assert mall.desk.one("crm").state == "ok"


def test_bad_receivers_hold_up_nobody_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One hangs, one closes, one talks nonsense, one never ends its answer, one is not there."""
    endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n"
    with (
        receiver() as good, rude(None) as hangs, rude(b"") as closes, rude(b"\x00\xff garbage") as nonsense,
        rude(endless * 3) as cut, running(tmp_path / "store.db") as mall, caplog.at_level(logging.WARNING),
    ):  # fmt: skip
        bad = {"hangs": hangs, "closes": closes, "nonsense": nonsense, "cut": cut}
        bad["nobody"] = "http://127.0.0.1:1/"
        for name, url in bad.items():
            mall.subscribe(name, url)
        mall.subscribe("good", good.url)
        mall.tell(range(30))
        wait_until(lambda: len(good.taken) == 30)
        wait_until(lambda: all(mall.desk.one(name).to.last_error for name in bad))
        assert {name: mall.waiting(name) for name in bad} == dict.fromkeys(bad, 30)
        states = {name: mall.desk.one(name) for name in bad}
        assert {one.state for one in states.values()} == {"waiting"}
        problems = {name: one.to.last_error for name, one in states.items()}
        assert problems["nobody"] == "nobody listens there"
        assert "no answer" in str(problems["hangs"])
        assert "no HTTP" in str(problems["nonsense"])
    said = [record.getMessage() for record in caplog.records]
    assert all(sum(f"webhook {name}:" in one for one in said) <= 2 for name in bad)
    assert not any("http://" in one for one in said)


def test_the_end_of_an_answer_is_not_awaited_for_ever(tmp_path: Path) -> None:
    """A receiver that writes without end has taken the event once it said so; what it writes is let go."""
    flood = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + b"x" * 100_000
    with rude(flood) as chatty, running(tmp_path / "store.db") as mall:
        mall.subscribe("chatty", chatty)
        mall.tell(range(3))
        wait_until(lambda: mall.desk.one("chatty").to.last_ok_ms and mall.waiting("chatty") == 0)


def test_what_was_not_delivered_is_after_a_restart(tmp_path: Path) -> None:
    """Delivery ends while a receiver is away, and events are told while it is off."""
    path, down = tmp_path / "store.db", [True]
    with receiver(lambda _number, _request: 503 if down[0] else 204) as crm:
        with running(path) as mall:
            mall.subscribe("crm", crm.url)
            mall.tell(range(10))
            wait_until(lambda: crm.requests)
        file = open_file(path)
        put_many(file, range(10, 20))
        file.close()
        down[0] = False
        with running(path):
            wait_until(lambda: len(crm.taken) == 20)
        assert in_order(crm.numbers())


def test_dead_letters_are_seen_and_sent_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A paused webhook's events are given up after three days, said once, and come when asked for."""
    monkeypatch.setattr(dead_letters, "PAGE", 2)
    with receiver() as crm, running(tmp_path / "store.db") as mall, caplog.at_level(logging.ERROR):
        mall.subscribe("crm", crm.url)
        pause(mall, paused=True)
        ids = mall.tell(range(6))
        wait_until(lambda: mall.waiting("crm") == 6)
        mall.clock.ahead_ms = 73 * HOUR_MS
        while mall.delivery._give_up():
            pass
        assert {one.reason for one in mall.desk.dead("crm", 0, 10)} == {"the webhook is paused"}
        assert mall.desk.one("crm").dead == 6
        pause(mall, paused=False)
        assert mall.desk.replay_event("crm", ids[4]) == 1
        wait_until(lambda: crm.numbers() == [4])
        assert mall.desk.replay_dead("crm") == 5
        wait_until(lambda: len(crm.taken) == 6)
        assert mall.desk.replay_from("crm", START_MS + 3) == 3
        wait_until(lambda: len(crm.taken) == 9)
        assert sorted(crm.numbers()[6:]) == [3, 4, 5]
        assert mall.desk.one("crm").dead == 0
    assert sum("three days is given up" in record.getMessage() for record in caplog.records) == 1


def pause(mall: Mall, *, paused: bool) -> None:
    """Pause or resume the webhook."""
    to = mall.desk.one("crm").to
    mall.desk.change("crm", to.url or "", to.filter, private=True, paused=paused)


def test_what_goes_wrong_inside_is_said_without_its_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors may quote what is in the file."""

    def broken(_db: sqlite3.Connection, person: str) -> tuple[str, ...]:
        raise KeyError(person)

    with receiver() as crm, running(tmp_path / "store.db") as mall:
        mall.subscribe("crm", crm.url, Filter(segments=frozenset({"gold"})))
        mall.delivery._segments = broken
        with mall.file.transaction() as db:
            put(db, 1, person="feedfacefeedface", member="m-1")
        mall.feed.told()
        wait_until(lambda: "delivery fails (KeyError)" in caplog.text)
    assert "feedface" not in caplog.text
    assert "Traceback" not in caplog.text


def test_who_is_gone_is_sent_nothing_more(tmp_path: Path) -> None:
    """410 pauses a webhook."""
    with receiver(lambda _number, _request: 410) as crm, running(tmp_path / "store.db") as mall:
        mall.subscribe("crm", crm.url)
        mall.tell(range(1))
        wait_until(lambda: mall.desk.one("crm").state == "paused")
        mall.tell(range(1, 5))
        wait_until(lambda: mall.waiting("crm") == 5)
        assert len(crm.requests) == 1
        mall.desk.remove("crm")
        assert mall.desk.everybody() == []


def test_a_withdrawal_takes_back_what_waits(tmp_path: Path) -> None:
    """What a member withdraws is not sent any more, and is no dead letter; the word of it is sent after."""
    down = [True]
    with (
        receiver(lambda _number, _request: 500 if down[0] else 204) as crm,
        running(tmp_path / "store.db") as mall,
    ):
        mall.subscribe("crm", crm.url)
        with mall.file.transaction() as db:
            put(db, 1, person="0123456789abcdef", member="m-1")
            put(db, 2, subject="b")
        wait_until(lambda: mall.waiting("crm") == 2 and crm.requests)
        with mall.file.transaction() as db:
            delete_covered(db, "0123456789abcdef", Purpose.POSITION)
            put(db, 3, kind="member.withdrawn", subject="0123456789abcdef", zone="mall", member="m-1")
        down[0] = False
        wait_until(lambda: len(crm.taken) == 2)
        assert sorted(crm.numbers()) == [2, 3]
        wait_until(lambda: mall.waiting("crm") == 0)
        with mall.file.connection() as db:
            assert "m-1" not in "\n".join(db.iterdump())


def test_a_test_event_is_sent_at_once(tmp_path: Path) -> None:
    """Its answer is shown, whatever it is, and nothing waits afterwards."""
    got: list[tuple[str, bytes]] = []
    with running(tmp_path / "store.db") as mall:
        mall.subscribe("nobody", "http://127.0.0.1:1/")
        assert mall.delivery.try_out("nobody")[0].reason == "nobody listens there"
        secret = mall.subscribe("crm", "http://127.0.0.1:1/")
        with Listener(secret, "127.0.0.1", 0, lambda name, body: got.append((name, body))) as listener:
            threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
            to = mall.desk.one("crm").to
            url = f"http://127.0.0.1:{listener.server_port}/"
            mall.desk.change("crm", url, to.filter, private=True, paused=False)
            assert mall.delivery.try_out("crm")[0].reason == ""
            mall.desk.rotate("crm")
            mall.desk.rotate("crm")  # the listener's secret is two back now
            assert mall.delivery.try_out("crm")[0].reason == "answered 401"
            listener.shutdown()
        assert json.loads(got[0][1])["type"] == "io.mallsense.webhook.test.v1"
        assert mall.waiting("crm") == 0
        with pytest.raises(UnknownError):
            mall.delivery.try_out("@broker")


def test_the_broker_is_sent_everything(tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto]) -> None:
    """Rows wait while the broker is away, and are acknowledged when it has taken them; all in order."""
    broker, topics = mosquitto_factory(persistence=True), Topics("small")
    got: list[tuple[str, int]] = []
    link = Link(
        BrokerAddress("127.0.0.1", broker.port), "gateway", {"none": 0},
        Announcement(topics.gateway_status(), b"{}", b"{}"), lambda _delivery: None,
    )  # fmt: skip
    with client(broker.port, "crm") as crm:
        crm.on_message = lambda _c, _d, message: got.append(
            (message.topic, json.loads(message.payload)["data"]["number"])
        )
        crm.subscribe(topics.all_crm_events, qos=1)
        with running(tmp_path / "store.db", BrokerTransport(link, topics, timeout_s=2.0)) as mall:
            mall.tell(range(10))  # nobody is connected yet
            time.sleep(0.1)
            assert not got
            link.start()
            mall.tell(range(10, 20))
            wait_until(lambda: len({number for _, number in got}) == 20)
            wait_until(lambda: _rows(mall) == 0)
        link.stop()
    assert in_order([number for _, number in got])
    assert {topic for topic, _ in got} == {topics.crm_event("visit.started", "west")}


def _rows(mall: Mall) -> int:
    with mall.file.connection() as db:
        count: int = db.execute("SELECT count(*) FROM crm_pending").fetchone()[0]
    return count


def test_what_is_told_is_as_its_schema_says(tmp_path: Path) -> None:
    """Events of visits, paths, cars and withdrawals: the envelope, and the data that `dataschema` names."""
    desk = Desk(tmp_path)
    desk.says("m-1")
    desk.has("m-1", digest(1))
    desk.take(
        sighting(device(1), digest(1), 0), visit(device(1), "S1", 10), visit(device(2), "S1", 10, 70),
        path(device(2), 0, 80, [("S1", 10, 70)]), car("c" * 32, 5, enrolled=digest(9)), car("c" * 32, 5, 90),
    )  # fmt: skip
    told = [json.loads(payload) for (payload,) in desk.rows("crm_feed", "payload")]
    with desk.file.transaction() as db:
        subscribers.add(db, "crm", "https://crm.example/", EVERYTHING, private=False, cursor=0)
    desk.says("m-1", given=False, t_s=100)
    told += [json.loads(payload) for (payload,) in desk.rows("crm_feed", "payload")]
    desk.close()
    documents = schemas.documents()
    for event in told:
        assert event["dataschema"] == f"{schemas.URN}{event['type']}"
        jsonschema.validate(event, documents[schemas.ENVELOPE])
        jsonschema.validate(event["data"], documents[event["type"]])
    assert len({event["type"] for event in told}) == 6
    assert any(event.get("member") == "m-1" for event in told)


GOOD = [("https://crm.example/hook?x=1", False), ("http://192.168.1.9:8080/", True), ("https://[::1]/", True)]
BAD = [
    ("http://crm.example/", False),
    ("https://user:password@crm.example/", False),
    ("https://crm.example/#part", False),
    ("https://127.0.0.1/", False),
    ("https://localhost/", False),
    ("https://10.0.0.1/", False),
    ("https://[::ffff:10.0.0.1]/", False),
    ("https://[fec0::1]/", False),
    ("https://[2002:a00:1::1]/", False),
    ("https://[64:ff9b::a9fe:a9fe]/", True),
    ("http://169.254.169.254/latest", True),
    ("http://8.8.8.8/", True),
    ("http://0.0.0.0/", True),
    ("ftp://crm.example/", False),
    ("https://", False),
    ("https://crm.example:99999/", False),
    ("https://crm.example/\x00", False),
    ("https://例子.example/", False),
    ("https://[::1", False),
    ("https://crm.example/" + "x" * 2000, False),
]


@pytest.mark.parametrize(("url", "private"), GOOD)
def test_addresses_that_may_be_called(url: str, private: bool) -> None:
    """Public ones over TLS; private ones where that is said."""
    assert check_url(url, private=private) == url


@pytest.mark.parametrize(("url", "private"), BAD)
def test_addresses_that_may_not_be_called(url: str, private: bool) -> None:
    """The error does not repeat the URL, which may have a password in it."""
    with pytest.raises(ConfigurationError) as error:
        check_url(url, private=private)
    assert "password@" not in str(error.value)


def test_a_name_is_held_to_where_it_leads(tmp_path: Path) -> None:
    """A name that leads to the mall's own network is not called without the switch."""
    with receiver() as crm, running(tmp_path / "store.db") as mall:
        url = crm.url.replace("http://127.0.0.1", "https://ip6-localhost").replace("/hook", "/")
        mall.desk.add("sly", url, EVERYTHING, private=False, since_ms=None)
        reason = mall.delivery.try_out("sly")[0].reason
        assert reason in ("the receiver is at an address of a private network", "its name cannot be resolved")
        assert not crm.requests


def test_a_connection_that_is_gone_as_soon_as_it_is_made() -> None:
    """Its address cannot be asked any more (a mock: the moment is too short to be met); it is closed."""

    class Gone:
        closed = False

        def get_extra_info(self, _name: str) -> None:
            return None

        async def aclose(self) -> None:
            self.closed = True

    stream = Gone()
    with pytest.raises(httpx.ReadError):
        asyncio.run(_connected(True, False, "connection.connect_tcp.complete", {"return_value": stream}))
    assert stream.closed


def test_a_name_that_leads_elsewhere_when_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server (a mock: it lies) gives a public address to who checks, and another to who connects."""
    with rude(None) as url, running(tmp_path / "store.db") as mall:
        port = int(url.rpartition(":")[2].strip("/"))
        leads = iter(["8.8.8.8", "127.0.0.1"])
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(leads), port))],
        )
        mall.desk.add("sly", f"https://sly.example:{port}/", EVERYTHING, private=False, since_ms=None)
        assert mall.delivery.try_out("sly")[0].reason == "the receiver is at an address of a private network"
