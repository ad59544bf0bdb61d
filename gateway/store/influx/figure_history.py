"""`mallsense store figures`: the figures that people may see, made of a history that was there before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import track

from contracts.site.read import read_site
from gateway.api.tables import Row
from gateway.engine.setup import zone_map
from gateway.figures.car_park import car_park_over
from gateway.figures.occupancy import occupancy_over, places
from gateway.figures.period import HOUR_MS, Period, hour_of, hours_over
from gateway.figures.promotions import promotion_row
from gateway.people import MallPeople, read_people
from gateway.store import outbox
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.figure_hours import hour_rows
from gateway.store.influx.figures import FigureSettings
from gateway.store.influx.migration_kinds import Source
from gateway.store.influx.options import Address, Ca, File, OneSite, TokenFile, gateways_login
from gateway.store.promotions import Promotions
from gateway.store.records import MINUTE_MS, WHOLE_MALL, CellGrid

DAY_MS = 24 * HOUR_MS


def figures(
    file: File,
    address: Address,
    *,
    site: OneSite,
    people: Annotated[Path | None, typer.Option(help="As given to the gateway.")] = None,
    token_file: TokenFile = None,
    ca: Ca = None,
) -> None:
    """Make the figures that Grafana reads of the history in a gateway's file, hour by hour.

    For a mall that comes from the embedded store, after 'mallsense store migrate'; a gateway may go on
    meanwhile. Made again, it leaves the same points.
    """
    place = gateways_login(address, token_file, ca)
    store = Source(file)
    mall = read_site(site)
    store.check_mall(mall)
    grid = zone_map(mall).heat_grid
    settings = FigureSettings.of(
        mall,
        CellGrid(grid.cell_m, grid.x0_m, grid.y0_m, grid.nx, grid.ny),
        read_people(people) if people else MallPeople.assumed(),
        place.figures,
    )
    client, points = InfluxClient(place), 0
    try:
        for hour_ms in track(
            hours_in(store, settings), "making figures", console=Console(stderr=True), transient=True
        ):
            points += _send(client, settings, rows_of_hour(store, settings, hour_ms))
        points += _send(client, settings, rows_of_last_minutes(store, settings))
        points += _send(client, settings, promotion_rows(file))
    finally:
        client.close()
        store.close_readers()
    typer.echo(f"{points:,} points of figures written to {place} ({place.figures})")


def hours_in(store: Source, settings: FigureSettings) -> list[int]:
    """The mall's hours that are over and that something is known of."""
    newest_ms = store.newest_ms()
    if newest_ms is None:
        return []
    timezone = ZoneInfo(settings.site.mall.timezone)
    kept = Period(max(0, newest_ms - settings.site.retention.rollups_d * DAY_MS), newest_ms)
    whole = hours_over(kept, newest_ms, timezone)
    if whole is None:
        return []
    known = store.zone_minutes(whole.from_ms, whole.to_ms, HOUR_MS, [WHOLE_MALL])
    hours = [hour_of(row.minute_ms, timezone) for row in known]
    if hours and not _is_whole(store, hours[-1]):
        hours.pop()  # the gateway has gone on elsewhere, and makes this hour's figures itself
    return hours


def _is_whole(store: Source, hour_ms: int) -> bool:
    last_ms = hour_ms + HOUR_MS - MINUTE_MS
    return bool(store.zone_minutes(last_ms, last_ms + MINUTE_MS, MINUTE_MS, [WHOLE_MALL]))


def rows_of_hour(store: Source, settings: FigureSettings, hour_ms: int) -> Iterator[Row]:
    """The figures of an hour and of its minutes, without those that its visits are no longer there for."""
    site, hour = settings.site, Period(hour_ms, hour_ms + HOUR_MS)
    visits_since_ms = (store.newest_ms() or 0) - site.retention.visits_d * DAY_MS
    for row in hour_rows(store, settings, hour_ms):
        if hour_ms >= visits_since_ms or row.table not in ("zone_hour", "flow_hour"):
            yield row
    yield from _minutes(store, settings, hour)


def rows_of_last_minutes(store: Source, settings: FigureSettings) -> Iterator[Row]:
    """The figures of the minutes after the last hour that is whole.

    A gateway that has gone on elsewhere makes that hour's figures itself, but not those of minutes before.
    """
    newest_ms = store.newest_ms() or 0
    kept_ms = max(0, newest_ms - settings.site.retention.rollups_d * DAY_MS)
    steps = store.zone_minutes(kept_ms, newest_ms, HOUR_MS, [WHOLE_MALL])
    if not steps:
        return
    from_ms = hour_of(steps[-1].minute_ms, ZoneInfo(settings.site.mall.timezone))
    last = store.zone_minutes(from_ms, newest_ms, MINUTE_MS, [WHOLE_MALL])[-1]
    yield from _minutes(store, settings, Period(from_ms, last.minute_ms + MINUTE_MS))


def _minutes(store: Source, settings: FigureSettings, period: Period) -> Iterator[Row]:
    site = settings.site
    yield from occupancy_over(store, site.privacy.k, period, places(site), settings.people)
    yield from car_park_over(store, site, period)


def promotion_rows(file: Path) -> list[Row]:
    """All promotions in a store's file."""
    promotions = Promotions(file)
    try:
        return [promotion_row(one) for one in promotions.between(0, 9_000_000_000_000)]
    finally:
        promotions.close()


def _send(client: InfluxClient, settings: FigureSettings, rows: Iterator[Row] | list[Row]) -> int:
    sent = 0
    for destination, lines in settings.points.of(rows):
        for body in outbox.bodies(lines):
            client.write(*destination, body.data)
        sent += len(lines)
    return sent
