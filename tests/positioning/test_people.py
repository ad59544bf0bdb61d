"""People from what is heard: counts near by, the answer of an index, numbers followed by windows."""

import json
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from positioning.people.check import Agreement, by_hour, columns, days_left_out, days_needed
from positioning.people.follow import Follow
from positioning.people.heard import Floats, Ints, concurrent
from positioning.people.index import Index
from positioning.people.model import PeopleModel, Windows
from positioning.people.response import Response
from positioning.people.turnover import Turnover

MINUTE_MS = 60_000
WINDOW_S = 600
NEAR = np.array([-70.0])


def room(seed: int, days: int = 10, *, day_sd: float = 0.8, windows: int = 18) -> Windows:
    """Simulate a room: people come and go in groups, a quarter of the roots' level is the street's."""
    rng = np.random.default_rng(seed)
    people, heard, day, start_s = [], [], [], []
    for number in range(days):
        level = rng.normal(0, day_sd)
        present = 0.0
        for window in range(windows):
            present = (
                float(rng.integers(0, 21)) if window % 6 == 0 else max(present + rng.normal(0, 0.3), 0.0)
            )
            root = (present + 4.0 + level + rng.normal(0, 1.2)) / 5.0
            other = rng.poisson(3.0) / 10.0
            people.append(present)
            heard.append([max(root, 0.0) ** 2, other])
            day.append(number)
            start_s.append(1_700_000_000 + number * 86_400 + window * WINDOW_S)
    return Windows(np.array(day), np.array(start_s), np.array(heard), np.array(people))


def heard_at(
    minutes: list[int], things: list[int], rssi_dbm: float = -40.0, levels_dbm: Floats = NEAR
) -> Floats:
    """Count what is heard in given minutes, in two windows of ten."""
    t_ms: Ints = np.array(minutes, dtype=np.int64) * MINUTE_MS + 5
    starts = np.array([0, 10 * MINUTE_MS])
    loud = np.full(len(t_ms), rssi_dbm)
    return concurrent(t_ms, np.array(things), loud, starts, 10 * MINUTE_MS, levels_dbm)


def test_who_stays_counts_ten_times_who_passes_by() -> None:
    """A thing heard in every minute counts one, one heard in a single minute a tenth, however often."""
    stays = heard_at(list(range(10)), [1] * 10)
    passes = heard_at([3, 3, 3], [1, 1, 1])
    assert stays[0, 0] == pytest.approx(1.0, abs=1e-3)
    assert passes[0, 0] == pytest.approx(0.1, abs=1e-3)
    assert stays[1, 0] == passes[1, 0] == 0.0


def test_what_lies_outside_the_windows_is_not_counted() -> None:
    """Observations before the first and after the last window are left out; none at all count nothing."""
    assert heard_at([-1, 20, 500], [1, 2, 3]).sum() == 0.0
    assert heard_at([], []).shape == (2, 1)


@given(st.floats(-100, -20), st.floats(0.5, 30))
def test_louder_counts_more(rssi_dbm: float, louder_db: float) -> None:
    """What is heard louder counts at least as much, at the level itself a half."""
    quiet, loud = (heard_at([1], [1], level)[0, 0] for level in (rssi_dbm, rssi_dbm + louder_db))
    assert quiet <= loud
    assert heard_at([1], [1], -70.0)[0, 0] == pytest.approx(0.05)


def test_index_finds_what_matters() -> None:
    """Of two things heard, the one that grows with people gets the weight."""
    windows = room(1, day_sd=0.0)
    index = Index.fit(windows.heard, windows.people)
    assert index.weight[0] == pytest.approx(5.0, rel=0.15)
    assert abs(index.weight[1]) < 0.3 * index.weight[0]
    assert np.corrcoef(index.apply(windows.heard), windows.people)[0, 1] > 0.95


def test_response_tells_days_from_windows() -> None:
    """The line, the spread between days and the spread within days come back from simulated windows."""
    rng = np.random.default_rng(5)
    day = np.repeat(np.arange(60), 12)
    people = rng.uniform(0, 20, len(day))
    index = 2.0 + 0.8 * people + rng.normal(0, 1.5, 60)[day] + rng.normal(0, 0.7, len(day))
    found = Response.fit(index, people, day)
    assert found.line == pytest.approx([2.0, 0.8], abs=0.5)
    assert found.line[1] == pytest.approx(0.8, abs=0.02)
    assert found.day_sd == pytest.approx(1.5, rel=0.25)
    assert found.noise_sd == pytest.approx(0.7, rel=0.1)
    # How well the offset is known is a matter of days, not of windows.
    assert found.covariance[0, 0] ** 0.5 == pytest.approx(1.5 / 60**0.5, rel=0.3)


