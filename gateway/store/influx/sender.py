"""The thread that posts what is in the outbox, in order, until the server has it."""

import logging
import random
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

from contracts.errors import ConfigurationError, MallsenseError, UnavailableError
from gateway.store.influx.errors import RefusedError, TooLargeError
from gateway.store.outbox import Body, Destination, Outbox, Waiting, halves

_log = logging.getLogger(__name__)

PAUSE_S = (0.5, 30.0)
"""After the first failure, and at most. It doubles each time, and chance shortens it by up to half, so that
the gateways of a group do not all come back at once."""
IDLE_S = 1.0
"""How often an empty outbox is looked at, besides being told."""
PAGE = 16
"""Bodies that are read, posted and taken out together."""
JOIN_S = 5.0
_CAUSES = 100


class Client(Protocol):
    """What is needed of `gateway.store.influx.client.InfluxClient`."""

    def write(self, database: str, policy: str, body: bytes) -> None:
        """Write line protocol; see there for what is raised."""
        ...


@dataclass(frozen=True, slots=True)
class SenderState:
    """How the server is, as its writes tell."""

    waiting: Waiting = field(default_factory=Waiting)
    problem: str | None = None
    """Why something waits, in words for people; None where all is well."""
    lost: dict[str, int] = field(default_factory=dict)
    """Points that will never arrive, by cause: `refused` by the server, or the outbox was `full`."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    problem: str
    pause_s: float
    until_s: float


class Sender:
    """Posts the bodies of an outbox. Those of one destination go in order.

    While the server is away, or has no such database, they wait, and are tried again. What it refuses for
    good is counted and logged once per cause, and does not hold up the rest.
    """

    def __init__(self, client: Client, outbox: Outbox, *, pause_s: tuple[float, float] = PAUSE_S) -> None:
        self._client = client
        self._outbox = outbox
        self._pause_s = pause_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._troubles: dict[Destination | None, _Trouble] = {}  # None: the server, or the outbox itself
        self._causes: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="influx", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that something has been put into the outbox."""
        self._wake.set()

    def drain(self, timeout_s: float) -> bool:
        """Wait until nothing waits any more, or there is trouble; tells whether all has arrived."""
        until_s = time.monotonic() + timeout_s
        while self._thread.is_alive() and not self._troubles and time.monotonic() < until_s:
            self._wake.set()
            if not self._outbox.waiting().bodies:
                return True
            time.sleep(0.01)
        return not self._outbox.waiting().bodies

    def stop(self) -> None:
        """End. A request that hangs is left to the end of the process; what it holds stays in the outbox."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def state(self) -> SenderState:
        """How it is; any thread asks. Raises `UnavailableError` when the outbox cannot be read."""
        problem = next((trouble.problem for trouble in self._troubles.copy().values()), None)
        return SenderState(self._outbox.waiting(), problem, self._outbox.lost())

    # The thread

    def _run(self) -> None:
        while not self._stop.is_set():
            trouble = self._troubles.get(None)
            if trouble is not None and (rest_s := trouble.until_s - time.monotonic()) > 0:
                self._stop.wait(rest_s)
            elif not self._round() and None not in self._troubles:
                self._wake.wait(IDLE_S)
                self._wake.clear()

    def _round(self) -> int:
        """Post a page for each destination; gives how many bodies went."""
        sent = 0
        try:
            for destination in self._outbox.destinations():
                trouble = self._troubles.get(destination)
                if trouble is not None and trouble.until_s > time.monotonic():
                    continue
                try:
                    sent += self._page(destination)
                except ConfigurationError as error:
                    self._failed(destination, error)
        except UnavailableError as error:
            self._failed(None, error)
        except Exception as error:  # noqa: BLE001  # whatever a library raises, this thread has to go on
            if None not in self._troubles:
                _log.exception("posting to InfluxDB failed in a way that is not known")
            problem = f"posting to InfluxDB failed: {type(error).__name__}: {error}"
            self._failed(None, UnavailableError(problem, "Please report it with the log."))
        return sent

    def _page(self, destination: Destination) -> int:
        done: list[int] = []
        refused = 0
        try:
            for body in self._outbox.oldest(destination, PAGE):
                if self._stop.is_set():
                    break
                refused += self._post(destination, body)
                done.append(body.id)
        finally:
            if done:
                self._outbox.take_out(destination, done, refused)
                self._works(destination)
        return len(done)

    def _post(self, destination: Destination, body: Body) -> int:
        """Post a body, in parts where it is too large; gives the number of points that were refused."""
        try:
            self._client.write(*destination, body.data)
        except TooLargeError as error:
            parts = halves(body)
            if parts is None:
                self._log_refusal(destination, error)
                return body.points
            return sum(self._post(destination, part) for part in parts)
        except RefusedError as error:
            self._log_refusal(destination, error)
            return body.points if error.dropped is None else error.dropped
        return 0

    def _log_refusal(self, destination: Destination, error: MallsenseError) -> None:
        cause = re.sub(r"\d+|'[^']*'|\"[^\"]*\"", "#", f"{destination} {error.message}")
        if cause not in self._causes and len(self._causes) < _CAUSES:
            self._causes.add(cause)
            _log.error(
                "points for %s/%s are refused: %s. %s The rest goes on; further ones are only counted.",
                *destination, error.message[:500], error.hint,
            )  # fmt: skip

    def _failed(self, where: Destination | None, error: MallsenseError) -> None:
        before = self._troubles.get(where)
        first_s, most_s = self._pause_s
        pause_s = first_s if before is None else min(2 * before.pause_s, most_s)
        until_s = time.monotonic() + pause_s * random.uniform(0.5, 1.0)  # noqa: S311  # only spreads load
        self._troubles[where] = _Trouble(error.message, pause_s, until_s)
        if before is None or before.problem != error.message:
            _log.error("%s\nThe gateway goes on; its history waits on its disk.", error)

    def _works(self, destination: Destination) -> None:
        for where in (None, destination):
            if self._troubles.pop(where, None) is not None:
                _log.warning("writing to %s/%s works again", *destination)
