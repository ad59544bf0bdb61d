"""How good estimates are: pure functions of estimates and truth.

Positions: error in metres, and how often the truth lies inside the estimate's 68 % and 95 % regions.
Visits: an estimated visit and a true one match if they are of the same person, in the same zone, and overlap
for at least half of the shorter; each matches at most one. Pairs are taken by overlap, the longest first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CHI2_68, CHI2_95 = -2 * np.log(1 - 0.68), -2 * np.log(1 - 0.95)
"""Quantiles of the chi-square distribution with two degrees of freedom."""
OVERLAP = 0.5
"""Share of the shorter visit that a match must cover."""


@dataclass(frozen=True, slots=True)
class PositionScore:
    """How far estimates are off, and how honest their covariances are."""

    count: int
    median_m: float
    p95_m: float
    inside_68: float
    """Share of truths inside the region that should hold 68 % of them."""
    inside_95: float
    right_floor: float
    """Share of estimates on the true floor; the other figures are of these alone."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A visit of somebody to some zone, estimated or true; the same clock for both."""

    person: str
    zone: str
    enter_s: float
    leave_s: float

    @property
    def dwell_s(self) -> float:
        """How long it lasted."""
        return self.leave_s - self.enter_s


@dataclass(frozen=True, slots=True)
class VisitScore:
    """How many visits were found, and how well their length was told."""

    true: int
    estimated: int
    matched: int
    precision: float
    recall: float
    f1: float
    dwell_bias_s: float
    """Mean of estimated minus true dwell over matched visits."""
    dwell_mae_s: float
    """Mean of its absolute value."""
    dwell_bias_share: float
    """The bias as a share of the mean true dwell."""
    mean_dwell_share: float
    """Mean dwell of all estimated visits minus that of all true ones, as a share of the latter.

    Unlike the bias it counts visits that match none, such as the pieces of one that was cut.
    """


def score_positions(
    xy_m: Floats,
    cov_m2: Floats,
    floor: npt.NDArray[np.int64],
    true_xy_m: Floats,
    true_floor: npt.NDArray[np.int64],
) -> PositionScore:
    """Score estimates (N, 2) with covariances (N, 2, 2) on floors (N,) against the truth then."""
    right = floor == true_floor
    if not right.any():
        return PositionScore(0, np.nan, np.nan, np.nan, np.nan, 0.0 if len(floor) else np.nan)
    off = (xy_m - true_xy_m)[right]
    error = np.hypot(*off.T)
    distance = np.einsum("ni,ni->n", off, np.linalg.solve(cov_m2[right], off[..., None])[..., 0])
    return PositionScore(
        int(right.sum()),
        float(np.median(error)),
        float(np.percentile(error, 95)),
        float((distance <= CHI2_68).mean()),
        float((distance <= CHI2_95).mean()),
        float(right.mean()),
    )


def match_visits(estimated: Sequence[Stay], true: Sequence[Stay]) -> list[tuple[int, int]]:
    """Return pairs (index of the estimated visit, index of the true one) by the rule above."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, stay in enumerate(true):
        places[stay.person, stay.zone].append(number)
    pairs = []
    for number, stay in enumerate(estimated):
        for other in places[stay.person, stay.zone]:
            overlap_s = _overlap_s(stay, true[other])
            if overlap_s > 0 and overlap_s >= OVERLAP * min(stay.dwell_s, true[other].dwell_s):
                pairs.append((-overlap_s, number, other))
    taken: tuple[set[int], set[int]] = (set(), set())
    matches = []
    for _, number, other in sorted(pairs):
        if number not in taken[0] and other not in taken[1]:
            taken[0].add(number)
            taken[1].add(other)
            matches.append((number, other))
    return sorted(matches)


def score_visits(estimated: Sequence[Stay], true: Sequence[Stay]) -> VisitScore:
    """Score estimated visits against true ones; figures of nothing are nan."""
    matches = match_visits(estimated, true)
    off = np.array([estimated[e].dwell_s - true[t].dwell_s for e, t in matches])
    dwell = np.array([true[t].dwell_s for _, t in matches])
    hits = len(matches)
    bias = float(off.mean()) if hits else np.nan
    return VisitScore(
        len(true),
        len(estimated),
        hits,
        hits / len(estimated) if estimated else np.nan,
        hits / len(true) if true else np.nan,
        2 * hits / (len(estimated) + len(true)) if estimated or true else np.nan,
        bias,
        float(np.abs(off).mean()) if hits else np.nan,
        bias / float(dwell.mean()) if hits and dwell.mean() > 0 else np.nan,
        _mean_dwell_share(estimated, true),
    )


def flows(visits: Iterable[Stay]) -> Counter[tuple[str, str]]:
    """Count how many people went from one zone to another: each person's consecutive visits."""
    paths: dict[str, list[Stay]] = defaultdict(list)
    for stay in visits:
        paths[stay.person].append(stay)
    links: Counter[tuple[str, str]] = Counter()
    for path in paths.values():
        path.sort(key=lambda stay: (stay.enter_s, stay.leave_s, stay.zone))
        links.update((a.zone, b.zone) for a, b in pairwise(path) if a.zone != b.zone)
    return links


def flow_error(estimated: Counter[tuple[str, str]], true: Counter[tuple[str, str]]) -> float:
    """Return the sum of absolute differences over all links, as a share of the true total (0 is perfect)."""
    total = sum(true.values())
    off = sum(abs(estimated[link] - true[link]) for link in estimated.keys() | true.keys())
    return off / total if total else np.nan


def count_error(estimated: Floats, true: Floats) -> tuple[float, float]:
    """Return the mean absolute and the mean error of people per zone and minute; arrays of one shape.

    Raises:
        ValueError: the shapes differ.

    """
    if estimated.shape != true.shape:
        raise ValueError(f"counts of shape {estimated.shape}, truth of shape {true.shape}")
    off = estimated - true
    return float(np.abs(off).mean()), float(off.mean())


def _mean_dwell_share(estimated: Sequence[Stay], true: Sequence[Stay]) -> float:
    if not estimated or not true:
        return np.nan
    told, truth = (float(np.mean([stay.dwell_s for stay in stays])) for stays in (estimated, true))
    return told / truth - 1 if truth > 0 else np.nan


def _overlap_s(a: Stay, b: Stay) -> float:
    return min(a.leave_s, b.leave_s) - max(a.enter_s, b.enter_s)
