"""`mallsense plates enrol|withdraw|list`: whose plates are said in clear text, with their consent."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer
from msgspec import UNSET

from contracts.broker import BrokerAddress
from contracts.control import EnrolledPlates
from contracts.errors import ConfigurationError, MessageError
from contracts.messages import decode, encode
from contracts.site.read import read_site
from contracts.topics import Topics
from edge_agent.enrolled import enrolled_digest
from edge_agent.key import read_key_file
from edge_agent.opt_out import key_id
from edge_agent.opt_out_cli import LOCAL, Broker, Ca, Cert, CertKey, Key, Site
from edge_agent.plate_text import is_misspelt, plain_plate
from edge_agent.retained_list import RetainedList, retained_list

Plates = Annotated[list[str], typer.Argument(help="Plates, as 浙A12345.", show_default=False)]
Digests = set[str]


def enrol(
    plates: Plates,
    *,
    site: Site,
    key: Key,
    broker: Broker = LOCAL,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
) -> None:
    """Have nodes say these plates in clear text from now on; their owners have agreed to it."""
    for number, plate in enumerate(plates, 1):
        if is_misspelt(plain_plate(plate)):
            raise ConfigurationError(
                f"plate {number} of those named begins as a Chinese one, and none goes on like it",
                "Write it like 浙A12345 or 浙AD12345: there is no I and no O after the second character.",
            )
    _change((site, broker, ca, cert, cert_key), key, plates, lambda old, new: old | new)


def withdraw(
    plates: Plates,
    *,
    site: Site,
    key: Key,
    broker: Broker = LOCAL,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
) -> None:
    """Have these plates said as hashes again: their owners have changed their mind."""
    _change((site, broker, ca, cert, cert_key), key, plates, lambda old, new: old - new)


def show(
    *,
    site: Site,
    key: Annotated[
        Path | None, typer.Option(help="The mall's key; needed with --plate.", envvar="MALLSENSE_KEY")
    ] = None,
    plate: Annotated[
        str | None, typer.Option(help="Say whether this plate is enrolled.", show_default=False)
    ] = None,
    broker: Broker = LOCAL,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
) -> None:
    """Print the list, which is keyed hashes. Keep a copy: the broker has the only one."""
    if plate is not None and key is None:
        raise ConfigurationError(
            "--plate: expected --key FILE with it", "Hashes are made with the mall's key."
        )
    with _list(site, broker, ca, cert, cert_key) as board:
        found = board.read()
    if plate is not None and key is not None:
        enrolled = (
            found is not None and enrolled_digest(read_key_file(key), plain_plate(plate)) in found.digests
        )
        typer.echo("enrolled" if enrolled else "not enrolled")
    else:
        typer.echo(json.dumps(json.loads(encode(found)), indent=2) if found else "no plate is enrolled")


def restore(
    file: Annotated[Path, typer.Argument(help="What `list` printed.", dir_okay=False, exists=True)],
    *,
    site: Site,
    broker: Broker = LOCAL,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
) -> None:
    """Put a copy of the list back, for a broker that has lost it."""
    try:
        kept = decode(file.read_bytes(), EnrolledPlates)
    except MessageError as error:
        raise ConfigurationError(
            f"{file}: {error}", "Expected what `mallsense plates list` prints."
        ) from error
    with _list(site, broker, ca, cert, cert_key) as board:
        board.write(kept)
    typer.echo(f"{len(kept.digests)} enrolled")


def add_to(app: typer.Typer) -> None:
    """Give these commands to `mallsense plates`."""
    for name, command in (("enrol", enrol), ("withdraw", withdraw), ("list", show), ("restore", restore)):
        app.command(name)(command)


def _change(
    at: tuple[Path, str, Path | None, Path | None, Path | None],
    key: Path,
    plates: list[str],
    how: Callable[[Digests, Digests], Digests],
) -> None:
    secret = read_key_file(key)
    named = {enrolled_digest(secret, plain_plate(plate)) for plate in plates}
    with _list(*at) as board:
        found = board.read()
        held = found is not None and bool(found.digests or found.members)
        if found is not None and held and found.key != key_id(secret):
            raise ConfigurationError(
                "the list was made with another key: nodes could not read what is added to it",
                "Use the key that the nodes have. After a change of the key plates have to be enrolled anew.",
            )
        old = set(found.digests) if found else set()
        new = how(old, named)
        members = found.members if found else UNSET  # theirs is the gateway's part of the list
        board.write(EnrolledPlates(key=key_id(secret), digests=sorted(new), members=members))
    typer.echo(f"{len(new)} enrolled ({len(new) - len(old):+d})")


def _list(
    site: Path, broker: str, ca: Path | None, cert: Path | None, cert_key: Path | None
) -> AbstractContextManager[RetainedList[EnrolledPlates]]:
    address = BrokerAddress.parse(broker, ca=ca, cert=cert, cert_key=cert_key)
    return retained_list(address, Topics(read_site(site).mall.id).enrolled_plates(), EnrolledPlates)
