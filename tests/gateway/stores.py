"""Every store that there is, new and empty: for tests that hold for all of them."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.store import Store
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.store import InfluxStore
from gateway.store.records import Checkpoint, Outputs
from gateway.store.sqlite import SqliteStore
from tests.influx import Influxd

NAMES = ("sqlite", "influxdb-1")


class SettledInfluxStore(InfluxStore):
    """One whose answers tell of everything that was written before: nothing waits on the way."""

    def commit(self, outputs: Outputs, checkpoint: Checkpoint | None) -> None:
        """Return once the server has it."""
        super().commit(outputs, checkpoint)
        assert self.flush(30)

    def abandon_open_visits(self) -> int:
        """Return once the server has it."""
        count = super().abandon_open_visits()
        assert self.flush(30)
        return count


def make_store(name: str, folder: Path, influxd: Callable[[], Influxd]) -> Store:
    """Make a store; `influxd` is called where a server is needed, and gets a database of its own there."""
    if name == "sqlite":
        return SqliteStore(folder / "store")
    server, database = influxd(), f"store-{uuid4().hex}"
    server.make_database(database, "raw", "visits", "rollups")
    client = InfluxClient(InfluxAddress.parse(server.address(database)))
    return SettledInfluxStore(folder / "store", client, "small")


def server_of(request: pytest.FixtureRequest) -> Callable[[], Influxd]:
    """The shared influxd, started when it is first needed."""

    def ask() -> Influxd:
        server: Influxd = request.getfixturevalue("influxd")
        return server

    return ask
