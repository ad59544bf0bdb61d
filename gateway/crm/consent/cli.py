"""`mallsense crm consent`, `export` and `erase`: what members agree to, what is held of them, and erasure."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from contracts.crm import Purpose
from contracts.errors import ConfigurationError
from gateway.crm.cli import HERE, Url, app, ask_crm

PAGE = 1000

consent = typer.Typer(no_args_is_help=True, help="Who agreed to what: give, withdraw and list.")
app.add_typer(consent, name="consent")

Reference = Annotated[str, typer.Argument(help="What the CRM calls the member, as in m-004711.")]
Purposes = Annotated[list[Purpose], typer.Argument(help="What for; several may be given.")]
Text = Annotated[str, typer.Option(help="Version of the text that the member saw, as in 2026-03.")]
Channel = Annotated[str, typer.Option(help="Where it was said, as in app, form or 'till 4'.")]
At = Annotated[
    str | None, typer.Option(help="When, in ISO 8601, as in 2026-03-01T10:00+08:00; without, now.")
]


@consent.command()
def give(
    reference: Reference,
    purposes: Purposes,
    *,
    text: Text,
    channel: Channel,
    at: At = None,
    url: Url = HERE,
) -> None:
    """Write down that a member agrees."""
    _say(url, reference, purposes, given=True, text=text, channel=channel, at=at)


@consent.command()
def withdraw(
    reference: Reference,
    purposes: Purposes,
    *,
    text: Text = "-",
    channel: Channel,
    at: At = None,
    url: Url = HERE,
) -> None:
    """Write down that a member agrees no more, and delete all that was kept for it."""
    _say(url, reference, purposes, given=False, text=text, channel=channel, at=at)


@consent.command(name="list")
def show(
    reference: Annotated[str | None, typer.Argument(help="Only of this member.")] = None, *, url: Url = HERE
) -> None:
    """Show the ledger, oldest first; times are UTC."""
    table = Table(box=None, header_style="bold")
    for heading in ("entry", "member", "purpose", "said", "when", "text", "channel"):
        table.add_column(heading, no_wrap=heading != "text")
    rows = _of(url, reference) if reference else _ledger(url)
    for one in rows:
        when = datetime.fromtimestamp(one["t_ms"] / 1000, UTC)
        said = "agrees" if one["given"] else "withdraws"
        table.add_row(
            str(one["entry"]), one["reference"], one["purpose"], said, f"{when:%Y-%m-%d %H:%M}", one["text"],
            one["channel"],
        )  # fmt: skip
    if not table.row_count:
        typer.echo("nobody has said anything; mallsense crm consent give --help")
        return
    Console(highlight=False).print(table)


@app.command()
def export(
    reference: Reference,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write it to this file, for its owner alone; without, show it.")
    ] = None,
    url: Url = HERE,
) -> None:
    """Give everything held about a member, as JSON."""
    found = ask_crm(url, "GET", f"members/{reference}/export", timeout_s=600.0)
    document = json.dumps(found, indent=1, ensure_ascii=False)
    if out is None:
        typer.echo(document)
        return
    try:
        out.touch(mode=0o600)
        out.write_text(document + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write {out}: {error.strerror}") from error
    typer.echo(f"wrote {out}")


@app.command()
def erase(
    reference: Reference,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = HERE,
) -> None:
    """Delete everything of a member, from every table and from the history. It cannot be undone."""
    if not yes:
        typer.confirm(f"Erase {reference} for good, with the visits that were linked?", abort=True)
    done = ask_crm(url, "DELETE", f"members/{reference}", timeout_s=600.0)
    typer.echo(f"erased {reference}: {_counts(done['deleted'])}")
    if done["again"]:
        typer.echo(
            "A phone of the member is in the mall, or the history's server has the rest: the gateway goes on"
            " erasing by itself until nothing is left."
        )


def _say(
    url: str,
    reference: str,
    purposes: list[Purpose],
    *,
    given: bool,
    text: str,
    channel: str,
    at: str | None,
) -> None:
    body: dict[str, Any] = {"reference": reference, "given": given, "text": text, "channel": channel}
    if at is not None:
        body["t_ms"] = _moment(at)
    for purpose in purposes:
        done = ask_crm(url, "POST", "consents", body | {"purpose": purpose}, timeout_s=600.0)
        what = f"entry {done['entry']}   {purpose}   {'agrees' if given else 'withdraws'}"
        was = "" if done["new"] else "   (said before)"
        gone = f"   deleted: {_counts(done['deleted'])}" if done["deleted"] else ""
        typer.echo(f"{what}{was}{gone}")
        if not given and done["new"] and not any(done["deleted"].values()):
            typer.echo(
                f"Nothing was kept of {reference} for it: check how the reference is written.", err=True
            )


def _ledger(url: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = ask_crm(url, "GET", "consents", query=[("after", str(after)), ("limit", str(PAGE))])
        rows += page["consents"]
        after = page["next"]
    return rows


def _of(url: str, reference: str) -> list[dict[str, Any]]:
    entries = ask_crm(url, "GET", f"members/{reference}")["consent_entries"]
    return [one | {"reference": reference} for one in entries]


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} of {table}" for table, count in sorted(rows.items()) if count) or "nothing"


def _moment(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"--at: expected a moment, found {text!r}", "Write it like 2026-03-01T10:00+08:00."
        ) from error
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
