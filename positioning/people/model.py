"""The model of one room: learnt from windows in which people were counted, applied to days without counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from positioning.people.follow import Estimate, Follow
from positioning.people.heard import Floats, Ints
from positioning.people.index import Index, left_out
from positioning.people.response import Response
from positioning.people.turnover import Turnover

LEAST_DAYS = 3
"""From fewer days it cannot be told how much days differ."""


@dataclass(frozen=True)
class Windows:
    """Windows, in the order of time.

    Attributes:
        day: (W,) number of the day.
        start_s: (W,) start in seconds since 1970, UTC.
        heard: (W, K) numbers of K kinds of things heard; see `heard.concurrent`.
        people: (W,) counted on the mean over the window; NaN where nobody counted.
    """

    day: Ints
    start_s: Ints
    heard: Floats
    people: Floats

    def only(self, wanted: Ints | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Windows:
        """Return some of them."""
        return Windows(self.day[wanted], self.start_s[wanted], self.heard[wanted], self.people[wanted])

    def counted(self) -> Windows:
        """Return those in which people were counted."""
        return self.only(~np.isnan(self.people))


@dataclass(frozen=True)
class PeopleModel:
    """How many people there are, given what is heard.

    Attributes:
        window_s: length of the windows it was learnt from.
        index: one number of what is heard.
        response: how it answers to people.
        turnover: what is known before anything is heard.
    """

    window_s: int
    index: Index
    response: Response
    turnover: Turnover

    @classmethod
    def fit(cls, windows: Windows, window_s: int) -> PeopleModel:
        """Learn it from windows of at least three days, with the people counted in them.

        Raises:
            ValueError: there are fewer days, or the people are as many in every window.
        """
        days = len(np.unique(windows.day))
        if days < LEAST_DAYS:
            raise ValueError(f"expected counts of at least {LEAST_DAYS} days, found {days}")
        if np.ptp(windows.people) == 0:
            raise ValueError("the counts are the same in every window: nothing can be learnt from them")
        honest = left_out(windows.heard, windows.people, windows.day)
        return cls(
            window_s,
            Index.fit(windows.heard, windows.people),
            Response.fit(honest, windows.people, windows.day),
            Turnover.fit(windows.people, windows.day, windows.start_s, window_s),
        )

    def estimate(self, windows: Windows) -> list[Estimate]:
        """Return an estimate a window, each from its own day up to its end; counts are not looked at."""
        index = self.index.apply(windows.heard)
        estimates = []
        day, last_s = -1, 0
        follow = Follow(self.response, self.turnover)
        for i in range(len(index)):
            if windows.day[i] != day:
                follow = Follow(self.response, self.turnover)
                day, last_s = int(windows.day[i]), int(windows.start_s[i]) - self.window_s
            gap = max(1, round((int(windows.start_s[i]) - last_s) / self.window_s))
            estimates.append(follow.hear(float(index[i]), gap))
            last_s = int(windows.start_s[i])
        return estimates

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain, JSON-able values."""
        return {
            "window_s": self.window_s,
            "index": _plain(self.index.__dict__),
            "response": _plain(self.response.__dict__),
            "turnover": _plain({k: getattr(self.turnover, k) for k in ("step", "usual", "leap", "drift")}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PeopleModel:
        """Return what `to_dict` gave.

        Raises:
            KeyError: an entry is missing.
            TypeError, ValueError: an entry is of another kind or shape.
        """
        index, response, turnover = data["index"], data["response"], data["turnover"]
        model = cls(
            int(data["window_s"]),
            Index(
                _floats(index["centre"]),
                _floats(index["weight"]),
                float(index["offset"]),
            ),
            Response(
                _floats(response["line"]),
                _floats(response["covariance"]),
                float(response["day_sd"]),
                float(response["noise_sd"]),
            ),
            Turnover(
                float(turnover["step"]),
                _floats(turnover["usual"]),
                float(turnover["leap"]),
                float(turnover["drift"]),
            ),
        )
        if model.index.centre.shape != model.index.weight.shape or model.response.covariance.shape != (2, 2):
            raise ValueError("its numbers do not fit together")
        return model


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()
    }


def _floats(values: Any) -> Floats:
    result = np.array(values, dtype=np.float64)
    if not np.isfinite(result).all():
        raise ValueError("a number is not finite")
    return result
