"""What really happened in the simulated mall: who was where, who visited what, whose phone was whose.

Visits follow the product's definition: a stay of `min_dwell_s` in a zone that can be visited is a visit from
its begin; being back within `reentry_s` continues it, unless another visit has begun meanwhile.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.site import Site, VisitRules, ZoneKind
from simulators.building import Building
from simulators.census import Census
from simulators.frames import Addresses, address_bytes
from simulators.personas import PERSONAS
from simulators.shoppers import Shoppers

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NONE = -1
VISITED = frozenset({ZoneKind.SHOP, ZoneKind.FACILITY})
"""Zones one goes to; the others one passes through."""


@dataclass(frozen=True, slots=True)
class TrueVisit:
    """A person was in a zone; `zone` is its number in `Site.zones()`. Epoch seconds."""

    person: int
    zone: int
    enter_s: int
    leave_s: int


@dataclass(frozen=True, slots=True)
class Positions:
    """Columns: who was where when."""

    t_s: Ints
    person: Ints
    floor: Ints
    x_m: Floats
    y_m: Floats


class Truth:
    """Takes notes while a `SimulatedSource` runs; give it one, then read the columns or `write` them."""

    def __init__(self, site: Site, *, positions_every_s: int = 10, rules: VisitRules | None = None) -> None:
        """Note positions every so many seconds, 0 for never; visits by `rules` (default: the site's)."""
        self.site = site
        self._every_s = positions_every_s
        zones = [zone for _, zone in site.zones()]
        self.zone_ids = [zone.id for zone in zones]
        self._visits = VisitNotes(np.array([zone.kind in VISITED for zone in zones]), rules or site.visits)
        self._positions: list[Positions] = []
        self.census = Census()
        """Who was in the mall when, with which phones."""
        self._phone: dict[bytes, int] = {}
        self._people: dict[int, tuple[int, float, float]] = {}
        self._last_id = NONE
        self._minute = NONE
        self._counted: list[Ints] = []
        self.minutes: list[int] = []
        """Epoch seconds at which each counted minute starts."""
        self._headcount: list[Floats] = []

    def people(self, building: Building, shoppers: Shoppers, t_s: int) -> None:
        """Note where everybody is at `t_s`."""
        self._note_people(shoppers)
        here = np.flatnonzero(shoppers.present(float(t_s)))
        places = shoppers.places(here, np.full(len(here), float(t_s)))
        zone = building.zones_at(places.floor, places.x_m, places.y_m).astype(np.int64)
        self._visits.see(shoppers.id[here], zone, t_s)
        self._count(zone, t_s)
        if self._every_s and t_s % self._every_s == 0:
            when = np.full(len(here), t_s)
            self._positions.append(Positions(when, shoppers.id[here], places.floor, places.x_m, places.y_m))

    def addresses(self, phone: Ints, address: Addresses) -> None:
        """Note which phone (`Phones.id`) has taken up which address."""
        self._phone.update(zip(address_bytes(address), phone.tolist(), strict=True))
        self.census.carry(phone)

    def phones(self, pseudonym: Callable[[bytes], str]) -> dict[str, int]:
        """Return the phone behind each pseudonym that was in use; addresses are never given away."""
        return {pseudonym(address): phone for address, phone in self._phone.items()}

    def owners(self, pseudonym: Callable[[bytes], str]) -> dict[str, int]:
        """Return the person behind each pseudonym that was in use."""
        return {name: phone // 2 for name, phone in self.phones(pseudonym).items()}

    @property
    def visits(self) -> list[TrueVisit]:
        """All visits so far, in order of entry; those that go on end at the last moment seen."""
        return self._visits.visits()

    @property
    def positions(self) -> Positions:
        """All noted positions, in order of time."""
        columns = zip(*((p.t_s, p.person, p.floor, p.x_m, p.y_m) for p in self._positions), strict=True)
        return Positions(*(np.concatenate(column) for column in columns))

    @property
    def headcount(self) -> Floats:
        """Mean number of people in each zone in each whole minute: (minutes, zones)."""
        return np.array(self._headcount).reshape(-1, len(self.zone_ids))

    def write(self, folder: Path) -> None:
        """Write truth_positions.csv, truth_visits.csv and truth_people.csv; no addresses are in them."""
        folder.mkdir(parents=True, exist_ok=True)
        floors = [floor.id for floor in self.site.floors]
        places = (
            (t * 1000, person, floors[floor], round(x, 2), round(y, 2))
            for one in self._positions
            for t, person, floor, x, y in zip(
                one.t_s.tolist(),
                one.person.tolist(),
                one.floor.tolist(),
                one.x_m.tolist(),
                one.y_m.tolist(),
                strict=True,
            )
        )
        _write(folder / "truth_positions.csv", ("t_ms", "person", "floor", "x_m", "y_m"), places)
        visits = ((v.person, self.zone_ids[v.zone], v.enter_s * 1000, v.leave_s * 1000) for v in self.visits)
        _write(folder / "truth_visits.csv", ("person", "zone", "enter_ms", "leave_ms"), visits)
        phones = Counter((self.census.phones(-np.inf, np.inf) // 2).tolist())
        people = (
            (person, PERSONAS[persona].name, round(arrive * 1000), round(leave * 1000), phones[person])
            for person, (persona, arrive, leave) in self._people.items()
        )
        _write(folder / "truth_people.csv", ("person", "persona", "enter_ms", "leave_ms", "phones"), people)

    def _note_people(self, shoppers: Shoppers) -> None:
        new = np.flatnonzero(shoppers.id > self._last_id)
        if len(new):
            self._last_id = int(shoppers.id[new[-1]])
            journeys = shoppers.journeys
            arrive, leave = journeys.t_s[journeys.first[new]], journeys.leave_s[new]
            self.census.arrive(shoppers.id[new], arrive, leave)
            columns = (shoppers.id[new], shoppers.persona[new], arrive, leave)
            for person, persona, start, end in zip(*(column.tolist() for column in columns), strict=True):
                self._people[person] = (persona, start, end)

    def _count(self, zone: Ints, t_s: int) -> None:
        minute = t_s // 60
        if minute != self._minute:
            self._minute, self._counted = minute, []
        self._counted.append(np.bincount(zone[zone >= 0], minlength=len(self.zone_ids)))
        if len(self._counted) == 60:  # only whole minutes count
            self.minutes.append(minute * 60)
            self._headcount.append(np.mean(self._counted, axis=0))


class VisitNotes:
    """Finds visits in a stream of (person, zone) once a second; columns by person, sorted by id."""

    def __init__(self, visitable: npt.NDArray[np.bool_], rules: VisitRules) -> None:
        self._visitable = visitable
        self._min_s, self._reentry_s = rules.min_dwell_s, rules.reentry_s
        self._done: list[TrueVisit] = []
        none = np.empty(0, dtype=np.int64)
        self._id, self._stay, self._since = none, none, none
        self._zone, self._enter, self._last = none, none, none

    def see(self, person: Ints, zone: Ints, t_s: int) -> None:
        """Take in the zone of everybody who is there; `person` ascending. Who is missing has left."""
        self._who(person)
        at = np.where((zone >= 0) & self._visitable[zone], zone, NONE)
        moved = at != self._stay
        self._stay = at
        self._since = np.where(moved, t_s, self._since)
        inside = (at != NONE) & (at == self._zone)
        self._last = np.where(inside, t_s, self._last)
        begins = (at != NONE) & ~inside & (t_s - self._since >= self._min_s)
        over = (self._zone != NONE) & (begins | (t_s - self._last > self._reentry_s))
        self._end(over)
        self._zone = np.where(begins, at, np.where(over, NONE, self._zone))
        self._enter = np.where(begins, self._since, self._enter)
        self._last = np.where(begins, t_s, self._last)

    def take_ended(self) -> list[TrueVisit]:
        """Return the visits that have ended since the last call, and forget them."""
        ended, self._done = self._done, []
        return ended

    def visits(self) -> list[TrueVisit]:
        """Return all visits, in order of entry; open ones end where they were last seen."""
        return sorted([*self._done, *self._of(self._zone != NONE)], key=lambda v: (v.enter_s, v.person))

    def _who(self, person: Ints) -> None:
        """Line the columns up with `person`; visits of those who have left end."""
        if np.array_equal(person, self._id):
            return
        stays = np.isin(self._id, person)
        self._end(~stays & (self._zone != NONE))
        place = np.searchsorted(person, self._id[stays])
        for name, blank in (("_stay", NONE), ("_since", 0), ("_zone", NONE), ("_enter", 0), ("_last", 0)):
            column = np.full(len(person), blank, dtype=np.int64)
            column[place] = getattr(self, name)[stays]
            setattr(self, name, column)
        self._id = person.copy()

    def _end(self, which: npt.NDArray[np.bool_]) -> None:
        self._done += self._of(which)

    def _of(self, which: npt.NDArray[np.bool_]) -> list[TrueVisit]:
        columns = (self._id[which], self._zone[which], self._enter[which], self._last[which])
        return [TrueVisit(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
