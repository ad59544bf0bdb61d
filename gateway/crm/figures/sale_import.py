"""Sales into the store: a file sent twice leaves each sale once.

A receipt is known by its number and zone. The same again is known; with another amount at the same moment it
is a correction and replaces what was there; at another moment it is another sale with the same number, which
is refused, since nobody can tell which of the two is right. A refund is a receipt of its own, with a
negative amount. Who showed a card is kept only where that member agrees to marketing now.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from contracts.crm import Purpose
from gateway.crm.consent.ledger import Ledger
from gateway.crm.consent.persons import person_of
from gateway.crm.figures.sale_files import read
from gateway.crm.figures.sale_values import Sale, Shop
from gateway.crm.tables import Bad
from gateway.store.files import SharedWriter

MOST_BAD = 100
"""Bad rows that a report names; it counts all."""
_AT_ONCE = 1_000
"""Rows a transaction: the gateway's own writing never waits long."""


@dataclass
class Report:
    """What became of a file."""

    rows: int = 0
    taken: int = 0
    corrected: int = 0
    known: int = 0
    """Were here already, just so."""
    duplicates: int = 0
    """Stand in the file more than once."""
    refunds: int = 0
    """Of those taken or corrected, how many have a negative amount."""
    without_person: int = 0
    """Of those taken or corrected, how many showed a card and are kept without the person."""
    bad_rows: int = 0
    bad: list[Bad] = field(default_factory=list)
    """The first of them."""

    def refuse(self, bad: Bad) -> None:
        """Count a row that cannot be used."""
        self.bad_rows += 1
        if len(self.bad) < MOST_BAD:
            self.bad.append(bad)


def import_sales(file: SharedWriter, data: bytes, shop: Shop) -> Report:
    """Take in a till's file; what was taken stays taken where it ends early.

    Raises `ConfigurationError` where it cannot be read, `UnavailableError` where the store cannot be written.
    """
    report = Report()
    sales = _sales(data, shop, report)
    while batch := list(islice(sales, _AT_ONCE)):
        with file.transaction() as db:
            for sale in batch:
                _write(db, sale, report)
    report.bad.sort(key=lambda bad: bad.line)
    return report


def _sales(data: bytes, shop: Shop, report: Report) -> Iterator[Sale]:
    seen: set[Sale] = set()
    for row in read(data):
        report.rows += 1
        sale = row if isinstance(row, Bad) else shop.sale(row)
        if isinstance(sale, Bad):
            report.refuse(sale)
            continue
        said = replace(sale, line=0)
        if said in seen:
            report.duplicates += 1
        else:
            seen.add(said)
            yield sale


def _write(db: sqlite3.Connection, sale: Sale, report: Report) -> None:
    found = db.execute(
        "SELECT t_ms, amount, discount, items, person FROM crm_sales WHERE sale = ?", (sale.sale,)
    ).fetchone()
    if found is not None and found[0] != sale.t_ms:
        problem = "another sale has this number; give each its own, also to refunds"
        report.refuse(Bad(sale.line, "sale", problem))
        return
    person = _person(db, sale.reference) or (found[4] if found is not None else None)
    new = (sale.t_ms, sale.amount, sale.discount, sale.items)
    if found is not None and found[:4] == new:
        report.known += 1
        if person == found[4]:
            return
    else:
        report.taken += found is None
        report.corrected += found is not None
        report.refunds += sale.amount < 0
        report.without_person += sale.reference is not None and person is None
    db.execute(
        "INSERT OR REPLACE INTO crm_sales (sale, zone, t_ms, amount, discount, items, person)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (sale.sale, sale.zone, *new, person),
    )


def _person(db: sqlite3.Connection, reference: str | None) -> str | None:
    """Return whose reference it is, where that member agrees to marketing."""
    person = None if reference is None else person_of(db, reference)
    return person if person is not None and Ledger.in_force(db, person, Purpose.MARKETING) else None
