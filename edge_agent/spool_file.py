"""The file of a spool: opened, checked, set aside where it is damaged."""

import logging
import sqlite3
from pathlib import Path

from contracts.errors import ConfigurationError

_log = logging.getLogger(__name__)

SCHEMA = 1
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def open_database(path: Path) -> sqlite3.Connection:
    """Open a spool's file, or start one; a damaged file is set aside first, with a message.

    Raises:
        ConfigurationError: it cannot be opened, or another process has it.

    """
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise ConfigurationError(f"spool {path}: {error}", _hint(error, path)) from error
        set_aside(path, error)
    return _connect(path)


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell a damaged file from a full disk or one that is locked."""
    return _code(error) in _DAMAGED


def set_aside(path: Path, error: sqlite3.DatabaseError) -> None:
    """Rename a damaged file, so that somebody may look at it, and make room for a new one."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.rename(aside.with_name(f"{aside.name}-wal"))
    _log.error("spool %s is damaged (%s): set aside as %s, a new one is started", path, error, aside.name)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA journal_size_limit = 4194304")
        _check(database)
        database.execute(
            "CREATE TABLE IF NOT EXISTS batch (id INTEGER PRIMARY KEY, node TEXT NOT NULL,"
            " crc INTEGER NOT NULL, payload BLOB NOT NULL) STRICT"
        )
        database.execute(f"PRAGMA user_version = {SCHEMA}")
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection) -> None:
    (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    (schema,) = database.execute("PRAGMA user_version").fetchone()
    if verdict == "ok" and schema in (0, SCHEMA):
        return
    error = sqlite3.DatabaseError(verdict if verdict != "ok" else f"unknown version {schema}")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error


def _code(error: sqlite3.DatabaseError) -> int:
    """Give SQLite's primary result code."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _hint(error: sqlite3.DatabaseError, path: Path) -> str:
    if _code(error) == sqlite3.SQLITE_BUSY:
        return "Another agent uses this spool; every agent needs its own."
    return f"Check that the folder {path.parent} is there and may be written to."
