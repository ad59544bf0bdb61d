"""A radio that does not exist: a TAP device that hands out radiotap frames, as in monitor mode.

The link type of a TAP device may be set (TUNSETLINK, linux/if_tun.h), so the kernel treats what a test writes
into it like frames of a monitor interface: sockets, filters, time stamps and counters are real. What it
lacks is a radio: `iw` knows nothing of it. `FakeIw` takes its place, which keeps the channel in a file and
prints what iw 5.19 prints.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
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
        self.change_link(link)
        ip("link", "set", self.name, "up")

    def change_link(self, link: int) -> None:
        """Change the mode of an interface that is down."""
        fcntl.ioctl(self._handle, _TUNSETLINK, link)

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


class FakeIw:
    """`iw` on the path, for interfaces that are TAP devices; see `fake_iw.py`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *taps: MonitorTap) -> None:
        self.folder = folder
        self._taps = {tap.name: tap for tap in taps}
        program = folder / "iw"
        source = Path(__file__).with_name("fake_iw.py")
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {source} "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("FAKE_IW", str(folder))
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(folder / "link"))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
            last.connect(str(self.folder / "link"))
        self._thread.join()
        self._listener.close()

    @property
    def said(self) -> list[str]:
        """The command lines it has had."""
        return (self.folder / "log").read_text().splitlines()

    def _serve(self) -> None:
        """Change the mode of the TAP devices that it asks for."""
        while True:
            asked, _ = self._listener.accept()
            with asked:
                name = asked.recv(100).decode()
                if not name:
                    return
                self._taps[name].change_link(RADIOTAP)
                asked.sendall(b"+")
