"""Self-calibration on synthetic traffic whose truth is known."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit

from positioning.crowd import Crowd, NodeLinks, crowd_room_weight, self_calibrate
from positioning.crowd_moments import Moments
from positioning.crowd_paths import Cells
from positioning.grid import Floor, Grid, inside_any
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap, radio_from_dict
from positioning.shaded import Rooms, ShadedModel

Floats = npt.NDArray[np.float64]

WIDTH_M, HEIGHT_M = 60.0, 40.0
RECEIVERS = np.array([[x, y, 3.0] for x in (8.0, 30.0, 52.0) for y in (6.0, 20.0, 34.0)])
NAMES = tuple("abcdefghi")
PRIOR = RadioModel.prior(NAMES, RECEIVERS)
TRUE = replace(PRIOR, p0_dbm=np.full(9, -30.0), exponent=np.full(9, 3.3), hear_dbm=-76.0, hear_max=0.9)
OUTLINE = np.array([[0.0, 0], [WIDTH_M, 0], [WIDTH_M, HEIGHT_M], [0, HEIGHT_M]])
ROOMS = [
    np.array([[x, y], [x + 12.0, y], [x + 12.0, y + 12], [x, y + 12]]) for x in (2.0, 46) for y in (4.0, 24)
]
FLOOR = Floor([OUTLINE], rooms=ROOMS)
GRID = Grid.over([FLOOR])
SHADY = Grid.over([FLOOR], room_weight=0.9)


@dataclass(frozen=True)
class Walked:
    """Traffic, and where it was sent."""

    crowd: Crowd
    xyz_m: Floats


def walked(
    seed: int = 0, *, devices: int = 18, corridors: bool = False, shade: RadioModel | None = None
) -> Walked:
    """Return phones that walk straight from one random place to the next and send every other second."""
    rng = np.random.default_rng(seed)
    parts, places = [], []
    for device in range(devices):
        corners = rng.uniform((1, 1), (WIDTH_M - 1, HEIGHT_M - 1), (200, 2))
        if corridors:
            corners = corners[np.abs(corners[:, 0] - WIDTH_M / 2) < 13]
        corners = corners[:4]
        reach = np.append(0.0, np.cumsum(np.hypot(*np.diff(corners, axis=0).T)))
        t = np.arange(1.0, min(reach[-1], 80.0), 2.0)
        xyz = np.column_stack([np.interp(t, reach, axis) for axis in corners.T] + [np.full(len(t), 1.2)])
        level = (shade or TRUE).expected_dbm(xyz)
        heard = rng.random(level.shape) < TRUE.hear_max * expit((level - TRUE.hear_dbm) / 3.0)
        level += rng.normal(0, 2) + rng.normal(0, 4, level.shape)
        row, receiver = np.nonzero(heard)
        parts.append(np.column_stack((np.full(len(row), device), t[row], receiver, level[row, receiver])))
        places.append(xyz[row])
    device_, t_s, receiver_, rssi = np.concatenate(parts).T
    crowd = Crowd(device_.astype(np.int64), t_s, receiver_.astype(np.int64), rssi)
    return Walked(crowd, np.concatenate(places))


def calibrated(crowd: Crowd, prior: RadioModel = PRIOR, links: NodeLinks | None = None) -> RadioModel:
    """Return what a crowd teaches, which is path loss."""
    radio = self_calibrate(crowd, prior, GRID, links=links)
    assert not isinstance(radio, SurveyedMap)
    return radio


def _first(crowd: Crowd, count: int) -> Crowd:
    """Return the first readings."""
    return Crowd(crowd.device[:count], crowd.t_s[:count], crowd.receiver[:count], crowd.rssi_dbm[:count])


def misfit_db(model: RadioModel) -> float:
    """Return the root mean square error of the expected level over the hall."""
    return float(np.sqrt(np.mean((model.expected_dbm(GRID.xyz_m) - TRUE.expected_dbm(GRID.xyz_m)) ** 2)))


@pytest.mark.parametrize(("level_db", "exponent"), [(0.0, 0.0), (12.0, 0.6), (-12.0, -0.6)])
def test_path_loss_is_recovered_from_unlabelled_traffic(level_db: float, exponent: float) -> None:
    """From the textbook's start and from bad ones, exponent and levels over the hall come out right."""
    prior = replace(PRIOR, p0_dbm=PRIOR.p0_dbm + level_db, exponent=PRIOR.exponent + exponent)
    found = calibrated(walked().crowd, prior)
    assert found.exponent.mean() == pytest.approx(TRUE.exponent.mean(), abs=0.4)
    assert misfit_db(found) < 3.0
    assert found.hear_dbm == pytest.approx(TRUE.hear_dbm, abs=6.0)


