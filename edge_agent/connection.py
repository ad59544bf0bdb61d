"""One MQTT 5 connection of an edge agent: birth before data, last will, reconnect with backoff and jitter."""

import logging
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from contracts.broker import BrokerAddress
from contracts.tls import ClientContext, client_context, explain

Taker = Callable[[bytes], None]
"""Takes the payload of a message. Called in the network thread: it must not wait."""

_log = logging.getLogger(__name__)

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 5.0
SESSION_EXPIRY_S = 3600
SPREAD_S = 5.0
"""The first try to come back is made after a random part of this (measured: benchmarks/reconnect.py)."""
WINDOW = 16
"""Messages in flight at once. mosquitto takes 20, iotcore 100; the rest is room for birth and health."""
_HEADROOM = 4
_NO_SUBSCRIBER = 0x10
_TAKEN_OVER = 0x8E
_SHORT_S = 10.0
"""A connection that lives shorter did not work; the next is made later, up to `_LONGEST_DELAY_S`."""
_SHORT_DELAY_S = 1.0
"""How much later after the first of them; twice as long after each further one."""
_LONGEST_DELAY_S = 30.0
_SUSPICIOUS = 3
"""So many short connections in a row look like two agents that push each other out."""


class Answer(NamedTuple):
    """What the broker said of a message."""

    message: int
    reason: str
    """Empty where the broker has taken it and somebody listens, else why not."""


class Connection:
    """Keeps up a connection to the broker; `publish` while `connected` is set.

    `answers` holds what became of each message, in order. Messages in flight when a connection breaks are
    sent again on the next one. `wake` is set whenever something has changed. The topics in `subscriptions`
    are subscribed to on every connection, before the birth is published.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        status_topic: str,
        birth: bytes,
        will: bytes,
        wake: threading.Event,
        subscriptions: Mapping[str, Taker] = MappingProxyType({}),
    ) -> None:
        self.address = address
        self.connected = threading.Event()
        self.connections = 0
        """Times connected; grows with every reconnect."""
        self.trouble = ""
        """Why there is no connection, in words for people; empty while there is one."""
        self.window = WINDOW
        self.max_packet_bytes = 0xFFFFFFF
        self.answers: deque[Answer] = deque()
        self._status_topic = status_topic
        self._birth = birth
        self._goodbye = will
        self._wake = wake
        self._subscriptions = subscriptions
        self._short = 0
        self._connected_s = 0.0
        self._random = random.SystemRandom()
        self._tls: ClientContext | None = None
        self._client = self._make(client_id, will)

    def start(self) -> None:
        """Connect, and from now on reconnect, in the background."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        self._client.connect_async(
            self.address.host,
            self.address.port,
            KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> int | None:
        """Send a message; give its number, under which `answers` will speak of it, or None."""
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        return (
            info.mid if info.rc in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN) else None
        )

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """Say goodbye where there is a connection, and end it."""
        if self.connected.is_set():
            info = self._client.publish(self._status_topic, self._goodbye, qos=1, retain=True)
            try:
                info.wait_for_publish(timeout_s)
            except (RuntimeError, ValueError):
                _log.debug("the connection broke before the goodbye was through")
        self._client.disconnect()
        self._client.loop_stop()
        # Without this circle of references paho closes its sockets as soon as nobody holds the client.
        self._client.on_connect = self._client.on_connect_fail = None
        self._client.on_disconnect = self._client.on_publish = None
        self._client.on_message = self._client.on_subscribe = None

    def _make(self, client_id: str, will: bytes) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        client.max_inflight_messages_set(WINDOW + _HEADROOM)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.will_set(self._status_topic, will, qos=1, retain=True)
        if self.address.user is not None:
            client.username_pw_set(self.address.user, self.address.password)
        if self.address.tls:
            self._tls = client_context(self.address.files)
            client.tls_set_context(self._tls)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        self._spread(client)
        return client

    def _spread(self, client: mqtt.Client, least_s: float = 0.0) -> None:
        """Draw new delays, so that the nodes of a mall do not all come back in the same second.

        The first try comes after up to `SPREAD_S` (from `least_s` on); each further one waits twice as long,
        so nodes get further apart the longer the broker is away.
        """
        least_s = min(least_s, _LONGEST_DELAY_S)
        draw = self._random.uniform
        first_s = least_s + draw(0.02, 1.0) * SPREAD_S
        client.reconnect_delay_set(first_s, max(2 * least_s, draw(20, 40)))  # type: ignore[arg-type]

    def _on_connect(
        self,
        client: mqtt.Client,
        _data: Any,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._in_trouble(f"the broker at {self.address} refuses the connection: {reason}")
            return
        self.window = max(1, min(WINDOW, getattr(properties, "ReceiveMaximum", 0xFFFF) - _HEADROOM))
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", 0xFFFFFFF)
        if self._subscriptions:
            client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._subscriptions])
        client.publish(self._status_topic, self._birth, qos=1, retain=True)
        _log.info("connected to the broker at %s", self.address)
        self.trouble = ""
        self.connections += 1
        self._connected_s = time.monotonic()
        self.connected.set()
        self._wake.set()

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        # paho calls this where it has caught the error, and hands over none.
        self._in_trouble(explain(sys.exc_info()[1], self.address))

    def _on_disconnect(
        self,
        client: mqtt.Client,
        _data: Any,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        was_connected = self.connected.is_set()
        self.connected.clear()
        if self._tls is not None and self._tls.failure is not None:
            self._in_trouble(explain(self._tls.failure, self.address))
        elif reason.value == _TAKEN_OVER:
            self._short = _SUSPICIOUS
            self._spread(client, _LONGEST_DELAY_S)
            self._in_trouble(f"the broker has ended the connection{self._suspicion()}")
        elif reason.value != 0 and was_connected:
            self._short = self._short + 1 if time.monotonic() - self._connected_s < _SHORT_S else 0
            self._spread(client, _SHORT_DELAY_S * 2 ** (self._short - 1) if self._short else 0.0)
            self._in_trouble(f"the connection to the broker at {self.address} broke{self._suspicion()}")
        elif reason.value != 0 and not self.trouble:
            hint = ": does it take this certificate?" if self._tls is not None else ""
            self._in_trouble(f"the broker at {self.address} hung up before the login was through{hint}")
        self._wake.set()

    def _suspicion(self) -> str:
        if self._short < _SUSPICIOUS:
            return ""
        return " again and again: another agent seems to have the same id, and every agent needs its own"

    def _in_trouble(self, what: str) -> None:
        if what != self.trouble:
            _log.warning("%s; trying again, what is heard waits in the spool", what)
        self.trouble = what
        self._wake.set()

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, mid: int, reason: ReasonCode, _p: Properties | None
    ) -> None:
        refused = reason.is_failure or reason.value == _NO_SUBSCRIBER
        self.answers.append(Answer(mid, str(reason) if refused else ""))
        self._wake.set()

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _p: Properties | None
    ) -> None:
        for topic, reason in zip(self._subscriptions, reasons, strict=False):
            if reason.is_failure:
                _log.error("the broker at %s lets nobody here read %s: %s", self.address, topic, reason)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        taker = self._subscriptions.get(message.topic)
        if taker is not None:
            taker(bytes(message.payload))
            self._wake.set()
