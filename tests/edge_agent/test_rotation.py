"""Salt periods follow the mall's day, whatever the clocks do."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rotation import HOUR_MS, SaltRotation

SHANGHAI = ZoneInfo("Asia/Shanghai")
times = st.integers(0, 4_000_000_000_000)
zones = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])


def ms(zone: ZoneInfo, *moment: int) -> int:
    """Give the epoch milliseconds of a local moment."""
    return round(datetime(*moment, tzinfo=zone).timestamp() * 1000)  # type: ignore[misc, arg-type]


def test_a_day_runs_from_four_to_four() -> None:
    """By default pseudonyms change at four in the morning of the mall's time."""
    rotation = SaltRotation("Asia/Shanghai")
    period = rotation.period(ms(SHANGHAI, 2026, 3, 2, 3, 59))
    assert period == (ms(SHANGHAI, 2026, 3, 1, 4), ms(SHANGHAI, 2026, 3, 2, 4))
    assert rotation.period(period.end_ms).start_ms == period.end_ms


@given(times, zones, st.integers(1, 24), st.integers(0, 23))
def test_periods_fill_time_without_gap_or_overlap(t_ms: int, zone: str, every_h: int, at_h: int) -> None:
    """A moment lies in its period; the next begins where it ends; none is longer than asked for."""
    rotation = SaltRotation(zone, every_h, at_h)
    start_ms, end_ms = period = rotation.period(t_ms)
    assert start_ms <= t_ms < end_ms
    assert rotation.period(start_ms) == rotation.period(end_ms - 1) == period
    assert rotation.period(end_ms).start_ms == end_ms
    assert rotation.period(start_ms - 1).end_ms == start_ms
    assert end_ms - start_ms <= (every_h + (every_h == 24)) * HOUR_MS


@given(times, zones, st.integers(1, 24), st.integers(0, 23))
def test_every_day_begins_a_period(t_ms: int, zone: str, every_h: int, at_h: int) -> None:
    """At the hour set a period begins on every day, so that nobody is linked across days."""
    day = datetime.fromtimestamp(t_ms / 1000, ZoneInfo(zone))
    moment = datetime(day.year, day.month, day.day, at_h, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    start_ms = round(moment.timestamp() * 1000)
    assert SaltRotation(zone, every_h, at_h).period(start_ms).start_ms == start_ms


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 28), 23), ((2026, 10, 24), 25)])
def test_days_on_which_clocks_change(day: tuple[int, int, int], hours: int) -> None:
    """The change follows the clock on the wall: a day of 23 or 25 hours is one period."""
    berlin = ZoneInfo("Europe/Berlin")
    start_ms, end_ms = SaltRotation("Europe/Berlin").period(ms(berlin, *day, 12))
    assert end_ms - start_ms == hours * HOUR_MS
