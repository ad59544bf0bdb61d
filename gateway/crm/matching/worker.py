"""The thread that takes in what the pipeline hands over: in order, each item once, whatever happens."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from contracts.errors import UnavailableError
from gateway.crm.file import open_file, reading
from gateway.crm.matching import inbox
from gateway.crm.matching.inbox import Item
from gateway.crm.matching.matcher import Matcher
from gateway.crm.matching.retention import Retention

_log = logging.getLogger(__name__)

BATCH = 500
"""Items in a transaction at most: a twentieth of a second, in which the pipeline cannot write."""
LOOK_EVERY_S = 1.0
"""Consents and identities are changed by others: so often is looked whether they were."""
RETRY_S = 2.0
"""Pause after the file could not be used."""


class Worker:
    """Matches, for as long as the gateway runs."""

    def __init__(
        self,
        path: Path,
        mall: str,
        counters: Counter[str],
        *,
        retention: Retention,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """Open a connection of its own into the store's file; `told` is called when rows were committed."""
        self.file = open_file(path)
        self.matcher = Matcher(mall, counters)
        self.problem: str | None = None
        """Why nothing can be written now."""
        self._counters = counters
        self._retention = retention
        self._told = told
        self._causes: set[str] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crm matching", daemon=True)

    def start(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def wake(self) -> None:
        """Say that there is something to take in."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the transaction, and stop; what waits is taken in at the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(30)
        self.file.close()

    def step(self) -> bool:
        """Take in what comes next, in one transaction; tells whether there was anything.

        Raises `UnavailableError` when the file cannot be used: nothing has been taken in then.
        """
        with reading(self.file) as db:
            items = inbox.first(db, BATCH)
            if not items and self.matcher.current(db):
                return False
            self.matcher.look_ahead(db)
        try:
            self._take(items)
        except UnavailableError:
            self.matcher.forget()
            raise
        except Exception:  # noqa: BLE001  # whichever item it is must not hold up the others
            self.matcher.forget()
            self._one_by_one(items)
        self._told()
        return True

    def _take(self, items: Sequence[Item]) -> None:
        with self.file.transaction() as db:
            self.matcher.take(db, items)
            inbox.take_out(db, items)

    def _one_by_one(self, items: Sequence[Item]) -> None:
        """Take in each item on its own; those that cannot be are counted, and left out."""
        self._take([])
        for item in items:
            try:
                self._take([item])
            except UnavailableError:
                self.matcher.forget()
                raise
            except Exception as error:  # noqa: BLE001
                self.matcher.forget()
                self._set_aside(item, error)

    def _set_aside(self, item: Item, error: Exception) -> None:
        with self.file.transaction() as db:
            inbox.take_out(db, [item])
        self._counters["left_out"] += 1
        cause = f"{item.kind}: {type(error).__name__}"
        if cause not in self._causes:  # the text of an error may quote what was in the item
            self._causes.add(cause)
            _log.error(
                "the CRM cannot read what the pipeline has handed over (%s): it is left out, and from now on"
                " counted. Was the gateway put back to an older version? Please report it otherwise.",
                cause,
            )

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self.step()
                self._retention.run_if_due(self.file)
            except UnavailableError as error:
                if self.problem is None:
                    _log.error("the CRM waits: %s", error)
                self.problem = error.message
                self._stopping.wait(RETRY_S)
                continue
            except Exception as error:  # noqa: BLE001  # a thread that has ended would match nobody any more
                if self.problem is None:  # without its text: that may quote what is in the file
                    _log.error(
                        "the CRM cannot decide whose devices are (%s); it tries again. Please report it.",
                        type(error).__name__,
                    )
                self.problem = f"matching fails: {type(error).__name__}"
                self._stopping.wait(RETRY_S)
                continue
            self.problem = None
            if not busy:
                self._wake.wait(LOOK_EVERY_S)
                self._wake.clear()
