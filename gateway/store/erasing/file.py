"""Erasing in the SQLite file, all of it, and what remains of deleted rows in free pages and in the log."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator

from gateway.store import columns
from gateway.store.erasing.batches import take_out
from gateway.store.erasing.records import delete_records, take_out_positions, widened
from gateway.store.erasing.traces import Traces
from gateway.store.erasing.waiting import take_out_waiting
from gateway.store.files import BUSY_TIMEOUT_S, SharedWriter

_PAGES = 2000
"""Free pages that are let go of at once."""
_WAIT_MS = 500
_PSEUDONYM = re.compile(r"[0-9a-f]{16}")


def erase(file: SharedWriter, traces: Traces) -> tuple[Counter[str], Traces]:
    """Take a history out; gives the number of records that went, by table, and all traces that were found.

    Raises `UnavailableError` when the file cannot be used right now: what is done is done, call again.
    """
    gone, heard = take_out(file, traces)
    with file.transaction() as db:
        found = widened(db, traces | heard)
        gone += delete_records(db, found)
    gone["positions"] += take_out_positions(file, found)
    gone["outbox"] += take_out_waiting(file, found)
    more, _ = take_out(file, Traces(found.devices, plates=found.plates))
    return +(gone + more), found


def present(db: sqlite3.Connection, names: Iterable[str]) -> set[str]:
    """Return which of these devices, plates and digests the engine has in its checkpoint.

    They will be written again: a car that is in the car park is told of when it leaves.
    """
    row = db.execute("SELECT engine, recorder FROM checkpoint").fetchone()
    if row is None:
        return set()
    state = columns.unpack(row[0]) + columns.unpack(row[1])
    return {name for name in names if any(form in state for form in _forms(name))}


def _forms(name: str) -> Iterator[bytes]:
    """Give the ways in which a checkpoint writes a name: as text, and a pseudonym as a number, too."""
    yield name.encode()
    if _PSEUDONYM.fullmatch(name):
        yield bytes.fromhex(name)
        yield bytes.fromhex(name)[::-1]


def sweep(file: SharedWriter) -> bool:
    """Let go of what the file still holds of deleted rows: free pages, and the write-ahead log.

    Tells whether all of it went; a reader in the middle of something keeps the log for a moment.
    """
    with file.connection() as db:
        while before := db.execute("PRAGMA freelist_count").fetchone()[0]:
            db.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
            if db.execute("PRAGMA freelist_count").fetchone()[0] >= before:
                break
        db.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")  # nobody can write while it waits for readers
        busy: int = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        db.execute(f"PRAGMA busy_timeout = {round(1000 * BUSY_TIMEOUT_S)}")
    return not busy
