"""What waits for the gateway: encoded batches, oldest first, until somebody has said that they are stored.

A batch is in memory first. What is confirmed within a second is never written, so a node that has its broker
does not wear its card; what is not goes to disk at the next `commit`. On disk it is SQLite in WAL mode with
`synchronous=FULL`: what `commit` has written survives a killed process and a power cut. A power cut costs
what was heard since the last commit, at most. Each record carries a checksum. The spool is bounded: where it
is full, the oldest batches are dropped and counted. One process owns a spool.
"""

import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

from edge_agent.spool_file import Spooled, SpoolFile, is_damage, set_aside

__all__ = ["Spool", "Spooled"]

_log = logging.getLogger(__name__)

MAX_BYTES = 1024 * 1024 * 1024
"""A node that hears 50 frames a second fills this in about three days without a broker."""
UNWRITTEN_BYTES = 16 * 1024 * 1024
"""Most that waits in memory while the disk takes nothing."""


class Spool:
    """A durable queue. Safe to use from several threads; nobody waits for the disk but who commits or peeks.

    Raises:
        ConfigurationError: the file cannot be opened, belongs to another process or is no spool. A spool that
            is damaged is set aside (`NAME.damaged-N`); what can be read of it goes into a new one.

    """

    def __init__(
        self, path: Path, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = path
        self.boot = secrets.token_hex(8)
        """New at every opening: a number once given is never given to another batch, whatever was lost."""
        self.dropped = 0
        """Batches given up since opening: the spool or the disk was full, or a record was damaged."""
        self._max_bytes = max_bytes
        self._lock = threading.RLock()  # of what is in memory; held for moments only
        self._disk = threading.RLock()  # of the file; taken before the other one
        self._sequence = 0
        self._written: dict[int, int] = {}  # bytes of each batch on disk, oldest first
        self._new: dict[int, Spooled] = {}  # batches that are not, ...
        self._since_s: dict[int, float] = {}  # ... and since when they wait
        self._clock = clock
        self._bytes = self._new_bytes = 0
        self._acked: list[int] = []
        self._complaint = ""
        self._file = SpoolFile(path)
        self.dropped += self._file.lost
        self._written = self._file.sizes()
        self._bytes = sum(self._written.values())
        self._row = max(self._written, default=0)

    @property
    def batches(self) -> int:
        """Batches that wait, on disk or not."""
        with self._lock:
            return len(self._written) + len(self._new)

    @property
    def size_bytes(self) -> int:
        """Bytes of the payloads that wait."""
        return self._bytes

    @property
    def uncommitted(self) -> int:
        """Batches that a power cut would still lose."""
        return len(self._new)

    @property
    def uncommitted_bytes(self) -> int:
        """Bytes of their payloads."""
        return self._new_bytes

    @property
    def uncommitted_s(self) -> float:
        """Seconds for which the oldest of them has waited."""
        with self._lock:
            return self._clock() - next(iter(self._since_s.values())) if self._since_s else 0.0

    @property
    def undeleted(self) -> int:
        """Batches that are safe elsewhere and still on disk."""
        return len(self._acked)

    def number(self) -> int:
        """Give the next batch its sequence number; (node, boot, number) is its identity for good."""
        with self._lock:
            self._sequence += 1
            return self._sequence - 1

    def append(self, node: str, seq: int, payload: bytes) -> None:
        """Add a batch, numbered by `number`; unless it is acked before, the next `commit` writes it."""
        with self._lock:
            self._row += 1
            self._new[self._row] = Spooled(self._row, node, self.boot, seq, payload)
            self._since_s[self._row] = self._clock()
            self._bytes += len(payload)
            self._new_bytes += len(payload)

    def ack(self, rows: Iterable[int]) -> None:
        """Say that these rows are safe elsewhere; those on disk are deleted by the next `commit`."""
        with self._lock:
            for row in rows:
                if (size := self._no_longer_new(row)) is not None:
                    self._bytes -= size
                elif row in self._written:
                    self._bytes -= self._written.pop(row)
                    self._acked.append(row)

    def give_up(self, rows: Sequence[int]) -> None:
        """Drop batches and count them; those on disk are deleted by the next write."""
        with self._lock:
            self.dropped += len(rows)
            self.ack(rows)

    def commit(self) -> None:
        """Write what was appended and delete what was acked, in one transaction; then keep the bound.

        A full disk makes room by dropping the oldest tenth; if that does not help, new batches wait in
        memory, `UNWRITTEN_BYTES` of them at most.
        """
        with self._disk:
            self._keep_bound()
            with self._lock:
                new, acked = list(self._new.values()), self._acked
                self._acked = []
            if not new and not acked:
                return
            try:
                self._write(new, acked)
            except sqlite3.DatabaseError as error:
                self._recover(error, new, acked)

    def peek(self, after: int, limit: int) -> list[Spooled]:
        """Give up to `limit` batches above row `after`, oldest first, without damaged ones."""
        with self._disk:
            try:
                found = self._peek_disk(after, limit)
            except sqlite3.DatabaseError as error:
                self._recover(error, [], [])
                return []
            with self._lock:
                later = (batch for row, batch in self._new.items() if row > after)
                return [*found, *islice(later, limit - len(found))]

    def close(self) -> None:
        """Commit what is left and give the file back."""
        with self._disk:
            self.commit()
            self._file.close()

    def _peek_disk(self, after: int, limit: int) -> list[Spooled]:
        found: list[Spooled] = []
        while len(found) < limit:
            batches, damaged = self._file.read(after, limit - len(found))
            if not batches and not damaged:
                break
            after = max(*damaged, *(batch.row for batch in batches), after)
            with self._lock:
                if damaged:
                    self._complain("damaged batches; check the disk")
                    self.give_up(damaged)
                found += [batch for batch in batches if batch.row in self._written]  # the rest is acked
        return found

    def _write(self, new: Sequence[Spooled], acked: Sequence[int]) -> None:
        """Write and delete on disk, then in the books. What was acked meanwhile is deleted next time."""
        self._file.write(new, acked)
        with self._lock:
            for batch in new:
                if (size := self._no_longer_new(batch.row)) is None:
                    self._acked.append(batch.row)
                else:
                    self._written[batch.row] = size

    def _no_longer_new(self, row: int) -> int | None:
        """Take a batch out of those that are in memory alone; give its bytes, None where it is none."""
        batch = self._new.pop(row, None)
        if batch is None:
            return None
        del self._since_s[row]
        self._new_bytes -= len(batch.payload)
        return len(batch.payload)

    def _keep_bound(self) -> None:
        with self._lock:
            if self._bytes > self._max_bytes:
                self._complain(f"full ({self._max_bytes:,} bytes); is the gateway reachable?")
                new = ((row, len(batch.payload)) for row, batch in self._new.items())
                self.give_up(_oldest(self._bytes - self._max_bytes, [*self._written.items(), *new]))

    def _recover(self, error: sqlite3.DatabaseError, new: Sequence[Spooled], acked: Sequence[int]) -> None:
        """Go on after a failed write or read: replace a damaged file, make room on a full disk."""
        try:
            if is_damage(error):
                self._start_anew(error)
                self._write(new, [])
                return
            self._complain(f"{error}; the oldest batches make room")
            with self._lock:
                oldest = _oldest(sum(self._written.values()) // 10, self._written.items())
                acked, self._acked = [*acked, *self._acked], []
            self._file.fold_log()
            self._file.write([], [*acked, *oldest])
            with self._lock:  # only now: dropping makes room nowhere if the disk does not take even that
                self.give_up(oldest)
            acked = []
            self._write(new, [])
        except sqlite3.DatabaseError as again:
            self._complain(f"{again}; new batches wait in memory until there is room")
            with self._lock:
                self._acked += acked  # deleted when the disk lets us
                while self._new_bytes > UNWRITTEN_BYTES:
                    self.give_up([next(iter(self._new))])

    def _start_anew(self, error: sqlite3.DatabaseError) -> None:
        """Set the file aside and go on with what can be read of it."""
        self._file.close()
        aside = set_aside(self.path, error)
        self._file = SpoolFile(self.path, salvage_from=aside)
        with self._lock:
            kept = self._file.sizes()
            self.dropped += len(self._written.keys() - kept.keys())
            self._acked = [row for row in kept if row not in self._written]
            self._written = {row: size for row, size in kept.items() if row in self._written}
            self._bytes = sum(self._written.values()) + self._new_bytes

    def _complain(self, what: str) -> None:
        """Log once what is wrong; the counter tells how often."""
        if what != self._complaint:
            _log.error("spool %s: %s", self.path, what)
        self._complaint = what


def _oldest(excess_bytes: int, sizes: Iterable[tuple[int, int]]) -> list[int]:
    """Give the first rows of (row, bytes) until so many bytes are together."""
    rows = []
    for row, size in sizes:
        if excess_bytes <= 0:
            break
        rows.append(row)
        excess_bytes -= size
    return rows
