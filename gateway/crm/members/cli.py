"""`mallsense crm segments` and `audience`: kinds of members, and lists of who is in an audience."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.errors import ConfigurationError
from gateway.crm.cli import HERE, Url, app, ask_crm

segments = typer.Typer(help="Value tiers and kinds of members, and shops that go together.")
app.add_typer(segments, name="segments")


@segments.callback(invoke_without_command=True)
def show(context: typer.Context, *, url: Url = HERE) -> None:
    """Show tiers and clusters, as of the last fit."""
    if context.invoked_subcommand is None:
        _print(ask_crm(url, "GET", "segments"))


@segments.command()
def fit(*, url: Url = HERE) -> None:
    """Fit them to what members have done by now, and show them; it happens once a day by itself."""
    _print(ask_crm(url, "POST", "segments/fit", timeout_s=600.0))


@segments.command()
def rules(*, url: Url = HERE) -> None:
    """Show the shops that go together."""
    found = ask_crm(url, "GET", "rules")["rules"]
    table = _table("who has", "has, too", "times as often", "of those", "of all", "by")
    for one in found:
        table.add_row(
            ", ".join(one["antecedent"]), ", ".join(one["consequent"]), f"{one['lift']:.1f}",
            f"{one['confidence']:.0%}", f"{one['support']:.1%}", one["basket"],
        )  # fmt: skip
    Console(highlight=False).print(
        table
        if found
        else "none: nothing was fitted yet, or no two shops go together more often than by chance"
    )


@app.command()
def audience(
    audience: Annotated[str | None, typer.Argument(help="Its id; without, all are shown.")] = None,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write the list to this file, for its owner alone; else show it.")
    ] = None,
    url: Url = HERE,
) -> None:
    """Give the references of who is in an audience at this moment, as CSV; or show all audiences."""
    if audience is None:
        _audiences(ask_crm(url, "GET", "audiences")["audiences"])
        return
    found = ask_crm(url, "GET", f"audiences/{audience}.csv", timeout_s=600.0)
    if out is None:
        typer.echo(found, nl=False)
        return
    try:
        out.touch(mode=0o600)
        out.write_text(found, encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigurationError(f"cannot write {out}: {error.strerror}") from error
    typer.echo(f"wrote {out}: {len(found.splitlines()) - 1} members")


def _print(found: dict[str, Any]) -> None:
    console = Console(highlight=False)
    if found["fitted_ms"] is None:
        console.print("never fitted; mallsense crm segments fit")
        return
    table = _table("id", "members", "share", "stability", "name")
    for one in [*found["tiers"], *found["clusters"]]:
        hidden = one["members"] is None
        stability = "" if one["stability"] is None else f"{one['stability']:.2f}"
        table.add_row(
            one["id"], "< k" if hidden else str(one["members"]), "" if hidden else f"{one['share']:.0%}",
            stability, f"{escape(one['name']['en'])}: {escape(one['description']['en'])}",
        )  # fmt: skip
    console.print(table)
    if not found["tiers"]:
        console.print("no tiers: too few members have bought anything with their card")
    if not found["clusters"]:
        console.print("no clusters: too few members are seen often, or nothing about them stands out")


def _audiences(found: list[dict[str, Any]]) -> None:
    table = _table("id", "members", "name")
    for one in found:
        table.add_row(
            one["id"], "< k" if one["members"] is None else str(one["members"]), escape(one["name"])
        )
    Console(highlight=False).print(table if found else "no audiences; POST /api/v1/crm/audiences makes one")


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=heading != "name")
    return table
