"""Alerts as they are kept: those that go on, those to be listed, and how far the hours are done."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

import msgspec

from contracts.crm import FeedKind, Kpi, KpiAlert
from contracts.events import stable_id
from gateway.crm.alerts.gate import Open
from gateway.crm.announcing import announce, announcement

KEPT_MS = 400 * 24 * 3_600_000
MOST = 1_000
"""Alerts that are listed at once."""


def next_hour(db: sqlite3.Connection, kpi: Kpi) -> int | None:
    """Return the first hour that was not looked at yet; None = none was."""
    row = db.execute("SELECT next_ms FROM crm_kpi_progress WHERE kpi = ?", (kpi,)).fetchone()
    return None if row is None else int(row[0])


def set_next_hour(db: sqlite3.Connection, kpi: Kpi, next_ms: int) -> None:
    """Say which hour comes next."""
    db.execute("INSERT OR REPLACE INTO crm_kpi_progress VALUES (?, ?)", (kpi, next_ms))


def remembered(db: sqlite3.Connection, kpi: Kpi) -> list[Open]:
    """Return the alerts of a figure that go on, or ended so lately that others have to wait."""
    rows = db.execute(
        "SELECT alert, side, zones, quiet_hours, cooled_hours FROM crm_alerts"
        " WHERE kpi = ? AND (ended_ms IS NULL OR cooled_hours IS NOT NULL) ORDER BY alert",
        (kpi,),
    ).fetchall()
    return [
        Open(alert, side, tuple(json.loads(zones)), quiet, over) for alert, side, zones, quiet, over in rows
    ]


def remember(db: sqlite3.Connection, kpi: Kpi, going_on: Sequence[Open]) -> None:
    """Write down how what goes on is by now; what is not among it no longer holds anything up."""
    db.execute("UPDATE crm_alerts SET cooled_hours = NULL WHERE kpi = ? AND ended_ms IS NOT NULL", (kpi,))
    db.executemany(
        "UPDATE crm_alerts SET quiet_hours = ?, cooled_hours = ? WHERE alert = ?",
        [(one.quiet_hours, one.ended_hours, one.alert) for one in going_on],
    )


def add(db: sqlite3.Connection, alert: KpiAlert, side: int, *, sent: bool) -> None:
    """Keep an alert that begins; the same one again changes nothing."""
    db.execute(
        "INSERT OR IGNORE INTO crm_alerts VALUES (?, ?, ?, ?, ?, NULL, 0, NULL, ?, ?)",
        (
            alert.alert,
            alert.kpi,
            side,
            json.dumps(alert.zones),
            alert.hour_ms,
            sent,
            msgspec.json.encode(alert),
        ),
    )


def end(db: sqlite3.Connection, alert: str, ended_ms: int) -> tuple[KpiAlert, bool]:
    """End an alert; gives it, and whether its beginning was told."""
    data, sent = db.execute("SELECT data, sent FROM crm_alerts WHERE alert = ?", (alert,)).fetchone()
    over = msgspec.structs.replace(msgspec.json.decode(data, type=KpiAlert), ended_ms=ended_ms)
    db.execute(
        "UPDATE crm_alerts SET ended_ms = ?, data = ? WHERE alert = ?",
        (ended_ms, msgspec.json.encode(over), alert),
    )
    return over, bool(sent)


def sent_since(db: sqlite3.Connection, t_ms: int) -> int:
    """Return how many alerts that were sent began at or after a moment."""
    count: int = db.execute("SELECT count(*) FROM crm_alerts WHERE t_ms >= ? AND sent", (t_ms,)).fetchone()[0]
    return count


def between(db: sqlite3.Connection, from_ms: int, to_ms: int) -> list[KpiAlert]:
    """Return alerts that went on at some time in a period, newest first, `MOST` at most."""
    rows = db.execute(
        "SELECT data FROM crm_alerts WHERE t_ms < ? AND (ended_ms IS NULL OR ended_ms > ?)"
        " ORDER BY t_ms DESC, alert LIMIT ?",
        (to_ms, from_ms, MOST),
    ).fetchall()
    return [msgspec.json.decode(data, type=KpiAlert) for (data,) in rows]


def expire(db: sqlite3.Connection, now_ms: int) -> None:
    """Forget what is old."""
    db.execute("DELETE FROM crm_alerts WHERE t_ms < ? AND ended_ms IS NOT NULL", (now_ms - KEPT_MS,))


def tell(db: sqlite3.Connection, mall: str, kind: FeedKind, alert: KpiAlert, t_ms: int) -> None:
    """Put an alert into the feed: webhooks and MQTT take it from there, once."""
    event = announcement(mall, kind, stable_id(kind, alert.alert), subject=alert.zone, t_ms=t_ms, data=alert)
    announce(db, event, kind, about=f"{alert.kpi}:{alert.zone}", t_ms=t_ms)
