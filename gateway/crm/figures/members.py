"""What only members tell, who agreed: new against returning, and what is spent while a car is parked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np

from contracts.crm import Purpose
from gateway.crm.consent.ledger import Ledger
from gateway.crm.figures.columns import Floats
from gateway.crm.figures.intervals import exact, mean, share
from gateway.crm.figures.telling import Figure, Teller
from gateway.figures.period import Period
from gateway.store.records import WHOLE_MALL


def read_returning(db: sqlite3.Connection, period: Period) -> tuple[int, int]:
    """Return how many members came in a period, and how many of them had come before.

    `crm_visits` holds visits of members who agree to it alone.
    """
    row = db.execute(
        "SELECT count(*), coalesce(sum(first_ms < ?1), 0) FROM (SELECT person, min(started_ms) AS first_ms"
        " FROM crm_visits WHERE zone = ?3 AND started_ms < ?2 GROUP BY person HAVING max(started_ms) >= ?1)",
        (period.from_ms, period.to_ms, WHOLE_MALL),
    ).fetchone()
    return int(row[0]), int(row[1])


def read_spent(db: sqlite3.Connection, period: Period) -> tuple[Floats, int]:
    """Return what members bought during each finished stay that began in a period, (S,), and of how many.

    In the currency's smallest unit; stays of members whose purchases are kept.
    """
    agree = Ledger.in_force_all(db, Purpose.MARKETING)
    rows = db.execute(
        "SELECT person, (SELECT coalesce(sum(amount), 0) FROM crm_sales WHERE person = crm_stays.person"
        " AND t_ms >= entered_ms AND t_ms <= left_ms) FROM crm_stays"
        " WHERE entered_ms >= ? AND entered_ms < ? AND left_ms IS NOT NULL ORDER BY stay",
        (period.from_ms, period.to_ms),
    )
    kept = [(person, amount) for person, amount in rows if person in agree]
    return np.array([amount for _, amount in kept], dtype=np.float64), len({person for person, _ in kept})


def returning(members: int, before: int, tell: Teller) -> Iterator[Figure]:
    """Give the figures of members who came, some of whom had come before."""
    yield tell.figure("members", None, exact(members), members)
    told = share(before, members) if members else None
    yield tell.figure("returning_share", None, told, members, before, members - before)


def spent(amounts: Floats, members: int, unit: float, tell: Teller) -> Iterator[Figure]:
    """Give what was spent per car, of stays (S,) of so many members."""
    buyers = int((amounts != 0.0).sum())
    told = mean(amounts).times(unit) if len(amounts) and not tell.hides(members, buyers) else None
    yield tell.figure("spend_per_car", None, told, len(amounts), members, buyers)
