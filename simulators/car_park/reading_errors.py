"""How plates are misread, without pictures: what a camera says of a passage, given what is true.

The shares are about what `benchmarks/lane.py` finds on drawn pictures, after voting (of 182 passages 2
missed, 2 misread, 1 said twice, 1 without direction); how wrong characters are spread is our own choice.
Confidence is calibrated by construction: it is drawn first, and the reading is right with that probability.
"""

from dataclasses import dataclass

import numpy as np

from edge_agent.plate_text import DIGITS, LETTERS, looks_alike, neighbours

Candidates = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class ReadingErrors:
    """How often what goes wrong, as probabilities of a passage."""

    missed: float = 0.01
    """Nothing is said at all: the plate is covered, dirty or out of the picture."""
    unsure: float = 0.02
    """The plate is hard to read: the confidence is anywhere between 0.1 and 0.97."""
    lost: float = 0.003
    """The track breaks in the middle: one passage is said as two."""
    no_direction: float = 0.005
    ghost: float = 0.0005
    """Beside a passage, another is said of something that is no car: a sign, a plate on a poster."""
    alike: float = 0.7
    """Of wrong characters, so many look like the right one."""
    one_character: float = 0.7
    """Of wrong readings, so many are wrong in one character; the others in two."""
    truth_is_second: float = 0.7
    """Of wrong readings, so many have the right one as their first alternative."""

    def read(self, rng: np.random.Generator, plate: str) -> Candidates:
        """Draw what a camera says of a plate that it sees: strings with probabilities, likeliest first."""
        if rng.random() < self.unsure:
            confidence = float(rng.uniform(0.1, 0.97))
        else:
            confidence = float(1 - 10 ** rng.uniform(-4, -1.7))  # 0.98 to 0.9999
        rest = 1 - confidence
        wrong = self.misread(rng, plate)
        if rng.random() < confidence:
            return ((plate, confidence), (wrong, 0.6 * rest))
        second = plate if rng.random() < self.truth_is_second else self.misread(rng, wrong)
        return ((wrong, confidence), (second, min(0.6 * rest, confidence)))

    def misread(self, rng: np.random.Generator, plate: str) -> str:
        """Draw a wrong reading of a plate."""
        wrong = self._slip(rng, plate)
        while rng.random() > self.one_character:
            wrong = self._slip(rng, wrong)
        return wrong if wrong != plate else self._slip(rng, plate)

    def _slip(self, rng: np.random.Generator, plate: str) -> str:
        every = [(text, looks_alike(plate[place], char)) for text, place, char in neighbours(plate)]
        wanted = bool(rng.random() < self.alike)
        texts = [text for text, alike in every if alike == wanted] or [text for text, _ in every]
        return texts[rng.integers(len(texts))]


def random_sign(rng: np.random.Generator) -> str:
    """Draw text that looks a little like a plate and is none."""
    return "".join((LETTERS + DIGITS)[i] for i in rng.integers(len(LETTERS + DIGITS), size=7))
