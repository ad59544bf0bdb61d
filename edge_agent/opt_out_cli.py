"""`mallsense opt-out`: put addresses on the mall's opt-out list, take them off, keep a copy of it."""

import contextlib
import json
import secrets
import string
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import paho.mqtt.client as mqtt
import typer
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console

from contracts.broker import BrokerAddress
from contracts.control import OptOutList
from contracts.errors import ConfigurationError, MessageError, UnavailableError
from contracts.messages import decode, encode
from contracts.site.read import read_site
from contracts.tls import client_context
from contracts.topics import Topics
from edge_agent.batcher import LOCALLY_ADMINISTERED
from edge_agent.key import read_key_file
from edge_agent.opt_out import key_id, opt_out_digest

app = typer.Typer(no_args_is_help=True, help="People who asked not to be observed.")

TIMEOUT_S = 10.0
RETAINED_S = 1.0
"""A broker has handed over what it has retained by then."""
_ADDRESS_DIGITS = 12

Site = Annotated[Path, typer.Option(help="The mall's site file.", show_default=False)]
Key = Annotated[
    Path,
    typer.Option(help="The mall's key, as the nodes have it.", envvar="MALLSENSE_KEY", show_default=False),
]
Broker = Annotated[str, typer.Option(help="mqtt:// or mqtts://host:port.", envvar="MALLSENSE_BROKER")]
Ca = Annotated[Path | None, typer.Option(help="Certificate of the mall's authority.", envvar="MALLSENSE_CA")]
Cert = Annotated[Path | None, typer.Option(help="The operator's certificate.", envvar="MALLSENSE_CERT")]
CertKey = Annotated[Path | None, typer.Option(help="The private key of --cert.", envvar="MALLSENSE_CERT_KEY")]
Addresses = Annotated[
    list[str], typer.Argument(help="Wi-Fi addresses, as 40:ec:99:a7:b3:5c.", show_default=False)
]
LOCAL = "mqtt://127.0.0.1:1883"


@app.command()
def add(
    addresses: Addresses,
    *,
    site: Site,
    key: Key,
    broker: Broker = LOCAL,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
) -> None:
    """Have no node of the mall report these addresses from now on."""
    raw = [parse_address(text) for text in addresses]
    secret = read_key_file(key)
    for text, address in zip(addresses, raw, strict=True):
        if address[0] & LOCALLY_ADMINISTERED:
            Console(stderr=True).print(
                f"{text} is an address that the phone has chosen itself: it will choose others, and be"
                " reported under them. Ask for the phone's own address, or to switch random addresses off"
                " for the mall's network.",
                style="yellow",
            )
    _change(_connection(site, broker, ca, cert, cert_key), secret, raw, lambda old, new: old | new)


@app.command()
def remove(
    addresses: Addresses,
    *,
    site: Site,
    key: Key,
    broker: Broker = LOCAL,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
) -> None:
    """Have these addresses reported again."""
    raw = [parse_address(text) for text in addresses]
    secret = read_key_file(key)
    _change(_connection(site, broker, ca, cert, cert_key), secret, raw, lambda old, new: old - new)


@app.command()
def show(
    *, site: Site, broker: Broker = LOCAL, ca: Ca = None, cert: Cert = None, cert_key: CertKey = None
) -> None:
    """Print the list, which is keyed hashes. Keep a copy: the broker has the only one."""
    with _board(_connection(site, broker, ca, cert, cert_key)) as board:
        found = board.read()
    typer.echo(json.dumps(json.loads(encode(found)), indent=2) if found else "nobody is on the list")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `show` printed.", dir_okay=False, exists=True)],
    *,
    site: Site,
    broker: Broker = LOCAL,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
) -> None:
    """Put a copy of the list back, for a broker that has lost it."""
    try:
        kept = decode(file.read_bytes(), OptOutList)
    except MessageError as error:
        raise ConfigurationError(
            f"{file}: {error}", "Expected what `mallsense opt-out show` prints."
        ) from error
    with _board(_connection(site, broker, ca, cert, cert_key)) as board:
        board.write(kept)
    typer.echo(f"{len(kept.digests)} on the list")


def parse_address(text: str) -> bytes:
    """Read a Wi-Fi address: 12 hex digits, with `:`, `-`, `.` or nothing between.

    Raises:
        ConfigurationError: it is none. The message does not repeat it.

    """
    digits = text.strip().translate(str.maketrans("", "", ":-."))
    if len(digits) != _ADDRESS_DIGITS or not set(digits) <= set(string.hexdigits):
        raise ConfigurationError(
            "an address: expected 12 hex digits", "Write it like 40:ec:99:a7:b3:5c, as phones show it."
        )
    return bytes.fromhex(digits)


def _change(
    at: tuple[str, BrokerAddress],
    key: bytes,
    addresses: list[bytes],
    how: Callable[[set[str], set[str]], set[str]],
) -> None:
    with _board(at) as board:
        found = board.read()
        if found is not None and found.digests and found.key != key_id(key):
            raise ConfigurationError(
                "the list was made with another key: nodes could not read what is added to it",
                "Use the key that the nodes have. After a change of the key the list has to be made anew.",
            )
        old = set(found.digests) if found else set()
        new = how(old, {opt_out_digest(key, address) for address in addresses})
        board.write(OptOutList(key=key_id(key), digests=sorted(new)))
    typer.echo(f"{len(new)} on the list ({len(new) - len(old):+d})")


def _connection(
    site: Path, broker: str, ca: Path | None, cert: Path | None, cert_key: Path | None
) -> tuple[str, BrokerAddress]:
    return read_site(site).mall.id, BrokerAddress.parse(broker, ca=ca, cert=cert, cert_key=cert_key)


class _Board:
    """The retained list at the broker."""

    def __init__(self, client: mqtt.Client, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._found: bytes | None = None
        self._came = threading.Event()
        self._answered = threading.Event()
        self._refusal = ""
        client.on_message = self._on_message
        client.on_subscribe = self._on_answer
        client.on_publish = self._on_answer

    def read(self) -> OptOutList | None:
        """Give the list; None where there is none. Raises `UnavailableError`, `ConfigurationError`."""
        self._client.subscribe(self._topic, 1)
        self._await("the list cannot be read")
        if not self._came.wait(RETAINED_S) or not self._found:
            return None
        try:
            return decode(self._found, OptOutList)
        except MessageError as error:
            raise ConfigurationError(
                f"what the broker has on {self._topic} is no opt-out list: {error}",
                "Put a copy back with `mallsense opt-out restore`.",
            ) from error

    def write(self, what: OptOutList) -> None:
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
def _board(at: tuple[str, BrokerAddress]) -> Iterator[_Board]:
    mall, address = at
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
        yield _Board(client, Topics(mall).opt_out())
    finally:
        client.disconnect()
        client.loop_stop()
        # Without this circle of references paho closes its sockets as soon as nobody holds the client.
        client.on_connect = client.on_message = client.on_subscribe = client.on_publish = None
