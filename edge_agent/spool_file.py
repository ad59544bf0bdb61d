"""The file of a spool: SQLite, a checksum a record; recognised, checked, set aside where it is damaged."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from contracts.errors import ConfigurationError

_log = logging.getLogger(__name__)

APPLICATION_ID = 0x6D616C6C
"""`mall`: bytes 68 to 71 of the file (SQLite file format, 1.3.15)."""
SCHEMA = 2
MARK = b"\x93mallsense spool\n"
"""Begins every record, so that a spool is known for one even where its header is gone."""
CHECKED_BYTES = 64 * 1024 * 1024
"""Up to this size the whole structure is checked at the start; of larger files damage is found when read."""
_HEADER = b"SQLite format 3\0"
_HEADER_BYTES = 100
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNREADABLE_IN_A_ROW = 2_000
"""Numbers tried in a row when reading a damaged file, before the rest is given up."""
_COLUMNS = "id, node, boot, seq, payload, crc"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS batch (id INTEGER PRIMARY KEY, node TEXT NOT NULL, boot TEXT NOT NULL,"
    " seq INTEGER NOT NULL, payload BLOB NOT NULL, crc INTEGER NOT NULL) STRICT"
)


class Spooled(NamedTuple):
    """A batch that waits."""

    row: int
    """Grows with every batch; the order of the spool. 0 is no batch: that record marks the file."""
    node: str
    boot: str
    seq: int
    payload: bytes


class SpoolFile:
    """The records on disk. One thread at a time; every method may raise `sqlite3.DatabaseError`."""

    def __init__(self, path: Path, *, salvage_from: Path | None = None) -> None:
        """Open or make the file; one that is damaged is set aside, and what can be read goes into a new one.

        Raises `ConfigurationError` where it cannot be opened, another process has it or it is no spool.
        """
        self.lost = 0
        """Batches that could not be read of a file that was damaged, as far as is known."""
        try:
            _refuse_strangers(path)
            self._database = _connect(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise ConfigurationError(f"spool {path}: {error}", _hint(error, path)) from error
            salvage_from = set_aside(path, error)
            self._database = _connect(path)
        if salvage_from is not None:
            self._take_over(salvage_from)

    def sizes(self) -> dict[int, int]:
        """Give the bytes of every batch's payload by its row, oldest first."""
        query = "SELECT id, length(payload) FROM batch WHERE id > 0 ORDER BY id"
        return {row: max(size - len(MARK), 0) for row, size in self._database.execute(query)}

    def read(self, after: int, limit: int) -> tuple[list[Spooled], list[int]]:
        """Give up to `limit` batches above row `after`, and the rows among them that are damaged."""
        query = f"SELECT {_COLUMNS} FROM batch WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608  # a constant
        rows = self._database.execute(query, (max(after, 0), limit)).fetchall()
        found = [_batch(row) for row in rows]
        damaged = [row[0] for row, batch in zip(rows, found, strict=True) if batch is None]
        return [batch for batch in found if batch is not None], damaged

    def write(self, new: Iterable[Spooled], gone: Sequence[int]) -> None:
        """Write batches and delete rows: all of it, with an fsync, or nothing."""
        with self._database:  # commits, or rolls back where something fails
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM batch WHERE id = ?", ((row,) for row in gone))
            _insert(self._database, new)

    def fold_log(self) -> None:
        """Move the write-ahead log into the file, as far as there is room, and free its bytes."""
        with contextlib.suppress(sqlite3.OperationalError):  # the disk is full: what fitted is in the file
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def _take_over(self, damaged: Path) -> None:
        """Copy what can be read of a damaged file; gaps in the numbers are batches lost."""
        last = kept = 0
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for batch in _salvage(damaged):
                self.lost += batch.row - last - 1 if last else 0
                last, kept = batch.row, kept + 1
                _insert(self._database, [batch])
        _log.error("%d batches could be read of %s", kept, damaged.name)


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell a damaged file from a full disk or one that is locked."""
    return _code(error) in _DAMAGED


def set_aside(path: Path, error: sqlite3.DatabaseError) -> Path:
    """Rename a damaged file, so that somebody may look at it, and make room for a new one; give its name."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    log = _log_of(path)
    if log.exists():
        log.rename(_log_of(aside))
    _log.error("spool %s is damaged (%s): set aside as %s, a new one is started", path, error, aside.name)
    return aside


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _text(raw: bytes) -> str:
    """Read a text even where it is damaged; the checksum tells."""
    return raw.decode("utf-8", "replace")


