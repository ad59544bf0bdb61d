"""Erasing rows of the history, and devices in packed positions."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from gateway.store import columns
from gateway.store.erasing.traces import Traces
from gateway.store.files import SharedWriter

Rows = list[dict[str, Any]]

_ROWS = 500
"""So many rows are looked at in a transaction."""


def widened(db: sqlite3.Connection, traces: Traces) -> Traces:
    """Return traces with what the records add: whose devices visits are of, what else those did, and when."""
    things = _list(traces.things)
    devices = set(traces.devices)
    for statement in (
        "SELECT device FROM visits WHERE visit IN (SELECT value FROM json_each(?))",
        "SELECT device FROM paths WHERE path IN (SELECT value FROM json_each(?))",
    ):
        devices.update(_column(db, statement, things))
    latest = [
        msgspec.json.decode(record) for (record,) in db.execute("SELECT record FROM latest WHERE NOT over")
    ]
    devices.update(one["device"] for one in latest if one.get("visit") in traces.things)
    found, moments = set(traces.things), list(traces.moments)
    rows = db.execute(
        "SELECT visit, started_ms, seen_ms FROM visits WHERE device IN (SELECT value FROM json_each(?1))"
        " UNION ALL SELECT path, started_ms, ended_ms FROM paths"
        " WHERE device IN (SELECT value FROM json_each(?1))",
        (_list(devices),),
    ).fetchall()
    rows += [
        (one["visit"], one["started_ms"], one["seen_ms"]) for one in latest if one.get("device") in devices
    ]
    for thing, started_ms, ended_ms in rows:
        found.add(thing)
        moments += (started_ms, ended_ms)
    plates = set(traces.plates)
    plates.update(
        _column(db, "SELECT plate FROM stays WHERE stay IN (SELECT value FROM json_each(?))", things)
    )
    plates.update(one["plate"] for one in latest if one.get("stay") in traces.things)
    return Traces(frozenset(devices), frozenset(found), frozenset(plates), traces.digests, tuple(moments))


def records_of(db: sqlite3.Connection, traces: Traces) -> dict[str, Rows]:
    """Return the visits, paths and stays of traces, by table."""
    found = widened(db, traces)
    return {
        "visits": _rows(db, "visits", "device", found.devices),
        "paths": _rows(db, "paths", "device", found.devices),
        "stays": _rows(db, "stays", "stay", found.things),
    }


def _rows(db: sqlite3.Connection, table: str, key: str, wanted: Iterable[str]) -> Rows:
    rows = db.execute(
        f"SELECT * FROM {table} WHERE {key} IN (SELECT value FROM json_each(?)) ORDER BY started_ms",  # noqa: S608
        (_list(wanted),),
    )
    names = [column[0] for column in rows.description]
    return [
        {
            name: json.loads(value) if name == "steps" else value
            for name, value in zip(names, row, strict=True)
        }
        for row in rows
    ]


def delete_records(db: sqlite3.Connection, traces: Traces) -> Counter[str]:
    """Delete the rows of traces; gives how many went, by table."""
    things, devices = _list(traces.things), _list(traces.devices)
    gone: Counter[str] = Counter()
    for table, column, values in (
        ("visits", "visit", things),
        ("paths", "path", things),
        ("visits", "device", devices),
        ("paths", "device", devices),
        ("events", "visit", things),
        ("stays", "stay", things),
        ("latest", "id", things),
        ("tickets", "stay", things),
        ("claims", "stay", things),
    ):
        gone[table] += db.execute(
            f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))",  # noqa: S608  # names above
            (values,),
        ).rowcount
    return gone


def take_out_positions(file: SharedWriter, traces: Traces) -> int:
    """Take devices out of the snapshots of the time around; gives how many entries went."""
    return sum(_taken_out(file, traces))


def _taken_out(file: SharedWriter, traces: Traces) -> Iterator[int]:
    for start, end in traces.periods() if traces.devices else ():
        after = (start, "")
        while True:
            with file.transaction() as db:
                rows = db.execute(
                    "SELECT t_ms, floor, columns FROM positions WHERE (t_ms, floor) > (?, ?) AND t_ms <= ?"
                    " ORDER BY t_ms, floor LIMIT ?",
                    (*after, end, _ROWS),
                ).fetchall()
                yield sum(
                    _row_without(db, t_ms, floor, packed, traces.devices) for t_ms, floor, packed in rows
                )
            if len(rows) < _ROWS:
                break
            after = rows[-1][:2]


def _row_without(
    db: sqlite3.Connection, t_ms: int, floor: str, packed: bytes, devices: AbstractSet[str]
) -> int:
    content = columns.unpack(packed)
    if not any(bytes.fromhex(device) in content for device in devices):
        return 0
    found = columns.unpack_positions(packed, t_ms, floor)
    keep = np.array([device not in devices for device in found.device], dtype=bool)
    if keep.all():
        return 0
    if not keep.any():
        db.execute("DELETE FROM positions WHERE t_ms = ? AND floor = ?", (t_ms, floor))
        return len(keep)
    rest = replace(
        found,
        device=[device for device in found.device if device not in devices],
        xy_m=found.xy_m[keep],
        cov_m2=found.cov_m2[keep],
    )
    db.execute(
        "UPDATE positions SET columns = ? WHERE t_ms = ? AND floor = ?",
        (columns.pack_positions(rest), t_ms, floor),
    )
    return int(np.count_nonzero(~keep))


def _list(words: Iterable[str]) -> str:
    return json.dumps(sorted(words))


def _column(db: sqlite3.Connection, statement: str, values: str) -> Iterator[str]:
    return (row[0] for row in db.execute(statement, (values,)))
