"""Periods, days and hours of a mall, in its own time zone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.store.records import MINUTE_MS

HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Period:
    """From `from_ms` up to, but not including, `to_ms`."""

    from_ms: int
    to_ms: int

    def in_minutes(self, newest_ms: int | None) -> "Period":
        """The same in whole minutes, without the minute that the tick at `newest_ms` is about."""
        start = self.from_ms // MINUTE_MS * MINUTE_MS
        end = -(-self.to_ms // MINUTE_MS) * MINUTE_MS
        if newest_ms is not None:
            end = min(end, minutes_until(newest_ms))
        return Period(start, max(end, start + MINUTE_MS))


def minutes_until(newest_ms: int) -> int:
    """The end of the last minute that was added up when the tick at `newest_ms` was the newest.

    A tick is about the time before it, so one at the very end of a minute is the last one in it.
    """
    return (newest_ms - 1) // MINUTE_MS * MINUTE_MS


def day_until(now_ms: int, zone: ZoneInfo) -> Period:
    """The mall's day that `now_ms` lies in, from its midnight to now."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(round(midnight.timestamp()) * 1000, now_ms + 1)


def hour_of(t_ms: int, zone: ZoneInfo) -> int:
    """The start of the mall's hour that `t_ms` lies in; time zones may be half an hour off."""
    offset = datetime.fromtimestamp(t_ms / 1000, zone).utcoffset() or timedelta()
    offset_ms = round(offset.total_seconds() * 1000)
    return (t_ms + offset_ms) // HOUR_MS * HOUR_MS - offset_ms


def covered(step_from_ms: int, step_ms: int, until_ms: int) -> float:
    """How much of a step that starts at `step_from_ms` lies before `until_ms`, from above 0 to 1."""
    return min(1.0, max(until_ms - step_from_ms, MINUTE_MS) / step_ms)


def hours_over(period: Period, newest_ms: int | None, zone: ZoneInfo) -> Period | None:
    """The mall's hours that begin in a period and are over at event time `newest_ms`; None = no hour."""
    if newest_ms is None:
        return None
    start = hour_of(period.from_ms + HOUR_MS - 1, zone)
    end = min(hour_of(period.to_ms - 1, zone) + HOUR_MS, hour_of(newest_ms - 1, zone))
    return Period(start, end) if start < end else None
