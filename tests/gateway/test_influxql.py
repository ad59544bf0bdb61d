"""Names and strings in InfluxQL stay what they are: a real server reads them."""

import gzip
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.influxql import condition, identifier, one_of, source, string
from tests.influx import Influxd

DATABASE = "influxql"

anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))
spiteful = st.text(st.sampled_from("'\"\\;-= ,./*()\nORaé楼"), max_size=12)


@pytest.fixture(scope="module")
def client(influxd: Influxd) -> Iterator[InfluxClient]:
    """Make a database with two malls in it, one of which is not ours."""
    influxd.make_database(DATABASE, "raw")
    made = InfluxClient(InfluxAddress.parse(influxd.address(DATABASE)))
    made.write(DATABASE, "raw", gzip.compress(b'm,mall=ours x=1,y="one" 5\nm,mall=theirs x=2,y="two" 6'))
    yield made
    made.close()


def ask(client: InfluxClient, statement: str) -> list[list[object]]:
    """Rows of an answer."""
    return [row for one in client.query(statement, database=DATABASE) for row in one.values]


@given(value=anything | spiteful)
@example("' OR 'a' = 'a")
@example("\\' OR \\'a\\' = \\'a")
@example("x'; DROP DATABASE influxql; SELECT '")
@settings(max_examples=150)
def test_string_never_breaks_out(client: InfluxClient, value: str) -> None:
    """Whatever a value is made of, it is compared with the tag, and says nothing else to the server."""
    rows = ask(client, f"SELECT x FROM {source('raw', 'm')} WHERE {condition({'mall': value}, 0, 10)}")
    assert rows == ([[0, 1]] if value == "ours" else [[0, 2]] if value == "theirs" else [])
    both = ask(client, f"SELECT x FROM {source('raw', 'm')} WHERE {one_of('mall', [value, 'ours'])}")
    assert [0, 1] in both
    assert len(both) == 1 + (value == "theirs")


@given(value=anything | spiteful)
@settings(max_examples=100)
def test_string_is_read_as_what_it_is(client: InfluxClient, value: str) -> None:
    """A string in a statement is that string to the server: a field of it is found by it."""
    field = value.replace("\\", "\\\\").replace('"', '\\"')
    client.write(DATABASE, "raw", gzip.compress(f'strings,mall=ours s="{field}" 1'.encode()))
    found = ask(client, f'SELECT "s" FROM {source("raw", "strings")} WHERE "s" = {string(value)}')
    assert found == [[0, value]]


@given(name=(anything | spiteful).filter(bool))
@example('x" FROM m; DROP DATABASE influxql; --')
@settings(max_examples=100)
def test_identifier_never_breaks_out(client: InfluxClient, name: str) -> None:
    """Whatever a name is made of, it is one name: of a field, a policy's measurement or a tag."""
    found = ask(client, f"SELECT {identifier(name)}, x FROM {source('raw', 'm')} WHERE time < 6")
    assert [row[-1] for row in found] == [1]
    if name != "m":
        assert ask(client, f"SELECT x FROM {source('raw', name)}") == []


@pytest.mark.parametrize("text", ["a\0b", "a\rb"])
def test_what_cannot_be_said_is_refused(text: str) -> None:
    """A zero byte would end the statement, a carriage return would change: neither is sent."""
    with pytest.raises(ValueError, match="cannot say"):
        string(text)
    with pytest.raises(ValueError, match="cannot say"):
        identifier(text)
