"""What members who agreed have done, as columns: read from the CRM's tables at one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from contracts.crm import Purpose
from contracts.site import Site, ZoneKind
from gateway.crm.consent.ledger import Ledger
from gateway.crm.identity.merges import names_now
from gateway.figures.period import HOUR_MS
from gateway.store.records import WHOLE_MALL

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
WINDOW_MS = 12 * WEEK_MS
"""How far back is looked: long enough for who comes every other week, short enough to follow change."""
_AT_ONCE = 10_000

Since = Mapping[Purpose, Mapping[str, int]]
"""Who agrees to what, and since when."""


@dataclass(frozen=True)
class Shops:
    """The shops of a mall, and what they sell."""

    zones: tuple[str, ...]
    categories: tuple[str, ...]
    """Names, in order."""
    category: Ints
    """(S,) of each shop, index into `categories`."""

    @classmethod
    def of(cls, site: Site) -> Shops:
        """Take them from the site; a shop without a category is of the category `other`."""
        shops = [
            (zone.id, zone.category or "other") for _, zone in site.zones() if zone.kind is ZoneKind.SHOP
        ]
        names = sorted({name for _, name in shops})
        return cls(
            tuple(zone for zone, _ in shops),
            tuple(names),
            np.array([names.index(name) for _, name in shops], dtype=np.int64),
        )


@dataclass(frozen=True)
class Visits:
    """Visits of the mall, (V,), in order of member and time."""

    member: Ints
    start_ms: Ints
    end_ms: Ints
    """Where it goes on, what is known so far."""
    by_car: Bools
    """A car of the member was in the car park."""


@dataclass(frozen=True)
class Stays:
    """Visits of shops that have ended, (N,)."""

    member: Ints
    shop: Ints
    start_ms: Ints
    dwell_s: Floats


@dataclass(frozen=True)
class Sales:
    """Purchases, (N,); amounts in the currency's smallest unit."""

    member: Ints
    shop: Ints
    """-1 where the zone is no shop."""
    t_ms: Ints
    amount: Floats
    discount: Floats


