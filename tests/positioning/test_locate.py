"""Fixes: the likelihood against a plain oracle, order, company, and honest covariances."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import multivariate_normal

from positioning.grid import Floor, Grid
from positioning.likelihood import LikelihoodSettings, Readings
from positioning.locate import Locator, Prior
from positioning.radio import RadioModel

Floats = npt.NDArray[np.float64]

HALL = np.array([[0.0, 0], [40, 0], [40, 24], [0, 24]])
RECEIVERS = np.array([[x, y, 3.0] for x in (2.0, 20.0, 38.0) for y in (2.0, 22.0)])
RADIO = replace(
    RadioModel.prior(tuple("abcdef"), RECEIVERS, p0_dbm=-40.0, sigma_db=4.0, offset_sd_db=3.0),
    hear_max=0.9,
    moment_sd_db=0.0,
    map_doubt=0.0,
)
GRID = Grid.over([Floor([HALL])], cell_m=1.0)
PLAIN = LikelihoodSettings(temper=1.0, silence=1.0)


def crowd(count: int, seed: int = 0, *, sigma_db: float = 4.0) -> tuple[Readings, Floats]:
    """Return one tick of readings of ``count`` devices drawn from the model itself, and where they were."""
    rng = np.random.default_rng(seed)
    places = np.column_stack((rng.uniform((0, 0), (40, 24), (count, 2)), np.full(count, 1.2)))
    mean = RADIO.expected_dbm(places)
    heard = rng.random(mean.shape) < RADIO.hear_probability(mean)
    level = mean + rng.normal(0, 3.0, (count, 1)) + rng.normal(0, sigma_db, mean.shape)
    device, receiver = np.nonzero(heard)
    return Readings(device, receiver, level[heard]), places[:, :2]


def shuffled(readings: Readings, seed: int) -> Readings:
    """Return the same readings in another order."""
    order = np.random.default_rng(seed).permutation(len(readings))
    return Readings(readings.device[order], readings.receiver[order], readings.rssi_dbm[order])


def test_posterior_is_the_multivariate_normal_with_a_common_offset() -> None:
    """The products give what the dense covariance matrix (noise plus a common offset) gives cell by cell."""
    readings, _ = crowd(5)
    device, posterior = Locator(RADIO, GRID, PLAIN).posterior(readings)
    mean = RADIO.expected_dbm(GRID.xyz_m)
    chance = RADIO.hear_probability(mean)
    for row, slot in enumerate(device):
        own = readings.device == slot
        who, z = readings.receiver[own], readings.rssi_dbm[own]
        cov = np.diag(RADIO.sigma_db[who] ** 2) + RADIO.offset_sd_db**2
        log = np.array([multivariate_normal.logpdf(z, m, cov) for m in mean[:, who]])
        log += np.log(chance[:, who]).sum(axis=1)
        log += np.log1p(-np.delete(chance, who, axis=1)).sum(axis=1)
        expected = np.exp(log - log.max())
        np.testing.assert_allclose(posterior[row], expected / expected.sum(), rtol=2e-3, atol=1e-6)


def test_order_slots_and_company_change_nothing() -> None:
    """Bit for bit: readings in any order, devices in other slots, or alone, get the same fix."""
    readings, _ = crowd(150)
    locator = Locator(RADIO, GRID)
    fixes = locator.locate(readings)
    again = locator.locate(shuffled(readings, 1))
    np.testing.assert_array_equal(again.xy_m, fixes.xy_m)
    np.testing.assert_array_equal(again.cov_m2, fixes.cov_m2)
    slot = np.random.default_rng(2).permutation(1000)
    moved = locator.locate(replace(readings, device=slot[readings.device]))
    where = np.searchsorted(moved.device, slot[fixes.device])
    np.testing.assert_array_equal(moved.xy_m[where], fixes.xy_m)
    np.testing.assert_array_equal(moved.cov_m2[where], fixes.cov_m2)
    for device in (0, 31, 77):
        own = readings.device == device
        alone = locator.locate(Readings(readings.device[own], readings.receiver[own], readings.rssi_dbm[own]))
        np.testing.assert_array_equal(alone.xy_m[0], fixes.xy_m[fixes.device == device][0])


def test_fixes_are_right_and_their_covariance_is_honest() -> None:
    """On data from the model: errors are small, and 68 % and 95 % regions hold about so many truths."""
    readings, truth = crowd(3000)
    fixes = Locator(RADIO, GRID, PLAIN).locate(readings)
    error = fixes.xy_m - truth[fixes.device]
    distance = np.einsum("ni,nij,nj->n", error, np.linalg.inv(fixes.cov_m2), error)
    assert np.median(np.hypot(*error.T)) < 5.0
    assert 0.66 < np.mean(distance <= 2.279) < 0.76
    assert 0.92 < np.mean(distance <= 5.991) < 0.97


def test_a_prior_is_multiplied_in() -> None:
    """A sharp prior wins over vague readings; one that readings contradict gives way."""
    readings, _ = crowd(1)
    locator = Locator(RADIO, GRID)
    free = locator.locate(readings)
    near = Prior(np.ones((1, 1)), free.xy_m + 1.0, np.eye(2)[None] * 0.5, np.zeros(1), np.full(1, 3.0))
    assert np.abs(locator.locate(readings, prior=near).xy_m - near.xy_m).max() < 0.6
    corner = GRID.xyz_m[np.hypot(*(GRID.xyz_m[:, :2] - free.xy_m).T).argmax(), :2]
    wrong = Prior(np.ones((1, 1)), corner[None], np.eye(2)[None], np.zeros(1), np.full(1, 3.0), wander=0.01)
    far = np.hypot(*(corner - free.xy_m[0]))
    assert np.hypot(*(locator.locate(readings, prior=wrong).xy_m[0] - free.xy_m[0])) < 0.5 * far


def test_the_offset_of_a_device_is_found() -> None:
    """A phone that sends 6 dB weaker is told from one further away, and its offset comes out."""
    level = RADIO.expected_dbm(np.array([[20.0, 12, 1.2]]))[0] - 6.0
    fix = Locator(RADIO, GRID, PLAIN).locate(Readings(np.zeros(6, dtype=int), np.arange(6), level))
    assert fix.offset_db[0] == pytest.approx(-6.0, abs=3 * fix.offset_sd_db[0])
    assert fix.offset_db[0] < -3.0
    assert fix.offset_sd_db[0] < RADIO.offset_sd_db


def test_the_floor_follows_from_who_hears_best() -> None:
    """With receivers on two floors and a slab between, the floor is told with confidence."""
    radio = RadioModel.prior(
        tuple("abcdefgh"),
        np.array([[x, y, z] for z in (3.0, 8.0) for x in (5.0, 35.0) for y in (4.0, 20.0)]),
        slab_z_m=np.array([5.0]),
    )
    grid = Grid.over([Floor([HALL], 0.0), Floor([HALL], 5.0)], cell_m=2.0)
    for floor, z in enumerate((1.2, 6.2)):
        level = radio.expected_dbm(np.array([[12.0, 9.0, z]]))[0]
        fix = Locator(radio, grid).locate(Readings(np.zeros(8, dtype=int), np.arange(8), level))
        assert fix.floor.tolist() == [floor]
        assert fix.floor_probability[0, floor] > 0.9


def test_silence_counts_only_of_those_who_listen() -> None:
    """A receiver that hears nothing pushes the device away, unless it was asleep."""
    one = Readings(np.zeros(1, dtype=int), np.array([2]), np.array([-65.0]))
    locator = Locator(RADIO, GRID, PLAIN)
    listening = locator.locate(one)
    asleep = np.ones(6, dtype=bool)
    asleep[[4, 5]] = False
    assert locator.locate(one, awake=asleep).xy_m[0, 0] > listening.xy_m[0, 0] + 1.0


def test_several_readings_of_one_receiver_count_less_than_independent_ones() -> None:
    """Repeated readings narrow the fix, but less than as many receivers would."""
    who = np.arange(6)
    level = RADIO.expected_dbm(np.array([[20.0, 12, 1.2]]))[0]
    locator = Locator(RADIO, GRID)
    once = locator.locate(Readings(np.zeros(6, dtype=int), who, level))
    thrice = locator.locate(Readings(np.zeros(18, dtype=int), np.tile(who, 3), np.tile(level, 3)))
    ratio = np.linalg.det(thrice.cov_m2[0]) / np.linalg.det(once.cov_m2[0])
    assert 1 / 9 < ratio < 1


def test_nothing_heard_gives_no_fix() -> None:
    """An empty tick is fine."""
    none = np.zeros(0, dtype=int)
    assert len(Locator(RADIO, GRID).locate(Readings(none, none, np.zeros(0)))) == 0


@pytest.mark.parametrize(
    ("device", "receiver", "rssi", "message"),
    [
        (-1, 0, -60.0, "device -1"),
        (0, -2, -60.0, "receiver -2"),
        (0, 6, -60.0, "receiver 6"),
        (0, 0, float("nan"), "not finite"),
    ],
)
def test_impossible_readings_are_refused(device: int, receiver: int, rssi: float, message: str) -> None:
    """Readings out of range name what is wrong."""
    with pytest.raises(ValueError, match=message):
        Locator(RADIO, GRID).locate(Readings(np.array([device]), np.array([receiver]), np.array([rssi])))
