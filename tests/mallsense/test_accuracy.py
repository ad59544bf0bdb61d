"""`mallsense evaluate` over many data sets: what is found, how it is calibrated, what is reported."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ConfigurationError
from mallsense.accuracy.cases import Case, cases_in
from mallsense.accuracy.limits import Limits
from mallsense.accuracy.report import rewrite, write_report
from mallsense.accuracy.running import Outcome, run
from mallsense.accuracy.tables import as_json
from mallsense.cli import main
from mallsense.ladder import Step, crowd_of, from_points, points_of
from mallsense.position_score import Comparison
from mallsense.recording import read_recording, survey_of, with_walks_held_out
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap
from simulators.recorded import RecordedDataset
from tests.recorded_folder import RECEIVERS, RecordedFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a floor with ten training walks."""
    return RecordedFolder(train=10, test=2).write(tmp_path_factory.mktemp("data") / "mall-F1")


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> list[Outcome]:
    """Return the floor, evaluated with two deployments."""
    found, failures = run(cases_in([folder], [20, 40], [Step.SURVEY]))
    assert not failures
    return found


def evaluate(*arguments: object) -> int:
    """Run the command; gives its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", *map(str, arguments)])
    return int(caught.value.code or 0)


def test_every_data_set_below_a_folder_is_found(tmp_path: Path) -> None:
    """Floors are found at any depth, each is a case of its own; together, those of one folder are a mall."""
    for name in ("lab", "mall/F1", "mall/F2"):
        RecordedFolder(duration_s=2).write(tmp_path / name)
    (tmp_path / "pictures").mkdir()
    names = [case.folder.name for case in cases_in([tmp_path, tmp_path / "mall" / "F2"], [], [Step.SURVEY])]
    assert names == ["lab", "F1", "F2"]
    malls = cases_in([tmp_path], [], [Step.SURVEY], together=True)
    assert [case.folder.name for case in malls] == ["lab", "mall"]


def test_deployments_are_those_asked_for_or_planned(tmp_path: Path, folder: Path) -> None:
    """A floor has the deployments asked for, or all planned ones; one that plans none has all receivers."""
    lab = RecordedFolder(duration_s=2).write(tmp_path / "lab")
    table = (lab / "receivers.csv").read_text().splitlines()
    (lab / "receivers.csv").write_text("\n".join(line.rsplit(",", 3)[0] for line in table) + "\n")

    def sizes(*receivers: int, every: bool = False) -> list[int | None]:
        cases = cases_in([folder, lab], receivers, [Step.SURVEY], every_deployment=every)
        return [case.receivers for case in cases]

    assert sizes() == [None, None]
    assert sizes(80, 20) == [80, 20, None]
    assert sizes(every=True) == [20, 40, 80, None]
    steps = [case.step for case in cases_in([lab], [], [Step.ZERO, Step.SURVEY, Step.ZERO])]
    assert steps == [Step.ZERO, Step.SURVEY]


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    """What holds no data set, and what is not there, is told apart."""
    with pytest.raises(ConfigurationError, match="no recorded data"):
        cases_in([tmp_path], [], [Step.SURVEY])
    with pytest.raises(ConfigurationError, match="no such folder"):
        cases_in([tmp_path / "nowhere"], [], [Step.SURVEY])


def test_one_bad_data_set_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Broken data sets are named with the reason, the others are scored, and the exit code tells."""
    RecordedFolder().write(tmp_path / "good")
    for name in ("broken", "lost"):
        RecordedFolder(duration_s=2).write(tmp_path / name)
    (tmp_path / "broken" / "walks.csv").write_text("walk,split,duration_s\nw1,sideways,3\n")
    (tmp_path / "lost" / "receivers.csv").unlink()
    assert evaluate(tmp_path, "--json") == 2
    out = capsys.readouterr()
    figures = json.loads(out.out)
    assert figures["good"]["coverage"] == 1.0
    assert len(figures) == 3
    assert "2 of 3 could not be evaluated" in out.err
    assert "walks.csv:2: split: expected train or test, found 'sideways'" in out.err
    assert "no receivers.csv here" in out.err


