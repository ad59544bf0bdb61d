"""Reading the plates of a picture: find, straighten, recognise twice, apply the grammar, calibrate."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edge_agent.plates import models
from edge_agent.plates.calibration import Signs, confidence_of
from edge_agent.plates.china import CHINA
from edge_agent.plates.colour import colour_of
from edge_agent.plates.detector import Detection, Detector, Image, Quad, RetinaDetector
from edge_agent.plates.evidence import Seen, weigh
from edge_agent.plates.grammar import Format, Grammar
from edge_agent.plates.lattice import Decoder, Lattice
from edge_agent.plates.lines import LineDetector
from edge_agent.plates.reading import Reading, others_of
from edge_agent.plates.recogniser import CtcRecogniser, Recogniser
from edge_agent.plates.rectify import extent, lines_of, may_have_two_lines, straighten

SIDE = 960
"""Pixels of the picture's longer side when plates are looked for. Fewer are faster, and miss small plates."""
FALLBACK_SIDE = 1440
"""The same once more where nothing could be read."""
LEAST_CONFIDENCE = 0.01
"""What is read with less is no reading: text that is no plate."""
_WORTH_STOPPING = 0.1
_ALTERNATIVES = 5
_BORDER_PX = 1.0
_COLOUR_SIZE = (96, 32)


class Look(NamedTuple):
    """How a plate is shown to a recogniser."""

    width: int
    """Pixels."""
    margin: tuple[float, float]
    """How much of its surroundings are seen, as shares of its width and height."""


TEXT_LOOKS = (Look(160, (0.0, 0.0)), Look(160, (0.03, 0.08)))
PLATE_LOOKS = (Look(144, (0.03, 0.08)),)


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
        """Open the networks, to be run on `threads` threads; others may be given in their place.

        Raises:
            UnavailableError: a network is not there or cannot be read.

        """
        self._decoder = Decoder(Grammar(formats))
        first = detector or RetinaDetector(models.model(models.DETECTOR), threads=threads)
        self._tries: list[tuple[Detector, int]] = [(first, side), (first, max(side, FALLBACK_SIDE))]
        if detector is None and any(format_.country != "CN" for format_ in formats):
            # The first knows Chinese plates; others are found as any line of text is.
            self._tries.insert(1, (LineDetector(models.model(models.LINE_DETECTOR), threads=threads), side))
        self._text, self._plate = recognisers or open_recognisers(threads)

    def read(self, frame: Image, *, least_confidence: float = LEAST_CONFIDENCE) -> list[Reading]:
        """The plates in `frame`, (H, W, 3) bytes in the order blue, green, red; surest first."""
        readings: list[Reading] = []
        for detector, side in self._tries:
            found = [self.read_plate(frame, detection) for detection in detector.find(frame, side)]
            readings = [r for r in found if r and r.confidence >= least_confidence] or readings
            if any(reading.confidence >= _WORTH_STOPPING for reading in readings):
                break
        return sorted(readings, key=lambda reading: -reading.confidence)

    def read_plate(self, frame: Image, detection: Detection) -> Reading | None:
        """What is written on the plate at `detection`; None if it is like no plate, or not wholly seen."""
        quad = detection.quad
        if _is_cut(quad, frame):
            return None
        colour = colour_of(straighten(frame, quad, _COLOUR_SIZE))
        evidence = weigh(self._decoder, self._see(frame, quad), colour)
        if evidence is None:
            return None
        shares = evidence.shares.tolist()
        signs = Signs.of(shares[0], float(evidence.by_text[0]), extent(quad)[1])
        confidence = confidence_of(signs)
        format_, _ = self._decoder.grammar.best_format(evidence.texts[0], colour)
        return Reading(
            text=evidence.texts[0],
            confidence=confidence,
            alternatives=others_of(evidence.texts, shares, confidence, _ALTERNATIVES),
            quad=quad,
            colour=colour,
            country=format_.country,
            kind=format_.kind,
            signs=signs,
        )

    def _see(self, frame: Image, quad: Quad) -> list[Seen]:
        """Show the plate to both recognisers, as one line and, where its shape allows, as two."""
        ways = [
            Seen(_look(self._text, frame, quad, TEXT_LOOKS), _look(self._plate, frame, quad, PLATE_LOOKS), 1)
        ]
        if may_have_two_lines(quad):
            ways.append(
                Seen(
                    [_two_lines(self._text, frame, quad, TEXT_LOOKS[0].width)],
                    [_two_lines(self._plate, frame, quad, PLATE_LOOKS[0].width)],
                    2,
                )
            )
        return ways


def _look(recogniser: Recogniser, frame: Image, quad: Quad, looks: Sequence[Look]) -> list[Lattice]:
    lines = [straighten(frame, quad, (look.width, recogniser.height), look.margin) for look in looks]
    return list(recogniser.read(lines))


def _two_lines(recogniser: Recogniser, frame: Image, quad: Quad, width: int) -> Lattice:
    """One lattice of both lines, the upper one first."""
    size = (width, recogniser.height)
    return np.concatenate(recogniser.read([straighten(frame, line, size) for line in lines_of(quad)]))


def _is_cut(quad: Quad, frame: Image) -> bool:
    """Whether the picture ends within the plate: what is left of a number is another number."""
    height, width = frame.shape[:2]
    last = np.array([width - 1, height - 1])
    return bool((quad < -_BORDER_PX).any() or (quad > last + _BORDER_PX).any())


def open_recognisers(threads: int = 1) -> tuple[Recogniser, Recogniser]:
    """The recogniser of any text, and that of plates alone.

    Raises:
        UnavailableError: a network is not there or cannot be read.

    """
    characters = models.model(models.PLATE_CHARACTERS).read_text(encoding="utf-8").split()
    return (
        CtcRecogniser(models.model(models.TEXT_RECOGNISER), 48, threads=threads),
        CtcRecogniser(models.model(models.PLATE_RECOGNISER), 32, characters, threads=threads),
    )
