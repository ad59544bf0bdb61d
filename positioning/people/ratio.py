"""People of a mall from the devices found in it: phones that are off, second phones, devices of nobody.

    devices = c0 + c1 people (1 + u(day)) + e(window),   u ~ N(0, day_sd^2),  var e = known + excess people

c0 are devices that belong to no people, c1 is how many phones found a person carries: less than one where
phones are off, more where people have two. Both have a prior: three counts help, none is needed.
Bayesian linear regression with plug-in variances (Gelman et al., Bayesian Data Analysis, 2013, ch. 14-15).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from positioning.people.heard import Floats, Ints

PHONES = 1.0
PHONES_SD = 0.2
"""Phones found a person, where nobody has counted: 90 % of malls are taken to lie between 0.67 and 1.33."""
NOBODYS_SD = 5.0
"""Devices of nobody that an engine may take for people, in a mall where somebody counts."""
DAY_SD = 0.05
"""Share by which the phones a person differ from day to day, where that cannot be seen."""
EXCESS = 1.0
"""Variance a person, beyond what is known of the devices: as if people were drawn at random."""
PRIOR_WEIGHT = 2.0
"""Days, and windows, that the last two are worth."""
ROUNDS = 8
LEAST_PHONES = 0.05


@dataclass(frozen=True)
class PhonesPerPerson:
    """How many devices are found for how many people.

    Attributes:
        line: (2,) c0, c1.
        covariance: (2, 2) of the line.
        day_sd: standard deviation of u.
        excess: variance of the devices a person, beyond what is known of a window.
    """

    line: Floats
    covariance: Floats
    day_sd: float
    excess: float

    @classmethod
    def prior(cls) -> PhonesPerPerson:
        """Return what is assumed where nobody has counted: all devices are phones, of an unsure share."""
        return cls(np.array([0.0, PHONES]), np.diag([0.0, PHONES_SD**2]), DAY_SD, 0.0)

    @classmethod
    def fit(cls, devices: Floats, variance: Floats, people: Floats, day: Ints) -> PhonesPerPerson:
        """Learn it from devices found (W,), their variance (W,), and people counted (W,) on days (W,)."""
        days, day = np.unique(day, return_inverse=True)
        design = np.stack((np.ones_like(people), people), axis=1)
        belief = np.array([0.0, PHONES])
        # Where addresses count as devices there are tens a person: the prior must not stand against that.
        surprise = abs(float(devices.sum() / max(people.sum(), 1.0)) - PHONES)
        precision = np.diag([NOBODYS_SD**-2, max(PHONES_SD, surprise) ** -2])
        line: Floats = belief
        covariance: Floats = np.linalg.inv(precision).astype(np.float64)
        day_var, excess = DAY_SD**2, EXCESS
        for _ in range(ROUNDS):
            noise = np.maximum(variance + excess * people, 1e-3)
            moved = line[1] * people  # devices that a day's u of one would add
            inverse = 1.0 / noise
            # Sherman and Morrison: the inverse of a day's covariance, diag(noise) + day_var moved moved'.
            shared = day_var / (1.0 + day_var * np.bincount(day, moved**2 * inverse))
            sums = np.zeros((len(days), 2))
            np.add.at(sums, day, design * (moved * inverse)[:, None])
            weighted = design * inverse[:, None] - (moved * inverse * shared[day])[:, None] * sums[day]
            covariance = np.linalg.inv(precision + design.T @ weighted).astype(np.float64)
            line = covariance @ (precision @ belief + weighted.T @ devices)
            left = devices - design @ line
            power = np.maximum(np.bincount(day, moved**2 * inverse), 1e-9)
            found = np.bincount(day, moved * left * inverse) / power
            seen = np.sum(np.maximum(found**2 - 1.0 / power, 0.0))
            day_var = float((PRIOR_WEIGHT * DAY_SD**2 + seen) / (PRIOR_WEIGHT + len(days)))
            within = (left - moved * found[day]) ** 2 - variance
            some = people >= 1.0
            spread = float(np.sum(within[some] / people[some])) + PRIOR_WEIGHT * EXCESS
            freedom = max(int(some.sum()) - len(days), 0) + PRIOR_WEIGHT
            excess = max(spread / freedom, 0.0)
        return cls(line, covariance, day_var**0.5, excess)

    @property
    def phones(self) -> float:
        """Phones found a person; never so few that dividing by it means nothing."""
        return max(float(self.line[1]), LEAST_PHONES)

    def people(self, devices: float, variance: float) -> tuple[float, float]:
        """Return expected people, and their variance, where so many devices are found in the whole mall."""
        return self._people(devices - float(self.line[0]), variance, self.covariance)

    def part(self, devices: float, variance: float) -> tuple[float, float]:
        """Return the same of a part of the mall: nobody knows in which part the devices of nobody are."""
        return self._people(devices, variance, np.diag([0.0, float(self.covariance[1, 1])]))

    def _people(self, phones: float, variance: float, covariance: Floats) -> tuple[float, float]:
        """Propagate the variances of devices, line and day through the division (delta method)."""
        people = max(phones / self.phones, 0.0)
        of_line = covariance[0, 0] + 2.0 * people * covariance[0, 1] + people**2 * covariance[1, 1]
        return people, float(self.chance(people, variance) + of_line) / self.phones**2

    def chance(self, people: float, variance: float) -> float:
        """Return the variance of devices that no counting makes smaller: of the window and of the day."""
        return variance + self.excess * people + (self.phones * self.day_sd * people) ** 2

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain, JSON-able values."""
        return {
            "line": self.line.tolist(),
            "covariance": self.covariance.tolist(),
            "day_sd": self.day_sd,
            "excess": self.excess,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PhonesPerPerson:
        """Return what `to_dict` gave.

        Raises:
            KeyError: an entry is missing.
            TypeError, ValueError: an entry is of another kind or shape, or no number.
        """
        made = cls(
            np.array(data["line"], dtype=np.float64),
            np.array(data["covariance"], dtype=np.float64),
            float(data["day_sd"]),
            float(data["excess"]),
        )
        numbers = np.concatenate((made.line, made.covariance.ravel(), (made.day_sd, made.excess)))
        if made.line.shape != (2,) or made.covariance.shape != (2, 2) or not np.isfinite(numbers).all():
            raise ValueError("its numbers do not fit together")
        return made
