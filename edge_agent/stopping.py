"""A clean end for commands that run until somebody stops them."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

STOPPED_BY_CTRL_C = 130
"""Exit code that shells expect of a command that Ctrl-C has ended: 128 and the number of SIGINT."""


@contextmanager
def stop_by_signal() -> Iterator[threading.Event]:
    """Give an event that the first Ctrl-C or SIGTERM sets; a second Ctrl-C ends the process at once.

    Where Ctrl-C came, the command ends with exit code 130 when the block is left; after SIGTERM with its own.
    """
    stop, came = threading.Event(), set[int]()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        came.add(number)
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    old = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
    if signal.SIGINT in came:
        raise typer.Exit(STOPPED_BY_CTRL_C)
