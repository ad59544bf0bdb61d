"""What can be found about a node: the words that tests of nodes share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What is thought of a node."""

    GOOD = "good"
    UNTOLD = "untold"
    """Too little was heard to tell."""
    DEAF = "deaf"
    SWAPPED = "swapped"
    MOVED = "moved"
    DYING = "dying"
    NOISY = "noisy"

    @property
    def suspicious(self) -> bool:
        """Whether somebody should look at the node."""
        return self not in (Verdict.GOOD, Verdict.UNTOLD)


@dataclass(frozen=True)
class Finding:
    """A verdict about a node and what it rests on.

    Attributes:
        verdict: what is thought of the node.
        reason: why, in a sentence; empty if it is good.
        place_m: where a node that seems to be elsewhere seems to be (x, y, z).
        place_sd_m: standard deviation of that place along each axis.
    """

    verdict: Verdict = Verdict.GOOD
    reason: str = ""
    place_m: tuple[float, float, float] | None = None
    place_sd_m: float | None = None
