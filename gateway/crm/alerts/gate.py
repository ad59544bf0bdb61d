"""When what is unusual is said: once, not every hour, and never all at once. Pure: no clock, no store.

An alert begins where a figure is far out (`ALARM`) and different enough to matter (`LEAST_CHANGE`), goes on
while it is still out of the ordinary on the same side (`STILL`), and ends after `QUIET_HOURS` within it. The
wider limit to begin and the narrower one to go on keep it from flickering.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.crm.alerts.usual import Range

ALARM = 0.0002
"""Probability that a usual hour is taken for an unusual one."""
STILL = 0.05
LEAST_CHANGE = 0.25
"""Smaller changes of the expected value are not worth a message, however sure."""
QUIET_HOURS = 2
COOL_DOWN_HOURS = 3
"""So long after an alert has ended no other one begins for the same figure."""
TOGETHER = 4
"""So many zones on one side in one hour are one alert of the mall's."""
A_DAY = 10
"""More alerts than this are written down, but not sent to anybody."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure of one hour, with its usual ranges."""

    zone: str
    value: float
    alarm: Range
    still: Range
    weight: float
    """How many it is about; of several zones the one with most is named first."""
    exposure: float = 1.0
    """What the value is a count of, or was expected from: visits, where it is sales."""

    @property
    def far(self) -> int:
        """On which side it is far out, and different enough to matter; 0 = on none."""
        change = abs(self.value - self.alarm.expected)
        return self.alarm.side(self.value) if change >= LEAST_CHANGE * self.alarm.expected else 0


@dataclass(frozen=True, slots=True)
class Open:
    """What goes on, or ended so lately that nothing new may begin; `side` -1 is low, 1 is high."""

    alert: str
    side: int
    zones: tuple[str, ...]
    quiet_hours: int = 0
    ended_hours: int | None = None
    """Hours since it ended; None while it goes on."""


@dataclass(frozen=True, slots=True)
class Began:
    """An alert that begins: of one zone, or of several that are told as one."""

    side: int
    found: tuple[Measured, ...]
    """Those with most people first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one hour of one figure."""

    began: list[Began]
    going_on: list[Open]
    """All that is still to be remembered."""
    ended: list[Open]


def decide(measured: Sequence[Measured], before: Iterable[Open]) -> Decision:
    """Return what an hour's figures begin, carry on and end."""
    found = {one.zone: one for one in measured}
    going_on: list[Open] = []
    ended: list[Open] = []
    for one in before:
        if one.ended_hours is not None:
            if one.ended_hours + 1 < COOL_DOWN_HOURS:
                going_on.append(replace(one, ended_hours=one.ended_hours + 1))
            continue
        quiet = 0 if _still(one, found) else one.quiet_hours + 1
        later = replace(one, quiet_hours=quiet)
        if quiet < QUIET_HOURS:
            going_on.append(later)
        else:
            over = replace(later, ended_hours=0)
            ended.append(over)
            going_on.append(over)
    busy = {zone for one in going_on for zone in one.zones}
    return Decision(_begin([one for one in measured if one.zone not in busy]), going_on, ended)


def _still(alert: Open, found: Mapping[str, Measured]) -> bool:
    """Whether most of an alert's zones are still out of the ordinary, on its side."""
    here = [found[zone] for zone in alert.zones if zone in found]
    out = sum(one.still.side(one.value) == alert.side for one in here)
    return 2 * out >= max(len(here), 1)


def _begin(measured: Sequence[Measured]) -> list[Began]:
    sides: dict[int, list[Measured]] = defaultdict(list)
    for one in sorted(measured, key=lambda one: (-one.weight, one.zone)):
        if one.far:
            sides[one.far].append(one)
    began: list[Began] = []
    for side, zones in sorted(sides.items()):
        if len(zones) >= TOGETHER:
            began.append(Began(side, tuple(zones)))
        else:
            began += [Began(side, (one,)) for one in zones]
    return began
