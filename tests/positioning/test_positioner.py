"""Trackers over time: accuracy on a walk, checkpoints, slots, floors and the clock."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from positioning.grid import Floor, Grid
from positioning.grid_filter import GridFilter
from positioning.likelihood import Readings
from positioning.positioner import Estimates, Positioner, Tracker
from positioning.radio import RadioModel

Floats = npt.NDArray[np.float64]

HALL = np.array([[0.0, 0], [60, 0], [60, 30], [0, 30]])
RECEIVERS = np.array([[x, y, 3.0] for x in (5.0, 30.0, 55.0) for y in (5.0, 25.0)])
RADIO = replace(
    RadioModel.prior(tuple("abcdef"), RECEIVERS, p0_dbm=-40.0, sigma_db=5.0, offset_sd_db=3.0),
    hear_max=0.9,
    map_doubt=0.0,
)
GRID = Grid.over([Floor([HALL])], cell_m=1.5)
NOBODY = Readings(np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0))


Kind = type[Positioner] | type[GridFilter]
BOTH = pytest.mark.parametrize("kind", [Positioner, GridFilter])


def place(t_s: float, device: int) -> tuple[float, float]:
    """Return where a device is: walking to and fro along the hall at 1 m/s."""
    along = (t_s + 17 * device) % 100
    return 5 + (along if along < 50 else 100 - along), 6.0 + 3 * (device % 7)


def tick(t_s: int, devices: range, *, lead_s: float = 0.0, noise_db: float = 5.0) -> Readings:
    """Return what is heard in the tick that ends at ``t_s``."""
    rng = np.random.default_rng(t_s)
    at = np.array([(*place(t_s - 0.5 + lead_s, d), 1.2) for d in devices])
    mean = RADIO.expected_dbm(at)
    heard = rng.random(mean.shape) < RADIO.hear_probability(mean)
    device, receiver = np.nonzero(heard)
    level = mean + rng.normal(0, noise_db, mean.shape)
    return Readings(np.asarray(devices)[device], receiver, level[heard])


def run(
    positioner: Positioner | GridFilter,
    ticks: range,
    devices: range,
    *,
    lead_s: float = 0.0,
    noise_db: float = 5.0,
) -> list[Estimates]:
    """Step through ticks of one second."""
    return [positioner.step(1000 * t, tick(t, devices, lead_s=lead_s, noise_db=noise_db)) for t in ticks]


def errors(estimates: list[Estimates]) -> tuple[Floats, Floats]:
    """Return errors (N, 2) and covariances (N, 2, 2)."""
    truth = [[place(e.t_ms / 1000, d) for d in e.slot] for e in estimates]
    error = np.concatenate([e.xy_m - np.array(t) for e, t in zip(estimates, truth, strict=True)])
    return error, np.concatenate([e.cov_m2 for e in estimates])


@pytest.mark.parametrize("tracker", ["density", "kalman"])
def test_walkers_are_followed_with_honest_errors(tracker: Tracker) -> None:
    """Forty walkers for a minute: metres of error, and regions that hold what they promise."""
    estimates = run(Positioner(RADIO, GRID, tracker=tracker), range(1, 60), range(40))[10:]
    error, cov = errors(estimates)
    distance = np.einsum("ni,nij,nj->n", error, np.linalg.inv(cov), error)
    assert np.median(np.hypot(*error.T)) < 3.5
    assert np.percentile(np.hypot(*error.T), 95) < 8.5
    assert 0.6 < np.mean(distance <= 2.279) < 0.85
    assert np.mean(distance <= 5.991) > 0.9


def test_a_clock_offset_is_taken_out() -> None:
    """Readings that run 2 s ahead of the clock put walkers ahead of themselves, until the model says so."""
    clear = replace(RADIO, sigma_db=np.ones(6), offset_sd_db=1.0)

    def ahead_m(positioner: Positioner) -> float:
        estimates = run(positioner, range(1, 60), range(20), lead_s=2.0, noise_db=1.0)[10:]
        error, _ = errors(estimates)
        speed = [
            place(e.t_ms / 1000 + 0.1, d)[0] - place(e.t_ms / 1000, d)[0] for e in estimates for d in e.slot
        ]
        return float(np.mean(error[:, 0] * np.sign(speed)))

    assert ahead_m(Positioner(clear, GRID)) > 1.0
    assert abs(ahead_m(Positioner(replace(clear, clock_offset_s=2.0), GRID))) < 0.3


@BOTH
def test_restored_positioner_continues_bit_for_bit(kind: Kind) -> None:
    """A checkpoint taken between ticks and restored elsewhere gives exactly the same numbers."""
    first = kind(RADIO, GRID)
    run(first, range(1, 15), range(30))
    first.forget(np.array([3, 4]))
    second = kind(RADIO, GRID)
    run(second, range(1, 4), range(50, 60))
    second.restore({name: array.copy() for name, array in first.state().items()})
    for one, other in zip(
        run(first, range(15, 25), range(35)), run(second, range(15, 25), range(35)), strict=True
    ):
        for name in ("slot", "heard_ms", "floor", "xy_m", "cov_m2", "velocity_m_s", "updated"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@BOTH
def test_slots_and_order_do_not_matter(kind: Kind) -> None:
    """The same devices in other slots, their readings shuffled, get the same positions to the last bit."""
    plain, other = kind(RADIO, GRID), kind(RADIO, GRID)
    slot = np.random.default_rng(1).permutation(300)[:40]
    for t in range(1, 12):
        readings = tick(t, range(40))
        order = np.random.default_rng(t).permutation(len(readings))
        a = plain.step(1000 * t, readings)
        b = other.step(
            1000 * t,
            Readings(slot[readings.device[order]], readings.receiver[order], readings.rssi_dbm[order]),
        )
        where = np.searchsorted(b.slot, slot[a.slot])
        np.testing.assert_array_equal(b.xy_m[where], a.xy_m)
        np.testing.assert_array_equal(b.cov_m2[where], a.cov_m2)


@BOTH
def test_unheard_devices_stay_and_grow_uncertain(kind: Kind) -> None:
    """In silence nothing is updated, and the covariance grows from tick to tick."""
    positioner = kind(RADIO, GRID)
    run(positioner, range(1, 10), range(3))
    silent = [positioner.step(1000 * t, NOBODY) for t in range(10, 40)]
    assert not any(e.updated.any() for e in silent)
    assert all((b.cov_m2[:, 0, 0] > a.cov_m2[:, 0, 0]).all() for a, b in pairwise(silent))
    assert silent[-1].heard_ms.tolist() == [9000] * 3


@BOTH
def test_predict_changes_nothing_and_knows_its_slots(kind: Kind) -> None:
    """Asking for a later instant leaves the beliefs as they were; an empty slot is an error."""
    positioner = kind(RADIO, GRID)
    run(positioner, range(1, 5), range(3))
    before = positioner.state()
    later = positioner.predict(np.array([2, 0]), 60_000)
    assert later.slot.tolist() == [0, 2]
    for name, array in positioner.state().items():
        np.testing.assert_array_equal(array, before[name])
    with pytest.raises(KeyError, match="7"):
        positioner.predict(np.array([0, 7]), 60_000)


@BOTH
def test_forgotten_slots_start_afresh(kind: Kind) -> None:
    """A reused slot carries nothing over from the device that had it before."""
    reused, fresh = kind(RADIO, GRID), kind(RADIO, GRID)
    run(reused, range(1, 20), range(2))
    reused.forget(np.array([0, 1, 999]))
    assert len(reused.step(20_000, NOBODY)) == 0
    a = reused.step(21_000, tick(21, range(1)))
    b = fresh.step(21_000, tick(21, range(1)))
    np.testing.assert_array_equal(a.xy_m, b.xy_m)


@BOTH
def test_floors_do_not_flap(kind: Kind) -> None:
    """On two floors a device stays on its floor through noisy ticks, and changes when the evidence does."""
    receivers = np.array([[x, y, z] for z in (3.0, 8.0) for x in (10.0, 50.0) for y in (5.0, 25.0)])
    radio = RadioModel.prior(tuple("abcdefgh"), receivers, slab_z_m=np.array([5.0]))
    positioner = kind(radio, Grid.over([Floor([HALL], 0.0), Floor([HALL], 5.0)], cell_m=2.0))
    rng, floors = np.random.default_rng(4), []
    for t in range(1, 61):
        at = np.array([[20.0, 12.0, 1.2 if t <= 30 else 6.2]])
        level = radio.expected_dbm(at)[0] + rng.normal(0, 6, 8)
        who = np.sort(rng.choice(8, 4, replace=False))
        floors.append(
            int(positioner.step(1000 * t, Readings(np.zeros(4, dtype=int), who, level[who])).floor[0])
        )
    assert floors[5:30] == [0] * 25
    assert floors[40:] == [1] * 20


@BOTH
def test_time_must_not_go_back_and_checkpoints_must_fit(kind: Kind) -> None:
    """An earlier tick for a device already heard later, or another building's checkpoint, is refused."""
    positioner = kind(RADIO, GRID)
    run(positioner, range(5, 7), range(2))
    with pytest.raises(ValueError, match="time went back"):
        positioner.step(1000, tick(1, range(2)))
    with pytest.raises(ValueError, match="negative"):
        positioner.step(9000, Readings(np.array([-1]), np.array([0]), np.array([-60.0])))
    state = positioner.state()
    state["floor"] = np.ones((2, 3))
    with pytest.raises(ValueError, match="floors"):
        positioner.restore(state)
