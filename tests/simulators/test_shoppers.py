"""Shoppers: they come by the hour, stay as long as shops make one stay, and never walk through walls."""

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString

from simulators import mall
from simulators.arrivals import Profile
from simulators.building import OUTSIDE
from simulators.personas import PERSONAS, STAYS
from simulators.shoppers import Shoppers
from simulators.truth import Truth, VisitNotes
from simulators.world import World

MIDNIGHT_S = datetime(2026, 3, 13, 16, tzinfo=UTC).timestamp()
"""00:00 in Shanghai."""


def crowd(people: float, hour: float, seed: int = 1, profile: Profile = Profile.DAY) -> Shoppers:
    """Return a crowd in the simulated mall."""
    world = World.of(mall.site())
    start_s = MIDNIGHT_S + hour * 3600
    return Shoppers(
        world.building, world.walkways, people=people, start_s=start_s, seed=seed, profile=profile
    )


@settings(max_examples=8)
@given(seed=st.integers(0, 2**31), hour=st.floats(11, 21))
def test_nobody_walks_through_walls(seed: int, hour: float) -> None:
    """Every piece of every journey stays in the mall and crosses no wall."""
    shoppers = crowd(60, hour, seed)
    building, journeys = World.of(mall.site()).building, shoppers.journeys
    inside = building.zones_at(journeys.floor.astype(np.int64), journeys.x_m, journeys.y_m)
    assert (inside != OUTSIDE).all()
    same = np.ones(len(journeys.t_s), dtype=bool)
    same[journeys.first[1:] - 1] = False
    rows = np.flatnonzero(same)
    for number, storey in enumerate(building.storeys):
        walls = shapely.union_all([LineString(w.reshape(2, 2)) for w in storey.walls_m])
        shapely.prepare(walls)
        on = rows[(journeys.floor[rows] == number) & (journeys.floor[rows + 1] == number)]
        ends = np.column_stack(
            [journeys.x_m[on], journeys.y_m[on], journeys.x_m[on + 1], journeys.y_m[on + 1]]
        )
        moved = ends[(ends[:, :2] != ends[:, 2:]).any(axis=1)].reshape(-1, 2, 2)
        assert not np.asarray(shapely.intersects(walls, shapely.linestrings(moved))).any()


def test_the_same_seed_gives_the_same_people() -> None:
    """Two crowds of one seed are the same to the bit, also after an hour; those of another are not."""
    first, second, other = crowd(50, 12, 3), crowd(50, 12, 3), crowd(50, 12, 4)
    for shoppers in (first, second, other):
        for minute in range(60):
            shoppers.advance(MIDNIGHT_S + 12 * 3600 + minute * 60)
    assert np.array_equal(first.journeys.t_s, second.journeys.t_s)
    assert np.array_equal(first.journeys.x_m, second.journeys.x_m)
    assert np.array_equal(first.id, second.id)
    assert not np.array_equal(first.journeys.t_s, other.journeys.t_s)


def present(shoppers: Shoppers) -> int:
    """Return how many people are there now."""
    return int(shoppers.present(shoppers.now_s).sum())


def test_the_day_has_its_rushes() -> None:
    """Nobody at night, at lunch about the number asked for, fewer in the afternoon, more in the evening."""
    by_hour = {hour: present(crowd(400, hour)) for hour in (3, 10.5, 12.7, 14.5, 18.2, 21.5)}
    assert by_hour[3] == 0
    assert by_hour[12.7] == pytest.approx(400, rel=0.15)
    assert by_hour[10.5] < by_hour[14.5] < by_hour[18.2] < by_hour[12.7]
    assert by_hour[21.5] < by_hour[14.5]


def test_a_constant_crowd_stays_constant() -> None:
    """With the constant profile about as many people are there at night as at noon, and two hours later."""
    shoppers = crowd(400, 3, profile=Profile.CONSTANT)
    before = present(shoppers)
    for minute in range(120):
        shoppers.advance(MIDNIGHT_S + 3 * 3600 + minute * 60)
    assert before == pytest.approx(400, rel=0.2)
    assert present(shoppers) == pytest.approx(400, rel=0.2)


def test_both_floors_are_used() -> None:
    """In steady state people are on both floors."""
    shoppers = crowd(300, 15)
    who = np.flatnonzero(shoppers.present(shoppers.now_s))
    floor = shoppers.places(who, np.full(len(who), shoppers.now_s)).floor
    assert 0.2 < floor.mean() < 0.8


def test_people_walk_at_walking_speed() -> None:
    """Nobody is faster than 2.5 m/s on level ground."""
    journeys = crowd(200, 17).journeys
    metres = np.hypot(np.diff(journeys.x_m), np.diff(journeys.y_m))
    seconds = np.diff(journeys.t_s)
    same = np.ones(len(seconds), dtype=bool)
    same[journeys.first[1:-1] - 1] = False
    assert (seconds[same] >= 0).all()
    walks = same & (metres > 0)
    assert (metres[walks] / seconds[walks]).max() < 2.5


def test_dwell_follows_the_trade() -> None:
    """Median stays are near those of the trade: long in restaurants, short in food shops."""
    site = mall.site()
    truth, shoppers = Truth(site, positions_every_s=0), crowd(250, 11.5)
    start = int(shoppers.now_s)
    for second in range(start, start + 3 * 3600, 5):
        shoppers.advance(float(second))
        truth.people(World.of(site).building, shoppers, second)
    zones = [zone for _, zone in site.zones()]
    by_trade: dict[str, list[float]] = {}
    for visit in truth.visits:
        by_trade.setdefault(zones[visit.zone].category, []).append(visit.leave_s - visit.enter_s)
    for trade in ("restaurant", "food_court", "fashion"):
        assert np.median(by_trade[trade]) == pytest.approx(STAYS[trade].median_s, rel=0.5), trade
    assert np.median(by_trade["restaurant"]) > np.median(by_trade["fashion"])


def test_every_persona_comes_in_the_afternoon_or_before() -> None:
    """Over a day all kinds of visitors are seen."""
    seen = set(np.concatenate([crowd(300, hour).persona for hour in (12.5, 18)]).tolist())
    assert seen == set(range(len(PERSONAS)))


def test_visits_agree_with_positions() -> None:
    """A visit begins on entry, survives a short absence, ends on a long one, and is not made by passing."""
    notes = VisitNotes(np.array([True, True, False]), mall.site().visits)
    one = np.array([7])
    where = [0] * 60 + [2] * 60 + [0] * 30 + [2] * 200 + [1] * 30 + [2] * 10
    for second, zone in enumerate(where):
        notes.see(one, np.array([zone]), 1000 + second)
    notes.see(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 1000 + len(where))
    assert [(v.person, v.zone, v.enter_s, v.leave_s) for v in notes.visits()] == [(7, 0, 1000, 1149)]


def test_a_new_visit_ends_the_old_one() -> None:
    """Settling in another zone ends a visit at once, and both are told."""
    notes = VisitNotes(np.array([True, True]), mall.site().visits)
    for second in range(200):
        notes.see(np.array([1]), np.array([int(second >= 100)]), second)
    assert [(v.zone, v.enter_s, v.leave_s) for v in notes.visits()] == [(0, 0, 99), (1, 100, 199)]
