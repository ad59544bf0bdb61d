"""Evaluating cell by cell only where a device can be: tiles, their blocks, and all cells as the oracle."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from positioning.grid import Floor, Grid
from positioning.likelihood import Readings
from positioning.locate import Fixes, Locator, Prior
from positioning.radio import Prediction, RadioModel
from positioning.tiles import Blocks, Tiles

Floats = npt.NDArray[np.float64]

HALL = np.array([[0.0, 0], [90, 0], [90, 50], [0, 50]])
VOID = np.array([[31.0, 17], [47, 17], [47, 33], [31, 33]])
SHOP = np.array([[50.0, 0], [90, 0], [90, 18], [50, 18]])
GRID = Grid.over(
    [Floor([HALL], 0.0, [VOID], [SHOP]), Floor([HALL + 3.0], 5.0, [], [SHOP])], cell_m=2.0, room_weight=0.4
)
RECEIVERS = np.array([[x, y, z] for z in (3.0, 8.0) for x in (8.0, 30, 60, 85) for y in (6.0, 44.0)])
COUNT = 300


class Varied(RadioModel):
    """Path loss whose spread differs from place to place, as a surveyed map's does."""

    def predict(self, xyz_m: Floats) -> Prediction:
        """Predict reception, less sure on one side of the floor."""
        plain = super().predict(xyz_m)
        return Prediction(plain.mean_dbm, plain.sd_db + 0.02 * xyz_m[:, :1], plain.hear_probability)


def radio(sigma_db: float, *, varied: bool = False) -> RadioModel:
    """Return the radio model of the hall's receivers."""
    kind = Varied if varied else RadioModel
    names = tuple(f"r{i}" for i in range(len(RECEIVERS)))
    model = kind.prior(names, RECEIVERS, sigma_db=sigma_db, slab_z_m=np.array([4.7]))
    return replace(model, hear_max=0.9)


def crowd(model: RadioModel, seed: int = 0) -> tuple[Readings, Prior]:
    """Return what is heard of devices all over the hall, and priors: narrow, wide, wrong, and none."""
    rng = np.random.default_rng(seed)
    place = GRID.xyz_m[rng.integers(0, len(GRID), COUNT)]
    mean = model.expected_dbm(place)
    heard = rng.random(mean.shape) < model.hear_probability(mean)
    level = mean + rng.normal(0, 4.0, (COUNT, 1)) + rng.normal(0, model.sigma_db, mean.shape)
    heard[np.arange(COUNT), level.argmax(axis=1)] = True
    device, receiver = np.nonzero(heard)
    sd = rng.choice([0.7, 3.0, 8.0, 400.0], COUNT)
    xy = place[:, :2] + sd[:, None] * rng.normal(0, 1, (COUNT, 2))
    wrong = rng.random(COUNT) < 0.1
    xy[wrong] = rng.uniform((0, 0), (90, 50), (int(wrong.sum()), 2))
    turn = rng.uniform(-0.7, 0.7, COUNT)
    shape = np.stack((np.stack((np.ones(COUNT), turn), 1), np.stack((turn, np.ones(COUNT)), 1)), 1)
    floor = rng.dirichlet((0.5, 0.5), COUNT)
    prior = Prior(
        floor, xy, sd[:, None, None] ** 2 * shape, rng.normal(0, 3, COUNT), rng.uniform(1, 5, COUNT)
    )
    return Readings(device, receiver, level[heard]), prior