def test_figures_are_named_by_what_tells_them_apart(outcomes: list[Outcome]) -> None:
    """A data set evaluated once goes by its name; twice, by deployment and calibration, too."""
    assert list(as_json(outcomes[:1], [])) == ["mall-F1"]
    both = as_json(outcomes, [])
    assert [key.split(" ", 1)[1] for key in both] == ["4 survey", "5 survey"]
    assert [figures["receivers"] for figures in both.values()] == [4, 5]


def test_estimates_of_several_cases_are_not_mixed(folder: Path, tmp_path: Path) -> None:
    """One file of estimates is of one data set with one calibration."""
    out = tmp_path / "out.csv"
    assert evaluate(folder, "--receivers", 20, "--receivers", 40, "--estimates", out) == 2
    assert not out.exists()


def test_held_out_walks_leave_test_walks_alone(folder: Path) -> None:
    """A fifth of the training walks is scored, the others calibrate, test walks are in neither."""
    data = RecordedDataset.read(folder)
    held = with_walks_held_out(data)
    tests, trains = set(held.split("test").tolist()), set(held.split("train").tolist())
    assert len(tests) == 2
    assert len(trains) == 8
    assert tests | trains == set(data.split("train").tolist())
    survey, whole = survey_of((held,)), survey_of((data,))
    assert survey is not None
    assert whole is not None
    assert len(survey) == pytest.approx(0.8 * len(whole), rel=0.01)
    with pytest.raises(ConfigurationError, match="too few"):
        with_walks_held_out(held.__class__.read(RecordedFolder(train=1).write(folder.parent / "small")))


def test_labelled_points_are_few_and_far_apart(folder: Path) -> None:
    """Path loss from so many places that are spread over the floor; nothing else of the survey is used.

    What was heard at a place keeps its seconds: the hearing edge is that of a second, not of a visit.
    """
    survey = points_of([RecordedDataset.read(folder), RecordedDataset.read(folder)], 4)
    assert len(survey.way_xyz_m) == 8
    assert not survey.moves
    gaps = np.linalg.norm(survey.way_xyz_m[:4, None] - survey.way_xyz_m[:4], axis=-1)[~np.eye(4, dtype=bool)]
    assert gaps.min() > 10.0
    assert np.bincount(survey.tick).max() <= 2 * len(RECEIVERS)
    recording = read_recording(folder, step=Step.POINTS, points=4)
    radio = recording.calibration.radio
    assert isinstance(radio, SurveyedMap)  # what the walkers' traffic teaches, corrected at the points
    assert radio.base.exponent.mean() == pytest.approx(2.8, abs=0.8)
    still = RecordedFolder(train=0, survey=True).write(folder.parent / "still")
    alone = read_recording(still, step=Step.POINTS, points=4).calibration.radio
    assert isinstance(alone, RadioModel)
    blind = RecordedDataset.read(RecordedFolder(truth=False).write(folder.parent / "blind"))
    with pytest.raises(ConfigurationError, match="no labelled points"):
        from_points(recording.site, radio.base, [blind], 4)


@pytest.mark.parametrize("layout", [RecordedFolder(), RecordedFolder(train=0, survey=True)])
def test_the_crowd_knows_no_place(layout: RecordedFolder, tmp_path: Path) -> None:
    """Unlabelled traffic is that of training walks, else of stationary points: all their levels, no more."""
    data = RecordedDataset.read(layout.write(tmp_path / "floor"))
    crowd = crowd_of([data, data])
    still = data.survey_points
    count = len(still.rssi_dbm) if still else len(data.readings.of(data.split("train")))
    assert len(crowd) == 2 * count
    assert crowd.receiver.max() == 2 * len(RECEIVERS) - 1
    devices = np.unique(crowd.device[:count]), np.unique(crowd.device[count:])
    assert not np.isin(*devices).any()
    assert not any("xy" in name for name in vars(crowd))


def test_nothing_is_learnt_from_nobody(tmp_path: Path) -> None:
    """A floor without any traffic to learn from cannot be calibrated without a survey."""
    with pytest.raises(ConfigurationError, match="no traffic"):
        read_recording(RecordedFolder(train=0).write(tmp_path), step=Step.ZERO)


