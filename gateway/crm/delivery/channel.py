"""One receiver, served: rounds of letters, at most one of each lane, until nothing may be sent now."""

import asyncio
import logging
import random
import time
from collections.abc import Callable

from gateway.crm.delivery import lanes, subscribers
from gateway.crm.delivery.pacing import Round, Streak, after
from gateway.crm.delivery.subscribers import BROKER, Subscriber
from gateway.crm.delivery.transport import Letter, Transport
from gateway.store.files import SharedWriter

_log = logging.getLogger(__name__)

PARALLEL = 16
"""Lanes of one receiver that are served at a time."""
SAY_AGAIN_S = 3600.0
LONG = 3
"""Failures in a row after which it is worth a word that it works again."""
IDLE_S = 30.0
"""How often one is looked at for which nothing waits, besides being told."""

# What is wrong stays written down until nothing waits because of it.
_BOOK = """
    UPDATE crm_subscribers SET
        failures = :failures,
        next_try_ms = :next_try_ms,
        last_error = CASE
            WHEN :problem IS NOT NULL THEN :problem
            WHEN EXISTS (SELECT 1 FROM crm_pending WHERE subscriber = :name AND attempts > 0) THEN last_error
        END,
        last_ok_ms = coalesce(:ok_ms, last_ok_ms),
        paused = max(paused, :gone)
    WHERE subscriber = :name
"""


class Channel:
    """Serves one receiver, in a task of its own: one that is slow holds up nobody else."""

    def __init__(
        self, name: str, file: SharedWriter, transport: Transport, now_ms: Callable[[], int]
    ) -> None:
        self._name = name
        self._file = file
        self._transport = transport
        self._now_ms = now_ms
        self._refusals = 0
        self._failures = 0
        self._said: dict[str, float] = {}
        self.wake = asyncio.Event()
        """Set when something may have changed."""

    async def run(self) -> None:
        """Serve for ever. Raises `UnavailableError` when the store cannot be used right now."""
        while True:
            self.wake.clear()
            rest_s = await self.round()
            if rest_s > 0:
                try:
                    await asyncio.wait_for(self.wake.wait(), rest_s)
                except TimeoutError:
                    continue

    async def round(self) -> float:
        """Send what may be sent now, and write down what came of it; gives how many seconds to wait then."""
        to, letters, rest_s = await asyncio.to_thread(self._next)
        if to is None or not letters:
            return rest_s
        answers = await asyncio.gather(*(self._transport.send(to, letter) for letter in letters))
        done = after(letters, answers, Streak(to.failures, self._refusals), random.random)
        await asyncio.to_thread(self._book, done)
        self._say(done)
        return 0.0

    def _next(self) -> tuple[Subscriber | None, list[Letter], float]:
        now_ms = self._now_ms()
        with self._file.connection() as db:
            to = subscribers.find(db, self._name)
            if to is None or to.paused:
                return None, [], IDLE_S
            if not lanes.receiver_due(to, now_ms):
                return to, [], max(0.001, (to.next_try_ms - now_ms) / 1000)
            letters, lost = lanes.heads(db, to, now_ms, 1 if to.failures else PARALLEL)
            due_ms = None if letters or lost else lanes.due_ms(db, to)
        if lost:
            with self._file.transaction() as db:
                lanes.taken(db, self._name, lost)
        if letters or lost:
            return to, letters, 0.0
        return to, [], IDLE_S if due_ms is None else min(IDLE_S, max(0.001, (due_ms - now_ms) / 1000))

    def _book(self, done: Round) -> None:
        now_ms = self._now_ms()
        with self._file.transaction() as db:
            lanes.taken(db, self._name, done.taken)
            for seq, pause_s, reason in done.failed:
                lanes.failed(db, self._name, seq, now_ms + round(pause_s * 1000), reason)
            db.execute(
                _BOOK,
                {
                    "name": self._name,
                    "failures": done.streak.failures,
                    "next_try_ms": now_ms + round(done.pause_s * 1000),
                    "problem": done.problem,
                    "ok_ms": now_ms if done.taken else None,
                    "gone": done.gone,
                },
            )
            lanes.forget_withdrawals(db)

    def _say(self, done: Round) -> None:
        """Log each problem once an hour, and when it works again after a while."""
        self._refusals = done.streak.refusals
        who = "the broker" if self._name == BROKER else f"webhook {self._name}"
        now_s = time.monotonic()
        if done.gone:
            _log.warning("%s wants no more events (410 Gone): paused until it is resumed", who)
        elif done.problem is not None and now_s >= self._said.get(done.problem, 0.0):
            self._said[done.problem] = now_s + SAY_AGAIN_S
            _log.warning("%s: %s; events wait, and are tried again for three days", who, done.problem)
        elif not done.streak.failures and self._failures >= LONG:
            _log.info("%s takes events again", who)
        self._failures = done.streak.failures
