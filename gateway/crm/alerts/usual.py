"""What is usual for an hour: predicted from the same hour of the same weekday in the weeks before.

After Farrington et al. (1996), "A statistical algorithm for the early detection of outbreaks of infectious
disease", J. R. Statist. Soc. A 159, as improved by Noufaily et al. (2013), Statistics in Medicine 32: weeks
that were unusual themselves count for less; limits are symmetric on the scale of the power 2/3; counts vary
as the negative binomial does, by mean + v mean^2, where v is what days differ by. Instead of a trend, a count
has an exposure: that of a shop the mall's footfall, that of sales the shop's visits. Arrays are (W,) weeks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]

LEAST_WEEKS = 4
"""Nothing is usual before there are so many weeks."""
ODD = 2.58
"""Weeks with an Anscombe residual above this weigh less, with its square (Noufaily et al. 2013)."""
SHARED_DF = 30.0
"""Degrees of freedom that the variability common to all zones counts for, beside a zone's own weeks."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a figure is expected to be, and between which values it lies but for `alpha` of the time."""

    expected: float
    low: float
    high: float

    def side(self, value: float) -> int:
        """Tell where a value lies: -1 below, 0 inside, 1 above."""
        return int(value > self.high) - int(value < self.low)


@dataclass(frozen=True, slots=True)
class CountModel:
    """A rate per exposure, fitted to W weeks."""

    rate: float
    exposure: float
    """Sum of the weighted exposures behind the rate."""
    varies: float
    """Squared coefficient of variation between days, beyond chance; 0 = Poisson."""
    weeks: float
    """How many equal weeks are behind the rate."""
    df: float

    def expect(self, exposure: float, alpha: float) -> Range:
        """Return the range of a count with this exposure, missed with probability `alpha`, two-sided."""
        mean = self.rate * exposure
        if mean <= 0:
            return Range(0.0, 0.0, 0.0)
        chance = mean * (1.0 + exposure / self.exposure)
        days = self.varies * mean**2 * (1.0 + 1.0 / self.weeks)
        half = -float(stdtrit(self.df, alpha / 2.0)) * 2.0 / 3.0 * np.sqrt(chance + days) / mean
        low, high = mean * max(0.0, 1.0 - half) ** 1.5, mean * (1.0 + half) ** 1.5
        return Range(mean, float(low), float(high))


def fit_counts(counts: Floats, exposures: Floats, shared: float | None = None) -> CountModel | None:
    """Fit counts (W,) with exposures (W,); None where there are too few weeks or nothing ever happened.

    `shared` is the variability common to all zones, which the own one is drawn towards.
    """
    used = exposures > 0
    counts, exposures = counts[used], exposures[used]
    if len(counts) < LEAST_WEEKS or counts.sum() <= 0:
        return None
    weight = np.ones(len(counts))
    rate = float(np.median(counts / exposures)) or _rate(counts, exposures, weight)
    for _ in range(2):  # from the middle week; the second round knows what the first took for normal
        residual = _anscombe(counts, rate * exposures)
        spread = max(1.0, float(np.median(np.abs(residual))) / 0.6745)
        far = np.abs(residual) / spread
        weight = np.where(far > ODD, (ODD / np.maximum(far, ODD)) ** 2, 1.0)
        rate = _rate(counts, exposures, weight)
    df = len(counts) - 1.0
    varies = _varies(counts, rate * exposures, weight)
    if shared is not None:
        varies, df = (varies * df + shared * SHARED_DF) / (df + SHARED_DF), df + SHARED_DF
    weeks = float(weight.sum() ** 2 / (weight**2).sum())
    return CountModel(rate, float((weight * exposures).sum()), max(0.0, varies), weeks, df)


@dataclass(frozen=True, slots=True)
class LengthModel:
    """The mean logarithm of lengths, fitted to W weeks."""

    mean: float
    between: float
    """Variance of a week's true mean."""
    within: float
    """Variance of one length."""
    lengths: float
    """How many are behind the mean."""
    weeks: float
    df: float

    def expect(self, count: int, alpha: float) -> Range:
        """Return the range of the geometric mean of `count` lengths, missed with probability `alpha`."""
        variance = self.between * (1.0 + 1.0 / self.weeks) + self.within * (1.0 / count + 1.0 / self.lengths)
        half = -float(stdtrit(self.df, alpha / 2.0)) * np.sqrt(variance)
        low, mid, high = np.exp([self.mean - half, self.mean, self.mean + half])
        return Range(float(mid), float(low), float(high))


def fit_lengths(
    counts: Floats, log_sums: Floats, log_squares: Floats, shared: float | None = None
) -> LengthModel | None:
    """Fit sums of logarithms (W,) of so many lengths (W,), and of their squares (W,).

    The variance between weeks is that of their means less what the lengths within them explain
    (DerSimonian and Laird's method of moments), around the median week; drawn towards `shared`, what is
    common to all zones. None with too few weeks.
    """
    used = counts >= 2
    counts, log_sums, log_squares = counts[used], log_sums[used], log_squares[used]
    weeks = len(counts)
    if weeks < LEAST_WEEKS:
        return None
    means = log_sums / counts
    within = float((log_squares - counts * means**2).sum() / (counts.sum() - weeks))
    middle = float(np.median(means))
    spread = float(np.median(np.abs(means - middle))) / 0.6745
    between, df = spread**2 * weeks / (weeks - 1) - within * float(np.mean(1.0 / counts)), weeks - 1.0
    if shared is not None:
        between, df = (between * df + shared * SHARED_DF) / (df + SHARED_DF), df + SHARED_DF
    return LengthModel(middle, max(0.0, between), max(within, 1e-6), float(counts.sum()), weeks, df)


def shared_between(models: Iterable[LengthModel]) -> float:
    """Return what is common to the variance between weeks of zones: the mean, by their lengths."""
    found = [(model.between, model.lengths) for model in models]
    if not found:
        return 0.0
    between, many = np.array(found).T
    return float((between * many).sum() / many.sum())


def shared_variability(counts: Sequence[Floats], exposures: Sequence[Floats]) -> float:
    """Return what is common to the variability of zones, each with counts (W,): their weighted mean.

    Busy zones say more about it than quiet ones, whose counts chance alone makes vary.
    """
    fitted = [fit_counts(*pair) for pair in zip(counts, exposures, strict=True)]
    found = [(model.varies, model.rate * model.exposure) for model in fitted if model is not None]
    if not found:
        return 0.0
    varies, many = np.array(found).T
    return float((varies * many).sum() / many.sum())


def _rate(counts: Floats, exposures: Floats, weight: Floats) -> float:
    return float((weight * counts).sum() / (weight * exposures).sum())


def _varies(counts: Floats, means: Floats, weight: Floats) -> float:
    """Estimate v of the variance mean + v mean^2 by moments; the rate took one degree of freedom."""
    squares = (weight * (counts - means) ** 2).sum() * len(counts) / (len(counts) - 1)
    return float((squares - (weight * means).sum()) / (weight * means**2).sum())


def _anscombe(counts: Floats, means: Floats) -> Floats:
    """Residuals of Poisson counts that are near normal (McCullagh and Nelder 1989, 2.4.2)."""
    residual: Floats = 1.5 * (counts ** (2 / 3) - means ** (2 / 3)) / means ** (1 / 6)
    return residual
