"""The tables that Grafana reads, as rows: the same names as in InfluxDB, from whatever store there is."""

import time
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query

from gateway.api import tables
from gateway.api.context import Asked, Context, Here, OnFloor, known_floor
from gateway.figures import flows, footfall, heat, zones
from gateway.figures.freshness import freshness_row
from gateway.figures.nodes import node_rows
from gateway.figures.occupancy import Place, occupancy_over, places
from gateway.figures.people import PeopleFigures
from gateway.figures.period import Period, hours_over
from gateway.figures.promotions import promotion_row

router = APIRouter(prefix="/rows", tags=["rows"])

Names = Annotated[list[str] | None, Query(max_length=1_000)]
"""Given several times, or once with commas, as Grafana writes a variable of several values."""


def _hours(here: Context, period: Period) -> Period | None:
    return hours_over(period, here.store.newest_ms(), here.timezone)


@router.get("/occupancy")
def occupancy(
    here: Here,
    period: Asked,
    floor: Names = None,
    zone: Names = None,
    kind: Literal["zone", "floor", "mall"] | None = None,
) -> list[tables.OccupancyRow]:
    """Give the people in every zone, on every floor and in the mall by the minute, or in longer steps."""
    where = places(here.site)
    floors, names = _chosen(where, "floor", floor), _chosen(where, "zone", zone)
    chosen = [p for p in where if p.floor in floors and p.zone in names and kind in (None, p.kind)]
    return occupancy_over(here.store, here.k, period, chosen, here.people)


def _chosen(where: Sequence[Place], what: Literal["floor", "zone"], asked: Sequence[str] | None) -> set[str]:
    known = {getattr(place, what) for place in where}
    wanted = {name for text in asked or () for name in text.split(",")}
    if unknown := wanted - known:
        raise HTTPException(404, f"no {what} {min(unknown)!r}; there are {', '.join(sorted(known))}")
    return wanted or known


@router.get("/cell")
def cell(here: Here, floor: OnFloor) -> list[tables.CellRow]:
    """Give where on a floor people were in the last minute that is over."""
    return heat.last_minute_rows(here.store, floor, here.k, here.blocks, here.people)


@router.get("/cell_hour")
def cell_hour(here: Here, period: Asked, floor: OnFloor) -> list[tables.CellHourRow]:
    """Give where on a floor people spent their time: a row a cell for all hours that are over."""
    hours = _hours(here, period)
    return heat.heat_rows(here.store, floor, here.k, hours, here.blocks, here.people) if hours else []


@router.get("/zone_hour")
def zone_hour(here: Here, period: Asked) -> list[tables.ZoneHourRow]:
    """Give every zone by the hour: visits that began in it, and their dwell."""
    hours = _hours(here, period)
    return zones.zone_hour_rows(here.store, here.site, hours, here.people) if hours else []


@router.get("/footfall_hour")
def footfall_hour(here: Here, period: Asked) -> list[tables.FootfallHourRow]:
    """Give the mall by the hour: people present, and who came in."""
    hours = _hours(here, period)
    return footfall.footfall_rows(here.store, here.k, hours, here.timezone, here.people) if hours else []


@router.get("/flow_hour")
def flow_hour(here: Here, period: Asked, floor: str | None = None) -> list[tables.FlowHourRow]:
    """Give who went from which zone straight to which other: one row a pair for all hours that are over."""
    if floor is not None:
        known_floor(here, floor)
    hours = _hours(here, period)
    return flows.flow_rows(here.store, here.site, hours, floor, here.people) if hours else []


@router.get("/node")
def node(here: Here) -> list[tables.NodeRow]:
    """Give how every node is now."""
    return node_rows(here.now_ms(), here.nodes.reports(here.now_ms()))


@router.get("/promotion")
def promotion(here: Here, period: Asked) -> list[tables.PromotionRow]:
    """Give the promotions that some part of the period lies in."""
    return [promotion_row(one) for one in here.promotions.between(period.from_ms, period.to_ms)]


@router.get("/freshness")
def freshness(here: Here) -> list[tables.FreshnessRow]:
    """Give how fresh all this is; no row before anything was heard."""
    newest = here.latest.newest()
    if newest is None:
        return []
    figures = PeopleFigures(here.k, here.people)
    return [freshness_row(newest[0], time.time_ns() // 1_000_000, here.outbox(), figures)]
