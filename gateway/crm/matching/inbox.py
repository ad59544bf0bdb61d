"""What the pipeline has handed over and nobody has taken in yet, in order."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was handed over; kinds and payloads are of `gateway.store.records.CrmItem`."""

    item: int
    kind: str
    payload: bytes


def first(db: sqlite3.Connection, limit: int) -> list[Item]:
    """Return at most `limit` items, in order."""
    rows = db.execute("SELECT item, kind, payload FROM crm_inbox ORDER BY item LIMIT ?", (limit,))
    return [Item(*row) for row in rows]


def take_out(db: sqlite3.Connection, items: Sequence[Item]) -> None:
    """Forget items that were taken in, or set aside; they are the first ones."""
    if items:
        db.execute("DELETE FROM crm_inbox WHERE item <= ?", (items[-1].item,))


def waiting(db: sqlite3.Connection) -> int:
    """Return how many wait."""
    found: int = db.execute("SELECT count(*) FROM crm_inbox").fetchone()[0]
    return found
