"""Everybody who is in the mall: they come, walk about and leave; where they are at any moment."""

from copy import copy
from datetime import UTC, datetime
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from simulators.arrivals import Arrivals, Profile, Stays, sizes
from simulators.building import Building
from simulators.errands import Errands
from simulators.journeys import Journeys, Parties, Walker
from simulators.personas import PERSONAS, TIMELESS_H
from simulators.walkways import Walkways

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PILOT = 250
"""Parties of each persona that are sent through the mall once, to learn how long they stay."""
SAME_GATE = 0.7
"""Share of parties that leave where they came in."""
LOOKBACK_S = 9.5 * 3600
BATCH_S = 60.0
"""Arrivals are planned this far ahead at a time."""


class Places(NamedTuple):
    """Where people are at one moment: columns."""

    floor: Ints
    x_m: Floats
    y_m: Floats
    heading: Floats
    """Direction they face, radians from the x axis; those who stand still face anywhere."""


class Shoppers:
    """A seeded crowd in a building. Time only goes forward."""

    def __init__(
        self,
        building: Building,
        walkways: Walkways,
        *,
        people: float,
        start_s: float,
        seed: int,
        profile: Profile = Profile.DAY,
    ) -> None:
        """Fill the mall as it is at `start_s` (epoch seconds); `people` as in `Arrivals`."""
        self._seed = seed
        self._ways = walkways
        self._errands = Errands(building, self._ways)
        self._walker = Walker(building, self._ways)
        zone = ZoneInfo(building.site.mall.timezone)
        offset = zone.utcoffset(datetime.fromtimestamp(start_s, UTC).astimezone(zone))
        offset_s = offset.total_seconds() if offset else 0.0
        self._arrivals = Arrivals(people, profile, self._pilot(profile), offset_s)
        rng = np.random.default_rng([seed, 1])
        came = self._come(start_s - min(LOOKBACK_S, self._arrivals.longest_s), start_s, rng, start_s)
        self.journeys, self.persona = came
        self.id = np.arange(len(came[0]))
        """Number of each person, in order of planning; never used twice."""
        self._next_id = len(self.id)
        self._row = self.journeys.first[:-1].copy()
        self._planned_to_s = start_s
        self._batch = 0
        self.now_s = start_s
        self.advance(start_s)

    def __len__(self) -> int:
        return len(self.id)

    def advance(self, t_s: float) -> None:
        """Go on to `t_s`: plan who comes until a batch later, and forget who has left."""
        while self._planned_to_s <= t_s:
            self._batch += 1
            rng = np.random.default_rng([self._seed, 2, self._batch])
            journeys, persona = self._come(self._planned_to_s, self._planned_to_s + BATCH_S, rng)
            self._forget(t_s)
            self._add(journeys, persona)
            self._planned_to_s += BATCH_S
        self.now_s = t_s
        self._step(self._row, np.arange(len(self)), np.full(len(self), t_s))

    def ahead(self) -> Self:
        """Return the same crowd, to go on with apart from this one: it tells who will come."""
        other = copy(self)
        other._row = self._row.copy()  # noqa: SLF001  # all other columns are replaced, never changed
        return other

    def present(self, t_s: float) -> npt.NDArray[np.bool_]:
        """Tell which people are in the mall at `t_s`, (N,)."""
        journeys = self.journeys
        here: npt.NDArray[np.bool_] = (journeys.t_s[journeys.first[:-1]] <= t_s) & (journeys.leave_s > t_s)
        return here

    def places(self, who: Ints, t_s: Floats) -> Places:
        """Return where people (indices, (N,)) are at times (N,) not before `now_s`."""
        row = self._row[who]
        self._step(row, who, t_s)
        j = self.journeys
        after = np.minimum(row + 1, j.first[who + 1] - 1)
        lasts = j.t_s[after] - j.t_s[row]
        part = np.where(lasts > 0, (t_s - j.t_s[row]) / np.where(lasts > 0, lasts, 1.0), 0.0).clip(0.0, 1.0)
        dx, dy = j.x_m[after] - j.x_m[row], j.y_m[after] - j.y_m[row]
        stands = (dx == 0) & (dy == 0)
        anywhere = np.mod(j.t_s[row] * 2.399963, 2 * np.pi)  # the golden angle: even over all directions
        heading = np.where(stands, anywhere, np.arctan2(dy, dx))
        return Places(j.floor[row].astype(np.int64), j.x_m[row] + part * dx, j.y_m[row] + part * dy, heading)

    def _step(self, row: Ints, who: Ints, t_s: Floats) -> None:
        """Move each row forward to the last one that is not after its time."""
        j = self.journeys
        last = j.first[who + 1] - 1
        while True:
            on = np.flatnonzero(row < last)
            on = on[j.t_s[row[on] + 1] <= t_s[on]]
            if not len(on):
                return
            row[on] += 1

    def _come(
        self, from_s: float, to_s: float, rng: np.random.Generator, until_s: float = -np.inf
    ) -> tuple[Journeys, Ints]:
        """Return who arrives in a period and is still there after `until_s`, and their personas."""
        persona, t_s = self._arrivals.draw(from_s, to_s, rng)
        return self._journeys(persona, t_s, self._arrivals.hour(t_s), rng, until_s)

    def _journeys(
        self, persona: Ints, t_s: Floats, hour: Floats, rng: np.random.Generator, until_s: float = -np.inf
    ) -> tuple[Journeys, Ints]:
        count = len(persona)
        gates = self._ways.gates
        gate_in = rng.choice(gates, count)
        gate_out = np.where(rng.random(count) < SAME_GATE, gate_in, rng.choice(gates, count))
        mean, deviation = np.array([who.speed_m_s for who in PERSONAS])[persona].T
        speed = np.clip(mean + deviation * rng.standard_normal(count), 0.5, 2.2)
        parties = Parties(sizes(persona, rng), t_s, gate_in, gate_out, speed)
        if not count:
            return self._walker.nobody(), persona
        stops = self._errands.plan(persona, hour, self._ways.zone[gate_in], rng)
        journeys = self._walker.journeys(parties, stops, rng, until_s)
        return journeys, persona[journeys.party]

    def _pilot(self, profile: Profile) -> Stays:
        """Send some parties of each persona through the mall. It is the same for every seed."""
        rng = np.random.default_rng(0)
        persona = np.repeat(np.arange(len(PERSONAS)), PILOT)
        hours = np.concatenate([rng.uniform(min(who.arrivals), max(who.arrivals), PILOT) for who in PERSONAS])
        if profile is Profile.CONSTANT:
            hours[:] = TIMELESS_H
        journeys, kind = self._journeys(persona, np.zeros(len(persona)), hours, rng)
        stay = journeys.leave_s - journeys.t_s[journeys.first[:-1]]
        kinds = range(len(PERSONAS))
        return Stays([stay[kind == k] for k in kinds], np.array([(kind == k).sum() / PILOT for k in kinds]))

    def _forget(self, t_s: float) -> None:
        """Drop who has left, and the part of the others' journeys that is over."""
        j = self.journeys
        keep = j.leave_s > t_s
        row = self._row[keep]
        count = j.first[1:][keep] - row
        first = np.concatenate([[0], np.cumsum(count)])
        rows = np.arange(first[-1]) - np.repeat(first[:-1], count) + np.repeat(row, count)
        self.journeys = Journeys(j.party[keep], first, j.t_s[rows], j.x_m[rows], j.y_m[rows], j.floor[rows])
        self.id, self.persona, self._row = self.id[keep], self.persona[keep], first[:-1].copy()

    def _add(self, new: Journeys, persona: Ints) -> None:
        old = self.journeys
        rows = len(old.t_s)
        self.journeys = Journeys(
            np.concatenate([old.party, new.party]),
            np.concatenate([old.first, new.first[1:] + rows]),
            np.concatenate([old.t_s, new.t_s]),
            np.concatenate([old.x_m, new.x_m]),
            np.concatenate([old.y_m, new.y_m]),
            np.concatenate([old.floor, new.floor]),
        )
        self.id = np.concatenate([self.id, self._next_id + np.arange(len(new))])
        self._next_id += len(new)
        self.persona = np.concatenate([self.persona, persona])
        self._row = np.concatenate([self._row, new.first[:-1] + rows])
