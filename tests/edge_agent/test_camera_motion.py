"""The motion gate and the lanes: what is worth looking at, and where."""

import numpy as np
import pytest

from contracts.plates import Direction
from edge_agent.camera.lanes import LaneView, box_around
from edge_agent.camera.motion import HOLD_MS, MotionGate
from tests.edge_agent.camera_parts import CAMERA, HEIGHT, WIDTH, picture


@pytest.fixture
def gate() -> MotionGate:
    """A gate over two lanes that has seen an empty road."""
    made = MotionGate([LaneView(lane, WIDTH, HEIGHT) for lane in CAMERA.lanes])
    assert made.open(0, picture(noise=1)) == []
    return made


def test_an_empty_lane_stays_closed(gate: MotionGate) -> None:
    """The sensor's noise is no motion."""
    assert all(gate.open(100 * n, picture(noise=n + 2)) == [] for n in range(50))


def test_a_car_opens_its_own_lane_and_for_a_moment_after_it(gate: MotionGate) -> None:
    """The other lane stays closed; when all is still again, that the car has gone is seen, too."""
    for n in range(5):
        (lane,) = gate.open(100 + 100 * n, picture((0, 80, 30 + 10 * n)))
        assert lane.id == "entry"
    gate.open(600, picture())
    assert [lane.id for lane in gate.open(600 + HOLD_MS, picture())] == ["entry"]
    assert gate.open(601 + HOLD_MS, picture()) == []


def test_a_lamp_that_is_switched_on_opens_nothing(gate: MotionGate) -> None:
    """All pixels change alike: that is no car."""
    assert gate.open(100, np.minimum(picture().astype(int) + 60, 255).astype(np.uint8)) == []


def test_another_size_or_a_new_start_is_no_motion(gate: MotionGate) -> None:
    """What cannot be compared opens nothing."""
    assert gate.open(100, picture()[::2, ::2]) == []
    gate.forget()
    assert gate.open(200, 255 - picture()) == []


def test_boxes_of_lanes_have_a_margin_and_stay_in_the_picture() -> None:
    """A plate whose middle is on the lane's edge is read whole."""
    entry, exit_ = (LaneView(lane, WIDTH, HEIGHT) for lane in CAMERA.lanes)
    assert entry.box.left == entry.box.top == 0
    assert WIDTH / 2 + 20 < entry.box.right < WIDTH * 0.6
    assert box_around([entry.box, exit_.box]) == (0, 0, WIDTH, HEIGHT)
    assert entry.holds(10, 10)
    assert not entry.holds(WIDTH - 10, 10)


def test_a_little_way_tells_no_direction() -> None:
    """A plate has to move by half its width and more, along the lane."""
    entry, exit_ = (LaneView(lane, WIDTH, HEIGHT) for lane in CAMERA.lanes)
    assert entry.direction((0.0, 0.3)) is Direction.UNKNOWN
    assert entry.direction((5.0, 0.1)) is Direction.UNKNOWN
    assert entry.direction((0.0, 2.0)) is Direction.IN
    assert exit_.direction((0.0, 2.0)) is Direction.IN
    assert exit_.direction((0.0, -2.0)) is Direction.OUT
