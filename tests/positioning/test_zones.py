"""Zone probabilities: against closed forms, against random numbers, and at the edges of a floor."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from positioning.zones import ZoneArea, ZoneMap, normal_points

Floats = npt.NDArray[np.float64]


def box(x0: float, y0: float, x1: float, y1: float) -> Floats:
    """Return the ring of a rectangle."""
    ring: Floats = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]], dtype=np.float64)
    return ring


HALL = box(0, 0, 100, 60)


def ask(zones: ZoneMap, xy: tuple[float, float], cov: Floats, floor: int = 0) -> Floats:
    """Return the probabilities of one position."""
    row: Floats = zones.probabilities(np.array([floor]), np.array([xy]), cov[None])[0].astype(np.float64)
    return row


def ellipse(major_m: float, minor_m: float, angle: float) -> Floats:
    """Return a covariance by its standard deviations and the direction of the larger one."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    cov: Floats = turn @ np.diag([major_m**2, minor_m**2]) @ turn.T
    return cov


def test_the_points_have_the_moments_of_a_standard_normal() -> None:
    """Mean zero and covariance identity hold exactly, whatever the number of points."""
    for count in (3, 16, 64, 257):
        points = normal_points(count)
        np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=1e-12)
        np.testing.assert_allclose(points.T @ points / count, np.eye(2), atol=1e-12)


def test_two_points_are_refused() -> None:
    """Two points cannot have a covariance in the plane."""
    with pytest.raises(ValueError, match="at least 3"):
        normal_points(2)


@given(angle=st.floats(0, 2 * np.pi), offset=st.floats(-3, 3))
def test_the_points_measure_half_planes(angle: float, offset: float) -> None:
    """The share of points on one side of any line is the normal distribution, within 6 %."""
    share = (normal_points() @ np.array([np.cos(angle), np.sin(angle)]) < offset).mean()
    assert abs(share - ndtr(offset)) < 0.06


@given(
    x=st.floats(25, 75), y=st.floats(20, 40), sx=st.floats(1, 8), sy=st.floats(1, 8),
    width=st.floats(6, 30), height=st.floats(6, 20),
)  # fmt: skip
def test_a_rectangle_holds_the_product_of_two_normals(
    x: float, y: float, sx: float, sy: float, width: float, height: float
) -> None:
    """For an axis-aligned shop and covariance the closed form is met, within the raster and the points."""
    x0, y0 = 40.0, 22.0
    zones = ZoneMap.over([[HALL]], [ZoneArea(0, [box(x0, y0, x0 + width, y0 + height)])])
    found = ask(zones, (x, y), np.diag([sx**2, sy**2]))[0]
    expected = (ndtr((x0 + width - x) / sx) - ndtr((x0 - x) / sx)) * (
        ndtr((y0 + height - y) / sy) - ndtr((y0 - y) / sy)
    )
    assert abs(found - expected) < 0.09


def test_rectangles_are_met_on_average_within_two_percent() -> None:
    """Over many shops and positions the error has no bias and a standard deviation below 2 %."""
    random = np.random.default_rng(3)
    zones = ZoneMap.over([[HALL]], [ZoneArea(0, [box(40, 22, 52, 36)])])
    xy = random.uniform((30, 12), (62, 46), (4000, 2))
    sd = random.uniform(1.5, 6, (4000, 2))
    cov = np.zeros((4000, 2, 2))
    cov[:, 0, 0], cov[:, 1, 1] = sd.T**2
    low, high = ((np.array(corner) - xy) / sd for corner in ((40, 22), (52, 36)))
    expected = (ndtr(high) - ndtr(low)).prod(axis=1)
    error = zones.probabilities(np.zeros(4000, dtype=np.int64), xy, cov)[:, 0] - expected
    assert abs(error.mean()) < 0.003
    assert error.std() < 0.02


@given(
    x=st.floats(20, 80),
    y=st.floats(15, 45),
    major=st.floats(2, 10),
    minor=st.floats(1, 2),
    angle=st.floats(0, 3.2),
)
def test_any_shape_agrees_with_random_points(
    x: float, y: float, major: float, minor: float, angle: float
) -> None:
    """An L-shaped shop under a tilted covariance gets what 20,000 random points give, within 8 %."""
    corner = np.array([[30, 20], [60, 20], [60, 30], [42, 30], [42, 45], [30, 45]], dtype=np.float64)
    zones = ZoneMap.over([[HALL]], [ZoneArea(0, [corner])])
    cov = ellipse(major, minor, angle)
    px, py = np.random.default_rng(7).multivariate_normal((x, y), cov, 20_000).T
    inside = (px > 0) & (px < 100) & (py > 0) & (py < 60)
    upright = (px > 30) & (px < 42) & (py > 20) & (py < 45)
    foot = (px > 30) & (px < 60) & (py > 20) & (py < 30)
    assert abs(ask(zones, (x, y), cov)[0] - (upright | foot)[inside].mean()) < 0.08


