"""What the tills say, against who came: conversion, spend, sales per square metre."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.crm.figures.came import divided
from gateway.crm.figures.intervals import Interval, exact
from gateway.crm.figures.telling import Figure, Teller
from gateway.figures.period import Period


@dataclass(frozen=True, slots=True)
class Sold:
    """Receipts of a zone, or of all."""

    receipts: int = 0
    """With a positive amount."""
    refunds: int = 0
    revenue: int = 0
    """Refunds taken off; in the currency's smallest unit."""

    def __add__(self, other: Sold) -> Sold:
        """Return both together."""
        return Sold(
            self.receipts + other.receipts, self.refunds + other.refunds, self.revenue + other.revenue
        )


def read_sold(db: sqlite3.Connection, period: Period) -> dict[str, Sold]:
    """Return what was sold in a period, by zone."""
    rows = db.execute(
        "SELECT zone, sum(amount > 0), sum(amount < 0), sum(amount) FROM crm_sales"
        " WHERE t_ms >= ? AND t_ms < ? GROUP BY zone",
        (period.from_ms, period.to_ms),
    )
    return {zone: Sold(*sums) for zone, *sums in rows}


def few(sold: Sold, tell: Teller) -> bool:
    """Whether there are so few receipts that nothing is told of them."""
    return tell.hides(sold.receipts, sold.receipts + sold.refunds)


def whole(zones: Iterable[Sold], tell: Teller) -> Sold:
    """Return what all zones sold together; without those of few receipts, where these are few together, too.

    Else the rest of the sum would tell of them.
    """
    told, hidden = Sold(), Sold()
    for one in zones:
        if few(one, tell):
            hidden += one
        else:
            told += one
    return told if few(hidden, tell) else told + hidden


def selling(
    sold: Sold, zone: str | None, visits: Interval, devices: int, unit: float, tell: Teller
) -> Iterator[Figure]:
    """Give the figures of a zone, or of the mall: its receipts, and people's visits of it.

    `devices` were found to come, and `unit` is the currency's smallest. Of a few receipts nothing is told: a
    sum of two may tell one who knows the other.
    """
    n = sold.receipts + sold.refunds
    yield tell.figure("receipts", zone, exact(sold.receipts), sold.receipts, n)
    yield tell.figure("revenue", zone, exact(sold.revenue * unit), n, sold.receipts)
    per_visit = conversion(sold, visits) if visits.value > 0.0 else None
    yield tell.figure("conversion", zone, per_visit, visits.value, devices, sold.receipts, n)
    spend = spend_per_visit(sold, visits, unit) if visits.value > 0.0 else None
    yield tell.figure("spend_per_visit", zone, spend, visits.value, devices, sold.receipts, n)


def conversion(sold: Sold, visits: Interval) -> Interval:
    """Return receipts per visit."""
    return divided(exact(sold.receipts), visits) if sold.receipts else exact(0.0)


def spend_per_visit(sold: Sold, visits: Interval, unit: float) -> Interval:
    """Return revenue per visit; where more was given back than sold, it is negative."""
    if sold.revenue == 0:
        return exact(0.0)
    found = divided(exact(abs(sold.revenue) * unit), visits)
    return found if sold.revenue > 0 else Interval(-found.value, -found.high, -found.low)


def per_m2(
    sold: Mapping[str, Sold], area_m2: Mapping[str, float], unit: float, tell: Teller
) -> Iterator[Figure]:
    """Give the sales per square metre of zones."""
    for zone, one in sold.items():
        n = one.receipts + one.refunds
        value = exact(one.revenue * unit / area_m2[zone]) if area_m2.get(zone) else None
        yield tell.figure("sales_per_m2", zone, value, n, one.receipts)
