"""`mallsense events` against a running gateway and a real broker."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable

import msgspec
import pytest

from contracts.broker import BrokerAddress
from contracts.errors import UnavailableError
from contracts.events import EventKind
from contracts.messages import encode
from contracts.topics import Topics
from gateway.following import Happening, Wanted, over_http, over_mqtt
from tests.gateway.conftest import Running
from tests.gateway.crowd import START_MS
from tests.gateway.running import ROOT, client
from tests.gateway.ticks import visit_event
from tests.support import Mosquitto, free_port, wait_until


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `mallsense events`."""
    return subprocess.run(
        [sys.executable, "-m", "mallsense", "events", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_newest_events_as_json(running: Running) -> None:
    """The command prints the newest events, one JSON document a line, of the kinds asked for."""
    ended = command("--url", running.gateway.url, "--json", "--newest", "50", "--kind", "visit.started")
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert events
    assert {event["kind"] for event in events} == {"visit.started"}
    one = command("--url", running.gateway.url, "--newest", "50", "--zone", events[0]["zone"])
    assert one.returncode == 0
    assert "time (UTC)" in one.stdout


def test_the_newest_of_a_choice(running: Running) -> None:
    """The newest events of one zone are looked for behind newer ones of other zones."""
    url = running.gateway.url
    everything = list(over_http(url, None, newest=1000, follow=False))
    newest = everything[-1]
    other = next(event for event in reversed(everything) if event.zone and event.zone != newest.zone)
    wanted = Wanted(zones=frozenset({other.zone}))
    assert [event.raw for event in over_http(url, None, newest=1, follow=False, wanted=wanted)] == [other.raw]


def test_a_broker_that_refuses(mosquitto_factory: Callable[..., Mosquitto]) -> None:
    """A broker that wants a password is an error that says so, not a feed without events."""
    broker = mosquitto_factory(settings="allow_anonymous false")
    with pytest.raises(UnavailableError, match="refuses: Not authorized"):
        next(over_mqtt(BrokerAddress("127.0.0.1", broker.port), None))


def test_nobody_there() -> None:
    """Where no gateway listens the command says so, what to do about it, and exits with 2."""
    ended = command("--url", f"http://127.0.0.1:{free_port()}")
    assert ended.returncode == 2
    assert "mallsense gateway" in ended.stderr
    with pytest.raises(UnavailableError, match="cannot be reached"):
        next(over_mqtt(BrokerAddress("127.0.0.1", free_port()), None))


def test_following_goes_on_from_the_last_event(running: Running) -> None:
    """Followed over HTTP, the events come in order and none comes twice."""
    following = over_http(running.gateway.url, None, newest=3, follow=True)
    cursors = [json.loads(next(following).raw)["cursor"] for _ in range(3)]
    assert cursors == [*range(cursors[0], cursors[0] + 3)]
    wait_until(lambda: len(list(over_http(running.gateway.url, None, newest=5, follow=False))) == 5)


def test_events_from_the_broker(mosquitto_factory: Callable[..., Mosquitto]) -> None:
    """Over MQTT the CloudEvents come as they were published; what is none is passed over."""
    broker = mosquitto_factory()
    topics = Topics("small")
    event = visit_event(EventKind.VISIT_ENDED, 1, "S10", START_MS, START_MS + 60_000)
    found: list[Happening] = []
    following = over_mqtt(BrokerAddress("127.0.0.1", broker.port), "small")
    reader = threading.Thread(target=lambda: found.append(next(following)), daemon=True)
    reader.start()
    with client(broker.port, "gateway") as gateway:

        def publish() -> bool:
            gateway.publish(topics.event("visit.ended", "S10"), b"rubbish", qos=1)
            gateway.publish(topics.event("visit.ended", "S10"), encode(event), qos=1)
            reader.join(0.2)
            return bool(found)

        wait_until(publish)
    assert found[0].kind == EventKind.VISIT_ENDED
    assert found[0].dwell_s == 60.0
    assert msgspec.json.decode(found[0].raw)["id"] == event.id
    following.close()  # type: ignore[attr-defined]
    broker.stop()
