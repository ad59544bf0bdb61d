"""Recordings: real video files and folders, their event time, and what is wrong with some of them."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import pytest

from contracts.errors import ConfigurationError
from contracts.plates import CameraTrouble, PlateChange
from contracts.site.model import Node
from edge_agent.camera.address import CameraAddress
from edge_agent.camera.recorded_source import RecordedCameras
from edge_agent.camera.recording import Recording
from edge_agent.camera.setup import plan_cameras
from tests.edge_agent.camera_parts import CAMERA, HEIGHT, PLATES, WIDTH, MarkReader, picture

ZONE = "Asia/Shanghai"
FPS = 10.0
CODECS = {"mp4": "mp4v", "avi": "MJPG", "mkv": "MJPG"}


def drive_by(pictures: int = 60) -> list[Any]:
    """Two cars, one in each lane, one after the other, on an empty road."""
    shown = []
    for n in range(pictures):
        down, up = 10 + 10 * (n - 5), 170 - 10 * (n - 28)
        cars = [(0, 80, down)] if 10 <= down <= 170 else []
        cars += [(1, 240, up)] if 10 <= up <= 170 and n >= 28 else []
        shown.append(picture(*cars))
    return shown


def write(path: Path, pictures: Sequence[Any] = ()) -> Path:
    """Write a video."""
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*CODECS[path.suffix[1:]]), FPS, (WIDTH, HEIGHT)
    )
    for shown in pictures or drive_by():
        writer.write(shown)
    writer.release()
    return path


def source_of(path: Path) -> RecordedCameras:
    """Make a source of one recording."""
    recording = Recording(CameraAddress.parse(str(path)), ZONE)
    return RecordedCameras("gate", {"ramp": recording}, {"ramp": CAMERA}, MarkReader())


@pytest.mark.parametrize("suffix", CODECS)
def test_a_video_is_two_passages_at_the_time_in_its_name(tmp_path: Path, suffix: str) -> None:
    """From a real file through a real decoder; blocks come every second, watermarks hold."""
    source = source_of(write(tmp_path / f"ramp_2026-03-01_10-00-00.{suffix}"))
    start_ms = round(datetime(2026, 3, 1, 10, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)
    blocks = list(source.blocks())
    assert source.first_ms == start_ms
    assert [block.complete_to_ms - start_ms for block in blocks] == list(range(1000, 6001, 1000))
    for block in blocks:
        assert all(block.complete_to_ms - 1000 <= one.t_ms < block.complete_to_ms for one in block.plates)
    said = [one for block in blocks for one in block.plates]
    assert [
        (o.change, o.candidates[0][0], o.direction.value) for o in said if o.change is PlateChange.END
    ] == [
        (PlateChange.END, PLATES[0], "in"),
        (PlateChange.END, PLATES[1], "out"),
    ]
    assert len(said) == 4
    (health,) = source.health()
    assert (health.frames, health.passages, health.trouble) == (60, 2, None)
    assert health.still >= 5
    assert source.fraction == 1


def test_a_file_without_a_time_in_its_name_ended_when_it_was_last_written(tmp_path: Path) -> None:
    """And `shift_ms` moves it."""
    path = write(tmp_path / "ramp.avi")
    os.utime(path, (1_772_330_460, 1_772_330_460))
    source = source_of(path)
    assert source.first_ms == 1_772_330_460_000 - 6_000
    source.shift_ms = 500
    assert next(iter(source.blocks())).complete_to_ms == 1_772_330_455_000


def test_a_folder_of_pictures_has_the_times_in_their_names_or_a_fixed_rate(tmp_path: Path) -> None:
    """A picture that is none is counted and passed over."""
    for n, shown in enumerate(drive_by()):
        cv2.imwrite(str(tmp_path / f"{n:03}.png"), shown)
    (tmp_path / "030.png").write_bytes(b"torn")
    (tmp_path / "note.txt").write_text("no picture")
    os.utime(tmp_path / "000.png", (1_772_330_400, 1_772_330_400))
    source = source_of(tmp_path)
    blocks = list(source.blocks())
    assert source.first_ms == 1_772_330_400_000
    assert sum(len(block.plates) for block in blocks) == 4
    assert blocks[-1].skipped == {"broken_picture": 1}
    assert source.health()[0].trouble is CameraTrouble.GARBAGE
    named = tmp_path / "named"
    named.mkdir()
    for second in (0, 1, 25):
        cv2.imwrite(str(named / f"cam 20260301T1000{second:02}_250.png"), picture())
    assert [shown.t_ms % 60_000 for shown in Recording(CameraAddress.parse(str(named)), ZONE)] == [
        250,
        1_250,
        25_250,
    ]


def test_times_that_jump_back_are_said_and_kept_in_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The recorder's clock was set: once, in the log, with what to do."""
    for n, second in enumerate((10, 11, 3, 4, 5)):
        cv2.imwrite(str(tmp_path / f"{n}_2026-03-01_10-00-{second:02}.png"), picture())
    recording = Recording(CameraAddress.parse(str(tmp_path)), ZONE)
    times = [shown.t_ms for shown in recording]
    assert times == sorted(times)
    assert recording.trouble is not None
    assert recording.trouble.kind is CameraTrouble.CLOCK
    assert len(caplog.records) == 1
    assert "time server" in caplog.text


