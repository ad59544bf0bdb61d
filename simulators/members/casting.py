"""Who of the population each visitor of the simulated mall is: somebody has the same phone on every day."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulators.members.behaviours import KINDS
from simulators.members.population import Person, Population
from simulators.members.receipts import behaviour_index
from simulators.personas import PERSONAS
from simulators.phone_known import STRANGER, Known
from simulators.shoppers import BATCH_S, Shoppers

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

JOIN_S = 20.0
"""Mean time until a phone that knows the mall's network has joined it."""
LOGIN_S = (60.0, 600.0)
"""How long after coming in a phone logs in for the first time."""
OTHERS_JOIN_S = 300.0
"""Mean time until somebody who says no name joins."""
AGAIN_H = 9.0
"""Nobody comes again earlier than so many hours after leaving."""


class Visit(NamedTuple):
    """An appearance of somebody of the population."""

    shopper: int
    """`Shoppers.id` in its crowd."""
    person: int
    enter_s: float
    leave_s: float
    join_s: float
    """When the phone joins the mall's network; infinite: never."""
    by_car: bool


@dataclass(frozen=True, slots=True)
class Login:
    """A phone logs in to the mall's Wi-Fi under a member's name for the first time."""

    person: int
    device_of: int
    """Whose phone it is: the same person's, but for shared devices."""
    t_ms: int


class Casting:
    """Casts the crowds of one population, one after another: days, or one that never ends.

    A visitor is somebody of the population who is not there and has visits left, drawn by how well the type
    fits the kind of visit; once all visits are used up, and for staff, nobody of them: a stranger.
    """

    def __init__(self, population: Population, *, seed: int = 1, endless: bool = False) -> None:
        """Begin with nobody there; `endless`: people come again and again, after `AGAIN_H` / 4 hours."""
        self.population = population
        self.logins: list[Login] = []
        """First logins of members at the mall, in the order in which they are cast; in time about sorted."""
        self._rng = np.random.default_rng([seed, 22])
        self._endless = endless
        self._again_s = AGAIN_H * 3600 / (4 if endless else 1)
        self._left = population.visits.astype(np.float64)
        self._free_s = np.full(len(population), -np.inf)
        kind = behaviour_index([person.behaviour for person in population.persons])
        self._fits = np.array(
            [[kind.personas.get(who.name, 0.0) for kind in KINDS.values()] for who in PERSONAS]
        )[:, kind]
        self._fits[:, len(population.members) :] = np.array([not who.routine for who in PERSONAS])[:, None]
        self._login_s = np.array(
            [np.inf if person.login_ms is None else person.login_ms / 1000 for person in population.persons]
        )
        self._guests: dict[int, list[Person]] = {}
        for person in population.members:
            if person.tablet_of is not None:
                self._guests.setdefault(person.tablet_of, []).append(person)

    def cast(self, shopper: int, persona: int, enter_s: float, leave_s: float) -> Visit | None:
        """Say who comes; None for a stranger. Visitors are to be given by the time at which they come."""
        weight = self._fits[persona] * self._left * (self._free_s <= enter_s)
        edges = np.cumsum(weight)
        if edges[-1] <= 0:
            return None
        number = int(np.searchsorted(edges, self._rng.random() * edges[-1], side="right"))
        person = self.population.persons[min(number, len(edges) - 1)]
        self._free_s[number] = leave_s + self._again_s
        if not self._endless:
            self._left[number] -= 1
        by_car = bool(self._rng.random() < person.by_car)
        return Visit(shopper, number, enter_s, leave_s, self._join_s(person, enter_s, leave_s), by_car)

    def logged_in_ms(self) -> dict[int, int]:
        """Return when the phone of each person who uses the mall's network first logged in to it."""
        known = np.flatnonzero(np.isfinite(self._login_s))
        return dict(
            zip(known.tolist(), np.rint(1000 * self._login_s[known]).astype(int).tolist(), strict=True)
        )

    def _join_s(self, person: Person, enter_s: float, leave_s: float) -> float:
        """Return when the phone joins the network, and note a first login."""
        soon, later = self._rng.exponential(1.0), self._rng.uniform(*LOGIN_S)
        if not person.joins:
            return np.inf
        if self._login_s[person.number] <= enter_s:
            return enter_s + soon * (JOIN_S if person.reference else OTHERS_JOIN_S)
        login_s = enter_s + later
        if login_s < leave_s:
            self._login_s[person.number] = login_s
            self._log_in(person, round(login_s * 1000))
        return login_s

    def _log_in(self, person: Person, t_ms: int) -> None:
        for who in (person, *self._guests.get(person.number, ())):
            if who.reference is not None:
                self.logins.append(Login(who.number, person.number, t_ms))


class Cast:
    """Who the people of one crowd are, found out a little ahead of the crowd itself."""

    def __init__(self, casting: Casting, crowd: Shoppers) -> None:
        """Follow a crowd that has not gone on yet; it is left as it is."""
        self._casting, self._crowd = casting, crowd.ahead()
        self.population = casting.population
        self.to_s = crowd.now_s
        """Who comes before this is known."""
        self.visits: dict[int, Visit] = {}
        """By `Shoppers.id`: of everybody of the population who has come."""
        self._last = -1
        self._take()

    def advance(self, t_s: float) -> None:
        """Find out who comes before `t_s`."""
        while self.to_s < t_s:
            self.to_s += BATCH_S
            self._crowd.advance(self.to_s - BATCH_S / 2)
            self._take()

    def person(self, shopper: int) -> Person | None:
        """Return who a visitor is; None for a stranger."""
        visit = self.visits.get(shopper)
        return None if visit is None else self.population.persons[visit.person]

    def phones(self, owner: Ints) -> Known:
        """Return what is known of the phones of visitors (N,), as `simulators.phones.Phones` asks it."""
        rows = []
        for shopper in owner.tolist():
            visit = self.visits.get(shopper)
            if visit is None:
                rows.append((STRANGER, 0, 0, np.inf))
            else:
                phone = self.population.persons[visit.person].phone
                rows.append((*phone, visit.join_s))
        model, build, address, join_s = zip(*rows, strict=True)
        return Known(
            np.array(model, dtype=np.int64),
            np.array(build, dtype=np.int64),
            np.array(address, dtype=np.uint64),
            np.array(join_s, dtype=np.float64),
        )

    def _take(self) -> None:
        """Cast who is new in the crowd, by the time of coming."""
        crowd = self._crowd
        new = np.flatnonzero(crowd.id > self._last)
        if not len(new):
            return
        self._last = int(crowd.id[-1])
        journeys = crowd.journeys
        enter, leave = journeys.t_s[journeys.first[new]], journeys.leave_s[new]
        for row in np.argsort(enter, kind="stable").tolist():
            at = new[row]
            shopper = int(crowd.id[at])
            visit = self._casting.cast(shopper, int(crowd.persona[at]), float(enter[row]), float(leave[row]))
            if visit is not None:
                self.visits[shopper] = visit
