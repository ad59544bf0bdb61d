"""How far a node's clock is off: measured against the gateway's, as NTP measures it.

An MQTT broker tells no time, so the gateway beside it does: a node asks, and four moments are known. With t1
and t4 by the node's clock (asked, answered) and t2 and t3 by the gateway's (taken, sent),

    offset = ((t2 - t1) + (t3 - t4)) / 2        round trip = (t4 - t1) - (t3 - t2)

(RFC 5905, section 8). However long either way takes, the truth is within half a round trip of the offset; so
of the last few answers, the one that was fastest counts (RFC 5905, section 10, "clock filter").
"""

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from contracts.control import TimeAnswer, TimeRequest
from contracts.errors import MessageError
from contracts.messages import decode, encode

_log = logging.getLogger(__name__)

KEPT = 8
"""Answers among which the fastest is chosen: the length of NTP's clock filter."""
FIRST_EVERY_S = 2.0
EVERY_S = 64.0
"""Seconds between two requests: often until there are `KEPT` answers, then NTP's usual poll."""
LONGEST_ROUND_TRIP_S = 5.0
"""A slower answer says too little."""
DRIFT = 100e-6
"""What a clock may drift, seconds per second: a cheap quartz in the heat."""


class Sample(NamedTuple):
    """One answer."""

    offset_s: float
    """What the gateway's clock is ahead of the node's: what to add to the node's."""
    round_trip_s: float
    at_s: float
    """When, on the node's monotonic clock."""

    def slack_s(self, now_s: float) -> float:
        """How far the truth may be from `offset_s` by now."""
        return self.round_trip_s / 2 + DRIFT * (now_s - self.at_s)


def sample(sent_s: float, received_s: float, answered_s: float, taken_s: float, *, at_s: float) -> Sample:
    """Compute offset and round trip from the four moments t1, t2, t3, t4, in seconds."""
    return Sample(
        ((received_s - sent_s) + (answered_s - taken_s)) / 2,
        max(0.0, (taken_s - sent_s) - (answered_s - received_s)),
        at_s,
    )


class ClockFilter:
    """Keeps the last few samples and chooses the best."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=KEPT)

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, new: Sample) -> None:
        """Take in a sample; older ones that cannot both be true go: a clock was set since then."""
        for old in list(self._samples):
            if abs(old.offset_s - new.offset_s) > old.slack_s(new.at_s) + new.slack_s(new.at_s):
                self._samples.remove(old)
        self._samples.append(new)

    def best(self, now_s: float) -> Sample | None:
        """Return the sample that says most by now; None where there is none."""
        return min(self._samples, key=lambda s: s.slack_s(now_s), default=None)


class ClockOffset:
    """Asks for the time now and then, and knows how far the clock of this node is off.

    `take` is called by the network thread, the rest by the agent's.
    """

    def __init__(
        self,
        node: str,
        *,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """`wall` gives seconds since 1970, the clock in question; `monotonic` measures durations."""
        self._node = node
        self._wall, self._monotonic = wall, monotonic
        self._lock = threading.Lock()
        self._asked: tuple[str, float, float] | None = None  # id, by both clocks
        self._due_s = monotonic()
        self._filter = ClockFilter()
        self._complained = False

    @property
    def best(self) -> Sample | None:
        """The answer that says most by now; None while nobody has answered."""
        with self._lock:
            return self._filter.best(self._monotonic())

    @property
    def offset_ms(self) -> float | None:
        """What to add to this node's clock to get the gateway's; None while nobody has answered."""
        best = self.best
        return None if best is None else round(best.offset_s * 1000, 1)

    def request(self) -> bytes | None:
        """Return the request that is due now, to be sent at once; None where none is due."""
        with self._lock:
            now_s = self._monotonic()
            if now_s < self._due_s:
                return None
            self._due_s = now_s + (EVERY_S if len(self._filter) >= KEPT else FIRST_EVERY_S)
            name = secrets.token_hex(8)
            self._asked = (name, self._wall(), now_s)
        return encode(TimeRequest(node=self._node, id=name))

    def take(self, payload: bytes) -> None:
        """Take an answer in; one to another request, or that nobody can read, is passed over."""
        now_s = self._monotonic()
        try:
            answer = decode(payload, TimeAnswer)
        except MessageError as error:
            if not self._complained:
                _log.warning("an answer to what time it is cannot be read: %s", error)
            self._complained = True
            return
        with self._lock:
            if self._asked is None or answer.id != self._asked[0]:
                return
            _, sent_s, asked_s = self._asked
            self._asked = None
            # By the monotonic clock: the other may have been set in between.
            taken_s = sent_s + (now_s - asked_s)
            new = sample(sent_s, answer.received_us / 1e6, answer.sent_us / 1e6, taken_s, at_s=now_s)
            if new.round_trip_s <= LONGEST_ROUND_TRIP_S:
                self._filter.add(new)