@dataclass(frozen=True)
class Done:
    """What M members who agree to marketing have done from `from_ms` to `to_ms`."""

    persons: tuple[str, ...]
    """As merged persons go on."""
    from_ms: int
    to_ms: int
    timezone: ZoneInfo
    shops: Shops
    weeks: Floats
    """(M,) for how long visits could be known; 0 = the member does not agree to positions."""
    parking: Bools
    """(M,) whether the member agrees to parking."""
    visits: Visits
    stays: Stays
    sales: Sales

    def local_ms(self, t_ms: Ints) -> Ints:
        """Return moments as milliseconds since 1970 on the mall's clock."""
        hours, place = np.unique(t_ms // HOUR_MS, return_inverse=True)
        offset = [_offset_ms(int(hour) * HOUR_MS, self.timezone) for hour in hours]
        return t_ms + np.array(offset, dtype=np.int64)[place] if len(hours) else t_ms


def agreeing(db: sqlite3.Connection) -> Since:
    """Return who agrees to each purpose, as merged persons go on, and since when."""
    one = names_now(db)
    return {
        purpose: {one.get(person, person): t_ms for person, t_ms in Ledger.since_all(db, purpose).items()}
        for purpose in Purpose
    }


def as_of(db: sqlite3.Connection, now_ms: int) -> int:
    """Return the mall's time; before the first tick (0), a moment after the newest of what is kept."""
    if now_ms > 0:
        return now_ms
    newest = "SELECT max(started_ms) AS t_ms FROM crm_visits UNION ALL SELECT max(t_ms) FROM crm_sales"
    return int(db.execute(f"SELECT max(t_ms) FROM ({newest})").fetchone()[0] or 0) + 1  # noqa: S608  # above


def read(db: sqlite3.Connection, shops: Shops, timezone: ZoneInfo, since: Since, now_ms: int) -> Done:
    """Return what members did in the window before `now_ms`; `db` is in a transaction."""
    one = names_now(db)
    persons = tuple(sorted(since[Purpose.MARKETING]))
    number = {person: place for place, person in enumerate(persons)}
    for merged, goes_on in one.items():
        if goes_on in number:
            number[merged] = number[goes_on]
    oldest = db.execute("SELECT min(started_ms) FROM crm_visits").fetchone()[0]
    from_ms = now_ms - WINDOW_MS
    known_ms = from_ms if oldest is None else max(from_ms, min(oldest, now_ms))
    told = since[Purpose.POSITION]
    weeks = [
        (now_ms - max(known_ms, told[person])) / WEEK_MS if person in told else 0.0 for person in persons
    ]
    mall, stays = _visits(db, number, {zone: i for i, zone in enumerate(shops.zones)}, from_ms, now_ms)
    return Done(
        persons, from_ms, now_ms, timezone, shops,
        np.maximum(np.array(weeks, dtype=np.float64), 0.0),
        np.array([person in since[Purpose.PARKING] for person in persons], dtype=np.bool_),
        _with_cars(mall, _cars(db, number, from_ms, now_ms)), stays,
        _sales(db, number, shops, from_ms, now_ms),
    )  # fmt: skip


def _visits(
    db: sqlite3.Connection, number: Mapping[str, int], zones: Mapping[str, int], from_ms: int, to_ms: int
) -> tuple[Ints, Stays]:
    """Return visits of the mall as rows (member, start, end), and stays in shops."""
    sql = (
        "SELECT person, zone, started_ms, ended_ms, dwell_s FROM crm_visits"
        " WHERE started_ms >= ? AND started_ms < ?"
    )
    mall, stays = [np.zeros((0, 3))], [np.zeros((0, 4))]
    for persons, places, *others in _columns(db, sql, (from_ms, to_ms)):
        start, end, dwell_s = (np.array(one, dtype=np.float64) for one in others)  # None becomes nan
        member = np.array([number.get(person, -1) for person in persons])
        zone = np.array([zones.get(one, -2 if one == WHOLE_MALL else -1) for one in places])
        until = np.where(np.isnan(end), start + 1000 * dwell_s, end)
        whole, stay = (member >= 0) & (zone == -2), (member >= 0) & (zone >= 0) & ~np.isnan(end)
        mall.append(np.column_stack([member, start, until])[whole])
        stays.append(np.column_stack([member, zone, start, dwell_s])[stay])
    found = np.concatenate(stays)
    ints = found[:, :3].astype(np.int64)
    return np.concatenate(mall).astype(np.int64), Stays(ints[:, 0], ints[:, 1], ints[:, 2], found[:, 3])


def _with_cars(mall: Ints, cars: Mapping[int, Sequence[tuple[int, int]]]) -> Visits:
    """Join rows of a member that overlap, as of somebody with two phones, and say who came by car."""
    mall = mall[np.lexsort((mall[:, 1], mall[:, 0]))]
    rows: list[tuple[int, int, int]] = []
    for member, start, end in mall.tolist():
        if rows and rows[-1][0] == member and start <= rows[-1][2]:
            rows[-1] = (member, rows[-1][1], max(end, rows[-1][2]))
        else:
            rows.append((member, start, end))
    by_car = [any(a <= end and start <= b for a, b in cars.get(m, ())) for m, start, end in rows]
    found = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Visits(found[:, 0], found[:, 1], found[:, 2], np.array(by_car, dtype=np.bool_))


def _cars(
    db: sqlite3.Connection, number: Mapping[str, int], from_ms: int, to_ms: int
) -> dict[int, list[tuple[int, int]]]:
    cars: dict[int, list[tuple[int, int]]] = {}
    sql = (
        "SELECT person, coalesce(entered_ms, left_ms), coalesce(left_ms, ?2) FROM crm_stays"
        " WHERE coalesce(left_ms, ?2) >= ?1 AND coalesce(entered_ms, left_ms) < ?2"
    )
    for columns in _columns(db, sql, (from_ms, to_ms)):
        for person, start, end in zip(*columns, strict=True):
            if person in number:
                cars.setdefault(number[person], []).append((start, end))
    return cars


def _sales(
    db: sqlite3.Connection, number: Mapping[str, int], shops: Shops, from_ms: int, to_ms: int
) -> Sales:
    zones = {zone: place for place, zone in enumerate(shops.zones)}
    sql = (
        "SELECT person, zone, t_ms, amount, discount FROM crm_sales"
        " WHERE person IS NOT NULL AND t_ms >= ? AND t_ms < ?"
    )
    parts = [np.zeros((0, 5))]
    for persons, places, *others in _columns(db, sql, (from_ms, to_ms)):
        member = np.array([number.get(person, -1) for person in persons])
        zone = np.array([zones.get(one, -1) for one in places])
        rows = np.column_stack([member, zone, *(np.array(one, dtype=np.float64) for one in others)])
        parts.append(rows[member >= 0])
    found = np.concatenate(parts)
    ints = found[:, :3].astype(np.int64)
    return Sales(ints[:, 0], ints[:, 1], ints[:, 2], found[:, 3], found[:, 4])


def _columns(
    db: sqlite3.Connection, sql: str, values: Sequence[object]
) -> Iterator[tuple[tuple[Any, ...], ...]]:
    """Give the columns of so many rows at once, so that other threads have their turn in between."""
    cursor = db.execute(sql, tuple(values))
    while rows := cursor.fetchmany(_AT_ONCE):
        yield tuple(zip(*rows, strict=True))


def _offset_ms(t_ms: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(t_ms / 1000, zone).utcoffset()
    return 0 if offset is None else round(1000 * offset.total_seconds())
