"""How good are live position estimates? The protocol under which all methods are compared.

Every 2 s of every test walk, the newest estimate of the last 5 s is compared with the truth (linear between
surveyed points). An instant counts only where some receiver heard the device in the last 5 s; where no
estimate exists there, it counts as missed and lowers the coverage.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from mallsense.estimates import Estimate
from simulators.recorded import RecordedDataset

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEP_S, FRESH_S = 2.0, 5.0

INSIDE_68, INSIDE_95 = -np.expm1(-0.5 * np.array([2.279, 5.991]))
"""Probabilities of the regions, by the quantiles of the chi-square distribution that the protocol names."""


@dataclass(frozen=True)
class Score:
    """How far estimates were from the truth; None where nothing could be compared."""

    instants: int
    coverage: float
    median_m: float | None = None
    mean_m: float | None = None
    p75_m: float | None = None
    p95_m: float | None = None
    inside_68: float | None = None
    """Share of truths inside the region that should hold 68 %."""
    inside_95: float | None = None

    def rounded(self) -> dict[str, float | None]:
        """Return the figures as they are published."""
        digits = {"coverage": 4, "inside_68": 3, "inside_95": 3}
        return {
            name: None if value is None else round(value, digits.get(name, 2))
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Comparison:
    """Estimates beside the truth at N instants.

    Attributes:
        walk: (N,) index of the walk in the recording.
        t_s: (N,) since its start.
        true_xy_m: (N, 2).
        error_m: (N, 2) estimate minus truth.
        cov_m2: (N, 2, 2) covariance that the estimate stated.
        missed: instants without an estimate, which are not among the N.
    """

    walk: Ints
    t_s: Floats
    true_xy_m: Floats
    error_m: Floats
    cov_m2: Floats
    missed: int

    @property
    def distance_m(self) -> Floats:
        """How far each estimate was from the truth, (N,)."""
        distance: Floats = np.hypot(self.error_m[:, 0], self.error_m[:, 1])
        return distance

    @property
    def stated_probability(self) -> Floats:
        """Probability (N,) of the smallest region of the stated normal that holds the truth.

        Honest covariances make it uniform between 0 and 1.
        """
        solved = np.linalg.solve(self.cov_m2, self.error_m[:, :, None])[:, :, 0]
        squared = np.einsum("ni,ni->n", self.error_m, solved)
        inside: Floats = -np.expm1(-0.5 * squared)  # chi-square distribution with two degrees of freedom
        return inside

    def score(self) -> Score:
        """Return the figures of the protocol."""
        instants = len(self.t_s) + self.missed
        coverage = len(self.t_s) / max(1, instants)
        if not len(self.t_s):
            return Score(instants, coverage)
        error_m, stated = self.distance_m, self.stated_probability
        p50, p75, p95 = np.percentile(error_m, (50, 75, 95)).tolist()
        inside = [float((stated <= level).mean()) for level in (INSIDE_68, INSIDE_95)]
        return Score(instants, coverage, p50, float(error_m.mean()), p75, p95, *inside)


def compare(data: RecordedDataset, found: Iterable[Estimate]) -> Comparison:
    """Set estimates of the test walks of a recording beside their truth."""
    by_walk: dict[str, list[Estimate]] = {}
    for estimate in found:
        by_walk.setdefault(estimate.walk, []).append(estimate)
    parts = [(np.empty(0, np.int64), np.empty(0), np.empty((0, 2)), np.empty((0, 2)), np.empty((0, 2, 2)))]
    missed = 0
    for i in data.split("test").tolist():
        truth = data.truth.of(np.array([i]))
        if len(truth.t_s) < 2:  # a path needs two points
            continue
        at_s = np.arange(STEP_S, truth.t_s[-1] + 1e-9, STEP_S)
        heard_s = data.readings.of(np.array([i])).t_s
        at_s = at_s[_fresh(heard_s, at_s) >= 0]
        own = sorted(by_walk.get(data.walks[i].id, []), key=lambda estimate: estimate.t_s)
        newest = _fresh(np.array([estimate.t_s for estimate in own]), at_s)
        missed += int((newest < 0).sum())
        at_s, chosen = at_s[newest >= 0], [own[k] for k in newest[newest >= 0].tolist()]
        if not chosen:
            continue
        walk = np.full(len(at_s), i)
        true_xy = true_places(data, walk, at_s)[:, :2]
        off = np.stack([estimate.xy_m for estimate in chosen]) - true_xy
        cov = np.stack([estimate.cov_m2 for estimate in chosen])
        parts.append((walk, at_s, true_xy, off, cov))
    walk, t_s, true_xy_m, error_m, cov_m2 = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Comparison(walk, t_s, true_xy_m, error_m, cov_m2, missed)


def score_positions(data: RecordedDataset, found: Iterable[Estimate]) -> Score:
    """Score estimates of the test walks of a recording."""
    return compare(data, found).score()


def true_places(data: RecordedDataset, walk: Ints, t_s: Floats) -> Floats:
    """Return where the devices of walks were (N, 3), held still beyond a walk's ends."""
    places = np.zeros((len(walk), 3))
    for i in np.unique(walk).tolist():
        truth, rows = data.truth.of(np.array([i])), walk == i
        places[rows] = np.stack([np.interp(t_s[rows], truth.t_s, axis) for axis in truth.xyz_m.T], axis=1)
    return places


def _fresh(events_s: Floats, at_s: Floats) -> Ints:
    """Return for each instant the index of the newest event of the last 5 s, -1 where there is none."""
    newest = np.searchsorted(events_s, at_s, side="right") - 1
    age_s = at_s - np.append(events_s, -np.inf)[newest]
    return np.where((newest >= 0) & (age_s <= FRESH_S), newest, -1)