def _insert(database: sqlite3.Connection, batches: Iterable[Spooled]) -> None:
    rows = ((*batch[:4], MARK + batch.payload, _checksum(batch)) for batch in batches)
    database.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)", rows)


def _checksum(batch: Spooled) -> int:
    return crc32(batch.payload, crc32(repr(batch[:4]).encode()))


def _batch(row: tuple[Any, ...]) -> Spooled | None:
    """Read a record; None where it is not what was written."""
    number, node, boot, seq, payload, crc = row
    if not isinstance(payload, bytes) or not payload.startswith(MARK):
        return None
    batch = Spooled(number, node, boot, seq, payload[len(MARK) :])
    return batch if crc == _checksum(batch) else None


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
    database.text_factory = _text
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA journal_size_limit = 4194304")
        if _is_new(database, path):
            with database:
                database.execute("BEGIN IMMEDIATE")
                database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                database.execute(_TABLE)
                _insert(database, [Spooled(0, "", "", 0, b"")])
                database.execute(f"PRAGMA user_version = {SCHEMA}")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except BaseException:
        database.close()
        raise
    return database


def _is_new(database: sqlite3.Connection, path: Path) -> bool:
    """Check a file; tell whether it is still to be made."""
    (schema,) = database.execute("PRAGMA user_version").fetchone()
    if schema not in (0, SCHEMA):
        raise _damage(f"unknown version {schema}")
    if path.stat().st_size <= CHECKED_BYTES:
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _damage(verdict)
    return bool(schema == 0)


def _damage(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _refuse_strangers(path: Path) -> None:
    """Raise `ConfigurationError` for a file that was never a spool: it is somebody's, and stays as it is."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"spool {path}: {error.strerror}", "Name a file, or a new one.") from error
    torn = len(head) < _HEADER_BYTES and head.startswith(_HEADER[: len(head)])
    ours = head[68:72] == APPLICATION_ID.to_bytes(4, "big") and head.startswith(_HEADER)
    if torn or ours or _marked(path) or _marked(_log_of(path)):
        return
    raise ConfigurationError(
        f"spool {path}: this file is no spool of this version of mallsense",
        "Name another file, or move this one away if nobody needs it.",
    )


def _marked(path: Path) -> bool:
    """Tell whether a file holds a record of a spool, or nothing but zeros, as after a power cut."""
    if not path.exists():
        return False
    blank, tail = True, b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if MARK in tail + chunk:
                return True
            blank, tail = blank and not any(chunk), chunk[-len(MARK) :]
    return blank


def _salvage(path: Path) -> Iterator[Spooled]:
    """Give the batches of a damaged file that are as they were written, in order."""
    query = f"SELECT {_COLUMNS} FROM batch WHERE id > ? ORDER BY id LIMIT 1"  # noqa: S608  # a constant
    after = unreadable = 0
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    database.text_factory = _text
    try:
        while unreadable < _UNREADABLE_IN_A_ROW:
            try:
                row = database.execute(query, (after,)).fetchone()
            except sqlite3.DatabaseError:
                after, unreadable = after + 1, unreadable + 1
                continue
            if row is None:
                return
            unreadable = 0
            if row[0] <= after:  # a tree that is out of order could go round for ever
                return
            after = row[0]
            if (batch := _batch(row)) is not None:
                yield batch
    finally:
        database.close()
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)


def _code(error: sqlite3.DatabaseError) -> int:
    """Give SQLite's primary result code."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _hint(error: sqlite3.DatabaseError, path: Path) -> str:
    if _code(error) == sqlite3.SQLITE_BUSY:
        return "Another agent uses this spool; every agent needs its own."
    return f"Check that the folder {path.parent} is there and may be written to."
