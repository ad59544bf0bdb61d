"""What the routes of figures and sales answer. Times are epoch milliseconds, event time."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.api.schemas import Answer


class Text(Answer):
    """A text in both languages of the console."""

    en: str
    zh: str


class Definition(Answer):
    """What a figure means."""

    id: str
    name: Text
    unit: str
    """`share`: 0 to 1. `ratio`: may exceed 1. `money`: the currency of the answer."""
    of: str
    definition: Text
    interval: str
    """How its 90 % interval is made."""
    source: str


class Told(Answer):
    """A value with its 90 % interval; all null where it is suppressed, or there is nothing to tell."""

    value: float | None
    low: float | None
    high: float | None


class FigureRow(Told):
    """A figure of a period."""

    id: str
    zone: str | None
    """A zone, `floor:ID` for a floor, null for the mall."""
    unit: str
    n: int | None
    """How many people, visits or receipts it rests on."""
    suppressed: bool


class FiguresAnswer(Answer):
    """The figures of a period."""

    from_ms: int
    to_ms: int
    currency: str
    k: int
    """Of fewer people, devices or receipts nothing is told."""
    people: Literal["assumed", "calibrated"]
    """Whether somebody has counted how many phones are found a person, of those present."""
    entered: Literal["assumed", "calibrated"]
    """The same of those who come in: where it is assumed, visits of the mall are known roughly."""
    figures: list[FigureRow]


class ShopRow(Answer):
    """A shop, or another zone that is visited, in a period."""

    zone: str
    visits: int | None
    visitors: int | None
    exposure_h: float | None
    dwell_median_s: float | None
    sales: int | None
    """Receipts with a positive amount."""
    revenue: float | None
    conversion: Told
    """Receipts per visit."""
    spend_per_visit: Told
    suppressed: bool
    """Whether its visits are."""


class ShopsAnswer(Answer):
    """Shops in a period, in the order of the site file."""

    from_ms: int
    to_ms: int
    currency: str
    rows: list[ShopRow]


class BadRow(Answer):
    """What is wrong with a row of a file."""

    line: int
    column: str
    """Empty where it is the row as a whole."""
    problem: str


class SalesReport(Answer):
    """What became of a till's file."""

    rows: int
    taken: int
    corrected: int
    known: int
    duplicates: int
    refunds: int
    without_person: int
    """Receipts with a card that are kept without the person: nobody is called so, or does not agree."""
    bad_rows: int
    bad: Annotated[list[BadRow], Field(description="The first hundred")]
