"""The cameras of a node as they see now: a thread each for their pictures, another for reading them."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Self

from contracts.plates import CameraHealth
from contracts.site.model import Camera
from edge_agent.camera.address import CameraAddress
from edge_agent.camera.newest import NewestPicture
from edge_agent.camera.picture import Image, PlateReader, Reading
from edge_agent.camera.troubles import Trouble, clock_jump
from edge_agent.camera.watcher import OnReadings, Watcher
from edge_agent.sources.event_clock import EventClock
from edge_agent.sources.protocol import PlateSighting

_log = logging.getLogger(__name__)

WAIT_S = 0.5
"""How long a camera's thread waits for a picture before it looks whether it shall stop."""
SILENT_MS = 5_000
"""After so long without a picture, what was followed has ended."""
JUMP_SHOWN_S = 60.0
"""How long health tells that the clock has jumped."""


class SharedReader:
    """One reader of plates for all cameras of a node: it is large, and reads one picture at a time anyway."""

    def __init__(self, reader: PlateReader) -> None:
        self._reader = reader
        self._lock = threading.Lock()

    def read(self, image: Image) -> Sequence[Reading]:
        """Give the plates in a picture; waits while another camera's picture is read."""
        with self._lock:
            return self._reader.read(image)


class _LiveCamera:
    """One camera: its newest picture, what is seen in it."""

    def __init__(self, camera: Camera, newest: NewestPicture, watcher: Watcher, where: str) -> None:
        self.id = camera.id
        self.newest, self.watcher = newest, watcher
        self._where = where
        self._jump: tuple[float, Trouble] | None = None
        self._last_ms = 0
        self._complaints: set[str] = set()

    def step(self, event_s: Callable[[float], float]) -> list[PlateSighting]:
        """Wait a little for a picture; give what is to be said."""
        fresh = self.newest.take(WAIT_S)
        if fresh is None:
            now_ms = round(event_s(time.monotonic()) * 1000)
            if self._last_ms and now_ms - self._last_ms > SILENT_MS:
                self._last_ms = 0
                return list(self.watcher.end(now_ms))
            return []
        self._last_ms = round(event_s(fresh.monotonic_s) * 1000)
        return list(self.watcher.look(self._last_ms, fresh.image))

    def complain(self, error: Exception) -> None:
        """Say once per cause that a picture could not be read; its message might hold a plate."""
        cause = type(error).__name__
        if cause not in self._complaints:
            _log.error("camera %s: a picture could not be read (%s); it is passed over", self.id, cause)
        self._complaints.add(cause)

    def jumped(self, by_s: float, until_s: float) -> None:
        """Take in that the machine's clock was set."""
        self._jump = (until_s, clock_jump(f"the node of {self._where}", by_s))

    def health(self, now_s: float, keeps_until_ms: int | None) -> CameraHealth:
        """Say how it is."""
        jump = self._jump[1] if self._jump is not None and now_s < self._jump[0] else None
        trouble = self.newest.trouble or jump
        return CameraHealth(
            camera=self.id,
            frames=self.newest.frames,
            replaced=self.newest.replaced,
            still=self.watcher.still,
            passages=self.watcher.passages,
            reconnects=self.newest.reconnects,
            trouble=trouble.kind if trouble else None,
            advice=trouble.advice if trouble else "",
            keeps_images_until_ms=keeps_until_ms,
        )


class LiveCameras:
    """All cameras of a node. Use it as a context manager; `take` gives what they have said since."""

    def __init__(
        self,
        cameras: Sequence[Camera],
        addresses: Mapping[str, CameraAddress],
        reader: PlateReader,
        *,
        on_readings: Mapping[str, OnReadings] = MappingProxyType({}),
        keeps_images_until_ms: Callable[[], int | None] = lambda: None,
        wall: Callable[[], float] = time.time,  # noqa: TID251  # what is seen now is seen now
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        shared = SharedReader(reader)
        self._monotonic = monotonic
        self._clock = EventClock(wall, monotonic)
        self._clock_lock = threading.Lock()
        self._keeps_until_ms = keeps_images_until_ms
        self._cameras = [
            _LiveCamera(
                camera,
                NewestPicture(addresses[camera.id], monotonic=monotonic),
                Watcher(camera, shared, on_readings=on_readings.get(camera.id)),
                str(addresses[camera.id]),
            )
            for camera in cameras
        ]
        self._said: deque[PlateSighting] = deque()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(camera,), name=f"plates of {camera.id}", daemon=True)
            for camera in self._cameras
        ]

    def __enter__(self) -> Self:
        for camera in self._cameras:
            camera.newest.__enter__()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for camera in self._cameras:  # all at once: one that is being opened may take its time
            camera.newest.stop()
        for thread in self._threads:
            thread.join(timeout=5.0)
        for camera in self._cameras:
            camera.newest.__exit__()

    @property
    def clock_steps(self) -> int:
        """How often the machine's clock was set since the start."""
        return self._clock.steps

    def now_ms(self) -> int:
        """Tell event time."""
        return round(self._event_s(self._monotonic()) * 1000)

    def take(self) -> list[PlateSighting]:
        """Give what was said since the last time, in order."""
        return [self._said.popleft() for _ in range(len(self._said))]

    def health(self) -> list[CameraHealth]:
        """Say how the cameras are."""
        now_s, until_ms = self._monotonic(), self._keeps_until_ms()
        return [camera.health(now_s, until_ms) for camera in self._cameras]

    def _event_s(self, monotonic_s: float) -> float:
        """Tell the event time of a moment just gone; notice where the clock was set."""
        with self._clock_lock:
            moment = self._clock.look()
            if moment.stepped_s:
                _log.warning("the clock was set by %+.1f s; what is seen now has its time", moment.stepped_s)
                for camera in self._cameras:
                    camera.jumped(moment.stepped_s, moment.monotonic_s + JUMP_SHOWN_S)
            return self._clock.event_s(monotonic_s)

    def _run(self, camera: _LiveCamera) -> None:
        while not self._stop.is_set():
            try:
                self._said.extend(camera.step(self._event_s))
            except Exception as error:  # noqa: BLE001  # one picture must not end the reading of plates
                camera.complain(error)
