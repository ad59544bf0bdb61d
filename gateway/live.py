"""The live picture: the newest tick, handed to every screen that looks, none of which can hold up another."""

import asyncio
import threading
from collections import deque
from contextlib import suppress

from gateway.engine import Tick
from gateway.frames import Frames
from gateway.store.records import Event

FRAME_EVERY_S = 0.5
"""At most this often is a frame made."""
AT_LEAST_EVERY_S = 5.0
"""While nothing changes, the same frame is sent again this often: a viewer knows its connection lives."""
EVENTS_KEPT = 500


class Latest:
    """The newest tick and the newest events. The pipeline's thread writes, any thread reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tick: Tick | None = None
        self._mall_ms = 0
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def show(self, tick: Tick, events: list[Event], mall_ms: int) -> None:
        """Take a tick, with the mall's time at which it was computed."""
        with self._lock:
            self._tick, self._mall_ms = tick, mall_ms
            self._events.extend(events)
            wake = self._wake
        if wake is not None:
            loop, event = wake
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # the loop is closed: nobody looks any more
                self.wake(None, None)

    def wake(self, loop: asyncio.AbstractEventLoop | None, event: asyncio.Event | None) -> None:
        """Set this event in this loop at every tick from now on; None = no more."""
        with self._lock:
            self._wake = (loop, event) if loop is not None and event is not None else None

    def newest(self) -> tuple[Tick, int] | None:
        """The newest tick, and how far it is behind the mall's time in ms; None before the first."""
        with self._lock:
            return None if self._tick is None else (self._tick, self._mall_ms - self._tick.t_ms)

    def events_after(self, cursor: int) -> list[Event]:
        """The newest events with a higher cursor."""
        with self._lock:
            return [event for event in self._events if event.cursor > cursor]


class Viewer:
    """One screen: the floor it looks at, and the newest frame it has not been sent."""

    def __init__(self, floor: str) -> None:
        self.floor = floor
        self._frame: str | None = None
        self._ready = asyncio.Event()

    def offer(self, frame: str) -> None:
        """Put a frame down; one that was not taken yet is forgotten."""
        self._frame = frame
        self._ready.set()

    async def next(self) -> str:
        """Wait for a frame."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            if (frame := self._frame) is not None:
                self._frame = None
                return frame


class Hub:
    """Makes each floor's frame once and offers it to everybody who looks at that floor."""

    def __init__(self, latest: Latest, frames: Frames) -> None:
        self._latest = latest
        self._frames = frames
        self._viewers: set[Viewer] = set()
        self._sent_cursor = 0

    async def run(self) -> None:
        """Offer frames until cancelled."""
        wake = asyncio.Event()
        self._latest.wake(asyncio.get_running_loop(), wake)
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), AT_LEAST_EVERY_S)
                wake.clear()
                self._broadcast()
                await asyncio.sleep(FRAME_EVERY_S)
        finally:
            self._latest.wake(None, None)

    def _broadcast(self) -> None:
        newest = self._latest.newest()
        if newest is None:
            return
        tick, delay_ms = newest
        events = self._latest.events_after(self._sent_cursor)
        if events:
            self._sent_cursor = events[-1].cursor
        for floor in {viewer.floor for viewer in self._viewers}:
            frame = self._frames.live(tick, floor, delay_ms, events).model_dump_json()
            for viewer in self._viewers:
                if viewer.floor == floor:
                    viewer.offer(frame)

    def join(self, viewer: Viewer) -> None:
        """Offer frames to a viewer from now on, beginning with the present."""
        self._viewers.add(viewer)
        self.refresh(viewer)

    def refresh(self, viewer: Viewer) -> None:
        """Offer a viewer the present at once, for it has just come or changed its floor."""
        if (newest := self._latest.newest()) is not None:
            tick, delay_ms = newest
            viewer.offer(self._frames.live(tick, viewer.floor, delay_ms, []).model_dump_json())

    def leave(self, viewer: Viewer) -> None:
        """Offer no more frames to a viewer."""
        self._viewers.discard(viewer)
