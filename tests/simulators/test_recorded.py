"""Reading recorded data sets: the layout, what is left out, and errors with file and line."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from simulators.recorded import RecordedDataset
from simulators.recorded_tables import channel_of
from tests.recorded_folder import RECEIVERS, RecordedFolder


def replace(path: Path, before: str, after: str) -> None:
    """Change the text of a file, zipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        text = file.read()
    assert before in text
    with opener(path, "wt") as file:
        file.write(text.replace(before, after, 1))


def test_a_folder_is_read_as_columns(tmp_path: Path) -> None:
    """Receivers, walks, readings and truth come as columns whose indices point at each other."""
    data = RecordedDataset.read(RecordedFolder().write(tmp_path))
    assert data.receivers == tuple(RECEIVERS)
    assert data.receiver_xyz_m[1].tolist() == [38.0, 3.0, 3.0]
    assert [data.walks[i].id for i in data.split("test")] == ["test4", "test5"]
    assert len(data.readings) == 6 * 30 * 5
    assert set(data.readings.channel.tolist()) == {6}
    assert (np.diff(data.readings.walk) >= 0).all()
    assert data.truth.of(data.split("train")).xyz_m.shape == (8, 3)
    assert not data.skipped.counts


def test_a_planned_deployment_has_its_receivers_only(tmp_path: Path) -> None:
    """With 20 receivers, what the others heard is left out without a word."""
    data = RecordedDataset.read(RecordedFolder().write(tmp_path), 20)
    assert data.receivers == ("A", "B", "C", "D")
    assert len(data.readings) == 6 * 30 * 4
    assert not data.skipped.counts


def test_a_survey_without_frequencies_and_with_heights_is_read(tmp_path: Path) -> None:
    """Heights and frequencies are optional columns; a survey is an optional file."""
    folder = RecordedFolder(survey=True).write(tmp_path)
    replace(
        folder / "receivers.csv", "receiver,x_m,y_m,in_20,in_40,in_80", "receiver,x_m,y_m,z_m,in_40,in_80"
    )
    replace(folder / "heard.csv.gz", "rssi_dbm,freq_mhz", "rssi_dbm,unknown")
    data = RecordedDataset.read(folder)
    assert data.receiver_xyz_m[0, 2] == 1.0
    assert set(data.readings.channel.tolist()) == {0}
    assert data.survey_points is not None
    assert len(data.survey_points.receiver) == 5 * 3 * 5 * 4


def test_walks_without_truth_or_readings_are_walks(tmp_path: Path) -> None:
    """A folder without truth, with a walk that nobody heard, is read."""
    folder = RecordedFolder(truth=False).write(tmp_path)
    with (folder / "walks.csv").open("a") as file:
        file.write("silent,test,10\n")
    data = RecordedDataset.read(folder)
    assert len(data.walks) == 7
    assert not len(data.truth.t_s)


def test_bad_rows_are_counted_with_the_place_of_the_first(tmp_path: Path) -> None:
    """A reading that cannot be used is left out and told of, once a cause; the rest is read."""
    folder = RecordedFolder().write(tmp_path)
    heard = folder / "heard.csv.gz"
    replace(heard, "train0,0.400,A,", "train0,0.400,Z,")
    replace(heard, "train0,0.400,B,", "nobody,0.400,B,")
    replace(heard, "train0,0.400,C,", "train0,nan,C,")
    replace(heard, "train0,0.400,D,-", "train0,0.400,D,1")
    data = RecordedDataset.read(folder)
    assert len(data.readings) == 6 * 30 * 5 - 4
    text = "\n".join(data.skipped.lines())
    for part in (
        "heard.csv.gz:2)",
        "receiver is not in receivers.csv",
        "not a number",
        "rssi_dbm outside",
        "walk is not in walks.csv",
    ):
        assert part in text
    assert set(data.skipped.counts.values()) == {1}


