"""The newest picture of a live camera, and no other: a thread takes every picture and keeps the last.

A queue would make the delay grow whenever reading plates is slower than the camera, which it is. Here the
delay is one picture. A camera that fails is opened again, at first after a second, later once a minute.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Self
from zlib import crc32

from edge_agent.camera.address import CameraAddress
from edge_agent.camera.opened import Opened
from edge_agent.camera.picture import Image
from edge_agent.camera.troubles import CameraError, Trouble, frozen, garbage

_log = logging.getLogger(__name__)

RETRY_S = (1.0, 60.0)
"""First and longest pause before a camera is opened again; each is twice the one before, and a bit random."""
LOOK_HZ = 10.0
"""Pictures decoded a second: a plate is in view for a second or more."""
FROZEN_S = 120.0
"""A living camera shows noise: the same picture to the bit for so long is a camera that hangs."""
BROKEN = 25
"""So many broken pictures in a row are a trouble; one now and then is not."""
LEAVE_S = 25.0
"""OpenCV cannot be interrupted while it opens a stream, and a process that ends meanwhile is aborted. Its own
limits are shorter."""
WELL_S = 5.0
"""A camera that has sent for so long is well again: the next failure starts with the shortest pause."""


class Fresh(NamedTuple):
    """A picture, and when it came on the monotonic clock."""

    monotonic_s: float
    image: Image


class NewestPicture:
    """Runs a camera in a thread of its own. Use it as a context manager."""

    def __init__(
        self,
        address: CameraAddress,
        *,
        look_hz: float = LOOK_HZ,
        retry_s: tuple[float, float] = RETRY_S,
        frozen_s: float = FROZEN_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.frames = self.replaced = self.reconnects = 0
        self.trouble: Trouble | None = None
        self._address = address
        self._look_s, self._retry_s, self._frozen_s = 1 / look_hz, retry_s, frozen_s
        self._monotonic = monotonic
        self._fresh: Fresh | None = None
        self._came = threading.Condition()
        self._stop = threading.Event()
        self._random = random.SystemRandom()
        self._thread = threading.Thread(target=self._run, name=f"camera {address}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join(timeout=LEAVE_S)

    def stop(self) -> None:
        """Have the thread end, and do not wait for it."""
        self._stop.set()
        with self._came:
            self._came.notify_all()

    def take(self, longest_s: float) -> Fresh | None:
        """Wait for a picture that was not taken yet; None where none came."""
        with self._came:
            if self._fresh is None:
                self._came.wait(longest_s)
            fresh, self._fresh = self._fresh, None
            return fresh

    def _run(self) -> None:
        pause_s = self._retry_s[0]
        while not self._stop.is_set():
            began_s = self._monotonic()
            try:
                with Opened(self._address) as camera:
                    self._watch(camera)
            except CameraError as error:
                self._is(error.trouble)
            except Exception as error:  # noqa: BLE001  # what OpenCV throws at a picture; the camera is opened anew
                self._is(garbage(str(self._address), type(error).__name__))
            if self._stop.is_set():
                return
            if self._monotonic() - began_s > max(WELL_S, pause_s):
                pause_s = self._retry_s[0]
            self._stop.wait(pause_s * self._random.uniform(0.8, 1.2))
            pause_s = min(2 * pause_s, self._retry_s[1])
            self.reconnects += 1

    def _watch(self, camera: Opened) -> None:
        """Take pictures until the camera fails."""
        due_s, broken = 0.0, 0
        same, same_since_s = 0, self._monotonic()
        while not self._stop.is_set() and camera.grab():
            self.frames += 1
            now_s = self._monotonic()
            if now_s < due_s:
                continue
            due_s = now_s + self._look_s
            image = camera.retrieve()
            if image is None or image[:: image.shape[0] // 8].std() < 0.5:
                broken += 1
                if broken >= BROKEN:
                    what = "they cannot be decoded" if image is None else "they are all of one colour"
                    self._is(garbage(str(self._address), what))
                continue
            broken = 0
            print_ = crc32(image[::4, ::4].tobytes())
            if print_ != same:
                same, same_since_s = print_, now_s
            still_s = now_s - same_since_s
            self._is(frozen(str(self._address), still_s) if still_s > self._frozen_s else None)
            self._give(Fresh(now_s, image))

    def _give(self, fresh: Fresh) -> None:
        with self._came:
            self.replaced += self._fresh is not None
            self._fresh = fresh
            self._came.notify_all()

    def _is(self, trouble: Trouble | None) -> None:
        """Take in how the camera is; each cause is logged once, and so is its end."""
        if trouble is not None and (self.trouble is None or self.trouble.kind != trouble.kind):
            _log.warning("%s", trouble.advice)
        if trouble is None and self.trouble is not None:
            _log.info("%s sends pictures again", self._address)
        self.trouble = trouble
