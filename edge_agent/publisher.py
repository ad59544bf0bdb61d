"""From the spool to the broker: in order, some in flight at once, each deleted once the broker has it."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from contracts.topics import Topics
from edge_agent.connection import Connection
from edge_agent.spool import Spool, Spooled

_log = logging.getLogger(__name__)

IDLE_S = 0.5
"""Longest wait for something to do."""
GROUP_S = 0.02
"""Shortest time between two commits: batches that come together share one."""
ACK_COMMIT_S = 1.0
"""Deletions alone are committed this often."""
RETRY_S = 5.0
"""How long to wait after the broker has refused a batch."""
_PACKET_OVERHEAD_BYTES = 64
_NOBODY_LISTENS = "No matching subscribers"
"""How paho names reason 0x10."""


class Publisher:
    """Moves the spool to the broker in a thread of its own.

    A batch stays in the spool until the broker has confirmed it and somebody listens to it: where a broker
    says that a batch has no subscriber (MQTT 5, reason 0x10), no gateway has asked for it yet: it is kept.
    """

    def __init__(
        self,
        spool: Spool,
        connection: Connection,
        topics: Topics,
        wake: threading.Event,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sent = 0
        """Batches that the broker has confirmed."""
        self._spool = spool
        self._connection = connection
        self._topics = topics
        self._wake = wake
        self._clock = clock
        self._cursor = 0
        self._ahead: deque[Spooled] = deque()
        self._in_flight: dict[int, int] = {}
        self._hold_until_s = 0.0
        self._committed_s = clock()
        self._complaint = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    @property
    def trouble(self) -> str:
        """Why batches wait, in words for people; empty where all is well."""
        return self._connection.trouble or self._complaint

    def start(self) -> None:
        """Connect and start to send."""
        self._connection.start()
        self._thread.start()

    def drained(self) -> bool:
        """Tell whether the broker has everything."""
        return self._spool.batches == 0

    def stop(self) -> None:
        """Stop sending, commit what is known, say goodbye. What is left stays in the spool."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._connection.stop()
        self._take_answers()
        self._spool.commit()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._step():
                self._wake.wait(GROUP_S if self._spool.uncommitted else IDLE_S)
                self._wake.clear()

    def _step(self) -> bool:
        """Do what can be done now; tell whether there was anything."""
        answered = self._take_answers()
        self._commit()
        return self._send() or answered

    def _commit(self) -> None:
        waited_s = self._clock() - self._committed_s
        if waited_s >= (GROUP_S if self._spool.uncommitted else ACK_COMMIT_S):
            self._spool.commit()
            self._committed_s = self._clock()

    def _take_answers(self) -> bool:
        answers = self._connection.answers
        taken = []
        any_answer = bool(answers)
        while answers:
            message, reason = answers.popleft()
            row = self._in_flight.pop(message, None)
            if row is None:
                continue  # birth, health, goodbye
            if reason:
                self._refused(row, reason)
            else:
                taken.append(row)
        if taken:
            self.sent += len(taken)
            self._spool.ack(taken)
            if self._clock() >= self._hold_until_s:
                self._complaint = ""
        return any_answer

    def _refused(self, row: int, reason: str) -> None:
        """Keep the batch, and start again from it a little later."""
        self._cursor = min(self._cursor, row - 1)
        self._ahead.clear()
        why = (
            f"{reason} (no gateway of this mall is connected to it)" if reason == _NOBODY_LISTENS else reason
        )
        self._complain(f"the broker at {self._connection.address} does not take batches: {why}")
        self._hold_until_s = self._clock() + RETRY_S

    def _complain(self, what: str) -> None:
        if what != self._complaint:
            _log.warning("%s; trying again, they wait in the spool", what)
        self._complaint = what

    def _send(self) -> bool:
        """Fill the window; tell whether anything was sent."""
        sent = False
        while self._may_send() and (batch := self._next()):
            limit = self._connection.max_packet_bytes - _PACKET_OVERHEAD_BYTES - len(batch.node)
            if len(batch.payload) > limit:
                self._ahead.appendleft(batch)
                self._hold_until_s = self._clock() + RETRY_S
                self._complain(
                    f"the broker takes {limit} bytes, a batch has {len(batch.payload)}: raise its limit"
                )
                break
            message = self._connection.publish(self._topics.observations(batch.node), batch.payload)
            if message is None:
                self._ahead.appendleft(batch)
                break
            self._in_flight[message] = batch.row
            sent = True
        return sent

    def _may_send(self) -> bool:
        connection = self._connection
        return (
            connection.connected.is_set()
            and len(self._in_flight) < connection.window
            and self._clock() >= self._hold_until_s
            and not self._stopping.is_set()
        )

    def _next(self) -> Spooled | None:
        """Give the next committed batch that is not in flight."""
        flying = set(self._in_flight.values())
        while True:
            if not self._ahead:
                self._ahead.extend(self._spool.peek(self._cursor, 2 * self._connection.window))
                if not self._ahead:
                    return None
                self._cursor = self._ahead[-1].row
            batch = self._ahead.popleft()
            if batch.row not in flying:
                return batch
