"""How well estimates of people agree with counts: on days that the model has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from positioning.people.follow import Estimate
from positioning.people.heard import Floats, Ints
from positioning.people.model import PeopleModel, Windows
from positioning.people.ratio import PhonesPerPerson
from positioning.people.response import Response, student

WIDER = 1.05
"""Intervals that few counts make wider by less than this need no more counts."""
MOST_TIMES = 1000


@dataclass(frozen=True)
class Agreement:
    """Estimates beside counts.

    Attributes:
        windows: how many windows were compared.
        error: mean absolute error, in people.
        bias: mean of estimate minus count.
        inside: share of counts inside the 90 % interval.
        width: mean width of the intervals, in people.
        explained: share of the counts' variance that the estimates explain; below 0 they are worse than
            their mean.
    """

    windows: int
    error: float
    bias: float
    inside: float
    width: float
    explained: float

    @classmethod
    def of(cls, people: Floats, low: Floats, high: Floats, counted: Floats) -> Agreement:
        """Compare estimates (W,) with 90 % intervals (W,) to counts (W,)."""
        wrong = people - counted
        spread = float(np.mean((counted - counted.mean()) ** 2))
        return cls(
            len(counted),
            float(np.abs(wrong).mean()),
            float(wrong.mean()),
            float(np.mean((low <= counted) & (counted <= high))),
            float(np.mean(high - low)),
            1.0 - float(np.mean(wrong**2)) / spread if spread > 0 else float("nan"),
        )


def columns(estimates: Sequence[Estimate]) -> tuple[Floats, Floats, Floats]:
    """Return numbers, lower and upper ends (W,) of estimates."""
    table = np.array([(one.people, one.low, one.high) for one in estimates]).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def days_left_out(
    windows: Windows, window_s: int, fit: Callable[[Windows, int], PeopleModel] = PeopleModel.fit
) -> tuple[Floats, Floats, Floats]:
    """Return estimates and intervals (W,), each day's from a model of the other days.

    Raises:
        ValueError: without a day, too few are left to learn from.
    """
    result = np.zeros((3, len(windows.day)))
    for day in np.unique(windows.day):
        out = windows.day == day
        model = fit(windows.only(~out), window_s)
        result[:, out] = columns(model.estimate(windows.only(out)))
    return result[0], result[1], result[2]


def by_hour(wrong: Floats, start_s: Ints) -> Iterator[tuple[int, int, float]]:
    """Give each hour (UTC), its number of windows, and the mean of the estimates minus the counts (W,)."""
    hours = start_s // 3600 % 24
    for hour in np.unique(hours):
        yield int(hour), int(np.sum(hours == hour)), float(wrong[hours == hour].mean())


def days_needed(response: Response, days: int, people: float) -> int | None:
    """Return after how many counted days a room's intervals, around so many people, hardly get narrower."""
    design = np.array([1.0, people])
    day_var = response.day_sd**2 / student(days - 1)
    learnt = float(design @ response.covariance @ design) + response.day_sd**2 - day_var
    return needed(days, learnt, response.noise_sd**2 + day_var)


def counts_needed(model: PhonesPerPerson, counts: int, people: float, variance: float) -> int | None:
    """Return after how many counts a mall's intervals, around so many people, hardly get narrower.

    `variance` is that of the devices found.
    """
    design = np.array([1.0, people])
    learnt = float(design @ model.covariance @ design)
    return needed(counts, learnt, model.chance(people, variance))


def needed(have: int, learnt_var: float, rest_var: float) -> int | None:
    """Return how many counts bring the part of the variance that counts teach down to where it hardly shows.

    That part falls with their number. None where more than a thousand times as many are needed.
    """
    number = have * learnt_var / ((WIDER**2 - 1.0) * rest_var)
    return max(have, math.ceil(number)) if number <= MOST_TIMES * have else None
