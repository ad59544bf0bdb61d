"""What waits for a server elsewhere, in the SQLite file beside the gateway.

A body is put in within the transaction of the checkpoint it belongs to, and taken out once the server has it,
so nothing is lost between the two, whatever is killed. A server that is away for long does not fill the disk:
beyond a limit, or where the disk is nearly full, the oldest points go, positions and live figures first. What
has gone is counted, for good.
"""

import gzip
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gateway.store.files import SharedWriter

LIMIT_BYTES = 2 * 1024**3
"""The outbox holds so much; docs/influxdb.md says for how long that lasts."""
RESERVE_BYTES = 256 * 1024**2
"""While less than this is free on its disk, the outbox does not grow beyond `SMALL_BYTES`."""
SMALL_BYTES = 16 * 1024**2
POINTS_IN_BODY = 5_000
"""InfluxDB's own advice for a batch."""
LEVEL = 1
"""Of gzip: level 6 takes three times as long for a sixth less."""

FIRST_TO_GO = frozenset({"raw", "live"})
"""Retention policies of what is kept for days anyway, and is most of the bytes."""

_AT_ONCE = 64


def free_bytes(path: Path) -> int:
    """Room on the disk that a file is on."""
    return shutil.disk_usage(path).free


class Destination(NamedTuple):
    """Where points go: a retention policy of a database in 1.x, the bucket `DATABASE/POLICY` in 2.x."""

    database: str
    policy: str


@dataclass(frozen=True, slots=True)
class Body:
    """A finished request."""

    points: int
    data: bytes
    """gzip of line protocol, times in ns."""
    id: int = 0
    """Its place in the outbox; 0 = not in it yet."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much is in the outbox."""

    bodies: int = 0
    points: int = 0
    bytes: int = 0
    since_ms: int | None = None
    """Wall time of the oldest; None where nothing waits."""


def bodies(lines: Sequence[str]) -> list[Body]:
    """Pack lines into bodies of at most `POINTS_IN_BODY`; empty lines are left out."""
    full = [line for line in lines if line]
    parts = (full[start : start + POINTS_IN_BODY] for start in range(0, len(full), POINTS_IN_BODY))
    return [
        Body(len(part), gzip.compress(("\n".join(part) + "\n").encode(), LEVEL, mtime=0)) for part in parts
    ]


