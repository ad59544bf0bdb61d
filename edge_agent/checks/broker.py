"""Whether the mall's broker can be reached, step by step: address, name, port, TLS, login, may publish.

A broker knows a node by its name, and lets in one of a name: to log in would push the node's own agent out.
So login and publishing are tried only where no agent answers; else its own word counts (`checks.agent`).
"""

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from contracts.broker import BrokerAddress
from contracts.control import TimeRequest
from contracts.errors import ConfigurationError
from contracts.messages import encode
from contracts.tls import client_context, explain
from contracts.topics import Topics
from edge_agent.checks.agent import ask_agent
from edge_agent.checks.finding import Finding, Place, ok, problem

_TIMEOUT_S = 5.0
_SESSION_EXPIRY_S = 3600
_NO_SUBSCRIBER = 0x10
_NOT_AUTHORISED = 0x87
_ABOUT = "broker"
_CERTIFICATE = "Issue and install this node's certificate again: mallsense broker certificate NODE"
_NETWORK = "Check cable, switch and firewall, and that the broker runs (there: systemctl status mosquitto)."


def check_broker(place: Place) -> Iterator[Finding]:
    """Go as far as one can get."""
    try:
        address = BrokerAddress.parse(place.broker, ca=place.ca, cert=place.cert, cert_key=place.cert_key)
        context = client_context(address.files) if address.tls else None
    except ConfigurationError as error:
        yield problem(_ABOUT, error.message, error.hint or "Render the node again, and install it.")
        return
    try:
        socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError:
        yield problem(
            _ABOUT,
            f"The name {address.host} is not known here.",
            "Check the name in the site file's broker section, and the DNS server this node got.",
        )
        return
    try:
        with socket.create_connection((address.host, address.port), _TIMEOUT_S) as plain:
            if context is not None:
                with context.wrap_socket(plain, server_hostname=address.host):
                    pass
    except OSError as error:
        yield problem(_ABOUT, f"{_capital(explain(error, address))}.", _NETWORK)
        return
    yield ok(_ABOUT, f"{address} answers{' and can be trusted' if address.tls else ', without TLS'}.")
    if ask_agent(place) is None:
        yield _log_in(address, place)


def _log_in(address: BrokerAddress, place: Place) -> Finding:
    """Log in as the node, and publish what harms nobody: a question for the time."""
    mall = place.site.mall.id if place.site else "unknown"
    told: dict[str, Any] = {}
    answered = threading.Event()

    def on_connect(_c: object, _d: object, _f: object, reason: ReasonCode, _p: object) -> None:
        told["login"] = reason
        answered.set()

    def on_publish(_c: object, _d: object, _m: int, reason: ReasonCode, _p: object) -> None:
        told["publish"] = reason
        answered.set()

    # The agent's own name: a broker may let in no other. The session, if there is one, is left as it is.
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"mallsense-edge-{mall}-{place.node_id}",
        protocol=mqtt.MQTTv5,
        reconnect_on_failure=False,
    )
    client.connect_timeout = _TIMEOUT_S
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    context = client_context(address.files) if address.tls else None
    if context is not None:
        client.tls_set_context(context)
    client.on_connect, client.on_publish = on_connect, on_publish
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = _SESSION_EXPIRY_S
    try:
        client.connect(address.host, address.port, clean_start=False, properties=properties)
        client.loop_start()
        answered.wait(_TIMEOUT_S)
        if "login" in told and not told["login"].is_failure:
            answered.clear()
            question = TimeRequest(node=place.node_id, id=secrets.token_hex(8))
            client.publish(Topics(mall).time_request(place.node_id), encode(question), qos=1)
            until_s = time.monotonic() + _TIMEOUT_S
            while "publish" not in told and time.monotonic() < until_s:
                answered.wait(0.1)
        client.disconnect()
    except OSError as error:
        told["error"] = error
    finally:
        client.loop_stop()
    return _judge(address, told, told.get("error") or (context.failure if context is not None else None))


def _judge(address: BrokerAddress, told: dict[str, Any], error: BaseException | None) -> Finding:
    login, publish = told.get("login"), told.get("publish")
    if login is None or (publish is None and error is not None):
        return problem("login", f"{_capital(explain(error, address))}.", _CERTIFICATE)
    if login.is_failure:
        return problem(
            "login",
            f"The broker refuses this node: {login}.",
            f"Check the password in MALLSENSE_BROKER. {_CERTIFICATE}",
        )
    if publish is None or publish.value == _NOT_AUTHORISED:
        return problem(
            "login",
            "The broker lets this node in, but takes nothing from it.",
            "Its access list may lack this node: run `mallsense broker render`, and install what it writes.",
        )
    if publish.value == _NO_SUBSCRIBER:
        return ok("login", "The broker takes what this node says; no gateway listens at the moment.")
    return ok("login", "The broker takes what this node says.")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
