"""Our score of positions is the published protocol's."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mallsense.estimates import Estimate, write_estimates
from mallsense.position_score import Score, score_positions
from simulators.recorded import RecordedDataset
from tests.recorded_folder import RecordedFolder


def noisy(data: RecordedDataset, *, seed: int, every_s: float, sd_m: float) -> list[Estimate]:
    """Estimates that are the truth plus noise, with gaps, for some of the test walks."""
    rng = np.random.default_rng(seed)
    found = []
    for i in data.split("test").tolist()[::2]:
        truth = data.truth.of(np.array([i]))
        for t_s in np.arange(1.0, truth.t_s[-1], every_s):
            if rng.random() < 0.3:
                continue
            xy_m = np.array([np.interp(t_s, truth.t_s, truth.xyz_m[:, k]) for k in range(2)])
            cov = np.diag(rng.uniform(0.5, 2.0, 2)) * sd_m**2
            found.append(Estimate(data.walks[i].id, float(t_s), xy_m + rng.normal(0, sd_m, 2), cov))
    return found


@pytest.mark.parametrize(
    ("name", "receivers", "every_s"),
    [("mall/site1-F1", 40, 1.0), ("mall/site1-F3", 20, 7.0), ("lab12", None, 0.7)],
)
def test_both_scores_agree(
    recorded_data: Path, tmp_path: Path, name: str, receivers: int | None, every_s: float
) -> None:
    """The published script gives the same figures, covariance and missed instants included."""
    script = recorded_data.parent / "tools" / "score_positions.py"
    if not script.exists():
        pytest.skip(f"no scoring script at {script}")
    data = RecordedDataset.read(recorded_data / name, receivers)
    found = noisy(data, seed=3, every_s=every_s, sd_m=3.0)
    write_estimates(tmp_path / "estimates.csv", found)
    command = [
        sys.executable,
        str(script),
        str(recorded_data / name),
        str(tmp_path / "estimates.csv"),
        "--json",
    ]
    command += ["--receivers", str(receivers)] if receivers else []
    theirs = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    ours = {key: value for key, value in score_positions(data, found).rounded().items() if value is not None}
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert 0 < theirs["coverage"] < 1


def test_perfect_estimates_have_no_error(tmp_path: Path) -> None:
    """The truth itself scores zero metres; walks without any estimate count as missed."""
    data = RecordedDataset.read(RecordedFolder().write(tmp_path))
    score = score_positions(data, noisy(data, seed=1, every_s=1.0, sd_m=1e-9))
    assert score.median_m == pytest.approx(0.0, abs=1e-6)
    assert 0.4 < score.coverage < 0.6


def test_nothing_to_compare_gives_no_figures(tmp_path: Path) -> None:
    """Without truth there are no instants; without estimates all are missed."""
    data = RecordedDataset.read(RecordedFolder().write(tmp_path / "a"))
    assert score_positions(data, []) == Score(2 * 12, 0.0)
    blind = RecordedDataset.read(RecordedFolder(truth=False).write(tmp_path / "b"))
    assert score_positions(blind, []) == Score(0, 0.0)
