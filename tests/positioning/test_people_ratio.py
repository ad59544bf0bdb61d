"""Phones a person: learnt from counts, with a prior where there are few, and honest intervals of people."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from positioning.people.check import counts_needed
from positioning.people.heard import Floats, Ints
from positioning.people.ratio import DAY_SD, PHONES_SD, PhonesPerPerson

Z_90 = 1.645


def mall(
    rng: np.random.Generator, phones: float, nobodys: float, days: int, windows: int = 12
) -> tuple[Floats, Floats, Ints]:
    """Simulate devices found, people, and days: days differ by 5 %, devices are drawn one by one."""
    day = np.repeat(np.arange(days), windows)
    people = rng.uniform(50, 400, len(day))
    share = phones * (1.0 + rng.normal(0.0, 0.05, days)[day])
    return rng.poisson(np.maximum(nobodys + share * people, 0.0)).astype(np.float64), people, day


def test_line_comes_back() -> None:
    """Of many days, phones a person and devices of nobody are found, and how much days differ."""
    devices, people, day = mall(np.random.default_rng(1), 0.85, 8.0, 60)
    model = PhonesPerPerson.fit(devices, np.zeros(len(day)), people, day)
    assert model.phones == pytest.approx(0.85, abs=0.02)
    assert model.line[0] == pytest.approx(8.0, abs=3.0)
    assert model.day_sd == pytest.approx(0.05, rel=0.35)


def test_people_of_other_days_lie_in_their_intervals() -> None:
    """Learnt from one to five days of noisy counts, about 90 % of other days' people are in the interval."""
    rng = np.random.default_rng(2)
    inside, bias = [], []
    for _ in range(150):
        phones, nobodys = rng.normal(1.0, 0.2), rng.uniform(0, 8)
        devices, people, day = mall(rng, phones, nobodys, int(rng.integers(1, 6)))
        counted = people * rng.normal(1.0, 0.03, len(people))
        model = PhonesPerPerson.fit(devices, np.full(len(day), 10.0), counted, day)
        devices, people, _ = mall(rng, phones, nobodys, 3, 4)
        for found, true in zip(devices, people, strict=True):
            told, variance = model.people(float(found), 10.0)
            inside.append(abs(told - true) <= Z_90 * variance**0.5)
            bias.append(told / true - 1.0)
    assert 0.86 <= np.mean(inside) <= 0.95
    assert abs(np.mean(bias)) < 0.02


def test_without_counts_the_ratio_is_assumed_and_said_to_be_unsure() -> None:
    """The prior gives devices back as people, with the stated spread of phones a person."""
    people, variance = PhonesPerPerson.prior().people(200.0, 0.0)
    assert people == pytest.approx(200.0)
    assert variance**0.5 / people == pytest.approx((PHONES_SD**2 + DAY_SD**2) ** 0.5)
    assert PhonesPerPerson.prior().people(0.0, 0.0) == (0.0, 0.0)


def test_one_count_helps_already() -> None:
    """A single count moves the ratio towards what was counted, and makes people surer."""
    none: Ints = np.zeros(1, dtype=np.int64)
    model = PhonesPerPerson.fit(np.array([160.0]), np.array([30.0]), np.array([200.0]), none)
    told, variance = model.people(160.0, 30.0)
    _, before = PhonesPerPerson.prior().people(160.0, 30.0)
    assert told == pytest.approx(200.0, rel=0.08)
    assert variance < 0.6 * before


def test_many_devices_a_person_are_believed() -> None:
    """Where every address counts as a device, there are tens a person, however much their number wavers."""
    rng = np.random.default_rng(6)
    people = rng.uniform(5, 40, 36)
    devices = people * rng.normal(50.0, 15.0, 36)
    day: Ints = np.zeros(36, dtype=np.int64)
    model = PhonesPerPerson.fit(devices, np.zeros(36), people, day)
    assert model.phones == pytest.approx(50.0, rel=0.2)
    told, variance = model.people(1000.0, 0.0)
    assert abs(told - 20.0) < Z_90 * variance**0.5 < 20.0


def test_a_part_knows_nothing_of_the_devices_of_nobody() -> None:
    """In a zone, devices are divided by phones a person; only the whole mall has devices of nobody."""
    model = PhonesPerPerson(np.array([10.0, 0.8]), np.diag([4.0, 0.0]), 0.0, 0.0)
    assert model.people(18.0, 0.0)[0] == pytest.approx(10.0)
    assert model.part(8.0, 0.0) == pytest.approx((10.0, 0.0))
    assert model.people(3.0, 0.0)[0] == 0.0


@given(st.floats(-20, 2000), st.floats(0, 500), st.floats(-3, 3), st.floats(-50, 50), st.floats(0, 0.5))
def test_people_are_never_negative(
    devices: float, variance: float, phones: float, nobodys: float, day_sd: float
) -> None:
    """Whatever the line, people and their variance are finite and not negative."""
    model = PhonesPerPerson(np.array([nobodys, phones]), np.diag([1.0, 0.01]), day_sd, 1.0)
    people, spread = model.people(devices, variance)
    assert people >= 0.0
    assert 0.0 <= spread < np.inf


def test_counts_that_are_needed_still() -> None:
    """After one day more counts would narrow the intervals, after sixty days they would not."""
    rng = np.random.default_rng(3)
    for days, enough in ((1, False), (60, True)):
        devices, people, day = mall(rng, 0.9, 0.0, days)
        model = PhonesPerPerson.fit(devices, np.zeros(len(day)), people, day)
        needed = counts_needed(model, len(day), 200.0, 10.0)
        assert needed is not None
        assert (needed == len(day)) is enough


def test_ratio_survives_a_file() -> None:
    """Read back from JSON it is the same; what does not fit together is refused."""
    devices, people, day = mall(np.random.default_rng(4), 0.9, 0.0, 2)
    model = PhonesPerPerson.fit(devices, np.zeros(len(day)), people, day)
    data = json.loads(json.dumps(model.to_dict()))
    assert PhonesPerPerson.from_dict(data).people(100.0, 5.0) == model.people(100.0, 5.0)
    with pytest.raises(ValueError, match="fit together"):
        PhonesPerPerson.from_dict({**data, "line": [1.0]})
