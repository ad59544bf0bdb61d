"""From stops to footsteps: where each visitor is at every moment of the visit, as timed straight pieces."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from simulators.building import Building, is_open
from simulators.errands import Stops
from simulators.walkways import CLEAR_M, HABITS, Walkways

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROOM_PACE = 0.6
"""Share of the walking speed that people keep inside shops."""
STRAY_M = CLEAR_M - 0.1
"""How far a person may walk beside the line; less than the line's distance from walls."""
MOST_SPOTS = 60
"""In one stay nobody changes the spot more often."""
RIDE_WHIM_M = 12.0
"""People take the nearest escalator if another is not about this much nearer."""


@dataclass(frozen=True, slots=True)
class Parties:
    """Who sets out together: columns over parties."""

    size: Ints
    arrive_s: Floats
    """Epoch seconds."""
    gate_in: Ints
    """Points of the roadmap."""
    gate_out: Ints
    speed_m_s: Floats


@dataclass(frozen=True, slots=True)
class Journeys:
    """Timed waypoints of people: rows `first[i]:first[i + 1]` are those of person i, in order of time.

    Between two rows a person moves straight and evenly, on the floor of the earlier row.
    """

    party: Ints
    """(N,) the party each person belongs to."""
    first: Ints
    """(N + 1,)"""
    t_s: Floats
    x_m: Floats
    y_m: Floats
    floor: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.party)

    @property
    def leave_s(self) -> Floats:
        """When each person has left, (N,)."""
        return self.t_s[self.first[1:] - 1]

    def select(self, keep: npt.NDArray[np.bool_]) -> "Journeys":
        """Return the journeys of the people marked in (N,)."""
        count = np.diff(self.first)
        rows = np.repeat(keep, count)
        first = np.concatenate([[0], np.cumsum(count[keep])])
        return Journeys(
            self.party[keep], first, self.t_s[rows], self.x_m[rows], self.y_m[rows], self.floor[rows]
        )


@dataclass(slots=True)
class _Targets:
    """Where parties go one after another: columns; `ride_s` > 0 where the way to the next is a ride."""

    party: Ints
    point: Ints
    pause_s: Floats
    ride_s: Floats

    def insert(self, after: Ints, rows: Self) -> Self:
        """Return the targets with `rows` put in behind the rows `after`."""
        return type(self)(
            *(np.insert(getattr(self, f.name), after + 1, getattr(rows, f.name)) for f in fields(self))
        )


