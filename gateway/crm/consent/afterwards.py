"""What follows a withdrawal or an erasure: the history, and what is left of deleted rows in the file.

In a thread, at once, and again in a while: a device that is in the mall is written by the engine until it has
left, a server elsewhere may be away, and a node says digests until it has the new list of members' phones.
"""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, Self, TypeVar

import msgspec

from contracts.errors import MallsenseError, UnavailableError
from gateway.crm.consent.erasure import delete_subjects
from gateway.store.erasing.batches import strip_digests
from gateway.store.erasing.file import erase, present, sweep
from gateway.store.erasing.traces import Traces
from gateway.store.files import SharedWriter

Done = TypeVar("Done")

_log = logging.getLogger(__name__)

AGAIN_MS = 600_000
"""Pause before a history is looked for again."""
LOOK_S = 30.0
PATIENCE_S = 20.0
"""So long somebody waits for an answer; a large mall's day takes longer."""
LATER_MS = 4 * 24 * 3_600_000
"""So long after a withdrawal there may be more to sweep: subscribers are told for three days, and a node that
was away may still name a phone."""


class Elsewhere(Protocol):
    """The server that the history is in. Both raise `UnavailableError` and `ConfigurationError`."""

    def erase(self, traces: Traces) -> tuple[Counter[str], Traces]:
        """Take a history out; gives the number of points, and the traces with what was found there."""
        ...

    def held(self, traces: Traces) -> dict[str, list[dict[str, Any]]]:
        """Return visits, paths and stays."""
        ...


class Afterwards:
    """Finishes what deletions have begun. Any thread calls it."""

    def __init__(
        self, file: SharedWriter, wall_ms: Callable[[], int], elsewhere: Elsewhere | None = None
    ) -> None:
        """Take a connection of the CRM's; `elsewhere` = where the history is, if not in the file."""
        self._file = file
        self._wall_ms = wall_ms
        self._elsewhere = elsewhere
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="erasing", daemon=True)
        self._kept: set[str] | None = None
        self._stripped = 0
        self._until_ms = self._swept_ms = 0
        self._problem = ""

    def start(self) -> Self:
        """Go on with what an earlier run of the gateway has left."""
        self._until_ms = self._wall_ms() + LATER_MS
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread; what it has not done is done at the next start."""
        self._stop.set()
        self._jobs.put(lambda: None)
        if self._thread.is_alive():
            self._thread.join(30)

    def withdrawn(self) -> None:
        """Take digests that nobody agrees to any more out of batches, and let go of free pages and the log.

        Returns once it is done, or takes so long, or cannot be done now, that the thread does it alone.
        """
        self._soon(self._withdrawn)

    def erased(self, erasure: int) -> tuple[Counter[str], bool]:
        """Take a history out; gives the number of records by table, and whether more will be done.

        Returns as `withdrawn` does.
        """
        return self._soon(lambda: self._erased(erasure)) or (Counter(), True)

    def _soon(self, job: Callable[[], Done]) -> Done | None:
        """Do something now and give what it gives; None = it takes long, or has to be done again."""
        try:
            if not self._thread.is_alive():
                return job()
            future: Future[Done] = Future()
            self._jobs.put(lambda: _settle(future, job))
            return future.result(PATIENCE_S)
        except TimeoutError:
            return None
        except UnavailableError as error:
            self._tell(f"an erasure waits for the store: {error.message}")
            return None

    def _withdrawn(self) -> None:
        self._strip()
        self._sweep()

    def _erased(self, erasure: int) -> tuple[Counter[str], bool]:
        gone, again = self._erase(erasure)
        self._until_ms = self._wall_ms() + LATER_MS
        self._sweep()
        return gone, again

    def _erase(self, erasure: int) -> tuple[Counter[str], bool]:
        with self._file.connection() as db:
            row = db.execute(
                "SELECT traces, since_ms FROM crm_erasures WHERE erasure = ?", (erasure,)
            ).fetchone()
        if row is None:
            return Counter(), False
        traces = msgspec.json.decode(row[0], type=Traces)
        gone, found = erase(self._file, traces)
        # A page of what waits for the server may be on its way there while it is taken out here.
        again = self._elsewhere is not None and self._wall_ms() < row[1] + AGAIN_MS
        if self._elsewhere is not None:
            try:
                points, found = self._elsewhere.erase(found)
                gone += points
                more, found = erase(self._file, found)
                gone += more
            except MallsenseError as error:
                again = True
                self._tell(f"an erasure waits for the history's server: {error.message}")
        with self._file.transaction() as db:
            gone += delete_subjects(db, found)
            if again or present(db, found.devices | found.plates | found.digests):
                again = True
                db.execute(
                    "UPDATE crm_erasures SET traces = ?, next_ms = ? WHERE erasure = ?",
                    (msgspec.json.encode(found), self._wall_ms() + AGAIN_MS, erasure),
                )
            else:
                db.execute("DELETE FROM crm_erasures WHERE erasure = ?", (erasure,))
        return gone, again

    def _strip(self) -> None:
        """Look at batches that are new; and at all of them where an identifier has gone."""
        with self._file.connection() as db:
            kept = {row[0] for row in db.execute("SELECT digest FROM crm_claims WHERE ended_ms IS NULL")}
        if self._kept is None or self._kept - kept:
            self._stripped = 0
            self._until_ms = self._wall_ms() + LATER_MS
        self._stripped, _ = strip_digests(self._file, self._stripped, kept)
        self._kept = kept

    def _sweep(self) -> None:
        if not sweep(self._file):  # somebody reads; the next look is soon
            self._swept_ms = 0

    # The thread

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                try:
                    self._jobs.get(timeout=LOOK_S)()
                except queue.Empty:
                    self.round()
            except UnavailableError as error:
                self._tell(f"an erasure waits for the store: {error.message}")
            except Exception as error:  # noqa: BLE001  # a thread that has ended would erase nothing any more
                self._tell(f"erasing fails ({type(error).__name__}); please report it.")  # its text may quote

    def round(self) -> int:
        """Do what is due; gives how many erasures were gone on with. Raises `UnavailableError`.

        What is due later than after a pause was put off by a clock that has been set back since.
        """
        now_ms = self._wall_ms()
        with self._file.connection() as db:
            due = db.execute(
                "SELECT erasure FROM crm_erasures WHERE next_ms NOT BETWEEN ? AND ? ORDER BY erasure",
                (now_ms + 1, now_ms + AGAIN_MS),
            ).fetchall()
        for (erasure,) in due:
            self._erase(erasure)
        if due or not now_ms - AGAIN_MS < self._swept_ms <= now_ms:
            self._strip()
            self._swept_ms = now_ms
            if due or now_ms < self._until_ms:
                self._sweep()
        return len(due)

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            _log.warning("%s\nThe gateway goes on with it by itself.", problem)
        self._problem = problem


def _settle(future: "Future[Done]", job: Callable[[], Done]) -> None:
    try:
        future.set_result(job())
    except Exception as error:  # noqa: BLE001  # whoever waits for it is told
        future.set_exception(error)
