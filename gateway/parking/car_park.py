"""The car park: plate reads in, how full it is and what is new out. Deterministic, no I/O, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.control import CarParkCount
from contracts.plates import PlateRead
from contracts.site import CarPark as Plan
from contracts.site import Site
from gateway.parking.cars import Cars
from gateway.parking.counting import Counting
from gateway.parking.events import Events
from gateway.parking.forecast import Forecast, forecast
from gateway.parking.fullness import Fullness
from gateway.parking.lengths import MINUTE_MS, Lengths
from gateway.parking.outlook import flows
from gateway.parking.pairing import WAIT_MS
from gateway.parking.passages import STREET, Passage, Passages
from gateway.parking.rates import Rates
from gateway.parking.report import AreaNow, ParkingTick
from gateway.parking.stays import Stays
from gateway.parking.waiting import Waiting
from gateway.parking.weighing import came_back
from gateway.store.records import WHOLE_CAR_PARK

Floats = npt.NDArray[np.float64]

EVERY_MS = 10_000
"""How often the numbers are made anew while no car passes."""
RENEW_MS = 60 * MINUTE_MS
"""How often the lengths of stays are."""
UNSEEN_BELOW = 0.005
"""A car less likely there than this is given up ..."""
RECOGNISED_MS = 12 * 60 * MINUTE_MS
"""... when it came, or somebody counted the cars, at least so long ago: counts are wrong now and then."""
UNKNOWN = -1


class _Said(msgspec.Struct):
    areas: tuple[AreaNow, ...]
    whole: AreaNow
    forecast: Forecast
    t_ms: int


class _State(msgspec.Struct):
    parts: dict[str, bytes]
    lengths: dict[str, bytes]
    pending: list[Passage]
    done_ms: int
    renewed_ms: int
    emptied: int
    said: _Said | None


class CarPark:
    """Everything that is known of one car park."""

    def __init__(self, site: Site, plan: Plan, counters: Counter[str] | None = None) -> None:
        """Start with an unknown number of cars; `counters` grow with what cannot be used, by cause."""
        self._zone = ZoneInfo(site.mall.timezone)
        self._plan = plan
        self._ids = [area.id for area in plan.areas]
        self._capacity = [area.capacity for area in plan.areas]
        self._events = Events(site.mall.id)
        self._passages = Passages(plan, site.nodes)
        self._waiting = Waiting()
        self._lengths = Lengths()
        self._counting = Counting(self._capacity)
        self._stays = Stays(self._ids, self._events, self._lengths, self._counting)
        self._cars = self._stays.cars
        self._rates = Rates(self._zone)
        self._fullness = Fullness(self._events)
        self._done_ms = UNKNOWN
        self._renewed_ms = 0
        self._emptied = UNKNOWN
        """The last day of the mall on which it was known to be empty, as a number."""
        self.counters: Counter[str] = Counter() if counters is None else counters
        self._report: ParkingTick | None = None

    # What comes in

    def feed(self, read: PlateRead) -> None:
        """Take in a plate read; those of cameras that stand at no gate are counted, and left out."""
        if not self._passages.knows(read.camera):
            self.counters["camera_at_no_gate"] += 1
        elif not self._waiting.add(read):
            self.counters["plates_full"] += 1

    def count(self, count: CarParkCount) -> None:
        """Take in that somebody counted the cars."""
        if count.area is None or count.area in self._ids:
            self._waiting.add(count)

    @property
    def first_ms(self) -> int | None:
        """Event time of the first read that waits."""
        return self._waiting.first_ms()

    @property
    def last_ms(self) -> int | None:
        """Event time of the last read that waits."""
        return self._waiting.last_ms()

    # What comes out

    def step(self, t_ms: int) -> ParkingTick:
        """Take in everything before `t_ms` and tell how the car park is then.

        What comes later than its tick is taken in with the next one: a car that has left is not there,
        however late that is told.
        """
        before_ms, self._done_ms = self._done_ms, t_ms
        self._rates.pass_time(t_ms)
        if self._empty_since(before_ms, t_ms):
            self._stays.count(t_ms, range(len(self._ids)), 0)
        items = self._waiting.before(t_ms)
        for item in items:
            self._take(item)
        if t_ms // MINUTE_MS != before_ms // MINUTE_MS:
            for passage in self._passages.lost(t_ms):
                self._pass(passage)
        self._stays.settle(t_ms)
        old = self._report
        if old is None or items or self._stays.changed or t_ms // EVERY_MS != before_ms // EVERY_MS:
            return self._look(t_ms, old, before_ms)
        return ParkingTick(t_ms, old.areas, old.whole, old.forecast, old.places)

    def finish(self, t_ms: int) -> ParkingTick:
        """Settle what waits for more to be known: nothing comes any more."""
        for item in self._waiting.before(t_ms + 1):
            self._take(item)
        self._stays.settle(t_ms + WAIT_MS)
        return self._look(t_ms, self._report, t_ms)

    def _take(self, item: PlateRead | CarParkCount) -> None:
        if isinstance(item, CarParkCount):
            areas = range(len(self._ids)) if item.area is None else [self._ids.index(item.area)]
            self._stays.count(item.t_ms, areas, item.cars)
        elif not self._passages.has_room(item.track):
            self.counters["plates_full"] += 1
        elif (passage := self._passages.take(item)) is not None:
            self._pass(passage)

    def _pass(self, passage: Passage) -> None:
        for hidden in self._counting.hidden:
            hidden.begin(passage.t_ms)
        if not passage.told:
            passage = self._right_way(passage)
        if passage.source != STREET:
            self._stays.leave_or_move(passage)
        elif self._stays.enter(passage):
            self._rates.entered()

    def _right_way(self, passage: Passage) -> Passage:
        """Turn a passage whose way nobody knows round where the car is believed to be beyond the gate."""
        stay = came_back(passage, self._cars, self._counting)
        if stay is None or self._cars[stay].area != passage.target:
            return passage
        return msgspec.structs.replace(passage, source=passage.target, target=passage.source)

    # Counts

    def _empty_since(self, before_ms: int, t_ms: int) -> bool:
        """Whether an hour at which the car park is known to be empty has begun since the last tick."""
        hour = self._plan.empty_at_h
        if hour is None:
            return False
        local = datetime.fromtimestamp(t_ms / 1000, self._zone)
        day = local.toordinal() - (local.hour < hour)
        passed = UNKNOWN not in {before_ms, self._emptied} and day > self._emptied
        self._emptied = max(day, self._emptied)
        return passed

    # What is said

    def _look(self, t_ms: int, old: ParkingTick | None, before_ms: int) -> ParkingTick:
        """Make the numbers anew."""
        there = self._cars.presence(t_ms, self._lengths, self._counting.unseen)
        if t_ms // MINUTE_MS != before_ms // MINUTE_MS:
            self._counting.doubted = float((1.0 - there).sum())
            gone = [
                car.stay
                for car, probability in zip(self._cars, there.tolist(), strict=True)
                if probability < UNSEEN_BELOW and t_ms - car.since_ms >= RECOGNISED_MS
            ]
            for stay in gone:
                self._stays.give_up(stay, t_ms)
            if t_ms // RENEW_MS != self._renewed_ms // RENEW_MS:
                self._renewed_ms = t_ms
                entered = self._cars.columns()[0] if len(self._cars) else np.zeros(0)
                there = self._cars.presence(t_ms, self._lengths, self._counting.unseen)
                self._lengths.renew(t_ms - entered, there)
            there = self._cars.presence(t_ms, self._lengths, self._counting.unseen)
        *areas, whole = self._areas(t_ms, there)
        if old is None or t_ms // MINUTE_MS != before_ms // MINUTE_MS:
            hidden = self._counting.all_hidden(t_ms, self._lengths)
            ahead = forecast(
                Fullness.room(whole),
                whole.variance,
                flows(t_ms, self._cars, there, hidden, self._lengths, self._rates),
            )
        else:
            ahead = old.forecast
        said = self._fullness.look(t_ms, [*areas, whole], ahead)
        news = self._stays.news()
        places = old.places if old is not None and not news.stays else tuple(self._stays.places())
        self._report = ParkingTick(
            t_ms, tuple(areas), whole, ahead, places,
            news.entered, news.left, news.stays, (*news.events, *said),
        )  # fmt: skip
        return self._report

    def _areas(self, t_ms: int, there: Floats) -> list[AreaNow]:
        """Return how full each area is, and last all of them."""
        waiting = self._passages.waiting(len(self._ids))
        leaving = Counter(passage.source for passage in self._stays.pending)
        found = self._counting.expected(self._cars, there, t_ms, self._lengths)
        areas = [
            AreaNow(an_id, capacity, max(mean - leaving[i], 0.0), variance, waiting[i])
            for i, (an_id, capacity, (mean, variance)) in enumerate(
                zip(self._ids, self._capacity, found[:-1], strict=True)
            )
        ]
        cars, spaces = sum(area.cars for area in areas), sum(self._capacity)
        return [*areas, AreaNow(WHOLE_CAR_PARK, spaces, cars, found[-1][1], sum(waiting))]

    # Checkpoints

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return everything that the next results depend on, for a checkpoint."""
        report = self._report
        said = (
            None if report is None else _Said(tuple(report.areas), report.whole, report.forecast, report.t_ms)
        )
        state = _State(
            parts={name: part.state() for name, part in self._parts().items()},
            lengths=self._lengths.state(), pending=self._stays.pending, done_ms=self._done_ms,
            renewed_ms=self._renewed_ms, emptied=self._emptied, said=said,
        )  # fmt: skip
        return {"state": np.frombuffer(msgspec.msgpack.encode(state), dtype=np.uint8).copy()}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what `state` returned. Raises `KeyError`, `ValueError`."""
        old = msgspec.msgpack.decode(state["state"].astype(np.uint8).tobytes(), type=_State)
        for name, part in self._parts().items():
            part.restore(old.parts[name])
        self._lengths.restore(old.lengths)
        self._stays.pending, self._done_ms = old.pending, old.done_ms
        self._renewed_ms, self._emptied = old.renewed_ms, old.emptied
        said = old.said
        self._report = (
            None
            if said is None
            else ParkingTick(said.t_ms, said.areas, said.whole, said.forecast, tuple(self._stays.places()))
        )

    def _parts(self) -> dict[str, Passages | Waiting | Cars | Counting | Rates | Fullness]:
        return {
            "passages": self._passages, "waiting": self._waiting, "cars": self._cars,
            "counting": self._counting, "rates": self._rates, "fullness": self._fullness,
        }  # fmt: skip
