"""The CRM's way into the SQLite file beside the gateway: what is deleted is overwritten, not only let go."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.store.files import SharedWriter


def open_file(path: Path) -> SharedWriter:
    """Open a connection of the CRM's own into a file that `SqliteStore` has made.

    What any of them deletes is overwritten with zeros in the file (SQLite: `PRAGMA secure_delete`); what the
    write-ahead log still holds of it goes with `PRAGMA wal_checkpoint(TRUNCATE)`.
    """
    writer = SharedWriter(path)
    with writer.connection() as db:
        db.execute("PRAGMA secure_delete = ON")
    return writer


@contextmanager
def reading(file: SharedWriter) -> Iterator[sqlite3.Connection]:
    """Give a connection with everything as it is at one moment. Raises `UnavailableError`."""
    with file.connection() as db:
        db.execute("BEGIN")
        try:
            yield db
        finally:
            db.execute("ROLLBACK")
