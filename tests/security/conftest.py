"""A secured mall with a gateway and an honest node, which nobody who is refused may disturb."""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.runtime import Gateway, Settings
from tests.gateway.crowd import START_MS
from tests.gateway.running import rows
from tests.security.mall import HONEST, HonestNode, SecureMall
from tests.support import find_program, wait_until


@dataclass
class Attacked:
    """What is attacked."""

    mall: SecureMall
    gateway: Gateway
    honest: HonestNode

    def counted(self, cause: str) -> int:
        """What the gateway's health has counted of a cause."""
        return self.gateway.health().counters.get(cause, 0)

    def node(self, node: str) -> dict[str, Any]:
        """What the gateway's API says of a node."""
        with urllib.request.urlopen(f"{self.gateway.url}api/v1/nodes", timeout=10) as answer:
            return next(each for each in json.load(answer) if each["id"] == node)

    def journal(self, node: str) -> list[tuple[str, int]]:
        """Boot and number of every batch of a node that is stored."""
        return [
            (boot, seq)
            for name, boot, seq in rows(self.mall.folder / "store.db", "journal", "node, boot, seq")
            if name == node and boot is not None
        ]


@pytest.fixture(scope="module")
def secure_mall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureMall]:
    """Run a mall's broker, as rendered."""
    program = find_program("mosquitto")
    if program is None:
        pytest.skip("mosquitto is not installed: 'make test' installs it where it may")
    mall = SecureMall(program, tmp_path_factory.mktemp("mall"))
    mall.render()
    mall.start()
    yield mall
    mall.stop()


@pytest.fixture(scope="module")
def attacked(secure_mall: SecureMall) -> Iterator[Attacked]:
    """Run gateway and honest node; afterwards, everything of the honest node is stored, once, undisturbed."""
    settings = Settings(
        site=secure_mall.site,
        store=secure_mall.folder / "store.db",
        broker=secure_mall.gateway_address(),
        port=0,
    )
    with Gateway(settings) as gateway:
        honest = HonestNode(secure_mall, HONEST, start_ms=START_MS)
        honest.start()
        at = Attacked(secure_mall, gateway, honest)
        yield at
        done = honest.stop()
        assert (done.dropped, done.spooled, honest.troubles) == (0, 0, {""})
        wait_until(lambda: len(at.journal(HONEST)) == done.sent)
        stored = at.journal(HONEST)
        assert sorted(seq for _, seq in stored) == list(range(len(stored)))
