"""What the engine needs of whoever locates devices; `positioning.positioner.Positioner` is the real one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from positioning.locate import Readings
from positioning.positioner import Estimates

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Positioner(Protocol):
    """Locates and tracks devices in numbered slots. Its state is all that its next results depend on."""

    def step(self, t_ms: int, readings: Readings, *, awake: Bools | None = None) -> Estimates:
        """Take in the readings of the tick that ends at ``t_ms``; return all devices it knows, by slot."""
        ...

    def forget(self, slots: Ints) -> None:
        """Free slots; their next readings start afresh."""
        ...

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of all beliefs, for a checkpoint."""
        ...

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace all beliefs by those of `state`; what follows is bit for bit the same."""
        ...