def halves(body: Body) -> tuple[Body, Body] | None:
    """Cut a body into two; None where it is one point."""
    lines = gzip.decompress(body.data).decode().rstrip("\n").split("\n")
    if len(lines) < 2:
        return None
    first, second = bodies(lines[: len(lines) // 2]), bodies(lines[len(lines) // 2 :])
    return first[0], second[0]


class Outbox:
    """The outbox of one store. Any thread calls it; what is given a connection belongs to that one's thread.

    Raises `UnavailableError` when the file cannot be used right now.
    """

    def __init__(
        self,
        path: Path,
        *,
        now_ms: Callable[[], int],
        limit_bytes: int = LIMIT_BYTES,
        free_bytes: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Open the outbox in a file that `SqliteStore` has made; `now_ms` gives wall time."""
        self._path = path
        self._now_ms = now_ms
        self._limit_bytes = limit_bytes
        self._free_bytes = free_bytes
        self._file = SharedWriter(path)

    def add(self, db: sqlite3.Connection, parcels: Mapping[Destination, Sequence[Body]]) -> int:
        """Put bodies in, within a transaction of somebody else; the oldest go where that is too much.

        Gives the number of bytes that went.
        """
        now_ms = self._now_ms()
        db.executemany(
            "INSERT INTO outbox (database, policy, added_ms, points, bytes, body) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (*destination, now_ms, body.points, len(body.data), body.data)
                for destination, found in parcels.items()
                for body in found
            ],
        )
        added = sum(len(body.data) for found in parcels.values() for body in found)
        return self._trim(db, added)

    def post(self, parcels: Mapping[Destination, Sequence[Body]]) -> None:
        """Put bodies in, on their own; returns once they are on disk."""
        with self._file.transaction() as db:
            self.add(db, parcels)

    def destinations(self) -> list[Destination]:
        """Where something waits for."""
        with self._file.connection() as db:
            rows = db.execute("SELECT database, policy FROM outbox_totals WHERE bodies > 0").fetchall()
        return [Destination(*row) for row in rows]

    def oldest(self, destination: Destination, limit: int) -> list[Body]:
        """The first bodies for a destination, in order."""
        with self._file.connection() as db:
            rows = db.execute(
                "SELECT points, body, id FROM outbox WHERE database = ? AND policy = ? ORDER BY id LIMIT ?",
                (*destination, limit),
            ).fetchall()
        return [Body(*row) for row in rows]

    def take_out(self, destination: Destination, ids: Sequence[int], refused: int = 0) -> None:
        """Forget bodies that have arrived, and count the points of theirs that were `refused`."""
        with self._file.transaction() as db:
            db.executemany("DELETE FROM outbox WHERE id = ?", [(an_id,) for an_id in ids])
            self._count_lost(db, destination, "refused", refused)

    def waiting(self) -> Waiting:
        """How much waits, and since when."""
        with self._file.connection() as db:
            bodies, points, size = db.execute(
                "SELECT coalesce(sum(bodies), 0), coalesce(sum(points), 0), coalesce(sum(bytes), 0)"
                " FROM outbox_totals"
            ).fetchone()
            first = db.execute("SELECT added_ms FROM outbox ORDER BY id LIMIT 1").fetchone()
        return Waiting(bodies, points, size, first[0] if first else None)

    def lost(self) -> dict[str, int]:
        """How many points will never arrive, by cause: `refused` by the server, or the outbox was `full`."""
        with self._file.connection() as db:
            return dict(
                db.execute("SELECT cause, sum(points) FROM outbox_lost GROUP BY cause ORDER BY cause")
            )

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    # What is too much

    def _trim(self, db: sqlite3.Connection, added: int) -> int:
        totals = {
            Destination(*row[:2]): row[2]
            for row in db.execute("SELECT database, policy, bytes FROM outbox_totals WHERE bodies > 0")
        }
        used = sum(totals.values())
        excess = max(used - self._limit_bytes, min(added, used - SMALL_BYTES, self._missing_bytes(db)))
        # What is kept for days goes before what is kept for years; within that, where most waits.
        gone = 0
        for destination in sorted(totals, key=lambda at: (at.policy not in FIRST_TO_GO, -totals[at])):
            while gone < excess and (dropped := self._drop_oldest(db, destination, excess - gone)):
                gone += dropped
        return gone

    def _missing_bytes(self, db: sqlite3.Connection) -> int:
        """How much room is missing on the disk; what SQLite has free inside its file is room, too."""
        unused = db.execute("PRAGMA freelist_count").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
        return RESERVE_BYTES - self._free_bytes(self._path) - int(unused) * int(size)

    def _drop_oldest(self, db: sqlite3.Connection, destination: Destination, excess: int) -> int:
        """Drop the oldest bodies of a destination, at least so many bytes; gives how many, 0 = none there."""
        rows = db.execute(
            "SELECT id, points, bytes FROM outbox WHERE database = ? AND policy = ? ORDER BY id LIMIT ?",
            (*destination, _AT_ONCE),
        ).fetchall()
        ids, points, size = [], 0, 0
        for an_id, body_points, body_bytes in rows:
            if size >= excess:
                break
            ids.append((an_id,))
            points += body_points
            size += body_bytes
        db.executemany("DELETE FROM outbox WHERE id = ?", ids)
        self._count_lost(db, destination, "full", points)
        return size

    def _count_lost(self, db: sqlite3.Connection, destination: Destination, cause: str, points: int) -> None:
        if points:
            db.execute(
                "INSERT INTO outbox_lost VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " points = points + excluded.points, last_ms = excluded.last_ms",
                (*destination, cause, points, self._now_ms()),
            )
