"""Where devices are, as every tracker tells it."""

from __future__ import annotations

from dataclasses import dataclass

from positioning.grid import Bools, Floats, Ints


@dataclass(frozen=True)
class Estimates:
    """Where K devices are.

    Attributes:
        slot: (K,) ascending.
        t_ms: the instant of all estimates.
        heard_ms: (K,) last tick in which the device was heard.
        floor: (K,) most probable floor.
        floor_probability: (K,) probability of that floor.
        xy_m: (K, 2) position.
        cov_m2: (K, 2, 2) its covariance.
        velocity_m_s: (K, 2); zero of trackers that do not follow it.
        updated: (K,) whether the device was heard in this tick.
        outside_probability: (K,) of being outside the mall when last heard; the position is where it is if it
            is inside. Zero of trackers that do not ask.
    """

    slot: Ints
    t_ms: int
    heard_ms: Ints
    floor: Ints
    floor_probability: Floats
    xy_m: Floats
    cov_m2: Floats
    velocity_m_s: Floats
    updated: Bools
    outside_probability: Floats

    def __len__(self) -> int:
        """Return the number of devices."""
        return len(self.slot)
