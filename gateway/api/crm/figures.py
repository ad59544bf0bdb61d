"""Figures of a web shop, and the sales that some of them need."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Response

from contracts.errors import ConfigurationError
from gateway.api import schemas
from gateway.api.context import Asked, Context, Here
from gateway.api.crm import schemas_figures as own
from gateway.api.crm.having import With
from gateway.api.crm.sent import TABLE, up_to
from gateway.crm.crm import wall_ms
from gateway.crm.figures.definitions import BY_ID, DEFINITIONS
from gateway.crm.figures.figures import ShopRow, of_zone
from gateway.crm.figures.sale_import import import_sales
from gateway.crm.figures.sale_values import Shop
from gateway.crm.figures.telling import Figure
from gateway.crm.identity.entries import AHEAD_MS
from gateway.figures.period import HOUR_MS, Period
from gateway.people import ENTERED, PRESENT

LONGEST_DAYS = 31
LARGEST_BYTES = 16 * 2**20
DAY_MS = 24 * HOUR_MS

REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "no such zone, or the mall has no CRM"},
}
router = APIRouter(tags=["crm: figures"], responses=REFUSED)


def month_of(period: Asked) -> Period:
    """Return the period asked for. Raises 422 where it is longer than a month."""
    if period.to_ms - period.from_ms > LONGEST_DAYS * DAY_MS:
        raise HTTPException(422, f"the period is longer than {LONGEST_DAYS} days: ask month by month")
    return period


Month = Annotated[Period, Depends(month_of)]


@router.get("/figures")
def figures(here: Here, crm: With, period: Month, zone: str | None = None) -> own.FiguresAnswer:
    """Give every figure of a period, of up to 31 days; of one zone where one is asked for."""
    if zone is not None:
        _known(here, zone)
    found = crm.figures.figures(period)
    return own.FiguresAnswer(
        from_ms=period.from_ms,
        to_ms=period.to_ms,
        currency=crm.settings.currency,
        k=here.k,
        people="calibrated" if PRESENT in here.people.calibrated else "assumed",
        entered="calibrated" if ENTERED in here.people.calibrated else "assumed",
        figures=[_figure(one) for one in (found if zone is None else of_zone(found, zone))],
    )


@router.get("/figures/definitions")
def definitions(_crm: With) -> list[own.Definition]:
    """Give what each figure means."""
    return [
        own.Definition(
            id=one.id,
            name=own.Text(en=one.name.en, zh=one.name.zh),
            unit=one.unit,
            of=one.of,
            definition=own.Text(en=one.definition.en, zh=one.definition.zh),
            interval=one.interval,
            source=one.source,
        )
        for one in DEFINITIONS
    ]


@router.get("/figures/shops")
def shops(crm: With, period: Month) -> own.ShopsAnswer:
    """Give shops, and other zones that are visited, as a table."""
    return own.ShopsAnswer(
        from_ms=period.from_ms,
        to_ms=period.to_ms,
        currency=crm.settings.currency,
        rows=[_shop(row) for row in crm.figures.shops(period)],
    )


@router.get(
    "/figures/shops.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def shops_csv(crm: With, period: Month) -> Response:
    """Give the same table as CSV; what is suppressed is empty."""
    return Response(
        _table(crm.figures.shops(period)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="shops.csv"'},
    )


@router.post(
    "/sales",
    openapi_extra=TABLE,
    responses={413: {"model": schemas.Problem, "description": "too much at a time"}},
)
def sales(
    here: Here,
    crm: With,
    data: Annotated[bytes, Depends(up_to(LARGEST_BYTES))],
    till: Annotated[
        list[str] | None, Query(description="NAME:ZONE, the zone of a till", max_length=1000)
    ] = None,
) -> own.SalesReport:
    """Take in what tills have sold: CSV with a header, or a JSON object a line.

    Columns: sale, t, amount, and zone or till; discount, items, reference, currency where there are any.
    Sent twice, each sale is there once.
    """
    zones = frozenset(zone.id for _, zone in here.site.zones())
    shop = Shop(
        zones,
        dict(_till(one, zones) for one in till or ()),
        crm.settings.currency,
        here.timezone,
        oldest_ms=max(0, here.now_ms() - crm.settings.history_d * DAY_MS),
        latest_ms=max(here.now_ms(), wall_ms()) + AHEAD_MS,
    )
    try:
        report = import_sales(crm.file, data, shop)
    except ConfigurationError as error:
        raise HTTPException(422, " ".join(filter(None, (error.message + ".", error.hint)))) from error
    return own.SalesReport(**asdict(report))


def _till(text: str, zones: frozenset[str]) -> tuple[str, str]:
    name, _, zone = text.rpartition(":")
    if not name or zone not in zones:
        raise HTTPException(422, f"till {text[:80]!r}: expected NAME:ZONE, with a zone of this mall")
    return name, zone


def _known(here: Context, zone: str) -> None:
    known = {one.id for _, one in here.site.zones()} | {f"floor:{floor.id}" for floor in here.site.floors}
    if zone not in known:
        raise HTTPException(404, f"no zone {zone!r}")


def _figure(one: Figure) -> own.FigureRow:
    return own.FigureRow(
        id=one.id, zone=one.zone, value=one.value, low=one.low, high=one.high, unit=BY_ID[one.id].unit,
        n=one.n, suppressed=one.suppressed,
    )  # fmt: skip


def _shop(row: ShopRow) -> own.ShopRow:
    of = row.figures
    return own.ShopRow(
        zone=row.zone,
        visits=_whole(of["zone_visits"]),
        visitors=_whole(of["zone_visitors"]),
        exposure_h=of["exposure"].value,
        dwell_median_s=of["dwell_median"].value,
        sales=_whole(of["receipts"]),
        revenue=of["revenue"].value,
        conversion=_told(of["conversion"]),
        spend_per_visit=_told(of["spend_per_visit"]),
        suppressed=of["zone_visits"].suppressed,
    )


def _whole(one: Figure) -> int | None:
    return None if one.value is None else round(one.value)


def _told(one: Figure) -> own.Told:
    return own.Told(value=one.value, low=one.low, high=one.high)


_COLUMNS = (
    *("zone_visits", "zone_visitors", "exposure", "dwell_median", "shop_share", "receipts", "revenue"),
    *("conversion", "spend_per_visit", "sales_per_m2"),
)


def _table(rows: Iterable[ShopRow]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    bounds = [f"{name}{end}" for name in _COLUMNS for end in ("", "_low", "_high")]
    writer.writerow(["zone", *bounds])
    for row in rows:
        found = [row.figures.get(name) for name in _COLUMNS]
        cells = [value for one in found for value in ((one.value, one.low, one.high) if one else (None,) * 3)]
        writer.writerow([row.zone, *cells])
    return out.getvalue()
