"""The gateway's one connection to the broker: MQTT 5, a session that outlives it, acknowledgement by hand.

A message stays with the broker until `ack`; no more than `RECEIVE_MAXIMUM` are on their way at a time, so a
slow gateway makes messages wait in the broker, not in its own memory. Reconnects for ever.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from contracts.broker import BrokerAddress
from contracts.tls import client_context, explain

_log = logging.getLogger(__name__)

RECEIVE_MAXIMUM = 200
SESSION_EXPIRY_S = 7 * 24 * 3600
"""How long the broker keeps messages for a gateway that is away."""
KEEPALIVE_S = 30
RECONNECT_S = (1, 30)

_BIRTH = "birth"
_UNFOLLOWED = ""

_ADVICE = {
    "Not authorized": "Check user and password in --broker and the broker's access list.",
    "Bad user name or password": "Check user and password in --broker.",
    "Session taken over": "Another gateway of this mall is connected to the same broker; stop one of them.",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message from the broker, with what is needed to acknowledge it."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int
    """Number of the connection it came over; a message id means something in its own connection only."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A retained message that says whether somebody is there: sent at birth, at goodbye, and as last will."""

    topic: str
    birth: bytes
    goodbye: bytes


class Link:
    """A connection to the broker that mends itself."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        filters: Mapping[str, int],
        announcement: Announcement,
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        """Describe the connection; `start` makes it. `on_delivery` is called in the network thread.

        `filters` are what to subscribe to, and at which QoS: what comes at 0 is not kept for a gateway that
        is away.
        """
        self._address = address
        self._filters = filters
        self._announcement = announcement
        self._on_delivery = on_delivery
        self._connection = 0
        self._connected = threading.Event()
        self._lock = threading.Lock()
        self._waiting: dict[int, str | Callable[[str | None], None]] = {}
        self._early: dict[int, ReasonCode] = {}
        self._taken: list[str] = []
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
        )
        self._client.on_connect = self._connect_done
        self._client.on_connect_fail = self._connect_failed
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._message
        self._client.on_publish = self._published
        self._client.on_subscribe = self._subscribed
        self._client.reconnect_delay_set(*RECONNECT_S)
        self._client.max_queued_messages_set(0)
        if address.user is not None:
            self._client.username_pw_set(address.user, address.password)
        self._tls = client_context(address.files) if address.tls else None
        if self._tls is not None:
            self._client.tls_set_context(self._tls)
        self._client.will_set(announcement.topic, announcement.goodbye, qos=1, retain=True)

    @property
    def connected(self) -> bool:
        """Whether the broker is there right now."""
        return self._connected.is_set()

    def start(self) -> None:
        """Begin to connect; returns at once, and tries for ever."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            self._address.host, self._address.port, KEEPALIVE_S, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye and disconnect; the broker keeps the session and what is not acknowledged."""
        if self.connected:
            farewell = self._announcement
            info = self._client.publish(farewell.topic, farewell.goodbye, qos=1, retain=True)
            try:
                info.wait_for_publish(2.0)
            except (RuntimeError, ValueError):
                _log.debug("the broker went away before the goodbye")
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def connections(self) -> int:
        """How often it was connected so far: the number of the connection that there is, or was last."""
        return self._connection

    def publish(self, topic: str, payload: bytes, *, qos: int = 0) -> None:
        """Publish if the broker is there now; whether it has taken it is not followed up."""
        if self.connected:
            info = self._client.publish(topic, payload, qos=qos)
            if qos:
                with self._lock:
                    self._unfollow(info.mid)

    def publish_surely(self, topic: str, payload: bytes, name: str) -> None:
        """Publish at least once (QoS 1), later if the broker is away; `name` is in `taken` afterwards."""
        info = self._client.publish(topic, payload, qos=1)
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            _log.error("event %s cannot be published: %s", name, info.rc)
            return
        with self._lock:
            if self._early.pop(info.mid, None) is not None:  # the broker's answer was faster than this line
                self._taken.append(name)
            else:
                self._waiting[info.mid] = name

    def publish_followed(
        self, topic: str, payload: bytes, answered: Callable[[str | None], None], *, retain: bool = False
    ) -> None:
        """Publish at QoS 1; `answered` is called once, in any thread: None = the broker has taken it.

        Otherwise it is told why not. Where the broker is away, it is published when it is back.
        """
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            answered(str(info.rc))
            return
        with self._lock:
            reason = self._early.pop(info.mid, None)
            if reason is None:
                self._waiting[info.mid] = answered
        if reason is not None:
            answered(_problem(reason))

    def _unfollow(self, mid: int) -> None:
        """Have the broker's answer to a message passed over, also where it was faster than this line."""
        if self._early.pop(mid, None) is None:
            self._waiting[mid] = _UNFOLLOWED

    def taken(self) -> list[str]:
        """The names of what the broker has taken since the last call."""
        with self._lock:
            names, self._taken = self._taken, []
        return [name for name in names if name not in (_BIRTH, _UNFOLLOWED)]

    def drain(self, timeout_s: float) -> None:
        """Wait until the broker has taken everything that was published surely, or for this long."""
        deadline_s = time.monotonic() + timeout_s
        while self._waiting and self.connected and time.monotonic() < deadline_s:
            time.sleep(0.01)

    def ack(self, delivery: Delivery) -> None:
        """Tell the broker that it may forget a message.

        One that came over an earlier connection is left alone: the broker delivers it again.
        """
        if delivery.qos and delivery.connection == self._connection:
            self._client.ack(delivery.mid, delivery.qos)

    # Called by the network thread

    def _connect_done(
        self, client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            _log.error("broker %s refuses the gateway: %s. %s", self._address, reason, _advice(reason))
            return
        self._connection += 1
        client.subscribe([(a_filter, SubscribeOptions(qos=qos)) for a_filter, qos in self._filters.items()])
        birth = client.publish(self._announcement.topic, self._announcement.birth, qos=1, retain=True)
        with self._lock:
            self._waiting[birth.mid] = _BIRTH
        self._connected.set()
        _log.info(
            "connected to broker %s (%s session)", self._address, "old" if flags.session_present else "new"
        )

    def _subscribed(
        self, _client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        for a_filter, reason in zip(self._filters, reasons, strict=False):
            if reason.is_failure:
                _log.error("broker %s does not let the gateway read %s: %s", self._address, a_filter, reason)

    def _connect_failed(self, _client: Client, _data: Any) -> None:
        # paho calls this where it has caught the error, and hands over none.
        _log.warning("%s; trying again for ever. Is it running?", explain(sys.exc_info()[1], self._address))

    def _disconnected(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        was_connected = self._connected.is_set()
        self._connected.clear()
        if self._tls is not None and self._tls.failure is not None:
            _log.error("%s; trying again for ever", explain(self._tls.failure, self._address))
        elif was_connected and reason.is_failure:
            _log.warning("lost broker %s: %s. %s", self._address, reason, _advice(reason))

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._on_delivery(Delivery(topic, bytes(message.payload), message.mid, message.qos, self._connection))

    def _published(self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        with self._lock:
            waits = self._waiting.pop(mid, None)
            if waits is None:
                self._early[mid] = reason
            elif isinstance(waits, str):
                self._taken.append(waits)
        if callable(waits):
            waits(_problem(reason))


def _problem(reason: ReasonCode) -> str | None:
    return str(reason) if reason.is_failure else None


def _advice(reason: ReasonCode) -> str:
    return _ADVICE.get(str(reason), "Reconnecting.")
