"""When pseudonyms change: a clock of salt periods in the mall's own day, read from event time alone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from contracts.site.model import Site

HOUR_MS = 3_600_000


class Period(NamedTuple):
    """One salt period, [start_ms, end_ms) in event time."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class SaltRotation:
    """Salts change every day at `at_h` o'clock of the mall's time, and every `every_h` hours after it.

    Where `every_h` does not divide the day, the day's last period is shorter. On days when clocks change,
    hours are counted as they pass; the change at `at_h` follows the clock on the wall.
    """

    timezone: str
    every_h: int = 24
    at_h: int = 4

    @classmethod
    def of(cls, site: Site) -> Self:
        """Take the rotation that a site file asks for."""
        return cls(site.mall.timezone, site.privacy.salt_rotation_h, site.privacy.salt_rotation_at_h)

    def period(self, t_ms: int) -> Period:
        """Find the period that event time `t_ms` (milliseconds since 1970, UTC) lies in."""
        day = datetime.fromtimestamp(t_ms / 1000, ZoneInfo(self.timezone)).date()
        if t_ms < self._day_start_ms(day):
            day -= timedelta(days=1)
        first_ms = self._day_start_ms(day)
        next_day_ms = self._day_start_ms(day + timedelta(days=1))
        length_ms = self.every_h * HOUR_MS
        start_ms = first_ms + (t_ms - first_ms) // length_ms * length_ms
        # A day of 25 hours: the hour left over belongs to the last full period of a 24 h rotation.
        if self.every_h == 24:  # hours of a day
            return Period(first_ms, next_day_ms)
        return Period(start_ms, min(start_ms + length_ms, next_day_ms))

    def _day_start_ms(self, day: date) -> int:
        start = datetime.combine(day, time(self.at_h), ZoneInfo(self.timezone))
        return round(start.astimezone(UTC).timestamp()) * 1000
