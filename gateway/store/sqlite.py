"""The embedded store: one SQLite file with write-ahead log; one thread writes, any thread reads."""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

from contracts.control import CarParkCount
from contracts.errors import ConfigurationError
from contracts.messages import AgentStatus, ObservationBatch, decode
from contracts.site import Retention
from gateway.store import columns, files, schema, statements
from gateway.store.hours import add_up_hours
from gateway.store.reading import HOUR_MS, SqliteHistory
from gateway.store.records import WHOLE_CAR_PARK, Checkpoint, Event, Input, Outputs

_DAY_MS = 24 * HOUR_MS
_DELETED_AT_ONCE = 20_000
"""Rows a transaction of the retention deletes at most, so that the journal never waits long."""


class SqliteStore(SqliteHistory):
    """A `Store` in one file (and SQLite's `-wal` and `-shm` beside it), readable by its owner alone."""

    def __init__(self, path: FilePath) -> None:
        """Open or make the file.

        Raises `ConfigurationError` when it cannot be written, another gateway has it, it is no store or of a
        newer mallsense.
        """
        super().__init__(path)
        files.prepare(path)
        self._lock = files.lock(path)
        try:
            self._db = self._open(path)
        except BaseException:
            os.close(self._lock)
            raise

    @staticmethod
    def _open(path: FilePath) -> sqlite3.Connection:
        try:
            db = files.connect_writer(path)
        except sqlite3.DatabaseError as error:
            raise _unusable(path, error) from error
        try:
            found = schema.version(db)
            if found <= len(schema.MIGRATIONS):
                schema.migrate(db)
                return db
        except sqlite3.DatabaseError as error:
            db.close()
            raise _unusable(path, error) from error
        db.close()
        raise ConfigurationError(
            f"the store {path} has version {found}, this mallsense knows {len(schema.MIGRATIONS)}",
            "A newer mallsense wrote it: install that one, or choose another file with --store.",
        )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all of it or nothing; for the thread that writes. Raises `UnavailableError`."""
        with files.transaction(self._path, self._db):
            yield self._db

    # The journal

    def append(self, inputs: Sequence[Input]) -> list[int | None]:
        """Keep these messages for good; see `Journal.append`."""
        rows = [_journal_row(item) for item in inputs]
        with self.transaction() as db:
            return [_insert_new(db, row) for row in rows]

    def after(self, position: int) -> Iterator[tuple[int, Input]]:
        """The messages after this position, in order, with their positions."""
        with files.explained(self._path):
            rows = self._db.execute(
                "SELECT id, boot, payload FROM journal WHERE id > ? ORDER BY id", (position,)
            )
            for number, boot, packed in rows:
                payload = columns.unpack(packed)
                yield number, Input(_read_back(payload, boot), payload)

    def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint; None in a new store."""
        with files.explained(self._path):
            row = self._db.execute(
                "SELECT position, t_ms, next_cursor, site, engine, recorder FROM checkpoint"
            ).fetchone()
        if row is None:
            return None
        position, t_ms, next_cursor, site, engine, recorder = row
        return Checkpoint(position, t_ms, next_cursor, site, columns.unpack(engine), columns.unpack(recorder))

    # Writing the history

    def commit(
        self,
        outputs: Outputs,
        checkpoint: Checkpoint | None,
        also: Callable[[sqlite3.Connection], object] | None = None,
    ) -> None:
        """Write the outputs of ticks and the checkpoint after them: all of it or nothing.

        `also` is called with the connection, to write more in the same transaction.
        """
        work = [*statements.statements(outputs)]
        state = None if checkpoint is None else (
            checkpoint.position, checkpoint.t_ms, checkpoint.next_cursor, checkpoint.site,
            columns.pack(checkpoint.engine), columns.pack(checkpoint.recorder),
        )  # fmt: skip
        with self.transaction() as db:
            for sql, rows in work:
                db.executemany(sql, rows)
            for floor, hour_ms in sorted(
                {(c.floor, c.minute_ms // HOUR_MS * HOUR_MS) for c in outputs.cell_minutes}
            ):
                add_up_hours(db, floor, hour_ms, minutes="cell_minutes", hours="cell_hours")
            if also is not None:
                also(db)
            if state is not None:
                db.execute("INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?, ?, ?, ?, ?)", state)

    def unpublished(self) -> list[Event]:
        """Events that the broker has not taken yet as far as is known, in order, with their payloads."""
        with files.explained(self._path):
            rows = self._db.execute(
                "SELECT cursor, id, kind, t_ms, zone, floor, visit, dwell_s, payload FROM events"
                " WHERE payload IS NOT NULL ORDER BY cursor"
            ).fetchall()
        return [Event(*row) for row in rows]

    def abandon_open_visits(self) -> int:
        """End the open visits where their device was last seen: their state is lost. Gives how many."""
        with self.transaction() as db:
            return db.execute("UPDATE visits SET ended_ms = seen_ms WHERE ended_ms IS NULL").rowcount

    def secret(self) -> bytes:
        """32 random bytes that belong to this store and stay the same."""
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO secret VALUES (1, ?)", (secrets.token_bytes(32),))
            value: bytes = db.execute("SELECT value FROM secret").fetchone()[0]
            return value

    # Retention

    def expire(self, now_ms: int, retention: Retention) -> int:
        """Delete what is older than it may be at event time `now_ms`; gives the number of records deleted."""
        observations = now_ms - retention.observations_h * HOUR_MS
        positions = now_ms - retention.positions_d * _DAY_MS
        visits = now_ms - retention.visits_d * _DAY_MS
        rollups = now_ms - retention.rollups_d * _DAY_MS
        deleted = self._delete(
            # What the checkpoint has not seen is needed for a restart, however old it is.
            "DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE t_ms < ? AND id <="
            " coalesce((SELECT position FROM checkpoint), 0) LIMIT ?)",
            observations,
        )
        for table, key, column, before in (
            ("positions", "t_ms, floor", "t_ms", positions),
            ("cell_minutes", "floor, minute_ms", "minute_ms", positions),
            ("events", "cursor", "t_ms", positions),
            ("visits", "visit", "started_ms", visits),
            ("paths", "path", "started_ms", visits),
            ("stays", "stay", "started_ms", visits),
            ("zone_minutes", "minute_ms, zone", "minute_ms", rollups),
            ("car_park_minutes", "minute_ms, area", "minute_ms", rollups),
            ("cell_hours", "floor, minute_ms", "minute_ms", rollups),
        ):
            deleted += self._delete(
                f"DELETE FROM {table} WHERE ({key}) IN"  # noqa: S608  # names from the list above
                f" (SELECT {key} FROM {table} WHERE {column} < ? LIMIT ?)",
                before,
            )
        with files.explained(self._path):
            self._db.execute("PRAGMA incremental_vacuum(2000)").fetchall()
        return deleted

    def _delete(self, sql: str, before_ms: int) -> int:
        total = 0
        while True:
            with self.transaction() as db:
                count = db.execute(sql, (before_ms, _DELETED_AT_ONCE)).rowcount
            total += count
            if count < _DELETED_AT_ONCE:
                return total

    def close(self) -> None:
        """Let go of the files."""
        self.close_readers()
        self._db.close()
        os.close(self._lock)


def _unusable(path: FilePath, error: sqlite3.DatabaseError) -> ConfigurationError:
    return ConfigurationError(
        f"the store {path} cannot be opened: {error}",
        "Choose another file with --store, or move this one away to start a new one.",
    )


_COUNT = "count of cars"
"""Stands in the journal where a batch has the identity of its spool."""


def _journal_row(item: Input) -> tuple[Any, ...]:
    message, payload = item.message, columns.pack(item.payload)
    if isinstance(message, ObservationBatch):
        return message.node, message.boot, message.seq, message.watermark_ms, payload
    if isinstance(message, CarParkCount):
        return message.area or WHOLE_CAR_PARK, _COUNT, None, message.t_ms, payload
    return message.agent, None, None, message.since_ms, payload


def _insert_new(db: sqlite3.Connection, row: tuple[Any, ...]) -> int | None:
    done = db.execute(
        "INSERT OR IGNORE INTO journal (node, boot, seq, t_ms, payload) VALUES (?, ?, ?, ?, ?)", row
    )
    return done.lastrowid if done.rowcount else None


def _read_back(payload: bytes, boot: str | None) -> ObservationBatch | AgentStatus | CarParkCount:
    if boot is None:
        return decode(payload, AgentStatus)
    if boot == _COUNT:
        return decode(payload, CarParkCount)
    return decode(payload, ObservationBatch)
