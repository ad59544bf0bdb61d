"""Tell whoever supervises the agent that it is ready and still at work; end it where it hangs.

systemd's protocol, sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names. WATCHDOG_USEC says how
often it has to hear of us. An agent that hangs writes where each of its threads stands, and ends itself
before systemd would kill it: the journal says why, and it works without systemd, too (in a container set
WATCHDOG_USEC alone). That names files, lines and functions; it holds no values, so no addresses.
"""

import faulthandler
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from edge_agent.reporting import Progress

_log = logging.getLogger(__name__)

_SHARE = 0.9
"""After this share of the time an agent that hangs ends itself: before systemd kills it without a word."""
_OFTEN = 4
"""It speaks so many times in the time it has."""


class ServiceManager:
    """Speaks to the supervisor for as long as it is entered; does nothing where there is none.

    `timeout_s` is the longest the agent may make no progress; None = for ever.
    """

    def __init__(
        self,
        address: str = "",
        timeout_s: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._timeout_s = timeout_s
        self._clock = clock
        self._due_s = 0.0
        self._ready = False
        self._complained = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Make the one that the supervisor asks for."""
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = environment.get("WATCHDOG_USEC", "")
        timeout_s = int(usec) / 1e6 if mine and usec.isdigit() and int(usec) > 0 else None
        return cls(environment.get("NOTIFY_SOCKET", ""), timeout_s)

    def __enter__(self) -> Self:
        self._arm()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timeout_s is not None:
            faulthandler.cancel_dump_traceback_later()
        self._send("STOPPING=1")

    def watch(self) -> Callable[[Progress], None]:
        """Give a function for `run_agent(progress=...)`: each call is a sign of life.

        The agent calls it when it has taken in a block of its source, so a source or a spool that hangs is
        noticed; the first call means that it is ready.
        """
        return lambda progress: self.alive(_words(progress))

    def alive(self, status: str = "") -> None:
        """Say that the agent is at work; cheap, since it speaks only when that is due."""
        now_s = self._clock()
        if self._ready and now_s < self._due_s:
            return
        self._due_s = now_s + (1.0 if self._timeout_s is None else min(1.0, self._timeout_s / _OFTEN))
        self._arm()
        first = "" if self._ready else "READY=1\n"
        self._send(f"{first}WATCHDOG=1\nSTATUS={status}")
        self._ready = True

    def _arm(self) -> None:
        if self._timeout_s is not None:
            faulthandler.dump_traceback_later(
                self._timeout_s * _SHARE, exit=True, file=sys.__stderr__ or sys.stderr
            )

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.setblocking(False)  # a supervisor that does not listen must not stop us
                speaker.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._complained:
                _log.warning("cannot speak to the supervisor at %s: %s", self._address, error)
            self._complained = True


def _words(progress: Progress) -> str:
    words = (
        f"{progress.observations:,} observations, {progress.sent:,} batches sent, {progress.spooled:,} wait"
    )
    return f"{words}: {progress.trouble}" if progress.trouble else words
