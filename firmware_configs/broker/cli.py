"""`mallsense broker`: the broker's folder, and the certificates that nodes and others log in with."""

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from contracts.errors import ConfigurationError
from contracts.site.read import read_site
from firmware_configs.broker.access import client_names
from firmware_configs.broker.authority import Authority
from firmware_configs.broker.certificates import RENEW_BEFORE
from firmware_configs.broker.mosquitto import INSTALLED, broker_of
from firmware_configs.broker.register import Entry
from firmware_configs.broker.render import render_broker

app = typer.Typer(
    help="Set up the mall's broker: TLS, who may do what, certificates.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_SITE = typer.Option("--site", help="The mall's site file, with a broker section.", show_default=False)
_AUTHORITY = typer.Option(
    "--authority", help="Folder of the mall's authority: keep it safe.", show_default=False
)

SiteFile = Annotated[Path, _SITE]
AuthorityFolder = Annotated[Path, _AUTHORITY]


@app.command()
def render(
    site: SiteFile,
    authority: AuthorityFolder,
    *,
    out: Annotated[Path, typer.Option(help="Folder to write; copy it to the broker.", show_default=False)],
    installed: Annotated[str, typer.Option(help="Where it will lie on the broker.")] = str(INSTALLED),
) -> None:
    """Write what mosquitto runs with: configuration, access list, certificates, revocations.

    The mall's authority is made where there is none yet.
    """
    mall, now = read_site(site), datetime.now(UTC)
    broker_of(mall)  # before anything is written
    ours = Authority.open_or_create(authority, mall=mall.mall.id, now=now)
    written = render_broker(mall, ours, out, now=now, installed=PurePosixPath(installed))
    for path in written:
        typer.echo(path)


@app.command()
def certificate(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Nodes, readers, gateway, operator; none = all of the site file.", show_default=False
        ),
    ] = None,
    *,
    site: SiteFile,
    authority: AuthorityFolder,
    renew: Annotated[
        bool, typer.Option("--renew", help="New ones, also where the old ones are good.")
    ] = False,
) -> None:
    """Issue certificates into the authority's folder; those that are good for long are left alone."""
    mall, now = read_site(site), datetime.now(UTC)
    allowed = client_names(mall)
    if strangers := sorted(set(names or ()) - set(allowed)):
        raise ConfigurationError(
            f"{site}: knows no {', '.join(strangers)}",
            f"It has {', '.join(allowed)}; add nodes and readers there.",
        )
    ours = Authority.open_or_create(authority, mall=mall.mall.id, now=now)
    for name in names or allowed:
        issued = ours.client(name, now=now, renew=renew)
        ends = issued.certificate.not_valid_after_utc
        typer.echo(f"{ours.folder / 'issued' / name}.crt, .key   until {ends:%Y-%m-%d}")


@app.command()
def revoke(name: Annotated[str, typer.Argument(show_default=False)], *, authority: AuthorityFolder) -> None:
    """Take a node's certificates back: it was stolen, sold, or lost."""
    count = Authority.open(authority).revoke(name, now=datetime.now(UTC))
    typer.echo(
        f"{count} of {name} revoked. It counts when the broker has it: render, copy, restart mosquitto."
    )


@app.command("list")
def list_certificates(*, authority: AuthorityFolder) -> None:
    """Show what was issued, until when it is good, and what was revoked."""
    now = datetime.now(UTC)
    table = Table("name", "for", "until", "", Column("serial", overflow="fold"))
    for entry in Authority.open(authority).entries:
        table.add_row(entry.name, entry.use, f"{entry.ends:%Y-%m-%d}", _state(entry, now), entry.serial)
    Console().print(table)


def _state(entry: Entry, now: datetime) -> str:
    if entry.revoked is not None:
        return f"revoked {entry.revoked:%Y-%m-%d}"
    if entry.ends <= now:
        return "ended"
    if entry.ends - now <= RENEW_BEFORE:
        return f"ends in {(entry.ends - now).days} days: issue a new one"
    return "good"
