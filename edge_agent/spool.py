"""What waits for the broker, on disk: encoded batches, oldest first, until the broker has taken them.

SQLite in WAL mode with `synchronous=FULL`: a batch that `commit` has written survives a killed process and a
power cut. Batches that come close together share a commit, so a node makes about one fsync a second, which an
SD card bears for many years. Each row carries a checksum. The spool is bounded: where it is full, the oldest
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

from contracts.errors import ConfigurationError

_log = logging.getLogger(__name__)

SCHEMA = 1
MAX_BYTES = 256 * 1024 * 1024
"""A node at 50 observations a second fills this in about 19 hours without a broker."""
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


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
        """New at every opening: a number given before a power cut is never given again to another batch."""
        self.dropped = 0
        """Batches given up since opening: the spool or the disk was full, or a row was damaged."""
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._sequence = 0
        self._new: list[tuple[str, bytes]] = []
        self._new_bytes = 0
        self._acked: list[int] = []
        self._db = self._open()

    @property
    def batches(self) -> int:
        """Batches that wait, also those not yet committed."""
        return self._stored + len(self._new)

    @property
    def size_bytes(self) -> int:
        """Bytes of the payloads that wait."""
        return self._stored_bytes + self._new_bytes

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
            self._new.append((node, payload))
            self._new_bytes += len(payload)

    def ack(self, rows: Iterable[int]) -> None:
        """Say that the broker has taken these rows; the next `commit` deletes them."""
        with self._lock:
            self._acked.extend(rows)

    def commit(self) -> None:
        """Write what was appended and delete what was acked, in one transaction; then keep the bound.

        A full disk makes room by dropping the oldest tenth; if that does not help, the new batches are dropped.
        """
        with self._lock:
            new, acked = self._new, self._acked
            if not new and not acked:
                return
            self._new, self._new_bytes, self._acked = [], 0, []
            try:
                self._write(new, acked)
            except sqlite3.DatabaseError as error:
                self._recover(error, new)
            if self._stored_bytes > self._max_bytes:
                self._drop_oldest(self._stored_bytes - self._max_bytes)

    def peek(self, after: int, limit: int) -> list[Spooled]:
        """Give up to `limit` committed batches with rows above `after`, oldest first; damaged ones are dropped."""
        query = "SELECT id, node, crc, payload FROM batch WHERE id > ? ORDER BY id LIMIT ?"
        with self._lock:
            try:
                rows = self._db.execute(query, (after, limit)).fetchall()
            except sqlite3.DatabaseError as error:
                self._recover(error, [])
                return []
            good = [Spooled(row, node, payload) for row, node, crc, payload in rows if crc32(payload) == crc]
            if len(good) < len(rows):
                damaged = {row[0] for row in rows} - {spooled.row for spooled in good}
                _log.error("spool %s: %d damaged batches dropped; check the disk", self.path, len(damaged))
                self.dropped += len(damaged)
                self._acked.extend(damaged)
            return good

    def close(self) -> None:
        """Commit what is left and give the file back."""
        with self._lock:
            self.commit()
            self._db.close()

    def _write(self, new: list[tuple[str, bytes]], acked: list[int]) -> None:
        rows = [(node, crc32(payload), payload) for node, payload in new]
        with self._db:  # one transaction
            self._db.execute("BEGIN IMMEDIATE")
            gone_bytes = gone = 0
            for row in acked:
                cursor = self._db.execute("DELETE FROM batch WHERE id = ? RETURNING length(payload)", (row,))
                for (size,) in cursor.fetchall():
                    gone, gone_bytes = gone + 1, gone_bytes + size
            self._db.executemany("INSERT INTO batch (node, crc, payload) VALUES (?, ?, ?)", rows)
        self._stored += len(new) - gone
        self._stored_bytes += sum(len(payload) for _, payload in new) - gone_bytes

    def _drop_oldest(self, excess_bytes: int) -> None:
        rows = []
        for row, size in self._db.execute("SELECT id, length(payload) FROM batch ORDER BY id"):
            if excess_bytes <= 0:
                break
            rows.append(row)
            excess_bytes -= size
        if self.dropped == 0:
            _log.warning(
                "spool %s is full (%d MB): the oldest batches are dropped; is the broker reachable?",
                self.path,
                self._max_bytes // 1_000_000,
            )
        self.dropped += len(rows)
        self._write([], rows)

    def _recover(self, error: sqlite3.DatabaseError, new: list[tuple[str, bytes]]) -> None:
        """Go on after a failed write or read: make room on a full disk, start anew where the file is damaged."""
        try:
            if _code(error) in _BROKEN:
                self.dropped += self._stored
                self._db.close()
                self._set_aside(error)
                self._db = self._open()
            else:
                _log.error("spool %s: %s; the oldest batches make room", self.path, error)
                self._drop_oldest(max(self._stored_bytes // 10, 1))
            self._write(new, [])
        except sqlite3.DatabaseError as again:
            self.dropped += len(new)
            _log.error("spool %s: %s; %d new batches are lost", self.path, again, len(new))

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if _code(error) not in _BROKEN:
                raise ConfigurationError(f"spool {self.path}: {error}", _hint(error, self.path)) from error
            self._set_aside(error)
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=1.0)
        try:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA journal_size_limit = 4194304")
            (check,) = db.execute("PRAGMA quick_check(1)").fetchone()
            (schema,) = db.execute("PRAGMA user_version").fetchone()
            if check != "ok" or schema not in (0, SCHEMA):
                raise _damaged(check if check != "ok" else f"unknown version {schema}")
            db.execute(
                "CREATE TABLE IF NOT EXISTS batch (id INTEGER PRIMARY KEY AUTOINCREMENT,"
                " node TEXT NOT NULL, crc INTEGER NOT NULL, payload BLOB NOT NULL) STRICT"
            )
            db.execute(f"PRAGMA user_version = {SCHEMA}")
            self._stored, self._stored_bytes = db.execute(
                "SELECT count(*), coalesce(sum(length(payload)), 0) FROM batch"
            ).fetchone()
        except BaseException:
            db.close()
            raise
        return db

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        self.path.rename(aside)
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        _log.error(
            "spool %s is damaged (%s): set aside as %s, a new one is started", self.path, error, aside.name
        )


def _damaged(why: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _code(error: sqlite3.DatabaseError) -> int:
    """Give SQLite's primary result code."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _hint(error: sqlite3.DatabaseError, path: Path) -> str:
    if _code(error) == sqlite3.SQLITE_BUSY:
        return "Another agent uses this spool; every agent needs its own."
    return f"Check that the folder {path.parent} is there and may be written to."
