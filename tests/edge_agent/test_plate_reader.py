"""The reader: real photographs, what it refuses, networks of one's own, and that it says nothing aloud."""

import csv
import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edge_agent.plates.alphabet import INDEX, SYMBOLS
from edge_agent.plates.china import CHINA
from edge_agent.plates.colour import Colour
from edge_agent.plates.detector import Detection, Image
from edge_agent.plates.europe import formats_of_countries
from edge_agent.plates.grammar import Grammar
from edge_agent.plates.reader import FALLBACK_SIDE, SIDE, PlateReader

PHOTOGRAPHS = {
    "ccpd/2f79821bc9.jpg": (Colour.GREEN, "new-energy small"),
    "ccpd/16d6ae9838.jpg": (Colour.BLUE, "car"),
    "easypr/0066444e17.jpg": (Colour.BLUE, "car"),
    "easypr/cccfdee4af.jpg": (Colour.YELLOW, "learner"),
}
QUAD = np.array([[40, 40], [180, 40], [180, 85], [40, 85]], float)


class Found:
    """A detector that finds what it is told to."""

    def __init__(self, *quads: npt.NDArray[np.float64], least_side: int = 0) -> None:
        self._quads, self._least_side = quads, least_side
        self.sides: list[int] = []

    def find(self, image: Image, side: int) -> list[Detection]:
        """The quadrilaterals, where it is looked at closely enough."""
        self.sides.append(side)
        return [Detection(1.0, quad, (0, 0, 9, 9)) for quad in self._quads if side >= self._least_side]


class Says:
    """A recogniser that reads the same text in everything."""

    height = 32

    def __init__(self, text: str, sure: float = 0.99) -> None:
        self._text, self._sure = text, sure

    def read(self, lines: Sequence[Image]) -> npt.NDArray[np.float32]:
        """The text, a step a character, a blank before each."""
        row = np.zeros((2 * len(self._text), len(SYMBOLS) + 2), np.float32)
        row[::2, 0], row[1::2, 0] = 1.0, 1 - self._sure
        row[range(1, len(row), 2), [1 + INDEX[character] for character in self._text]] = self._sure
        return np.stack([row] * len(lines))


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    """The reader as a node has it."""
    return PlateReader()


@pytest.fixture(scope="module")
def photographs(recorded_data: Path) -> Path:
    """The folder of photographs."""
    return recorded_data / "plates"


def labelled(photographs: Path, name: str) -> tuple[Image, str]:
    """A photograph and the plate that its label names."""
    path = photographs / name
    with (path.parent / "labels.csv").open(encoding="utf-8") as file:
        plate = next(row["plate"] for row in csv.DictReader(file) if row["file"] == path.name)
    return np.asarray(cv2.imread(str(path)), np.uint8), plate


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_of_cars(reader: PlateReader, photographs: Path, name: str) -> None:
    """Plates of different kinds are read, found where they are, with their colour."""
    image, plate = labelled(photographs, name)
    best = reader.read(image)[0]
    assert best.text == plate
    assert (best.colour, best.kind) == PHOTOGRAPHS[name]
    assert best.country == "CN"
    assert 0 < best.confidence < 1
    x, y, width, height = best.box
    assert 0 <= x < x + width <= image.shape[1]
    assert 0 <= y < y + height <= image.shape[0]
    assert best.quad[0, 0] < best.quad[1, 0]  # clockwise from the upper left
    assert best.quad[0, 1] < best.quad[3, 1]


def test_a_plate_upside_down_is_another(reader: PlateReader, photographs: Path) -> None:
    """A photograph on its head gives no reading that anybody would believe."""
    image, plate = labelled(photographs, "ccpd/16d6ae9838.jpg")
    turned = np.ascontiguousarray(image[::-1, ::-1])
    assert all(reading.confidence < 0.5 for reading in reader.read(turned) if reading.text != plate)


