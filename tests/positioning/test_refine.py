"""A believed radio model, corrected by a few labelled readings."""

from dataclasses import replace

import numpy as np
import pytest

from positioning.grid import Floor, Grid
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap
from positioning.refine import refine
from positioning.shaded import Rooms, ShadedModel
from positioning.survey import Survey

NODES = np.array([(5.0, 5.0, 3.0), (35.0, 5.0, 3.0), (20.0, 25.0, 3.0)])
BELIEVED = RadioModel.prior(("A", "B", "C"), NODES)


def survey(shift_db: tuple[float, float, float], *, count: int = 8) -> Survey:
    """Return readings at a few places on one side, where each node's level is off by so much."""
    rng = np.random.default_rng(2)
    place = np.repeat(np.column_stack((rng.uniform((2, 2), (16, 28), (count, 2)), np.full(count, 1.2))), 6, 0)
    level = BELIEVED.expected_dbm(place) + np.array(shift_db) + rng.normal(0, 2, (len(place), 3))
    node = np.tile(np.arange(3), len(place))
    return Survey.from_points(np.repeat(place, 3, axis=0), node, level.ravel())


def test_the_map_learns_what_the_points_show_and_no_more() -> None:
    """Near the points the level follows them; far away it is what was believed."""
    points = survey((6.0, -6.0, 0.0))
    radio = refine(points, BELIEVED)
    near = points.way_xyz_m.mean(axis=0)[None]
    far = np.array([[200.0, 200.0, 1.2]])
    shift = radio.predict(near).mean_dbm - BELIEVED.expected_dbm(near)
    assert shift[0, 0] - shift[0, 1] > 4.0
    assert radio.predict(far).mean_dbm == pytest.approx(BELIEVED.expected_dbm(far), abs=0.01)
    assert (radio.predict(near).sd_db < radio.predict(far).sd_db).all()


def test_points_that_show_nothing_new_change_nothing() -> None:
    """Readings as believed leave the levels where they were."""
    points = survey((0.0, 0.0, 0.0))
    places = points.way_xyz_m
    change = refine(points, BELIEVED).predict(places).mean_dbm - BELIEVED.expected_dbm(places)
    assert np.abs(change).mean() < 1.2


def test_a_correction_of_path_loss_through_rooms_survives_a_file() -> None:
    """What rooms on the way take is not learnt twice, and is written and read with the map."""
    room = np.array([[15.0, 0], [25.0, 0], [25.0, 30], [15.0, 30]])
    floor = Floor([np.array([[0.0, 0], [40.0, 0], [40.0, 30], [0.0, 30]])], rooms=[room])
    rooms = Rooms.of(Grid.over([floor], room_weight=0.5), BELIEVED.slab_z_m)
    shaded = ShadedModel.over(BELIEVED, rooms, 0.3)
    points = survey((0.0, 0.0, 0.0))
    places = points.way_xyz_m
    level = shaded.expected_dbm(points.positions())[np.arange(len(points)), points.receiver]
    radio = refine(replace(points, rssi_dbm=level), shaded)
    assert radio.predict(places).mean_dbm == pytest.approx(shaded.expected_dbm(places), abs=1.0)
    read = SurveyedMap.from_dict(radio.to_dict())
    assert read.predict(places).mean_dbm == pytest.approx(radio.predict(places).mean_dbm, abs=0.05)


def test_readings_that_cannot_be_used_are_refused() -> None:
    """No reading, or one of a node that the model lacks, is an error."""
    points = survey((0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="no reading"):
        refine(points.subset(np.zeros(len(points), dtype=bool)), BELIEVED)
    with pytest.raises(ValueError, match="names receiver 2"):
        refine(points, BELIEVED.select(("A", "B")))
