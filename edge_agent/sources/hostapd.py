"""hostapd's word that a phone has connected, from its control socket.

The protocol of hostapd_cli (src/common/wpa_ctrl.c in hostapd): datagrams on a Unix socket. `ATTACH` is
answered with `OK`; from then on events come as `<3>AP-STA-CONNECTED 02:00:00:00:01:00`. A restarted hostapd
has forgotten who was attached, so it is asked again.
"""

import contextlib
import re
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

FOLDERS = (Path("/run/hostapd"), Path("/var/run/hostapd"))
"""Where `ctrl_interface` puts it by default."""
ATTACH_EVERY_S = 30.0
_SLICE_S = 0.5
_EVENT = re.compile(rb"^<\d>AP-STA-(CONNECTED|DISCONNECTED) ((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})(?: |$)")


class StationEvent(NamedTuple):
    """A phone has come to the access point, or left it."""

    connected: bool
    address: bytes

    def __repr__(self) -> str:
        return f"StationEvent(connected={self.connected})"


def parse_event(message: bytes) -> StationEvent | None:
    """Read a message of hostapd; None where it is about something else."""
    found = _EVENT.match(message)
    if found is None:
        return None
    return StationEvent(found[1] == b"CONNECTED", bytes.fromhex(found[2].decode().replace(":", "")))


class HostapdEvents:
    """Listens to the hostapd of an interface, as far as there is one; never raises."""

    def __init__(
        self,
        interface: str,
        *,
        folders: tuple[Path, ...] = FOLDERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = [folder / interface for folder in folders]
        self._clock = clock
        self._socket: socket.socket | None = None
        self._attach_due_s = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def wait(self, longest_s: float, stop: threading.Event) -> bool:
        """Wait until a phone has connected, `stop` is set, or so long; tell whether a phone has."""
        until_s = self._clock() + longest_s
        while not stop.is_set() and (left_s := until_s - self._clock()) > 0:
            if self._clock() >= self._attach_due_s:
                self._attach()
            if self._socket is None:
                stop.wait(min(left_s, _SLICE_S))
            elif select.select([self._socket], [], [], min(left_s, _SLICE_S))[0] and self._connected():
                return True
        return False

    def _connected(self) -> bool:
        """Read a message; tell whether it says that a phone has connected."""
        try:
            message = self._socket.recv(4096) if self._socket is not None else b""
        except OSError:
            self._close()
            return False
        event = parse_event(message)
        return event is not None and event.connected

    def _attach(self) -> None:
        """Ask for events; attaching twice is no harm, since the address is the same."""
        self._attach_due_s = self._clock() + ATTACH_EVERY_S
        if self._socket is None:
            self._socket = self._open()
        if self._socket is not None:
            try:
                self._socket.send(b"ATTACH")
            except OSError:  # hostapd has ended, or started again with a new socket
                self._close()
                self._attach_due_s = self._clock() + _SLICE_S

    def _open(self) -> socket.socket | None:
        for path in self._paths:
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with contextlib.suppress(OSError):
                opened.bind("")  # an abstract address of the kernel's choice: no file to delete
                opened.connect(str(path))
                opened.setblocking(False)
                return opened
            opened.close()
        return None

    def _close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(b"DETACH")
            self._socket.close()
            self._socket = None
