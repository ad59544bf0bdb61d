"""The path loss model: known answers, shapes and the calibration file."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from positioning.radio import RadioModel

XYZ = np.array([[0.0, 0.0, 3.0], [10.0, 0.0, 3.0], [0.0, 10.0, 8.0]])


def model(**changes: Any) -> RadioModel:
    """Return three receivers, the last one on the upper floor."""
    return replace(
        RadioModel.prior(("a", "b", "c"), XYZ, p0_dbm=-40.0, exponent=2.0, slab_z_m=np.array([5.0])),
        near_m=1e-6,
        **changes,
    )


def test_free_space_loses_twenty_db_a_decade() -> None:
    """Ten times the distance costs 20 dB at exponent 2."""
    level = model().expected_dbm(np.array([[1.0, 0.0, 3.0], [0.0, 10.0, 3.0]]))
    assert level[0, 0] == pytest.approx(-40.0)
    assert level[1, 0] == pytest.approx(-60.0)


def test_a_slab_between_costs_its_loss() -> None:
    """A device one floor below the receiver is heard weaker by the loss of one slab."""
    below, beside = np.array([[0.0, 10.0, 3.0]]), np.array([[0.0, 15.0, 8.0]])
    level = model(slab_loss_db=15.0).expected_dbm(np.concatenate((below, beside)))
    assert level[0, 2] == pytest.approx(level[1, 2] - 15.0)


@given(near=st.floats(0.1, 50), further=st.floats(0.1, 200), exponent=st.floats(1, 6))
def test_level_falls_with_distance(near: float, further: float, exponent: float) -> None:
    """Whatever the exponent, further away is weaker and less often heard."""
    radio = model(exponent=np.full(3, exponent))
    places = np.array([[-near, 0.0, 3.0], [-near - further, 0.0, 3.0]])
    prediction = radio.predict(places)
    assert prediction.mean_dbm[1, 0] < prediction.mean_dbm[0, 0]
    assert prediction.hear_probability[1, 0] <= prediction.hear_probability[0, 0] <= radio.hear_max


def test_calibration_file_round_trip() -> None:
    """A model written as JSON comes back the same."""
    radio = model(clock_offset_s=2.4)
    again = RadioModel.from_dict(json.loads(json.dumps(radio.to_dict())))
    assert again.to_dict() == radio.to_dict()
    np.testing.assert_array_equal(again.expected_dbm(XYZ + 1), radio.expected_dbm(XYZ + 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "something"}, "expected 'mallsense-radio-model'"),
        ({"version": 99}, "version 99"),
        ({"colour": 1.0}, "unknown"),
        ({"sigma_db": [1.0]}, "sigma_db has shape"),
        ({"p0_dbm": [1.0, float("nan"), 2.0]}, "not finite"),
        ({"exponent": [1.0, 0.0, 2.0]}, "exponent must be positive"),
        ({"hear_max": 1.0}, "hear_max"),
    ],
)
def test_damaged_calibration_is_refused(change: dict[str, object], message: str) -> None:
    """A file of another format or with bad values names what is wrong."""
    with pytest.raises(ValueError, match=message):
        RadioModel.from_dict(model().to_dict() | change)


def test_select_reorders_and_refuses_unknown_receivers() -> None:
    """A model is cut to the receivers of a site in their order; one it lacks is named."""
    chosen = model(p0_dbm=np.array([-1.0, -2.0, -3.0])).select(("c", "a"))
    assert chosen.receivers == ("c", "a")
    assert chosen.p0_dbm.tolist() == [-3.0, -1.0]
    with pytest.raises(KeyError, match="zz"):
        model().select(("a", "zz"))
