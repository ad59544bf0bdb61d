"""Event time of what is heard now: the time of the day, told on a clock that does not jump by accident.

The machine's clock may be wrong when the node starts (a Raspberry Pi has no battery), and is then set. So
events are timed on the monotonic clock, and the difference to the time of the day is followed: a small one
by going a little faster or slower, a large one at once. A step forward leaves a gap; after a step back,
event time goes back, too, since what was told before was wrong. The gateway takes both
(docs/architecture.md, "Event time").
"""

from collections.abc import Callable
from typing import NamedTuple

STEP_S = 2.0
"""A larger difference is a clock that was set."""
SLEW = 0.1
"""How much faster or slower than real event time may go to follow a small difference."""
LONGEST_AGE_S = 60.0
"""A frame cannot have waited longer in the kernel; one that seems to was stamped before the clock was set."""


class Moment(NamedTuple):
    """One look at the clocks."""

    monotonic_s: float
    wall_s: float
    event_s: float
    """Event time, seconds since 1970, UTC."""
    stepped_s: float
    """By how much the clock has been set since the last look; 0 where it was not."""

    def of(self, stamp_s: float) -> float:
        """Give the event time of a frame that the kernel stamped, by the machine's clock, at about now."""
        age_s = self.wall_s - stamp_s
        return self.event_s - (age_s if -STEP_S <= age_s <= LONGEST_AGE_S else 0)


class EventClock:
    """Tells event time; counts how often the machine's clock was set."""

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._last_s = monotonic()
        self._offset_s = wall() - self._last_s
        self.steps = 0

    def look(self) -> Moment:
        """Read the clocks."""
        now_s, wall_s = self._monotonic(), self._wall()
        behind_s = wall_s - (now_s + self._offset_s)
        stepped_s = 0.0
        if abs(behind_s) > STEP_S:
            stepped_s = behind_s
            self.steps += 1
            self._offset_s += behind_s
        else:
            most_s = SLEW * (now_s - self._last_s)
            self._offset_s += min(max(behind_s, -most_s), most_s)
        self._last_s = now_s
        return Moment(now_s, wall_s, now_s + self._offset_s, stepped_s)

    def event_s(self, monotonic_s: float) -> float:
        """Give the event time of a moment on the monotonic clock."""
        return monotonic_s + self._offset_s
