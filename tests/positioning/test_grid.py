"""The grid of cells: areas, holes, floors and weights."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from positioning.grid import Floor, Grid, inside, inside_any

SQUARE = np.array([[0.0, 0.0], [20.0, 0.0], [20.0, 10.0], [0.0, 10.0]])
HOLE = np.array([[4.0, 4.0], [8.0, 4.0], [8.0, 8.0], [4.0, 8.0]])


def test_cells_cover_the_area() -> None:
    """Cells times their area is the floor's area, holes and blocked parts excluded."""
    assert len(Grid.over([Floor([SQUARE])], cell_m=1.0)) == 200
    assert len(Grid.over([Floor([SQUARE, HOLE])], cell_m=1.0)) == 184
    assert len(Grid.over([Floor([SQUARE], blocked=[HOLE])], cell_m=1.0)) == 184


def test_floors_share_one_lattice_and_differ_in_height() -> None:
    """The same place on two floors has the same x/y and another z."""
    grid = Grid.over([Floor([SQUARE], 0.0), Floor([HOLE + 0.3], 5.0)], cell_m=2.0, device_height_m=1.0)
    upper, lower = grid.xyz_m[grid.floor == 1], grid.xyz_m[grid.floor == 0]
    assert grid.floors == 2
    assert set(upper[:, 2]) == {6.0}
    assert {tuple(place) for place in upper[:, :2]} <= {tuple(place) for place in lower[:, :2]}


def test_rooms_weigh_what_they_are_given() -> None:
    """Cells in rooms carry the room's weight, overlapping rooms not twice."""
    grid = Grid.over([Floor([SQUARE], rooms=[HOLE, HOLE + 1.0])], cell_m=1.0, room_weight=0.25)
    assert sorted(set(grid.weight)) == [0.25, 1.0]
    assert (grid.weight < 1).sum() == 16 + 16 - 9


def test_around_points_keeps_the_margin() -> None:
    """Without a plan the grid is the points' bounding box and a margin."""
    grid = Grid.around(np.array([[1.0, 1.0], [5.0, 3.0]]), margin_m=1.0, cell_m=1.0)
    assert grid.xyz_m[:, :2].min(axis=0).tolist() == [0.5, 0.5]
    assert grid.xyz_m[:, :2].max(axis=0).tolist() == [5.5, 3.5]


@given(
    corners=st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=3, max_size=8, unique=True),
    seed=st.integers(0, 99),
)
def test_inside_agrees_with_shapely(corners: list[tuple[float, float]], seed: int) -> None:
    """On any simple polygon the even-odd rule answers like shapely, edges aside."""
    polygon = shapely.Polygon(corners)
    if not polygon.is_valid or polygon.area < 1e-3:
        return
    points = np.random.default_rng(seed).uniform(-60, 60, (50, 2))
    clear = np.array([polygon.boundary.distance(shapely.Point(p)) > 1e-6 for p in points])
    expected = shapely.contains_xy(polygon, points[:, 0], points[:, 1])
    np.testing.assert_array_equal(inside([np.array(corners)], points)[clear], expected[clear])
    np.testing.assert_array_equal(inside_any([np.array(corners)], points)[clear], expected[clear])


@pytest.mark.parametrize(
    ("floors", "options", "message"),
    [
        ([], {}, "at least one floor"),
        ([Floor([SQUARE])], {"cell_m": 0.0}, "cell_m must be positive"),
        ([Floor([SQUARE])], {"room_weight": 0.0}, "room_weight"),
        ([Floor([SQUARE * 1e-3])], {}, "floor 0 holds no cell"),
        ([Floor([np.zeros((2, 2))])], {}, "a ring needs"),
    ],
)
def test_bad_floors_are_refused(floors: list[Floor], options: dict[str, float], message: str) -> None:
    """A floor that cannot be meant says what is wrong with it."""
    with pytest.raises(ValueError, match=message):
        Grid.over(floors, **options)
