"""How sure a reading is: the probability that it is right."""

import math


def confidence_of(share: float, by_text: float, by_plate: float, detected: float) -> float:
    """The probability that the likeliest text is right, from its share among all and its absolute scores."""
    logit = math.log(share + 1e-6) - math.log(1 - share + 1e-3) + 0.3 * by_text + 0.1 * by_plate + detected
    return 1 / (1 + math.exp(-logit))