def test_a_long_pause_gives_no_empty_blocks(tmp_path: Path) -> None:
    """Pictures of two days are two stretches."""
    for day in (1, 2):
        for second in (0, 1):
            cv2.imwrite(str(tmp_path / f"2026-03-0{day}_10-00-0{second}.png"), picture())
    assert len(list(source_of(tmp_path).blocks())) == 4


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("torn.mp4", b"not a video at all", "not a video that OpenCV can read"),
        ("empty.avi", b"", "not a video that OpenCV can read"),
        ("notes.txt", b"words", "no video that is known by its name"),
        ("nowhere.mp4", None, "there is no such file"),
    ],
)
def test_what_is_no_recording_is_refused(
    tmp_path: Path, name: str, content: bytes | None, expected: str
) -> None:
    """With its name, and what is expected."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=expected):
        source_of(tmp_path / name)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    """It says which pictures are known."""
    with pytest.raises(ConfigurationError, match="no pictures in this folder"):
        source_of(tmp_path)
    with pytest.raises(ConfigurationError, match="no recording"):
        RecordedCameras("gate", {}, {}, MarkReader())


def test_a_video_that_is_cut_off_is_played_up_to_there(tmp_path: Path) -> None:
    """A recorder that lost its power."""
    whole = write(tmp_path / "a.avi").read_bytes()
    (tmp_path / "b.avi").write_bytes(whole[: len(whole) // 2])
    source = source_of(tmp_path / "b.avi")
    blocks = list(source.blocks())
    assert 1 <= len(blocks) <= 5
    assert [one.candidates[0][0] for block in blocks for one in block.plates][:1] == [PLATES[0]]


def test_two_cameras_are_merged_by_time(tmp_path: Path) -> None:
    """One agent, one watermark."""
    paths = [write(tmp_path / f"{name}_2026-03-01_10-00-0{s}.avi") for s, name in enumerate(("a", "b"))]
    cameras = {name: CAMERA.model_copy(update={"id": name}) for name in ("a", "b")}
    recordings = {n: Recording(CameraAddress.parse(str(p)), ZONE) for n, p in zip("ab", paths, strict=True)}
    source = RecordedCameras("gate", recordings, cameras, MarkReader())
    times = [one.t_ms for block in source.blocks() for one in block.plates]
    assert times == sorted(times)
    assert len(times) == 8
    assert source.files == 2


def node(*cameras: str) -> Node:
    """A node with cameras of these names."""
    return Node(
        id="gate",
        floor="F1",
        x_m=0,
        y_m=0,
        cameras=[CAMERA.model_copy(update={"id": name}) for name in cameras],
    )


def test_the_command_line_names_cameras(tmp_path: Path) -> None:
    """By their ids where there are several, or none at all."""
    path = write(tmp_path / "a=b.avi", [picture()] * 3)
    assert list(plan_cameras(node(), [str(path)]).cameras) == ["camera"]
    assert list(plan_cameras(node("ramp"), [str(path)]).cameras) == ["ramp"]
    plan = plan_cameras(node("north", "south"), [f"south={path}"])
    assert list(plan.cameras) == ["south"]
    assert plan.recorded
    assert plan_cameras(node("ramp"), ["rtsp://cam/1"]).live
    for options, expected in (
        ([str(path)], "which is this"),
        (["east=rtsp://cam/1"], "has no camera 'east'"),
        ([f"north={path}", f"north={path}"], "named twice"),
        ([f"north={path}", "south=rtsp://cam/1"], "cannot run together"),
    ):
        with pytest.raises(ConfigurationError, match=expected):
            plan_cameras(node("north", "south"), options)
    with pytest.raises(ConfigurationError, match="MALLSENSE_CAMERA_RAMP"):
        plan_cameras(node("ramp"), [])
    assert not plan_cameras(node(), []).addresses