def test_stated_probabilities_of_honest_errors_are_uniform() -> None:
    """Errors drawn from the stated covariance lie evenly over all its regions."""
    rng = np.random.default_rng(5)
    factor = rng.normal(size=(4000, 2, 2))
    error = np.einsum("nij,nj->ni", factor, rng.normal(size=(4000, 2)))
    none = np.zeros(4000)
    cov = factor @ factor.transpose(0, 2, 1)
    comparison = Comparison(none.astype(int), none, np.zeros((4000, 2)), error, cov, missed=1000)
    stated = np.sort(comparison.stated_probability)
    assert np.abs(stated - np.linspace(0, 1, 4000)).max() < 0.03
    score = comparison.score()
    assert score.coverage == 0.8
    assert score.inside_68 == pytest.approx(0.68, abs=0.02)


def test_bounds_stand_below_what_is_reached(outcomes: list[Outcome]) -> None:
    """Tick alone, filter, and filter with errors that last: each bound is where physics puts it."""
    limits = Limits.of(outcomes[1])
    assert limits is not None
    assert 0.3 < limits.track_m[0] < limits.fix_m
    assert limits.track_m[0] <= limits.lasting_m[0] * limits.sd * 1.05
    assert limits.track_m[0] < limits.reached_m[0] * 1.1
    assert limits.sd == pytest.approx(1.0, abs=0.3)
    assert abs(limits.correlation) < 0.3
    assert limits.reached_m[0] == pytest.approx(outcomes[1].score.median_m)


def test_a_report_holds_tables_and_pictures(outcomes: list[Outcome], tmp_path: Path) -> None:
    """The Markdown shows every figure and every picture, all of which are there and small."""
    report = tmp_path / "docs" / "accuracy.md"
    write_report(report, outcomes)
    text = report.read_text()
    pictures = [line.split("](")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(pictures) == 3
    for picture in pictures:
        assert 2_000 < (report.parent / picture).stat().st_size < 150_000
    assert f"| mall-F1 | 5 | survey | 24 | 100.0% | {outcomes[1].score.median_m:.2f} |" in text
    assert "errors that last" in text
    before = {path: path.read_bytes() for path in report.parent.rglob("*.*")}
    write_report(report, outcomes)
    assert {path: path.read_bytes() for path in report.parent.rglob("*.*")} == before


def test_only_generated_sections_are_replaced(tmp_path: Path) -> None:
    """What people wrote stays; new sections come last; a section without an end is refused."""
    report = tmp_path / "a.md"
    report.write_text("# Mine\n\n<!-- generated: a -->\nold\n<!-- end: a -->\n\nand words\n")
    rewrite(report, {"a": "new", "b": "more"})
    text = report.read_text()
    assert text.startswith("# Mine\n\n<!-- generated: a -->\n\nnew\n\n<!-- end: a -->\n\nand words\n")
    assert "old" not in text
    assert text.endswith("<!-- generated: b -->\n\nmore\n\n<!-- end: b -->\n")
    report.write_text("<!-- end: a --> <!-- generated: a -->")
    with pytest.raises(ConfigurationError, match="has no"):
        rewrite(report, {"a": "new"})


def test_a_report_that_cannot_be_written_is_told(outcomes: list[Outcome], tmp_path: Path) -> None:
    """A file in the way of its folder is an error one can mend."""
    (tmp_path / "docs").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_report(tmp_path / "docs" / "a.md", outcomes)


def test_the_packages_that_draw_are_asked_for_first(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without matplotlib the command says what to install, before it has worked for minutes."""
    for name in [name for name in sys.modules if name.startswith(("matplotlib", "mallsense.accuracy."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert evaluate(folder, "--report", tmp_path / "a.md") == 2
    assert "pip install 'mallsense[report]'" in capsys.readouterr().err


def test_no_walks_to_test_gives_a_table_without_pictures(tmp_path: Path) -> None:
    """Where nothing could be compared there is nothing to draw, and no failure."""
    source = RecordedFolder(test=0).write(tmp_path / "floor")
    found, failures = run([Case(source, None, Step.SURVEY)])
    assert not failures
    assert Limits.of(found[0]) is None
    write_report(tmp_path / "a.md", found)
    assert not (tmp_path / "images").exists()
    shutil.rmtree(source)
