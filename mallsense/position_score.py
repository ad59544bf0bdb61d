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

STEP_S, FRESH_S = 2.0, 5.0

INSIDE_68, INSIDE_95 = 2.279, 5.991
"""Quantiles of the chi-square distribution with two degrees of freedom."""


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


def score_positions(data: RecordedDataset, found: Iterable[Estimate]) -> Score:
    """Score estimates of the test walks of a recording."""
    by_walk: dict[str, list[Estimate]] = {}
    for estimate in found:
        by_walk.setdefault(estimate.walk, []).append(estimate)
    error_m: list[Floats] = []
    distance: list[Floats] = []
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
        true_xy = np.stack([np.interp(at_s, truth.t_s, truth.xyz_m[:, k]) for k in range(2)], axis=1)
        off = np.stack([estimate.xy_m for estimate in chosen]) - true_xy
        cov = np.stack([estimate.cov_m2 for estimate in chosen])
        error_m.append(np.hypot(off[:, 0], off[:, 1]))
        distance.append(np.einsum("ni,ni->n", off, np.linalg.solve(cov, off[:, :, None])[:, :, 0]))
    return _summary(np.concatenate([*error_m, np.empty(0)]), np.concatenate([*distance, np.empty(0)]), missed)


def _fresh(events_s: Floats, at_s: Floats) -> npt.NDArray[np.int64]:
    """Return for each instant the index of the newest event of the last 5 s, -1 where there is none."""
    newest = np.searchsorted(events_s, at_s, side="right") - 1
    age_s = at_s - np.append(events_s, -np.inf)[newest]
    return np.where((newest >= 0) & (age_s <= FRESH_S), newest, -1)


def _summary(error_m: Floats, distance: Floats, missed: int) -> Score:
    instants = len(error_m) + missed
    coverage = len(error_m) / max(1, instants)
    if not len(error_m):
        return Score(instants, coverage)
    p50, p75, p95 = np.percentile(error_m, (50, 75, 95)).tolist()
    inside = [float((distance <= limit).mean()) for limit in (INSIDE_68, INSIDE_95)]
    return Score(instants, coverage, p50, float(error_m.mean()), p75, p95, *inside)
