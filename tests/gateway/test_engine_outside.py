"""Devices outside the mall: followed, but counted nowhere."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.events import EventKind
from gateway.engine import Engine, Tick
from gateway.engine.setup import grid_of, radio_model, zone_map
from gateway.pipeline import snapshots
from positioning.estimates import Estimates
from positioning.grid import Bools
from positioning.grid_filter import GridFilter
from positioning.likelihood import Readings
from tests.gateway.small_mall import START_MS, batches, device, everybody, small_mall, standing

SITE = small_mall(tracking={"vanish_s": 60})
WEST, EAST = (6.0, 16.0), (34.0, 16.0)


class Told(GridFilter):
    """A tracker that is told who is outside: the first device heard, between two moments."""

    since_ms, until_ms = START_MS, START_MS

    def step(self, t_ms: int, readings: Readings, *, awake: Bools | None = None) -> Estimates:
        """Do as any tracker does, and then as told."""
        found = super().step(t_ms, readings, awake=awake)
        out = (found.slot == 0) & (self.since_ms <= t_ms < self.until_ms)
        return replace(found, outside_probability=np.where(out, 0.9, 0.1))


def day(from_s: int, to_s: int) -> list[Tick]:
    """Return the ticks of two devices in two shops, the first of them outside for a while."""
    tracker = Told(radio_model(SITE), grid_of(SITE))
    tracker.since_ms, tracker.until_ms = START_MS + 1000 * from_s, START_MS + 1000 * to_s
    engine = Engine(SITE, tracker, zone_map(SITE))
    engine.status(everybody())
    ticks = []
    heard = [*standing(1, WEST, np.arange(0.5, 300, 5)), *standing(2, EAST, np.arange(0.5, 300, 5))]
    for one in batches(heard, 420):
        engine.feed(one)
        ticks += list(engine.advance())
    return ticks


def kinds(ticks: list[Tick], number: int) -> set[EventKind]:
    """Return what is told of a device."""
    return {event.kind for tick in ticks for event in tick.events if event.data.device == device(number)}


def test_who_is_outside_all_day_is_counted_nowhere() -> None:
    """One person in the mall, in zones and on the heat map; no visit, no path, no position of the other."""
    ticks = day(0, 1000)
    middle = ticks[200]
    assert len(middle.tracks) == 2
    assert middle.tracks.outside.tolist() == [True, False]
    assert middle.present == pytest.approx(1.0)
    assert middle.occupancy.expected.sum() == pytest.approx(1.0, abs=0.05)
    assert middle.cells.weight.sum() == pytest.approx(1.0)
    assert middle.tracks.likely(0).tolist() == [1]
    assert {name for tick in ticks for snapshot in snapshots(SITE, tick) for name in snapshot.device} == {
        device(2)
    }
    assert kinds(ticks, 1) == set()
    assert EventKind.VISIT_ENDED in kinds(ticks, 2)


def test_who_comes_in_is_counted_from_then_on() -> None:
    """After a minute in the street: a visit, and a path at the end."""
    ticks = day(0, 60)
    assert ticks[40].present == pytest.approx(1.0)
    assert ticks[200].present == pytest.approx(2.0)
    assert {EventKind.VISIT_STARTED, EventKind.VISIT_ENDED, EventKind.PATH_ENDED} <= kinds(ticks, 1)


def test_who_goes_out_ends_a_visit() -> None:
    """The visit is over while the device is still heard outside."""
    ticks = day(100, 1000)
    ended = [tick for tick in ticks if kinds([tick], 1) >= {EventKind.VISIT_ENDED}]
    assert ended[0].t_ms < START_MS + 300_000
