"""The stays of cars: which car each passage is of, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from contracts.events import CarEvent, EventKind
from gateway.parking.cars import Car, Cars
from gateway.parking.counting import Counting
from gateway.parking.events import Events
from gateway.parking.lengths import Lengths
from gateway.parking.pairing import WAIT_MS, Candidates, Settled, settle
from gateway.parking.passages import STREET, Passage
from gateway.parking.reading import Reading
from gateway.parking.report import Place
from gateway.parking.weighing import came_back, candidates
from gateway.store.records import Stay

MOST_CARS = 20_000
"""Cars that are followed, many times what any car park holds; beyond it the first one is given up."""


class News(NamedTuple):
    """What has happened since it was asked for last; fields as of `ParkingTick`."""

    entered: tuple[int, ...]
    left: tuple[int, ...]
    stays: tuple[Stay, ...]
    events: tuple[CarEvent, ...]


class Stays:
    """The cars that are there, the exits that wait to be settled, and what is new of both."""

    def __init__(self, areas: Sequence[str], events: Events, lengths: Lengths, counting: Counting) -> None:
        """Start without any; `lengths` and `counting` learn from every stay."""
        self.cars = Cars()
        self.pending: list[Passage] = []
        """Exits that wait for more to be known, in the order in which they came."""
        self._ids = areas
        self._events = events
        self._lengths = lengths
        self._counting = counting
        self._begin()

    def _begin(self) -> None:
        self._changed: dict[str, Stay] = {}
        self._told: list[CarEvent] = []
        self._entered = [0] * (len(self._ids) + 1)
        self._left = [0] * (len(self._ids) + 1)

    @property
    def changed(self) -> bool:
        """Whether there is anything new."""
        return any(self._entered) or any(self._left) or bool(self._told)

    def news(self) -> News:
        """Return what is new, and begin anew."""
        found = News(
            tuple(self._entered), tuple(self._left), tuple(self._changed.values()), tuple(self._told)
        )
        self._begin()
        return found

    def enter(self, passage: Passage) -> bool:
        """Take in a car from the street; tells whether it is one that has not been told of."""
        stay = self._events.stay_id(passage.camera, passage.track)
        if stay in self.cars:
            return False  # told again, so long afterwards that its track was forgotten
        if len(self.cars) >= MOST_CARS:
            self.give_up(next(iter(self.cars)).stay, passage.t_ms)
        self._entered[-1] += 1
        self._entered[passage.target] += 1
        self._counting.hidden[passage.target].entered(passage.t_ms)
        if (known := came_back(passage, self.cars, self._counting)) is not None:
            self.give_up(known, passage.t_ms)
        car = Car(
            stay, passage.t_ms, passage.t_ms, passage.target,
            passage.camera, passage.reading.to_keep(), since_ms=passage.t_ms,
        )  # fmt: skip
        self.cars.add(car)
        record = self._record(car, left_ms=None, confidence=passage.reading.confidence)
        self._tell(EventKind.CAR_ENTERED, passage.t_ms, record, car.reading)
        return True

    def leave_or_move(self, passage: Passage) -> None:
        """Take in a car that leaves an area, for the street or for another area."""
        self._left[passage.source] += 1
        if passage.target == STREET:
            self._left[-1] += 1
            self.pending.append(passage)
            self.settle(passage.t_ms)
        else:
            self._move(passage)

    def _move(self, passage: Passage) -> None:
        self._entered[passage.target] += 1
        shares = self._candidates(passage).shares()[0]
        stay = max(shares, key=lambda name: (shares[name], name), default=None)
        if stay is None or shares[stay] < 0.5:
            return  # a car whose entry was not seen, or whose plate could not be read
        car = self.cars[stay]
        car.area, car.seen_ms = passage.target, max(car.seen_ms, passage.t_ms)
        self.cars.changed()
        self._record(car, left_ms=None, confidence=car.reading.confidence)

    def settle(self, now_ms: int) -> None:
        """Settle the exits that are sure, or have waited long enough."""
        exits = [(passage, self._candidates(passage)) for passage in self.pending]
        for one in settle(exits, now_ms):
            self.pending.remove(one.passage)
            self._counting.exits += 1.0
            if one.stay is not None:
                self._leave(one, one.stay, now_ms)
            else:
                self._leave_unknown(one, now_ms)

    def _candidates(self, passage: Passage) -> Candidates:
        return candidates(passage, self.cars, self._counting, self._lengths)

    def _leave(self, one: Settled, stay: str, now_ms: int) -> None:
        car = self.cars.remove(stay)
        left_ms = one.passage.t_ms
        self._counting.left += 1.0
        self._lengths.learn(left_ms - car.entered_ms)
        if car.since_ms > car.entered_ms:  # it was there when somebody counted: others were fewer
            self._counting.hidden[car.area].less(1.0 - car.then)
        car.seen_ms = left_ms
        record = self._record(car, left_ms=left_ms, confidence=one.certainty)
        self._tell(EventKind.CAR_LEFT, now_ms, record, car.reading.named_by(one.passage.reading))

    def _leave_unknown(self, one: Settled, now_ms: int) -> None:
        passage = one.passage
        linked, unlinked, nobody = one.candidates.shares()
        self._counting.exit_of_hidden(passage.source, passage.t_ms, nobody, self._lengths)
        there = self.cars.presence(passage.t_ms, self._lengths, self._counting.unseen)
        others = max(float(there.sum()), 1e-9)
        for car, probability in zip(self.cars, there.tolist(), strict=True):
            share = linked[car.stay] if car.stay in linked else unlinked * probability / others
            car.keep *= 1.0 - share
        self.cars.changed()
        stay = Stay(
            stay=self._events.stay_id(passage.camera, passage.track), plate=passage.reading.plate,
            area=self._ids[passage.source], seen_ms=passage.t_ms, entered_ms=None, left_ms=passage.t_ms,
            started_ms=passage.t_ms,
            confidence=one.certainty, region=passage.reading.region, energy=passage.reading.energy,
        )  # fmt: skip
        self._changed[stay.stay] = stay
        self._tell(EventKind.CAR_LEFT, now_ms, stay, passage.reading)

    def give_up(self, stay: str, now_ms: int) -> None:
        """Take it that a car has left unseen, nobody knows when."""
        car = self.cars.remove(stay)
        self._counting.left_unseen += 1.0
        record = self._record(car, left_ms=None, confidence=0.0)
        self._tell(EventKind.CAR_LEFT, now_ms, record, car.reading)

    def count(self, t_ms: int, areas: Sequence[int], number: int) -> None:
        """Take in that somebody counted the cars in some areas."""
        self.settle(t_ms + WAIT_MS)  # whoever counted did not count those that had left
        self._counting.anchor(self.cars, areas, t_ms, number, self._lengths)

    def places(self) -> Iterator[Place]:
        """Give where each car is, as far as is known."""
        for car in self.cars:
            yield Place(
                car.stay, self._ids[car.area], car.camera, car.entered_ms, car.seen_ms, car.reading.enrolled
            )

    def _record(self, car: Car, *, left_ms: int | None, confidence: float) -> Stay:
        stay = Stay(
            stay=car.stay, plate=car.reading.plate, area=self._ids[car.area], seen_ms=car.seen_ms,
            entered_ms=car.entered_ms, left_ms=left_ms, started_ms=car.entered_ms, confidence=confidence,
            region=car.reading.region, energy=car.reading.energy,
        )  # fmt: skip
        self._changed[stay.stay] = stay
        return stay

    def _tell(self, kind: EventKind, t_ms: int, stay: Stay, reading: Reading) -> None:
        self._told.append(self._events.car(kind, t_ms, stay, reading))
