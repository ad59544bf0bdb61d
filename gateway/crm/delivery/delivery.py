"""Delivery of the feed: a thread that serves every subscriber, each in a task of its own."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Self

import msgspec

from contracts.crm import FeedKind, WebhookTest
from contracts.errors import UnavailableError
from contracts.events import stable_id
from gateway.crm.announcing import announcement
from gateway.crm.delivery import keeping, lanes, subscribers
from gateway.crm.delivery.channel import Channel
from gateway.crm.delivery.desk import Desk
from gateway.crm.delivery.filters import Segments
from gateway.crm.delivery.transport import Answer, Letter, Transport
from gateway.crm.matching.feed import Feed
from gateway.store.files import SharedWriter

_log = logging.getLogger(__name__)

TURN_S = 1.0
"""How often the feed is looked at, besides being told that it grew."""
SETTLE_S = 3600.0
"""After a start nothing is given up for so long: what waited while the gateway was off gets its tries."""
TIDY_S = 30.0
STORE_S = 5.0
"""Pause after the store could not be used."""
JOIN_S = 5.0
TRY_OUT_S = 30.0


class Delivery:
    """Sends the feed to whoever subscribed. Any thread calls it.

    A row is taken off only when its receiver has it: whatever is killed, it is sent again, with the same
    `webhook-id`. Receivers do not wait for each other, and the feed waits for none of them.
    """

    def __init__(
        self,
        file: SharedWriter,
        feed: Feed,
        webhooks: Transport,
        broker: Transport | None,
        *,
        mall: str,
        segments: Segments,
        kept_ms: int,
        now_ms: Callable[[], int],
        settle_s: float = SETTLE_S,
    ) -> None:
        """Describe it; `start` begins.

        Args:
            file: a connection of its own.
            feed: what is told; its `told` wakes this.
            webhooks: the way to those who have a URL.
            broker: the way to the mall's broker; None = there is none.
            mall: the mall's id.
            segments: which segments a person is in.
            kept_ms: how long dead letters are kept.
            now_ms: the wall's time.
            settle_s: how long nothing is given up after a start.

        """
        self._file, self._feed = file, feed
        self._webhooks, self._broker = webhooks, broker
        self._mall, self._segments, self._kept_ms, self._now_ms = mall, segments, kept_ms, now_ms
        self._settle_s = settle_s
        self.desk = Desk(file, now_ms, self.wake)
        """What people do with webhooks."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._channels: dict[str, Channel] = {}
        self._said: set[str] = set()
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crm-delivery", daemon=True)

    def start(self) -> Self:
        """Begin."""
        if self._broker is not None:
            with self._file.transaction() as db:
                subscribers.ensure_broker(db, lanes.newest(db))
        self._thread.start()
        self._began.wait(JOIN_S)
        return self

    def stop(self) -> None:
        """End. What is on its way is sent again after the next start."""
        self._soon(lambda: self._main.cancel() if self._main is not None else None)
        self._feed.told()  # the thread that waits for more lets go
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        self._file.close()

    def wake(self) -> None:
        """Say that subscribers, or what they wait for, have changed."""
        self._soon(self._changed.set)

    def try_out(self, name: str) -> tuple[Answer, float]:
        """Send a test event to one webhook, now and once; gives its answer and how many seconds it took.

        Raises `UnknownError` where there is no such webhook, `UnavailableError` where delivery does not run.
        """
        with self._file.connection() as db:
            to = subscribers.find(db, name)
        if to is None or to.url is None:
            raise subscribers.unknown(name)
        if self._loop is None or not self._thread.is_alive():
            raise UnavailableError("nothing is delivered right now", "The gateway is starting or stopping.")
        letter = ping(self._mall, name, self._now_ms())
        before_s = time.monotonic()
        try:
            answer = asyncio.run_coroutine_threadsafe(self._webhooks.send(to, letter), self._loop).result(
                TRY_OUT_S
            )
        except (TimeoutError, CancelledError) as error:
            raise UnavailableError("the test was not sent", "Try again.") from error
        return answer, time.monotonic() - before_s

    def _soon(self, call: Callable[[], object]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            with suppress(RuntimeError):  # closed in between: nobody is left to be told
                loop.call_soon_threadsafe(call)

    # The thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except asyncio.CancelledError:
            _log.debug("delivery has ended")

    async def _serve(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._began.set()
        parts = [self._follow(), self._for_ever(self._turns), self._for_ever(self._tidy)]
        background = [asyncio.create_task(each) for each in parts]
        try:
            await asyncio.gather(*background)
        finally:
            everything = [*background, *self._tasks.values()]
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)
            await self._webhooks.close()

    async def _for_ever(self, run: Callable[[], Awaitable[None]]) -> None:
        """Do something whatever happens; a store that cannot be used is asked again after a while."""
        while True:
            try:
                await run()
            except UnavailableError as error:
                self._log_once(error.message, "%s; deliveries wait", error)
            except Exception as error:  # noqa: BLE001  # whatever it is, the others have to go on
                name = type(error).__name__  # without its text: that may quote what is in the file
                self._log_once(name, "delivery fails (%s); it is tried again. Please report it.", name)
            await asyncio.sleep(STORE_S)

    def _log_once(self, cause: str, message: str, *values: object) -> None:
        if cause not in self._said:
            self._said.add(cause)
            _log.error(message, *values)

    async def _follow(self) -> None:
        """Turn the feed's word into an event of this loop."""
        seen = 0
        while True:
            seen = await asyncio.to_thread(self._feed.wait, seen, TURN_S)
            self._changed.set()

    async def _turns(self) -> None:
        """Have new rows wait, and serve every subscriber in a task."""
        while True:
            self._changed.clear()
            more, names = await asyncio.to_thread(self._fill)
            self._serve_all(names)
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), TURN_S)

    def _fill(self) -> tuple[bool, set[str]]:
        """Look at a page of the feed for everybody; gives whether there is more, and who everybody is."""
        with self._file.connection() as db:
            newest = lanes.newest(db)
            everybody = subscribers.everybody(db)
        more = False
        for to in everybody:
            if to.cursor < newest:
                with self._file.transaction() as db:
                    more |= lanes.enqueue(db, to.subscriber, self._now_ms(), self._segments)
        return more, {to.subscriber for to in everybody}

    def _serve_all(self, names: set[str]) -> None:
        for name in self._tasks.keys() - names:
            self._tasks.pop(name).cancel()
            del self._channels[name]
        for name in names:
            transport = self._broker if name == subscribers.BROKER else self._webhooks
            if name not in self._tasks and transport is not None:
                self._channels[name] = Channel(name, self._file, transport, self._now_ms)
                self._tasks[name] = asyncio.create_task(self._for_ever(self._channels[name].run))
        for channel in self._channels.values():
            channel.wake.set()

    async def _tidy(self) -> None:
        """Give up what has waited for three days, and let go of what nobody needs."""
        await asyncio.sleep(self._settle_s)
        while True:
            while await asyncio.to_thread(self._give_up):
                continue
            await asyncio.sleep(TIDY_S)

    def _give_up(self) -> bool:
        now_ms = self._now_ms()
        with self._file.transaction() as db:
            dead = lanes.give_up(db, now_ms)
            keeping.forget_dead(db, now_ms - self._kept_ms)
            lanes.forget_withdrawals(db)
        for name in dead:
            self._log_once(
                f"dead {name}",
                "what waited for %s for three days is given up: `mallsense crm webhooks dead` shows it, and"
                " `replay` sends it again",
                name,
            )
        return sum(dead.values()) == lanes.PAGE


def ping(mall: str, name: str, now_ms: int) -> Letter:
    """Return a test event for a webhook."""
    kind = FeedKind.WEBHOOK_TEST
    tried = WebhookTest(subscriber=name, t_ms=now_ms)
    event = announcement(mall, kind, stable_id("test", name, now_ms), subject=name, t_ms=now_ms, data=tried)
    return Letter(0, name, 0, event.id, 1, kind, name, msgspec.json.encode(event))
