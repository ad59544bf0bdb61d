"""One car, one passage: what is followed, what is said, and what is not."""

from collections.abc import Iterable
from itertools import count
from typing import Any

import pytest

from contracts.plates import Direction, PlateChange
from edge_agent.camera.lanes import LaneView
from edge_agent.camera.passages import LONGEST_MS, Passages
from edge_agent.camera.tracks import differing
from edge_agent.sources.protocol import PlateSighting
from tests.edge_agent.camera_parts import CAMERA, reading

NEW, UPDATE, END = PlateChange.NEW, PlateChange.UPDATE, PlateChange.END
STEP_MS = 150
WIDTH, HEIGHT = 640, 360


class Road:
    """Plays scripted readings, a picture every 150 ms."""

    def __init__(self) -> None:
        self.lanes = [LaneView(lane, WIDTH, HEIGHT) for lane in CAMERA.lanes]
        numbers = count()
        self.under_test = Passages("ramp", self.lanes, lambda: f"{next(numbers):016x}")
        self.said: list[PlateSighting] = []
        self.t_ms = 1_000_000

    def see(self, *readings: Any, lanes: Iterable[LaneView] | None = None) -> None:
        """Show a picture with these readings."""
        self.t_ms += STEP_MS
        looked_at = self.lanes if lanes is None else list(lanes)
        self.said += self.under_test.look(self.t_ms, readings, looked_at)

    def nothing(self, pictures: int = 12) -> None:
        """Show an empty road."""
        for _ in range(pictures):
            self.see()

    def told(self) -> list[tuple[PlateChange, str, Direction]]:
        """What was said, without its times."""
        return [(one.change, one.candidates[0][0], one.direction) for one in self.said]


def drive(road: Road, text: str, x: float = 160, *, up: bool = False, **more: Any) -> None:
    """Have a car come down the picture, or go up."""
    ys = range(40, 340, 30)
    for y in reversed(ys) if up else ys:
        road.see(reading(text, x, y, **more))


def test_a_car_is_said_once() -> None:
    """New as soon as it moves surely, end when it has gone; nothing between where nothing changes."""
    road = Road()
    drive(road, "浙A12345")
    road.nothing()
    assert road.told() == [(NEW, "浙A12345", Direction.IN), (END, "浙A12345", Direction.IN)]
    assert road.said[0].track == road.said[1].track
    assert road.said[0].t_ms < road.said[1].t_ms - 1000
    assert road.under_test.passages == 1


@pytest.mark.parametrize(
    ("x", "up", "direction"),
    [(160, False, "in"), (160, True, "out"), (480, True, "out"), (480, False, "in")],
)
def test_direction_is_the_way_it_drives_through_its_lane(x: float, up: bool, direction: str) -> None:
    """Also where somebody drives the wrong way."""
    road = Road()
    drive(road, "浙A12345", x, up=up)
    road.nothing()
    assert {one.direction.value for one in road.said} == {direction}


def test_a_parked_car_and_a_sign_are_never_said() -> None:
    """They do not move, however surely they are read, though their corners tremble."""
    road = Road()
    for n in range(200):
        road.see(reading("京C6K2T8", 500 + n % 3, 100 - n % 2, 0.99), reading("88888", 100, 50 + n % 2, 0.9))
    road.nothing()
    assert road.said == []


def test_a_car_that_drives_past_a_parked_one_is_said_and_the_other_is_not() -> None:
    """It hides the other's plate for a moment, and takes neither its track nor its votes."""
    road = Road()
    for y in range(40, 340, 12):
        parked = [] if abs(y - 160) < 30 else [reading("京C6K2T8", 200, 160, 0.95)]
        road.see(reading("浙A12345", 185, y), *parked)
    for _ in range(20):
        road.see(reading("京C6K2T8", 200, 160, 0.95))
    assert road.told() == [(NEW, "浙A12345", Direction.IN), (END, "浙A12345", Direction.IN)]


def test_a_car_that_was_parked_and_leaves_is_said() -> None:
    """It stands for a minute, and is one passage when it drives off."""
    road = Road()
    for _ in range(50):
        road.see(reading("京C6K2T8", 160, 40, 0.95))
    drive(road, "京C6K2T8")
    road.nothing()
    assert [one.change for one in road.said] == [NEW, END]


def test_two_cars_in_a_queue_are_two() -> None:
    """A car's length apart, both lanes at once."""
    road = Road()
    for step in range(24):
        y = 20 + 25 * step
        cars = [("浙A12345", 160, y), ("沪AD88123", 165, y - 180), ("粤B71X34", 480, 360 - y)]
        road.see(*(reading(text, x, at) for text, x, at in cars if 0 < at < HEIGHT))
    road.nothing()
    ends = {(text, direction.value) for change, text, direction in road.told() if change is END}
    assert ends == {("浙A12345", "in"), ("沪AD88123", "in"), ("粤B71X34", "out")}
    assert len({one.track for one in road.said}) == 3


