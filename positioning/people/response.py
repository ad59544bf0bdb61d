"""How the index answers to the number of people: a line, a level of its own for every day, and noise.

    index = c0 + c1 people + u(day) + e(window),   u ~ N(0, day_sd^2),  e ~ N(0, noise_sd^2)

Windows of one day share u: twelve windows that agree are not twelve opinions. The line is found by
generalised least squares, the variances by moments of the days' means and of what is left within days
(Searle, Casella and McCulloch, Variance Components, 1992, ch. 3), turn about.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from positioning.people.heard import Floats, Ints

ROUNDS = 8
LEAST_SD = 1e-3


@dataclass(frozen=True)
class Response:
    """The answer of the index to people.

    Attributes:
        line: (2,) c0 and c1.
        covariance: (2, 2) of the line.
        day_sd: spread of the level from day to day, in units of the index.
        noise_sd: spread from window to window within a day.
    """

    line: Floats
    covariance: Floats
    day_sd: float
    noise_sd: float

    @classmethod
    def fit(cls, index: Floats, people: Floats, day: Ints) -> Response:
        """Learn it from the index (W,) of windows with people (W,), both of days (W,), at least two.

        The index must come from weights that did not see these windows' days: see `index.left_out`.
        """
        days, day = np.unique(day, return_inverse=True)
        design = np.stack((np.ones_like(people), people), axis=1)
        windows = np.bincount(day)
        day_var, noise_var = 0.0, 1.0
        line: Floats = np.zeros(2)
        covariance: Floats = np.eye(2)
        for _ in range(ROUNDS):
            # The inverse of a day's covariance, noise_var I + day_var 1 1', subtracts a share of the mean.
            share = day_var / (noise_var + windows * day_var)
            sums = np.zeros((len(days), 2))
            np.add.at(sums, day, design)
            weighted = (design - share[day, None] * sums[day]) / noise_var
            covariance = np.linalg.inv(design.T @ weighted).astype(np.float64)
            line = covariance @ weighted.T @ index
            left = index - design @ line
            mean = np.bincount(day, left) / windows
            within = left - mean[day]
            noise_var = max(float(within @ within) / max(len(left) - len(days) - 1, 1), LEAST_SD**2)
            day_var = max(float(np.sum(mean**2 - noise_var / windows)) / (len(days) - 1), 0.0)
        return cls(line, covariance, (day_var * student(len(days) - 1)) ** 0.5, noise_var**0.5)

    def expected(self, people: Floats) -> tuple[Floats, Floats]:
        """Return the index (G,) that people (G,) bring on a usual day, and the variance (G,) of a window.

        The variance holds the noise and how well the line is known, not the day's level.
        """
        design = np.stack((np.ones_like(people), people), axis=-1)
        spread = np.einsum("gi,ij,gj->g", design, self.covariance, design)
        return design @ self.line, self.noise_sd**2 + spread


def student(freedom: int) -> float:
    """Return the variance of Student's t: a day to come, where the spread of days is known from few."""
    return freedom / (freedom - 2) if freedom > 2 else 3.0
