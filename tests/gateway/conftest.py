"""A running gateway, shared by the tests of a module."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from paho.mqtt.client import Client

from contracts.broker import BrokerAddress
from contracts.messages import ObservationBatch
from contracts.site import Site
from gateway.runtime import Gateway, Settings
from tests.gateway.crowd import small_site, stream
from tests.gateway.running import announce, client, play, rows
from tests.support import Mosquitto, wait_until


@dataclass
class Running:
    """A gateway in this process, the edge that feeds it, and what it was fed with."""

    gateway: Gateway
    edge: Client
    site: Site
    messages: list[tuple[str, ObservationBatch]]


@pytest.fixture(scope="module")
def running(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Run a gateway that has heard three minutes of a small mall, through a real broker."""
    broker = mosquitto_factory(settings="max_queued_messages 0")
    site = small_site()
    messages = stream(site, people=12, seconds=180)
    store = tmp_path_factory.mktemp("running") / "store.db"
    settings = Settings(site=site, store=store, broker=BrokerAddress("127.0.0.1", broker.port), port=0)
    with Gateway(settings) as gateway, client(broker.port, "edge") as edge:
        announce(edge, site)
        play(edge, messages)
        end_ms = messages[-1][1].watermark_ms
        wait_until(lambda: ticked(gateway) >= end_ms, 100, "the gateway has not taken in its stream")
        wait_until(lambda: stored(store) >= end_ms, what="the gateway has not stored its stream")
        yield Running(gateway, edge, site, messages)
    broker.stop()


def ticked(gateway: Gateway) -> int:
    """Event time of the newest tick."""
    return gateway.health().t_ms or 0


def stored(store: Path) -> int:
    """Event time of the newest checkpoint."""
    return max((t_ms for (t_ms,) in rows(store, "checkpoint", "t_ms")), default=0)
