"""From the spool to the gateway: in order, some in flight at once, each deleted once the gateway has it.

The broker's answer is not enough. mosquitto acknowledges a message and saves it a moment later: of 30 that
were killed under load, 21 had lost one that they had acknowledged (`benchmarks/broker_loss.py`). So a batch
is kept until the gateway says that it is on its disk, and sent again after a connection broke; of one that
comes twice the gateway keeps one.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection

from contracts.topics import Topics
from edge_agent.connection import Connection
from edge_agent.gateway_view import GatewayView
from edge_agent.outstanding import Outstanding
from edge_agent.spool import Spool, Spooled
from edge_agent.token_bucket import TokenBucket

_log = logging.getLogger(__name__)

IDLE_S = 0.5
"""Longest wait for something to do."""
COMMIT_S = 1.0
"""What was not confirmed in this time goes to disk: what a power cut may cost, and one fsync at most."""
DELETE_S = 10.0
"""Deletions alone are committed this often: one that a power cut undoes is sent again, and stored once."""
COMMIT_BYTES = 4 * 1024 * 1024
"""So much is not held back; a replay makes it in less than a second."""
RETRY_S = 5.0
"""How long to wait after the broker has refused a batch."""
CONFIRM_S = 30.0
"""A batch that the broker has taken and the gateway has not confirmed in this time is sent again."""
LONGEST_CONFIRM_S = 600.0
"""Each time it waits twice as long, up to this."""
UNCONFIRMED = 64
"""Batches that may wait for the gateway's word; so many are sent again after a connection broke."""
SETTLE_S = 0.3
"""A retained status is here so soon after the broker's first answer; else there is no such gateway."""
CATCH_UP = 10.0
"""Batches a second that a live node sends at most. It makes one: an hour's outage is caught up with in seven
minutes, and forty nodes that come back together are a load that a gateway takes."""
_PACKET_OVERHEAD_BYTES = 64
_NOT_MINE = "Not authorized"
_MEANS = {
    "No matching subscribers": "no gateway of this mall is connected to it",
    _NOT_MINE: "is the certificate this node's, and is the node in the broker's access list?",
}
"""What a reason of the broker, as paho names it, means here."""
_AWAY = "the gateway is away"


