"""What textbook methods reach on the recorded data sets under the same protocol, to stand beside ours.

One estimate a second, constant-velocity Kalman filter, measurement and process noise set by hand; published
with the data.
"""

ML, NEAREST = "dB-domain maximum likelihood + KF", "k-nearest fingerprints + KF"
"""The best without and with fingerprints."""

METHODS = (
    "weighted centroid + KF",
    "linearised least squares + KF",
    "range-domain weighted least squares + KF",
    ML,
    NEAREST,
)

# (folder, receivers): median and 95th percentile in metres, one pair a method.
_FIGURES: dict[tuple[str, int], tuple[tuple[float, float], ...]] = {
    ("lab12", 12): ((2.81, 6.7), (2.92, 5.6), (2.32, 4.7), (1.58, 4.0), (1.72, 4.0)),
    ("site1-F1", 40): ((10.98, 38.2), (13.88, 53.2), (9.35, 29.0), (9.02, 27.8), (6.86, 23.2)),
    ("site1-F2", 40): ((13.08, 37.1), (24.03, 79.3), (12.95, 43.0), (11.55, 62.5), (5.57, 29.0)),
    ("site1-F3", 40): ((11.56, 36.0), (15.00, 54.7), (10.24, 38.2), (8.46, 31.7), (6.88, 20.7)),
    ("site1-F1", 80): ((10.43, 25.3), (10.98, 37.5), (7.38, 17.9), (6.85, 19.3), (6.18, 15.7)),
    ("site1-F1", 20): ((16.32, 56.4), (22.89, 88.5), (14.09, 64.7), (13.13, 64.2), (7.70, 23.8)),
}


def textbook(folder: str, receivers: int) -> list[tuple[str, float, float]]:
    """Return (method, median_m, p95_m) of the textbook methods; empty where nobody published any.

    `receivers` is how many were used.
    """
    figures = _FIGURES.get((folder, receivers), ())
    return [(method, *pair) for method, pair in zip(METHODS, figures, strict=False)]
