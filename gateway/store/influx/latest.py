"""What the gateway needs of its history although that is elsewhere: newest states, and the hour's minutes.

A visit is written as soon as it starts and again until it has ended; if its state is lost it must be ended
without asking a server that may be away. An hour's cells are the sum of its minutes, which a server that is
away could not give either. Both are kept in the SQLite file, in the transaction of the checkpoint.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from gateway.store import statements
from gateway.store.hours import add_up_hours
from gateway.store.reading import HOUR_MS
from gateway.store.records import CellMinute, Stay, Visit

_NEWER = """
    INSERT INTO latest VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (kind, id) DO UPDATE
        SET seen_ms = excluded.seen_ms, over = excluded.over, record = excluded.record
    WHERE excluded.seen_ms >= latest.seen_ms
"""


def newer_visits(db: sqlite3.Connection, visits: Iterable[Visit]) -> list[Visit]:
    """Keep states of visits; gives those that are not older than what was known."""
    return [visit for visit in visits if _keep(db, "visit", visit.visit, visit, visit.ended_ms is not None)]


def newer_stays(db: sqlite3.Connection, stays: Iterable[Stay]) -> list[Stay]:
    """Keep states of stays; gives those that are not older than what was known."""
    return [stay for stay in stays if _keep(db, "stay", stay.stay, stay, stay.left_ms is not None)]


def _keep(db: sqlite3.Connection, kind: str, an_id: str, record: Visit | Stay, over: bool) -> bool:
    # Of what is over nobody asks more than when it was seen.
    row = (kind, an_id, record.seen_ms, over, b"" if over else msgspec.json.encode(record))
    return db.execute(_NEWER, row).rowcount > 0


def end_open_visits(db: sqlite3.Connection) -> list[Visit]:
    """End the open visits where their device was last seen; gives them."""
    rows = db.execute("SELECT record FROM latest WHERE kind = 'visit' AND NOT over").fetchall()
    visits = [msgspec.json.decode(record, type=Visit) for (record,) in rows]
    return newer_visits(db, [replace(visit, ended_ms=visit.seen_ms) for visit in visits])


def finished_hours(db: sqlite3.Connection, minutes: Sequence[CellMinute]) -> list[CellMinute]:
    """Keep minutes of cells; gives the hours that are over with them, and forgets their minutes."""
    db.executemany(
        statements.CELLS.format("latest_cell_minutes"), [statements.cells_row(cells) for cells in minutes]
    )
    hours = []
    for floor, hour_ms in sorted({(c.floor, c.minute_ms // HOUR_MS * HOUR_MS) for c in minutes}):
        hours += add_up_hours(db, floor, hour_ms, minutes="latest_cell_minutes", hours="latest_cell_hours")
        db.execute("DELETE FROM latest_cell_minutes WHERE floor = ? AND minute_ms < ?", (floor, hour_ms))
    return hours


def forget(db: sqlite3.Connection, over_before_ms: int, before_ms: int) -> int:
    """Forget what was over before the one time, and everything seen before the other; gives how many."""
    count = db.execute(
        "DELETE FROM latest WHERE seen_ms < ? OR (over AND seen_ms < ?)", (before_ms, over_before_ms)
    ).rowcount
    count += db.execute(
        "DELETE FROM latest_cell_hours WHERE minute_ms <"
        " (SELECT max(minute_ms) FROM latest_cell_hours AS other WHERE other.floor = latest_cell_hours.floor)"
    ).rowcount
    return count