class Publisher:
    """Moves the spool to the gateway in a thread of its own.

    A batch stays in the spool until the gateway has confirmed it; where the gateway is one that does not
    confirm, until the broker has and somebody listens. While the gateway is known to be away nothing is sent:
    the spool is made for waiting, and a broker's queue is not.
    """

    def __init__(
        self,
        spool: Spool,
        connection: Connection,
        topics: Topics,
        wake: threading.Event,
        *,
        gateway: GatewayView | None = None,
        rate_hz: float | None = None,
        nodes: Collection[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `start` begins. At most `rate_hz` batches a second are sent; None = as fast as they go.

        Batches of others than `nodes` that the broker does not let through are given up: they are of the node
        that a card was in before, and would hold up all that comes after them.
        """
        self.sent = 0
        """Batches that are safe elsewhere."""
        self._spool = spool
        self._connection = connection
        self._topics = topics
        self._wake = wake
        self._gateway = gateway or GatewayView()
        self._rate = TokenBucket(rate_hz, clock)
        self._nodes = nodes
        self._strangers: set[str] = set()
        self._clock = clock
        self._connections = 0
        self._cursor = 0
        self._ahead: deque[Spooled] = deque()
        self._in_flight: dict[int, int] = {}
        self._out = Outstanding()
        self._patience_s = CONFIRM_S
        self._answered_s: float | None = None
        self._hold_until_s = 0.0
        self._committed_s = clock()
        self._complaint = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    @property
    def trouble(self) -> str:
        """Why batches wait, in words for people; empty where all is well."""
        return self._connection.trouble or self._complaint or (_AWAY if self._gateway.away else "")

    def start(self) -> None:
        """Connect and start to send."""
        self._connection.start()
        self._thread.start()

    def drained(self) -> bool:
        """Tell whether everything is safe elsewhere."""
        return self._spool.batches == 0

    def stop(self) -> None:
        """Stop sending, commit what is known, say goodbye. What is left stays in the spool."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._connection.stop()
        self._take_answers()
        self._take_confirmed()
        self._spool.commit()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._step():
                self._wake.wait(self._idle_s())
                self._wake.clear()

    def _idle_s(self) -> float:
        """Give the time until there may be something to do."""
        idle_s = min(IDLE_S, self._rate.wait_s() or IDLE_S)
        return (
            min(idle_s, max(COMMIT_S - self._spool.uncommitted_s, 0.0)) if self._spool.uncommitted else idle_s
        )

    def _step(self) -> bool:
        """Do what can be done now; tell whether there was anything."""
        self._notice_reconnect()
        answered = self._take_answers()
        confirmed = self._take_confirmed()
        self._lose_patience()
        self._commit_if_due()
        return self._send() or answered or confirmed

    def _commit_if_due(self) -> None:
        spool, now_s = self._spool, self._clock()
        due = spool.uncommitted_s >= COMMIT_S or spool.uncommitted_bytes >= COMMIT_BYTES
        if due or (spool.undeleted and now_s - self._committed_s >= DELETE_S):
            spool.commit()
            self._committed_s = now_s

    def _notice_reconnect(self) -> None:
        """Send again on a new connection what nobody has confirmed: the broker may have lost it."""
        if self._connection.connections != self._connections:
            self._connections = self._connection.connections
            self._answered_s = None
            self._again(self._out.taken)

    def _lose_patience(self) -> None:
        """Send again what the broker has had for long: word of it may have been lost."""
        waiting = self._gateway.confirms and self._gateway.online
        if waiting and self._out.longest_s(self._clock()) > self._patience_s:
            self._patience_s = min(2 * self._patience_s, LONGEST_CONFIRM_S)
            self._again(self._out.taken)

    def _again(self, rows: tuple[int, ...]) -> None:
        """Go back to the oldest of these rows."""
        if rows:
            self._cursor = min(self._cursor, min(rows) - 1)
            self._ahead.clear()
            self._out.remove(rows)

    def _take_answers(self) -> bool:
        """Take what the broker says of batches."""
        answers, now_s = self._connection.answers, self._clock()
        any_answer = bool(answers)
        if any_answer and self._answered_s is None:
            self._answered_s = now_s
        while answers:
            message, reason = answers.popleft()
            row = self._in_flight.pop(message, None)
            if row is None or row not in self._out:
                continue  # birth, health, goodbye; or confirmed already
            if reason:
                self._refused(row, reason)
            else:
                self._out.take(row, now_s)
        self._take_the_brokers_word()
        return any_answer

    def _take_the_brokers_word(self) -> None:
        """Let it do where there is no gateway that confirms."""
        gateway, answered_s = self._gateway, self._answered_s
        # The subscription was sent before anything else, so a status would have come before these answers.
        if gateway.confirms is None and answered_s is not None and self._clock() - answered_s > SETTLE_S:
            gateway.confirms = False
        if gateway.confirms is False and (taken := self._out.taken):
            self._safe(taken)

    def _take_confirmed(self) -> bool:
        """Take what the gateway says of batches."""
        stored, any_row = self._gateway.stored, False
        while stored:
            word = stored.popleft()
            if rows := self._out.rows_of((word.node, word.boot, seq) for seq in word.seqs):
                self._patience_s, any_row = CONFIRM_S, True
                self._safe(rows)
        return any_row

    def _safe(self, rows: tuple[int, ...]) -> None:
        self._out.remove(rows)
        self.sent += len(rows)
        self._spool.ack(rows)
        if self._clock() >= self._hold_until_s:
            self._complaint = ""

    def _refused(self, row: int, reason: str) -> None:
        """Keep the batch, and start again from it a little later; one of another node is given up."""
        node = self._out.node_of(row)
        if reason == _NOT_MINE and self._nodes is not None and node not in self._nodes:
            if node not in self._strangers:
                self._strangers.add(node)
                _log.error("batches of %s are in this spool, which is another node's: given up", node)
            self._out.remove((row,))
            self._spool.give_up((row,))
            return
        self._again((row,))
        why = f"{reason} ({_MEANS[reason]})" if reason in _MEANS else reason
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
            self._out.add(batch)
            self._rate.take()
            sent = True
        return sent

    def _may_send(self) -> bool:
        connection = self._connection
        return (
            connection.connected.is_set()
            and len(self._in_flight) < connection.window
            and len(self._out) < UNCONFIRMED
            and not self._gateway.away
            and self._clock() >= self._hold_until_s
            and self._rate.allows()
            and not self._stopping.is_set()
        )

    def _next(self) -> Spooled | None:
        """Give the next batch that is not on its way."""
        flying = set(self._in_flight.values())
        while True:
            if not self._ahead:
                self._ahead.extend(self._spool.peek(self._cursor, 2 * self._connection.window))
                if not self._ahead:
                    return None
                self._cursor = self._ahead[-1].row
            batch = self._ahead.popleft()
            if batch.row not in flying and batch.row not in self._out:
                return batch
