"""What the store remembers: moments, periods, events."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from gateway.api import schemas
from gateway.api.context import MAX_MS, Asked, Here, OnFloor, known_floor
from gateway.figures import flows as flow_figures
from gateway.figures import footfall as footfall_figures
from gateway.figures import heat as heat_figures
from gateway.figures import zones as zone_figures
from gateway.frames import event_row

router = APIRouter(tags=["past"])


@router.get("/frame")
def frame(here: Here, floor: OnFloor, t_ms: Annotated[int, Query(ge=0, le=MAX_MS)]) -> schemas.Frame:
    """Give the mall at a moment in the past, as `GET /live` gives it now."""
    return here.frames.past(here.store, t_ms, floor)


@router.get("/timeline")
def timeline(here: Here, period: Asked) -> schemas.Timeline:
    """Give how many people were present, in steps."""
    return footfall_figures.timeline(here.store, here.k, period, here.people)


@router.get("/heat")
def heat(here: Here, period: Asked, floor: OnFloor) -> schemas.Heat:
    """Give where on a floor people spent their time; values are device-minutes."""
    return heat_figures.heat(here.store, floor, here.k, period, here.grid, here.people)


@router.get("/zones")
def zones(here: Here, period: Asked) -> list[schemas.ZoneFigures]:
    """Give visits and dwell of every zone."""
    return zone_figures.zone_figures(here.store, here.site, period, here.people)


@router.get("/zones/{zone}/hours")
def zone_hours(here: Here, period: Asked, zone: str) -> list[schemas.ZoneHour]:
    """Give one zone by the hour."""
    if zone not in {known.id for _, known in here.site.zones()}:
        raise HTTPException(404, f"no zone {zone!r}")
    return zone_figures.zone_hours(here.store, zone, here.k, period, here.timezone, here.people)


@router.get("/footfall")
def footfall(here: Here, period: Asked) -> list[schemas.FootfallHour]:
    """Give the mall by the hour."""
    return footfall_figures.footfall(here.store, here.k, period, here.timezone, here.people)


@router.get("/flows")
def flows(here: Here, period: Asked, floor: str | None = None) -> schemas.Flows:
    """Give who went from which zone straight to which other."""
    if floor is not None:
        known_floor(here, floor)
    return flow_figures.flows(here.store, here.site, period, floor, here.people)


@router.get("/events")
def events(
    here: Here,
    after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> schemas.EventPage:
    """Give events after a cursor, oldest first; without a cursor, the newest ones."""
    found = here.store.events(after, limit)
    return schemas.EventPage(
        events=[event_row(e) for e in found], next=found[-1].cursor if found else after or 0
    )
