"""What time it is in the mall, by the watermarks of its nodes: neither the gateway's clock nor one node's.

The mall's time is the lower median of the watermarks of the nodes that are online, and never goes back. It
moves only while more than half of the nodes online have spoken: one whose clock is a day off cannot set it by
being first.

A node whose clock jumps ahead of the others, or starts there, is not believed until the others get there too.
A node that gets ahead step by step is: after a break all nodes send what they have stored, and some are
faster than others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TOLERANCE_MS = 60_000
"""A clock that jumps further ahead is refused; a node further behind is not waited for."""
UNKNOWN = -1


class Watermarks:
    """The watermarks of N nodes, addressed by index."""

    def __init__(self, nodes: int, lateness_ms: int) -> None:
        """Start with every node offline; nodes behind are waited for ``lateness_ms`` of mall time."""
        self._lateness_ms = lateness_ms
        self._watermark_ms: Ints = np.full(nodes, UNKNOWN, dtype=np.int64)
        self._online: Bools = np.zeros(nodes, dtype=bool)
        self._stated: Bools = np.zeros(nodes, dtype=bool)
        self._believed: Bools = np.ones(nodes, dtype=bool)
        self.mall_ms = UNKNOWN
        """The mall's time; `UNKNOWN` until more than half of the nodes online have spoken."""
        self.complete_ms = UNKNOWN
        """Everything before this moment has been said, or is too late."""

    def status(self, node: int, online: bool) -> None:
        """Take in that a node is online or offline; one that comes back has to speak before it counts."""
        if online and not self._online[node]:
            self._watermark_ms[node] = UNKNOWN
        self._online[node] = online
        self._stated[node] = True
        self._settle()

    def speak(self, node: int, watermark_ms: int) -> bool:
        """Take in a node's watermark; returns whether what the node says now can be believed.

        A node without any status is online from the first time it speaks. A step back by more than the
        tolerance is a clock put right; a smaller one is a batch out of order.
        """
        if not self._stated[node]:
            self._online[node] = True
        last_ms = int(self._watermark_ms[node])
        jumped = last_ms == UNKNOWN or abs(watermark_ms - last_ms) > TOLERANCE_MS
        if watermark_ms > last_ms or jumped:
            self._watermark_ms[node] = watermark_ms
        self._settle()
        if self.mall_ms == UNKNOWN or watermark_ms <= self.mall_ms + TOLERANCE_MS:
            self._believed[node] = True
        elif jumped:
            self._believed[node] = False
        return bool(self._believed[node])

    def awake(self, t_ms: int) -> Bools:
        """Return which nodes (N,) have listened up to ``t_ms``."""
        return self._online & (self._watermark_ms >= t_ms)

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        return {
            "watermark_ms": self._watermark_ms.copy(),
            "online": self._online.copy(),
            "stated": self._stated.copy(),
            "believed": self._believed.copy(),
            "mall": np.array([self.mall_ms, self.complete_ms], dtype=np.int64),
        }

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
        """
        self._watermark_ms = state["watermark_ms"].astype(np.int64)
        self._online = state["online"].astype(bool)
        self._stated = state["stated"].astype(bool)
        self._believed = state["believed"].astype(bool)
        self.mall_ms, self.complete_ms = state["mall"].tolist()

    def _settle(self) -> None:
        """Bring mall time and completeness up to date."""
        watermarks_ms = self._watermark_ms[self._online]
        votes = np.sort(watermarks_ms[watermarks_ms != UNKNOWN])
        quorum = 2 * len(votes) > len(watermarks_ms)
        median_ms = int(votes[(len(votes) - 1) // 2]) if quorum else UNKNOWN
        if median_ms == UNKNOWN and self.mall_ms == UNKNOWN:
            return
        if self.mall_ms == UNKNOWN:  # decided just now: who was right before?
            self._believed = self._watermark_ms <= median_ms + TOLERANCE_MS
        self.mall_ms = max(self.mall_ms, median_ms)
        waited_for = votes[votes >= self.mall_ms - TOLERANCE_MS]
        everyone = len(votes) == len(watermarks_ms) and len(waited_for) > 0
        slowest_ms = int(waited_for[0]) if everyone else UNKNOWN
        self.complete_ms = max(self.complete_ms, slowest_ms, self.mall_ms - self._lateness_ms)
