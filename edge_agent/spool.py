"""What waits for the broker, on disk: encoded batches, oldest first, until the broker has taken them.

SQLite in WAL mode with `synchronous=FULL`: a batch that `commit` has written survives a killed process and a
power cut. Batches that come close together share a commit, so a node makes about one fsync a second, which an
SD card bears for years. Each row carries a checksum. The spool is bounded: where it is full, the oldest
batches are dropped and counted. One process owns a spool.
"""

import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from edge_agent.spool_file import is_damage, open_database, set_aside

_log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024 * 1024
"""A node that hears 50 frames a second fills this in about 18 hours without a broker."""


class Spooled(NamedTuple):
    """A batch on disk."""

    row: int
    """Grows with every batch; the order of the spool."""
    node: str
    payload: bytes


class Spool:
    """A durable queue. Safe to use from several threads.

    Raises:
        ConfigurationError: the file cannot be opened or belongs to another process. A file that is damaged is
            set aside (`NAME.damaged-N`) with a message, and a new one is started.

    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.boot = secrets.token_hex(8)
        """New at every opening: a number once given is never given to another batch, whatever was lost."""
        self.dropped = 0
        """Batches given up since opening: the spool or the disk was full, or a row was damaged."""
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._sequence = 0
        self._row = 0
        # What waits, on disk or not. Read without the lock, so they are never too low in between.
        self._count = 0
        self._bytes = 0
        self._new: list[Spooled] = []
        self._acked: list[int] = []
        self._complaint = ""
        self._database = open_database(path)
        self._take_stock()

    @property
    def batches(self) -> int:
        """Batches that wait, also those not yet committed; not those acked."""
        return max(self._count - len(self._acked), 0)

    @property
    def size_bytes(self) -> int:
        """Bytes of the payloads that wait."""
        return self._bytes

    @property
    def uncommitted(self) -> int:
        """Batches that a power cut would still lose."""
        return len(self._new)

    def number(self) -> int:
        """Give the next batch its sequence number; (node, boot, number) is its identity for good."""
        with self._lock:
            self._sequence += 1
            return self._sequence - 1

    def append(self, node: str, payload: bytes) -> None:
        """Add a batch; it is on disk after the next `commit`."""
        with self._lock:
            self._row += 1
            self._new.append(Spooled(self._row, node, payload))
            self._count += 1
            self._bytes += len(payload)

    def ack(self, rows: Iterable[int]) -> None:
        """Say that the broker has taken these rows; the next `commit` deletes them."""
        with self._lock:
            self._acked.extend(rows)

    def commit(self) -> None:
        """Write what was appended and delete what was acked, in one transaction; then keep the bound.

        A full disk makes room by dropping the oldest tenth; if that does not help, the new batches go.
        """
        with self._lock:
            new, acked = self._new, self._acked
            if not new and not acked:
                return
            self._new, self._acked = [], []
            try:
                self._write(new, acked)
                if self._bytes > self._max_bytes:
                    self._complain(f"full ({self._max_bytes:,} bytes); is the broker reachable?")
                    self._drop_oldest(self._bytes - self._max_bytes)
            except sqlite3.DatabaseError as error:
                self._recover(error, new, acked)

    def peek(self, after: int, limit: int) -> list[Spooled]:
        """Give up to `limit` committed batches above row `after`, oldest first, without damaged ones."""
        query = "SELECT id, node, payload, crc FROM batch WHERE id > ? ORDER BY id LIMIT ?"
        with self._lock:
            try:
                rows = self._database.execute(query, (after, limit)).fetchall()
            except sqlite3.DatabaseError as error:
                self._recover(error, [], [])
                return []
            good = [Spooled(*row) for *row, crc in rows if crc32(row[2]) == crc]
            if len(good) < len(rows):
                damaged = {row[0] for row in rows} - {batch.row for batch in good}
                self._complain("damaged batches; check the disk")
                self._write([], list(damaged))
                self.dropped += len(damaged)
            return good

    def close(self) -> None:
        """Commit what is left and give the file back."""
        with self._lock:
            self.commit()
            self._database.close()

    def _take_stock(self) -> None:
        count = "SELECT count(*), coalesce(sum(length(payload)), 0), coalesce(max(id), 0) FROM batch"
        self._count, self._bytes, last = self._database.execute(count).fetchone()
        self._row = max(self._row, last)  # never below a row that was given before

    def _write(self, new: list[Spooled], acked: list[int]) -> None:
        rows = [(batch.row, batch.node, crc32(batch.payload), batch.payload) for batch in new]
        gone = gone_bytes = 0
        with self._database:  # commits, or rolls back where something fails
            self._database.execute("BEGIN IMMEDIATE")
            for row in acked:
                cursor = self._database.execute(
                    "DELETE FROM batch WHERE id = ? RETURNING length(payload)", (row,)
                )
                for (size,) in cursor.fetchall():
                    gone, gone_bytes = gone + 1, gone_bytes + size
            self._database.executemany("INSERT INTO batch (id, node, crc, payload) VALUES (?, ?, ?, ?)", rows)
        self._count -= gone
        self._bytes -= gone_bytes

    def _drop_oldest(self, excess_bytes: int) -> None:
        rows = []
        sizes = self._database.execute("SELECT id, length(payload) FROM batch ORDER BY id")
        for row, size in sizes:
            if excess_bytes <= 0:
                break
            rows.append(row)
            excess_bytes -= size
        sizes.close()
        self._write([], rows)
        self.dropped += len(rows)

    def _recover(self, error: sqlite3.DatabaseError, new: list[Spooled], acked: list[int]) -> None:
        """Go on after a failed write or read: make room on a full disk, replace a damaged file."""
        try:
            if is_damage(error):
                self._start_anew(error, [*new, *self._new])
            else:
                self._complain(f"{error}; the oldest batches make room")
                self._drop_oldest(max(self._bytes // 10, 1))
            self._write(new, acked)
        except sqlite3.DatabaseError as again:
            self._complain(f"{again}; new batches are lost until there is room")
            self.dropped += len(new)
            self._count -= len(new)
            self._bytes -= sum(len(batch.payload) for batch in new)
            self._acked += acked  # deleted when the disk lets us

    def _start_anew(self, error: sqlite3.DatabaseError, unwritten: list[Spooled]) -> None:
        self.dropped += self._count - len(unwritten)
        self._database.close()
        set_aside(self.path, error)
        self._database = open_database(self.path)
        self._take_stock()
        self._count += len(unwritten)
        self._bytes += sum(len(batch.payload) for batch in unwritten)

    def _complain(self, what: str) -> None:
        """Log once what is wrong; the counter tells how often."""
        if what != self._complaint:
            _log.error("spool %s: %s", self.path, what)
        self._complaint = what
