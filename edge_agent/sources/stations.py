"""The phones connected to the node's own access point, by what the access point itself knows of them.

A connected phone talks many times a second. `iw` tells how strongly its last frame was heard and how long
ago that was; asked every few seconds, each phone with news is one observation. hostapd, where it runs, says
at once when a phone connects, so that it is asked for then.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.messages import FrameKind
from edge_agent.capture import commands
from edge_agent.capture.iw import Station, parse_info, parse_stations
from edge_agent.frames import Frame, Refusal
from edge_agent.sources.hostapd import HostapdEvents

_log = logging.getLogger(__name__)

POLL_S = 2.0
"""How often the list is asked for; what is told may be so much late."""
CHANNEL_EVERY_S = 60.0
LONGEST_WAITING = 100_000
"""Sightings kept for the source; there are more only if nobody takes them."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One connected phone, when its last frame came. Holds a raw address: never log or store it."""

    address: bytes = field(repr=False)
    monotonic_s: float
    signal_dbm: int | None
    channel: int

    def frame(self) -> Frame | Refusal:
        """Tell it as a frame that was heard; some drivers give 0 dBm, or nothing, where they do not know.

        See https://github.com/raspberrypi/linux/issues/4574.
        """
        if self.signal_dbm is None or self.signal_dbm >= 0:
            return Refusal.NO_SIGNAL
        return Frame(self.address, self.signal_dbm, self.channel, FrameKind.DATA, -1, b"", None)


class News:
    """Tells which stations of a list have sent anything since the list before.

    An access point that asks a silent phone whether it is still there starts its inactive time anew,
    whether or not the phone answers (openwrt/openwrt#18430): where frames are counted, a count that grew is
    the news.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int | None, float]] = {}
        self._listed_s: float | None = None

    def of(self, stations: list[Station], now_s: float) -> list[tuple[Station, float]]:
        """Give the stations with news, and when their last frame came; `now_s` is when they were listed."""
        listed_s = now_s - POLL_S if self._listed_s is None else self._listed_s
        found, known = [], {}
        for station in stations:
            count, told_s = self._known.get(station.address, (None, listed_s))
            last_s = now_s - station.inactive_ms / 1000
            counted = station.rx_packets is not None and count is not None
            if station.rx_packets != count if counted else last_s > told_s:
                # What was counted since the last list came after it, whatever the inactive time says.
                told_s = max(last_s, listed_s)
                found.append((station, told_s))
            known[station.address] = (station.rx_packets, told_s)
        self._known, self._listed_s = known, now_s
        return found


class StationList:
    """Asks for the connected phones of one interface, in a thread of its own; `take` gives what was found."""

    def __init__(self, interface: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.interface = interface
        self._clock = clock
        self._news = News()
        self._found: deque[Sighting] = deque(maxlen=LONGEST_WAITING)
        self._channel = 0
        self._channel_due_s = clock()
        self._complaint = ""

    def take(self) -> list[Sighting]:
        """Give what was found since the last call."""
        found = self._found
        return [found.popleft() for _ in range(len(found))]

    def run(self, stop: threading.Event) -> None:
        """Ask again and again until `stop` is set."""
        with HostapdEvents(self.interface) as events:
            while not stop.is_set():
                self.poll()
                events.wait(POLL_S, stop)

    def poll(self) -> None:
        """Ask once."""
        now_s = self._clock()
        if now_s >= self._channel_due_s:
            self._channel_due_s = now_s + CHANNEL_EVERY_S
            self._channel = parse_info(commands.run("iw", "dev", self.interface, "info").text).channel
        answer = commands.run("iw", "dev", self.interface, "station", "dump")
        if not answer.ok:
            self._complain(answer.text)
            return
        self._complaint = ""
        for station, last_s in self._news.of(parse_stations(answer.text), self._clock()):
            self._found.append(Sighting(station.address, last_s, station.signal_dbm, self._channel))

    def _complain(self, what: str) -> None:
        if what != self._complaint:
            _log.warning("the phones connected to %s cannot be listed: %s", self.interface, what)
        self._complaint = what
