"""`mallsense evaluate`: recorded walks through the engine, without a broker."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from mallsense.accuracy.playing import estimate
from mallsense.cli import main
from mallsense.estimates import write_estimates
from mallsense.position_score import score_positions
from mallsense.recording import read_recording
from mallsense.textbook import _FIGURES, textbook
from tests.recorded_folder import RECEIVERS, RecordedFolder


def run(*arguments: object) -> int:
    """Run the command; gives its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", *map(str, arguments)])
    return int(caught.value.code or 0)


def test_scores_and_estimates_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The estimates have all columns, one a second for each test walk; the score is printed as JSON."""
    folder, out = RecordedFolder().write(tmp_path / "mall-F1"), tmp_path / "estimates.csv"
    assert run(folder, "--estimates", out, "--json") == 0
    score = json.loads(capsys.readouterr().out)["mall-F1"]
    assert score["coverage"] == 1.0
    assert score["median_m"] < 6
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"walk", "t_s", "x_m", "y_m", "xx_m2", "xy_m2", "yy_m2"}
    assert {row["walk"] for row in rows} == {"test4", "test5"}
    assert len(rows) >= 2 * 24
    assert all(float(row["xx_m2"]) > 0 for row in rows)


def test_the_textbook_stands_beside_test_walks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder whose name has published figures for so many receivers is shown with them, whole."""
    figures = tuple((9.0 + i, 20.0 + i) for i in range(5))
    monkeypatch.setitem(_FIGURES, ("mall-F1", len(RECEIVERS)), figures)
    folder = RecordedFolder(train=5).write(tmp_path / "mall-F1")
    assert run(folder, "--receivers", 40) == 0
    out = capsys.readouterr().out
    assert "12.00 / 23.0" in out
    assert "13.00 / 24.0" in out
    assert run(folder, "--receivers", 40, "--held-out") == 0
    assert "12.00 / 23.0" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folder", "note"),
    [
        (RecordedFolder(train=0), "no calibration data"),
        (RecordedFolder(truth=False), "no calibration data"),
        (RecordedFolder(train=0, survey=True, mapped=False), ""),
        (RecordedFolder(test=0), ""),
        (RecordedFolder(mapped=False), ""),
    ],
    ids=["test walks alone", "no truth", "survey points, no map", "nothing to test", "no map"],
)
def test_any_folder_of_the_layout_is_accepted(
    tmp_path: Path, folder: RecordedFolder, note: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever optional part a folder lacks, the run ends well and says what it had to do without."""
    assert run(folder.write(tmp_path / "some"), "--estimates", tmp_path / "out.csv") == 0
    assert note in capsys.readouterr().out
    assert (tmp_path / "out.csv").read_text().startswith("walk,t_s,x_m,y_m,")


def test_estimates_use_nothing_from_the_future(tmp_path: Path) -> None:
    """What is heard later changes no estimate made before."""
    whole = {
        (e.walk, e.t_s): e.xy_m.tolist() for e in estimate(read_recording(RecordedFolder().write(tmp_path)))
    }
    recording = read_recording(tmp_path)
    data = recording.datasets[0]
    keep = data.readings.t_s < 12.0
    cut = type(data.readings)(*(column[keep] for column in vars(data.readings).values()))
    object.__setattr__(data, "readings", cut)
    early = {(e.walk, e.t_s): e.xy_m.tolist() for e in estimate(recording) if e.t_s <= 12.0}
    assert early
    assert all(whole[key] == place for key, place in early.items())


def test_floors_of_a_mall_are_evaluated_together(tmp_path: Path) -> None:
    """A folder of floors is one site; each floor is scored in the frame of its own files."""
    for number in (1, 2):
        folder = RecordedFolder(seed=number).write(tmp_path / f"site9-F{number}")
        plan = (folder / "geojson_map.json").read_text().replace('"name": "F1"', f'"name": "F{number}"')
        (folder / "geojson_map.json").write_text(plan.replace('"floor_num": 1', f'"floor_num": {number}'))
        for name in ("walks.csv", "heard.csv.gz", "truth.csv.gz"):
            _rename_walks(folder / name, f"f{number}")
    recording = read_recording(tmp_path)
    found = list(estimate(recording))
    for data in recording.unmoved():
        score = score_positions(data, found)
        assert score.coverage == 1.0
        assert score.median_m is not None
        assert score.median_m < 6


def test_nothing_to_evaluate_is_told(tmp_path: Path) -> None:
    """Without a folder, or with one that is not there, the command says what it wants."""
    assert run() == 2
    assert run(tmp_path / "nowhere") == 2
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_estimates(tmp_path / "no" / "such.csv", [])


def test_textbook_figures_are_for_their_own_deployment() -> None:
    """Published figures are shown for the data set and the receivers they were measured with."""
    assert textbook("site1-F2", 40)[3] == ("dB-domain maximum likelihood + KF", 11.55, 62.5)
    assert textbook("lab12", 12)
    assert textbook("site1-F2", 20) == []


def _rename_walks(path: Path, prefix: str) -> None:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        text = file.read()
    with opener(path, "wt") as file:
        file.write(text.replace("\ntrain", f"\n{prefix}-train").replace("\ntest", f"\n{prefix}-test"))
