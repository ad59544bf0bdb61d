"""What visitors come to do: for each party the rooms it will go to, in order, and how long it stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.site import ZoneKind
from simulators.building import Building, is_open
from simulators.personas import EATING, MEALS_H, OTHER, PERSONAS, STAYS, Persona, Stay
from simulators.walkways import Walkways

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stops:
    """Columns: the stops of party 0 in order, then of party 1, ..."""

    party: Ints
    zone: Ints
    stay_s: Floats
    pause_s: Floats
    """Mean time at one spot in the room."""

    def take(self, rows: Ints) -> "Stops":
        """Return some rows, in this order."""
        return Stops(self.party[rows], self.zone[rows], self.stay_s[rows], self.pause_s[rows])

    @staticmethod
    def join(parts: Sequence["Stops"]) -> "Stops":
        """Return several tables as one."""
        return Stops(
            np.concatenate([part.party for part in parts]),
            np.concatenate([part.zone for part in parts]),
            np.concatenate([part.stay_s for part in parts]),
            np.concatenate([part.pause_s for part in parts]),
        )


class Errands:
    """Draws what visitors do in one building."""

    def __init__(self, building: Building, walkways: Walkways) -> None:
        self._floor = building.zone_floor
        middle = [np.array(area.centroid.coords[0]) for storey in building.storeys for area in storey.areas]
        self._middle = np.array(middle)
        self._heart = (self._middle.min(axis=0) + self._middle.max(axis=0)) / 2
        area = np.array([area.area for storey in building.storeys for area in storey.areas])
        self._rooms: dict[str, Ints] = {}
        for number, zone in enumerate(building.zones):
            if is_open(zone):
                trade = "stroll" if zone.kind is ZoneKind.CORRIDOR else ""
            else:
                trade = {ZoneKind.FACILITY: "facility", ZoneKind.SHOP: zone.category}.get(zone.kind, "")
            if trade and len(walkways.points_of[number]):
                self._rooms[trade] = np.append(self._rooms.get(trade, np.empty(0, dtype=np.int64)), number)
        self._shops = np.array([n for n, z in enumerate(building.zones) if z.kind is ZoneKind.SHOP])
        self._draw = np.sqrt(area)
        """Larger rooms attract more people, though not in proportion (Huff 1964)."""

    def plan(self, persona: Ints, hour: Floats, gate_zone: Ints, rng: np.random.Generator) -> Stops:
        """Return the stops of parties: their personas (N,), hours of arrival (N,), zones of entry (N,)."""
        parts = [
            self._plan(PERSONAS[kind], np.flatnonzero(persona == kind), hour, gate_zone, rng)
            for kind in np.unique(persona)
        ]
        stops = Stops.join(parts)
        return stops.take(np.argsort(stops.party, kind="stable"))

    def _plan(self, who: Persona, party: Ints, hour: Floats, gate: Ints, rng: np.random.Generator) -> Stops:
        if who.routine:
            return self._routine(who, party, rng)
        mean, most = who.stops
        count = np.clip(1 + rng.poisson(mean - 1, len(party)), 1, most)
        shopping = self._rooms_for(np.repeat(party, count), who.wants, who.stay_factor, rng)
        hungry = party[self._hungry(who, hour[party], rng)]
        meals = self._rooms_for(hungry, EATING, 1.0, rng)
        key = np.append(
            self._tour(shopping.party, shopping.zone, gate, rng), rng.uniform(*who.meal_at, len(meals.party))
        )
        stops = Stops.join([shopping, meals])
        once = np.unique(stops.party * len(self._floor) + stops.zone, return_index=True)[1]
        return stops.take(once[np.lexsort((key[once], stops.party[once]))])

    def _rooms_for(
        self, party: Ints, wants: Mapping[str, float], factor: float, rng: np.random.Generator
    ) -> Stops:
        """Return a stop for each entry of `party`, of a trade drawn by the weights in `wants`."""
        trades = [name for name in wants if name in self._rooms]
        if not trades:
            return Stops(party[:0], party[:0], np.empty(0), np.empty(0))
        weights = np.array([wants[name] for name in trades])
        trade = rng.choice(len(trades), len(party), p=weights / weights.sum())
        zone = np.empty(len(party), dtype=np.int64)
        stays = [STAYS.get(name, OTHER) for name in trades]
        for number, name in enumerate(trades):
            rooms = self._rooms[name]
            draw = self._draw[rooms] / self._draw[rooms].sum()
            mine = trade == number
            zone[mine] = rng.choice(rooms, int(mine.sum()), p=draw)
        pause_s = np.array([one.pause_s for one in stays])[trade]
        return Stops(party, zone, _lengths(stays, trade, rng) * factor, pause_s)

    def _tour(self, party: Ints, zone: Ints, gate: Ints, rng: np.random.Generator) -> Floats:
        """Return the order in which a party takes its stops: floor by floor, round the mall from its gate."""
        parties = len(gate)
        turn = rng.choice([-1.0, 1.0], parties)[party]
        up = rng.random(parties)[party] < 0.75  # most finish the floor they came in on first
        x, y = (self._middle - self._heart).T
        angle = np.arctan2(y, x)
        ahead = np.mod(turn * (angle[zone] - angle[gate[party]]), 2 * np.pi) / (2 * np.pi)
        away = self._floor[zone] != self._floor[gate[party]]
        key: Floats = ahead + np.where(away == up, 1.0, 0.0)
        return key

    def _hungry(self, who: Persona, hour: Floats, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        time = np.zeros(len(hour), dtype=np.bool_)
        for start, end in MEALS_H:
            time |= (hour > start - 1.0) & (hour < end - 0.2)
        hungry: npt.NDArray[np.bool_] = time & (rng.random(len(hour)) < who.meal)
        return hungry

    def _routine(self, who: Persona, party: Ints, rng: np.random.Generator) -> Stops:
        """Return the day of staff: their shop, a break, their shop."""
        draw = self._draw[self._shops] / self._draw[self._shops].sum()
        shop = rng.choice(self._shops, len(party), p=draw)
        parts = []
        for trade, hours in who.routine:
            zone = shop if trade == "shop" else rng.choice(self._rooms.get(trade, self._shops), len(party))
            stay_s = 3600 * hours * rng.uniform(0.85, 1.15, len(party))
            parts.append(Stops(party, zone, stay_s, np.full(len(party), who.pause_s)))
        stops = Stops.join(parts)
        return stops.take(np.argsort(stops.party, kind="stable"))


def _lengths(stays: list[Stay], kind: Ints, rng: np.random.Generator) -> Floats:
    median = np.array([stay.median_s for stay in stays])[kind]
    spread = np.array([stay.spread for stay in stays])[kind]
    lengths: Floats = median * np.exp(spread * rng.standard_normal(len(kind)))
    return lengths