def test_nothing_is_read_where_nothing_is(reader: PlateReader) -> None:
    """Noise, one colour and the smallest picture have no plate."""
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    for image in (noise, np.zeros((120, 160, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)):
        assert all(reading.confidence < 0.5 for reading in reader.read(image))


def test_writing_that_is_no_plate_is_refused(reader: PlateReader) -> None:
    """The clock that cameras write into pictures, and a sign, are not read as plates."""
    image = np.full((300, 640, 3), 90, np.uint8)
    cv2.putText(image, "2026-11-22 18:23:04", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (255, 255, 255), 4)
    cv2.rectangle(image, (200, 150), (420, 220), (180, 80, 10), -1)
    cv2.putText(image, "EXIT P2", (212, 202), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (255, 255, 255), 4)
    assert all(reading.confidence < 0.3 for reading in reader.read(image))


def test_networks_of_ones_own() -> None:
    """Detector and recognisers may be others; two that agree are believed more than two that do not."""
    frame = np.full((120, 240, 3), (180, 80, 10), np.uint8)
    agreed = PlateReader(detector=Found(QUAD), recognisers=(Says("粤B12345"), Says("粤B12345")))
    split = PlateReader(detector=Found(QUAD), recognisers=(Says("粤B12345"), Says("鄂B12345", 0.8)))
    (sure,), (unsure,) = agreed.read(frame), split.read(frame)
    assert sure.text == unsure.text == "粤B12345"
    assert sure.confidence > unsure.confidence
    assert dict(unsure.alternatives)["鄂B12345"] > dict(sure.alternatives).get("鄂B12345", 0)
    assert unsure.characters[0] < unsure.characters[1]


def test_it_looks_again_more_closely_only_where_nothing_was_read() -> None:
    """A plate too small for the first look is found by the second; else there is none."""
    frame = np.full((120, 240, 3), (180, 80, 10), np.uint8)
    for least_side, sides in ((0, [SIDE]), (FALLBACK_SIDE, [SIDE, FALLBACK_SIDE])):
        detector = Found(QUAD, least_side=least_side)
        reader = PlateReader(detector=detector, recognisers=(Says("粤B12345"), Says("粤B12345")))
        assert len(reader.read(frame)) == 1
        assert detector.sides == sides


def test_a_plate_that_the_picture_cuts_is_not_read() -> None:
    """What is left of a number is another number."""
    frame = np.full((120, 240, 3), (180, 80, 10), np.uint8)
    for shift in ([-60, 0], [80, 0], [0, 50], [0, -60]):
        reader = PlateReader(detector=Found(QUAD + shift), recognisers=(Says("粤B12345"), Says("粤B12345")))
        assert reader.read(frame) == []


def test_countries_are_chosen() -> None:
    """The same writing is a plate where its country is expected, and none where it is not."""
    frame = np.full((120, 240, 3), 230, np.uint8)
    says = (Says("AB123CD"), Says("AB123CD"))
    french = PlateReader(formats_of_countries(["FR"]), detector=Found(QUAD), recognisers=says)
    chinese = PlateReader(CHINA, detector=Found(QUAD), recognisers=says)
    (reading,) = french.read(frame)
    assert (reading.text, reading.country) == ("AB123CD", "FR")
    assert all(reading.confidence < 0.1 for reading in chinese.read(frame))


def test_plates_that_the_first_detector_does_not_know() -> None:
    """A drawn European plate is found as a line of text, and read; a drawn sign beside it is no plate."""
    frame = np.full((360, 640, 3), (70, 65, 60), np.uint8)
    cv2.rectangle(frame, (220, 200), (420, 242), (245, 245, 245), -1)
    cv2.putText(frame, "AB-123-CD", (228, 232), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (20, 20, 20), 3)
    cv2.putText(frame, "TICKETS", (40, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (240, 240, 240), 4)
    best, *others = PlateReader(formats_of_countries(["FR"])).read(frame)
    assert (best.text, best.country) == ("AB123CD", "FR")
    x, y, width, height = best.box
    assert 200 <= x < x + width <= 440
    assert 180 <= y < y + height <= 260
    assert all(other.confidence < 0.1 for other in others)


def test_nothing_of_a_plate_is_logged(
    reader: PlateReader,
    photographs: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """At any level, neither logs nor what is printed nor the readings' own words have a plate in them."""
    caplog.set_level(logging.DEBUG)
    image, plate = labelled(photographs, "ccpd/16d6ae9838.jpg")
    readings = reader.read(image)
    told = caplog.text + "".join(capfd.readouterr()) + repr(readings) + str(readings)
    assert readings[0].text == plate
    assert Grammar(CHINA).formats_of(plate)
    assert plate not in told
    assert plate[2:] not in told
