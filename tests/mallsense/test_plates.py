"""`mallsense plates`: the table it writes of pictures and of videos, and what it says of bad ones."""

import csv
import logging
import shutil
import stat
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.main import get_command

from contracts.errors import ConfigurationError
from mallsense.plates import COLUMNS, plates

NAME = "16d6ae9838.jpg"


def run(*arguments: str | Path) -> None:
    """Run the command with these arguments on one core."""
    app = typer.Typer()
    app.command()(plates)
    get_command(app)([*map(str, arguments), "--threads", "1"], standalone_mode=False)


def rows_of(path: Path) -> list[list[str]]:
    """Read a table with its header."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def photograph(recorded_data: Path) -> Path:
    """A photograph of a car."""
    return recorded_data / "plates" / "ccpd" / NAME


@pytest.fixture(scope="module")
def plate(photograph: Path) -> str:
    """What its label says."""
    return next(plate for name, plate in rows_of(photograph.parent / "labels.csv") if name == NAME)


def test_a_folder_becomes_a_table(
    photograph: Path,
    plate: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each plate has a row; a broken picture is skipped and counted; plates are in the table alone."""
    caplog.set_level(logging.DEBUG)
    shutil.copy(photograph, tmp_path / "car.jpg")
    cv2.imwrite(str(tmp_path / "lane.png"), np.full((200, 300, 3), 90, np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either", encoding="utf-8")
    out = tmp_path / "out" / "plates.csv"
    out.parent.mkdir()
    run(tmp_path, "--out", out)
    head, row, *others = rows_of(out)
    assert tuple(head) == COLUMNS
    assert row[:2] == ["car.jpg", plate]
    assert float(row[2]) > 0.9
    x, y, width, height = map(int, row[3:])
    assert 0 <= x < x + width <= 720
    assert 0 <= y < y + height <= 1160
    assert all(other[0] != "broken.jpg" for other in others)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    told = capsys.readouterr()
    assert "3 pictures, 1 with a plate (1 at" in told.out
    assert "1 pictures could not be decoded" in told.out
    assert "broken.jpg cannot be decoded" in caplog.text
    assert plate[1:] not in told.out + told.err + caplog.text


def test_frames_of_a_video_are_numbered(photograph: Path, plate: str, tmp_path: Path) -> None:
    """A video's rows name the file and the frame, from 0, of every second frame here."""
    video = tmp_path / "lane.avi"
    image = cv2.imread(str(photograph))
    assert image is not None
    size = (360, 580)
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 5, size)
    for _ in range(3):
        writer.write(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    writer.release()
    out = tmp_path / "plates.csv"
    run(video, "--out", out, "--every", "2", "--side", "640")
    assert [row[:2] for row in rows_of(out)[1:]] == [["lane.avi#0", plate], ["lane.avi#2", plate]]


def test_one_picture(photograph: Path, plate: str, tmp_path: Path) -> None:
    """A picture alone will do; with another country's plates expected, this one is not believed."""
    run(photograph, "--out", tmp_path / "cn.csv")
    run(photograph, "--out", tmp_path / "fr.csv", "--country", "FR")
    assert rows_of(tmp_path / "cn.csv")[1][1] == plate
    assert all(float(row[2]) < 0.1 for row in rows_of(tmp_path / "fr.csv")[1:])


def test_what_it_says_where_it_cannot(
    photograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing there, nothing to read, no video, no such country, nowhere to write: each is said."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="no file or folder"):
        run(tmp_path / "absent")
    with pytest.raises(ConfigurationError, match="no picture in the folder"):
        run(tmp_path)
    (tmp_path / "lane.mp4").write_bytes(b"no video")
    with pytest.raises(ConfigurationError, match="no video that can be decoded"):
        run(tmp_path / "lane.mp4")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ConfigurationError, match="none of the 1 pictures"):
        run(tmp_path / "broken.jpg")
    with pytest.raises(ConfigurationError, match="'XX'"):
        run(photograph, "--country", "XX")
    size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)  # more pixels than OpenCV takes
    head = struct.pack(">I", 13) + b"IHDR" + size + struct.pack(">I", zlib.crc32(b"IHDR" + size))
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head)
    with pytest.raises(ConfigurationError, match="none of the 1 pictures"):
        run(tmp_path / "huge.png")
    assert not (tmp_path / "plates.csv").exists()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        run(photograph, "--out", tmp_path / "absent" / "plates.csv")
