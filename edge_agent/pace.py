"""Event time at a chosen speed: what turns a recording into something that happens now."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from contracts.errors import ConfigurationError
from edge_agent.sources.protocol import Heard

SLICE_S = 0.1
"""Longest sleep in one piece: how long a stop may go unnoticed."""
LONGEST_PAUSE_MS = 60_000
"""A longer step of event time is a pause between two recordings, which nobody wants to sit through."""


def parse_speed(text: str) -> float | None:
    """Read a speed as people write it: `1`, `2.5`, `60x`; `max` (as fast as possible) gives None.

    Raises:
        ConfigurationError: it is neither a positive number nor `max`.

    """
    if text.strip().lower() == "max":
        return None
    try:
        speed = float(text.strip().lower().removesuffix("x"))
    except ValueError:
        speed = math.nan
    if not (0 < speed < math.inf):
        raise ConfigurationError(
            f"speed: expected a positive number or max, found {text!r}",
            "1 is as it happened, 60 plays an hour in a minute, max is as fast as the machine can.",
        )
    return speed


def paced(
    blocks: Iterable[Heard],
    speed: float | None,
    *,
    now_ms: int | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
    stop: threading.Event | None = None,
) -> Iterator[Heard]:
    """Give `blocks` so that event time runs at `speed` times real time; None does not wait at all.

    A block is given when its `complete_to_ms` is due, counted from the first block. A taker that is slow is
    followed by blocks without waiting until event time has caught up. With `now_ms`, that event time is due
    at once instead: what is older is overdue, so a past is caught up with. Ends early when `stop` is set.
    """
    start_s, start_ms = clock(), float(now_ms or 0)
    last_ms = now_ms
    for block in blocks:
        if stop is not None and stop.is_set():
            return
        if speed is not None:
            if last_ms is None or block.complete_to_ms - last_ms > LONGEST_PAUSE_MS:
                start_s, start_ms = clock(), block.complete_to_ms
            last_ms = max(block.complete_to_ms, last_ms or 0)
            due_s = start_s + (block.complete_to_ms - start_ms) / 1000 / speed
            while (wait_s := due_s - clock()) > 0:
                if stop is not None and stop.is_set():
                    return
                sleep(min(wait_s, SLICE_S))
        yield block
