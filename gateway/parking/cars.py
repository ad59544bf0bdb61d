"""The cars that are believed to be in the car park, found by the hashes of their plates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.parking.lengths import Lengths
from gateway.parking.reading import Reading, likelihood_ratio

Floats = npt.NDArray[np.float64]

LINKABLE_MS = 48 * 3_600_000
"""After so long the hashes of a plate have changed twice: its exit cannot be recognised."""
FORGOTTEN_MS = 7 * 24 * 3_600_000
"""A car that was not seen to leave is given up after a week at the latest."""


class Car(msgspec.Struct):
    """A car that came in and was not seen to leave."""

    stay: str
    entered_ms: int
    seen_ms: int
    area: int
    camera: str
    """Where it came in."""
    reading: Reading
    since_ms: int
    """From when on it may have left unseen: its entry, or the last count of cars."""
    then: float = 1.0
    """How likely it was there at `since_ms`."""
    keep: float = 1.0
    """That no exit since was its own, of those that could not be told whose they were."""


class Cars:
    """All cars that are believed to be there, some more and some less."""

    def __init__(self) -> None:
        """Start without any."""
        self._cars: dict[str, Car] = {}
        self._index: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._columns: tuple[Floats, ...] | None = None

    def __len__(self) -> int:
        return len(self._cars)

    def __iter__(self) -> Iterator[Car]:
        return iter(self._cars.values())

    def __getitem__(self, stay: str) -> Car:
        return self._cars[stay]

    def __contains__(self, stay: str) -> bool:
        return stay in self._cars

    def add(self, car: Car) -> None:
        """Take in a car."""
        self._cars[car.stay] = car
        self.changed()
        for key in car.reading.hashes():
            self._index[key][car.stay] = None

    def remove(self, stay: str) -> Car:
        """Forget a car. Raises `KeyError`."""
        car = self._cars.pop(stay)
        self.changed()
        for key in car.reading.hashes():
            found = self._index[key]
            found.pop(stay, None)
            if not found:
                del self._index[key]
        return car

    def changed(self) -> None:
        """Say that a car has been changed."""
        self._columns = None

    def like(self, reading: Reading, t_ms: int) -> dict[str, float]:
        """Return the cars that came in before `t_ms` and have a hash in common, with likelihood ratios."""
        names = {name: None for key in reading.sought() for name in self._index.get(key, ())}
        return {
            name: likelihood_ratio(self._cars[name].reading, reading)
            for name in names
            if self._cars[name].entered_ms <= t_ms
        }

    def presence(self, t_ms: int, lengths: Lengths, unseen: float) -> Floats:
        """Return how likely each car (N,) is there still; `unseen` is the share of exits not recognised.

        It is there if it was, stays this long, and no exit was its own. It is gone if it was gone before, or
        left unrecognised.
        """
        if not self._cars:
            return np.zeros(0)
        entered, since, then, keep = self.columns()
        ages = np.maximum(t_ms - entered, 0.0)
        before = lengths.beyond(np.maximum(since - entered, 0.0))
        stays = np.minimum(lengths.beyond(ages) / np.maximum(before, 1e-12), 1.0)
        missed = np.where(ages > LINKABLE_MS, 1.0, unseen)
        there = then * stays * keep
        gone = (1.0 - then) + then * ((1.0 - stays) * missed + stays * (1.0 - keep))
        found: Floats = there / np.maximum(there + gone, 1e-12)
        return np.where(ages > FORGOTTEN_MS, 0.0, found)

    def columns(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return entered_ms, since_ms, then and keep of all cars, (N,) each."""
        entered, since, then, keep, _ = self._all()
        return entered, since, then, keep

    def names(self) -> list[str]:
        """Return the stays (N,) of all cars."""
        return list(self._cars)

    def areas(self) -> npt.NDArray[np.int64]:
        """Return the area (N,) of each car."""
        return self._all()[4].astype(np.int64)

    def _all(self) -> tuple[Floats, ...]:
        if self._columns is None:
            rows = [(car.entered_ms, car.since_ms, car.then, car.keep, car.area) for car in self]
            self._columns = tuple(np.array(rows, dtype=np.float64).reshape(-1, 5).T)
        return self._columns

    def state(self) -> bytes:
        """Return all cars."""
        return msgspec.msgpack.encode(list(self._cars.values()))

    def restore(self, state: bytes) -> None:
        """Replace all by what `state` returned. Raises `msgspec.MsgspecError`."""
        self._cars.clear()
        self.changed()
        self._index.clear()
        for car in msgspec.msgpack.decode(state, type=list[Car]):
            self.add(car)
