"""Tells systemd that the agent is ready and alive: sd_notify(3), a datagram on the socket it names.

The unit asks for signs of life (`WatchdogSec=`) and restarts an agent that hangs. Elsewhere nobody is told.
"""

import contextlib
import os
import socket


def notify(message: str) -> None:
    """Send systemd a message such as `READY=1`; where there is no systemd, do nothing."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
        sender.connect(address)
        sender.send(message.encode())
