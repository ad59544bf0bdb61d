"""Tells a node over MQTT what to do, and waits for what it makes of that."""

import queue
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contracts.broker import BrokerAddress
from contracts.control import ConfigurationApplied, NodeConfiguration
from contracts.errors import MessageError, UnavailableError
from contracts.messages import decode, encode
from contracts.tls import client_context, explain
from contracts.topics import Topics

CONNECT_S = 10.0
RETAINED_S = 0.5
"""A broker has handed over what it has retained by then."""
_HINT = "The operator's certificate may do this: mallsense broker certificate operator."

Change = Callable[[NodeConfiguration], NodeConfiguration]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a configuration."""

    desired: NodeConfiguration | None
    """None = nothing was ever configured from afar."""
    applied: ConfigurationApplied | None
    """The node's word on it; None where it has not said anything yet."""


class Desk:
    """A connection to the broker that speaks of one node's configuration."""

    def __init__(self, client: Client, topics: Topics, node: str) -> None:
        self._client = client
        self._node = node
        self._topic, self._answers = topics.configuration(node), topics.configuration_applied(node)
        self.heard: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self.failed: queue.SimpleQueue[UnavailableError] = queue.SimpleQueue()
        self._desired: NodeConfiguration | None = None
        self._applied: ConfigurationApplied | None = None

    def look(self) -> Outcome:
        """Read what the node shall do, and what it last said about that.

        Raises:
            UnavailableError: the broker does not let this be read.

        """
        self._client.subscribe([(self._topic, 1), (self._answers, 1)])
        self._listen(RETAINED_S, until=lambda: False)
        return Outcome(self._desired, self._applied)

    def order(self, change: Change, *, timeout_s: float) -> Outcome:
        """Change what the node shall do, and wait for what it makes of that; call `look` first.

        Raises:
            MessageError: no node takes such a value; nothing is changed.
            UnavailableError: the broker does not take it.

        """
        before = self._desired or NodeConfiguration(node=self._node, revision=0)
        revision = max(before.revision, self._revision()) + 1
        desired = replace(change(before), revision=revision)
        decode(encode(desired), NodeConfiguration)
        self._applied = None
        self._publish(encode(desired))
        self._listen(timeout_s, until=lambda: self._revision() == revision)
        return Outcome(desired, self._applied if self._revision() == revision else None)

    def _revision(self) -> int:
        """The revision of which the node spoke last."""
        return (self._applied.revision if self._applied else None) or 0

    def _publish(self, payload: bytes) -> None:
        refused: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._client.on_publish = lambda _c, _d, _mid, reason, _p: refused.put(
            str(reason) if reason.is_failure else ""
        )
        self._client.publish(self._topic, payload, qos=1, retain=True)
        try:
            why = refused.get(timeout=CONNECT_S)
        except queue.Empty:
            why = "no answer"
        if why:
            raise UnavailableError(f"the broker does not take a configuration of {self._node}: {why}", _HINT)

    def _listen(self, timeout_s: float, *, until: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not until() and (left_s := deadline_s - time.monotonic()) > 0:
            if not self.failed.empty():
                raise self.failed.get()
            try:
                topic, payload = self.heard.get(timeout=min(left_s, 0.1))
            except queue.Empty:
                continue
            self._take(topic, payload)

    def _take(self, topic: str, payload: bytes) -> None:
        try:
            if topic == self._answers:
                self._applied = decode(payload, ConfigurationApplied)
            else:
                self._desired = decode(payload, NodeConfiguration) if payload else None
        except MessageError:
            return  # of another version: as good as none, and about to be replaced


@contextmanager
def desk(address: BrokerAddress, mall: str, node: str) -> Iterator[Desk]:
    """Connect to the broker for one node.

    Raises:
        ConfigurationError: a certificate cannot be used.
        UnavailableError: the broker does not answer, or refuses.

    """
    client = Client(
        CallbackAPIVersion.VERSION2,
        f"mallsense-operator-{secrets.token_hex(4)}",
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    tls = client_context(address.files) if address.tls else None
    if tls is not None:
        client.tls_set_context(tls)
    made = Desk(client, Topics(mall), node)
    connected: queue.SimpleQueue[str] = queue.SimpleQueue()

    def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
        made.heard.put((message.topic, bytes(message.payload)))

    def on_connect(_client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        connected.put(f"the broker at {address} refuses: {reason}" if reason.is_failure else "")

    def on_disconnect(*_: Any) -> None:
        why = explain(tls.failure, address) if tls and tls.failure else f"the broker at {address} hung up"
        connected.put(why)
        made.failed.put(UnavailableError(why, _HINT))

    def on_subscribe(_client: Client, _data: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            why = f"the broker does not let the configuration of {node} be read: {reasons[0]}"
            made.failed.put(UnavailableError(why, _HINT))

    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    client.on_message, client.on_subscribe = on_message, on_subscribe
    try:
        client.connect(address.host, address.port)
    except OSError as error:
        raise UnavailableError(explain(error, address), "Is it running?") from error
    client.loop_start()
    try:
        if why := _first(connected, address):
            raise UnavailableError(why, _HINT)
        yield made
    finally:
        client.on_disconnect = None
        client.disconnect()
        client.loop_stop()


def _first(answers: queue.SimpleQueue[str], address: BrokerAddress) -> str:
    try:
        return answers.get(timeout=CONNECT_S)
    except queue.Empty:
        return f"the broker at {address} does not answer"
