"""A camera or a recording, opened with OpenCV; what is wrong is told in its own words."""

import os
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from contracts.plates import CameraTrouble
from edge_agent.camera.address import AddressKind, CameraAddress
from edge_agent.camera.picture import Image
from edge_agent.camera.probe import explain
from edge_agent.camera.troubles import CameraError, gone, stopped, wrong_codec

OPEN_MS = 8_000
READ_MS = 8_000
"""How long OpenCV may wait for a stream to open, and for a picture."""
SMALLEST, LARGEST = 64, 8_192
"""Pixels that pictures have in each direction."""


def quieten() -> None:
    """Have OpenCV and FFmpeg keep to themselves what they would print: addresses with passwords, too."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # RTP over TCP: over UDP pictures come torn, and firewalls keep them out.
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|stimeout;5000000")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class Opened:
    """An open camera. `grab` waits for the next picture, `retrieve` decodes it.

    Raises:
        CameraError: no picture comes out of it.

    """

    def __init__(self, address: CameraAddress) -> None:
        quieten()
        self._address = address
        self._capture = _open(address)
        self._grabbed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.release()

    @property
    def fps(self) -> float:
        """Pictures a second as the source says; 0 where it does not."""
        value = float(self._capture.get(cv2.CAP_PROP_FPS))
        return value if 0 < value < 1000 else 0.0

    @property
    def position_ms(self) -> float:
        """Where in a recording the last picture lies."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC))

    @property
    def pictures(self) -> int:
        """How many pictures a recording has, as it says; 0 where it does not."""
        return max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)

    def grab(self) -> bool:
        """Wait for the next picture; False at the end of a recording.

        Raises:
            CameraError: the camera has stopped sending, or never sent a picture.

        """
        if self._capture.grab():
            self._grabbed += 1
            return True
        if not self._address.live:
            return False
        if self._grabbed == 0:
            raise wrong_codec(str(self._address), "")
        raise stopped(str(self._address))

    def retrieve(self) -> Image | None:
        """Decode the picture that was grabbed; None where it is broken."""
        good, image = self._capture.retrieve()
        if not good or image.ndim != 3 or image.dtype != np.uint8:
            return None
        height, width = image.shape[:2]
        fits = SMALLEST <= height <= LARGEST and SMALLEST <= width <= LARGEST
        return image.astype(np.uint8, copy=False) if fits else None


def _open(address: CameraAddress) -> cv2.VideoCapture:
    where = str(address)
    if address.kind is AddressKind.DEVICE:
        if not Path(address.raw).exists():
            raise gone(where, "there is no such device")
        if not os.access(address.raw, os.R_OK | os.W_OK):
            raise CameraError(
                CameraTrouble.REFUSED,
                f"{where} may not be used by this user: add it to the group video and start the agent again",
            )
        capture = cv2.VideoCapture(address.raw, cv2.CAP_V4L2)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if not capture.isOpened():
            raise wrong_codec(where, "no format")
        return capture
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
    capture = cv2.VideoCapture(address.raw, cv2.CAP_FFMPEG, timeouts if address.live else [])
    if not capture.isOpened():
        raise explain(address) if address.live else wrong_codec(where, "")
    return capture
