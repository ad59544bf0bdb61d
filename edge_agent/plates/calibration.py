"""How sure a reading is: the probability that it is right.

A logistic regression (Platt, 1999) on what told right readings from wrong ones on photographs of real cars,
as they are and made small, blurred, moved and dark: benchmarks/plates_calibration.py fits it, one half of
the photographs checks the other, and docs/plates.md has the table. Drawn plates have no part in it.
"""

from math import exp, log
from typing import NamedTuple

MOST_MARGIN = 8.0
LEAST_BY_TEXT = -15.0


class Signs(NamedTuple):
    """What a reading's probability is worked out from."""

    margin: float
    """Natural logarithm of the odds that it is this text and none of the others that were looked at."""
    by_text: float
    """Natural logarithm of what the recogniser of any text gives it: low where another text is written."""
    height: float
    """Natural logarithm of the plate's height in pixels."""

    @classmethod
    def of(cls, share: float, by_text: float, height_px: float) -> "Signs":
        """Take the text's share among texts, its logarithm by the text recogniser, its height in pixels."""
        margin = min(log(share + 1e-9) - log(1 - share + 1e-6), MOST_MARGIN)
        return cls(margin, max(by_text, LEAST_BY_TEXT), log(max(height_px, 1.0)))


INTERCEPT = 0.313
WEIGHTS = Signs(0.522, 0.412, 0.243)


def confidence_of(signs: Signs) -> float:
    """The probability that a reading is right."""
    logit = INTERCEPT + sum(weight * sign for weight, sign in zip(WEIGHTS, signs, strict=True))
    return 1 / (1 + exp(-logit))
