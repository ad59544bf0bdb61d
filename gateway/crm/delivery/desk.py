"""What people do with webhooks: add, change, remove, ask again; delivery is told.

Each is a transaction, or one for each page where there may be many rows: the pipeline writes in between.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from sqlite3 import Connection

from gateway.crm.delivery import dead_letters, lanes, status, subscribers
from gateway.crm.delivery.dead_letters import DeadLetter
from gateway.crm.delivery.filters import Filter
from gateway.crm.delivery.status import Status
from gateway.crm.delivery.subscribers import BOTH_MS, BROKER, Subscriber
from gateway.store.files import SharedWriter


class Desk:
    """The webhooks of one mall. Any thread asks; raises `UnavailableError`, and `UnknownError` of a name."""

    def __init__(self, file: SharedWriter, now_ms: Callable[[], int], wake: Callable[[], None]) -> None:
        """Take the connection that delivery uses; `wake` tells it that something has changed."""
        self._file = file
        self._now_ms = now_ms
        self._wake = wake

    def everybody(self) -> list[Status]:
        """Return all webhooks, by name."""
        with self._file.connection() as db:
            return [one for one in status.statuses(db) if one.to.url is not None]

    def one(self, name: str) -> Status:
        """Return one."""
        with self._file.connection() as db:
            return status.status(db, name)

    def add(
        self, name: str, url: str, wanted: Filter, *, private: bool, since_ms: int | None
    ) -> tuple[Status, str]:
        """Add a webhook that begins at an event time, or now; gives it and its secret.

        Raises `TakenError`.
        """
        with self._changing() as db:
            cursor = dead_letters.cursor_at(db, since_ms)
            secret = subscribers.add(db, name, url, wanted, private=private, cursor=cursor)
            return status.status(db, name), subscribers.shown(secret)

    def change(self, name: str, url: str, wanted: Filter, *, private: bool, paused: bool) -> Status:
        """Change one; what waits already goes on waiting, and is tried at once."""
        zones, kinds, segments = wanted.columns()
        with self._changing() as db:
            self._known(db, name)
            subscribers.change(
                db, name, url=url, zones=zones, kinds=kinds, segments=segments, private=private,
                paused=paused, last_error=None,
            )  # fmt: skip
            return status.status(db, name)

    def remove(self, name: str) -> None:
        """Remove one, with all that waits for it."""
        some = 1
        while some:
            with self._changing() as db:
                self._known(db, name)
                some = lanes.drop(db, name)
                if not some:
                    subscribers.remove(db, name)

    def rotate(self, name: str) -> tuple[str, int]:
        """Give one a new secret; gives it, and until when the one before signs beside it."""
        now_ms = self._now_ms()
        with self._changing() as db:
            self._known(db, name)
            return subscribers.shown(subscribers.rotate(db, name, now_ms)), now_ms + BOTH_MS

    def dead(self, name: str, after: int, limit: int) -> list[DeadLetter]:
        """Return dead letters above a number, in order."""
        with self._file.connection() as db:
            self._known(db, name)
            return dead_letters.dead_letters(db, name, after, limit)

    def replay_event(self, name: str, event: str) -> int:
        """Have one event sent again; gives how many revisions of it there are."""
        with self._changing() as db:
            return dead_letters.replay_event(db, self._known(db, name), event, self._now_ms())

    def replay_dead(self, name: str) -> int:
        """Have all dead letters sent again that the feed still has; gives how many."""
        count, page = 0, 1
        while page:
            with self._changing() as db:
                page = dead_letters.replay_dead(db, self._known(db, name), self._now_ms())
            count += page
        return count

    def replay_from(self, name: str, from_ms: int) -> int:
        """Have the feed sent again from an event time on; gives how many rows are looked at."""
        with self._changing() as db:
            return dead_letters.replay_from(db, self._known(db, name), from_ms)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._file.transaction() as db:
            yield db
        self._wake()

    @staticmethod
    def _known(db: Connection, name: str) -> Subscriber:
        to = subscribers.find(db, name)
        if to is None or name == BROKER:
            raise subscribers.unknown(name)
        return to
