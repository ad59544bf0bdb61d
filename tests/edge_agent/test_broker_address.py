"""A broker's address is read as people write it, and never shows its password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("mqtt://broker", BrokerAddress("broker"), "mqtt://broker:1883"),
        ("127.0.0.1:1884", BrokerAddress("127.0.0.1", 1884), "mqtt://127.0.0.1:1884"),
        ("mqtts://broker/", BrokerAddress("broker", 8883, tls=True), "mqtts://broker:8883"),
        ("mqtt://me:p%40ss@b:1", BrokerAddress("b", 1, "me", "p@ss"), "mqtt://me@b:1"),
        ("mqtt://[::1]:1883", BrokerAddress("::1"), "mqtt://[::1]:1883"),
    ],
)
def test_addresses(text: str, address: BrokerAddress, shown: str) -> None:
    """Every way to write one is read, and shown without the password."""
    assert BrokerAddress.parse(text) == address
    assert str(address) == shown
    assert "p@ss" not in f"{address!r} {address}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://broker", "mqtt://"),
        ("mqtt://", "host"),
        ("", "host"),
        ("mqtt://bro ker", "host"),
        ("mqtt://broker:0", "port"),
        ("mqtt://broker:65536", "port"),
        ("mqtt://broker:mqtt", "port"),
        ("mqtt://broker/topic", "after the port"),
        ("mqtt://:secret@broker", "without a user"),
        ("mqtt://[::1", "broker address"),
    ],
)
def test_mistakes_say_what_is_expected(text: str, says: str) -> None:
    """A mistake is refused with what is wrong and an example, without the password."""
    with pytest.raises(ConfigurationError, match=says) as error:
        BrokerAddress.parse(text)
    assert "mqtt://127.0.0.1:1883" in str(error.value)
    assert "secret" not in str(error.value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a clear refusal comes of any text."""
    try:
        address = BrokerAddress.parse(text)
    except ConfigurationError:
        return
    assert 1 <= address.port <= 65535
