"""Recordings of a camera: videos and folders of pictures, with the event time of each picture."""

import logging
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from contracts.errors import ConfigurationError
from contracts.plates import CameraTrouble
from edge_agent.camera.address import PICTURES, AddressKind, CameraAddress
from edge_agent.camera.opened import Opened
from edge_agent.camera.picture import Picture, read_picture
from edge_agent.camera.troubles import CameraError, Trouble, clock_jump, garbage

_log = logging.getLogger(__name__)

FOLDER_FPS = 10.0
"""Pictures whose names tell no time follow each other at this rate."""
_STAMP = re.compile(
    r"(20\d\d)-?([01]\d)-?([0-3]\d)[T_ -]?([0-2]\d)[:h-]?([0-5]\d)[:m-]?([0-5]\d)(?:[.,_-](\d{3})(?!\d))?"
)
"""A moment in a file's name, as cameras write it: 2026-03-01_10-00-00, 20260301T100000_250."""


class Recording:
    """Plays a recording of one camera, moved by `shift_ms`.

    The time of its first picture is in the file's name, in the mall's time; else the file was closed with its
    last picture, and its time of modification tells. Damaged pictures are left out and counted.

    Raises:
        ConfigurationError: there is no picture in it.

    """

    def __init__(self, address: CameraAddress, timezone: str, *, shift_ms: int = 0) -> None:
        self.shift_ms = shift_ms
        self.frames = self.broken = 0
        self.trouble: Trouble | None = None
        self._address = address
        self._zone = ZoneInfo(timezone)
        if address.kind is AddressKind.FOLDER:
            self._files = sorted(p for p in Path(address.raw).iterdir() if p.suffix.lower() in PICTURES)
            if not self._files:
                raise ConfigurationError(
                    f"{address}: no pictures in this folder", f"Expected {', '.join(sorted(PICTURES))}."
                )
            self.pictures = len(self._files)
            self.first_ms = _stamp_ms(self._files[0].name, self._zone) or _modified_ms(self._files[0])
        else:
            self.pictures, length_ms = _measure(address)
            path = Path(address.raw)
            self.first_ms = _stamp_ms(path.name, self._zone) or max(_modified_ms(path) - length_ms, 0)

    @property
    def fraction(self) -> float:
        """How much of it has been played, from 0 to 1."""
        return min(self.frames / max(self.pictures, 1), 1.0)

    def __iter__(self) -> Iterator[Picture]:
        """Give the pictures in order of time; one whose time is not after the last one's follows it."""
        last_ms = -1.0
        for t_ms, picture in self._folder() if self._address.kind is AddressKind.FOLDER else self._video():
            self.frames += 1
            if picture is None:
                self.broken += 1
                self._say(garbage(str(self._address), "they cannot be decoded"))
                continue
            if t_ms <= last_ms:
                if last_ms - t_ms > 1000:
                    self._say(clock_jump(str(self._address), (t_ms - last_ms) / 1000))
                t_ms = last_ms + 1  # noqa: PLW2901  # it has none of its own that could be true
            last_ms = t_ms
            yield Picture(round(t_ms) + self.shift_ms, picture)

    def _video(self) -> Iterator[tuple[float, np.ndarray | None]]:
        with Opened(self._address) as video:
            frame_ms = 1000 / (video.fps or FOLDER_FPS)
            number = 0
            while video.grab():
                position_ms = video.position_ms
                at_ms = position_ms if position_ms > 0 or number == 0 else number * frame_ms
                yield self.first_ms + at_ms, video.retrieve()
                number += 1

    def _folder(self) -> Iterator[tuple[float, np.ndarray | None]]:
        for number, path in enumerate(self._files):
            stamp_ms = _stamp_ms(path.name, self._zone)
            at_ms = self.first_ms + number * 1000 / FOLDER_FPS if stamp_ms is None else stamp_ms
            yield float(at_ms), read_picture(path)

    def _say(self, trouble: Trouble) -> None:
        if self.trouble is None or self.trouble.kind != trouble.kind:
            _log.warning("%s", trouble.advice)
        self.trouble = trouble


def _measure(address: CameraAddress) -> tuple[int, int]:
    """Give the number of pictures and the length in milliseconds, as the file says or as counting tells."""
    try:
        with Opened(address) as video:
            if not video.grab():
                raise ConfigurationError(
                    f"{address}: no picture can be read in this video", "Is it complete?"
                )
            count, fps = video.pictures, video.fps or FOLDER_FPS
            if count <= 1:  # MJPEG and H.264 without a container do not say
                count = 1 + sum(1 for _ in iter(video.grab, False))
            return count, round(count / fps * 1000)
    except CameraError as error:
        what = "not a video that OpenCV can read"
        if error.trouble.kind is not CameraTrouble.WRONG_CODEC:
            what = error.trouble.advice
        raise ConfigurationError(f"{address}: {what}", "Convert it to H.264 in an .mp4.") from error


def _stamp_ms(name: str, zone: ZoneInfo) -> int | None:
    found = _STAMP.search(name)
    if found is None:
        return None
    *parts, milliseconds = found.groups()
    try:
        moment = datetime(*map(int, parts), tzinfo=zone)  # type: ignore[misc,arg-type]  # six numbers
    except ValueError:
        return None
    return round(moment.timestamp()) * 1000 + int(milliseconds or 0)


def _modified_ms(path: Path) -> int:
    return round(path.stat().st_mtime * 1000)
