"""Zone events from a running gateway, over its HTTP API or straight from the broker."""

import json
import queue
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError, MessageError, UnavailableError
from contracts.events import CarEvent, CarParkEvent, CloudEvent, PathEvent, VisitEvent
from contracts.messages import decode
from contracts.tls import ClientContext, client_context, explain
from contracts.topics import ROOT

PAGE = 500
POLL_S = 1.0
LOOK_BACK = 1000
"""The most events that one answer of the gateway holds."""


class Happening(msgspec.Struct, frozen=True):
    """An event as a line shows it."""

    time: str
    """RFC 3339, or epoch milliseconds as text where that is all there is."""
    kind: str
    zone: str
    floor: str
    dwell_s: float | None
    raw: bytes
    """JSON as it came."""


class Wanted(NamedTuple):
    """Which events somebody asks for: of these zones and these kinds; an empty set stands for all."""

    zones: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def holds(self, happening: Happening) -> bool:
        """Whether this one is asked for."""
        return (not self.zones or happening.zone in self.zones) and (
            not self.kinds or happening.kind in self.kinds
        )


EVERYTHING = Wanted()


def over_http(
    url: str, token: str | None, *, newest: int, follow: bool, wanted: Wanted = EVERYTHING
) -> Iterator[Happening]:
    """Give the newest events of the gateway at `url`, then, with `follow`, new ones as they are stored.

    With a choice these are the newest among the last `LOOK_BACK` events of all.

    Raises `UnavailableError` when nobody answers there, `ConfigurationError` when it refuses.
    """
    page = _get(url, token, {"limit": newest if wanted == EVERYTHING else LOOK_BACK})
    past = [happening for happening in map(_from_row, page["events"]) if wanted.holds(happening)]
    yield from past[-newest:]
    while follow:
        page = _get(url, token, {"after": page["next"], "limit": PAGE})
        yield from filter(wanted.holds, map(_from_row, page["events"]))
        if not page["events"]:
            time.sleep(POLL_S)


def _client(address: BrokerAddress) -> tuple[Client, ClientContext | None]:
    """A client that can log in, and where it uses TLS, what knows why that fails."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    if not address.tls:
        return client, None
    tls = client_context(address.files)
    client.tls_set_context(tls)
    return client, tls


def over_mqtt(
    address: BrokerAddress, mall: str | None, *, wanted: Wanted = EVERYTHING
) -> Iterator[Happening]:
    """Give events as the gateway publishes them; `mall` None = of every mall on this broker. Never ends.

    Raises `UnavailableError` when the broker does not answer or refuses.
    """
    inbox: queue.SimpleQueue[bytes | UnavailableError] = queue.SimpleQueue()
    client, tls = _client(address)

    def connected(_client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            hint = "Give user and password in its address: mqtt://user:password@host."
            inbox.put(UnavailableError(f"broker {address} refuses: {reason}", hint))
            return
        client.subscribe(f"{ROOT}/{mall or '+'}/events/#", qos=1)

    def arrived(_client: Client, _data: Any, message: MQTTMessage) -> None:
        inbox.put(bytes(message.payload))

    def ended(*_: Any) -> None:
        if tls is not None and tls.failure is not None:
            inbox.put(UnavailableError(explain(tls.failure, address), "Certificates: mallsense broker list."))

    client.on_connect, client.on_message, client.on_disconnect = connected, arrived, ended
    try:
        client.connect(address.host, address.port)
    except OSError as error:
        raise UnavailableError(explain(error, address), "Is it running?") from error
    client.loop_start()
    try:
        while True:
            arrival = inbox.get()
            if isinstance(arrival, UnavailableError):
                raise arrival
            happening = _from_payload(arrival)
            if happening is not None and wanted.holds(happening):
                yield happening
    finally:
        client.disconnect()
        client.loop_stop()


def _get(url: str, token: str | None, query: dict[str, int]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = f"{url.rstrip('/')}/api/v1/events?{urlencode(query)}"
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"expected http:// or https://, found {url}", "Write it like http://127.0.0.1:8000."
        )
    try:
        request = urllib.request.Request(address, headers=headers)  # noqa: S310  # checked above
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            page: dict[str, Any] = json.load(answer)
            return page
    except urllib.error.HTTPError as error:
        hint = "Give the gateway's own address with --url, like http://127.0.0.1:8000."
        if error.code == HTTPStatus.UNAUTHORIZED:
            hint = "Set MALLSENSE_TOKEN to the gateway's token."
        raise ConfigurationError(
            f"the gateway at {url} refuses: {error.code} {error.reason}", hint
        ) from error
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"no gateway answers at {url}: {getattr(error, 'reason', error)}",
            "Start one with 'mallsense gateway', or give its address with --url.",
        ) from error


def _from_row(row: dict[str, Any]) -> Happening:
    raw = json.dumps(row, separators=(",", ":")).encode()
    zone, floor = row["zone"] or "", row["floor"] or ""
    return Happening(str(row["t_ms"]), row["kind"], zone, floor, row["dwell_s"], raw)


def _from_payload(payload: bytes) -> Happening | None:
    kind: type[CloudEvent]
    for kind in (VisitEvent, PathEvent, CarEvent, CarParkEvent):
        try:
            event = decode(payload, kind)
        except MessageError:
            continue
        if isinstance(event, VisitEvent):
            data = event.data
            return Happening(event.time, event.kind, data.zone, data.floor, data.dwell_s, payload)
        if isinstance(event, PathEvent):
            return Happening(event.time, event.kind, "", "", event.data.dwell_s, payload)
        if isinstance(event, CarEvent):
            return Happening(event.time, event.kind, event.data.area, "", event.data.dwell_s, payload)
        if isinstance(event, CarParkEvent):
            return Happening(event.time, event.kind, event.data.area, "", None, payload)
    return None  # somebody else published on an event's topic
