"""A plate that was read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_agent.plates.calibration import Signs
from edge_agent.plates.colour import Colour
from edge_agent.plates.detector import Quad


@dataclass(frozen=True)
class Reading:
    """A plate that was read. Its texts are personal: not in its `repr`, and never to go to a log."""

    text: str = field(repr=False)
    confidence: float
    """Probability that `text` is right."""
    alternatives: tuple[tuple[str, float], ...] = field(repr=False)
    """Other texts, likeliest first, with their probabilities; with `confidence` they sum to at most 1."""
    quad: Quad
    """(4, 2) corners in pixels, clockwise from the plate's own upper left one."""
    colour: Colour
    country: str
    """ISO 3166-1 alpha-2."""
    kind: str
    """What the plate is for, as `Format.kind`."""
    signs: Signs
    """What `confidence` was worked out from."""

    @property
    def characters(self) -> tuple[float, ...]:
        """The probability of each character of `text`: alternatives of its length that share it count."""
        alike = [(other, share) for other, share in self.alternatives if len(other) == len(self.text)]
        return tuple(
            self.confidence + sum(share for other, share in alike if other[place] == character)
            for place, character in enumerate(self.text)
        )

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width, height in pixels of the upright rectangle around `quad`."""
        (left, top), (right, bottom) = self.quad.min(0), self.quad.max(0)
        return float(left), float(top), float(right - left), float(bottom - top)


def others_of(
    texts: Sequence[str], shares: Sequence[float], confidence: float, most: int
) -> tuple[tuple[str, float], ...]:
    """At most `most` alternatives to `texts`[0], right with `confidence`, from their relative `shares`."""
    rest = sum(shares[1:]) or 1.0
    return tuple(
        (text, (1 - confidence) * share / rest)
        for text, share in zip(texts[1 : most + 1], shares[1 : most + 1], strict=True)
    )
