"""Whether a silent device is still there: learnt from how long devices are silent between hearings.

A phone sends every 10 s to 5 min, so at any moment most phones in a mall are silent, and so are those that
have just left. How likely a device silent for some time is to be heard again is a life table of silences
(Kaplan and Meier, J. Am. Stat. Assoc. 53, 1958), in which silences that go on count as long as they have
lasted. There is one table for addresses heard in one burst only and one for those heard again, since many
phones use an address for one burst: then the address is gone, but its owner is there until the next burst,
which counts the owner anew. So an address heard once stands for its owner as long as phones are usually
silent; over time that adds up to one for each owner, because a phone's bursts come as often as its silences
are long.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BURST_MS = 5_000
"""Frames closer together than this are one burst, and silences this short say nothing."""
EDGES_MS: Ints = (
    np.array([5, 10, 15, 20, 30, 40, 60, 80, 100, 120, 150, 180, 240, 300, 420, 600, 1200]) * 1000
)
"""Silences are counted between these."""
ONCE, AGAIN = 0, 1
MEMORY = 50_000
"""When this many silences have been counted, all counts are halved: habits change."""
TYPICAL_MS = 60_000
TYPICAL = 20.0
"""Before anything was counted: this many silences, exponential with this mean, of which ..."""
GONE = (0.8, 0.05)
"""... these shares, for addresses heard in one burst and in more, are never heard again."""


class Presence:
    """How likely each device in numbered slots is still in the mall."""

    def __init__(self) -> None:
        """Start without devices, with what is typical of phones."""
        prior = TYPICAL * -np.diff(np.exp(-EDGES_MS / TYPICAL_MS))
        kept = 1.0 - np.array(GONE)[:, None]
        self._heard: Floats = prior * kept  # silences that ended, by kind of address and length
        self._gone: Floats = prior.sum() * np.array(GONE)  # silences that did not
        self._last_ms: Ints = np.zeros(0, dtype=np.int64)
        self._again: Ints = np.zeros(0, dtype=np.int64)  # ONCE or AGAIN
        self._live: npt.NDArray[np.bool_] = np.zeros(0, dtype=bool)

    def hear(self, t_ms: int, slots: Ints) -> None:
        """Take in that devices (D,) were heard at ``t_ms``."""
        self._grow(int(slots.max(initial=-1)) + 1)
        silent_ms = t_ms - self._last_ms[slots]
        ended = self._live[slots] & (silent_ms > BURST_MS)
        kind, length = self._again[slots][ended], silent_ms[ended]
        bins = np.searchsorted(EDGES_MS, length, side="right") - 1
        np.add.at(self._heard, (kind, np.minimum(bins, len(EDGES_MS) - 2)), 1.0)
        self._again[slots[ended]] = AGAIN
        self._last_ms[slots] = t_ms
        self._live[slots] = True
        if self._heard.sum() + self._gone.sum() > MEMORY:
            self._heard /= 2.0
            self._gone /= 2.0

    def vanish(self, slots: Ints) -> None:
        """Take in that devices (D,) were not heard again, and free their slots."""
        self._gone += np.bincount(self._again[slots], minlength=2)
        self._live[slots] = False
        self._again[slots] = ONCE

    def probability(self, t_ms: int, slots: Ints) -> Floats:
        """Return how likely owners of devices (D,) are there and not counted under another address."""
        silent_ms, kind = (t_ms - self._last_ms[slots]).astype(np.float64), self._again[slots]
        edges, back = EDGES_MS.astype(np.float64), self._heard_again(t_ms)
        once = kind == ONCE
        result: Floats = np.where(
            once, np.interp(silent_ms, edges, back[ONCE]), np.interp(silent_ms, edges, back[AGAIN])
        )
        usual = np.append(np.cumsum(self._heard[AGAIN, ::-1])[::-1], 0.0)
        waits = np.interp(silent_ms, edges, usual / usual[0])
        result = np.where(once, result + (1.0 - result) * waits, result)
        result[silent_ms <= BURST_MS] = 1.0
        return result

    def still_there(self, t_ms: int, silent_ms: Ints) -> Floats:
        """Return how likely phones (N,) that last used an address for more than a burst are still there."""
        edges = EDGES_MS.astype(np.float64)
        return np.where(
            silent_ms <= BURST_MS, 1.0, np.interp(silent_ms, edges, self._heard_again(t_ms)[AGAIN])
        )

    def _heard_again(self, t_ms: int) -> Floats:
        """Return, by kind and at each edge, the probability (2, edges) that a silence so long ends."""
        live = np.flatnonzero(self._live)
        bins = np.searchsorted(EDGES_MS, t_ms - self._last_ms[live], side="right") - 1
        bins = np.minimum(bins, len(EDGES_MS) - 2)
        table = np.zeros_like(self._heard)
        np.add.at(table, (self._again[live][bins >= 0], bins[bins >= 0]), 1.0)
        lasts = np.cumsum((self._heard + table)[:, ::-1], axis=1)[:, ::-1] + self._gone[:, None]
        hazard = self._heard / (lasts - table / 2.0)  # the actuarial estimate: half a bin for those within it
        never = np.cumprod((1.0 - hazard)[:, ::-1], axis=1)[:, ::-1]
        return np.concatenate((1.0 - never, np.zeros((2, 1))), axis=1)

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        return {
            "heard": self._heard.copy(),
            "gone": self._gone.copy(),
            "last_ms": self._last_ms.copy(),
            "again": self._again.copy(),
            "live": self._live.copy(),
        }

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
            ValueError: silences were counted between other edges.
        """
        heard = state["heard"].astype(np.float64)
        if heard.shape != self._heard.shape:
            raise ValueError(f"silences were counted in {heard.shape} bins, expected {self._heard.shape}")
        self._heard, self._gone = heard, state["gone"].astype(np.float64)
        self._last_ms = state["last_ms"].astype(np.int64)
        self._again = state["again"].astype(np.int64)
        self._live = state["live"].astype(bool)

    def _grow(self, capacity: int) -> None:
        """Make room for slots below ``capacity``, at least doubling."""
        old = len(self._live)
        if capacity > old:
            extra = max(capacity - old, old, 64)
            self._last_ms = np.concatenate((self._last_ms, np.zeros(extra, dtype=np.int64)))
            self._again = np.concatenate((self._again, np.zeros(extra, dtype=np.int64)))
            self._live = np.concatenate((self._live, np.zeros(extra, dtype=bool)))
