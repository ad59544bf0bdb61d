"""A list that the mall's broker retains, read and replaced by an operator: opt-outs, enrolled plates."""

import contextlib
import secrets
import threading
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import paho.mqtt.client as mqtt
from msgspec import Struct
from paho.mqtt.enums import CallbackAPIVersion

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError, MessageError, UnavailableError
from contracts.messages import decode, encode
from contracts.tls import client_context

TIMEOUT_S = 10.0
RETAINED_S = 1.0
"""A broker has handed over what it has retained by then."""

L = TypeVar("L", bound=Struct)


class RetainedList(Generic[L]):
    """A retained list at the broker."""

    def __init__(self, client: mqtt.Client, topic: str, kind: type[L]) -> None:
        self._client = client
        self._topic = topic
        self._kind = kind
        self._found: bytes | None = None
        self._came = threading.Event()
        self._answered = threading.Event()
        self._refusal = ""
        client.on_message = self._on_message
        client.on_subscribe = self._on_answer
        client.on_publish = self._on_answer

    def read(self) -> L | None:
        """Give the list; None where there is none. Raises `UnavailableError`, `ConfigurationError`."""
        self._client.subscribe(self._topic, 1)
        self._await("the list cannot be read")
        if not self._came.wait(RETAINED_S) or not self._found:
            return None
        try:
            return decode(self._found, self._kind)
        except MessageError as error:
            raise ConfigurationError(
                f"what the broker has on {self._topic} is no such list: {error}",
                "Put a copy back with `restore`.",
            ) from error

    def write(self, what: L) -> None:
        """Replace the list. Raises `UnavailableError`."""
        self._answered.clear()
        self._client.publish(self._topic, encode(what), qos=1, retain=True)
        self._await("the list cannot be written")

    def _await(self, what: str) -> None:
        if not self._answered.wait(TIMEOUT_S):
            raise UnavailableError(f"{what}: the broker does not answer", "Is it running?")
        if self._refusal:
            raise UnavailableError(f"{what}: {self._refusal}", "The operator's certificate may do this.")

    def _on_answer(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        given = reasons if isinstance(reasons, list) else [reasons]
        self._refusal = next((str(reason) for reason in given if reason.is_failure), "")
        self._answered.set()

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._found = bytes(message.payload)
        self._came.set()


@contextlib.contextmanager
def retained_list(address: BrokerAddress, topic: str, kind: type[L]) -> Iterator[RetainedList[L]]:
    """Connect to the broker, for the list on `topic`. Raises `UnavailableError`."""
    name = f"mallsense-operator-{secrets.token_hex(4)}"
    client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    if address.tls:
        client.tls_set_context(client_context(address.files))
    connected = threading.Event()
    client.on_connect = lambda _c, _d, _f, reason, _p: None if reason.is_failure else connected.set()
    try:
        client.connect(address.host, address.port)
    except OSError as error:
        raise UnavailableError(
            f"the broker at {address} cannot be reached: {error}", "Is it running?"
        ) from error
    client.loop_start()
    try:
        if not connected.wait(TIMEOUT_S):
            raise UnavailableError(
                f"the broker at {address} does not let this machine in", "Check the login."
            )
        yield RetainedList(client, topic, kind)
    finally:
        client.disconnect()
        client.loop_stop()
        # Without this circle of references paho closes its sockets as soon as nobody holds the client.
        client.on_connect = client.on_message = client.on_subscribe = client.on_publish = None
