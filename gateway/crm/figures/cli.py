"""`mallsense crm sales`: what tills have sold, from a file to a running gateway."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from contracts.errors import ConfigurationError
from gateway.crm.cli import HERE, Url, app, ask_crm

SHOWN = 20
"""Bad rows that are printed."""

sales = typer.Typer(no_args_is_help=True, help="What tills have sold.")
app.add_typer(sales, name="sales")


@sales.callback()
def _sales() -> None:
    """Keep `import` a command of its own."""


@sales.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV with a header, or a JSON object a line", show_default=False)
    ],
    till: Annotated[
        list[str] | None, typer.Option(help="NAME:ZONE, where a till is; as often as needed")
    ] = None,
    url: Url = HERE,
) -> None:
    """Send a till's file; what was sent before stays as it is. Ends with 1 where rows could not be used.

    Columns: sale (number of the receipt), zone or till, t (ISO 8601; without a zone the mall's time),
    amount; discount, items and reference (a member's card) where there are any.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror or error}") from error
    query = [("till", one) for one in till or ()]
    report = ask_crm(url, "POST", "sales", data, kind="text/csv", query=query, timeout_s=300.0)
    out = Console(highlight=False)
    parts = ("taken", "corrected", "known", "duplicates", "refunds", "without_person")
    told = ", ".join(f"{report[part]} {part.replace('_', ' ')}" for part in parts if report[part])
    out.print(f"{report['rows']} rows: {told or 'nothing taken'}, {report['bad_rows']} bad", soft_wrap=True)
    for bad in report["bad"][:SHOWN]:
        column = f"{bad['column']}: " if bad["column"] else ""
        out.print(f"{escape(str(file))}:{bad['line']}: {escape(column + bad['problem'])}", soft_wrap=True)
    if report["bad_rows"] > SHOWN:
        out.print(f"and {report['bad_rows'] - SHOWN} more", soft_wrap=True)
    if report["bad_rows"]:
        raise typer.Exit(1)
