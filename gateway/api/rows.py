"""The tables that Grafana reads, as rows: the same names as in InfluxDB, from whatever store there is.

Each takes its tags as parameters: several values as Grafana writes them, with commas, or given several times.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query

from gateway.api import tables
from gateway.api.context import Asked, Context, Here, OnFloor, known_floor
from gateway.figures import car_park as cars
from gateway.figures import flows, footfall, heat, zones
from gateway.figures.freshness import freshness_row
from gateway.figures.nodes import node_rows
from gateway.figures.occupancy import occupancy_over, places
from gateway.figures.people import PeopleFigures
from gateway.figures.period import Period, hours_over
from gateway.figures.promotions import promotion_row
from gateway.store.records import WHOLE_CAR_PARK

router = APIRouter(prefix="/rows", tags=["rows"])

Names = Annotated[list[str] | None, Query(max_length=1_000)]


def _names(what: str, asked: Sequence[str] | None, known: Iterable[str]) -> set[str]:
    """The names asked for, by default all. Raises 404."""
    names = set(known)
    wanted = {name for text in asked or () for name in text.split(",") if name}
    if unknown := wanted - names:
        raise HTTPException(404, f"no {what} {min(unknown)!r}; there are {', '.join(sorted(names))}")
    return wanted or names


def _places(here: Context, floor: Names, zone: Names) -> tuple[set[str], set[str]]:
    """The floors and zones asked for, in the words of `places`."""
    where = places(here.site)
    floors = _names("floor", floor, (place.floor for place in where))
    return floors, _names("zone", zone, (place.zone for place in where))


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
    floors, names = _places(here, floor, zone)
    chosen = [
        p for p in places(here.site) if p.floor in floors and p.zone in names and kind in (None, p.kind)
    ]
    return occupancy_over(here.store, here.k, period, chosen, here.people)


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
def zone_hour(here: Here, period: Asked, floor: Names = None, zone: Names = None) -> list[tables.ZoneHourRow]:
    """Give every zone by the hour: visits that began in it, and their dwell."""
    floors, names = _places(here, floor, zone)
    hours = _hours(here, period)
    rows = zones.zone_hour_rows(here.store, here.site, hours, here.people) if hours else []
    return [row for row in rows if row.floor in floors and row.zone in names]


@router.get("/footfall_hour")
def footfall_hour(here: Here, period: Asked) -> list[tables.FootfallHourRow]:
    """Give the mall by the hour: people present, and who came in."""
    hours = _hours(here, period)
    return footfall.footfall_rows(here.store, here.k, hours, here.timezone, here.people) if hours else []


@router.get("/flow_hour")
def flow_hour(
    here: Here, period: Asked, floor: str | None = None, source: Names = None, target: Names = None
) -> list[tables.FlowHourRow]:
    """Give who went from which zone straight to which other: a row a pair for all hours that are over."""
    if floor is not None:
        known_floor(here, floor)
    known = [zone.id for _, zone in here.site.zones()]
    sources, targets = _names("zone", source, known), _names("zone", target, known)
    hours = _hours(here, period)
    rows = flows.flow_rows(here.store, here.site, hours, floor, here.people) if hours else []
    return [row for row in rows if row.source in sources and row.target in targets]


@router.get("/car_park")
def car_park(here: Here, period: Asked, area: Names = None) -> list[tables.CarParkRow]:
    """Give how full the car park was by the minute; nothing where there is none."""
    areas = _names("area", area, {*cars.capacities(here.site), WHOLE_CAR_PARK})
    return [row for row in cars.car_park_over(here.store, here.site, period) if row.area in areas]


@router.get("/node")
def node(here: Here, node: Names = None, floor: Names = None) -> list[tables.NodeRow]:
    """Give how every node is now."""
    nodes = _names("node", node, (one.id for one in here.site.nodes))
    floors = _names("floor", floor, (one.id for one in here.site.floors))
    rows = node_rows(here.now_ms(), here.nodes.reports(here.now_ms()))
    return [row for row in rows if row.node in nodes and row.floor in floors]


@router.get("/promotion")
def promotion(here: Here, period: Asked, zone: Names = None) -> list[tables.PromotionRow]:
    """Give the promotions that some part of the period lies in."""
    _, names = _places(here, None, zone)
    found = here.promotions.between(period.from_ms, period.to_ms)
    return [promotion_row(one) for one in found if not zone or one.zone in names]


@router.get("/freshness")
def freshness(here: Here) -> list[tables.FreshnessRow]:
    """Give how fresh all this is; no row before anything was heard."""
    newest = here.latest.newest()
    if newest is None:
        return []
    figures = PeopleFigures(here.k, here.people)
    return [freshness_row(newest[0], time.time_ns() // 1_000_000, here.outbox(), figures)]
