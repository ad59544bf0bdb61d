"""Promotions that operators write down: marks on the time line of every chart."""

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.store import files

_COLUMNS = "promotion, zone, start_ms, end_ms, title_en, title_zh, removed"


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion from `start_ms` to `end_ms`, in a zone or, with `WHOLE_MALL`, everywhere."""

    promotion: str
    zone: str
    start_ms: int
    end_ms: int
    title_en: str
    title_zh: str
    removed: bool = False
    """Somebody has taken it back."""


class Promotions:
    """The promotions of a mall, in tables of the SQLite file beside its gateway. Any thread calls it."""

    def __init__(
        self, path: Path, also: Callable[[sqlite3.Connection, Promotion], None] | None = None
    ) -> None:
        """Open the file; `also` is called in the transaction of every change."""
        self._path = path
        self._also = also
        self._lock = threading.Lock()
        self._db = files.connect_writer(path)

    def between(self, from_ms: int, to_ms: int) -> list[Promotion]:
        """Those that some part of the period lies in, by their start. Raises `UnavailableError`."""
        with self._lock, files.explained(self._path):
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM promotions WHERE start_ms < ? AND end_ms > ? AND NOT removed"  # noqa: S608
                " ORDER BY start_ms, promotion",
                (to_ms, from_ms),
            ).fetchall()
        return [_promotion(row) for row in rows]

    def add(self, zone: str, start_ms: int, end_ms: int, title_en: str, title_zh: str) -> Promotion:
        """Write a new one down. Raises `UnavailableError`."""
        made = Promotion(secrets.token_hex(4), zone, start_ms, end_ms, title_en, title_zh)
        with self._transaction() as db:
            self._write(db, made)
        return made

    def remove(self, promotion: str) -> bool:
        """Take one back; tells whether it was there. Raises `UnavailableError`."""
        with self._transaction() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM promotions WHERE promotion = ? AND NOT removed",  # noqa: S608
                (promotion,),
            ).fetchone()
            if row is not None:
                self._write(db, replace(_promotion(row), removed=True))
        return row is not None

    def _write(self, db: sqlite3.Connection, one: Promotion) -> None:
        db.execute(
            "INSERT OR REPLACE INTO promotions VALUES (?, ?, ?, ?, ?, ?, ?)",
            (one.promotion, one.zone, one.start_ms, one.end_ms, one.title_en, one.title_zh, one.removed),
        )
        if self._also is not None:
            self._also(db, one)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, files.explained(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


def _promotion(row: tuple[str, str, int, int, str, str, int]) -> Promotion:
    return Promotion(*row[:6], removed=bool(row[6]))
