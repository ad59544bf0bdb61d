"""A radio that does not exist: a TAP device that hands out radiotap frames as an interface in monitor mode does.

The link type of a TAP device may be set (TUNSETLINK, linux/if_tun.h), so the kernel treats what a test writes
into it like frames of a monitor interface: packet sockets, filters, time stamps and counters are the real ones.
What it lacks is a radio: `iw` knows nothing of it. Tests put `fake_iw` in its place, which keeps mode and channel
in a file and prints what iw 5.19 prints.
"""

import fcntl
import os
import struct
import subprocess
from pathlib import Path
from typing import Self

import pytest

_TUNSETIFF, _TUNSETLINK = 0x400454CA, 0x400454CD
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
RADIOTAP, ETHERNET = 803, 1


class MonitorTap:
    """An interface in monitor mode, up, into which a test writes what it shall hear."""

    def __init__(self, name: str, *, link: int = RADIOTAP) -> None:
        self.name = name
        self._link = link
        self._handle = -1
        self.plug_in()

    def plug_in(self) -> None:
        """Make the device; as when an adapter is plugged in, it has a new index."""
        if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
            pytest.skip("making a TAP device needs root and /dev/net/tun")
        self._handle = os.open("/dev/net/tun", os.O_RDWR)
        request = struct.pack("16sH22x", self.name.encode(), _IFF_TAP | _IFF_NO_PI)
        fcntl.ioctl(self._handle, _TUNSETIFF, request)
        ip("link", "set", self.name, "addrgenmode", "none")  # or the kernel itself sends into it
        self.set_link(self._link)

    def set_link(self, link: int) -> None:
        """Change the mode: `ETHERNET` is what an interface in managed mode looks like."""
        ip("link", "set", self.name, "down")
        fcntl.ioctl(self._handle, _TUNSETLINK, link)
        ip("link", "set", self.name, "up")

    def hear(self, *frames: bytes) -> None:
        """Let the interface hear frames, each with its radiotap header."""
        for frame in frames:
            os.write(self._handle, frame)

    def unplug(self) -> None:
        """Take the device away."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True)
