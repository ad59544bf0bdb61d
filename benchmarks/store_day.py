"""A day of a mall as a gateway would store it, for benchmarks of stores: drawn, not simulated by radio.

A visitor enters 4 to 11 shops for a lognormal time each (median 9 min), with a minute's walk between, and
comes after 10:00, most after noon and in the evening. A visitor is one phone, heard all the time: its
position, with a standard deviation of 3 to 7 m, is stored every 10 s and spread over the cells of 2 m. That
is the upper bound for positions: a gateway that hears phones rarely stores fewer. One visitor in seven comes
by car. Records, rates and formats are the gateway's; messages of the journal and the feed of events are left
out, because they stay beside the gateway with every store.
"""

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

ROOT = FilePath(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.gateway import DEPTH_M, SHOPS_X, SHOPS_Y, WIDTH_M, mall  # noqa: E402
from contracts.events import PathStep  # noqa: E402
from contracts.messages import NodeHealth, encode  # noqa: E402
from contracts.site import Site  # noqa: E402
from gateway.store.records import (  # noqa: E402
    WHOLE_CAR_PARK,
    WHOLE_MALL,
    CarParkMinute,
    CellGrid,
    CellMinute,
    NodeRecord,
    Outputs,
    Path,
    Positions,
    Stay,
    Visit,
    ZoneMinute,
    whole_floor,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CELL_M = 2.0
GRID = CellGrid(CELL_M, 0.0, 0.0, int(WIDTH_M / CELL_M), int(DEPTH_M / CELL_M))
SNAPSHOT_S = 10
COMMIT_S = 30
"""The health of a node comes as often."""
DAY_S = 86_400
OPEN = (*[0] * 10, *(5, 7, 10, 11, 10, 8, 7, 8, 11, 12, 8, 3), *[0] * 2)
"""Of each hour: how many of a hundred come in it."""
AREAS = ("P1", "P2", "P3")
LEAST_S = 0.01
"""As in gateway.rollups: cells below it are left out of a minute."""


@dataclass
class Tour:
    """The visits of all visitors, flat: entry i of each column is one visit."""

    who: Ints
    shop: Ints
    start_s: Floats
    end_s: Floats
    next_s: Floats
    """When the next one begins, or the visitor has left."""


class Day:
    """The day that begins at `start_ms`; the same for the same numbers."""

    def __init__(self, visitors: int, floors: int, start_ms: int, seed: int = 1) -> None:
        self.site: Site = mall(32)
        self.start_ms = start_ms
        self.visitors = visitors
        self._floors = [floor.id for floor in self.site.floors[:floors]]
        self._shops = SHOPS_X * SHOPS_Y
        self._rng = np.random.default_rng(seed)
        self._tour = self._draw(np.array(OPEN))
        self._names = [f"{n:016x}" for n in self._rng.integers(0, 2**63, visitors).tolist()]
        self._spread_m = self._rng.uniform(3.0, 7.0, visitors)
        self._place = self._rng.uniform(-1, 1, (visitors, 2)) * (WIDTH_M / SHOPS_X / 3, DEPTH_M / SHOPS_Y / 3)
        self._drift = np.zeros((visitors, 2))

    def _draw(self, hours: Ints) -> Tour:
        rng, n = self._rng, self.visitors
        arrive_s = (rng.choice(24, n, p=hours / hours.sum()) + rng.random(n)) * 3600
        count = rng.integers(4, 12, n)
        who = np.repeat(np.arange(n), count)
        dwell_s = np.clip(rng.lognormal(np.log(9 * 60), 0.6, len(who)), 60, 7200)
        first = np.repeat(np.cumsum(count) - count, count)
        gone = np.concatenate(([0.0], np.cumsum(dwell_s + 60)))
        start_s = arrive_s[who] + gone[:-1] - gone[first]
        last = np.append(who[1:] != who[:-1], True)
        next_s = np.where(last, start_s + dwell_s, start_s + dwell_s + 60)
        shop = rng.integers(0, self._shops * len(self._floors), len(who))
        return Tour(who, shop, start_s, start_s + dwell_s, next_s)

    def outputs(self) -> Iterator[tuple[int, Outputs]]:
        """The time of each commit in ms, and what is committed."""
        cells = np.zeros((len(self._floors), GRID.size))
        people: list[Floats] = []
        visits, stays = self._visits(), self._stays()
        for second in range(0, DAY_S + COMMIT_S, COMMIT_S):
            outputs = Outputs(visits=visits.get(second, {}), stays=stays.get(second, {}))
            if second % 60 == 0 and people:  # a minute is over with the tick after it
                outputs.zone_minutes = self._zone_minutes(second - 60, np.array(people))
                outputs.cell_minutes = self._cell_minutes(second - 60, cells)
                outputs.car_park_minutes = self._car_park(second - 60)
                cells[:] = 0.0
                people.clear()
            outputs.paths = self._paths(second)
            for at_s in range(second, second + COMMIT_S, SNAPSHOT_S):
                positions, counts = self._snapshot(at_s, cells)
                outputs.positions += positions
                people.append(counts)
            outputs.nodes = self._nodes(second)
            yield self._ms(second + COMMIT_S), outputs

    def _ms(self, second: float) -> int:
        return self.start_ms + round(second * 1000)

    def _snapshot(self, at_s: int, cells: Floats) -> tuple[list[Positions], Floats]:
        """Positions of those who are there, added to their cells; and how many are in each shop."""
        tour = self._tour
        there = np.flatnonzero((tour.start_s <= at_s) & (at_s < tour.next_s))
        who, shop = tour.who[there], tour.shop[there]
        self._drift[who] = 0.9 * self._drift[who] + self._rng.normal(0, 0.6, (len(who), 2))
        of = shop % self._shops
        middle = np.stack(
            ((of % SHOPS_X + 0.5) * WIDTH_M / SHOPS_X, (of // SHOPS_X + 0.5) * DEPTH_M / SHOPS_Y), axis=1
        )
        xy = np.clip(middle + self._place[who] + self._drift[who], 0.1, (WIDTH_M - 0.1, DEPTH_M - 0.1))
        variance = (self._spread_m[who] * self._rng.uniform(0.9, 1.1, len(who))) ** 2
        cov = np.stack((variance, 0.1 * variance, 0.1 * variance, variance), axis=1).reshape(-1, 2, 2)
        snapshots = []
        for number, floor in enumerate(self._floors):
            rows = np.flatnonzero(shop // self._shops == number)
            if len(rows):
                names = [self._names[i] for i in who[rows].tolist()]
                snapshots.append(Positions(self._ms(at_s), floor, names, xy[rows], cov[rows]))
                index = (xy[rows] / CELL_M).astype(int) @ (1, GRID.nx)
                cells[number] += np.bincount(index, minlength=GRID.size) * float(SNAPSHOT_S)
        return snapshots, np.bincount(shop, minlength=self._shops * len(self._floors)).astype(float)

    def _cell_minutes(self, minute_s: int, cells: Floats) -> list[CellMinute]:
        found = []
        for floor, seconds in zip(self._floors, cells, strict=True):
            # What an engine believes of a place is spread as widely as it is unsure.
            belief = gaussian_filter(seconds.reshape(GRID.ny, GRID.nx), 5.0 / CELL_M).ravel()
            index = np.flatnonzero(belief > LEAST_S).astype(np.int32)
            if len(index):
                found.append(
                    CellMinute(self._ms(minute_s), floor, GRID, index, belief[index].astype(np.float32))
                )
        return found

    def _zone_minutes(self, minute_s: int, people: Floats) -> list[ZoneMinute]:
        floors = len(self._floors)
        by_floor = people.reshape(len(people), floors, -1).sum(axis=2)
        counts = np.concatenate((people, by_floor, people.sum(axis=1, keepdims=True)), axis=1)
        names = [f"S{1 + i // self._shops}-{i % self._shops}" for i in range(self._shops * floors)]
        names += [*map(whole_floor, self._floors), WHOLE_MALL]
        begun, over = self._within(self._tour.start_s, minute_s), self._within(self._tour.end_s, minute_s)
        started = np.bincount(self._tour.shop[begun], minlength=len(names)).tolist()
        ended = np.bincount(self._tour.shop[over], minlength=len(names)).tolist()
        rows = zip(
            names, counts.mean(axis=0).tolist(), counts.max(axis=0).tolist(), started, ended, strict=True
        )
        return [
            ZoneMinute(self._ms(minute_s), name, mean * 1.013, most, mean * 0.317, new, gone)
            for name, mean, most, new, gone in rows
            if most or new or gone
        ]

    def _within(self, times_s: Floats, minute_s: int) -> npt.NDArray[np.bool_]:
        return (times_s >= minute_s) & (times_s < minute_s + 60)

    def _zone(self, shop: int) -> tuple[str, str]:
        floor = shop // self._shops
        return f"S{floor + 1}-{shop % self._shops}", self._floors[floor]

    def _visits(self) -> dict[int, dict[str, Visit]]:
        """Each visit when it has begun and when it has ended, by the second of the commit."""
        tour, found = self._tour, dict[int, dict[str, Visit]]()
        columns = zip(*(one.tolist() for one in (tour.who, tour.shop, tour.start_s, tour.end_s)), strict=True)
        for number, (who, shop, start_s, end_s) in enumerate(columns):
            zone, floor = self._zone(shop)
            for at_s, open_ in ((start_s + 20, True), (end_s + 20, False)):
                seen_ms = self._ms(min(at_s, end_s))
                visit = Visit(
                    visit_id(number), self._names[who], zone, floor, self._ms(start_s), seen_ms,
                    None if open_ else seen_ms, (seen_ms - self._ms(start_s)) / 1000,
                    0.5 + 0.49 * (number % 89) / 89,
                )  # fmt: skip
                found.setdefault(int(at_s) // COMMIT_S * COMMIT_S, {})[visit.visit] = visit
        self._leaving = self._leavers()
        return found

    def _leavers(self) -> dict[int, list[tuple[int, int]]]:
        """By the second of the commit: the first and last visit of those who have left."""
        tour = self._tour
        firsts = np.flatnonzero(np.append(True, tour.who[1:] != tour.who[:-1]))
        lasts = np.append(firsts[1:], len(tour.who)) - 1
        found: dict[int, list[tuple[int, int]]] = {}
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
            found.setdefault(int(tour.end_s[last] + 300) // COMMIT_S * COMMIT_S, []).append((first, last))
        return found

    def _paths(self, second: int) -> list[Path]:
        tour, paths = self._tour, []
        for first, last in self._leaving.get(second, []):
            steps = []
            for i in range(first, last + 1):
                zone, floor = self._zone(int(tour.shop[i]))
                start_ms, end_ms = self._ms(tour.start_s[i]), self._ms(tour.end_s[i])
                steps.append(
                    PathStep(visit=visit_id(i), zone=zone, floor=floor, started_ms=start_ms, ended_ms=end_ms)
                )
            paths.append(
                Path(
                    visit_id(first, "path"), self._names[int(tour.who[first])], steps[0].started_ms,
                    steps[-1].ended_ms, msgspec.json.encode(steps),
                )
            )  # fmt: skip
        return paths

    def _stays(self) -> dict[int, dict[str, Stay]]:
        """The cars of one visitor in seven, when they enter and when they leave."""
        tour, found = self._tour, dict[int, dict[str, Stay]]()
        firsts = np.flatnonzero(np.append(True, tour.who[1:] != tour.who[:-1]))
        lasts = np.append(firsts[1:], len(tour.who)) - 1
        self._cars = np.zeros((2, len(firsts[::7])))
        for number, (first, last) in enumerate(zip(firsts[::7].tolist(), lasts[::7].tolist(), strict=True)):
            enter_s, leave_s = tour.start_s[first] - 300, tour.end_s[last] + 300
            self._cars[:, number] = enter_s, leave_s
            for at_s, gone in ((enter_s, False), (leave_s, True)):
                stay = Stay(
                    visit_id(number, "stay"), visit_id(number, "plate"), AREAS[number % 3], self._ms(enter_s),
                    self._ms(at_s), self._ms(enter_s), self._ms(at_s) if gone else None, 0.97, "local",
                    "new_energy" if number % 3 else "combustion",
                )  # fmt: skip
                found.setdefault(int(at_s) // COMMIT_S * COMMIT_S, {})[stay.stay] = stay
        return found

    def _car_park(self, minute_s: int) -> list[CarParkMinute]:
        inside = (self._cars[0] <= minute_s) & (minute_s < self._cars[1])
        entered, left = (int(self._within(times, minute_s).sum()) for times in self._cars)
        rows = []
        for number, area in enumerate((*AREAS, WHOLE_CAR_PARK)):
            cars = float(inside.sum() if area == WHOLE_CAR_PARK else inside[number::3].sum())
            share = 1 if area == WHOLE_CAR_PARK else 3
            rows.append(
                CarParkMinute(
                    self._ms(minute_s), area, cars, cars, cars / 9, entered // share, left // share, 0.3
                )
            )
        return rows

    def _nodes(self, second: int) -> dict[str, NodeRecord]:
        t_ms = self._ms(second + COMMIT_S)
        found = {}
        for number, node in enumerate(self.site.nodes):
            health = NodeHealth(
                node=node.id, t_ms=t_ms, uptime_s=float(second), frames=second * 40 + number, spooled=0,
                observations=second * 30 + number, temperature_c=50.0 + (second // 30 * 7 + number) % 9 / 2,
                disk_free_bytes=20_000_000_000 - second * 100, clock_offset_ms=0.5,
                memory_free_bytes=300_000_000 + second % 7 * 4096,
            )  # fmt: skip
            found[node.id] = NodeRecord(node.id, t_ms, encode(health))
        return found


def visit_id(number: int, kind: str = "visit") -> str:
    """A name of 16 hex digits that compresses as badly as a hash."""
    return hashlib.blake2b(f"{kind} {number}".encode(), digest_size=8).hexdigest()
