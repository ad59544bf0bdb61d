"""Where on a floor people spent their time."""

import numpy as np

from gateway.api import schemas
from gateway.figures.people import PeopleFigures
from gateway.figures.period import Period
from gateway.frames import heat_answer
from gateway.people import MallPeople
from gateway.store import Store
from gateway.store.records import MINUTE_MS, CellGrid, whole_floor

NOTHING_MIN = 0.01
"""Cells with fewer device-minutes are left out."""


def heat(
    store: Store, floor: str, k: int, period: Period, empty: CellGrid, people: MallPeople | None = None
) -> schemas.Heat:
    """Expected device-minutes per cell over whole minutes.

    Empty unless at some time at least k people were on the floor: else the map shows where one of them went.
    """
    whole = period.in_minutes(store.newest_ms())
    found = store.heat(floor, whole.from_ms, whole.to_ms)
    span_ms = max(MINUTE_MS, whole.to_ms - whole.from_ms)
    crowd = store.zone_minutes(whole.from_ms, whole.to_ms, span_ms, [whole_floor(floor)])
    most = PeopleFigures(k, people).part(crowd[0].people_max).people if crowd else None
    if found is None or not most:  # nobody, or too few to show
        return heat_answer(empty, np.zeros(0, dtype=np.int64), np.zeros(0), 2)
    grid, device_s = found
    minutes = device_s / 60.0
    index = np.flatnonzero(minutes >= NOTHING_MIN)
    return heat_answer(grid, index, minutes[index], 2)
