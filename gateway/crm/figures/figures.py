"""All figures of a period, and the same of shops as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from contracts.money import exponent
from contracts.site import Crm as CrmSettings
from contracts.site import Site, ZoneKind
from gateway.crm.figures import zones as of_zones
from gateway.crm.figures.came import came, visits_of_mall
from gateway.crm.figures.columns import Columns
from gateway.crm.figures.funnel import funnel
from gateway.crm.figures.members import of_members, read_members, read_spent, spent
from gateway.crm.figures.reading import Reader
from gateway.crm.figures.selling import Sold, per_m2, read_sold, selling, whole
from gateway.crm.figures.telling import Figure, Teller
from gateway.figures.period import Period
from gateway.people import MallPeople
from gateway.site.shapes import shape_of
from gateway.store.base import History
from gateway.store.files import connect_reader, explained


@dataclass(frozen=True)
class ShopRow:
    """A shop, or another zone that is visited, in a period."""

    zone: str
    figures: dict[str, Figure]
    """By the definition's id."""


class ShopFigures:
    """The figures of one mall. Any thread asks it; all methods raise what history and file raise."""

    def __init__(
        self,
        site: Site,
        settings: CrmSettings,
        history: History,
        path: Path,
        people: MallPeople | None = None,
    ) -> None:
        """Tell figures of a site from what a gateway's store remembers, and the CRM's tables in its file."""
        self._site, self._settings, self._path = site, settings, path
        self._reader = Reader(history, site)
        self._people = people
        self._zones = [zone.id for _, zone in site.zones()]
        self.timezone = ZoneInfo(site.mall.timezone)
        self._area_m2 = {zone.id: shape_of(zone.area).area for _, zone in site.zones()}
        self._visited = {
            zone.id for _, zone in site.zones() if zone.kind in (ZoneKind.SHOP, ZoneKind.FACILITY)
        }
        self.unit = 10.0 ** -exponent(settings.currency)
        """The currency's smallest unit."""

    def figures(self, period: Period) -> list[Figure]:
        """Return every figure of a period: of the mall, of floors and of zones."""
        columns = self._reader.read(period)
        with explained(self._path), closing(connect_reader(self._path)) as db:
            sold = read_sold(db, period)
            members = read_members(db, period, 1000 * self._site.tracking.vanish_s)
            parked = read_spent(db, period)
        tell = Teller(self._site.privacy.k, self._people)
        counts = of_zones.ZoneCounts.of(columns)
        return [
            *came(columns, 60.0 * self._settings.bounce_min, tell),
            *of_members(members, 60.0 * self._settings.bounce_min, tell),
            *funnel(columns, counts, self._site, tell),
            *of_zones.zone_figures(counts, self._zones, tell),
            *self._selling(columns, counts, sold, tell),
            *spent(parked, self.unit, tell),
        ]

    def shops(self, period: Period) -> list[ShopRow]:
        """Return the figures of every zone that is visited, or that has sold something, as rows."""
        rows: dict[str, dict[str, Figure]] = {}
        for figure in self.figures(period):
            if figure.zone in self._area_m2:
                rows.setdefault(figure.zone or "", {})[figure.id] = figure
        return [
            ShopRow(zone, rows[zone]) for zone in self._zones
            if zone in self._visited or rows[zone]["receipts"].n != 0
        ]  # fmt: skip

    def _selling(
        self, columns: Columns, counts: of_zones.ZoneCounts, sold: dict[str, Sold], tell: Teller
    ) -> Iterator[Figure]:
        here = {zone: one for zone, one in sold.items() if zone in self._area_m2}
        total = whole(here.values(), tell)
        yield from selling(total, None, visits_of_mall(columns, tell), columns.arrived, self.unit, tell)
        for number, zone in enumerate(self._zones):
            visits = of_zones.visits_of(int(counts.visits[number]), tell)
            visitors = int(counts.visitors[number])
            yield from selling(here.get(zone, Sold()), zone, visits, visitors, self.unit, tell)
        yield from per_m2(here, self._area_m2, self.unit, tell)


def of_zone(figures: Sequence[Figure], zone: str) -> list[Figure]:
    """Return the figures of one zone alone."""
    return [figure for figure in figures if figure.zone == zone]
