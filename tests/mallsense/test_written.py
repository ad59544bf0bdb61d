"""All that a running mall writes: no raw address anywhere, and every message as documented."""

import base64
import itertools
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contracts import asyncapi
from contracts.broker import BrokerAddress
from contracts.control import EnrolledDevices, EnrolledPlates, NodeConfiguration, OptOutList
from contracts.messages import encode
from contracts.site import Crm, Site
from contracts.topics import Topics
from edge_agent.agent import run_agent
from edge_agent.enrolled import enrolled_digest
from edge_agent.guidance import Guidance
from edge_agent.key import new_key
from edge_agent.opt_out import key_id, opt_out_digest
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import Heard
from gateway.runtime import Gateway, Settings
from simulators.arrivals import Profile
from simulators.source import SimulatedSource
from tests.support import Mosquitto, wait_until


class Overheard:
    """A source that remembers every address that went through it."""

    def __init__(self, source: SimulatedSource) -> None:
        self.source = source
        self.nodes = source.nodes
        self.addresses: set[bytes] = set()

    def blocks(self) -> Iterator[Heard]:
        """Pass the blocks on."""
        for heard in self.source.blocks():
            self.addresses.update(heard.address)
            logging.getLogger("test").debug("a block in a log: %r", heard)
            yield heard


class OneNode:
    """A node that hears nobody, for as long as it takes to tell it things."""

    def __init__(self, node: str, start_ms: int, told: Callable[[], bool]) -> None:
        self.nodes = (node,)
        self._start_ms = start_ms
        self._told = told

    def blocks(self) -> Iterator[Heard]:
        """Give a heartbeat ten times a second, until it has been told."""
        for tenth in itertools.count():
            yield Heard(self.nodes[0], self._start_ms + 100 * tenth)
            if self._told():
                return
            time.sleep(0.1)


def shapes(address: bytes) -> set[bytes]:
    """Every way in which somebody might write an address down, but for `texts`."""
    return {address, address[::-1], base64.b64encode(address)}


def texts(address: bytes) -> set[bytes]:
    """Every way in which somebody might write it in digits, in small letters."""
    written = (
        address.hex(),
        address.hex(":"),
        address.hex("-"),
        str(int.from_bytes(address)),
        str(list(address)),
    )
    return {text.encode() for text in written}


@dataclass(frozen=True)
class Written:
    """All that a mall has written in a minute."""

    addresses: set[bytes]
    files: dict[str, bytes]
    messages: list[tuple[str, bytes]]
    log: bytes


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, mosquitto_factory: Callable[..., Mosquitto]) -> Written:
    """Run a simulated mall through a real broker into a real gateway; keep all it writes, logs at DEBUG."""
    folder = tmp_path_factory.mktemp("mall")
    broker = mosquitto_factory(persistence=True, settings="log_type all")
    address = BrokerAddress(broker.host, broker.port)
    start_ms = round(time.time()) * 1000 - 60_000
    source = Overheard(
        SimulatedSource(shoppers=60, start_ms=start_ms, duration_s=60, seed=3, profile=Profile.CONSTANT)
    )
    site = source.source.site.model_copy(update={"crm": Crm()})
    key = new_key()
    messages: list[tuple[str, bytes]] = []
    with _all_logs(folder / "all.log"), _listening(broker, messages):
        with Gateway(Settings(site=site, store=folder / "mall.db", broker=address, port=0)):
            run_agent(
                source,
                mall=site.mall.id,
                agent_id="overheard",
                broker=address,
                spool_path=folder / "spool.sqlite",
                key=key,
                rotation=SaltRotation.of(site),
                speed=None,
                broker_timeout_s=10,
            )
            wait_until(
                lambda: any("/crm/events/visit.started" in topic for topic, _ in messages), timeout_s=60
            )
            address_spared = next(iter(source.addresses))
            _guide_one_node(site, broker, key, folder, opt_out_digest(key, address_spared), messages)
        wait_until(lambda: b"offline" in messages[-1][1])  # the gateway's goodbye is the last
    broker.stop()
    paths = [p for place in (folder, broker.database.parent) for p in place.rglob("*") if p.is_file()]
    files = {path.name: path.read_bytes() for path in paths}
    return Written(source.addresses, files, messages, files.pop("all.log"))


