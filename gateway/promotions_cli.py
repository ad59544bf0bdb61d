"""`mallsense promotions`: write down what was on, so that every chart marks it."""

import os
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from contracts.errors import ConfigurationError
from gateway.asking import ask

app = typer.Typer(no_args_is_help=True, help="Promotions that charts mark: add, list and remove them.")

Url = Annotated[str, typer.Option(help="A gateway's address; MALLSENSE_TOKEN is sent to it.")]
HERE = "http://127.0.0.1:8000"


@app.command()
def add(
    title: Annotated[str, typer.Argument(help="What to call it, as in 'Spring sale'.")],
    *,
    start: Annotated[
        str, typer.Option("--from", help="2026-11-11 or '2026-11-11 10:00', in the mall's time.")
    ],
    end: Annotated[str, typer.Option("--until", help="The same; a day alone means to its end.")],
    zh: Annotated[str | None, typer.Option(help="Its title in Chinese; without, the same as TITLE.")] = None,
    zone: Annotated[str | None, typer.Option(help="Only in this zone; without, in the whole mall.")] = None,
    url: Url = HERE,
) -> None:
    """Write a promotion down."""
    clock = _clock(url)
    start_ms, end_ms = moment(start, clock, "--from"), moment(end, clock, "--until", to_end_of_day=True)
    if end_ms <= start_ms:
        raise ConfigurationError(f"--until {end} is not after --from {start}")
    wanted = {
        "zone": zone,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "title": {"en": title, "zh": zh or title},
    }
    made = _ask(url, "POST", "promotions", wanted)
    period = " to ".join(_local(made[key], clock) for key in ("start_ms", "end_ms"))
    typer.echo(f"added {made['id']}   {period}   {made['zone'] or 'whole mall'}   {title}")


@app.command(name="list")
def show(url: Url = HERE) -> None:
    """Show all promotions; times are the mall's."""
    clock = _clock(url)
    found = _ask(url, "GET", "promotions")
    if not found:
        typer.echo("no promotions; add one with: mallsense promotions add TITLE --from DAY --until DAY")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("id", "from", "until", "where"):
        table.add_column(heading, no_wrap=True)
    for heading in ("title", "中文"):
        table.add_column(heading)
    for one in found:
        start, end = _local(one["start_ms"], clock), _local(one["end_ms"], clock)
        title = one["title"]
        table.add_row(one["id"], start, end, one["zone"] or "whole mall", title["en"], title["zh"])
    Console(highlight=False).print(table)


@app.command()
def remove(
    promotion: Annotated[str, typer.Argument(help="Its id, as 'list' shows it.")], url: Url = HERE
) -> None:
    """Take a promotion back."""
    _ask(url, "DELETE", f"promotions/{promotion}")
    typer.echo(f"removed {promotion}")


def moment(text: str, clock: ZoneInfo, option: str, *, to_end_of_day: bool = False) -> int:
    """Return the epoch milliseconds of a day or a minute of the mall's clock.

    Raises `ConfigurationError` for anything else.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigurationError(
            f"{option}: expected a day or a time, found {text!r}",
            "Write it like 2026-11-11 or '2026-11-11 10:00'.",
        ) from error
    if to_end_of_day and len(text.strip()) <= len("2026-11-11"):
        found += timedelta(days=1)
    return round((found if found.tzinfo else found.replace(tzinfo=clock)).timestamp() * 1000)


def _ask(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return ask(url, os.environ.get("MALLSENSE_TOKEN"), method, path, body)


def _clock(url: str) -> ZoneInfo:
    return ZoneInfo(_ask(url, "GET", "site")["mall"]["timezone"])


def _local(t_ms: int, clock: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(t_ms / 1000, clock):%Y-%m-%d %H:%M}"
