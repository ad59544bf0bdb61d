"""Stopped or killed at any moment, a gateway goes on as if nothing had happened."""

import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.client import Client, MQTTMessage

from contracts.events import EventKind
from contracts.messages import ObservationBatch, encode
from contracts.site import Site
from contracts.topics import Topics
from gateway.engine import build_engine
from gateway.link import Delivery
from gateway.nodes import Nodes
from gateway.pipeline import Pipeline
from gateway.store.records import Input
from gateway.store.sqlite import SqliteStore
from tests.gateway.crowd import small_site, status, stream
from tests.gateway.nowhere import Nowhere
from tests.gateway.running import GatewayProcess, announce, client, play, results, rows
from tests.support import Mosquitto, wait_until

QUEUE = "max_queued_messages 0\nmax_inflight_messages 0"

Messages = list[tuple[str, ObservationBatch]]


def uninterrupted(site: Site, messages: Messages, store: Path) -> None:
    """Run a stream through a pipeline in this process, from start to end."""
    kept = SqliteStore(store)
    pipeline = Pipeline(
        site=site, engine=build_engine(site), store=kept, outlet=Nowhere(), nodes=Nodes(site),
        show=lambda *_: None,
    )  # fmt: skip
    pipeline.resume()
    inputs = [Input(status(site), encode(status(site)))] + [Input(b, encode(b)) for _, b in messages]
    delivery = Delivery("", b"", 0, 1, 0)
    for start in range(0, len(inputs), 100):
        pipeline.take([(delivery, item) for item in inputs[start : start + 100]])
    pipeline.commit()
    kept.close()


@pytest.fixture
def broker(mosquitto_factory: Callable[..., Mosquitto]) -> Iterator[Mosquitto]:
    """Run a mosquitto that queues without limit for a gateway that is away."""
    made = mosquitto_factory(settings=QUEUE)
    yield made
    made.stop()


@pytest.mark.parametrize("seed", [1])
def test_killed_at_random_moments(broker: Mosquitto, tmp_path: Path, seed: int) -> None:
    """Four kills and stops later, visits, paths, events and rollups equal those of a run without any."""
    site = small_site(f"kill{seed}")
    messages = stream(site, people=16, seconds=240, seed=seed)
    uninterrupted(site, messages, tmp_path / "reference.db")
    expected = results(tmp_path / "reference.db")
    assert min(map(len, expected.values())) > 1, {table: len(found) for table, found in expected.items()}

    heard: dict[str, bytes] = {}
    draw = random.Random(seed)
    gateway = GatewayProcess(site, tmp_path, "--broker", f"mqtt://127.0.0.1:{broker.port}")
    gateway.start()  # once, so that its subscription is there
    with client(broker.port, "crm") as crm, client(broker.port, "edge") as edge:
        listen(crm, site, heard)
        announce(edge, site)
        playing = threading.Thread(target=play, args=(edge, messages), kwargs={"pause_s": 0.05})
        playing.start()
        for _ in range(4):
            playing.join(draw.uniform(0.2, 4.0))
            number = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
            code = gateway.end(number)
            assert code == (0 if number is signal.SIGTERM else -signal.SIGKILL)
            gateway.start()
        playing.join()
        last = max(row[0] for row in expected["events"])
        wait_until(lambda: batches(gateway.store) == len(messages), 90)
        assert gateway.end() == 0
        wait_until(lambda: len(heard) == last, what=f"{len(heard)} of {last} events were published")

    found = results(gateway.store)
    for table, records in expected.items():
        assert found[table] == records, table
    assert set(heard) == {row[1] for row in expected["events"]}
    assert {EventKind.VISIT_STARTED, EventKind.VISIT_ENDED} <= {row[2] for row in expected["events"]}


def batches(store: Path) -> int:
    """How many batches the journal holds; statuses have no number."""
    return sum(seq is not None for (seq,) in rows(store, "journal", "seq"))


def listen(crm: Client, site: Site, heard: dict[str, bytes]) -> None:
    """Collect events by id; an event that comes again has to say the same."""

    def arrived(_client: Client, _data: object, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        name = msgspec.json.decode(payload)["id"]
        assert heard.setdefault(name, payload) == payload

    crm.on_message = arrived
    crm.subscribe(Topics(site.mall.id).all_events, qos=1)