def test_a_dead_receiver_misleads_nobody() -> None:
    """The silence of a receiver that never heard anything is not taken for distance."""
    crowd = walked(devices=14).crowd
    alive = crowd.receiver != 4
    found = calibrated(
        Crowd(crowd.device[alive], crowd.t_s[alive], crowd.receiver[alive], crowd.rssi_dbm[alive])
    )
    assert misfit_db(found) < 3.0
    assert found.hear_max > 0.8


def test_traffic_of_random_levels_gives_the_prior_back() -> None:
    """Where levels say nothing about places, no learnt model claims to know more than they do."""
    crowd = walked().crowd
    nonsense = np.random.default_rng(0).permutation(crowd.rssi_dbm)
    found = calibrated(replace(crowd, rssi_dbm=nonsense))
    assert found is PRIOR or found.sigma_db.min() > 7.0


def test_little_traffic_gives_the_prior_back() -> None:
    """No traffic, or that of a few seconds, changes nothing."""
    crowd = walked().crowd
    none, few = (_first(crowd, count) for count in (0, 60))
    assert calibrated(none) is PRIOR
    assert calibrated(few) is PRIOR
    assert crowd_room_weight(none, PRIOR, [FLOOR]) == pytest.approx(0.9)


def test_the_order_of_readings_does_not_matter() -> None:
    """Readings shuffled give the same model to the last bit."""
    crowd = walked(1, devices=12).crowd
    order = np.random.default_rng(0).permutation(len(crowd))
    shuffled = Crowd(crowd.device[order], crowd.t_s[order], crowd.receiver[order], crowd.rssi_dbm[order])
    one, other = calibrated(crowd), calibrated(shuffled)
    assert one is not PRIOR
    assert one.to_dict() == other.to_dict()


def test_links_between_nodes_pin_levels_and_exponent() -> None:
    """With the levels at which nodes hear each other the map is closer to the truth than without."""
    crowd = walked(2, devices=12).crowd
    sender, receiver = np.nonzero(~np.eye(9, dtype=bool))
    level = TRUE.expected_dbm(RECEIVERS)[sender, receiver]
    found = calibrated(crowd, PRIOR, NodeLinks(sender, receiver, level))
    assert misfit_db(found) < min(misfit_db(calibrated(crowd)), 1.5)


def test_rooms_that_nobody_enters_are_told_from_the_traffic_alone() -> None:
    """People who keep to the corridor give rooms the least weight, people everywhere much more."""
    kept_out = crowd_room_weight(walked(corridors=True).crowd, TRUE, [FLOOR])
    everywhere = crowd_room_weight(walked().crowd, TRUE, [FLOOR])
    assert kept_out < 0.2
    assert everywhere > 0.5


def test_readings_of_unknown_receivers_are_refused() -> None:
    """A receiver that the prior lacks is an error that says so."""
    crowd = walked(devices=2).crowd
    with pytest.raises(ValueError, match="the model has 9"):
        self_calibrate(replace(crowd, receiver=crowd.receiver + 9), PRIOR, GRID)


def test_smoothing_finds_paths_better_than_chance() -> None:
    """Under the true model the believed places lie within a few metres of where the devices were."""
    crowd, xyz = walked(3, devices=4).crowd, walked(3, devices=4).xyz_m
    moments = Moments.of(crowd.device, crowd.t_s, crowd.receiver, crowd.rssi_dbm)
    cells = Cells(GRID, 3.0)
    level = TRUE.expected_dbm(cells.xyz_m)
    log_likelihood = np.zeros((len(moments), len(cells)), dtype=np.float32)
    np.add.at(
        log_likelihood,
        moments.readings.device,
        -0.5 * ((moments.readings.rssi_dbm[:, None] - level.T[moments.readings.receiver]) / 5.0) ** 2,
    )
    belief, evidence = cells.smooth(moments, log_likelihood)
    np.testing.assert_allclose(belief.sum(axis=1), 1.0, rtol=1e-4)
    assert np.isfinite(evidence).all()
    first = np.unique(np.stack((crowd.device, crowd.t_s)), axis=1, return_index=True)[1]
    away = np.hypot(*(belief @ cells.xyz_m[:, :2] - xyz[first, :2]).T)
    assert np.median(away) < 3.0