@given(
    x=st.floats(-20, 120),
    y=st.floats(-20, 80),
    major=st.floats(0.1, 30),
    minor=st.floats(0.1, 30),
    angle=st.floats(0, 6),
)
def test_probabilities_sum_to_one_or_say_nothing(
    x: float, y: float, major: float, minor: float, angle: float
) -> None:
    """Whatever the position, the row is a distribution, or zeros where nobody can be."""
    zones = ZoneMap.over([[HALL]], [ZoneArea(0, [box(0, 0, 30, 60)]), ZoneArea(0, [box(30, 0, 60, 60)])])
    row = ask(zones, (x, y), ellipse(major, minor, angle))
    assert (row >= 0).all()
    assert row.sum() == pytest.approx(1.0, abs=1e-6) or not row.any()


def test_where_zones_overlap_the_first_one_counts() -> None:
    """An escalator drawn over a corridor and listed before it is not the corridor's."""
    zones = ZoneMap.over([[HALL]], [ZoneArea(0, [box(40, 20, 50, 30)]), ZoneArea(0, [HALL])])
    row = ask(zones, (45, 25), np.eye(2) * 0.25)
    assert row.tolist() == [1.0, 0.0, 0.0]


def test_holes_belong_to_nobody() -> None:
    """A void in the outline is no place to be, and a hole in a zone is not the zone's."""
    outline = [HALL, box(20, 20, 30, 30)]
    zones = ZoneMap.over([outline], [ZoneArea(0, [box(60, 10, 90, 50), box(70, 20, 80, 40)])])
    assert not ask(zones, (25, 25), np.eye(2) * 0.25).any()
    assert ask(zones, (75, 30), np.eye(2) * 0.25).tolist() == [0.0, 1.0]


def test_a_shop_at_the_outer_wall_keeps_its_people() -> None:
    """Mass that falls on the street is shared by what is inside, and the shop loses nothing."""
    zones = ZoneMap.over([[HALL]], [ZoneArea(0, [box(0, 0, 100, 30)])])
    assert ask(zones, (50, 0), np.eye(2) * 9.0)[0] == pytest.approx(1.0)


def test_a_position_far_outside_says_nothing() -> None:
    """A position whose mass is outside the mall gets zeros, not the nearest shop."""
    zones = ZoneMap.over([[HALL]], [ZoneArea(0, [HALL])])
    assert not ask(zones, (160, 30), np.eye(2)).any()


def test_floors_do_not_mix() -> None:
    """The same x and y on two floors are two zones."""
    zones = ZoneMap.over([[HALL], [HALL]], [ZoneArea(0, [HALL]), ZoneArea(1, [HALL])])
    assert ask(zones, (50, 30), np.eye(2), floor=0).tolist() == [1.0, 0.0, 0.0]
    assert ask(zones, (50, 30), np.eye(2), floor=1).tolist() == [0.0, 1.0, 0.0]


def test_a_zone_on_an_unknown_floor_is_refused() -> None:
    """A zone has to be on one of the floors."""
    with pytest.raises(ValueError, match="zone 0 is on floor 1"):
        ZoneMap.over([[HALL]], [ZoneArea(1, [HALL])])
    with pytest.raises(ValueError, match="at least one floor"):
        ZoneMap.over([], [])


def test_a_zone_outside_the_outline_is_cut_off() -> None:
    """A zone that lies beyond the floor has no area, and does no harm."""
    zones = ZoneMap.over(
        [[HALL]], [ZoneArea(0, [box(200, 200, 220, 220)]), ZoneArea(0, [box(-90, -90, -80, -80)])]
    )
    assert zones.area_m2.tolist() == [0.0, 0.0, 6000.0]


def test_areas_are_those_of_the_plan() -> None:
    """Areas in square metres, the last for what no zone covers."""
    zones = ZoneMap.over([[HALL]], [ZoneArea(0, [box(10, 10, 20, 30)])])
    assert zones.area_m2.tolist() == [200.0, 5800.0]


def test_heat_cells_lie_where_the_points_are() -> None:
    """Every heat cell used lies within four standard deviations; points outside are marked."""
    zones = ZoneMap.over([[HALL], [HALL]], [])
    cells = zones.cells(np.array([1]), np.array([[3.0, 30.0]]), np.array([np.eye(2) * 4.0]))
    heat, grid = zones.heat_cells(cells)[0], zones.heat_grid
    inside = heat >= 0
    assert 0.8 < inside.mean() < 1.0  # some points fall west of the outer wall
    floor, rest = np.divmod(heat[inside], grid.ny * grid.nx)
    row, column = np.divmod(rest, grid.nx)
    centre = np.stack((grid.x0_m + (column + 0.5) * 2.0, grid.y0_m + (row + 0.5) * 2.0), axis=1)
    assert (floor == 1).all()
    assert (np.abs(centre - (3.0, 30.0)) <= 4 * 2.0 + 1.0).all()
    assert centre.mean(axis=0) == pytest.approx([3.4, 30.0], abs=0.5)
