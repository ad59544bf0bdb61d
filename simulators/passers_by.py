"""People in the street: they pass along the outside of the mall and are no visitors."""

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon

from simulators.building import Building
from simulators.shoppers import Places

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FIRST_ID = 1_000_000_000
"""Numbers of passers-by start here; no visitor has one so high."""
APART_M = (3.0, 30.0)
"""How far from the facade they walk: evenly over the pavement and the street."""
LENGTH_M = (60.0, 250.0)
"""How much of the way round the mall they walk."""
SPEED_M_S, SPEED_SD_M_S = 1.34, 0.26
"""Weidmann 1993."""


class PassersBy:
    """Always the same number of people around the ground floor: who has passed is replaced."""

    def __init__(self, building: Building, count: int, *, start_s: float, seed: int) -> None:
        """Let the first ones in, each somewhere on the way."""
        elevation = [abs(floor.elevation_m) for floor in building.site.floors]
        self.floor = int(np.argmin(elevation))
        """The ground floor: the street is level with it."""
        outline = building.storeys[self.floor].outline
        self._rings = np.array(
            [_largest(outline.buffer(apart_m)).exterior for apart_m in np.arange(*APART_M, 1.0)],
            dtype=object,
        )
        self._rng = np.random.default_rng([seed, 5])
        self._next_id = FIRST_ID
        self._count = count
        self.id: Ints = np.empty(0, dtype=np.int64)
        """Number of each person, ascending; never used twice."""
        self._columns: Floats = np.empty((5, 0))  # ring, metres along it at the begin, speed, begin, end
        self.now_s = start_s
        self._begin(start_s)
        # As if they had started before: part of the way is done.
        done_s = self._rng.random(count) * (self._columns[4] - self._columns[3])
        self._columns[3:] -= done_s

    def __len__(self) -> int:
        return len(self.id)

    def advance(self, t_s: float) -> None:
        """Go on to `t_s`: who has passed is gone, and others come."""
        stays = self._columns[4] > t_s
        if not stays.all():
            self.id, self._columns = self.id[stays], self._columns[:, stays]
            self._begin(t_s)
        self.now_s = t_s

    def places(self, who: Ints, t_s: Floats) -> Places:
        """Return where people (indices, (N,)) are at times (N,)."""
        ring, start_m, speed, begin_s, _ = self._columns[:, who]
        at_m = start_m + speed * (t_s - begin_s)
        lines = self._rings[ring.astype(np.int64)]
        here, ahead = (_along(lines, at_m + step_m) for step_m in (0.0, 0.5))
        way = (ahead - here) * np.sign(speed)[:, None]
        floor = np.full(len(who), self.floor)
        return Places(floor, here[:, 0], here[:, 1], np.arctan2(way[:, 1], way[:, 0]))

    def _begin(self, t_s: float) -> None:
        """Fill up to the number asked for."""
        new, rng = self._count - len(self.id), self._rng
        ring = rng.integers(0, len(self._rings), new)
        start_m = rng.random(new) * shapely.length(self._rings[ring])
        speed = np.clip(rng.normal(SPEED_M_S, SPEED_SD_M_S, new), 0.5, 2.2)
        end_s = t_s + rng.uniform(*LENGTH_M, new) / speed
        speed *= rng.choice((-1.0, 1.0), new)
        columns = np.stack((ring.astype(np.float64), start_m, speed, np.full(new, t_s), end_s))
        self._columns = np.concatenate((self._columns, columns), axis=1)
        self.id = np.concatenate((self.id, self._next_id + np.arange(new)))
        self._next_id += new


def _largest(shape: shapely.Geometry) -> Polygon:
    """Return the largest part of a polygon or multipolygon."""
    largest: Polygon = max(shapely.get_parts(shape), key=lambda part: part.area)
    return largest


def _along(lines: npt.NDArray[np.object_], at_m: Floats) -> Floats:
    """Return the points (N, 2) so many metres along closed lines (N,)."""
    return shapely.get_coordinates(shapely.line_interpolate_point(lines, np.mod(at_m, shapely.length(lines))))
