"""What visitors come to do: for each party the rooms it will go to, in order, and how long it stays in each."""

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
        party, zone, stay, pause = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(party, kind="stable")
        return Stops(party[order], zone[order], stay[order], pause[order])

    def _plan(
        self, who: Persona, party: Ints, hour: Floats, gate: Ints, rng: np.random.Generator
    ) -> tuple[Ints, Ints, Floats, Floats]:
        if who.routine:
            return self._routine(who, party, rng)
        mean, most = who.stops
        count = np.clip(1 + rng.poisson(mean - 1, len(party)), 1, most)
        wanted = {trade: weight for trade, weight in who.wants.items() if trade in self._rooms}
        stops = np.repeat(party, count)
        trades = list(wanted)
        weights = np.array(list(wanted.values()))
        zone, stay, pause = self._rooms_for(
            rng.choice(len(trades), len(stops), p=weights / weights.sum()), trades, who.stay_factor, rng
        )
        key = self._tour(stops, zone, gate, rng)
        hungry = party[self._hungry(who, hour[party], rng)]
        eating = [trade for trade in EATING if trade in self._rooms]
        if len(hungry) and eating:
            where = np.array([EATING[trade] for trade in eating])
            meal = self._rooms_for(
                rng.choice(len(eating), len(hungry), p=where / where.sum()), eating, 1.0, rng
            )
            zone, stay, pause = (np.concatenate(pair) for pair in zip((zone, stay, pause), meal, strict=True))
            stops = np.append(stops, hungry)
            key = np.append(key, rng.uniform(0, 1 if who.meal > 0.8 else 2 * len(self._floor), len(hungry)))
        once = np.unique(stops * len(self._floor) + zone, return_index=True)[1]
        stops, zone, stay, pause, key = (column[once] for column in (stops, zone, stay, pause, key))
        order = np.lexsort((key, stops))
        return stops[order], zone[order], stay[order], pause[order]

    def _rooms_for(
        self, trade: Ints, trades: list[str], factor: float, rng: np.random.Generator
    ) -> tuple[Ints, Floats, Floats]:
        """Return a room, a stay and the mean pause for each wish (index into `trades`)."""
        zone = np.empty(len(trade), dtype=np.int64)
        stays = [STAYS.get(name, OTHER) for name in trades]
        for number, name in enumerate(trades):
            rooms = self._rooms[name]
            draw = self._draw[rooms] / self._draw[rooms].sum()
            mine = trade == number
            zone[mine] = rng.choice(rooms, int(mine.sum()), p=draw)
        stay = _lengths(stays, trade, rng) * factor
        return zone, stay, np.array([one.pause_s for one in stays])[trade]

    def _tour(self, party: Ints, zone: Ints, gate: Ints, rng: np.random.Generator) -> Floats:
        """Return the order in which a party takes its stops: floor by floor, round the mall from its gate."""
        parties = len(gate)
        turn = rng.choice([-1.0, 1.0], parties)[party]
        up = rng.random(parties)[party] < 0.75  # most finish the floor they came in on first
        x, y = (self._middle - self._heart).T
        angle = np.arctan2(y, x)
        ahead = np.mod(turn * (angle[zone] - angle[gate[party]]), 2 * np.pi) / (2 * np.pi)
        away = self._floor[zone] != self._floor[gate[party]]
        return ahead * len(self._floor) / 2 + np.where(away == up, len(self._floor), 0.0)

    def _hungry(self, who: Persona, hour: Floats, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        time = np.zeros(len(hour), dtype=np.bool_)
        for start, end in MEALS_H:
            time |= (hour > start - 1.0) & (hour < end - 0.2)
        hungry: npt.NDArray[np.bool_] = time & (rng.random(len(hour)) < who.meal)
        return hungry

    def _routine(
        self, who: Persona, party: Ints, rng: np.random.Generator
    ) -> tuple[Ints, Ints, Floats, Floats]:
        """Return the day of staff: their shop, a break, their shop."""
        draw = self._draw[self._shops] / self._draw[self._shops].sum()
        shop = rng.choice(self._shops, len(party), p=draw)
        columns = []
        for step, (trade, hours) in enumerate(who.routine):
            rooms = self._rooms.get(trade, self._shops)
            zone = shop if trade == "shop" else rng.choice(rooms, len(party))
            stay = 3600 * hours * rng.uniform(0.85, 1.15, len(party))
            columns.append((party, np.full(len(party), step), zone, stay))
        parties, steps, zones, stays = (np.concatenate(column) for column in zip(*columns, strict=True))
        order = np.lexsort((steps, parties))
        return parties[order], zones[order], stays[order], np.full(len(order), who.pause_s)


def _lengths(stays: list[Stay], kind: Ints, rng: np.random.Generator) -> Floats:
    median = np.array([stay.median_s for stay in stays])[kind]
    spread = np.array([stay.spread for stay in stays])[kind]
    lengths: Floats = median * np.exp(spread * rng.standard_normal(len(kind)))
    return lengths
