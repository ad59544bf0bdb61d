"""The Bayes filter over cells: beliefs of several places, who stands and who walks, bounded memory."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from positioning.beliefs import KEPT_TILES, Beliefs
from positioning.grid import Floor, Grid
from positioning.grid_filter import GridFilter
from positioning.lattice import Lattice
from positioning.likelihood import Readings
from positioning.locate import Locator
from positioning.radio import RadioModel
from positioning.tiles import Tiles

Floats = npt.NDArray[np.float64]

HALL = np.array([[0.0, 0], [60, 0], [60, 30], [0, 30]])
SHOPS = np.array([[0.0, 20], [60, 20], [60, 30], [0, 30]])


def radio_of(places: Floats) -> RadioModel:
    """Return path loss of receivers at places (R, 2)."""
    xyz = np.column_stack((places, np.full(len(places), 3.0)))
    names = tuple(f"N{i}" for i in range(len(places)))
    return replace(RadioModel.prior(names, xyz, sigma_db=5.0, offset_sd_db=2.0), hear_max=0.9)


CORNERS = np.array([[x, y] for x in (5.0, 30.0, 55.0) for y in (5.0, 25.0)])


def heard(radio: RadioModel, xy_m: Floats, rng: np.random.Generator, noise_db: float = 4.0) -> Readings:
    """Return what all receivers hear of devices at places (N, 2)."""
    mean = radio.expected_dbm(np.column_stack((xy_m, np.full(len(xy_m), 1.2))))
    level = mean + rng.normal(0, noise_db, mean.shape)
    device, receiver = (index.ravel() for index in np.indices(mean.shape))
    return Readings(device, receiver, level.ravel())


def test_walkers_and_standers_are_found_with_honest_errors() -> None:
    """Sixty people, half of them walking: metres of error, and regions that hold what they promise."""
    rng, radio = np.random.default_rng(2), radio_of(CORNERS)
    tracker = GridFilter(radio, Grid.over([Floor([HALL])], cell_m=1.5))
    start, speed = rng.uniform((5, 5), (15, 25), (60, 2)), np.where(np.arange(60) % 2, 1.0, 0.0)
    errors, nees = [], []
    for t in range(1, 31):
        at = start + np.column_stack((speed * t, np.zeros(60)))
        found = tracker.step(1000 * t, heard(radio, at, rng, 5.0))
        if t > 5:
            off = found.xy_m - at
            errors.append(np.hypot(*off.T))
            nees.append(np.einsum("ni,nij,nj->n", off, np.linalg.inv(found.cov_m2), off))
    assert np.median(errors) < 2.5
    assert np.mean(np.concatenate(nees) <= 2.279) > 0.68
    assert np.mean(np.concatenate(nees) <= 5.991) > 0.95


def test_a_belief_of_two_places_keeps_both_until_one_is_refuted() -> None:
    """Receivers on one line cannot tell left from right of it; one more reading can, at once."""
    line = np.array([[30.0, y] for y in (3.0, 11.0, 19.0, 27.0)])
    radio = radio_of(np.concatenate((line, [[58.0, 15.0]])))
    tracker = GridFilter(radio, Grid.over([Floor([HALL])], cell_m=1.5))
    there, rng = np.array([[15.0, 14.0]]), np.random.default_rng(0)
    deaf = np.array([True] * 4 + [False])
    nobody = tracker.step(0, Readings(np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0)))
    unsure = sure = nobody
    for t in range(1, 9):
        readings = heard(radio, there, rng, 1.0)
        some = readings.receiver < 4
        one_sided = Readings(readings.device[some], readings.receiver[some], readings.rssi_dbm[some])
        unsure = tracker.step(1000 * t, one_sided, awake=deaf)
    assert unsure.cov_m2[0, 0, 0] > 100  # about 15 m to either side
    for t in range(9, 12):
        sure = tracker.step(1000 * t, heard(radio, there, rng, 1.0))
    assert np.hypot(*(sure.xy_m - there)[0]) < 4
    assert sure.cov_m2[0, 0, 0] < 40


def test_people_leave_no_building_and_seldom_the_corridor() -> None:
    """Diffusion keeps the weights of cells as they are, and everybody inside."""
    grid = Grid.over([Floor([HALL], rooms=[SHOPS])], cell_m=2.0, room_weight=0.1)
    tiles = Tiles.over(grid, 4)
    lattice = Lattice(grid, tiles)
    moved = lattice.spread(lattice.uniform[None, 0], np.array([0]), 4.0)[0]
    assert moved.sum() == pytest.approx(1.0, abs=1e-5)
    assert (moved[lattice.weight[0] == 0] == 0).all()
    ratio = (
        moved[lattice.weight[0] == 1].mean() / moved[(lattice.weight[0] > 0) & (lattice.weight[0] < 1)].mean()
    )
    assert 4 < ratio < 20
    assert lattice.by_tile(moved.reshape(1, -1))[0].sum() == pytest.approx(1.0, abs=1e-5)


def test_tiles_and_lattice_speak_of_the_same_cells() -> None:
    """A place of a tile has the weight that the tile says; sums over tiles are sums over their places."""
    outline = np.array([[3.0, 1], [47, 1], [47, 19], [20, 33], [3, 19]])
    grid = Grid.over([Floor([outline]), Floor([HALL], 5.0)], cell_m=1.5)
    tiles = Locator(radio_of(CORNERS), grid).tiles
    lattice = Lattice(grid, tiles)
    flat = lattice.weight.reshape(1, -1)
    np.testing.assert_array_equal(flat[0, lattice.place], tiles.weight.astype(np.float32))
    np.testing.assert_allclose(lattice.by_tile(flat)[0], tiles.weight.sum(axis=1))


def test_a_lost_track_is_found_again() -> None:
    """People who turn up at the other end of the hall are believed within some seconds."""
    radio, rng = radio_of(CORNERS), np.random.default_rng(3)
    tracker = GridFilter(radio, Grid.over([Floor([HALL])], cell_m=1.5))
    before, after = np.full((20, 2), (5.0, 15.0)), np.full((20, 2), (50.0, 15.0))
    for t in range(1, 10):
        tracker.step(1000 * t, heard(radio, before, rng))
    for t in range(10, 19):
        tracker.step(1000 * t, heard(radio, after, rng))
    found = tracker.step(19_000, heard(radio, after, rng))
    assert np.median(np.hypot(*(found.xy_m - after).T)) < 5


def test_memory_per_device_is_bounded_and_only_the_likeliest_tiles_are_kept() -> None:
    """However many tiles a belief covers, as many as there is room for are kept, the likeliest first."""
    beliefs = Beliefs(floors=1, places=16, ring=8)
    beliefs.grow(1)
    share = np.random.default_rng(0).random((100, 16)).astype(np.float32)
    share *= np.linspace(1.0, 0.01, 100, dtype=np.float32)[:, None]
    share /= share.sum()
    beliefs.keep(np.array([0]), np.zeros(100, dtype=int), np.arange(100), share)
    tile, kept = beliefs.kept(np.array([0]))
    likeliest = np.argsort(-share.sum(axis=1))[:KEPT_TILES]
    np.testing.assert_array_equal(tile[0], likeliest)
    np.testing.assert_allclose(kept[0] / kept[0].sum(), share[likeliest] / share[likeliest].sum(), rtol=2e-3)
    beliefs.forget(np.array([0]))
    assert not any(getattr(beliefs, name)[0].any() for name in ("tile", "share", "cov_m2", "floor"))


def test_another_trackers_checkpoint_is_refused() -> None:
    """A checkpoint that lacks the beliefs is refused with what it lacks."""
    tracker = GridFilter(radio_of(CORNERS), Grid.over([Floor([HALL])], cell_m=2.0))
    with pytest.raises(ValueError, match="another tracker"):
        tracker.restore({"slot": np.zeros(0, dtype=np.int64)})
