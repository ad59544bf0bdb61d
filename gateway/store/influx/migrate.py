"""`mallsense store migrate`: the history of a gateway's file, copied into InfluxDB."""

import time
from functools import partial

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from contracts.site.read import read_site
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.migration import Migration, Tally
from gateway.store.influx.migration_kinds import KINDS, Source
from gateway.store.influx.options import Address, Ca, File, OneSite, TokenFile, gateways_login


def migrate(
    file: File,
    address: Address,
    *,
    site: OneSite,
    token_file: TokenFile = None,
    ca: Ca = None,
) -> None:
    """Copy a store's file into InfluxDB: visits, paths, stays, zones, cells, nodes and positions.

    A gateway may go on writing to the file. Interrupted or made again, it sends what is not there yet.
    Ends with 1 where something is missing afterwards.
    """
    place = gateways_login(address, token_file, ca)
    mall = read_site(site)
    source = Source(file)
    source.check_mall(mall)
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
