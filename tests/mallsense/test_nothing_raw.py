"""No raw address is ever written: all that a running mall writes is searched for every address it heard."""

import base64
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contracts.broker import BrokerAddress
from edge_agent.agent import run_agent
from edge_agent.key import new_key
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


def shapes(address: bytes) -> set[bytes]:
    """Every way in which somebody might write an address down."""
    texts = {
        address.hex(),
        address.hex(":"),
        address.hex("-"),
        str(int.from_bytes(address)),
        str(list(address)),
    }
    texts |= {text.upper() for text in texts}
    return {address, address[::-1], base64.b64encode(address)} | {text.encode() for text in texts}


def test_nothing_that_a_mall_writes_holds_a_raw_address(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], caplog: pytest.LogCaptureFixture
) -> None:
    """Spool, store, the broker's own files, every MQTT message and all logs at DEBUG are searched."""
    caplog.set_level(logging.DEBUG)
    broker = mosquitto_factory(persistence=True, settings="log_type all")
    now_ms = round(time.time()) * 1000
    source = Overheard(
        SimulatedSource(
            shoppers=60, start_ms=now_ms - 120_000, duration_s=120, seed=3, profile=Profile.CONSTANT
        )
    )
    site = source.source.site
    heard: list[bytes] = []
    listener = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    listener.on_connect = lambda client, *_: client.subscribe("#", qos=1)
    listener.on_message = lambda _client, _data, message: heard.append(
        message.topic.encode() + message.payload
    )
    listener.connect(broker.host, broker.port)
    listener.loop_start()
    address = BrokerAddress(broker.host, broker.port)
    with Gateway(Settings(site=site, store=tmp_path / "mall.db", broker=address, port=0)):
        run_agent(
            source,
            mall=site.mall.id,
            agent_id="overheard",
            broker=address,
            spool_path=tmp_path / "spool.sqlite",
            key=new_key(),
            rotation=SaltRotation.of(site),
            speed=None,
            broker_timeout_s=10,
        )
        wait_until(lambda: any(b"/positions" in message for message in heard), timeout_s=60)
    listener.disconnect()
    listener.loop_stop()
    broker.stop()
    files = [
        path for folder in (tmp_path, broker.database.parent) for path in folder.rglob("*") if path.is_file()
    ]
    written = b"\n".join([*(path.read_bytes() for path in files), *heard, caplog.text.encode()])
    assert {"mall.db", "spool.sqlite", "mosquitto.log"} <= {path.name for path in files}
    assert b"a block in a log" in written
    assert len(source.addresses) > 60
    for raw in source.addresses:
        for shape in shapes(raw):
            assert shape not in written
