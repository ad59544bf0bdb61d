"""Members put to clusters by linear discriminant analysis, each with a probability, or to none.

What is kept is JSON: means and scales of the features, and a linear function for each cluster. Its softmax is
the posterior probability of the clusters (Hastie et al., The Elements of Statistical Learning, 4.3).
"""

from __future__ import annotations

import msgspec
import numpy as np

from gateway.crm.members.features import Features
from gateway.crm.members.reading import Floats, Ints

SURE = 0.6
"""Below this probability a member is in no cluster."""
SEEN_TO_FIT = 4
"""Visits of the mall in the window from which on a member's conduct is clear enough to make clusters of."""
SEEN_TO_ASSIGN = 3
"""Visits from which on a member is put to one."""


class Assigner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A linear function of D features for each of K clusters."""

    features: list[str]
    mean: list[float]
    scale: list[float]
    """Standard deviation by weight of each feature."""
    coefficients: list[list[float]]
    """(K, D)"""
    intercepts: list[float]

    def points(self, features: Features) -> Floats:
        """Return features standardised and weighted, (M, D)."""
        found: Floats = (features.values - np.array(self.mean)) / np.array(self.scale)
        return found

    def probabilities(self, features: Features) -> Floats:
        """Return the probability of each cluster, (M, K); rows add up to one."""
        from scipy.special import softmax  # noqa: PLC0415

        linear = self.points(features) @ np.array(self.coefficients).T + np.array(self.intercepts)
        found: Floats = softmax(linear, axis=1)
        return found

    def assign(self, features: Features) -> tuple[Ints, Floats]:
        """Return each member's cluster, -1 = none, and its probability; (M,) each."""
        probability = self.probabilities(features)
        cluster = probability.argmax(axis=1)
        sure = probability.max(axis=1)
        told = (sure >= SURE) & (features.visits >= SEEN_TO_ASSIGN)
        return np.where(told, cluster, -1), sure


def scaling(features: Features) -> tuple[Floats, Floats]:
    """Return means and scales, (D,), of those seen often enough to fit."""
    values = features.values[features.visits >= SEEN_TO_FIT]
    deviation = values.std(axis=0)
    return values.mean(axis=0), np.where(deviation > 0, deviation, 1.0) / features.weights()


def fit_assigner(features: Features, mean: Floats, scale: Floats, label: Ints) -> Assigner:
    """Fit the discriminant analysis to clusters (N,) of the members seen often enough to fit."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis  # noqa: PLC0415

    points = ((features.values - mean) / scale)[features.visits >= SEEN_TO_FIT]
    fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(points, label)
    coefficients, intercepts = fitted.coef_, fitted.intercept_
    if len(coefficients) == 1:  # of two classes scikit-learn keeps the difference
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.append(0.0, intercepts)
    return Assigner(
        list(features.names), mean.tolist(), scale.tolist(), coefficients.tolist(), intercepts.tolist()
    )
