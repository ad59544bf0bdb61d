"""Cars whose entry was not seen: how many of them are there.

Three kinds. Before anybody has counted, nobody knows how many cars were there at the start: anything up to
the capacity, until the cars that leave without having entered tell. After a count it is known how many are
there beside those whose entry was seen. And of the cars that enter, some pass the camera unread, as many for
each that is read as the exits without an entry show.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.parking.lengths import MINUTE_MS, Lengths

Floats = npt.NDArray[np.float64]

STEP_MS = 5 * MINUTE_MS
KEPT_MS = 48 * 60 * MINUTE_MS
UNKNOWN_SHAPE = 1.0
"""Of the Gamma distribution of the cars at the start: half the capacity, and as much more or less."""


class _State(msgspec.Struct):
    since_ms: int
    counted: bool
    number: float
    left: float
    entries: dict[int, int]


class Hidden:
    """The hidden cars of one area."""

    def __init__(self, capacity: int) -> None:
        """Start knowing nothing but how many spaces there are."""
        self._capacity = capacity
        self._since_ms = -1
        self._counted = False
        self._number = 0.0
        self._left = 0.0
        self._entries: dict[int, int] = {}

    def begin(self, t_ms: int) -> None:
        """Say when the first passage was; does nothing after that."""
        if self._since_ms < 0:
            self._since_ms = t_ms

    def entered(self, t_ms: int) -> None:
        """Take in that a car was seen to enter: some enter unseen beside it."""
        step = t_ms // STEP_MS
        self._entries[step] = self._entries.get(step, 0) + 1
        oldest = step - KEPT_MS // STEP_MS
        while (first := next(iter(self._entries))) < oldest:
            del self._entries[first]

    def count(self, t_ms: int, number: float) -> None:
        """Take in how many hidden cars there are now."""
        self._since_ms, self._counted, self._number, self._left = t_ms, True, max(number, 0.0), 0.0
        self._entries.clear()

    def less(self, number: float) -> None:
        """Take in that so many of those counted turned out to be no hidden cars."""
        if self._counted:
            self._number = max(self._number - number, 0.0)

    def exit(self, t_ms: int, share: float, lengths: Lengths, missed_in: float, unseen: float) -> float:
        """Take in an exit that is a hidden car's with probability `share`.

        Gives the part of it that is of cars that entered unread, which tells how many do.
        """
        first, _ = self._first(t_ms, lengths, unseen)
        later = self._later(t_ms, lengths, missed_in)
        of_first = first / (first + later) if first + later > 0 else 0.0
        self._left += share * of_first
        return share * (1.0 - of_first)

    def expected(self, t_ms: int, lengths: Lengths, missed_in: float, unseen: float) -> tuple[float, float]:
        """Return how many hidden cars are expected, and the variance."""
        mean, variance = self._first(t_ms, lengths, unseen)
        later = self._later(t_ms, lengths, missed_in)
        # Cars that enter unread are few and independent (Poisson); their rate is known to a third or so.
        return mean + later, variance + later + (later / 3.0) ** 2

    def _first(self, t_ms: int, lengths: Lengths, unseen: float) -> tuple[float, float]:
        """Return mean and variance of those that were there at the start, or when somebody counted."""
        if self._since_ms < 0:
            return self._capacity / 2.0, self._capacity**2 / (4.0 * UNKNOWN_SHAPE)
        stays = float(lengths.residual(np.array([max(t_ms - self._since_ms, 0)], dtype=np.float64))[0])
        if self._counted:
            number = max(self._number - self._left, 0.0)
            there = stays / max(stays + (1.0 - stays) * unseen, 1e-12)
            return number * there, number * there * (1.0 - there)
        # A Gamma distribution of their number; those that have left were a Poisson sample of it.
        shape = UNKNOWN_SHAPE + self._left
        rate = 2.0 * UNKNOWN_SHAPE / self._capacity + (1.0 - stays) * (1.0 - unseen)
        # No more can be left than had room: a burst of exits into a small car park tells too much.
        there = min(shape / rate * stays, max(self._capacity - self._left, 0.0))
        return there, there + shape / rate**2 * stays**2

    def _later(self, t_ms: int, lengths: Lengths, missed_in: float) -> float:
        """Return how many of those that entered unread since are there."""
        if not self._entries:
            return 0.0
        ages: Floats = t_ms - np.array([*self._entries], dtype=np.float64) * STEP_MS
        seen = np.array([*self._entries.values()], dtype=np.float64)
        return float(seen @ lengths.beyond(np.maximum(ages, 0.0))) * missed_in / (1.0 - missed_in)

    def state(self) -> bytes:
        """Return all that the next numbers depend on."""
        return msgspec.msgpack.encode(
            _State(self._since_ms, self._counted, self._number, self._left, self._entries)
        )

    def restore(self, state: bytes) -> None:
        """Go on from what `state` returned. Raises `msgspec.MsgspecError`."""
        old = msgspec.msgpack.decode(state, type=_State)
        self._since_ms, self._counted, self._number = old.since_ms, old.counted, old.number
        self._left, self._entries = old.left, old.entries
