"""The file behind the SQLite store: who may read it, who may write it, and what its errors mean."""

import fcntl
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import ConfigurationError, UnavailableError

BUSY_TIMEOUT_S = 5.0


def prepare(path: Path) -> None:
    """Make the file, readable by its owner alone; SQLite gives its companions the same rights.

    Raises `ConfigurationError` where that is not possible.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the store {path}: {error.strerror}",
            "Choose another file with --store, or make its folder writable.",
        ) from error


def lock(path: Path) -> int:
    """Keep other gateways from writing to the same store until the descriptor it gives is closed.

    Raises `ConfigurationError` when another one has it.
    """
    descriptor = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ConfigurationError(
            f"another gateway writes to the store {path}",
            "Stop it first, or choose another file with --store.",
        ) from error
    return descriptor


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open a connection that writes. A commit is on disk when it returns (WAL, synchronous=FULL)."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    # What is deleted is overwritten inside of pages; whole pages go when they are used again, or swept.
    connection.execute("PRAGMA secure_delete = FAST")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA mmap_size = 268435456")
    return connection


class SharedWriter:
    """A connection of its own that writes, and that any thread may use: one at a time.

    Both ways to it raise `UnavailableError` when the file cannot be used right now.
    """

    def __init__(self, path: Path) -> None:
        """Open a file that `SqliteStore` has made."""
        self._path = path
        self._lock = threading.Lock()
        with explained(path):
            self._db = connect_writer(path)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Give the connection; each statement is a transaction."""
        with self._lock, explained(self._path):
            yield self._db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all of it or nothing."""
        with self._lock, transaction(self._path, self._db):
            yield self._db

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


@contextmanager
def transaction(path: Path, db: sqlite3.Connection) -> Iterator[None]:
    """Write all of it or nothing. Raises `UnavailableError` as `explained` does."""
    with explained(path), _in_turn(path, db.execute("PRAGMA busy_timeout").fetchone()[0] / 1000.0):
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


class _Queue:
    """Threads that want to write to one file, in the order in which they came."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: deque[threading.Event] = deque()


QUEUES: dict[Path, _Queue] = {}
"""By the file."""


@contextmanager
def _in_turn(path: Path, timeout_s: float) -> Iterator[None]:
    """Wait until nobody in this process who came before writes to a file, but not longer than this.

    SQLite has no queue: it lets in who asks while nobody writes, and whoever waits asks ten times a second.
    Who writes without a pause would keep it from the others for seconds.
    """
    queue, mine = QUEUES.setdefault(path, _Queue()), threading.Event()
    with queue.lock:
        queue.waiting.append(mine)
        queue.waiting[0].set()
    mine.wait(timeout_s)
    try:
        yield
    finally:
        with queue.lock:
            queue.waiting.remove(mine)
            if queue.waiting:
                queue.waiting[0].set()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into `UnavailableError` that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise UnavailableError(f"the store {path} cannot be used: {error}", _advice(str(error))) from error


def _advice(message: str) -> str:
    if "full" in message:
        return "Free some space on its disk; the gateway goes on by itself, and nothing it was sent is lost."
    if "locked" in message or "busy" in message:
        return "Another program holds the file; end it. The gateway goes on by itself."
    if "malformed" in message or "not a database" in message:
        return "The file is damaged or no store. Move it away to start a new one, or restore a copy."
    return "Check the disk and the file's owner; the gateway tries again by itself."
