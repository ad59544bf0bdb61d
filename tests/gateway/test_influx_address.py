"""The address of an InfluxDB: what is understood, and what people are told where it is not."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from gateway.store.influx.address import InfluxAddress

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True).filter(
    lambda name: not name.endswith("_figures")
)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)
HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,5})?|\[::1\]|10\.0\.0\.[1-9]", fullmatch=True)


@given(
    host=HOSTS, database=NAMES, port=st.none() | st.integers(1, 65535), tls=st.booleans(),
    login=st.none() | st.tuples(WORDS.filter(lambda user: ":" not in user), WORDS), org=st.none() | WORDS,
)  # fmt: skip
def test_every_part_comes_back(
    host: str, database: str, port: int | None, *, tls: bool, login: tuple[str, str] | None, org: str | None
) -> None:
    """Whatever the parts are, if they are written as a URL wants them they are found; no secret is shown."""
    user = "" if login is None else f"{quote(login[0], safe='')}:{quote(login[1], safe='')}@"
    text = (
        f"influx{'s' if tls else ''}://{user}{host}{f':{port}' if port else ''}/{database}"
        f"{f'?org={quote(org)}' if org else ''}"
    )
    found = InfluxAddress.parse(text)
    assert (found.host, found.port) == (host.strip("[]"), port or 8086)
    assert (found.database, found.figures, found.org) == (database, f"{database}_figures", org)
    assert (found.user, found.password) == (login or (None, None))
    assert found.url == f"http{'s' if tls else ''}://{host}:{port or 8086}"
    shown = "" if login is None else f"{login[0]}@"
    assert str(found) == f"influx{'s' if tls else ''}://{shown}{host}:{port or 8086}/{database}"


@given(st.text(max_size=40).map(lambda text: f"influx://{text}") | st.text(max_size=40))
def test_any_text_is_an_address_or_a_mistake(text: str) -> None:
    """Nothing that somebody may write ends in anything but an address or a message with a hint."""
    try:
        found = InfluxAddress.parse(text)
    except ConfigurationError as error:
        assert error.message.startswith("store address: ")
        assert "influx://" in error.hint
    else:
        assert found.host
        assert found.database


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://h/mall", "expected influx:// or influxs://: found http://"),
        ("h/mall", "found no://"),
        ("influx:///mall", "the host is missing"),
        ("influx://h", "the database is missing"),
        ("influx://h/mall/raw", "more than a database"),
        ("influx://h/my mall", "white space"),
        ("influx://h/_internal", "cannot be called '_internal'"),
        ("influx://h/mall_figures", "people may see: name the private one, 'mall'"),
        ("influx://h/mall?token=s3cret", "--store-token-file"),
        ("influx://h/mall?bucket=x", "found ?bucket="),
        ("influx://h/mall?org=", "expected one organisation"),
        ("influx://h/mall?org=a&org=b", "expected one organisation"),
        ("influx://h:0/mall", "the port is a number"),
        ("influx://h:http/mall", "the port is a number"),
        ("influx://anna@h/mall", "both a user and a password"),
        ("influx://anna:s3cret#1@h/mall", "write %23"),
        ("influx://[::1/mall", "Invalid IPv6 URL"),
    ],
)
def test_mistakes_are_named(text: str, said: str) -> None:
    """Each mistake has a message of its own, which never holds the password or the token."""
    with pytest.raises(ConfigurationError) as found:
        InfluxAddress.parse(text)
    assert said in str(found.value)
    assert "s3cret" not in str(found.value)


def test_what_is_given_beside_it() -> None:
    """A token logs in unless a user does, a 1.x's is user:password, and an authority goes with TLS."""
    assert InfluxAddress.parse("influx://h/mall", token="s3cret").token == "s3cret"
    logged_in = InfluxAddress.parse("influx://h/mall", token="anna:s3cret")
    assert (logged_in.user, logged_in.password, logged_in.token) == ("anna", "s3cret", None)
    for shown in (str(logged_in), repr(logged_in), repr(InfluxAddress.parse("influx://h/m", token="s3cret"))):
        assert "s3cret" not in shown
    with pytest.raises(ConfigurationError, match="a user and a token"):
        InfluxAddress.parse("influx://anna:pw@h/mall", token="s3cret")
    with pytest.raises(ConfigurationError, match="influxs://"):
        InfluxAddress.parse("influx://h/mall", ca=Path("ca.crt"))
    assert InfluxAddress.parse("influxs://h/mall", ca=Path("ca.crt")).url == "https://h:8086"
