"""How far the engine's figures are off besides chance: visits missed, split, or told of the next shop.

Learnt on days of the simulated mall that no table shows (`python -m benchmarks.crm_figures --learn`): what is
left of figures after phones a person. It makes intervals wider, and lean to the side where the truth was; it
moves no figure, since another mall errs another way. docs/crm-figures.md says how well intervals do.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Error:
    """How the logarithm of a figure is off: a part that stays, and one that shrinks with numbers."""

    lasting: float
    """Standard deviation."""
    noise: float = 0.0
    """Variance of a figure of one device."""
    lean: float = 0.0
    """Mean: by how much it is too high."""

    def log_variance(self, devices: float) -> float:
        """Return the variance of the logarithm of a figure about so many devices."""
        return self.lasting**2 + self.noise / max(devices, 1.0)


CAME = Error(0.33)
"""Visits of the mall, where somebody has counted who comes in."""
CAME_UNCOUNTED = Error(0.86)
"""The same where nobody has: people outside who are taken for visitors, and phones that come in twice."""
NEAR = Error(1.17)
"""People who only pass by outside: most of their phones are heard once, or taken for visitors."""
ZONE_VISITS = Error(0.61, lean=0.55)
ZONE_VISITORS = Error(0.63, lean=0.53)
EXPOSURE = Error(0.53, lean=0.14)
DWELL = Error(0.70, lean=-0.83)
"""Visits that are cut in two are half as long."""
REACHED_FLOOR, REACHED_SHOP = 0.123, 0.015
"""Variance of the share of visitors who reached a floor or a shop, as a part of p (1 - p)."""