@pytest.mark.parametrize(
    ("file", "before", "after", "expected"),
    [
        ("receivers.csv", "A,2.0,", "A,two,", ["receivers.csv:2", "x_m", "expected a number, found 'two'"]),
        ("receivers.csv", "B,38.0", "A,38.0", ["receivers.csv:3", "a name of its own, found 'A'"]),
        (
            "receivers.csv",
            "receiver,x_m",
            "node,x_m",
            ["receivers.csv:1", "no column receiver", "found node"],
        ),
        (
            "walks.csv",
            "train0,train",
            "train0,trian",
            ["walks.csv:2", "expected train or test, found 'trian'"],
        ),
        ("walks.csv", "train1,", "train0,", ["walks.csv:3", "a name of its own"]),
        ("heard.csv.gz", "rssi_dbm", "level", ["heard.csv.gz:1", "no column rssi_dbm"]),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_line(
    tmp_path: Path, file: str, before: str, after: str, expected: list[str]
) -> None:
    """Mistakes in what describes the recording name the place and what was expected."""
    folder = RecordedFolder().write(tmp_path)
    replace(folder / file, before, after)
    with pytest.raises(ConfigurationError) as caught:
        RecordedDataset.read(folder)
    for part in expected:
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["receivers.csv", "walks.csv", "heard.csv.gz"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    """Without one of the three needed files the error says which."""
    folder = RecordedFolder().write(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ConfigurationError, match=name):
        RecordedDataset.read(folder)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """A download that broke off is an error, not a short recording."""
    heard = RecordedFolder().write(tmp_path) / "heard.csv.gz"
    heard.write_bytes(heard.read_bytes()[:-200])
    with pytest.raises(ConfigurationError, match=r"heard\.csv\.gz: cannot be read"):
        RecordedDataset.read(tmp_path)


def test_an_unknown_deployment_is_refused(tmp_path: Path) -> None:
    """A deployment that receivers.csv does not plan is named."""
    with pytest.raises(ConfigurationError, match="no column in_50"):
        RecordedDataset.read(RecordedFolder().write(tmp_path), 50)


def test_a_moved_recording_moves_back(tmp_path: Path) -> None:
    """`placed` renames receivers and moves all places; `unmoved` undoes the move alone."""
    data = RecordedDataset.read(RecordedFolder(survey=True).write(tmp_path))
    moved = data.placed(prefix="F2-", offset_m=(10.0, -5.0, 4.0))
    assert moved.receivers[0] == "F2-A"
    assert moved.receiver_xyz_m[0].tolist() == [12.0, -3.0, 7.0]
    assert moved.truth.xyz_m[0, 2] == pytest.approx(5.2)
    np.testing.assert_allclose(moved.unmoved().truth.xyz_m, data.truth.xyz_m)
    assert moved.unmoved().offset_m == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("freq_mhz", "channel"),
    [(2412, 1), (2437, 6), (2472, 13), (2484, 14), (5180, 36), (5825, 165), (5955, 1), (900, 0)],
)
def test_frequencies_are_channels(freq_mhz: float, channel: int) -> None:
    """2.4, 5 and 6 GHz channels follow from their centre frequencies."""
    assert channel_of(freq_mhz) == channel


@given(st.text(max_size=300))
def test_any_text_as_readings_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """No content of heard.csv makes the reader fail in another way than with a helpful error."""
    folder = RecordedFolder(train=1, test=1, duration_s=2).write(tmp_path_factory.mktemp("any"))
    (folder / "heard.csv.gz").unlink()
    (folder / "heard.csv").write_text("walk,t_s,receiver,rssi_dbm\n" + text, encoding="utf-8")
    try:
        RecordedDataset.read(folder)
    except ConfigurationError as error:
        assert "heard.csv" in error.message


@pytest.mark.parametrize("name", ["mall/site1-F1", "mall/site1-F2", "mall/site1-F3", "lab12"])
def test_the_real_recordings_are_read_whole(recorded_data: Path, name: str) -> None:
    """Nothing of the real data sets is left out."""
    data = RecordedDataset.read(recorded_data / name)
    assert len(data.readings) > 5000
    assert not [cause for cause in data.skipped.counts if "rssi" not in cause]
