"""Counts of cars on their way from whoever asks the API to the pipeline's thread."""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TimedOutError

from contracts.control import CarParkCount
from contracts.errors import UnavailableError

WAIT_S = 10.0
"""How long a request waits for its count to be journaled."""

_BUSY = "Try again in a moment; a count that was taken twice does no harm."


class Counted:
    """A queue, and for each count in it the one who waits until it is on disk."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[CarParkCount, Future[None]]] = queue.SimpleQueue()
        self._closed = False

    def count(self, count: CarParkCount) -> None:
        """Take in a count; returns once it is journaled. Any thread calls it.

        Raises `UnavailableError` when the gateway is stopping, or its store cannot be written.
        """
        if self._closed:
            raise UnavailableError("the gateway is stopping", _BUSY)
        done: Future[None] = Future()
        self._waiting.put((count, done))
        try:
            done.result(WAIT_S)
        except TimedOutError as error:
            raise UnavailableError("the gateway has not taken in the count yet", _BUSY) from error

    def hand_over(self, take: Callable[[Sequence[CarParkCount]], None]) -> None:
        """Give everything that waits to `take`, and tell who waits how that went."""
        counts: list[tuple[CarParkCount, Future[None]]] = []
        while not self._waiting.empty():
            counts.append(self._waiting.get())
        if not counts:
            return
        try:
            take([count for count, _ in counts])
        except UnavailableError as error:
            for _, done in counts:
                done.set_exception(error)
            return
        for _, done in counts:
            done.set_result(None)

    def close(self) -> None:
        """Let nobody wait any more."""
        self._closed = True
        while not self._waiting.empty():
            self._waiting.get()[1].set_exception(UnavailableError("the gateway is stopping", _BUSY))
