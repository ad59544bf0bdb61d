"""Weights that keep outliers from deciding a fit: residuals follow a Student t distribution."""

from __future__ import annotations

from positioning.grid import Floats

STUDENT_DOF = 5.0
"""Degrees of freedom. Residuals of surveyed readings have a kurtosis of 4 to 6 on the recorded malls."""


def student_weight(squared: Floats) -> Floats:
    """Return what residuals count in a reweighted least squares fit (Lange, Little and Taylor, 1989).

    Args:
        squared: squared residuals, in units of the squared scale.
    """
    weight: Floats = (STUDENT_DOF + 1.0) / (STUDENT_DOF + squared)
    return weight
