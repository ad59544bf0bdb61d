"""Where on a floor people spent their time."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gateway.api import schemas
from gateway.api.tables import CellHourRow, CellRow
from gateway.figures.cells import Blocks, Place
from gateway.figures.people import PeopleFigures
from gateway.figures.period import Period, minutes_until
from gateway.frames import heat_answer
from gateway.people import MallPeople
from gateway.store.base import History
from gateway.store.records import MINUTE_MS, CellGrid, Heat, whole_floor

NOTHING_MIN = 0.01
"""Cells with fewer device-minutes are left out."""
NOBODY = 0.005
"""Cells with fewer people are left out of a minute."""


def heat(
    store: History, floor: str, k: int, period: Period, empty: CellGrid, people: MallPeople | None = None
) -> schemas.Heat:
    """Expected device-minutes per cell over whole minutes.

    Empty unless at some time at least k people were on the floor: else the map shows where one of them went.
    """
    found = _device_minutes(store, floor, period, PeopleFigures(k, people))
    if found is None:
        return heat_answer(empty, np.zeros(0, dtype=np.int64), np.zeros(0), 2)
    grid, minutes = found
    index = np.flatnonzero(minutes >= NOTHING_MIN)
    return heat_answer(grid, index, minutes[index], 2)


def heat_rows(
    store: History, floor: str, k: int, period: Period, blocks: Blocks, people: MallPeople | None = None
) -> list[CellHourRow]:
    """The same in larger cells with latitude and longitude; the time of all is the period's start."""
    found = _device_minutes(store, floor, period, PeopleFigures(k, people))
    return [
        CellHourRow(
            time=period.from_ms, floor=floor, cell=place.cell, lat=place.lat, lon=place.lon, minutes=value
        )
        for place, value in _shown(found, blocks, NOTHING_MIN, 2)
    ]


def minute_rows(
    minute_ms: int,
    floor: str,
    device_minutes: tuple[CellGrid, npt.NDArray[np.float64]] | None,
    on_floor: float,
    blocks: Blocks,
    figures: PeopleFigures,
) -> list[CellRow]:
    """The mean number of people in each cell of a floor in a minute in which `on_floor` devices were there.

    Empty unless at least k people were.
    """
    found = device_minutes if figures.part(on_floor).people else None
    return [
        CellRow(time=minute_ms, floor=floor, cell=place.cell, lat=place.lat, lon=place.lon, people=value)
        for place, value in _shown(found, blocks, NOBODY, 3, figures.expected(1.0))
    ]


def last_minute_rows(
    store: History, floor: str, k: int, blocks: Blocks, people: MallPeople | None = None
) -> list[CellRow]:
    """`minute_rows` of the last minute that is over."""
    newest_ms = store.newest_ms()
    if newest_ms is None:
        return []
    end_ms = minutes_until(newest_ms)
    minute_ms = end_ms - MINUTE_MS
    crowd = store.zone_minutes(minute_ms, end_ms, MINUTE_MS, [whole_floor(floor)])
    found = store.heat(floor, minute_ms, end_ms)
    cells = None if found is None else (found[0], found[1] / 60.0)
    on_floor = crowd[0].people_mean if crowd else 0.0
    return minute_rows(minute_ms, floor, cells, on_floor, blocks, PeopleFigures(k, people))


def _device_minutes(store: History, floor: str, period: Period, figures: PeopleFigures) -> Heat | None:
    """Device-minutes per cell; None where nobody was, or at no time enough people to show."""
    whole = period.in_minutes(store.newest_ms())
    found = store.heat(floor, whole.from_ms, whole.to_ms)
    span_ms = max(MINUTE_MS, whole.to_ms - whole.from_ms)
    crowd = store.zone_minutes(whole.from_ms, whole.to_ms, span_ms, [whole_floor(floor)])
    most = figures.part(crowd[0].people_max).people if crowd else None
    return (found[0], found[1] / 60.0) if found is not None and most else None


def _shown(
    found: Heat | None, blocks: Blocks, nothing: float, decimals: int, factor: float = 1.0
) -> Iterator[tuple[Place, float]]:
    if found is None:
        return
    grid, value = found
    for place, total in blocks.on(grid).add_up(value * factor):
        if total >= nothing:
            yield place, round(total, decimals)