def test_turnover_tells_leaps_from_drift() -> None:
    """Lectures that begin are leaps, somebody who leaves is drift, and a pause between windows is neither."""
    people = np.array([10.0, 10.2, 9.9, 20.0, 20.1, 20.0, 0.0, 0.1])
    start_s = np.array([0, 1, 2, 3, 4, 5, 16, 17]) * WINDOW_S
    found = Turnover.fit(people, np.zeros(8, dtype=np.int64), start_s, WINDOW_S)
    assert found.leap == pytest.approx(2 / 8)
    assert found.drift < 1.0
    assert found.usual.sum() == pytest.approx(1.0)
    assert found.usual.min() > 0.0
    assert found.change.sum(axis=1) == pytest.approx(np.ones(len(found.people)))


def test_estimates_of_days_left_out_are_right_and_honest() -> None:
    """On rooms simulated anew, the error is a few people and about 90 % of the counts are in the interval."""
    inside, errors = [], []
    for seed in range(4):
        windows = room(seed)
        people, low, high = days_left_out(windows, WINDOW_S)
        found = Agreement.of(people, low, high, windows.people)
        inside.append(found.inside)
        errors.append(found.error)
        assert found.explained > 0.8
    assert 0.85 <= np.mean(inside) <= 0.96
    assert np.mean(errors) < 1.5


def test_intervals_grow_with_the_difference_between_days() -> None:
    """Where days differ more, the same windows are estimated with wider intervals."""
    widths = []
    for day_sd in (0.1, 4.0):
        windows = room(2, day_sd=day_sd)
        _, low, high = columns(PeopleModel.fit(windows, WINDOW_S).estimate(windows))
        widths.append(float(np.mean(high - low)))
    assert widths[1] > 1.2 * widths[0]


def test_estimates_are_causal() -> None:
    """What is heard later on a day, or on another day, changes no estimate."""
    model = PeopleModel.fit(room(3), WINDOW_S)
    day = room(4, days=2)
    first = day.only(np.arange(7))
    assert model.estimate(day)[:7] == model.estimate(first)
    assert model.estimate(day)[18:] == model.estimate(day.only(day.day == 1))


def test_numbers_are_never_negative_and_lie_in_their_interval() -> None:
    """However little or much is heard, 0 <= low <= people <= high."""
    model = PeopleModel.fit(room(3), WINDOW_S)
    for index in (-1e6, -20.0, 0.0, 15.0, 1e6):
        one = Follow(model.response, model.turnover).hear(index)
        assert 0.0 <= one.low <= one.people <= one.high


def test_one_silent_window_does_not_empty_the_room() -> None:
    """A gap of the capture in the middle of a lecture hardly moves the estimate of the window after it."""
    model = PeopleModel.fit(room(6), WINDOW_S)
    follow = Follow(model.response, model.turnover)
    before = [follow.hear(15.0) for _ in range(5)][-1]
    follow.hear(-40.0)
    assert follow.hear(15.0).people == pytest.approx(before.people, abs=1.0)


def test_model_survives_a_file() -> None:
    """A model read back from JSON gives the same estimates; one that does not fit together is refused."""
    windows = room(7)
    model = PeopleModel.fit(windows, WINDOW_S)
    data = json.loads(json.dumps(model.to_dict()))
    assert PeopleModel.from_dict(data).estimate(windows) == model.estimate(windows)
    with pytest.raises(ValueError, match="fit together"):
        PeopleModel.from_dict({**data, "index": {**data["index"], "centre": [1.0]}})
    with pytest.raises(ValueError, match="finite"):
        PeopleModel.from_dict({**data, "turnover": {**data["turnover"], "usual": [float("nan")]}})


def test_too_little_to_learn_from() -> None:
    """Two days, or counts that never change, are refused in words."""
    windows = room(1)
    with pytest.raises(ValueError, match="at least 3 days, found 2"):
        PeopleModel.fit(windows.only(windows.day < 2), WINDOW_S)
    with pytest.raises(ValueError, match="same in every window"):
        PeopleModel.fit(replace(windows, people=np.full(len(windows.people), 4.0)), WINDOW_S)


def test_few_days_ask_for_more() -> None:
    """Of four counted days more are asked for, of many not; hours have the bias of their windows."""
    few, many = room(8, days=4), room(8, days=40)
    assert cast("int", days_needed(PeopleModel.fit(few, WINDOW_S).response, 4, 10.0)) > 4
    assert days_needed(PeopleModel.fit(many, WINDOW_S).response, 40, 10.0) == 40
    hours = list(by_hour(np.array([1.0, 3.0, -1.0]), np.array([0, 60, 3600])))
    assert hours == [(0, 2, 2.0), (1, 1, -1.0)]
