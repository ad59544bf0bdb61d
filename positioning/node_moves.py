"""Nodes that hear as if they hung elsewhere: moved, wrong in the site file, or swapped with another.

*Moved*: likelihood ratio of the best place against all places so near the stated one that the difference
does no harm. Without anything wrong, twice its logarithm is at most chi-squared with two degrees of freedom
(Wilks, 1938). A map's assumptions never hold quite; what they miss inflates all ratios alike, so they are
divided by what the median over all nodes shows (genomic control: Devlin and Roeder, 1999).

*Swapped*: likelihood ratio of two nodes each at the other's place. Under the hypothesis that is wrong, a
ratio exceeds ``k`` with a chance of at most ``1/k`` (Markov's inequality), whatever the distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from positioning.node_places import Lines, Peers, candidate_places, lines, spacing_m
from positioning.node_verdicts import Finding, Verdict
from positioning.radiomap import SurveyedMap

Floats = npt.NDArray[np.float64]

NEAR_SHARE = 0.3
"""A node may be so far off, as a share of the distance between nodes: positions hardly suffer."""
MIN_PEERS = 5
"""Nodes, before their median tells how much ratios are inflated."""


@dataclass(frozen=True)
class Trial:
    """One node tried at C places, the first of which is where the site has it.

    Attributes:
        places_m: (C, 3).
        lines: its readings as they look from there.
        near_m: places so close do as well.
    """

    places_m: Floats
    lines: Lines
    near_m: float

    @classmethod
    def of(cls, radio: SurveyedMap, node: int, lattice_m: Floats, peers: Peers) -> Trial:
        """Try a node at its own place and all places of a lattice (C, 3)."""
        places = candidate_places(radio.base, node, lattice_m)
        return cls(
            places, lines(radio, node, places, peers), NEAR_SHARE * spacing_m(radio.base.receiver_xyz_m)
        )

    @property
    def best(self) -> int:
        """The likeliest place."""
        return int(self.lines.log_likelihood.argmax())

    def excess(self, place_m: Floats) -> float:
        """Return twice the log-likelihood ratio of the likeliest place against all near ``place_m`` (3,)."""
        likelihood = self.lines.log_likelihood
        near = np.linalg.norm(self.places_m - place_m, axis=1) <= self.near_m
        return 2.0 * float(likelihood.max() - likelihood[near].max(initial=-np.inf))

    def spread_m(self, inflation: float) -> float:
        """Return the standard deviation of the likeliest place along each axis."""
        likelihood = self.lines.log_likelihood[1:]
        weight = np.exp((likelihood - likelihood.max()) / inflation)
        squared = ((self.places_m[1:, :2] - self.places_m[self.best, :2]) ** 2).sum(axis=1)
        return float(np.sqrt(0.5 * np.average(squared, weights=weight)))


@dataclass(frozen=True)
class Trials:
    """The trials of all nodes that were heard enough, by node, and the false alarm rate of each test."""

    names: tuple[str, ...]
    trials: Mapping[int, Trial]
    false_alarm: float

    def inflation(self) -> float:
        """Return by how much ratios exceed those of a model without faults, as the median node shows."""
        ratios = [
            2.0 * float(trial.lines.log_likelihood.max() - trial.lines.log_likelihood[0])
            for trial in self.trials.values()
        ]
        return max(1.0, float(np.median(ratios) / chdtri(2, 0.5))) if len(ratios) >= MIN_PEERS else 1.0

    def findings(self) -> dict[int, Finding]:
        """Return what is found about the nodes that seem to be elsewhere."""
        inflation = self.inflation()
        threshold = inflation * float(chdtri(2, self.false_alarm))
        found = {
            node: self._moved(node, inflation)
            for node, trial in self.trials.items()
            if trial.excess(trial.places_m[0]) > threshold
        }
        for one, other in self._swaps(inflation, threshold):
            found[one] = self._swapped(one, other, inflation)
            found[other] = self._swapped(other, one, inflation)
        return found

    def _moved(self, node: int, inflation: float) -> Finding:
        trial = self.trials[node]
        place, about = trial.places_m[trial.best], trial.spread_m(inflation)
        far = float(np.linalg.norm(place - trial.places_m[0]))
        reason = (
            f"it hears as if it stood at ({place[0]:.0f}, {place[1]:.0f}) m, give or take {about:.0f} m: "
            f"{far:.0f} m from where the site file has it"
        )
        return Finding(Verdict.MOVED, reason, (float(place[0]), float(place[1]), float(place[2])), about)

    def _swapped(self, node: int, other: int, inflation: float) -> Finding:
        x_m, y_m, z_m = self.trials[other].places_m[0].tolist()
        reason = (
            f"it hears as if it stood where {self.names[other]} should, and the other way round: "
            "their names, or their places in the site file, are exchanged"
        )
        return Finding(Verdict.SWAPPED, reason, (x_m, y_m, z_m), self.trials[node].spread_m(inflation))

    def _swaps(self, inflation: float, threshold: float) -> list[tuple[int, int]]:
        """Return pairs of nodes whose exchange mends both, the surest first, each node once."""
        enough = 2.0 * np.log(max(len(self.trials) - 1, 1) / (2.0 * self.false_alarm))
        found = []
        for one, other in combinations(self.trials, 2):
            a, b = self.trials[one], self.trials[other]
            stays = a.excess(a.places_m[0]), b.excess(b.places_m[0])
            if min(stays) <= 0.0:
                continue
            goes = a.excess(b.places_m[0]), b.excess(a.places_m[0])
            gain = (sum(stays) - sum(goes)) / inflation
            if gain > enough and max(goes) < threshold:
                found.append((gain, one, other))
        pairs: list[tuple[int, int]] = []
        for _, one, other in sorted(found, reverse=True):
            if not any({one, other} & set(pair) for pair in pairs):
                pairs.append((one, other))
        return pairs
