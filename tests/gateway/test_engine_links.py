"""Phones that change their address, in the engine: visits and counts follow the phone."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.events import EventKind, VisitEvent
from contracts.messages import ObservationBatch
from gateway.engine import Engine, Tick, build_engine
from gateway.engine.identities import Whereabouts
from gateway.engine.slots import Slots
from gateway.pipeline import cell_grid
from gateway.recorder import Recorder
from gateway.store.records import WHOLE_MALL
from positioning.estimates import Estimates
from tests.gateway.small_mall import (
    NODE_XY,
    START_MS,
    Sighting,
    batch,
    device,
    everybody,
    small_mall,
    standing,
)

WEST, EAST = (6.0, 16.0), (34.0, 16.0)
MINUTES, STEP_S = 8, 10
FAMILY = "0a" * 4 + "0b" * 4


def heard(first: int, xy_m: tuple[float, float], number: int) -> dict[int, tuple[list[Sighting], int]]:
    """Return by second what nodes hear of a phone with a new address each minute, whose numbers run on."""
    said = {}
    for second in range(first, MINUTES * 60, STEP_S):
        address = number + 1 + second // 60
        said[second] = (standing(address, xy_m, [second + 0.5]), (number + second) % 4096)
    return said


def play(*phones: dict[int, tuple[list[Sighting], int]], linked: bool = True) -> list[Tick]:
    """Return the ticks of a mall with these phones."""
    engine: Engine = build_engine(small_mall(tracking={"link_addresses": linked, "vanish_s": 120}))
    engine.status(everybody())
    ticks = []
    for second in range(MINUTES * 60 + 1):
        for node in NODE_XY:
            engine.feed(_batch(node, second, [phone[second] for phone in phones if second in phone]))
        ticks += list(engine.advance())
    return ticks + list(engine.flush())


def _batch(node: str, second: int, said: list[tuple[list[Sighting], int]]) -> ObservationBatch:
    rows = [(one, number) for sightings, number in said for one in sightings if one.node == node]
    made = batch(node, START_MS + (second + 1) * 1000, [one for one, _ in rows], seq=second)
    made.sequence[:] = [number for _, number in rows]
    made.elements[:] = [FAMILY for _ in rows]
    return made


def ended(ticks: list[Tick]) -> list[VisitEvent]:
    """Return the visits that ended."""
    events = [event for tick in ticks for event in tick.events if isinstance(event, VisitEvent)]
    return [event for event in events if event.kind is EventKind.VISIT_ENDED]


def test_a_visit_goes_on_when_the_address_changes() -> None:
    """Eight addresses of one phone are one device and one visit of eight minutes."""
    ticks = play(heard(0, WEST, 1_000))
    assert {name for tick in ticks for name in tick.tracks.device} == {device(1_001)}
    (visit,) = ended(ticks)
    assert visit.data.zone == "west"
    assert visit.data.dwell_s > 400
    changes = [tick.decided for tick in ticks if tick.decided.address]
    assert [one.device for one in changes] == [[device(1_001)]] * MINUTES
    assert all(one.confidence[0] >= 0.8 for one in changes[2:])


def test_without_linking_each_address_counts() -> None:
    """A mall may forbid it: then every address is a device, and visits end with it."""
    ticks = play(heard(0, WEST, 1_000), linked=False)
    assert len({name for tick in ticks for name in tick.tracks.device}) == MINUTES
    assert len(ended(ticks)) > 2
    assert not any(tick.decided.address for tick in ticks)


def test_twins_in_two_shops_stay_two() -> None:
    """Two phones of one model, whose numbers are far apart, each have their own visit."""
    ticks = play(heard(0, WEST, 1_000), heard(5, EAST, 3_000))
    last = [tick for tick in ticks if len(tick.tracks)][-1]
    assert {device(1_001), device(3_001)} <= set(last.tracks.device) | {
        event.data.device for event in ended(ticks)
    }
    assert {event.data.zone for event in ended(ticks)} == {"west", "east"}
    longest = sorted(event.data.dwell_s for event in ended(ticks))[-2:]
    assert min(longest) > 300


def whereabouts(floor: tuple[int, ...], x_m: tuple[float, ...]) -> Whereabouts:
    """Return devices 0, 1, ... at places on a line, each known to 3 m."""
    count = len(floor)
    slots = Slots(10)
    slot = slots.assign(np.arange(1, count + 1, dtype=np.uint64))
    estimates = Estimates(
        slot, 0, np.zeros(count, dtype=np.int64), np.array(floor), np.full(count, 0.9),
        np.stack((np.array(x_m), np.zeros(count)), axis=1), np.tile(9.0 * np.eye(2), (count, 1, 1)),
        np.zeros((count, 2)), np.ones(count, dtype=bool), np.zeros(count),
    )  # fmt: skip
    return Whereabouts(estimates, slots, 2, 2_000.0)


def test_devices_are_so_far_apart_in_units_of_both_covariances() -> None:
    """At one place nothing is between them; on another floor the chance to be there is small."""
    near = whereabouts((0, 0, 0, 1), (0.0, 0.0, 50.0, 0.0))
    apart = near.apart(np.uint64(1), np.array([2, 3, 4, 9], dtype=np.uint64))
    density = 2_000.0 / (2.0 * np.pi * 18.0)
    assert apart.mahalanobis2[:3] == pytest.approx([0.0, 50.0**2 / 18.0, 0.0])
    assert apart.density[:3] == pytest.approx(density * np.array([0.82, 0.82, 0.18]))
    assert np.isnan(apart.mahalanobis2[3])


def test_what_is_kept_apart_is_no_arrival() -> None:
    """A burst of somebody who was there before is a device, but nobody has come."""
    site = small_mall()
    ticks = play(heard(0, WEST, 1_000))
    recorder = Recorder(site, cell_grid(build_engine(site)))
    first = next(tick for tick in ticks if tick.decided.address)
    apart = replace(first, decided=replace(first.decided, apart=np.array([True])))
    minutes = []
    for tick in (apart, *(one for one in ticks if one.t_ms > apart.t_ms)):
        recorder.add(tick)
        minutes += [row for row in recorder.outputs.zone_minutes if row.zone == WHOLE_MALL]
    assert minutes
    assert sum(row.started for row in {row.minute_ms: row for row in minutes}.values()) == 0
