"""People in the street: always so many, at some distance from the facade, and the shoppers do not notice."""

import numpy as np
import shapely

from simulators import mall
from simulators.arrivals import Profile
from simulators.passers_by import APART_M, FIRST_ID, PassersBy
from simulators.source import SimulatedSource
from simulators.truth import Truth
from simulators.world import World

START_MS = 1_773_460_800_000
"""2026-03-14 12:00 in Shanghai."""
Hearing = tuple[str, int, bytes, int]


def day(passers_by: int, truth: Truth) -> set[Hearing]:
    """Return what the nodes hear in half a minute: node, time, address and level."""
    source = SimulatedSource(
        shoppers=40,
        passers_by=passers_by,
        start_ms=START_MS,
        duration_s=30,
        profile=Profile.CONSTANT,
        truth=truth,
    )
    heard = set()
    for block in source.blocks():
        assert block.t_ms == sorted(block.t_ms)
        heard |= {(block.node, *row) for row in zip(block.t_ms, block.address, block.rssi_dbm, strict=True)}
    return heard


def test_they_walk_along_the_outside_at_walking_speed() -> None:
    """For ten minutes everybody is in the street, moves steadily, and is replaced when the walk is over."""
    building = World.of(mall.site()).building
    people = PassersBy(building, 30, start_s=0.0, seed=3)
    outline = building.storeys[people.floor].outline
    seen = set(people.id.tolist())
    for t in range(600):
        people.advance(float(t))
        assert len(people) == 30
        seen |= set(people.id.tolist())
        who = np.arange(30)
        here, there = (people.places(who, np.full(30, t + step)) for step in (0.0, 0.5))
        distance = shapely.distance(outline, shapely.points(here.x_m, here.y_m))
        assert (distance > APART_M[0] - 0.2).all()
        assert (distance < APART_M[1]).all()
        assert (np.hypot(there.x_m - here.x_m, there.y_m - here.y_m) < 1.2).all()
    assert len(seen) > 60
    assert min(seen) == FIRST_ID


def test_shoppers_do_the_same_with_passers_by_as_without() -> None:
    """What is heard of shoppers stays; passers-by are heard besides, weaker, and known by their number."""
    truth, crowded = Truth(mall.site()), Truth(mall.site())
    alone, together = day(0, truth), day(80, crowded)
    assert alone < together
    street = together - alone
    person = crowded.owners(lambda address: address.hex())
    assert all(person[address.hex()] >= FIRST_ID for _, _, address, _ in street)
    assert np.mean([row[3] for row in street]) < np.mean([row[3] for row in alone]) - 3
