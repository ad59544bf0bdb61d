"""One number of all that is heard: ridge regression of people on the roots of what is heard.

The root of a count has a spread that hardly depends on the count (Bartlett 1936), and it flattens bursts. The
ridge (Hoerl and Kennard, Technometrics 12, 1970) keeps the weights of things that go together apart from
noise; what it shrinks, `response` measures and undoes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from positioning.people.heard import Floats, Ints

RIDGE_WINDOWS = 3.0
"""Weight of the belief that nothing heard matters, in windows."""


@dataclass(frozen=True)
class Index:
    """A weighted sum of the roots of what is heard.

    Attributes:
        level: which of the levels is listened to.
        centre: (K,) subtracted from the roots.
        weight: (K,) people for each unit of a root.
        offset: people where the roots are at the centre.
    """

    level: int
    centre: Floats
    weight: Floats
    offset: float

    @classmethod
    def fit(cls, heard: Floats, people: Floats, level: int) -> Index:
        """Learn the weights from windows: heard (W, L, K) while people (W,) were there."""
        roots = np.sqrt(heard[:, level])
        centre, scale = roots.mean(axis=0), roots.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        standard = (roots - centre) / scale
        normal = standard.T @ standard + RIDGE_WINDOWS * np.eye(standard.shape[1])
        weight = np.linalg.solve(normal, standard.T @ (people - people.mean())) / scale
        return cls(level, centre, weight, float(people.mean()))

    def apply(self, heard: Floats) -> Floats:
        """Return the index (W,) of windows (W, L, K)."""
        result: Floats = (np.sqrt(heard[:, self.level]) - self.centre) @ self.weight + self.offset
        return result


def left_out(heard: Floats, people: Floats, day: Ints, level: int) -> Floats:
    """Return the index (W,) of every window from weights that were learnt on the other days."""
    index = np.zeros(len(people))
    for one in np.unique(day):
        out = day == one
        index[out] = Index.fit(heard[~out], people[~out], level).apply(heard[out])
    return index


def best_level(heard: Floats, people: Floats, day: Ints) -> int:
    """Return the level whose index is nearest to the people of days left out, in the mean square."""
    errors = [np.mean((left_out(heard, people, day, level) - people) ** 2) for level in range(heard.shape[1])]
    return int(np.argmin(errors))
