"""The tills of the simulated mall: they sell to whoever really was in their shop."""

import threading
from typing import NamedTuple

import numpy as np

from contracts.site import Site, VisitRules, ZoneKind
from simulators.building import Building
from simulators.members.behaviours import Behaviour
from simulators.members.casting import Cast
from simulators.members.receipts import behaviour_index, draw_receipts
from simulators.shoppers import Shoppers
from simulators.truth import TrueVisit, VisitNotes

EVERY_S = 5
"""Where people are is looked at this often."""
SHOWS_CARD = 0.85
"""Share of the members' purchases at which they say who they are."""
BEFORE_LEAVING_S = (20, 120)


class Sale(NamedTuple):
    """A receipt; amounts in hundredths of the currency."""

    number: str
    zone: str
    t_ms: int
    amount: int
    discount: int
    items: int
    reference: str | None
    """Whose card was shown."""
    person: int | None
    """Who it was; None for a stranger."""


class Tills:
    """Watches people in shops; what they bought is there once they have left the shop."""

    def __init__(self, site: Site, *, seed: int = 1) -> None:
        """Open the tills of a site's shops."""
        zones = [zone for _, zone in site.zones()]
        self._zones = [zone.id for zone in zones]
        self._categories = sorted({zone.category for zone in zones})
        self._category = [self._categories.index(zone.category) for zone in zones]
        self._notes = VisitNotes(np.array([zone.kind is ZoneKind.SHOP for zone in zones]), VisitRules())
        self._rng = np.random.default_rng([seed, 23])
        self._lock = threading.Lock()
        self._sold = 0

    def people(self, building: Building, shoppers: Shoppers, t_s: int) -> None:
        """Look where everybody is at `t_s`, seconds in order."""
        if t_s % EVERY_S:
            return
        here = np.flatnonzero(shoppers.present(float(t_s)))
        places = shoppers.places(here, np.full(len(here), float(t_s)))
        zone = building.zones_at(places.floor, places.x_m, places.y_m).astype(np.int64)
        with self._lock:
            self._notes.see(shoppers.id[here], zone, t_s)

    def take(self, cast: Cast | None = None) -> list[Sale]:
        """Return what was sold since the last call, in order of time; `cast` knows who the people are.

        Another thread may do this than the one that watches.
        """
        with self._lock:
            ended = self._notes.take_ended()
        ended.sort(key=lambda visit: (visit.leave_s, visit.person))
        sales = [self._sale(visit, cast) for visit in ended]
        return sorted((sale for sale in sales if sale is not None), key=lambda sale: sale.t_ms)

    def _sale(self, visit: TrueVisit, cast: Cast | None) -> Sale | None:
        person = cast.person(visit.person) if cast else None
        kind = behaviour_index([person.behaviour if person else Behaviour.ORDINARY])
        category = np.array([self._category[visit.zone]])
        drawn = draw_receipts(self._rng, kind, category, self._categories, np.ones(1))
        before_s = min(int(self._rng.integers(*BEFORE_LEAVING_S)), (visit.leave_s - visit.enter_s) // 2)
        card = self._rng.random() < SHOWS_CARD
        if not drawn.bought[0]:
            return None
        self._sold += 1
        return Sale(
            number=f"r{visit.enter_s}-{self._sold}",
            zone=self._zones[visit.zone],
            t_ms=1000 * (visit.leave_s - before_s),
            amount=int(drawn.amount[0]),
            discount=int(drawn.discount[0]),
            items=int(drawn.items[0]),
            reference=person.reference if person and card else None,
            person=person.number if person else None,
        )
