"""Clusters of conduct: k-means over standardised features, with as many clusters as come out again.

The number is chosen by stability under resampling, not by fit (Lange et al., Stability-based validation of
clustering solutions, 2004): halves of the members are clustered alone, everybody is put to the nearest
centre, and that is compared with the clusters of all, by the adjusted Rand index over all members, and by the
Jaccard index of each cluster and the one most like it (Hennig, Cluster-wise assessment of cluster stability,
2007). The two halves of one long cloud come out again, too. So stability is told by how much of what a single
cloud leaves to be gained is gained: (s - c) / (1 - c), c the stability of as many clusters of a normal
distribution with the same covariance. The number with the most wins, of those nearly as good the largest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gateway.crm.members.reading import Floats, Ints

NUMBERS = range(2, 9)
RESAMPLES = 20
REFERENCES, REFERENCE_RESAMPLES = 3, 6
"""Single clouds, and resamples of each."""
LARGEST_SAMPLE = 2_000
"""Members in a resample; more would change little."""
STABLE = 0.8
"""Adjusted Rand index, on average over resamples, that clusters need as a whole."""
RECOVERED = 0.75
"""Jaccard index that each of them needs: Hennig calls what is below no valid cluster."""
GAINED = 0.5
"""Of what a single cloud leaves to be gained."""
AS_GOOD = 0.02
"""Of two numbers that gain so nearly the same, the larger is taken: two groups apart may be four."""
FEWEST = 100
"""Members; nobody can tell kinds of fewer apart."""


@dataclass(frozen=True)
class Clusters:
    """K clusters of N members."""

    label: Ints
    """(N,)"""
    stability: float
    """Mean adjusted Rand index."""
    jaccard: Floats
    """(K,) mean Jaccard index of each."""


def find_clusters(points: Floats, *, seed: int = 1) -> Clusters | None:
    """Return the clusters of points (N, D); None where nothing stands out."""
    if len(points) < FEWEST:
        return None
    rng = np.random.default_rng(seed)
    best, most = None, GAINED  # the most that any number has gained, or what is to be gained at least
    for number in NUMBERS:
        found = clustered(points, number, rng)
        if found.stability < STABLE or found.jaccard.min() < RECOVERED:
            continue
        cloud = _of_a_cloud(points, number, rng)
        gained = (found.stability - cloud) / max(1 - cloud, 1e-6)
        if gained >= max(GAINED, most - AS_GOOD):
            best, most = found, max(most, gained)
    return best


def clustered(points: Floats, number: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> Clusters:
    """Return so many clusters, and how stable they are."""
    from sklearn.cluster import KMeans  # noqa: PLC0415  # takes a second, and a mall without CRM lacks it
    from sklearn.metrics import adjusted_rand_score  # noqa: PLC0415

    def means(count: int) -> KMeans:
        return KMeans(number, n_init=count, random_state=int(rng.integers(2**31)))

    label: Ints = means(10).fit(points).labels_.astype(np.int64)
    size = min(len(points) // 2, LARGEST_SAMPLE)
    agreement, jaccard = [], []
    for _ in range(resamples):
        sample = points[rng.choice(len(points), size, replace=False)]
        again = means(3).fit(sample).predict(points)
        agreement.append(adjusted_rand_score(label, again))
        jaccard.append(_jaccard(label, again, number))
    return Clusters(label, float(np.mean(agreement)), np.mean(jaccard, axis=0))


def _jaccard(label: Ints, again: Ints, number: int) -> Floats:
    """Return of each cluster the Jaccard index with the one most like it, (K,)."""
    both = np.zeros((number, number))
    np.add.at(both, (label, again), 1.0)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    found: Floats = (both / either).max(axis=1)
    return found


def _of_a_cloud(points: Floats, number: int, rng: np.random.Generator) -> float:
    """Return how stable so many clusters of a normal distribution are that has the points' covariance."""
    size, covariance = min(len(points), 2 * LARGEST_SAMPLE), np.cov(points.T)
    found = []
    for _ in range(REFERENCES):
        cloud = rng.multivariate_normal(np.zeros(points.shape[1]), covariance, size, method="eigh")
        found.append(clustered(cloud, number, rng, REFERENCE_RESAMPLES).stability)
    return float(np.mean(found))
