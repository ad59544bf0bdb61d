"""A packet socket on a monitor interface: filtered and stamped by the kernel, which counts what was lost.

Linux' AF_PACKET, packet(7), as scapy and libpcap use it. Nothing is dissected here.
"""

import ctypes
import socket
import struct
from pathlib import Path
from typing import NamedTuple, Self

from edge_agent.capture.kernel_filter import compile_filter

BUFFER_BYTES = 8 * 1024 * 1024
"""Room in the kernel for frames not yet read: some thousands, seconds of the busiest air."""
LONGEST_BYTES = 4096
"""Longer frames are read up to here: their headers are all that counts."""
_RADIOTAP = 803
"""ARPHRD_IEEE80211_RADIOTAP in <linux/if_arp.h>: an interface in monitor mode."""
_NET = Path("/sys/class/net")
# <asm-generic/socket.h>, <linux/if_packet.h>, <linux/if_ether.h>
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 26, 33, 35
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_IGNORE_OUTGOING = 263, 6, 23
_ETH_P_ALL = 3
_TIMESPEC = struct.Struct("@ll")


class Captured(NamedTuple):
    """One frame with its radiotap header."""

    stamp_s: float
    """When the kernel got it: seconds since 1970, by the machine's clock."""
    data: bytes
    cut: bool
    """Only its start was kept."""


def gives_radiotap(interface: str) -> bool:
    """Tell whether an interface is in monitor mode, so that its frames come with a radiotap header."""
    try:
        return int((_NET / interface / "type").read_text()) == _RADIOTAP
    except (OSError, ValueError):
        return False


def monitor_interfaces() -> list[str]:
    """Give the interfaces that are in monitor mode now, in order of their names."""
    return sorted(path.name for path in _NET.glob("*") if gives_radiotap(path.name))


class PacketSocket:
    """Frames that an interface hears, behind the kernel's filter. Does not wait; use it as a context manager.

    Raises:
        ConfigurationError: libpcap is not installed.
        OSError: there is no such interface, or no permission (CAP_NET_RAW).

    """

    def __init__(self, interface: str, *, buffer_bytes: int = BUFFER_BYTES) -> None:
        program = compile_filter()
        self.interface = interface
        self._index = socket.if_nametoindex(interface)
        self._buffer = bytearray(LONGEST_BYTES)
        self._view = memoryview(self._buffer)
        # Protocol 0 hears nothing: no frame comes in before the filter is in its place.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._attach(program)
            self._make_room(buffer_bytes)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            self._socket.setblocking(False)
            self._socket.bind((interface, _ETH_P_ALL))
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def read(self) -> Captured | None:
        """Give the next frame; None where none waits.

        Raises:
            OSError: the interface is down or gone; a new socket is needed once it is back.

        """
        try:
            length, control, flags, _ = self._socket.recvmsg_into(
                [self._buffer], socket.CMSG_SPACE(_TIMESPEC.size)
            )
        except BlockingIOError:
            return None
        ((_, _, stamp),) = control
        seconds, nanoseconds = _TIMESPEC.unpack(stamp)
        return Captured(
            seconds + nanoseconds * 1e-9, bytes(self._view[:length]), bool(flags & socket.MSG_TRUNC)
        )

    def is_current(self) -> bool:
        """Tell whether the interface is still the one it was opened on: an adapter may be plugged in anew."""
        try:
            return socket.if_nametoindex(self.interface) == self._index
        except OSError:
            return False

    def take_dropped(self) -> int:
        """Ask the kernel how many frames it had no room for since the last question."""
        answer = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        _, dropped = struct.unpack("@II", answer)
        return int(dropped)

    def _attach(self, program: bytes) -> None:
        instructions = ctypes.create_string_buffer(program, len(program))
        count, address = len(program) // 8, ctypes.addressof(instructions)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", count, address))

    def _make_room(self, buffer_bytes: int) -> None:
        """Set the buffer, above the system's limit where we may (CAP_NET_ADMIN), else up to it."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
