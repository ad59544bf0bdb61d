"""`mallsense evaluate --simulated`: a simulated day is scored against its truth."""

import json

import pytest

from mallsense.cli import main
from mallsense.simulated_day import DayScore, score_day


@pytest.fixture(scope="module")
def score() -> DayScore:
    """Four minutes of a mall with 60 shoppers whose phones keep their addresses."""
    return score_day(shoppers=60, hours=4 / 60, seed=3, fixed_addresses=True)


@pytest.mark.timeout(600)
def test_positions_are_near_the_truth_and_on_the_right_floor(score: DayScore) -> None:
    """Estimates of people who were there are metres from them, not tens of metres."""
    assert score.positions.count > 50
    assert score.positions.median_m < 10
    assert score.positions.right_floor > 0.9
    assert 0.4 < score.positions.inside_68 < 0.95


@pytest.mark.timeout(600)
def test_with_fixed_addresses_a_device_is_a_person(score: DayScore) -> None:
    """Every pseudonym belongs to another person, so counts are near the truth."""
    assert score.devices == score.people > 10
    assert score.present_error < 0.5


@pytest.mark.timeout(600)
def test_visits_are_found(score: DayScore) -> None:
    """Matched visits exist, and no figure contradicts another."""
    visits = score.visits
    assert 0 < visits.matched <= min(visits.true, visits.estimated)
    assert visits.precision == pytest.approx(visits.matched / visits.estimated)
    assert visits.recall == pytest.approx(visits.matched / visits.true)


@pytest.mark.timeout(600)
def test_figures_are_plain_json(score: DayScore) -> None:
    """What --json prints can be read back; what could not be measured is null."""
    read = json.loads(json.dumps(score.to_dict(), allow_nan=False))
    assert read["seed"] == 3
    assert read["positions"]["count"] == score.positions.count


@pytest.mark.timeout(600)
def test_a_day_too_short_to_score_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Half a minute has no whole minute to count people in."""
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "--simulated", "--hours", "0.01"])
    assert caught.value.code == 2
    assert "expected at least" in capsys.readouterr().err
