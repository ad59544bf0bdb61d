"""The car park: how full it is, and was; counts that somebody made."""

from collections import defaultdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException

from contracts.control import CarParkCount
from contracts.site import CarPark, CarParkArea, Name
from gateway.api import schemas
from gateway.api import schemas_car_park as own
from gateway.api.context import Asked, Attendant, Context, Here
from gateway.figures import car_park_day
from gateway.parking.fullness import Fullness
from gateway.parking.report import AreaNow, ParkingTick

ALL = Name(en="Car park", zh="停车场")

REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "the mall has no car park, or no such area"}
}
NOT_YET: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.Problem, "description": "nothing has been heard yet"}
}

router = APIRouter(prefix="/car-park", tags=["car park"], responses=REFUSED)


def plan_of(here: Here) -> CarPark:
    """Return the car park of the mall. Raises 404."""
    if here.site.car_park is None:
        raise HTTPException(404, "this mall has no car park; its site file describes one under car_park")
    return here.site.car_park


def attendant_of(here: Here) -> Attendant:
    """Return who changes something in the car park. Raises 404."""
    if here.attendant is None:
        raise HTTPException(404, "this mall has no car park")
    return here.attendant


Plan = Annotated[CarPark, Depends(plan_of)]
With = Annotated[Attendant, Depends(attendant_of)]


def now_of(here: Context) -> ParkingTick:
    """Return the newest tick of the car park. Raises 503."""
    newest = here.latest.newest()
    if newest is None or newest[0].parking is None:
        raise HTTPException(503, "nothing has been heard yet", {"Retry-After": "1"})
    return newest[0].parking


@router.get("", responses=NOT_YET)
def car_park(here: Here, plan: Plan) -> own.CarParkAnswer:
    """Give how full the car park is now, and whether it gets full."""
    now = now_of(here)
    ahead = now.forecast
    return own.CarParkAnswer(
        t_ms=now.t_ms,
        whole=_area(now.whole, ALL),
        areas=[_area(area, known.name) for area, known in zip(now.areas, plan.areas, strict=True)],
        levels=_levels(plan, now),
        forecast=own.ForecastAnswer(
            within_30=round(ahead.within_30, 3), within_60=round(ahead.within_60, 3), minutes=ahead.minutes
        ),
    )


@router.get("/timeline")
def timeline(here: Here, plan: Plan, period: Asked, area: str | None = None) -> own.CarParkTimeline:
    """Give how full an area, or all of it, was in a period."""
    _known(plan, area)
    return car_park_day.timeline(here.store, plan, period, area)


@router.get("/stays")
def stays(here: Here, plan: Plan, period: Asked) -> own.StayFigures:
    """Give how many cars came in a period, and how long they stayed."""
    return car_park_day.stays(here.store, plan, period, here.k)


@router.post("/count", responses=NOT_YET)
def count(here: Here, plan: Plan, attendant: With, counted: own.CountRequest) -> own.CountAnswer:
    """Say how many cars there are: what is known of single cars is weighed anew by it."""
    area = _known(plan, counted.area)
    most = plan.capacity if area is None else area.capacity
    if counted.cars > 2 * most:
        raise HTTPException(422, f"{counted.cars} cars are more than twice the {most} spaces there are")
    t_ms = now_of(here).t_ms
    attendant.count(CarParkCount(t_ms=t_ms, cars=counted.cars, area=counted.area))
    return own.CountAnswer(t_ms=t_ms)


def _known(plan: CarPark, area: str | None) -> CarParkArea | None:
    if area is None:
        return None
    for known in plan.areas:
        if known.id == area:
            return known
    raise HTTPException(404, f"no area {area!r}; there are {', '.join(each.id for each in plan.areas)}")


def _area(now: AreaNow, name: Name) -> own.AreaAnswer:
    low, high = now.bounds
    return own.AreaAnswer(
        id=now.area, name=name, capacity=now.capacity, cars=round(now.cars), low=low, high=high,
        free=now.free, full=Fullness.room(now) <= 0, queue=now.queue,
    )  # fmt: skip


def _levels(plan: CarPark, now: ParkingTick) -> list[own.AreaAnswer]:
    """Add up the areas of levels that have several."""
    of_level: defaultdict[str, list[AreaNow]] = defaultdict(list)
    for known, area in zip(plan.areas, now.areas, strict=True):
        if known.level:
            of_level[known.level].append(area)
    return [
        _area(
            AreaNow(
                level, sum(a.capacity for a in areas), sum(a.cars for a in areas),
                sum(a.variance for a in areas), sum(a.queue for a in areas),
            ),
            Name(en=level, zh=level),
        )
        for level, areas in of_level.items()
        if len(areas) > 1
    ]  # fmt: skip
