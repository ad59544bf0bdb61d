"""A believed radio model, corrected by a few labelled readings."""

import numpy as np
import pytest

from positioning.radio import RadioModel
from positioning.refine import refine
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


def test_readings_that_cannot_be_used_are_refused() -> None:
    """No reading, or one of a node that the model lacks, is an error."""
    points = survey((0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="no reading"):
        refine(points.subset(np.zeros(len(points), dtype=bool)), BELIEVED)
    with pytest.raises(ValueError, match="names receiver 2"):
        refine(points, BELIEVED.select(("A", "B")))
