"""The car park: plate reads in, stays, counts and events out. Deterministic, no I/O and no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.control import CarParkCount
from contracts.events import CarEvent, CarParkEvent, EventKind
from contracts.plates import PlateRead
from contracts.site import CarPark as Plan
from contracts.site import Site
from gateway.parking.cars import Car, Cars
from gateway.parking.counting import Counting
from gateway.parking.events import Events
from gateway.parking.forecast import Forecast, forecast
from gateway.parking.fullness import Fullness
from gateway.parking.lengths import MINUTE_MS, Lengths
from gateway.parking.outlook import flows
from gateway.parking.pairing import WAIT_MS, Candidates, Settled, settle
from gateway.parking.passages import STREET, Passage, Passages
from gateway.parking.rates import Rates
from gateway.parking.reading import Reading
from gateway.parking.report import AreaNow, ParkingTick, Place
from gateway.parking.waiting import Waiting
from gateway.parking.weighing import came_back, candidates
from gateway.store.records import WHOLE_CAR_PARK, Stay

Floats = npt.NDArray[np.float64]

EVERY_MS = 10_000
"""How often the numbers are made anew while no car passes."""
RENEW_MS = 60 * MINUTE_MS
"""How often the lengths of stays are."""
MOST_CARS = 20_000
"""Cars that are followed, many times what any car park holds; beyond it the first one is given up."""
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
        self._cars = Cars()
        self._lengths = Lengths()
        self._counting = Counting(self._capacity)
        self._rates = Rates(self._zone)
        self._fullness = Fullness(self._events)
        self._pending: list[Passage] = []
        self._done_ms = UNKNOWN
        self._renewed_ms = 0
        self._emptied = UNKNOWN
        """The last day of the mall on which it was known to be empty, as a number."""
        self.counters: Counter[str] = Counter() if counters is None else counters
        self._stays: dict[str, Stay] = {}
        self._told: list[CarEvent | CarParkEvent] = []
        self._entered = [0] * (len(self._ids) + 1)
        self._left = [0] * (len(self._ids) + 1)
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
            self._anchor(t_ms, list(range(len(self._ids))), 0)
        items = self._waiting.before(t_ms)
        for item in items:
            self._take(item)
        if t_ms // MINUTE_MS != before_ms // MINUTE_MS:
            for passage in self._passages.lost(t_ms):
                self._pass(passage)
        if self._pending:
            self._settle(t_ms)
        old = self._report
        passed = any(self._entered) or any(self._left) or bool(self._told)
        if old is None or items or passed or t_ms // EVERY_MS != before_ms // EVERY_MS:
            return self._look(t_ms, old, before_ms)
        return ParkingTick(t_ms, old.areas, old.whole, old.forecast, old.places)

    def finish(self, t_ms: int) -> ParkingTick:
        """Settle what waits for more to be known: nothing comes any more."""
        for item in self._waiting.before(t_ms + 1):
            self._take(item)
        self._settle(t_ms + WAIT_MS)
        return self._look(t_ms, self._report, t_ms)

    def _take(self, item: PlateRead | CarParkCount) -> None:
        if isinstance(item, CarParkCount):
            areas = range(len(self._ids)) if item.area is None else [self._ids.index(item.area)]
            self._anchor(item.t_ms, list(areas), item.cars)
        elif not self._passages.has_room(item.track):
            self.counters["plates_full"] += 1
        elif (passage := self._passages.take(item)) is not None:
            self._pass(passage)

    def _pass(self, passage: Passage) -> None:
        for hidden in self._counting.hidden:
            hidden.begin(passage.t_ms)
        if not passage.told:
            passage = self._right_way(passage)
        if passage.source == STREET:
            self._enter(passage)
        elif passage.target == STREET:
            self._left[-1] += 1
            self._left[passage.source] += 1
            self._pending.append(passage)
            self._settle(passage.t_ms)
        else:
            self._move(passage)

    def _right_way(self, passage: Passage) -> Passage:
        """Turn a passage whose way nobody knows round where the car is believed to be beyond the gate."""
        stay = came_back(passage, self._cars, self._counting)
        if stay is None or self._cars[stay].area != passage.target:
            return passage
        return msgspec.structs.replace(passage, source=passage.target, target=passage.source)

    # Cars come in

    def _enter(self, passage: Passage) -> None:
        stay = self._events.stay_id(passage.camera, passage.track)
        if stay in self._cars:
            return  # told again, so long afterwards that its track was forgotten
        if len(self._cars) >= MOST_CARS:
            self._give_up(next(iter(self._cars)).stay, passage.t_ms)
        self._entered[-1] += 1
        self._entered[passage.target] += 1
        self._rates.entered()
        self._counting.hidden[passage.target].entered(passage.t_ms)
        if (known := came_back(passage, self._cars, self._counting)) is not None:
            self._give_up(known, passage.t_ms)
        car = Car(
            stay, passage.t_ms, passage.t_ms, passage.target,
            passage.camera, passage.reading.to_keep(), since_ms=passage.t_ms,
        )  # fmt: skip
        self._cars.add(car)
        record = self._record(car, left_ms=None, confidence=passage.reading.confidence)
        self._tell_car(EventKind.CAR_ENTERED, passage.t_ms, record, car.reading)

    # Cars move between areas

    def _move(self, passage: Passage) -> None:
        self._left[passage.source] += 1
        self._entered[passage.target] += 1
        shares = self._candidates(passage).shares()[0]
        stay = max(shares, key=lambda name: (shares[name], name), default=None)
        if stay is None or shares[stay] < 0.5:
            return  # a car whose entry was not seen, or whose plate could not be read
        car = self._cars[stay]
        car.area, car.seen_ms = passage.target, max(car.seen_ms, passage.t_ms)
        self._cars.changed()
        self._record(car, left_ms=None, confidence=car.reading.confidence)

    # Cars leave

    def _settle(self, now_ms: int) -> None:
        """Settle the exits that are sure, or have waited long enough."""
        exits = [(passage, self._candidates(passage)) for passage in self._pending]
        for one in settle(exits, now_ms):
            self._pending.remove(one.passage)
            self._counting.exits += 1.0
            if one.stay is not None:
                self._leave(one, one.stay, now_ms)
            else:
                self._leave_unknown(one, now_ms)

    def _candidates(self, passage: Passage) -> Candidates:
        return candidates(passage, self._cars, self._counting, self._lengths)

    def _leave(self, one: Settled, stay: str, now_ms: int) -> None:
        car = self._cars.remove(stay)
        left_ms = one.passage.t_ms
        self._counting.left += 1.0
        self._lengths.learn(left_ms - car.entered_ms)
        if car.since_ms > car.entered_ms:  # it was there when somebody counted: others were fewer
            self._counting.hidden[car.area].less(1.0 - car.then)
        car.seen_ms = left_ms
        record = self._record(car, left_ms=left_ms, confidence=one.certainty)
        self._tell_car(EventKind.CAR_LEFT, now_ms, record, car.reading)

    def _leave_unknown(self, one: Settled, now_ms: int) -> None:
        passage = one.passage
        linked, unlinked, nobody = one.candidates.shares()
        self._counting.exit_of_hidden(passage.source, passage.t_ms, nobody, self._lengths)
        there = self._cars.presence(passage.t_ms, self._lengths, self._counting.unseen)
        others = max(float(there.sum()), 1e-9)
        for car, probability in zip(self._cars, there.tolist(), strict=True):
            share = linked[car.stay] if car.stay in linked else unlinked * probability / others
            car.keep *= 1.0 - share
        self._cars.changed()
        stay = Stay(
            stay=self._events.stay_id(passage.camera, passage.track), plate=passage.reading.plate,
            area=self._ids[passage.source], seen_ms=passage.t_ms, entered_ms=None, left_ms=passage.t_ms,
            started_ms=passage.t_ms,
            confidence=one.certainty, region=passage.reading.region, energy=passage.reading.energy,
        )  # fmt: skip
        self._stays[stay.stay] = stay
        self._tell_car(EventKind.CAR_LEFT, now_ms, stay, passage.reading)

    def _give_up(self, stay: str, now_ms: int) -> None:
        """Take it that a car has left unseen, nobody knows when."""
        car = self._cars.remove(stay)
        self._counting.left_unseen += 1.0
        record = self._record(car, left_ms=None, confidence=0.0)
        self._tell_car(EventKind.CAR_LEFT, now_ms, record, car.reading)

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

    def _anchor(self, t_ms: int, areas: list[int], number: int) -> None:
        self._settle(t_ms + WAIT_MS)  # whoever counted did not count those that had left
        self._counting.anchor(self._cars, areas, t_ms, number, self._lengths)

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
                self._give_up(stay, t_ms)
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
        self._told += self._fullness.look(t_ms, [*areas, whole], ahead)
        places = old.places if old is not None and not self._stays else tuple(self._places())
        tick = ParkingTick(
            t_ms, tuple(areas), whole, ahead, places,
            tuple(self._entered), tuple(self._left), tuple(self._stays.values()), tuple(self._told),
        )  # fmt: skip
        self._report = tick
        self._stays, self._told = {}, []
        self._entered, self._left = [0] * len(self._entered), [0] * len(self._left)
        return tick

    def _areas(self, t_ms: int, there: Floats) -> list[AreaNow]:
        """Return how full each area is, and last all of them."""
        waiting = self._passages.waiting(len(self._ids))
        leaving = Counter(passage.source for passage in self._pending)
        found = self._counting.expected(self._cars, there, t_ms, self._lengths)
        areas = [
            AreaNow(an_id, capacity, max(mean - leaving[i], 0.0), variance, waiting[i])
            for i, (an_id, capacity, (mean, variance)) in enumerate(
                zip(self._ids, self._capacity, found[:-1], strict=True)
            )
        ]
        cars, spaces = sum(area.cars for area in areas), sum(self._capacity)
        return [*areas, AreaNow(WHOLE_CAR_PARK, spaces, cars, found[-1][1], sum(waiting))]

    def _places(self) -> Iterator[Place]:
        for car in self._cars:
            yield Place(
                car.stay, self._ids[car.area], car.camera, car.entered_ms, car.seen_ms, car.reading.enrolled
            )

    def _record(self, car: Car, *, left_ms: int | None, confidence: float) -> Stay:
        stay = Stay(
            stay=car.stay, plate=car.reading.plate, area=self._ids[car.area], seen_ms=car.seen_ms,
            entered_ms=car.entered_ms, left_ms=left_ms, started_ms=car.entered_ms, confidence=confidence,
            region=car.reading.region, energy=car.reading.energy,
        )  # fmt: skip
        self._stays[stay.stay] = stay
        return stay

    def _tell_car(self, kind: EventKind, t_ms: int, stay: Stay, reading: Reading) -> None:
        self._told.append(self._events.car(kind, t_ms, stay, reading.enrolled))

    # Checkpoints

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return everything that the next results depend on, for a checkpoint."""
        report = self._report
        said = (
            None if report is None else _Said(tuple(report.areas), report.whole, report.forecast, report.t_ms)
        )
        state = _State(
            parts={name: part.state() for name, part in self._parts().items()},
            lengths=self._lengths.state(), pending=self._pending, done_ms=self._done_ms,
            renewed_ms=self._renewed_ms, emptied=self._emptied, said=said,
        )  # fmt: skip
        return {"state": np.frombuffer(msgspec.msgpack.encode(state), dtype=np.uint8).copy()}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what `state` returned. Raises `KeyError`, `ValueError`."""
        old = msgspec.msgpack.decode(state["state"].astype(np.uint8).tobytes(), type=_State)
        for name, part in self._parts().items():
            part.restore(old.parts[name])
        self._lengths.restore(old.lengths)
        self._pending, self._done_ms = old.pending, old.done_ms
        self._renewed_ms, self._emptied = old.renewed_ms, old.emptied
        said = old.said
        self._report = (
            None
            if said is None
            else ParkingTick(said.t_ms, said.areas, said.whole, said.forecast, tuple(self._places()))
        )

    def _parts(self) -> dict[str, Passages | Waiting | Cars | Counting | Rates | Fullness]:
        return {
            "passages": self._passages, "waiting": self._waiting, "cars": self._cars,
            "counting": self._counting, "rates": self._rates, "fullness": self._fullness,
        }  # fmt: skip