def test_misread_pictures_are_outvoted_and_make_no_second_car() -> None:
    """Also where a character is missing, or the province is read wrongly."""
    road = Road()
    texts = [
        "A12345",
        "浙A12345",
        "皖A12345",
        "浙A12345",
        "浙A1234S",
        "浙A12345",
        "A12345",
        "浙A12345",
        "浙A12345",
    ]
    for text, y in zip(texts, range(40, 310, 30), strict=True):
        road.see(reading(text, 160, y, 0.9 if text == "浙A12345" else 0.6))
    road.nothing()
    assert [(c, t) for c, t, _ in road.told() if c is not UPDATE] == [(NEW, "浙A12345"), (END, "浙A12345")]


def test_a_better_reading_is_an_update() -> None:
    """What was said first is corrected, under the same track."""
    road = Road()
    for text, y, sure in [
        *(("浙A1234S", y, 0.85) for y in (40, 90, 140)),
        *(("浙A12345", y, 0.999) for y in range(190, 340, 25)),
    ]:
        others = (("浙A12345", 0.14),) if sure < 0.9 else ()
        road.see(reading(text, 160, y, sure, wide=120, others=others))
    road.nothing()
    assert [(c, t) for c, t, _ in road.told()] == [(NEW, "浙A1234S"), (UPDATE, "浙A12345"), (END, "浙A12345")]
    assert len({one.track for one in road.said}) == 1


def test_a_car_that_stops_at_the_barrier_is_one() -> None:
    """Nothing moves for minutes, then it drives on; it was missed in a few pictures, too."""
    road = Road()
    for y in range(40, 160, 30):
        road.see(reading("浙A12345", 160, y))
    for _ in range(100):
        road.t_ms += 2_000
        road.said += road.under_test.still(road.t_ms)
    road.see()
    for y in range(160, 340, 30):
        road.see(reading("浙A12345", 160, y))
    road.nothing()
    assert [one.change for one in road.said] == [NEW, END]


def test_a_car_that_has_left_when_the_motion_ends_has_gone() -> None:
    """Its end is not put off until the next car moves."""
    road = Road()
    drive(road, "浙A12345")
    road.see()
    road.see()
    road.said += road.under_test.still(road.t_ms + 200)
    assert [one.change for one in road.said] == [NEW, END]


def test_a_plate_that_is_hardly_read_is_said_with_little_confidence_in_the_end() -> None:
    """It is a car, after all; text on a van that is next to unreadable is not said."""
    road = Road()
    drive(road, "浙A12345", confidence=0.3)
    road.nothing()
    assert [one.change for one in road.said] == [NEW, END]
    assert road.said[0].candidates[0][1] < 0.8
    road = Road()
    drive(road, "SALE50", confidence=0.02)
    road.nothing()
    assert road.said == []


def test_what_is_seen_once_or_outside_all_lanes_or_too_long_is_nothing() -> None:
    """A plate is seen in several pictures, in a lane."""
    road = Road()
    road.see(reading("浙A12345", 160, 100))
    for y in range(40, 340, 30):
        road.see(reading("浙A12345", -60, y), reading("X" * 40, 160, y), reading("", 160, y))
    road.nothing()
    assert road.said == []


def test_a_forgotten_car_ends_silently_and_what_is_open_ends_with_the_recording() -> None:
    """A car that stood for half an hour without ever moving was parked."""
    road = Road()
    road.see(reading("浙A12345", 160, 100))
    road.see(reading("浙A12345", 160, 100))
    assert list(road.under_test.still(road.t_ms + LONGEST_MS + 1)) == []
    assert not road.under_test._open
    drive(road, "浙A12345")
    assert [one.change for one in road.under_test.end_all(road.t_ms)] == [END]


def test_a_lane_nobody_looked_at_loses_no_car() -> None:
    """While only the other lane moves, a car that stands is not missed."""
    road = Road()
    for y in range(40, 200, 30):
        road.see(reading("浙A12345", 160, y))
    for _ in range(30):
        road.see(lanes=[road.lanes[1]])
    assert [one.change for one in road.said] == [NEW]


def test_differing_counts_what_to_change() -> None:
    """Substituted, missing and added characters count one each."""
    assert differing("浙A12345", "浙A12345") == 0
    assert differing("浙A12345", "A12345") == 1
    assert differing("浙A12345", "皖A1234S") == 2
    assert differing("", "ABC") == 3
