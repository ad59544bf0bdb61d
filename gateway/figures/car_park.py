"""How full the car park is, as rows."""

from collections.abc import Iterable

from contracts.site import Site
from gateway.api.tables import CarParkRow
from gateway.figures.period import Period
from gateway.parking.report import AreaNow
from gateway.store.base import History
from gateway.store.records import WHOLE_CAR_PARK, CarParkMinute


def capacities(site: Site) -> dict[str, int]:
    """How many spaces each area has, and all of them together; empty where there is no car park."""
    if site.car_park is None:
        return {}
    areas = {area.id: area.capacity for area in site.car_park.areas}
    return areas | {WHOLE_CAR_PARK: site.car_park.capacity}


def car_park_rows(site: Site, minutes: Iterable[CarParkMinute]) -> list[CarParkRow]:
    """The rows of minutes; areas that are no longer in the site file are left out."""
    spaces = capacities(site)
    return [_row(minute, spaces[minute.area]) for minute in minutes if minute.area in spaces]


def car_park_over(store: History, site: Site, period: Period) -> list[CarParkRow]:
    """The rows of a period, by minute and area."""
    return car_park_rows(site, store.car_park_minutes(period.from_ms, period.to_ms))


def _row(minute: CarParkMinute, capacity: int) -> CarParkRow:
    now = AreaNow(minute.area, capacity, minute.cars_mean, minute.variance_mean, 0)
    low, high = now.bounds
    return CarParkRow(
        time=minute.minute_ms,
        area=minute.area,
        cars=round(now.cars),
        low=low,
        high=high,
        free=now.free,
        capacity=capacity,
        entered=minute.entered,
        left=minute.left,
        queue=round(minute.queue_mean, 2),
    )
