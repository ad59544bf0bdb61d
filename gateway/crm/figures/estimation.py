"""How far the engine's figures are off besides chance: visits missed, split, or told of the next shop.

Learnt on days of the simulated mall that no table shows (`python -m benchmarks.crm_figures --learn`), as the
root of the mean square of what is left after phones a person: it makes intervals wider and moves no figure,
since another mall errs another way. docs/crm-figures.md says how well intervals do on other days.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Error:
    """Standard deviation of a figure's logarithm: one part that stays, and one that shrinks with numbers."""

    lasting: float
    noise: float = 0.0
    """Variance of the logarithm of a figure of one device."""

    def log_variance(self, devices: float) -> float:
        """Return the variance of the logarithm of a figure about so many devices."""
        return self.lasting**2 + self.noise / max(devices, 1.0)


CAME = Error(0.2, 1.0)
"""Visits of the mall, where somebody has counted who comes in."""
CAME_UNCOUNTED = Error(1.0)
"""The same where nobody has: people outside who are taken for visitors, and phones that come in twice."""
NEAR = Error(0.5, 1.0)
"""People near the mall."""
ZONE_VISITS = Error(0.2, 1.0)
ZONE_VISITORS = Error(0.2, 1.0)
EXPOSURE = Error(0.2, 1.0)
DWELL = Error(0.3, 1.0)
REACHED = 0.05
"""Variance of the share of visitors who reached a floor or a shop, as a part of p (1 - p)."""