def test_a_track_stays_on_its_floor() -> None:
    """A moment that says nothing of the floor is believed to be on that of the moments around it."""
    upper = Floor([OUTLINE], elevation_m=6.0)
    cells = Cells(Grid.over([Floor([OUTLINE]), upper]), 6.0)
    moments = Moments.of(np.zeros(3, dtype=int), np.array([1.0, 3, 5]), np.zeros(3, dtype=int), np.zeros(3))
    above = cells.xyz_m[:, 2] > 5.0
    log_likelihood = np.zeros((3, len(cells)), dtype=np.float32)
    log_likelihood[[0, 2]] = np.where(above, 0.0, -8.0)
    belief, _ = cells.smooth(moments, log_likelihood)
    assert belief[1, above].sum() > 0.99


def test_rooms_in_the_way_are_learnt_around() -> None:
    """Where the grid knows rooms that shade, the model learnt has them in the way."""
    rooms = Rooms.of(SHADY, PRIOR.slab_z_m)
    crowd = walked(shade=ShadedModel.over(TRUE, rooms, 0.3)).crowd
    found = self_calibrate(crowd, PRIOR, SHADY)
    assert isinstance(found, ShadedModel)
    assert found.exponent.mean() == pytest.approx(TRUE.exponent.mean(), abs=0.6)


def test_what_half_of_the_traffic_teaches_must_hold_for_the_other() -> None:
    """Where every second device sends nonsense, a prior that predicts the others is kept."""
    crowd = walked(devices=10).crowd
    rssi, wrong = crowd.rssi_dbm.copy(), crowd.device % 2 == 0
    rssi[wrong] = np.random.default_rng(0).uniform(-95, -30, int(wrong.sum()))
    assert calibrated(replace(crowd, rssi_dbm=rssi), TRUE) is TRUE


def test_rooms_on_the_way_take_their_share() -> None:
    """Ten metres of room cost ten times the loss of one; a way along the corridor costs nothing."""
    rooms = Rooms.of(Grid.over([FLOOR], cell_m=1.0, room_weight=0.5), PRIOR.slab_z_m)
    shaded = ShadedModel.over(PRIOR, rooms, 0.2)
    places = np.array([[2.0, 10.0, 1.2], [30.0, 2.0, 1.2]])
    assert rooms.metres(np.zeros(1, dtype=int), np.array([[0.0, 10.0]]), np.array([20.0, 10.0])) == (
        pytest.approx(12.0, abs=0.7)
    )
    lost = PRIOR.expected_dbm(places) - shaded.expected_dbm(places)
    assert lost[0, 4] == pytest.approx(0.2 * 12.0, abs=0.6)
    assert lost[1, 4] == 0.0
    assert inside_any(ROOMS, places[:1, :2] + 1.0).all()


def test_shaded_models_survive_a_file() -> None:
    """A model with rooms predicts the same after writing and reading; a damaged one is refused."""
    rooms = Rooms.of(Grid.over([FLOOR], room_weight=0.5), PRIOR.slab_z_m)
    shaded = ShadedModel.over(TRUE, rooms, 0.1)
    again = radio_from_dict(shaded.to_dict())
    np.testing.assert_array_equal(again.predict(GRID.xyz_m).mean_dbm, shaded.predict(GRID.xyz_m).mean_dbm)
    assert isinstance(shaded.select(NAMES[:2]), ShadedModel)
    with pytest.raises(ValueError, match="calibrate again"):
        ShadedModel.from_dict(shaded.to_dict() | {"version": 9})
    with pytest.raises(ValueError, match="missing"):
        ShadedModel.from_dict({"format": "mallsense-shaded-model", "version": 1})
