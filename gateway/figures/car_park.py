"""How full the car park is, as rows."""

from collections.abc import Iterable

from contracts.site import Site
from gateway.api.tables import CarParkRow
from gateway.figures.period import Period
from gateway.figures.privacy import Anonymity
from gateway.store import Store
from gateway.store.records import WHOLE_CAR_PARK, CarParkMinute


def capacities(site: Site) -> dict[str, int]:
    """How many spaces each area has, and all of them together; empty where there is no car park."""
    if site.car_park is None:
        return {}
    areas = {area.id: area.capacity for area in site.car_park.areas}
    return areas | {WHOLE_CAR_PARK: sum(areas.values())}


def car_park_rows(site: Site, minutes: Iterable[CarParkMinute]) -> list[CarParkRow]:
    """The rows of minutes; areas that are no longer in the site file are left out."""
    spaces, anonymity = capacities(site), Anonymity(site.privacy.k)
    return [_row(minute, spaces[minute.area], anonymity) for minute in minutes if minute.area in spaces]


def car_park_over(store: Store, site: Site, period: Period) -> list[CarParkRow]:
    """The rows of a period, by minute and area."""
    return car_park_rows(site, store.car_park_minutes(period.from_ms, period.to_ms))


def _row(minute: CarParkMinute, capacity: int, anonymity: Anonymity) -> CarParkRow:
    # A car is at least one person, so what hides few people hides few cars.
    count = anonymity.count(minute.cars_mean, minute.variance_mean)
    return CarParkRow(
        time=minute.minute_ms,
        area=minute.area,
        cars=count.people,
        low=count.low,
        high=None if count.high is None else max(min(count.high, capacity), count.people or 0),
        free=None if count.people is None else max(0, capacity - count.people),
        capacity=capacity,
        entered=anonymity.number(minute.entered),
        left=anonymity.number(minute.left),
        queue=anonymity.only_if(minute.queue_mean, round(minute.queue_mean, 2)),
        suppressed=count.suppressed,
    )
