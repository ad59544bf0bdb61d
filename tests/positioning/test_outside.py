"""Whether a device is outside: places in the street, the facade, and who walks in."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from positioning.estimates import Estimates
from positioning.grid import Bools, Floats, Floor, Grid, inside
from positioning.grid_filter import GridFilter
from positioning.likelihood import Readings
from positioning.outside import FARTHEST_M, NEAREST_M, PLACES, ring
from positioning.radio import RadioModel

HALL = np.array([[0.0, 0], [80, 0], [80, 50], [0, 50]])
LEVEL_DB = 4.0


def radio() -> RadioModel:
    """Return path loss of fifteen receivers in the hall."""
    xyz = np.array([(x, y, 3.0) for x in (8.0, 24.0, 40.0, 56.0, 72.0) for y in (8.0, 25.0, 42.0)])
    names = tuple(f"N{i}" for i in range(len(xyz)))
    prior = RadioModel.prior(names, xyz, sigma_db=5.0, offset_sd_db=3.0)
    return replace(prior, hear_width_db=2.0, hear_max=0.9)


RADIO = radio()
GRID = Grid.over([Floor([HALL])])


def heard(xy_m: Floats, loss_db: Floats, rng: np.random.Generator) -> Readings:
    """Return what is heard of devices at places (N, 2) through a facade of some loss (N,)."""
    mean = RADIO.expected_dbm(np.column_stack((xy_m, np.full(len(xy_m), 1.2)))) - loss_db[:, None]
    device, receiver = np.nonzero(rng.random(mean.shape) < RADIO.hear_probability(mean))
    level = mean[device, receiver] + rng.normal(0, LEVEL_DB, len(device))
    return Readings(device, receiver, level)


def follow(xy_m: Floats, loss_db: Floats, seconds: int, seed: int = 0) -> Floats:
    """Return the probabilities of being outside of devices (N,) that stay where they are."""
    tracker, rng = GridFilter(RADIO, GRID), np.random.default_rng(seed)
    found = tracker.step(0, heard(xy_m, loss_db, rng))
    for t in range(1, seconds):
        found = tracker.step(4000 * t, heard(xy_m, loss_db, rng))
    np.testing.assert_array_equal(found.slot, np.arange(len(xy_m)))
    return found.outside_probability


corners = st.integers(-400, 400).map(lambda decimetres: decimetres / 10)
extents = st.integers(60, 600).map(lambda decimetres: decimetres / 10)
wings = st.tuples(corners, corners, extents, extents)


@settings(max_examples=40, deadline=None)
@given(boxes=st.lists(wings, min_size=1, max_size=4), cell_m=st.sampled_from([1.0, 2.0]))
def test_no_place_of_the_ring_is_inside_and_none_is_far(
    boxes: list[tuple[float, float, float, float]], cell_m: float
) -> None:
    """Whatever wings a mall has: places lie in the street, between the nearest and the farthest distance."""
    mall = shapely.union_all([shapely.box(x, y, x + width, y + depth) for x, y, width, depth in boxes])
    rings = [np.array(r.coords) for part in shapely.get_parts(mall) for r in (part.exterior, *part.interiors)]
    places = ring(Grid.over([Floor(rings)], cell_m=cell_m))
    assert 0 < len(places) <= PLACES
    distance = shapely.distance(mall, shapely.points(places[:, :2]))
    assert (distance >= NEAREST_M - cell_m).all()
    assert (distance <= FARTHEST_M + cell_m).all()


def test_an_enclosed_courtyard_is_not_the_street() -> None:
    """A void that the floor encloses holds no place, however wide it is."""
    court = np.array([[25.0, 15], [55, 15], [55, 35], [25, 35]])
    places = ring(Grid.over([Floor([HALL, court])]))
    assert not inside([HALL], places[:, :2]).any()


def test_the_street_is_at_the_ground_floor() -> None:
    """Of a basement, a ground floor and an upper floor the one at elevation 0 counts."""
    wide = HALL * 2.0
    places = ring(Grid.over([Floor([wide], -6.0), Floor([HALL], 0.0), Floor([wide], 6.0)]))
    np.testing.assert_allclose(places[:, 2], 1.2)
    assert places[:, 0].max() < 80 + FARTHEST_M + 1


def test_phones_in_the_street_are_outside_and_those_in_the_mall_are_not() -> None:
    """Facades of 10 to 16 dB on one side; middle, corner and shop window on the other."""
    street = np.array([[40.0, -8], [20, 58], [88, 25], [-8, 10], [60, -9], [70, 56]])
    hall = np.array([[40.0, 25], [4, 4], [40, 2], [77, 46], [20, 40], [60, 12]])
    found = follow(np.concatenate((street, hall)), np.repeat([13.0, 0.0], 6), 15)
    assert (found[:6] > 0.5).sum() >= 5
    assert (found[6:] < 0.1).all()


def test_who_walks_in_is_inside_soon() -> None:
    """From the street through the door to the middle of the hall: outside first, inside at the end."""
    tracker, rng = GridFilter(RADIO, GRID), np.random.default_rng(1)
    told = []
    for t in range(0, 80, 2):
        at = np.array([[40.0, min(-8.0 + max(t - 30, 0) * 1.3, 25.0)]])
        found = tracker.step(1000 * t, heard(at, np.where(at[:, 1] < 0, 14.0, 0.0), rng))
        told.append(found.outside_probability[0] if len(found) else np.nan)
    assert np.nanmax(told[:15]) > 0.9
    assert max(told[-5:]) < 0.1


def test_company_and_order_of_readings_do_not_matter() -> None:
    """Alone, in a crowd, or with its readings shuffled: the probability is the same to the last bit."""
    rng = np.random.default_rng(2)
    xy, loss = rng.uniform((-15, -15), (95, 65), (70, 2)), rng.uniform(0, 15, 70)
    crowd, alone, shuffled = (GridFilter(RADIO, GRID) for _ in range(3))
    some = np.array([3, 41, 66])
    for t in range(0, 24, 3):
        all_of_them = heard(xy, loss, rng)
        crowd.step(1000 * t, all_of_them)
        alone.step(1000 * t, take(all_of_them, np.isin(all_of_them.device, some)))
        shuffled.step(1000 * t, take(all_of_them, rng.permutation(len(all_of_them))))
    in_crowd, as_shuffled = (tracker.predict(some, 24_000) for tracker in (crowd, shuffled))
    assert same(alone.predict(some, 24_000), in_crowd)
    assert same(in_crowd, as_shuffled)


def test_a_restored_filter_goes_on_bit_for_bit() -> None:
    """A checkpoint holds what is known of those outside."""
    rng = np.random.default_rng(3)
    xy, loss = np.array([[40.0, -8], [40, 25]]), np.array([13.0, 0.0])
    first, second = GridFilter(RADIO, GRID), GridFilter(RADIO, GRID)
    for t in range(5):
        first.step(3000 * t, heard(xy, loss, rng))
    second.restore(first.state())
    after = heard(xy, loss, rng)
    assert same(first.step(15_000, after), second.step(15_000, after))


def test_a_checkpoint_of_another_street_is_refused() -> None:
    """The number of places must be that of the grid."""
    other = GridFilter(RADIO, Grid.over([Floor([HALL * 0.5])]))
    assert len(ring(other.grid)) != len(ring(GRID))
    with pytest.raises(ValueError, match="places outside"):
        GridFilter(RADIO, GRID).restore(other.state())


def take(readings: Readings, rows: Bools | npt.NDArray[np.int64]) -> Readings:
    """Return some readings."""
    return Readings(readings.device[rows], readings.receiver[rows], readings.rssi_dbm[rows])


def same(one: Estimates, other: Estimates) -> bool:
    """Tell whether places and probabilities are the same to the last bit."""
    return np.array_equal(one.outside_probability, other.outside_probability) and np.array_equal(
        one.xy_m, other.xy_m
    )
