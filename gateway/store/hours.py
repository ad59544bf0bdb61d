"""Minutes of cells added up into hours, in the tables of an SQLite file."""

import sqlite3

import numpy as np

from gateway.store import statements
from gateway.store.reading import HOUR_MS, add_up
from gateway.store.records import CellMinute


def add_up_hours(
    db: sqlite3.Connection, floor: str, before_ms: int, *, minutes: str, hours: str
) -> list[CellMinute]:
    """Make the hours of a floor that are over: those before `before_ms` that are not there yet.

    `minutes` and `hours` are tables like `cell_minutes`. Gives the new hours.
    """
    done = db.execute(f"SELECT max(minute_ms) FROM {hours} WHERE floor = ?", (floor,)).fetchone()[0]  # noqa: S608
    start = 0 if done is None else done + HOUR_MS
    if start >= before_ms:
        return []
    found = db.execute(
        f"SELECT DISTINCT minute_ms / ?1 * ?1 FROM {minutes}"  # noqa: S608
        " WHERE floor = ?2 AND minute_ms >= ?3 AND minute_ms < ?4 ORDER BY 1",
        (HOUR_MS, floor, start, before_ms),
    ).fetchall()
    made = []
    for (hour_ms,) in found:
        rows = db.execute(
            f"SELECT cell_m, x0_m, y0_m, nx, ny, cells FROM {minutes}"  # noqa: S608
            " WHERE floor = ? AND minute_ms >= ? AND minute_ms < ? ORDER BY minute_ms",
            (floor, hour_ms, hour_ms + HOUR_MS),
        ).fetchall()
        if (heat := add_up(rows)) is not None:
            grid, total = heat
            index = np.flatnonzero(total).astype(np.int32)
            hour = CellMinute(hour_ms, floor, grid, index, total[index].astype(np.float32))
            db.execute(statements.CELLS.format(hours), statements.cells_row(hour))
            made.append(hour)
    return made
