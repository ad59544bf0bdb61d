"""One number of all that is heard: ridge regression of people on the roots of what is heard.

The root of a count has a spread that hardly depends on the count (Bartlett 1936), and it flattens bursts. The
ridge (Hoerl and Kennard, Technometrics 12, 1970) shares weight out among things that go together, such as
what is heard at neighbouring levels; what it shrinks, `response` measures and undoes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from positioning.people.heard import Floats, Ints

RIDGE_WINDOWS = 10.0
"""Weight of the belief that nothing heard matters, in windows."""


@dataclass(frozen=True)
class Index:
    """A weighted sum of the roots of what is heard.

    Attributes:
        centre: (K,) subtracted from the roots.
        weight: (K,) people for each unit of a root.
        offset: people where the roots are at the centre.
    """

    centre: Floats
    weight: Floats
    offset: float

    @classmethod
    def fit(cls, heard: Floats, people: Floats) -> Index:
        """Learn the weights from windows: heard (W, K) while people (W,) were there."""
        roots = np.sqrt(heard)
        centre, scale = roots.mean(axis=0), roots.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        standard = (roots - centre) / scale
        normal = standard.T @ standard + RIDGE_WINDOWS * np.eye(standard.shape[1])
        weight = np.linalg.solve(normal, standard.T @ (people - people.mean())) / scale
        return cls(centre, weight, float(people.mean()))

    def apply(self, heard: Floats) -> Floats:
        """Return the index (W,) of windows (W, K)."""
        result: Floats = (np.sqrt(heard) - self.centre) @ self.weight + self.offset
        return result


def left_out(heard: Floats, people: Floats, day: Ints) -> Floats:
    """Return the index (W,) of every window from weights that were learnt on the other days."""
    index = np.zeros(len(people))
    for one in np.unique(day):
        out = day == one
        index[out] = Index.fit(heard[~out], people[~out]).apply(heard[out])
    return index
