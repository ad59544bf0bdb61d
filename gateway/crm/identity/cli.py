"""`mallsense crm import|conflicts|end|merge|unmerge`: by what members are recognised."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from contracts.errors import ConfigurationError
from gateway.crm.cli import HERE, Url, app, ask_crm

TIMEOUT_S = 120.0
"""The largest import takes some ten seconds on a small machine."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or a JSON object a line.", dir_okay=False)],
    *,
    url: Url = HERE,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="The mall has a new key: what was made with the old one ends.")
    ] = False,
) -> None:
    """Take in members' identifiers; the same file again changes nothing.

    Columns: reference, kind (member, wifi, plate, app, phone), and digest with key, as `mallsense members
    digest` writes them for wifi and plate, or value; evidence, confidence and t_ms where there are any.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from error
    query = (("new_key", "true"),) if new_key else ()
    report = ask_crm(
        url, "POST", "imports/identifiers", data, kind="text/csv", query=query, timeout_s=TIMEOUT_S
    )
    _show(report, file)
    if report["bad_rows"]:
        raise typer.Exit(1)


def _show(report: dict[str, Any], file: Path) -> None:
    typer.echo(
        f"{report['rows']} rows: {report['taken']} taken, {report['known']} known,"
        f" {report['duplicates']} twice in the file, {report['no_consent']} without consent,"
        f" {report['bad_rows']} bad"
    )
    for bad in report["bad"]:
        typer.echo(f"{file}:{bad['line']}: {bad['column'] or 'the row'}: {bad['problem']}")
    if len(report["bad"]) < report["bad_rows"]:
        typer.echo(f"... and {report['bad_rows'] - len(report['bad'])} more")
    if report["no_consent"]:
        typer.echo("Without consent: people who are not known, or have not agreed; nothing of them is kept.")
    if report["conflicts"]:
        typer.echo(
            f"Nobody is matched by what two members have about equally: {report['conflicts']} identifiers;"
            " `mallsense crm conflicts` lists them."
        )


@app.command()
def conflicts(*, url: Url = HERE) -> None:
    """List identifiers that two members have about equally: nobody is matched by them."""
    found = ask_crm(url, "GET", "conflicts")["conflicts"]
    if not found:
        typer.echo("no conflicts")
        return
    table = Table("identifier", "member", "probability", "evidence", "claims")
    for one in found:
        for number, member in enumerate(one["members"]):
            claims = [row for row in one["claims"] if row["reference"] == member["reference"]]
            table.add_row(
                f"{one['kind']} {one['digest'][:8]}" if not number else "", member["reference"],
                f"{member['probability']:.0%}", ", ".join(member["evidence"]),
                ", ".join(str(row["claim"]) for row in claims),
            )  # fmt: skip
    Console().print(table)
    for way in found[0]["solve"]:
        typer.echo(way)


@app.command()
def end(
    claim: Annotated[int, typer.Argument(help="The number of the claim.", show_default=False)],
    *,
    why: Annotated[str, typer.Option(help="Kept with it.")] = "ended by hand",
    url: Url = HERE,
) -> None:
    """Say that an identifier is not, or no longer, a member's."""
    ask_crm(url, "DELETE", f"identifiers/{claim}", query=(("why", why),))
    typer.echo(f"claim {claim} has ended")


@app.command()
def merge(
    reference: Annotated[str, typer.Argument(help="This reference, and ...", show_default=False)],
    into: Annotated[str, typer.Argument(help="... the one as which the person goes on.", show_default=False)],
    *,
    evidence: Annotated[str, typer.Option(help="What it rests on, in a word: form, login.")],
    url: Url = HERE,
) -> None:
    """Say that two references are one person."""
    body = {"reference": reference, "into": into, "evidence": evidence}
    made = ask_crm(url, "POST", "merges", body)
    typer.echo(f"merge {made['merge']}: `mallsense crm unmerge {made['merge']}` takes it back")


@app.command()
def unmerge(
    merge: Annotated[int, typer.Argument(help="The number of the merge.", show_default=False)],
    *,
    why: Annotated[str, typer.Option(help="Kept with it.")] = "undone by hand",
    url: Url = HERE,
) -> None:
    """Take a merge back: everything is again as without it."""
    ask_crm(url, "DELETE", f"merges/{merge}", query=(("why", why),))
    typer.echo(f"merge {merge} is undone")
