"""An afternoon in the small mall, ticks made by hand: crowds, a few people, nobody, and visits that last."""

from collections.abc import Callable, Iterator

import numpy as np

from contracts.events import EventKind, VisitEvent
from contracts.site import Site
from gateway.engine import Tick
from gateway.figures.period import HOUR_MS
from gateway.recorder import Recorder
from gateway.store.records import Checkpoint, Outputs
from tests.gateway.crowd import START_MS, small_site
from tests.gateway.ticks import GRID, tick, visit_event

K = 5
TICK_S = 20
HOURS = 3
END_MS = START_MS + HOURS * HOUR_MS + 4 * 60_000
LATE = 990
"""A device whose visit of the first hour ends in the third."""


def site() -> Site:
    """The small mall, where groups of fewer than five are hidden and some rooms have a capacity."""
    plain = small_site(k=K)
    tracking = plain.tracking.model_copy(update={"tick_s": float(TICK_S), "vanish_s": 1200.0})
    return plain.model_copy(update={"tracking": tracking})


def ticks(mall: Site) -> Iterator[Tick]:
    """Every tick, with the visits that begin and end in it."""
    rng = np.random.default_rng(7)
    zones = [zone.id for _, zone in mall.zones()]
    open_visits: dict[int, tuple[str, int]] = {}
    for t_ms in range(START_MS + 1000 * TICK_S, END_MS + 1, 1000 * TICK_S):
        into = (t_ms - START_MS) / HOUR_MS
        here, upstairs = ((12, 0), (9, 3), (14, 8), (7, 12), (2, 0), (3, 1), (0, 0))[int(2 * into)]
        numbers = [*range(here), *range(100, 100 + upstairs)]
        people = [(n, int(n >= 100), *_place(rng, n)) for n in numbers]
        events = list(_visits(rng, zones, open_visits, numbers, t_ms))
        counts = {zone: float(rng.uniform(0, 12)) * (into % 1 < 0.7) for zone in zones[::2]}
        yield tick(mall, t_ms, people, events=events, zone_people=counts)


def _place(rng: np.random.Generator, number: int) -> tuple[float, float]:
    """Near one of six places."""
    x_m, y_m = 5.0 + 10.0 * (number % 6), 8.0 + 5.0 * (number % 5)
    return x_m + float(rng.normal(0, 2.0)), y_m + float(rng.normal(0, 2.0))


def _visits(
    rng: np.random.Generator,
    zones: list[str],
    open_visits: dict[int, tuple[str, int]],
    numbers: list[int],
    t_ms: int,
) -> Iterator[VisitEvent]:
    if t_ms == START_MS + 1000 * TICK_S:
        open_visits[LATE] = ("S10", t_ms)
        yield visit_event(EventKind.VISIT_STARTED, LATE, "S10", t_ms, t_ms)
    if t_ms == START_MS + int(2.5 * HOUR_MS):
        yield visit_event(EventKind.VISIT_ENDED, LATE, *open_visits.pop(LATE), t_ms)
    for number in [n for n in open_visits if n != LATE and rng.random() < 0.15]:
        zone, started_ms = open_visits.pop(number)
        yield visit_event(EventKind.VISIT_ENDED, number, zone, started_ms, t_ms)
    for number in numbers:
        if number not in open_visits and rng.random() < 0.06:
            zone = zones[int(rng.beta(0.5, 3.0) * len(zones))]
            open_visits[number] = (zone, t_ms)
            yield visit_event(EventKind.VISIT_STARTED, number, zone, t_ms, t_ms)


def record(
    mall: Site, commit: Callable[[Outputs, Checkpoint], None], *, until_ms: int = END_MS, from_ms: int = 0
) -> None:
    """Commit what the ticks give, every few minutes, as a gateway does; those up to `from_ms` were before."""
    recorder = Recorder(mall, GRID)
    for number, each in enumerate(ticks(mall)):
        if each.t_ms > until_ms:
            break
        recorder.add(each)
        if number % 17 == 16 or each.t_ms + 1000 * TICK_S > until_ms:
            checkpoint = Checkpoint(0, each.t_ms, recorder.next_cursor, "", b"", recorder.state())
            if each.t_ms > from_ms:
                commit(recorder.outputs, checkpoint)
            recorder.outputs = Outputs()
