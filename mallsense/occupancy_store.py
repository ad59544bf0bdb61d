"""Counts of people in a mall beside what its gateway found, from its store and a table of counts."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from contracts.csv_rows import number, rows
from contracts.errors import ConfigurationError, UnavailableError
from gateway.figures.intervals import interval
from gateway.people import ENTERED, PRESENT
from gateway.store.reading import SqliteHistory
from gateway.store.records import MINUTE_MS, WHOLE_MALL, ZoneMinute
from positioning.people.heard import Floats, Ints
from positioning.people.ratio import PhonesPerPerson

PAUSE_S = 4 * 3600
"""Between two counts that are further apart, a new day begins: malls close for the night."""


LEAST_GROUPS = 3


@dataclass(frozen=True)
class Count:
    """People counted in a window: present on the mean, or come in."""

    start_s: int
    window_s: int
    people: float
    what: str


@dataclass(frozen=True)
class Counted:
    """Windows (W,) in the order of time: what was found, beside what was counted.

    Attributes:
        day: number of the day.
        start_s: start in seconds since 1970, UTC.
        devices: mean devices present, or devices that were new.
        variance: of the devices, as far as the gateway knows.
        people: counted.
    """

    day: Ints
    start_s: Ints
    devices: Floats
    variance: Floats
    people: Floats


def read_counts(path: Path) -> list[Count]:
    """Read `window_start_unix_s,window_s,people` and, if it is there, `what`: present (default) or entered.

    Raises:
        ConfigurationError: it cannot be read, or a row is not as expected.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                _count(where, row)
                for where, row in rows(file, str(path), ("window_start_unix_s", "window_s", "people"))
            ]
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from error


def _count(where: str, row: Mapping[str, str]) -> Count:
    start_s, window_s = (number(row, column, where) for column in ("window_start_unix_s", "window_s"))
    people, what = number(row, "people", where), (row.get("what") or PRESENT).strip()
    if start_s % 60 or window_s % 60 or window_s <= 0:
        raise ConfigurationError(f"{where}: expected a window of whole minutes, found {window_s:g} s")
    if people < 0:
        raise ConfigurationError(f"{where}: people: expected 0 or more, found {people:g}")
    if what not in (PRESENT, ENTERED):
        raise ConfigurationError(f"{where}: what: expected {PRESENT} or {ENTERED}, found {what!r}")
    return Count(round(start_s), round(window_s), people, what)


def read_store(path: Path, counts: list[Count]) -> tuple[dict[str, Counted], int]:
    """Return the windows of each kind of count, and how many counts the store knows nothing of.

    Raises:
        ConfigurationError: it is no store, or knows nothing of any of the windows.
    """
    minutes = _minutes(path, counts)
    first_ms, last_ms = min(minutes, default=0), max(minutes, default=0) + MINUTE_MS
    known = [c for c in counts if first_ms <= c.start_s * 1000 and (c.start_s + c.window_s) * 1000 <= last_ms]
    if not known:
        raise ConfigurationError(
            f"{path}: holds nothing of the time of the {len(counts)} counts",
            "Start times are seconds since 1970, UTC; the store forgets after its retention.",
        )
    by_kind: defaultdict[str, list[Count]] = defaultdict(list)
    for count in sorted(known, key=lambda c: c.start_s):
        by_kind[count.what].append(count)
    return {what: _counted(found, minutes) for what, found in by_kind.items()}, len(counts) - len(known)


def _minutes(path: Path, counts: list[Count]) -> dict[int, ZoneMinute]:
    """Return the minutes of the whole mall around the counts, by their start."""
    if not path.exists():
        raise ConfigurationError(f"{path}: no such file", "Name the file given to mallsense gateway --store.")
    if not counts:
        return {}
    history = SqliteHistory(path)
    try:
        found = history.zone_minutes(
            min(c.start_s for c in counts) * 1000,
            max(c.start_s + c.window_s for c in counts) * 1000,
            MINUTE_MS,
            [WHOLE_MALL],
        )
    except UnavailableError as error:
        raise ConfigurationError(
            f"{path}: cannot be read as a gateway's store: {error.message}", "Name the file given to --store."
        ) from error
    finally:
        history.close_readers()
    return {row.minute_ms: row for row in found}


def fit_mall(counted: Counted) -> PhonesPerPerson:
    """Learn how many devices are found a person."""
    return PhonesPerPerson.fit(counted.devices, counted.variance, counted.people, counted.day)


def held_out(counted: Counted) -> Ints | None:
    """Return the group (W,) of each window when groups are left out in turn: days, or thirds of few days.

    None where there are too few counts to leave any out.
    """
    if counted.day[-1] + 1 >= LEAST_GROUPS:
        return counted.day
    if len(counted.day) < 2 * LEAST_GROUPS:
        return None
    return np.arange(len(counted.day)) * LEAST_GROUPS // len(counted.day)


def mall_left_out(counted: Counted, groups: Ints) -> tuple[Floats, Floats, Floats]:
    """Return people and their 90 % interval (W,), each group's from a model of the other groups."""
    result = np.zeros((3, len(groups)))
    for i in range(len(groups)):
        known = groups != groups[i]
        model = fit_mall(Counted(*(getattr(counted, field.name)[known] for field in fields(counted))))
        people, variance = model.people(float(counted.devices[i]), float(counted.variance[i]))
        result[:, i] = people, *interval(people, variance)
    return result[0], result[1], result[2]


def _counted(counts: list[Count], minutes: Mapping[int, ZoneMinute]) -> Counted:
    start_s = np.array([c.start_s for c in counts])
    found = np.array([_found(c, minutes) for c in counts])
    return Counted(
        np.cumsum(np.diff(start_s, prepend=start_s[0]) > PAUSE_S),
        start_s,
        found[:, 0],
        found[:, 1],
        np.array([c.people for c in counts]),
    )


def _found(count: Count, minutes: Mapping[int, ZoneMinute]) -> tuple[float, float]:
    """Return the devices found in a window and their variance; a minute without a row had nobody."""
    start_ms, length = count.start_s * 1000, count.window_s // 60
    span = range(start_ms, start_ms + length * MINUTE_MS, MINUTE_MS)
    there = [minutes[at] for at in span if at in minutes]
    if count.what == ENTERED:
        return float(sum(row.started for row in there)), 0.0
    return sum(row.people_mean for row in there) / length, sum(row.variance_mean for row in there) / length
