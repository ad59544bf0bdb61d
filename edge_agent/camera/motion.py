"""The motion gate: looks at every picture for a thirtieth of what reading plates costs.

A picture is made small and compared with the one before, in colour: a red car may be as bright as the road. A
lane moves where enough of its pixels changed by more than noise does. What a lamp changes that is switched on
is the same for all pixels: the median of the change is taken off (a running background would need minutes to
learn the new light). What rain changes are single pixels: the change is averaged over three by three.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from edge_agent.camera.lanes import LaneView
from edge_agent.camera.picture import Image

WIDTH = 160
"""Pixels across; a plate that can be read (80 of 1,280 pixels) is 10 of them."""
CHANGED = 10
"""Levels of 256 by which a pixel changes where something moves: many times what is left of the noise."""
SHARE = 0.006
"""Share of a lane's pixels that must change; rain and insects stay below."""
HOLD_MS = 1_500
"""A lane is looked at for so long after its last motion: that a car has gone has to be seen, too."""


class MotionGate:
    """Says in which lanes something moves."""

    def __init__(self, lanes: Sequence[LaneView]) -> None:
        self._lanes = list(lanes)
        self._masks: list[npt.NDArray[np.bool_]] = []
        self._before: npt.NDArray[np.float32] | None = None
        self._until_ms = [-1] * len(self._lanes)

    def open(self, t_ms: int, image: Image) -> list[LaneView]:
        """Take a picture; give the lanes that are worth looking at. The first picture opens none."""
        height = max(round(WIDTH * image.shape[0] / image.shape[1]), 1)
        small = cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA)
        now = small.astype(np.float32)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            self._masks = [lane.mask(WIDTH, height) for lane in self._lanes]
            return []
        change = now - before
        lamp = np.median(change[::4, ::4].reshape(-1, 3), axis=0)
        moved = (np.abs(cv2.blur(change, (3, 3)) - lamp) > CHANGED).any(axis=2)
        for i, mask in enumerate(self._masks):
            if np.count_nonzero(moved & mask) > SHARE * max(int(mask.sum()), 1):
                self._until_ms[i] = t_ms + HOLD_MS
        return [lane for lane, until in zip(self._lanes, self._until_ms, strict=True) if t_ms <= until]

    def forget(self) -> None:
        """Start anew: what comes next has nothing to do with what came before."""
        self._before = None
        self._until_ms = [-1] * len(self._lanes)
