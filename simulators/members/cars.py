"""Cars of people who come again: they are parked for as long as their drivers are in the mall."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from contracts.site import Site
from simulators.car_park.day import RAMP_MS, TruePassage
from simulators.car_park.layout import Step, Ways
from simulators.members.casting import Cast, Visit

FIRST = 1_000_000_000
"""Numbers of their passages and stays start here; a day of other cars has none so high."""
WALK_MS = (90_000, 420_000)
"""From the car into the mall, and back."""
LEAD_S = 900.0
"""Nobody drives in earlier than this before coming into the mall: walk and ramps are shorter."""
STEP_S = 60.0


@dataclass(frozen=True, slots=True)
class CarStay:
    """A person's car was in the car park, from its first camera to its last."""

    stay: int
    person: int
    plate: str
    entered_ms: int
    left_ms: int


class Cars:
    """The cars of one crowd. Who shares a car comes on foot while it is there."""

    def __init__(
        self, cast: Cast, site: Site, *, start_ms: int, until_ms: int | None = None, seed: int = 1
    ) -> None:
        """Follow a crowd until `until_ms`; what cameras saw before `start_ms` is not told.

        Raises:
            ConfigurationError: the site has no car park.

        """
        self._cast, self._start_ms, self._until_ms = cast, start_ms, until_ms
        self._ways = Ways(site)
        self._areas = list(self._ways.areas)
        self._share = np.array(list(self._ways.areas.values())) / sum(self._ways.areas.values())
        self._rng = np.random.default_rng([seed, 24])
        self._free_ms: dict[str, int] = {}
        self._waiting: list[tuple[int, int, TruePassage]] = []
        self._passages = FIRST
        self._seen = 0
        self.stays: list[CarStay] = []
        """Of those who have come so far."""

    def passages(self) -> Iterator[TruePassage]:
        """Give what drives past cameras, in order of time, finding out who comes as far as that needs."""
        while self._until_ms is None or self._cast.to_s * 1000 < self._until_ms:
            self._park_new()
            yield from self._before((self._cast.to_s - LEAD_S) * 1000)
            self._cast.advance(self._cast.to_s + STEP_S)
        self._park_new()
        yield from self._before(np.inf)

    def _park_new(self) -> None:
        visits = list(self._cast.visits.values())[self._seen :]
        self._seen += len(visits)
        for visit in visits:
            plate = self._cast.population.persons[visit.person].plate
            if visit.by_car and plate is not None:
                self._park(visit, plate.text)

    def _before(self, t_ms: float) -> Iterator[TruePassage]:
        while self._waiting and self._waiting[0][0] < t_ms:
            yield heapq.heappop(self._waiting)[2]

    def _park(self, visit: Visit, plate: str) -> None:
        """Let a visitor's car come and go."""
        rng = self._rng
        area = self._areas[rng.choice(len(self._areas), p=self._share)]
        inwards, outwards = self._ways.into(area, rng), self._ways.out_of(area, rng)
        parked_ms = round(visit.enter_s * 1000) - int(rng.integers(*WALK_MS))
        starts_ms = round(visit.leave_s * 1000) + int(rng.integers(*WALK_MS))
        came_ms = parked_ms - np.cumsum(rng.integers(*RAMP_MS, len(inwards)))[::-1]
        gone_ms = starts_ms + np.cumsum(rng.integers(*RAMP_MS, len(outwards)))
        times_ms = [*came_ms.tolist(), *gone_ms.tolist()]
        if times_ms[0] < self._free_ms.get(plate, 0):
            return
        self._free_ms[plate] = times_ms[-1] + 1
        stay = FIRST + len(self.stays)
        self.stays.append(CarStay(stay, visit.person, plate, times_ms[0], times_ms[-1]))
        for step, t_ms in zip((*inwards, *outwards), times_ms, strict=True):
            self._pass(stay, plate, step, t_ms)

    def _pass(self, stay: int, plate: str, step: Step, t_ms: int) -> None:
        if t_ms >= self._start_ms:
            heapq.heappush(
                self._waiting, (t_ms, self._passages, TruePassage(self._passages, stay, plate, step, t_ms))
            )
            self._passages += 1