def moments(cells: npt.NDArray[np.float32], floor: npt.NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Return floor probabilities, and mean and covariance on ``floor``, of probabilities of all cells."""
    cells = cells.astype(np.float64)
    share = np.stack([cells[:, GRID.floor == f].sum(axis=1) for f in range(GRID.floors)], axis=1)
    cells = np.where(GRID.floor == floor[:, None], cells, 0.0)
    cells /= cells.sum(axis=1, keepdims=True)
    xy = GRID.xyz_m[:, :2]
    mean = cells @ xy
    second = np.einsum("dc,ci,cj->dij", cells, xy, xy)
    return share, mean, second - mean[:, :, None] * mean[:, None] + np.eye(2) * GRID.cell_m**2 / 12.0


def sizes(cov: Floats) -> Floats:
    """Return the geometric mean of both standard deviations, in metres."""
    return np.asarray(np.linalg.det(cov) ** 0.25, dtype=np.float64)


@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize("sigma_db", [2.5, 4.0, 7.5])
@pytest.mark.parametrize("seed", [0, 1])
def test_tiles_left_coarse_do_not_show(sigma_db: float, seed: int, *, varied: bool) -> None:
    """Fixes are those of the posterior over all cells: to centimetres, and a per cent of a deviation."""
    model = radio(sigma_db, varied=varied)
    readings, prior = crowd(model, seed)
    locator = Locator(model, GRID)
    fixes = locator.locate(readings, prior=prior)
    share, mean, cov = moments(locator.posterior(readings, prior=prior)[1], fixes.floor)
    off_m = np.hypot(*(fixes.xy_m - mean).T)
    assert np.percentile(off_m, 99) < 0.03
    assert np.percentile(off_m / sizes(cov), 99) < 0.01
    assert (off_m / sizes(cov)).max() < 0.03
    assert np.percentile(np.abs(sizes(fixes.cov_m2) / sizes(cov) - 1), 99) < 0.01
    assert np.abs(fixes.floor_probability - share).max() < 0.01
    anywhere = replace(prior, wander=1.0)
    uniform = locator.posterior(readings, prior=anywhere)[1]
    likeliest = moments(uniform, fixes.floor)[0].argmax(axis=1)
    alone = sizes(moments(uniform, likeliest)[2])
    assert np.percentile(np.abs(sizes(fixes.alone_cov_m2) / alone - 1), 98) < 0.03


def test_a_first_sight_with_two_likely_places_keeps_both() -> None:
    """One receiver in the middle of the hall says a ring: the fix is its middle, and wide."""
    model = radio(3.0)
    ring = Readings(np.zeros(1, dtype=int), np.array([2]), np.array([-80.0]))
    locator = Locator(model, GRID)
    fix = locator.locate(ring)
    _, mean, cov = moments(locator.posterior(ring)[1], fix.floor)
    assert sizes(cov)[0] > 8.0
    np.testing.assert_allclose(fix.xy_m, mean, atol=0.1)
    np.testing.assert_allclose(sizes(fix.cov_m2), sizes(cov), rtol=0.01)


def test_company_changes_nothing_with_priors_either() -> None:
    """Bit for bit: a device alone, with its prior, gets the fix it gets among others."""
    model = radio(4.0, varied=True)
    readings, prior = crowd(model)
    locator = Locator(model, GRID)
    together = locator.locate(readings, prior=prior)
    for device in (0, 31, 32, 211, COUNT - 1):
        own = readings.device == device
        one = Readings(readings.device[own], readings.receiver[own], readings.rssi_dbm[own])
        awake = np.ones(len(RECEIVERS), dtype=bool)
        single = locator.locate(one, awake=awake, prior=prior.rows(slice(device, device + 1)))
        for name in Fixes.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(single, name)[0], getattr(together, name)[device])


def test_a_prior_without_doubt_and_impossible_floors_stay_finite() -> None:
    """No share left to wander, a prior of a decimetre far from all readings: numbers, not nan."""
    model = radio(2.5)
    readings, prior = crowd(model)
    certain = np.tile(np.eye(2) * 0.01, (COUNT, 1, 1))
    floor = np.tile([1.0, 0.0], (COUNT, 1))
    sharp = replace(prior, floor_probability=floor, cov_m2=certain, xy_m=prior.xy_m + 25.0, wander=0.0)
    for wander in (0.0, 1e-3):
        fixes = Locator(model, GRID).locate(readings, prior=replace(sharp, wander=wander))
        for name in Fixes.__dataclass_fields__:
            assert np.isfinite(getattr(fixes, name)).all(), name


@given(st.integers(1, 7), st.floats(0.5, 9.0), st.floats(-40.0, 40.0))
def test_every_cell_is_in_one_tile_at_its_place(edge: int, cell_m: float, shift_m: float) -> None:
    """Tiles hold all cells once, where middle and place within the tile say."""
    grid = Grid.over([Floor([HALL + shift_m], 0.0, [VOID]), Floor([VOID], 5.0)], cell_m=cell_m)
    tiles = Tiles.over(grid, edge)
    there = tiles.cell >= 0
    np.testing.assert_array_equal(np.sort(tiles.cell[there]), np.arange(len(grid)))
    assert there.any(axis=1).all()
    xy = (tiles.centre_m[:, None] + tiles.local_m)[there]
    np.testing.assert_allclose(xy, grid.xyz_m[tiles.cell[there], :2], atol=1e-6)
    np.testing.assert_array_equal(
        np.broadcast_to(tiles.floor[:, None], there.shape)[there], grid.floor[tiles.cell[there]]
    )
    assert tiles.weight.sum() == pytest.approx(grid.weight.sum())


@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_blocks_hold_every_pair_once(devices: int, tiles: int, rows: int, seed: int) -> None:
    """Each wanted pair has one place in a block of its tile; the rest is filled with no device."""
    wanted = np.random.default_rng(seed).random((devices, tiles)) < 0.3
    blocks = Blocks.of(wanted, rows)
    assert (wanted[blocks.pair_device, blocks.pair_tile]).all()
    assert len(set(blocks.place.tolist())) == len(blocks.place) == wanted.sum()
    np.testing.assert_array_equal(blocks.device.reshape(-1)[blocks.place], blocks.pair_device)
    np.testing.assert_array_equal(blocks.tile[blocks.place // rows], blocks.pair_tile)
    assert (blocks.device == devices).sum() == blocks.device.size - wanted.sum()
