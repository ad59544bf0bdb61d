"""Reading the plates of a picture: detector, straightening, two recognisers, grammar, calibrated confidence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_agent.plates import models
from edge_agent.plates.calibration import confidence_of
from edge_agent.plates.china import CHINA
from edge_agent.plates.colour import Colour, colour_of
from edge_agent.plates.detector import Detection, Detector, Image, Quad, RetinaDetector
from edge_agent.plates.grammar import Format, Grammar
from edge_agent.plates.lattice import Decoder
from edge_agent.plates.recogniser import CtcRecogniser, Recogniser
from edge_agent.plates.rectify import TWO_LINES_BELOW, aspect, lines_of, straighten

SIDE = 960
"""Pixels of the picture's longer side when plates are looked for. Smaller is faster, and misses small plates."""
FALLBACK_SIDE = 1440
"""The same once more where nothing could be read."""
LEAST_CONFIDENCE = 0.1
"""What is read with less is no reading."""
_ALTERNATIVES = 5
_SEARCHED = 6
"""Texts taken from one lattice."""


@dataclass(frozen=True)
class Reading:
    """A plate that was read. Its text is personal: it never goes to a log."""

    text: str
    confidence: float
    """Probability that `text` is right."""
    characters: tuple[float, ...]
    """Probability of each character of `text`."""
    alternatives: tuple[tuple[str, float], ...]
    """Other texts, likeliest first, with their probabilities; with `confidence` they sum to at most 1."""
    quad: Quad
    """(4, 2) corners in pixels, clockwise from the plate's upper left one."""
    colour: Colour
    country: str
    """ISO 3166-1 alpha-2."""
    kind: str
    """What the plate is for, as `Format.kind`."""


@dataclass(frozen=True)
class Look:
    """How a plate is shown to a recogniser: its width in pixels and how much of its surroundings it sees."""

    width: int
    margin: tuple[float, float]


TEXT_LOOKS = (Look(160, (0.0, 0.0)), Look(160, (0.03, 0.08)), Look(192, (0.06, 0.2)))
PLATE_LOOKS = (Look(144, (0.03, 0.08)), Look(160, (0.03, 0.08)))


class PlateReader:
    """Reads plates; one reader belongs to one thread."""

    def __init__(
        self,
        formats: Sequence[Format] = CHINA,
        *,
        threads: int = 1,
        side: int = SIDE,
        detector: Detector | None = None,
        recognisers: tuple[Recogniser, Recogniser] | None = None,
    ) -> None:
        """Open the networks.

        Raises:
            UnavailableError: a network is not there or cannot be read.

        """
        self._decoder = Decoder(Grammar(formats))
        self._side = side
        self._detector = detector or RetinaDetector(models.model(models.DETECTOR), threads=threads)
        self._text, self._plate = recognisers or open_recognisers(threads)

    def read(self, frame: Image, *, least_confidence: float = LEAST_CONFIDENCE) -> list[Reading]:
        """The plates in `frame`, (H, W, 3) bytes in the order blue, green, red; surest first."""
        readings: list[Reading] = []
        for side in (self._side, max(self._side, FALLBACK_SIDE)):
            for detection in self._detector.find(frame, side):
                reading = self.read_plate(frame, detection)
                if reading and reading.confidence >= least_confidence:
                    readings.append(reading)
            if readings:
                break
        return sorted(readings, key=lambda reading: -reading.confidence)

    def read_plate(self, frame: Image, detection: Detection) -> Reading | None:
        """What is written on the plate found at `detection`; None if it is nothing like a plate's number."""
        text = self._lattices(frame, detection.quad, self._text, TEXT_LOOKS)
        plate = self._lattices(frame, detection.quad, self._plate, PLATE_LOOKS)
        texts = sorted(
            {found for lattice in (*text, *plate) for found in self._decoder.search(lattice)[:_SEARCHED]}
        )
        if not texts:
            return None
        by_text = np.mean([self._decoder.score(lattice, texts) for lattice in text], axis=0)
        by_plate = np.mean([self._decoder.score(lattice, texts) for lattice in plate], axis=0)
        colour = colour_of(straighten(frame, detection.quad, (96, 32)))
        return self._judge(texts, by_text, by_plate, detection, colour)

    def _lattices(
        self, frame: Image, quad: Quad, recogniser: Recogniser, looks: Sequence[Look]
    ) -> list[npt.NDArray[np.float32]]:
        height = recogniser.height
        found = [
            recogniser.read([straighten(frame, quad, (look.width, height), look.margin)])[0] for look in looks
        ]
        if aspect(quad) < TWO_LINES_BELOW:
            upper, lower = (straighten(frame, line, (looks[0].width, height)) for line in lines_of(quad))
            found.append(np.concatenate(recogniser.read([upper, lower])))
        return found

    def _judge(
        self,
        texts: Sequence[str],
        by_text: npt.NDArray[np.float64],
        by_plate: npt.NDArray[np.float64],
        detection: Detection,
        colour: Colour,
    ) -> Reading:
        scores = by_text + 0.3 * by_plate
        order = np.argsort(-scores)
        shares = np.exp(scores[order] - scores[order[0]])
        shares /= shares.sum()
        best = texts[order[0]]
        confidence = confidence_of(shares[0], by_text[order[0]], by_plate[order[0]], detection.score)
        rest = [(texts[index], float(share)) for index, share in zip(order[1:], shares[1:], strict=True)]
        total = sum(share for _, share in rest) or 1.0
        others = tuple((text, (1 - confidence) * share / total) for text, share in rest[:_ALTERNATIVES])
        format_ = self._decoder.grammar.formats_of(best)[0]
        return Reading(
            best,
            confidence,
            _characters(best, confidence, others),
            others,
            detection.quad,
            colour,
            format_.country,
            format_.kind,
        )


def _characters(text: str, confidence: float, others: Sequence[tuple[str, float]]) -> tuple[float, ...]:
    """How sure each character of `text` is: alternatives of the same length that share it count for it."""
    alike = [(other, share) for other, share in others if len(other) == len(text)]
    return tuple(
        confidence + sum(share for other, share in alike if other[place] == character)
        for place, character in enumerate(text)
    )


def open_recognisers(threads: int = 1) -> tuple[Recogniser, Recogniser]:
    """The recogniser of any text, and that of plates alone."""
    characters = models.model(models.PLATE_CHARACTERS).read_text(encoding="utf-8").split()
    return (
        CtcRecogniser(models.model(models.TEXT_RECOGNISER), 48, threads=threads),
        CtcRecogniser(models.model(models.PLATE_RECOGNISER), 32, characters, threads=threads),
    )
