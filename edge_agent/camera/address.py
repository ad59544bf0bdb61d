"""Where a camera's pictures come from: an address whose password is never shown."""

import os
import re
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from contracts.errors import ConfigurationError
from contracts.site.model import Camera, camera_variable

_VIDEO = {".avi", ".mp4", ".mkv", ".mov", ".mjpg", ".mjpeg", ".ts", ".webm", ".h264", ".m4v"}
PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_STREAMS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}

_ESCAPES = "special characters of a password are written as %40 for @, %2F for /"


class AddressKind(Enum):
    """What an address leads to."""

    STREAM = auto()
    """A network camera: RTSP, or MJPEG over HTTP."""
    DEVICE = auto()
    """A camera at this machine, through V4L2."""
    FILE = auto()
    """A recording."""
    FOLDER = auto()
    """A recording as single pictures, in the order of their names."""


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Where pictures come from. Its `str` and `repr` hold no password."""

    kind: AddressKind
    raw: str = field(repr=False)
    """With the password: for OpenCV alone."""

    @property
    def live(self) -> bool:
        """Whether it shows what is now."""
        return self.kind in (AddressKind.STREAM, AddressKind.DEVICE)

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port of a stream."""
        parts = urlsplit(self.raw)
        return parts.hostname or "", parts.port or _STREAMS[parts.scheme.lower()]

    @property
    def has_password(self) -> bool:
        """Whether the address holds a login."""
        return self.kind is AddressKind.STREAM and "@" in urlsplit(self.raw).netloc

    def __str__(self) -> str:
        """Return the address without login and query, both of which may hold secrets."""
        if self.kind is not AddressKind.STREAM:
            return self.raw
        parts = urlsplit(self.raw)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @classmethod
    def parse(cls, text: str) -> "CameraAddress":
        """Read an address as people write it; a file or folder has to be there.

        Raises:
            ConfigurationError: it is none. The message does not show a password.

        """
        scheme, separator, _ = text.partition("://")
        if separator:
            return cls._of_url(scheme.lower(), text)
        if re.fullmatch(r"/dev/video\d+|\d{1,2}", text):
            return cls(AddressKind.DEVICE, f"/dev/video{text}" if text.isdigit() else text)
        path = Path(text)
        if path.is_dir():
            return cls(AddressKind.FOLDER, text)
        if path.is_file() and path.suffix.lower() in _VIDEO:
            return cls(AddressKind.FILE, text)
        if "@" in text and not path.exists():  # a login: an address whose scheme is missing or misspelt
            raise ConfigurationError(
                f"camera: an address at {text.rpartition('@')[2]!r} does not say how to ask it",
                f"Begin it with rtsp:// or http://, as in rtsp://user:password@host/path; {_ESCAPES}.",
            )
        what = "is no video that is known by its name" if path.is_file() else "there is no such file"
        raise ConfigurationError(
            f"camera {text}: {what}",
            "Expected rtsp://host/path, http://host/path, /dev/video0, a video"
            f" ({', '.join(sorted(_VIDEO))}) or a folder of pictures.",
        )

    @classmethod
    def _of_url(cls, scheme: str, text: str) -> "CameraAddress":
        found = cls(AddressKind.STREAM, text)
        try:
            known = scheme in _STREAMS and bool(found.endpoint[0])
        except ValueError:  # a port that is none
            known = False
        if not known:
            raise ConfigurationError(
                f"camera: a {scheme}:// address that cannot be used",
                f"Expected {', '.join(f'{one}://host/path' for one in _STREAMS)}; {_ESCAPES}.",
            )
        return found


def address_of(camera: Camera) -> CameraAddress:
    """Find a camera's address: in the environment, in the credentials of the service, in the site file.

    Raises:
        ConfigurationError: it is nowhere, or is none.

    """
    variable = camera_variable(camera.id)
    if text := os.environ.get(variable):
        return CameraAddress.parse(text)
    if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
        path = Path(folder) / f"camera-{camera.id}"
        if path.is_file():
            return CameraAddress.parse(path.read_text(encoding="utf-8").strip())
    if camera.source:
        return CameraAddress.parse(camera.source)
    raise ConfigurationError(
        f"camera {camera.id}: its address is not known",
        f"Give it as `source` in the site file, or, where it holds a password, as {variable} in the node's"
        f" environment or as the credential camera-{camera.id} of its service.",
    )
