"""How uncertain a figure is: 90 % intervals of counts, shares, means and medians.

Positive quantities are normal on the logarithm, so that an interval never reaches below nothing and ratios
add up their variances (the delta method); shares are Jeffreys' beta (Brown, Cai and DasGupta 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, log, sqrt

import numpy as np

from gateway.crm.figures.columns import Floats
from gateway.figures.intervals import Z_90

TAIL = 0.05
NOTHING = 3.0
"""Of what was not seen at all there may be as many, with 95 % (Hanley and Lippman-Hand 1983)."""
RESAMPLES = 2_000
FEWEST = 6
"""Of fewer values order statistics say nothing with 90 %."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its 90 % interval."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Interval:
        """Return it in another unit."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)


def exact(value: float) -> Interval:
    """Return what is known without doubt."""
    return Interval(value, value, value)


def positive(value: float, log_variance: float, lean: float = 0.0) -> Interval:
    """Return a quantity whose logarithm has this variance; of nothing there may be `NOTHING`.

    `lean` is by how much the logarithm is too high on average: the interval leans the other way, the value
    stays, and is in it.
    """
    if value <= 0.0:
        return Interval(0.0, 0.0, NOTHING)
    wide = Z_90 * sqrt(max(log_variance, 0.0))
    return Interval(value, value * exp(min(0.0, -lean - wide)), value * exp(max(0.0, -lean + wide)))


def share(part: float, whole: float, spread: float = 0.0) -> Interval:
    """Return part / whole; `spread` is the share's variance, beyond chance, as a part of p (1 - p).

    Raises `ValueError` unless 0 <= part <= whole and whole > 0.
    """
    from scipy.special import betaincinv  # noqa: PLC0415  # takes time to load, and not every gateway asks

    if not 0.0 <= part <= whole or whole <= 0.0:
        raise ValueError(f"{part} of {whole} is no share")
    value = part / whole
    number = 1.0 / (1.0 / whole + spread)
    a, b = value * number + 0.5, (1.0 - value) * number + 0.5
    low = 0.0 if part == 0 else float(betaincinv(a, b, TAIL))
    high = 1.0 if part == whole else float(betaincinv(a, b, 1.0 - TAIL))
    return Interval(value, min(low, value), max(high, value))


def median(values: Floats, log_variance: float, lean: float = 0.0) -> Interval:
    """Return the median of at least one value; variance and lean of its logarithm are beyond chance."""
    from scipy.stats.mstats import median_cihs  # noqa: PLC0415  # takes time to load

    value = float(np.median(values))
    if value <= 0.0:
        return exact(0.0)
    if len(values) >= FEWEST:
        low, high = (float(bound) for bound in median_cihs(values, alpha=2 * TAIL))
    else:
        low, high = float(values.min()), float(values.max())
    by_chance = (log(high / low) / (2 * Z_90)) ** 2 if 0.0 < low < high else 0.0
    return positive(value, by_chance + log_variance, lean)


def mean(values: Floats) -> Interval:
    """Return the mean of values with its BCa interval (Efron 1987); of values that are all the same, that."""
    value = float(values.mean())
    if len(values) < 2 or np.ptp(values) == 0.0:  # nothing to draw from
        return exact(value)
    from scipy.stats import bootstrap  # noqa: PLC0415  # takes time to load

    found = bootstrap(
        (values,), np.mean, confidence_level=1 - 2 * TAIL, n_resamples=RESAMPLES, batch=100,
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    low, high = float(found.low), float(found.high)
    if not (isfinite(low) and isfinite(high)):
        return exact(value)
    return Interval(value, min(low, value), max(high, value))
