"""A member's journeys: visits of the mall with the zones seen, the stay of the car, and what was bought.

A visit of the mall is what a device's path says, from first heard to vanished; of somebody with two phones
those that overlap are one. What belongs to no path yet goes on: zones less than half an hour apart are one.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from contracts.crm import Purpose
from gateway.crm.consent.ledger import Ledger
from gateway.crm.consent.persons import same_as
from gateway.store.records import WHOLE_MALL

APART_MS = 30 * 60_000
"""Longer without a zone is another visit."""
TILL_MS = 15 * 60_000
"""A receipt is written at most so long after who bought was last heard."""
LONGEST_STAY_MS = 24 * 3_600_000
"""A car that was not seen to leave has left by then."""


@dataclass(frozen=True, slots=True)
class Step:
    """A zone that was visited; `ended_ms` None = it still is."""

    zone: str
    floor: str
    started_ms: int
    ended_ms: int | None
    dwell_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay of the member's car."""

    entered_ms: int | None
    left_ms: int | None

    @property
    def from_ms(self) -> int:
        """From when on it is known to have been there."""
        return next(t_ms for t_ms in (self.entered_ms, self.left_ms, 0) if t_ms is not None)

    @property
    def to_ms(self) -> int:
        """Until when it may have been there."""
        return self.from_ms + LONGEST_STAY_MS if self.left_ms is None else self.left_ms


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was bought; the amount in the smallest unit of the currency."""

    t_ms: int
    zone: str
    amount: int
    items: int


@dataclass(slots=True)
class Visit:
    """A visit of the mall; `ended_ms` None = it goes on."""

    started_ms: int
    ended_ms: int | None
    steps: list[Step] = field(default_factory=list)
    stay: Stay | None = None
    purchases: list[Purchase] = field(default_factory=list)

    def until_ms(self, now_ms: int) -> int:
        """When it has ended, or now."""
        return now_ms if self.ended_ms is None else self.ended_ms


def visits_of(db: sqlite3.Connection, person: str, from_ms: int, to_ms: int, now_ms: int) -> list[Visit]:
    """Return a member's visits that began in [from_ms, to_ms), in order; only what is agreed to now."""
    people = json.dumps(same_as(db, person))
    period = (people, from_ms - LONGEST_STAY_MS, to_ms + LONGEST_STAY_MS)
    visits: list[Visit] = []
    if Ledger.in_force(db, person, Purpose.POSITION):
        visits = _visits(db, period, now_ms)
    if Ledger.in_force(db, person, Purpose.PARKING):
        visits += _parked(db, period, visits, now_ms)
    if Ledger.in_force(db, person, Purpose.MARKETING):
        visits += _bought(db, period, visits, now_ms)
    visits.sort(key=lambda visit: visit.started_ms)
    return [visit for visit in visits if from_ms <= visit.started_ms < to_ms]


def _visits(db: sqlite3.Connection, period: tuple[str, int, int], now_ms: int) -> list[Visit]:
    rows = db.execute(
        "SELECT zone, floor, started_ms, ended_ms, dwell_s, confidence FROM crm_visits"
        " WHERE person IN (SELECT value FROM json_each(?)) AND started_ms >= ? AND started_ms < ?"
        " ORDER BY started_ms, zone",
        period,
    ).fetchall()
    visits: list[Visit] = []
    for zone, _, started_ms, ended_ms, *_ in rows:
        if zone == WHOLE_MALL:
            _extend(visits, started_ms, ended_ms, now_ms, apart_ms=0)
    ended = list(visits)
    for step in _together((Step(*row) for row in rows if row[0] != WHOLE_MALL), now_ms):
        home = next((one for one in ended if _within(step.started_ms, one, now_ms)), None)
        if home is None:
            home = _extend(visits, step.started_ms, step.ended_ms, now_ms, apart_ms=APART_MS)
        home.steps.append(step)
    return visits


def _within(t_ms: int, visit: Visit, now_ms: int) -> bool:
    return visit.started_ms <= t_ms <= visit.until_ms(now_ms)


def _extend(
    visits: list[Visit], started_ms: int, ended_ms: int | None, now_ms: int, *, apart_ms: int
) -> Visit:
    """Return the last visit, made longer, or a new one where that was over long before."""
    last = visits[-1] if visits else None
    if last is None or started_ms > last.until_ms(now_ms) + apart_ms:
        last = Visit(started_ms, ended_ms)
        visits.append(last)
    elif last.ended_ms is not None:
        last.ended_ms = None if ended_ms is None else max(last.ended_ms, ended_ms)
    return last


def _together(steps: Iterable[Step], now_ms: int) -> Sequence[Step]:
    """Put together what two phones of one person say of one zone at the same time."""
    found: list[Step] = []
    last: dict[str, int] = {}
    for step in steps:
        at = last.get(step.zone)
        before = found[at] if at is not None else None
        if at is None or before is None or (before.ended_ms or now_ms) < step.started_ms:
            last[step.zone] = len(found)
            found.append(step)
            continue
        open_ = before.ended_ms is None or step.ended_ms is None
        ended_ms = None if open_ else max(before.ended_ms or 0, step.ended_ms or 0)
        until_ms = now_ms if ended_ms is None else ended_ms
        found[at] = replace(
            before,
            ended_ms=ended_ms,
            dwell_s=max(before.dwell_s, step.dwell_s, (until_ms - before.started_ms) / 1000.0),
            confidence=max(before.confidence, step.confidence),
        )
    return found


def _parked(
    db: sqlite3.Connection, period: tuple[str, int, int], visits: Sequence[Visit], now_ms: int
) -> list[Visit]:
    """Give visits their car's stay; returns visits of which nothing else is known."""
    rows = db.execute(
        "SELECT entered_ms, left_ms FROM crm_stays WHERE person IN (SELECT value FROM json_each(?))"
        " AND coalesce(entered_ms, left_ms) >= ? AND coalesce(entered_ms, left_ms) < ?"
        " ORDER BY coalesce(entered_ms, left_ms)",
        period,
    )
    alone = []
    for row in rows.fetchall():
        stay = Stay(*row)
        homes = [
            visit
            for visit in visits
            if visit.started_ms <= stay.to_ms and visit.until_ms(now_ms) >= stay.from_ms
        ]
        if homes:
            homes[0].stay = homes[0].stay or stay
        else:
            alone.append(Visit(stay.from_ms, stay.left_ms, stay=stay))
    return alone


def _bought(
    db: sqlite3.Connection, period: tuple[str, int, int], visits: Sequence[Visit], now_ms: int
) -> list[Visit]:
    """Give visits what was bought; returns visits of which nothing else is known."""
    rows = db.execute(
        "SELECT t_ms, zone, amount, items FROM crm_sales WHERE person IN (SELECT value FROM json_each(?))"
        " AND t_ms >= ? AND t_ms < ? ORDER BY t_ms, sale",
        period,
    )
    alone: list[Visit] = []
    for row in rows.fetchall():
        purchase = Purchase(*row)
        home = next(
            (
                visit
                for visit in visits
                if visit.started_ms <= purchase.t_ms <= visit.until_ms(now_ms) + TILL_MS
            ),
            None,
        ) or _extend(alone, purchase.t_ms, purchase.t_ms, now_ms, apart_ms=APART_MS)
        home.purchases.append(purchase)
    return alone
