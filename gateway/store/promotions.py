"""Promotions that operators write down: marks on the time line of every chart."""

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.store.files import SharedWriter

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
        self._also = also
        self._file = SharedWriter(path)

    def between(self, from_ms: int, to_ms: int) -> list[Promotion]:
        """Those that some part of the period lies in, by their start. Raises `UnavailableError`."""
        with self._file.connection() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM promotions WHERE start_ms < ? AND end_ms > ? AND NOT removed"  # noqa: S608
                " ORDER BY start_ms, promotion",
                (to_ms, from_ms),
            ).fetchall()
        return [_promotion(row) for row in rows]

    def add(self, zone: str, start_ms: int, end_ms: int, title_en: str, title_zh: str) -> Promotion:
        """Write a new one down. Raises `UnavailableError`."""
        made = Promotion(secrets.token_hex(4), zone, start_ms, end_ms, title_en, title_zh)
        with self._file.transaction() as db:
            self._write(db, made)
        return made

    def remove(self, promotion: str) -> bool:
        """Take one back; tells whether it was there. Raises `UnavailableError`."""
        with self._file.transaction() as db:
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

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _promotion(row: tuple[str, str, int, int, str, str, int]) -> Promotion:
    return Promotion(*row[:6], removed=bool(row[6]))