class Walker:
    """Makes journeys in one building."""

    def __init__(self, building: Building, walkways: Walkways) -> None:
        self._ways = walkways
        self._open = np.array([is_open(zone) for zone in building.zones])
        self._spots = np.concatenate(walkways.points_of)
        count = np.array([len(points) for points in walkways.points_of])
        self._spot_count, self._spot_first = count, np.cumsum(count) - count
        self._ride_start = np.array([ride.start for ride in walkways.rides], dtype=np.int64)
        self._ride_end = np.array([ride.end for ride in walkways.rides], dtype=np.int64)
        self._ride_s = np.array([ride.seconds for ride in walkways.rides])

    def journeys(
        self, parties: Parties, stops: Stops, rng: np.random.Generator, until_s: float = -np.inf
    ) -> Journeys:
        """Return the journeys of everybody who is still there after `until_s`."""
        targets = self._ride_between_floors(self._targets(parties, stops, rng), rng)
        targets = self._still_there(targets, parties, until_s)
        if not len(targets.party):
            return self.nobody()
        habit = rng.integers(0, HABITS, len(parties.size))
        rows = self._rows(targets, parties, habit)
        everybody = _people(rows, parties, rng)
        return everybody.select(everybody.leave_s > until_s)

    @staticmethod
    def nobody() -> Journeys:
        """Return the journeys of no people."""
        none = np.empty(0)
        return Journeys(none.astype(int), np.zeros(1, dtype=int), none, none, none, none.astype(np.int8))

    def _targets(self, parties: Parties, stops: Stops, rng: np.random.Generator) -> _Targets:
        """Return the gates and, for each stop, the spots in its room."""
        spots = np.clip(1 + rng.poisson(stops.stay_s / stops.pause_s), 1, MOST_SPOTS)
        stop = np.repeat(np.arange(len(spots)), spots)
        zone = stops.zone[stop]
        pick = np.floor(rng.random(len(stop)) * self._spot_count[zone]).astype(np.int64)
        point = self._spots[self._spot_first[zone] + pick]
        share = rng.standard_exponential(len(stop)) + 0.05
        pause = stops.stay_s[stop] * share / np.bincount(stop, share, len(spots))[stop]
        everyone = np.arange(len(parties.size))
        party = np.concatenate([everyone, stops.party[stop], everyone])
        order = np.argsort(party, kind="stable")
        nothing = np.zeros(len(everyone))
        return _Targets(
            party[order],
            np.concatenate([parties.gate_in, point, parties.gate_out])[order],
            np.concatenate([nothing, pause, nothing])[order],
            np.zeros(len(order)),
        )

    def _ride_between_floors(self, targets: _Targets, rng: np.random.Generator) -> _Targets:
        """Put escalators and lifts, one storey at a time, between targets on different floors."""
        while True:
            floor = self._ways.floor[targets.point]
            gap = (targets.party[:-1] == targets.party[1:]) & (targets.ride_s[:-1] == 0)
            after = np.flatnonzero(gap & (floor[:-1] != floor[1:]))
            if not len(after):
                return targets
            here, there = targets.point[after], targets.point[after + 1]
            ride = self._choose_ride(here, there, rng)
            on_off = np.column_stack([self._ride_start[ride], self._ride_end[ride]]).ravel()
            seconds = np.column_stack([self._ride_s[ride], np.zeros(len(ride))]).ravel()
            rows = _Targets(np.repeat(targets.party[after], 2), on_off, np.zeros(2 * len(ride)), seconds)
            targets = targets.insert(np.repeat(after, 2), rows)

    def _choose_ride(self, here: Ints, there: Ints, rng: np.random.Generator) -> Ints:
        floor = self._ways.floor
        step = np.sign(floor[there] - floor[here])
        effort = np.full((len(here), len(self._ride_s)), np.inf)
        for number, (start, end) in enumerate(zip(self._ride_start, self._ride_end, strict=True)):
            fits = (floor[start] == floor[here]) & (floor[end] == floor[here] + step)
            to = self._ways.effort(here[fits], np.full(int(fits.sum()), start))
            onward = self._ways.effort(np.full(int(fits.sum()), end), there[fits])
            effort[fits, number] = to + np.where(np.isfinite(onward), onward, 0.0) + self._ride_s[number]
        effort += rng.exponential(RIDE_WHIM_M, effort.shape)
        best: Ints = np.argmin(effort, axis=1)
        return best

    def _still_there(self, targets: _Targets, parties: Parties, until_s: float) -> _Targets:
        """Drop parties that have surely left by `until_s`, before their ways are looked up."""
        if until_s == -np.inf:
            return targets
        last = np.append(targets.party[:-1] != targets.party[1:], True)
        metres = np.zeros(len(targets.party))
        metres[:-1] = self._ways.effort(targets.point[:-1], targets.point[1:])
        metres[last | ~np.isfinite(metres)] = 0.0
        seconds = targets.pause_s + targets.ride_s + metres / parties.speed_m_s[targets.party]
        stay = np.bincount(targets.party, seconds, len(parties.size))
        keep = (parties.arrive_s + stay + 60.0 > until_s)[targets.party]
        return _Targets(*(getattr(targets, f.name)[keep] for f in fields(targets)))

    def _rows(self, targets: _Targets, parties: Parties, habit: Ints) -> "_Rows":
        """Return the waypoints of parties: at each target a pause, then the points of the way to the next."""
        ways = self._ways
        last = np.append(targets.party[:-1] != targets.party[1:], True)
        ride = np.flatnonzero(targets.ride_s > 0)
        walk = np.flatnonzero(~last & (targets.ride_s == 0))
        pair, way = ways.ways(targets.point[walk], targets.point[walk + 1], habit[targets.party[walk]])
        inner = np.append(pair[:-1] == pair[1:], False)  # the end of a way is the start of the next
        pair, way = pair[inner], way[inner]
        stand = np.flatnonzero((targets.pause_s > 0) | last)
        on, off = targets.point[ride], targets.point[ride + 1]
        point = np.concatenate([targets.point[stand], way, on, off])
        xy = ways.xy_m[point]
        xy[len(xy) - len(off) :] = (ways.xy_m[on] + ways.xy_m[off]) / 2  # half way up one changes floors
        half = targets.ride_s[ride] / 2
        given_s = np.concatenate([targets.pause_s[stand], np.full(len(way), np.nan), half, half])
        target = np.concatenate([stand, walk[pair], ride, ride])
        order = np.argsort(target, kind="stable")
        point, xy, given_s, party = point[order], xy[order], given_s[order], targets.party[target[order]]
        metres = np.zeros(len(party))
        metres[:-1] = np.hypot(*np.diff(xy, axis=0).T)
        pace = np.where(self._open[ways.zone[point]], 1.0, ROOM_PACE)
        lasts_s = np.where(np.isnan(given_s), metres / (parties.speed_m_s[party] * pace), given_s)
        return _Rows(party, xy, ways.floor[point].astype(np.int8), lasts_s)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Waypoints of parties; `lasts_s` is the time from each to the next."""

    party: Ints
    xy_m: Floats
    floor: npt.NDArray[np.int8]
    lasts_s: Floats


def _people(rows: _Rows, parties: Parties, rng: np.random.Generator) -> Journeys:
    """Give each member of a party its own place beside the party's way."""
    present, start, count = np.unique(rows.party, return_index=True, return_counts=True)
    before = np.cumsum(rows.lasts_s) - rows.lasts_s
    t_s = parties.arrive_s[rows.party] + before - np.repeat(before[start], count)
    size = parties.size[present]
    who = np.repeat(np.arange(len(present)), size)
    lengths = count[who]
    first = np.concatenate([[0], np.cumsum(lengths)])
    row = np.arange(first[-1]) - np.repeat(first[:-1], lengths) + np.repeat(start[who], lengths)
    angle, radius = rng.uniform(0, 2 * np.pi, len(who)), STRAY_M * np.sqrt(rng.random(len(who)))
    lag_s = rng.uniform(0.0, 1.5, len(who))
    return Journeys(
        present[who],
        first,
        t_s[row] + np.repeat(lag_s, lengths),
        rows.xy_m[row, 0] + np.repeat(radius * np.cos(angle), lengths),
        rows.xy_m[row, 1] + np.repeat(radius * np.sin(angle), lengths),
        rows.floor[row],
    )
