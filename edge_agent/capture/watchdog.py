"""Keeps one radio listening: sets it up, leads it round its channels, finds out why it is silent, mends it.

Whether a radio hears is judged by all frames that its interface counts, before the kernel's filter: access
points send ten beacons a second, so that a mall without a single phone is not silent. Silence for longer than
`SILENCE_S`, and two rounds of its channels, is a fault.
"""

import logging
import math
import threading
import time
from collections.abc import Callable

from contracts.messages import RadioTrouble
from contracts.site.model import Radio
from edge_agent.capture.drivers import Fact, deaf_fact
from edge_agent.capture.interface import WifiInterface
from edge_agent.capture.troubles import WORDS

_log = logging.getLogger(__name__)

SILENCE_S = 30.0
CHECK_S = 2.0
"""How often it is looked at what costs nothing: is it there, on, in monitor mode, and hearing."""
READ_BACK_S = 30.0
"""How often `iw` is asked for the channel."""
FIRST_DELAY_S = 5.0
LONGEST_DELAY_S = 300.0
"""Time between two tries to mend it: doubles from the first to the longest."""
_STEP_S = 0.5
_MAY_HOP = (None, RadioTrouble.SILENT, RadioTrouble.WRONG_CHANNEL)
"""One channel of a round may be empty, or not allowed here; the others count all the same."""
_NOT_OURS = (None, RadioTrouble.GONE, RadioTrouble.BLOCKED)
"""What only people can mend."""


