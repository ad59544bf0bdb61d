"""Drawn plates and lanes: as the standard says, the same each time, with a truth that holds."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from contracts.errors import ConfigurationError
from contracts.plates import Direction
from simulators.car_park.cli import app
from simulators.car_park.fleet import Plate, PlateKind, random_plate
from simulators.car_park.lens import Lens
from simulators.car_park.plate_picture import boxes_mm, draw_plate, width_mm
from simulators.car_park.scoring import SaidPlate, TruePlate, score_lane
from simulators.car_park.traffic import LENGTH_M, Traffic
from simulators.car_park.video import LaneVideo, read_truth, write_video
from simulators.car_park.weather import WEATHERS

IN, OUT = Direction.IN, Direction.OUT
SMALL = Lens(width=480, height=270)


@pytest.mark.parametrize(
    ("plate", "size_mm"),
    [
        (Plate("浙A12345", PlateKind.BLUE), (440, 140)),
        (Plate("沪AD12345", PlateKind.GREEN_SMALL), (480, 140)),
    ],
)
def test_a_plate_has_the_sizes_and_colours_of_the_standard(plate: Plate, size_mm: tuple[int, int]) -> None:
    """GA 36-2018: 440 x 140 mm in blue with white, 480 x 140 mm in green with black; equal margins."""
    drawn = draw_plate(plate)
    assert drawn.shape == (size_mm[1], size_mm[0], 3)
    boxes = boxes_mm(plate)
    assert len(boxes) == len(plate.text)
    assert boxes[0][0] == pytest.approx(15.5)
    assert boxes[-1][0] + boxes[-1][1] == pytest.approx(size_mm[0] - 15.5)
    assert all(right[0] > left[0] + left[1] for left, right in pairwise(boxes))
    blue, green, _ = drawn[130, 200]
    assert (blue > green) == (plate.kind is PlateKind.BLUE)
    left, wide = boxes[2]
    inside = drawn[25:115, round(left) : round(left + wide)].max(axis=2)
    assert np.ptp(inside.astype(int)) > 80  # a character is there


def test_dirt_covers_and_the_same_seed_gives_the_same_dirt() -> None:
    """A clean plate has more contrast than a dirty one."""
    plate = Plate("浙A12345", PlateKind.BLUE)
    clean = draw_plate(plate)
    dirty, again = (draw_plate(plate, dirt=0.9, rng=np.random.default_rng(2)) for _ in range(2))
    assert (dirty == again).all()
    assert dirty.std() < clean.std()


def test_random_plates_have_the_forms_of_their_kinds() -> None:
    """Eight characters for new energy, 学 for learners, no I and no O."""
    rng = np.random.default_rng(5)
    for plate in (random_plate(rng) for _ in range(500)):
        green = plate.kind in (PlateKind.GREEN_SMALL, PlateKind.GREEN_LARGE)
        assert len(plate.text) == (8 if green else 7)
        assert not set("IO") & set(plate.text[1:])
        assert (plate.text[-1] == "学") == (plate.kind is PlateKind.LEARNER)
        assert width_mm(plate) == (480 if green else 440)


def test_cars_queue_and_do_not_drive_through_each_other() -> None:
    """Behind a car that waits at the barrier, the next one waits with a gap; all get through."""
    traffic = Traffic(np.random.default_rng(3), 30, mean_gap_s=1.0)
    waited, seen = False, set()
    for step in range(6_000):
        traffic.advance(step * 0.1)
        for lane, cars in traffic.driving.items():
            sign = 1 if lane == "entry" else -1
            for ahead, behind in pairwise(cars):
                assert sign * (behind.z_m - ahead.z_m) > LENGTH_M
            waited |= sum(car.v_ms == 0 and car.in_view for car in cars) > 1
            seen |= {car.passage for car in cars if car.in_view}
        if traffic.done:
            break
    assert waited
    assert seen == set(range(30))


@pytest.mark.parametrize("weather", WEATHERS, ids=lambda one: one.name)
def test_every_weather_is_drawn_the_same_each_time(weather: object) -> None:
    """A car is in the picture, to the bit as before; night is darker than day."""

    def thirtieth() -> np.ndarray:
        video = LaneVideo(2, seed=2, weather=weather, fps=5, lens=SMALL)  # type: ignore[arg-type]  # a Weather
        return next(image for number, (_, image) in enumerate(video) if number == 30)

    first = thirtieth()
    assert (first == thirtieth()).all()
    assert first.shape == (270, 480, 3)


def test_a_video_and_its_truth_are_written_and_read_back(tmp_path: Path) -> None:
    """A real file; the truth says from when to when a plate was wide enough and whole."""
    video = LaneVideo(3, seed=4, fps=5, lens=Lens(width=960, height=540), mean_gap_s=1.0)
    count = write_video(video, tmp_path / "lanes.avi")
    truth = read_truth(tmp_path / "truth.csv")
    assert truth == list(video.truth.values())
    assert len(truth) == 3
    for seen in truth:
        assert 0 < seen.seen_ms < seen.gone_ms < count * 200
        assert seen.width_px >= 60
        assert (seen.direction == "in") == (seen.lane == "entry")
    opened = cv2.VideoCapture(str(tmp_path / "lanes.avi"))
    assert opened.get(cv2.CAP_PROP_FRAME_COUNT) == count
    opened.release()
    with pytest.raises(ConfigurationError, match=r"\.mp4"):
        write_video(video, tmp_path / "lanes.txt")
    (tmp_path / "truth.csv").write_text("no,truth\n1,2\n")
    with pytest.raises(ConfigurationError, match="no truth"):
        read_truth(tmp_path / "truth.csv")


def test_the_command_draws_and_says_which_weathers_there_are(tmp_path: Path) -> None:
    """As somebody uses it."""
    done = CliRunner().invoke(app, ["video", str(tmp_path), "--passages", "1", "--weather", "snow"])
    assert isinstance(done.exception, ConfigurationError)
    assert "dusk" in done.exception.hint
    done = CliRunner().invoke(app, ["play", "--write-site", str(tmp_path / "mall.yaml")])
    assert done.exit_code == 0
    assert "car_park" in (tmp_path / "mall.yaml").read_text()


def test_scores_count_what_was_said_against_what_drove_through() -> None:
    """Right, misread, missed, said twice, said of nothing, the wrong way."""
    truth = [TruePlate(f"浙A1234{n}", IN, n * 10_000, n * 10_000 + 2_000) for n in range(5)]
    said = [
        SaidPlate("浙A12340", 0.99, IN, 500, 3_000),
        SaidPlate("浙A12340", 0.95, IN, 3_100, 4_000),
        SaidPlate("浙A12B41", 0.95, OUT, 10_500, 13_000),
        SaidPlate("浙A12342", 0.5, IN, 20_500, 23_000),
        SaidPlate("浙A12344", 0.99, IN, 90_000, 91_000),
    ]
    found = score_lane(truth, said)
    assert (found.passages, found.said, found.right) == (5, 3, 2)
    assert (found.published, found.wrong, found.doubles) == (2, 1, 1)
    assert (found.ghosts, found.wrong_direction) == (1, 1)
    assert (found + found).passages == 10
    assert found.published_share == pytest.approx(0.4)
    assert found.wrong_share == pytest.approx(0.5)
