"""How many people come when: a Poisson process whose rate follows the hour, scaled to the crowd asked for."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from simulators.personas import PERSONAS, TIMELESS_H, Persona

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEP_S = 60.0
DAY_S = 86_400.0


class Profile(StrEnum):
    """How the crowd changes with the hour."""

    DAY = "day"
    """Empty at night, rushes at lunch and in the evening; the number asked for is the fullest minute's."""
    CONSTANT = "constant"
    """Always about as many people, whatever the clock says."""


@dataclass(frozen=True, slots=True)
class Stays:
    """How long parties of each persona stay, and how many people a party is on average: a pilot's result."""

    stay_s: list[Floats]
    size: Floats


class Arrivals:
    """The rate at which parties of each persona arrive."""

    def __init__(self, people: float, profile: Profile, stays: Stays, utc_offset_s: float) -> None:
        """Scale the rates so that at the peak, or always, `people` are expected in the mall at once."""
        self._profile = profile
        self._offset_s = utc_offset_s
        self.longest_s = max(float(stay.max()) for stay in stays.stay_s)
        """Nobody who came earlier than this is still there."""
        minutes = np.arange(0, DAY_S, STEP_S)
        shape = np.array([_shape(persona, minutes / 3600) for persona in PERSONAS])
        if profile is Profile.CONSTANT:
            shape[:] = shape.mean(axis=1, keepdims=True)
            present = sum(
                row[0] * size * stay.mean() / STEP_S
                for row, size, stay in zip(shape, stays.size, stays.stay_s, strict=True)
            )
            self._rate = shape * people / present
            return
        ages = np.arange(0, DAY_S, STEP_S)
        total = np.zeros(len(minutes))
        for row, size, stay in zip(shape, stays.size, stays.stay_s, strict=True):
            still_there = (stay[:, None] > ages).mean(axis=0)
            total += np.convolve(row, still_there)[: len(minutes)] * size
        self._rate = shape * people / total.max()

    def rate(self, t_s: Floats) -> Floats:
        """Return the expected parties a minute of each persona (K,) at epoch seconds (N,): (K, N)."""
        minute = np.floor(np.mod(t_s + self._offset_s, DAY_S) / STEP_S).astype(np.int64)
        rate: Floats = self._rate[:, minute]
        return rate

    def hour(self, t_s: Floats) -> Floats:
        """Return the hour of the mall's day at epoch seconds (N,)."""
        if self._profile is Profile.CONSTANT:
            return np.full(len(t_s), TIMELESS_H)
        hour: Floats = np.mod(t_s + self._offset_s, DAY_S) / 3600
        return hour

    def draw(self, from_s: float, to_s: float, rng: np.random.Generator) -> tuple[Ints, Floats]:
        """Return persona and time of the parties that arrive in a period, in order of time."""
        edges = np.arange(from_s, to_s, STEP_S)
        lengths = np.minimum(STEP_S, to_s - edges)
        count = rng.poisson(self.rate(edges) * lengths / STEP_S)
        persona = np.repeat(np.arange(len(PERSONAS)), count.sum(axis=1))
        step = np.concatenate([np.repeat(np.arange(len(edges)), row) for row in count])
        t_s = edges[step] + rng.random(len(step)) * lengths[step]
        order = np.argsort(t_s, kind="stable")
        return persona[order], t_s[order]


def sizes(persona: Ints, rng: np.random.Generator) -> Ints:
    """Draw the size of each party (N,)."""
    result = np.ones(len(persona), dtype=np.int64)
    for number, who in enumerate(PERSONAS):
        mine = persona == number
        result[mine] = rng.choice(list(who.party), int(mine.sum()), p=list(who.party.values()))
    return result


def _shape(who: Persona, hours: Floats) -> Floats:
    """Return the relative arrivals of a persona by hour; over a day they add up to its share."""
    known = sorted(who.arrivals.items())
    rate = np.interp(hours, [h for h, _ in known], [r for _, r in known], left=0.0, right=0.0)
    shape: Floats = rate * who.share / rate.sum()
    return shape
