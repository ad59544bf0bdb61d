"""How many people are in every zone, on every floor and in the mall, over time."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from contracts.site import Site
from gateway.api.tables import OccupancyRow
from gateway.figures.people import PeopleFigures
from gateway.figures.period import Period, covered, minutes_until
from gateway.people import MallPeople
from gateway.store.base import History
from gateway.store.records import MINUTE_MS, WHOLE_MALL, ZoneMinute, whole_floor

MOST_ROWS = 20_000
"""About so many rows are answered at most: for more, steps are longer than a minute."""


class Place(NamedTuple):
    """Somewhere people are counted."""

    floor: str
    zone: str
    kind: Literal["zone", "floor", "mall"]
    capacity: int | None = None


def places(site: Site) -> list[Place]:
    """The mall, its floors and its zones."""
    return [
        Place(WHOLE_MALL, WHOLE_MALL, "mall"),
        *(Place(floor.id, whole_floor(floor.id), "floor") for floor in site.floors),
        *(Place(floor.id, zone.id, "zone", zone.capacity) for floor, zone in site.zones()),
    ]


def occupancy_rows(
    where: Sequence[Place], times_ms: Iterable[int], minutes: Iterable[ZoneMinute], figures: PeopleFigures
) -> list[OccupancyRow]:
    """Every place at every time; where there is no record of both, nobody was there."""
    found = {(row.minute_ms, row.zone): row for row in minutes}
    return [_row(t_ms, place, found.get((t_ms, place.zone)), figures) for t_ms in times_ms for place in where]


def _row(t_ms: int, place: Place, minute: ZoneMinute | None, figures: PeopleFigures) -> OccupancyRow:
    count_of = figures.present if place.kind == "mall" else figures.part
    count = count_of(minute.people_mean, minute.variance_mean) if minute else count_of(0.0, 0.0)
    return OccupancyRow(
        time=t_ms,
        floor=place.floor,
        zone=place.zone,
        kind=place.kind,
        people=count.people,
        low=count.low,
        high=count.high,
        suppressed=count.suppressed,
        capacity=place.capacity,
    )


def occupancy_over(
    store: History, k: int, period: Period, where: Sequence[Place], people: MallPeople | None = None
) -> list[OccupancyRow]:
    """Means over steps of whole minutes, as short as `MOST_ROWS` lets them be, to the last whole one."""
    newest_ms = store.newest_ms()
    if newest_ms is None or period.from_ms >= minutes_until(newest_ms) or not where:
        return []
    whole = period.in_minutes(newest_ms)
    minutes = -(-(whole.to_ms - whole.from_ms) * len(where) // (MINUTE_MS * MOST_ROWS))
    step_ms = max(1, minutes) * MINUTE_MS
    rows = []
    for row in store.zone_minutes(whole.from_ms, whole.to_ms, step_ms, [place.zone for place in where]):
        part = covered(row.minute_ms, step_ms, whole.to_ms)  # the last step may be cut short
        mean, variance = row.people_mean / part, row.variance_mean / part
        rows.append(replace(row, people_mean=mean, variance_mean=variance))
    times_ms = range(whole.from_ms, whole.to_ms, step_ms)
    return occupancy_rows(where, times_ms, rows, PeopleFigures(k, people))