class Watchdog:
    """Looks after one radio; call `step` again and again, or `run` it in a thread of its own.

    `trouble` says why the radio does not hear what it should, None where all is well; `channel` where it
    listens now, 0 where that is not known; `driver` its driver. They may be read from another thread.
    `captured` gives how many frames were captured, for drivers that do not count them.
    """

    def __init__(
        self,
        radio: Radio,
        interface: WifiInterface,
        *,
        kernel: str,
        captured: Callable[[], int] = int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.radio = radio
        self.trouble: RadioTrouble | None = None
        self.driver = ""
        self._interface = interface
        self._kernel = kernel
        self._captured = captured
        self._clock = clock
        self._channels = list(radio.channels)
        self._turn = 0
        self._ordered: Radio | None = None
        now_s = clock()
        self._check_due_s = self._read_due_s = self._mend_due_s = now_s
        self._hop_due_s = now_s + radio.dwell_s
        self._heard_s = now_s
        self._wrong_s = -math.inf
        """When it was last found on a wrong channel."""
        self._heard = 0
        self._delay_s = FIRST_DELAY_S
        self._said = ""
        self._set_to = 0
        """The channel it was last told to go to, successfully."""
        self._reported = 0
        """The channel that `iw` gives; 0 where it gives none, as with some drivers in monitor mode."""
        self._fixed: Fact | None = None
        """Why it does not go round any more."""

    @property
    def channel(self) -> int:
        """Where it listens, as far as one knows."""
        return self._reported or self._set_to

    @property
    def wanted(self) -> int:
        """The channel it should be on; 0 where it may stay where it is."""
        return self._channels[self._turn] if self._channels else 0

    @property
    def hopping(self) -> bool:
        """Whether it goes round several channels."""
        return len(self._channels) > 1

    @property
    def patience_s(self) -> float:
        """Longest silence that is no fault: one channel of a round may be empty."""
        return max(SILENCE_S, 2 * self._round_s)

    @property
    def _round_s(self) -> float:
        return self.radio.dwell_s * len(self._channels) if self.hopping else 0.0

    def retune(self, radio: Radio) -> None:
        """Go on with other channels of the same radio from the next step on; from any thread."""
        self._ordered = radio

    def run(self, stop: threading.Event) -> None:
        """Look after the radio until `stop` is set."""
        while not stop.is_set():
            try:
                self.step()
            except Exception:  # noqa: BLE001  # whatever happens to one radio, it must be looked after again
                _log.exception("the watchdog of %s failed; trying again", self.radio.interface)
            stop.wait(_STEP_S)

    def step(self) -> None:
        """Do what is due."""
        now_s = self._clock()
        if (ordered := self._ordered) is not None:
            self._ordered = None
            self._take_order(ordered, now_s)
        if now_s >= self._check_due_s:
            self._check_due_s = now_s + CHECK_S
            self._check(now_s)
        if self.hopping and self.trouble in _MAY_HOP and now_s >= self._hop_due_s:
            self._hop_due_s = now_s + self.radio.dwell_s
            self._turn = (self._turn + 1) % len(self._channels)
            self._go(now_s)

    def _take_order(self, radio: Radio, now_s: float) -> None:
        self.radio, self._fixed = radio, None
        self._channels, self._turn = list(radio.channels), 0
        self._hop_due_s = now_s + radio.dwell_s
        if self.trouble in (None, RadioTrouble.SILENT, RadioTrouble.DEAF_DRIVER):
            self._go(now_s)  # else it goes there when it is mended

    def _check(self, now_s: float) -> None:
        heard = self._interface.heard + self._captured()
        if heard > self._heard:
            self._heard_s = now_s
        self._heard = heard  # of an adapter that was plugged in again it starts anew
        trouble, said = self._diagnose(now_s), ""
        if trouble not in _NOT_OURS and now_s >= self._mend_due_s:
            said = self._mend(trouble, now_s)
            self._mend_due_s = now_s + self._delay_s
            self._delay_s = min(2 * self._delay_s, LONGEST_DELAY_S)
            trouble = self._diagnose(now_s)  # most is mended at once
        if trouble is None and self._heard_s == now_s:
            self._delay_s = FIRST_DELAY_S
        if trouble is RadioTrouble.WRONG_CHANNEL:
            self._wrong_s = now_s
        elif trouble is None and now_s - self._wrong_s <= self._round_s:
            return  # well so far; whether on all channels shows when it has been round
        self._tell(trouble, said)

    def _diagnose(self, now_s: float) -> RadioTrouble | None:
        """Find what is wrong, what lies deepest first."""
        trouble = self._state()
        if trouble is None:
            if now_s >= self._read_due_s:
                self._read_back(now_s)
            if self.wanted and (self._set_to != self.wanted or self._reported not in (0, self.wanted)):
                trouble = RadioTrouble.WRONG_CHANNEL
        if trouble is not None:
            self._heard_s = now_s  # silence counts from when nothing else is wrong
        elif now_s - self._heard_s > self.patience_s:
            known = self._fixed or deaf_fact(self.driver, self._kernel, hopping=self.hopping)
            trouble = RadioTrouble.DEAF_DRIVER if known else RadioTrouble.SILENT
        return trouble

    def _state(self) -> RadioTrouble | None:
        """Find what the kernel says is wrong."""
        at = self._interface
        if not at.exists:
            self._set_to = self._reported = 0
            return RadioTrouble.GONE
        self.driver = at.driver
        if at.blocked:
            return RadioTrouble.BLOCKED
        if not at.is_monitor:
            return RadioTrouble.WRONG_MODE
        return None if at.is_up else RadioTrouble.DOWN

    def _mend(self, trouble: RadioTrouble | None, now_s: float) -> str:
        """Try what may help; give what went wrong with that."""
        if trouble is RadioTrouble.DEAF_DRIVER:
            self._stay()
        silent = trouble in (RadioTrouble.DEAF_DRIVER, RadioTrouble.SILENT)
        done = self._interface.restart() if silent else self._interface.set_up()
        return self._go(now_s) if done.ok else done.text

    def _stay(self) -> None:
        """Let a radio that goes deaf while it goes round stay on its first channel, until the next start."""
        if self.hopping:
            self._fixed = deaf_fact(self.driver, self._kernel, hopping=True)
            self._channels, self._turn = self._channels[:1], 0

    def _go(self, now_s: float) -> str:
        """Go to the channel whose turn it is; give what went wrong."""
        said = ""
        if self.wanted:
            done = self._interface.set_channel(self.wanted)
            self._set_to, said = (self.wanted, "") if done.ok else (0, done.text)
        self._read_back(now_s)
        return said

    def _read_back(self, now_s: float) -> None:
        self._read_due_s = now_s + READ_BACK_S
        self._reported = self._interface.info().channel

    def _tell(self, trouble: RadioTrouble | None, said: str) -> None:
        """Take note of how it is, and log it once per cause."""
        if trouble is None and self._fixed is not None:
            trouble = RadioTrouble.DEAF_DRIVER  # it hears again, but on one channel only
        if trouble == self.trouble and said in ("", self._said):
            return
        name = self.radio.interface
        if trouble is None:
            _log.info("radio %s is well again, on channel %s", name, self.channel or "unknown")
            self._said = ""
        else:
            what, todo = WORDS[trouble]
            self._said = said or self._said
            reason = f" ({said})" if said else ""
            if self._fixed is not None:
                reason = f": {self.driver} {self._fixed.words}; it stays on channel {self.wanted} from now on"
            _log.warning("radio %s %s%s. %s", name, what, reason, todo)
        self.trouble = trouble
