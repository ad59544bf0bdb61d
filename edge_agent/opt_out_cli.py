"""`mallsense opt-out`: put addresses on the mall's opt-out list, take them off, keep a copy of it."""

import contextlib
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from contracts.broker import BrokerAddress
from contracts.control import OptOutList
from contracts.errors import ConfigurationError, MessageError
from contracts.messages import decode, encode
from contracts.site.read import read_site
from contracts.topics import Topics
from edge_agent.batcher import LOCALLY_ADMINISTERED
from edge_agent.key import read_key_file
from edge_agent.opt_out import key_id, opt_out_digest
from edge_agent.retained_list import RetainedList, retained_list

app = typer.Typer(no_args_is_help=True, help="People who asked not to be observed.")

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


def _board(at: tuple[str, BrokerAddress]) -> contextlib.AbstractContextManager[RetainedList[OptOutList]]:
    mall, address = at
    return retained_list(address, Topics(mall).opt_out(), OptOutList)
