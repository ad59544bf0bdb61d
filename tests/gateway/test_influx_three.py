"""Reading and writing InfluxDB 3 as it is documented: a policy is part of a database's name."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.influxql import policy_of, source
from tests.gateway.influx_documented import Influx3


class Writable(Influx3):
    """One that also takes writes, and remembers what each request named."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[tuple[str, str, str | None]] = []

    def answer(self, method: str, path: str, query: dict[str, str], token: str, body: Any) -> tuple[int, Any]:
        """As the API reference says, and /write: `db` and `rp` together are the database's name."""
        if path in ("/write", "/query"):
            self.named.append((path, query["db"], query.get("rp")))
        if path == "/write":
            return 204, None
        return super().answer(method, path, query, token, body)


@pytest.fixture
def three() -> Iterator[tuple[Writable, InfluxClient]]:
    """Return a server with a database, and a client that is logged in."""
    server = Writable()
    server.databases["mall/raw"] = 7
    server.answer("POST", "/api/v3/configure/token/admin", {}, "", None)
    with server.serve() as host:
        token = server.tokens["_admin"]["token"]
        client = InfluxClient(InfluxAddress.parse(f"influx://{host}/mall", token=token))
        yield server, client
        client.close()


def test_questions_name_the_whole_database(three: tuple[Writable, InfluxClient]) -> None:
    """The policy after FROM, or given beside the question, becomes a part of the database's name."""
    server, client = three
    assert client.query(f"SELECT * FROM {source('raw', 'position')}", database="mall") == []
    assert client.query("SELECT * FROM position", database="mall", policy="raw") == []
    assert server.named == [("/query", "mall/raw", None)] * 2


def test_points_go_where_a_slash_is_taken(three: tuple[Writable, InfluxClient]) -> None:
    """Points are written with database and policy, which 3.x puts together."""
    server, client = three
    client.write("mall", "raw", gzip.compress(b"position x_m=1"))
    assert server.named == [("/write", "mall", "raw")]


def test_the_policy_of_a_question() -> None:
    """It is found where it is written as `source` writes it, and nowhere else."""
    assert policy_of(f"SELECT x FROM {source('long', 'a.b')} WHERE t = 'FROM \"no\".x'") == "long"
    for statement in ('SELECT x FROM "m"', "SHOW DATABASES", "SELECT x FROM long.m"):
        assert policy_of(statement) is None
