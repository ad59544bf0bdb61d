"""A row of a till's file as a sale, or what is wrong with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from contracts.money import smallest_units
from contracts.references import ReferenceRefusedError, check_reference
from gateway.crm.tables import Bad, Row

_SALE = re.compile(r"[^\s\x00-\x1f\x7f]{1,64}")
_ITEMS = re.compile(r"\d{1,5}", re.ASCII)
_FIRST_YEAR, _END_YEAR = 1970, 2100


@dataclass(frozen=True, slots=True)
class Sale:
    """A receipt; amounts in the currency's smallest unit."""

    line: int
    sale: str
    """Number of the receipt, with its zone: numbers of two shops may be the same."""
    zone: str
    t_ms: int
    amount: int
    """What was paid, after discounts; negative = a refund."""
    discount: int
    items: int
    reference: str | None


@dataclass(frozen=True)
class Shop:
    """What rows are read with: the mall's zones, its tills, currency and clock."""

    zones: frozenset[str]
    tills: Mapping[str, str]
    """Name of a till -> zone."""
    currency: str
    timezone: ZoneInfo
    oldest_ms: int = 0
    """What is older is kept by nobody."""
    latest_ms: int | None = None
    """What is later has a wrong date, and would be kept that much longer; None: whatever is said is taken."""

    def sale(self, row: Row) -> Sale | Bad:
        """Return the sale that a row tells of."""
        column = ""
        try:
            column = "sale"
            number = _number(row.fields.get("sale", ""))
            column = "zone"
            zone = self._zone(row.fields)
            column = "t"
            t_ms = self._moment(row.fields.get("t", ""))
            column = "currency"
            self._settled(row.fields.get("currency", ""))
            column = "amount"
            amount = smallest_units(row.fields.get("amount", ""), self.currency)
            column = "discount"
            discount = _taken_off(row.fields.get("discount") or "0", self.currency)
            column = "items"
            items = _items(row.fields.get("items", ""))
            column = "reference"
            reference = row.fields.get("reference") or None
            if reference is not None:
                check_reference(reference)
        except ReferenceRefusedError as error:
            return Bad(row.line, column, error.message)
        except ValueError as error:
            return Bad(row.line, column, str(error))
        return Sale(row.line, f"{zone}:{number}", zone, t_ms, amount, discount, items, reference)

    def _zone(self, fields: Mapping[str, str]) -> str:
        zone, till = fields.get("zone", ""), fields.get("till", "")
        if not zone and till:
            found = self.tills.get(till)
            if found is None:
                raise ValueError(f"no zone is given for the till {till[:40]!r}: send till={till[:40]}:ZONE")
            return found
        if zone not in self.zones:
            raise ValueError(f"no zone {zone[:40]!r} in this mall")
        return zone

    def _settled(self, currency: str) -> None:
        if currency and currency != self.currency:
            raise ValueError(f"amounts are in {self.currency} here (crm.currency), found {currency[:10]!r}")

    def _moment(self, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or len(text) <= len("2026-03-14"):
            raise ValueError(f"expected a time like 2026-03-14T15:09:26+08:00, found {text[:40]!r}")
        if not _FIRST_YEAR <= moment.year < _END_YEAR:
            raise ValueError(f"expected a time between 1970 and 2100, found {text[:40]!r}")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.timezone)
            there = moment.astimezone(UTC).astimezone(self.timezone)
            if there.replace(tzinfo=None) != moment.replace(tzinfo=None):
                raise ValueError(f"{text[:40]} never was: clocks went forward then")
        t_ms = max(0, round(moment.timestamp() * 1000))
        if t_ms < self.oldest_ms:
            raise ValueError(f"{text[:40]} is longer ago than purchases are kept (crm.history_d)")
        if self.latest_ms is not None and t_ms > self.latest_ms:
            raise ValueError(f"{text[:40]} is in the future")
        return t_ms


def _number(text: str) -> str:
    if not _SALE.fullmatch(text):
        raise ValueError("expected the receipt's number: 1 to 64 characters without blanks")
    return text


def _taken_off(text: str, currency: str) -> int:
    value = smallest_units(text, currency)
    if value < 0:
        raise ValueError("expected what was taken off as a positive amount")
    return value


def _items(text: str) -> int:
    if not text:
        return 1
    if not _ITEMS.fullmatch(text):
        raise ValueError(f"expected a number of items, found {text[:20]!r}")
    return int(text)
