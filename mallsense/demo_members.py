"""Members of the demo's mall: who they are, and what their systems tell the gateway.

What a real CRM, Wi-Fi controller and till would send over HTTP is given here to what stands behind those
routes, in event time, by a thread of its own: consents, and identifiers and sales as files. Two months of
purchases come first, as a CRM brings its past.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from contracts.errors import UnavailableError
from contracts.site import Site
from gateway.crm.consent.withdrawal import Said
from gateway.crm.crm import Crm
from gateway.crm.figures.sale_import import import_sales
from gateway.crm.figures.sale_values import Shop
from simulators.members.cars import Cars
from simulators.members.life import Life, live
from simulators.members.records import Records, identifiers_csv, sales_csv
from simulators.members.tills import SHOWS_CARD, Sale
from simulators.members.written import Members
from simulators.source import SimulatedSource

_log = logging.getLogger(__name__)

OTHERS = 4_000
"""People who come again and are no members."""
PERIOD_D = 0.25
"""Members who agree or withdraw in the middle do so within the first hours."""
PAST_D = 56
LOOK_EVERY_S = 2.0


class DemoMembers:
    """Some hundred members of the demo's mall; `casting` and `tills` are for its source."""

    def __init__(self, site: Site, members: int, *, start_ms: int, key: bytes, seed: int = 1) -> None:
        """Draw the members of a mall that opens at `start_ms`; `key` is the mall's."""
        self._site, self._seed, self._start_ms = site, seed, start_ms
        self._members = Members(
            site, members=members, others=OTHERS, start_ms=start_ms, days=PERIOD_D, seed=seed
        )
        self.casting, self.tills = self._members.casting, self._members.tills
        self._records = Records(self._members.population, key)
        self._logins = 0
        self._t_ms = start_ms
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def cars(self, source: SimulatedSource) -> Cars:
        """Return the members' cars.

        Raises:
            ValueError: the source has nobody cast.

        """
        if source.cast is None:
            raise ValueError("a source without casting: nobody in it is a member")
        return self._members.cars(source.cast)

    def start(self, crm: Crm, source: SimulatedSource) -> None:
        """Begin to tell the CRM what is known."""
        self._thread = threading.Thread(
            target=self._work, args=(crm, source), name="members' systems", daemon=True
        )
        self._thread.start()

    def now(self, t_ms: int) -> None:
        """Say how far the mall's time is."""
        self._t_ms = max(self._t_ms, t_ms)

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _work(self, crm: Crm, source: SimulatedSource) -> None:
        zones = frozenset(zone.id for _, zone in self._site.zones())
        shop = Shop(zones, {}, crm.settings.currency, ZoneInfo(self._site.mall.timezone))
        try:
            self._tell(crm)
            import_sales(crm.file, sales_csv(self._past()).encode(), shop)
            while not self._stop.wait(LOOK_EVERY_S):
                self._tell(crm)
                if sold := self.tills.take(source.cast):
                    import_sales(crm.file, sales_csv(sold).encode(), shop)
        except UnavailableError as error:
            _log.error("members' systems have given up: %s", error)

    def _tell(self, crm: Crm) -> None:
        """Give what has become known."""
        logins = self.casting.logins[self._logins :]
        self._logins += len(logins)
        delivery = self._records.until(self._t_ms, logins)
        if delivery.consents:
            crm.consents.say([Said(reference=who, **what._asdict()) for who, what in delivery.consents])
        if delivery.identifiers:
            crm.identities.import_(identifiers_csv(delivery.identifiers).encode())

    def _past(self) -> list[Sale]:
        """Return what members bought before the demo."""
        zone = ZoneInfo(self._site.mall.timezone)
        today = datetime.fromtimestamp(self._start_ms / 1000, zone).replace(hour=0, minute=0, second=0)
        midnight = today.replace(microsecond=0) - timedelta(days=PAST_D)
        first_ms = round(midnight.timestamp()) * 1000
        members = self._members.population.members
        life = live(self._site, members, start_ms=first_ms, days=PAST_D, seed=self._seed)
        return past_sales(life, [one.reference for one in members], self._seed)


def past_sales(life: Life, references: Sequence[str | None], seed: int) -> list[Sale]:
    """Return the purchases of members, `references` by their index in `life`; some without a card."""
    sales = life.sales
    card = np.random.default_rng([seed, 25]).random(len(sales.person)) < SHOWS_CARD
    columns = (sales.person, sales.shop, sales.t_ms, sales.amount, sales.discount, sales.items, card)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        Sale(
            number=f"p{number}",
            zone=life.shops[shop],
            t_ms=t_ms,
            amount=amount,
            discount=discount,
            items=items,
            reference=references[person] if shown else None,
            person=person,
        )
        for number, (person, shop, t_ms, amount, discount, items, shown) in enumerate(rows)
    ]
