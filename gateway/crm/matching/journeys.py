"""What is known of consenting members over more than a day: their visits, and their stays in the car park."""

import sqlite3

from contracts.events import CarData, PathData, VisitData
from gateway.crm.matching.told import Told
from gateway.store.records import WHOLE_MALL

_VISIT = (
    "INSERT OR REPLACE INTO crm_visits"
    " (visit, person, zone, floor, started_ms, ended_ms, dwell_s, confidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_STAY = (
    "INSERT OR REPLACE INTO crm_stays (stay, person, entered_ms, left_ms, confidence) VALUES (?, ?, ?, ?, ?)"
)


def keep(db: sqlite3.Connection, told: Told, person: str | None) -> None:
    """Write down what an event says of a person; None = it is nobody's, and what was written goes."""
    data = told.data
    if isinstance(data, VisitData):
        if person is None:
            db.execute("DELETE FROM crm_visits WHERE visit = ?", (data.visit,))
        else:
            row = (data.started_ms, data.ended_ms, data.dwell_s, data.confidence)
            db.execute(_VISIT, (data.visit, person, data.zone, data.floor, *row))
    elif isinstance(data, PathData):
        if person is None:
            db.execute("DELETE FROM crm_visits WHERE visit = ?", (data.path,))
        else:
            row = (data.started_ms, data.ended_ms, data.dwell_s, 1.0)
            db.execute(_VISIT, (data.path, person, WHOLE_MALL, "", *row))
    elif isinstance(data, CarData):
        if person is None:
            db.execute("DELETE FROM crm_stays WHERE stay = ?", (data.stay,))
        else:
            db.execute(_STAY, (data.stay, person, data.entered_ms, data.left_ms, data.confidence))


def end_open(db: sqlite3.Connection) -> int:
    """End the visits of which no end will come where they were last seen; gives how many."""
    return db.execute(
        "UPDATE crm_visits SET ended_ms = started_ms + CAST(round(dwell_s * 1000) AS INTEGER)"
        " WHERE ended_ms IS NULL"
    ).rowcount
