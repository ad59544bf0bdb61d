"""The air as a source: all radios of a node, and the phones connected to its own access point.

The kernel keeps and stamps what the radios hear, so it is fetched ten times a second, not frame by frame. A
block is given when its second is over and everything that came before has been fetched: its watermark is
true, also where nothing was heard.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from contracts.errors import ConfigurationError
from contracts.messages import RadioHealth
from contracts.site.model import Radio
from edge_agent.capture.interface import WifiInterface
from edge_agent.capture.packets import Captured, PacketSocket, gives_radiotap, monitor_interfaces
from edge_agent.capture.watchdog import Watchdog
from edge_agent.frames import Frame, Refusal, parse_frame
from edge_agent.sources.event_clock import STEP_S, EventClock, Moment
from edge_agent.sources.protocol import Heard
from edge_agent.sources.stations import StationList

_log = logging.getLogger(__name__)

BLOCK_MS = 1_000
POLL_S = 0.1
"""How often the kernel is asked for what it has kept."""
LONGEST_GAP_MS = 60_000
"""A process that was stopped for longer goes on from now, without empty blocks for the time between."""


class _Listener:
    """One radio: its watchdog, its socket while there is one, its counters."""

    def __init__(self, radio: Radio, kernel: str) -> None:
        self.frames: Counter[str] = Counter()
        self.watchdog = Watchdog(
            radio, WifiInterface(radio.interface), kernel=kernel, captured=self.frames.total
        )
        self.dropped = 0
        self.socket: PacketSocket | None = None
        self._complaint = ""

    @property
    def name(self) -> str:
        return self.watchdog.radio.interface

    def open_or_close(self) -> None:
        """Have a socket while the interface is in monitor mode; it may have been taken away and come back."""
        ready = gives_radiotap(self.name)
        if self.socket is not None and not (ready and self.socket.is_current()):
            self.close()
        if self.socket is None and ready:
            try:
                self.socket = PacketSocket(self.name)
                self._complaint = ""
            except PermissionError as error:
                raise ConfigurationError(
                    f"{self.name}: may not be listened on: {error.strerror}",
                    "The agent needs CAP_NET_RAW and CAP_NET_ADMIN: run it as its service, or with sudo.",
                ) from error
            except OSError as error:  # it has just gone; the watchdog says why
                self._complain(error)

    def read(self) -> Captured | None:
        """Give the next frame; None where none waits, or the interface has just gone down."""
        try:
            return self.socket.read() if self.socket is not None else None
        except OSError as error:
            self._complain(error)
            return None

    def close(self) -> None:
        if self.socket is not None:
            self.count_dropped()
            self.socket.close()
            self.socket = None

    def count_dropped(self) -> None:
        if self.socket is not None:
            self.dropped += self.socket.take_dropped()

    def health(self) -> RadioHealth:
        return RadioHealth(
            interface=self.name,
            channel=self.watchdog.channel,
            frames=dict(self.frames),
            dropped=self.dropped,
            driver=self.watchdog.driver,
            trouble=self.watchdog.trouble,
        )

    def _complain(self, error: OSError) -> None:
        if str(error) != self._complaint:
            _log.debug("%s: %s", self.name, error)
        self._complaint = str(error)


class LiveSource:
    """What a node hears now. Use it as a context manager: it has threads and sockets.

    Without `radios`, it listens on every interface that is in monitor mode. `stations` is the interface of
    the node's own access point. A radio that is missing or ill is no error: the watchdog mends it or says
    why not, and `radios()` tells; blocks come all the same, so that the gateway knows that the node is
    there.

    Raises:
        ConfigurationError: no radio is named and no interface is in monitor mode; no permission; no libpcap.

    """

    def __init__(
        self,
        node: str,
        radios: Sequence[Radio] = (),
        *,
        stations: str | None = None,
        kernel: str = "",
        wall: Callable[[], float] = time.time,  # noqa: TID251  # what is heard now is heard now
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        radios = radios or [Radio(interface=name) for name in monitor_interfaces()]
        if not radios and stations is None:
            raise ConfigurationError(
                f"node {node}: no interface is in monitor mode, and the site file names no radios for it",
                "Name them: radios: [{interface: wlan1, channels: [1]}]. See `mallsense doctor`.",
            )
        self._node = node
        self._sleep = sleep
        self._installed = tuple(radios)
        self._listeners = [_Listener(radio, kernel) for radio in radios]
        self._stations = StationList(stations, clock=monotonic) if stations else None
        self._clock = EventClock(wall, monotonic)
        self._stop = threading.Event()
        self._pending: dict[int, Heard] = {}
        """Blocks not given yet, by their end."""
        self._given_ms = 0
        """End of the last block that was given."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The one node."""
        return (self._node,)

    @property
    def clock_steps(self) -> int:
        """How often the machine's clock was set since the start."""
        return self._clock.steps

    def radios(self) -> list[RadioHealth]:
        """Say how the radios are."""
        return [listener.health() for listener in self._listeners]

    def retune(self, radios: Sequence[Radio] | None) -> str:
        """Listen on other channels from now on, None = on those of the start; give why that cannot be.

        Radios that are not named listen as at the start. May be called from any thread.
        """
        wanted = {radio.interface: radio for radio in (*self._installed, *(radios or ()))}
        known = {listener.name: listener for listener in self._listeners}
        if strangers := sorted(wanted.keys() - known.keys()):
            return f"there is no radio {', '.join(strangers)}; this node has {', '.join(known) or 'none'}"
        for name, radio in wanted.items():
            if known[name].watchdog.radio != radio:
                known[name].watchdog.retune(radio)
        return ""

    def blocks(self) -> Iterator[Heard]:
        """Give a block a second, for ever, or until it is closed."""
        self._start()
        while not self._stop.is_set():
            now = self._clock.look()
            if now.stepped_s:
                _log.warning("the clock was set by %+.1f s; what is heard now has its time", now.stepped_s)
                yield from self._flush(now)
            self._fetch(now)
            yield from self._due(now)
            self._sleep(POLL_S)

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        for listener in self._listeners:
            listener.close()

    def _start(self) -> None:
        for listener in self._listeners:
            listener.open_or_close()  # what is not permitted is said at once
            self._in_background(listener.watchdog.run, f"watchdog of {listener.name}")
        if self._stations is not None:
            self._in_background(self._stations.run, "station list")
        self._given_ms = _floor_ms(self._clock.look())
        heard_by = [listener.name for listener in self._listeners]
        if self._stations is not None:
            heard_by.append(f"the access point {self._stations.interface}")
        _log.info("listening with %s", ", ".join(heard_by))

    def _in_background(self, run: Callable[[threading.Event], None], name: str) -> None:
        threading.Thread(target=run, args=(self._stop,), name=name, daemon=True).start()

    def _fetch(self, now: Moment) -> None:
        """Take everything that was heard up to now into the pending blocks."""
        for listener in self._listeners:
            listener.open_or_close()
            while (captured := listener.read()) is not None:
                self._take(listener, captured, now)
                if 0 < captured.stamp_s - now.wall_s < STEP_S:
                    break  # they come faster than they are read: the rest belongs to the next look
            listener.count_dropped()
        for sighting in self._stations.take() if self._stations is not None else ():
            t_ms, heard = self._block(self._clock.event_s(sighting.monotonic_s))
            _add(heard, t_ms, sighting.frame())

    def _take(self, listener: _Listener, captured: Captured, now: Moment) -> None:
        t_ms, heard = self._block(now.of(captured.stamp_s))
        tuned = listener.watchdog.channel
        channel = _add(heard, t_ms, parse_frame(captured.data, cut=captured.cut), tuned)
        listener.frames[str(channel)] += 1

    def _block(self, event_s: float) -> tuple[int, Heard]:
        """Find the block of a moment; what comes too late for its own is told at the start of the next."""
        t_ms = max(int(event_s * 1000), self._given_ms)
        end_ms = t_ms // BLOCK_MS * BLOCK_MS + BLOCK_MS
        heard = self._pending.get(end_ms)
        if heard is None:
            self._pending[end_ms] = heard = Heard(self._node, end_ms)
        return t_ms, heard

    def _due(self, now: Moment) -> Iterator[Heard]:
        """Give the blocks that are over."""
        now_ms = _floor_ms(now)
        if now_ms - self._given_ms > LONGEST_GAP_MS:
            yield from self._flush(now)
        for end_ms in range(self._given_ms + BLOCK_MS, now_ms + 1, BLOCK_MS):
            self._given_ms = end_ms
            yield self._pending.pop(end_ms) if end_ms in self._pending else Heard(self._node, end_ms)

    def _flush(self, now: Moment) -> Iterator[Heard]:
        """Give what is pending, and go on from now."""
        pending, self._pending = sorted(self._pending.items()), {}
        self._given_ms = _floor_ms(now)
        for _, heard in pending:
            yield heard


def _floor_ms(moment: Moment) -> int:
    return int(moment.event_s * 1000) // BLOCK_MS * BLOCK_MS


def _add(heard: Heard, t_ms: int, frame: Frame | Refusal, tuned: int = 0) -> int:
    """Add a frame to a block; give its channel: where its header says none, the one the radio is tuned to."""
    heard.frames += 1
    if isinstance(frame, Refusal):
        heard.skipped[frame] = heard.skipped.get(frame, 0) + 1
        return tuned
    channel = frame.channel or tuned
    heard.t_ms.append(t_ms)
    heard.address.append(frame.address)
    heard.rssi_dbm.append(frame.rssi_dbm)
    heard.channel.append(channel)
    heard.frame_kind.append(frame.kind)
    heard.sequence.append(frame.sequence)
    heard.elements.append(frame.elements)
    return channel