def _guide_one_node(
    site: Site, broker: Mosquitto, key: bytes, folder: Path, spared: str, messages: list[tuple[str, bytes]]
) -> None:
    """Have a node do what a mall tells a node: take a configuration and an opt-out list, ask for the time."""
    name, topics = site.nodes[0].id, Topics(site.mall.id)
    wanted_topics = {topics.configuration_applied(name), topics.time_answer(name)}
    node = OneNode(
        name, round(time.time() * 1000), lambda: wanted_topics <= {topic for topic, _ in list(messages)}
    )
    with _connected(broker) as client:
        wanted = NodeConfiguration(node=name, revision=1, least_rssi_dbm=-95)
        for topic, payload in (
            (topics.opt_out(), encode(OptOutList(key=key_id(key), digests=[spared]))),
            (
                topics.enrolled_plates(),
                encode(EnrolledPlates(key=key_id(key), digests=[enrolled_digest(key, "浙A12345")])),
            ),
            (topics.enrolled_devices(), encode(EnrolledDevices(key=key_id(key), digests=[spared]))),
            (topics.configuration(name), encode(wanted)),
        ):
            client.publish(topic, payload, qos=1, retain=True).wait_for_publish(10)
    run_agent(
        node,
        mall=site.mall.id,
        agent_id=name,
        broker=BrokerAddress(broker.host, broker.port),
        spool_path=folder / "node.sqlite",
        key=key,
        rotation=SaltRotation.of(site),
        guidance=Guidance(name, node, wall=time.time),
    )


@contextmanager
def _connected(broker: Mosquitto) -> Iterator[Client]:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def _all_logs(path: Path) -> Iterator[None]:
    root = logging.getLogger()
    handler, level = logging.FileHandler(path, encoding="utf-8"), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


@contextmanager
def _listening(broker: Mosquitto, messages: list[tuple[str, bytes]]) -> Iterator[None]:
    with _connected(broker) as client:
        client.on_message = lambda _client, _data, message: messages.append(
            (message.topic, bytes(message.payload))
        )
        client.subscribe("#", qos=1)
        yield


def test_nothing_that_a_mall_writes_holds_a_raw_address(written: Written) -> None:
    """Spool, store, the broker's own files, MQTT messages and all logs are searched for every address."""
    wire = b"\n".join(topic.encode() + payload for topic, payload in written.messages)
    everything = b"\n".join([*written.files.values(), wire, written.log])
    assert {"mall.db", "spool.sqlite", "mosquitto.log"} <= written.files.keys()
    assert b"a block in a log" in written.log
    assert len(written.addresses) > 60
    small_letters = everything.lower()
    for raw in written.addresses:
        for shape in shapes(raw):
            assert shape not in everything
        for text in texts(raw):
            assert text not in small_letters


def test_every_message_on_the_wire_is_as_the_asyncapi_document_says(written: Written) -> None:
    """Each topic belongs to one channel of the document, and each payload to one of its messages."""
    document = asyncapi.document()
    seen: Counter[str] = Counter()
    for topic, payload in written.messages:
        (channel,) = (
            name for name, c in document["channels"].items() if _pattern(c["address"]).fullmatch(topic)
        )
        seen[channel] += 1
        kinds = document["channels"][channel]["messages"]
        schemas = [{"$ref": f"#/components/schemas/{kind}"} for kind in kinds]
        jsonschema.Draft202012Validator({"oneOf": schemas, "components": document["components"]}).validate(
            json.loads(payload)
        )
    assert seen.keys() == document["channels"].keys()


def _pattern(address: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(address)))
