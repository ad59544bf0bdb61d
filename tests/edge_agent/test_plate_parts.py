"""Straightening, colours, confidence, evidence, readings and networks: each part by itself."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import UnavailableError
from edge_agent.plates import models
from edge_agent.plates.alphabet import INDEX, SYMBOLS
from edge_agent.plates.calibration import Signs, confidence_of
from edge_agent.plates.china import CHINA
from edge_agent.plates.colour import Colour, colour_of
from edge_agent.plates.detector import Quad
from edge_agent.plates.evidence import Seen, weigh
from edge_agent.plates.grammar import Grammar
from edge_agent.plates.lattice import Decoder, Lattice
from edge_agent.plates.reading import Reading, others_of
from edge_agent.plates.recogniser import CtcRecogniser
from edge_agent.plates.rectify import extent, lines_of, may_have_two_lines, straighten
from edge_agent.plates.session import open_session

DECODER = Decoder(Grammar(CHINA))
SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
shares = st.floats(0.0, 1.0)


def spelled(text: str, sure: float = 0.9) -> Lattice:
    """A lattice that says `text`, each character with probability `sure`."""
    rows = np.zeros((2 * len(text), len(SYMBOLS) + 2), np.float32)
    rows[::2, 0], rows[1::2, 0] = 1.0, 1 - sure
    rows[range(1, 2 * len(text), 2), [1 + INDEX[character] for character in text]] = sure
    return rows


def quad_of(width: float, height: float, *, lean: float = 0.0) -> Quad:
    """A plate of that size at (100, 60), its right side `lean` pixels lower."""
    return SQUARE * [width, height] + [100, 60] + [[0, 0], [0, lean], [0, lean], [0, 0]]


@given(
    st.floats(40, 200), st.floats(20, 80), st.floats(-30, 30), st.floats(0, 0.2), st.integers(0, 2**32 - 1)
)
def test_a_slanting_plate_is_made_straight(
    width: float, height: float, lean: float, margin: float, seed: int
) -> None:
    """Each quarter of the plate lands in that quarter of the rectangle, whatever the angle and the margin."""
    quad = quad_of(width, height, lean=lean)
    image = np.zeros((220, 400, 3), np.uint8)
    colours = np.random.default_rng(seed).integers(60, 256, (2, 2, 3))
    transform = cv2.getPerspectiveTransform((SQUARE * 2).astype(np.float32), quad.astype(np.float32))
    for row, column in np.ndindex(2, 2):
        part = np.add(SQUARE, (column, row)).astype(np.float32)[None]
        corners = cv2.perspectiveTransform(part, transform)[0]
        cv2.fillConvexPoly(image, np.rint(corners).astype(np.int32), colours[row, column].tolist())
    straight = straighten(image, quad, (160, 48), (margin, margin))
    assert straight.shape == (48, 160, 3)
    inner = margin / (1 + 2 * margin)
    for row, column in np.ndindex(2, 2):
        x, y = (inner + (1 - 2 * inner) * (place + 0.5) / 2 for place in (column, row))
        assert np.abs(straight[int(y * 48), int(x * 160)].astype(int) - colours[row, column]).max() <= 2


def test_lines_of_a_plate_with_two() -> None:
    """The upper line lies above the lower one, both within the plate, together they cover it."""
    quad = quad_of(100, 50)
    upper, lower = lines_of(quad)
    assert may_have_two_lines(quad)
    assert not may_have_two_lines(quad_of(140, 45))
    assert upper[:, 1].mean() < lower[:, 1].mean()
    assert upper[0, 1] - 60 < 2
    assert lower[2] == pytest.approx(quad[2])
    assert upper[2, 1] > lower[0, 1]
    assert extent(quad) == pytest.approx((100, 50))


@pytest.mark.parametrize(
    ("colour", "bgr"),
    [
        (Colour.BLUE, (180, 80, 10)),
        (Colour.YELLOW, (20, 180, 230)),
        (Colour.GREEN, (110, 190, 60)),
        (Colour.WHITE, (225, 230, 228)),
        (Colour.BLACK, (25, 24, 26)),
    ],
)
def test_the_ground_tells_the_colour(colour: Colour, bgr: tuple[int, int, int]) -> None:
    """Letters of another colour, and half the light, do not change what colour a plate has."""
    plate = np.full((32, 96, 3), bgr, np.uint8)
    ink = (230, 230, 230) if colour in {Colour.BLUE, Colour.BLACK} else (30, 30, 30)
    cv2.putText(plate, "A12345", (4, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.8, ink, 2)
    assert colour_of(plate) is colour
    if colour is not Colour.WHITE:
        assert colour_of((plate * 0.6).astype(np.uint8)) is colour


@given(shares, shares, st.floats(-40, 0), st.floats(-40, 0), st.floats(1, 300), st.floats(1, 300))
def test_better_signs_give_more_confidence(
    share: float, other_share: float, score: float, other_score: float, height: float, other_height: float
) -> None:
    """Confidence is a probability, and grows with each of the signs it is worked out from."""
    (low_share, share), (low_score, score), (low_height, height) = (
        sorted(pair) for pair in ((share, other_share), (score, other_score), (height, other_height))
    )
    low = confidence_of(Signs.of(low_share, low_score, low_height))
    high = confidence_of(Signs.of(share, score, height))
    assert 0 < low <= high < 1


def test_a_second_opinion_decides() -> None:
    """Where one recogniser wavers between two provinces, the other tips the balance; alone, it does not."""
    doubtful = (0.5 * (spelled("粤A12345") + spelled("鄂A12345"))).astype(np.float32)
    for province in "粤鄂":
        found = weigh(DECODER, [Seen([doubtful], [spelled(f"{province}A12345")], 1)], Colour.BLUE)
        assert found
        assert found.texts[0] == f"{province}A12345"
        assert found.shares.sum() <= 1
    found = weigh(DECODER, [Seen([spelled("粤A12345")], [spelled("鄂A12345", 0.5)], 1)], Colour.BLUE)
    assert found
    assert found.texts[0] == "粤A12345"


def test_colour_decides_what_is_otherwise_equal() -> None:
    """A green ground speaks for a new-energy plate, a blue one against it."""
    seen = [Seen([spelled(text)], [spelled(text)], 1) for text in ("粤AD12345", "粤AD1234")]
    for colour, expected in ((Colour.GREEN, "粤AD12345"), (Colour.BLUE, "粤AD1234")):
        found = weigh(DECODER, seen, colour)
        assert found
        assert found.texts[0] == expected


def test_the_better_of_one_line_and_two_is_taken() -> None:
    """Reading a plate with two lines as one gives nothing; reading it as two does."""
    nothing = np.zeros((12, len(SYMBOLS) + 2), np.float32)
    nothing[:, -1] = 1.0
    two = np.concatenate([spelled("粤A"), spelled("12345")])
    found = weigh(DECODER, [Seen([nothing], [nothing], 1), Seen([two], [two], 2)], Colour.YELLOW)
    assert found
    assert found.texts[0] == "粤A12345"
    assert found.by_text[0] > -2


def test_a_plate_on_which_nothing_is_written() -> None:
    """All blanks are no plate."""
    blank = np.zeros((20, len(SYMBOLS) + 2), np.float32)
    blank[:, 0] = 1.0
    assert weigh(DECODER, [Seen([blank], [blank], 1)], Colour.BLUE) is None


@given(
    st.lists(st.tuples(st.sampled_from(["粤A12345", "粤A12346", "粤B12345", "粤AD12345"]), st.floats(0, 1)),
             min_size=1, max_size=4, unique_by=lambda pair: pair[0]),
    st.floats(0, 1),
)  # fmt: skip
def test_probabilities_of_a_reading_add_up(texts: list[tuple[str, float]], confidence: float) -> None:
    """Confidence and alternatives sum to at most 1, and no character is less sure than the whole text."""
    names, relative = zip(*texts, strict=True)
    others = others_of(names, relative, confidence, 3)
    reading = Reading(names[0], confidence, others, quad_of(9, 3), Colour.BLUE, "CN", "car", Signs(0, 0, 0))
    assert confidence + sum(share for _, share in others) <= 1 + 1e-9
    assert len(reading.characters) == len(reading.text)
    assert all(confidence <= sure <= 1 + 1e-9 for sure in reading.characters)
    assert reading.box == pytest.approx((100, 60, 9, 3))
    assert not any(text in repr(reading) for text in names)


def test_a_network_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names the file and says how to get it."""
    monkeypatch.setattr(models, "FOLDER", tmp_path)
    with pytest.raises(UnavailableError, match="is not there") as caught:
        models.model(models.DETECTOR)
    assert "hatch_build.py" in caught.value.hint
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(UnavailableError, match="cannot be read"):
        open_session(tmp_path / "broken.onnx", 1)


def test_a_list_of_characters_of_another_network() -> None:
    """Files of different releases are told apart before anything is misread."""
    with pytest.raises(UnavailableError, match="73 classes, but 5 characters"):
        CtcRecogniser(models.model(models.PLATE_RECOGNISER), 32, "ABCDE")
