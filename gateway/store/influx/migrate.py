"""`mallsense store migrate`: the history of a gateway's file, copied into InfluxDB."""

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from contracts.errors import ConfigurationError
from contracts.site.read import read_site
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.migration import Migration, Tally
from gateway.store.influx.migration_kinds import KINDS, Source
from gateway.store.place import find_place


def migrate(
    file: Annotated[Path, typer.Argument(help="The file of a gateway's --store; only read.")],
    address: Annotated[
        str, typer.Argument(help="influx://HOST[:PORT]/DATABASE, influxs:// for TLS; 2.x: ?org=ORG")
    ],
    *,
    site: Annotated[Path, typer.Option(help="Site file of the mall whose history it is.")],
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--store-token-file",
            help="File with the token of the gateway, user:password for 1.x; or set MALLSENSE_STORE_TOKEN.",
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--store-ca", help="With influxs://: certificate of the server's authority."),
    ] = None,
) -> None:
    """Copy a store's file into InfluxDB: visits, paths, stays, zones, cells, nodes and positions.

    A gateway may go on writing to the file. Interrupted or made again, it sends what is not there yet.
    Ends with 1 where something is missing afterwards.
    """
    place = find_place(address, token_file=token_file, ca=ca).influx
    if place is None:
        raise ConfigurationError(
            f"{address}: not the address of an InfluxDB", "Write it like influx://127.0.0.1:8086/mall."
        )
    mall = read_site(site)
    source = Source(file)
    client = InfluxClient(place)
    try:
        now_ms = time.time_ns() // 1_000_000  # a command may tell the time
        migration = Migration(source, client, place.database, mall.mall.id, mall.retention, now_ms)
        tallies = _copy(migration)
    finally:
        client.close()
        source.close_readers()
    console = Console()
    console.print(_table(f"{file} -> {place}   mall {mall.mall.id}", tallies))
    if any(tally.expired for tally in tallies.values()):
        console.print("Rows that the site file's retention no longer keeps were not copied.")
    if missing := sum(tally.missing for tally in tallies.values()):
        console.print(
            f"[red]{missing:,} points are not counted there.[/] Run it again, and look into its log."
        )
        raise typer.Exit(1)
    console.print("Everything is there.")


def _copy(migration: Migration) -> dict[str, Tally]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        parts = {kind: migration.parts(kind) for kind in KINDS}
        tasks = {kind: bar.add_task(kind.name, total=len(parts[kind])) for kind in KINDS}
        return {
            kind.name: migration.copy(kind, parts[kind], partial(bar.advance, tasks[kind])) for kind in KINDS
        }


def _table(title: str, tallies: dict[str, Tally]) -> Table:
    table = Table("points of", title=title, title_justify="left")
    for heading in ("in file", "sent", "were there", "missing", "too old"):
        table.add_column(heading, justify="right")
    for name, tally in tallies.items():
        numbers = (tally.found, tally.sent, tally.found - tally.sent, tally.missing, tally.expired)
        table.add_row(name, *(f"{number:,}" for number in numbers))
    return table
