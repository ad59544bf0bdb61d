"""Unlabelled traffic by moment, what one device sent in one tick, and by uninterrupted track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from positioning.likelihood import Readings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

GAP_S = 30.0
"""After such a silence a device may be anywhere: a new track begins."""
LONGEST = 120
"""Moments of a track: longer ones are cut, so that a device that never leaves is not all that is seen."""


@dataclass(frozen=True)
class Moments:
    """What was heard, by moment: all readings of one device in one tick.

    Attributes:
        device: (N,) device of each moment, numbered from 0.
        track: (N,) number of the uninterrupted track, ascending.
        nth: (N,) number of the moment on its track, from 0.
        since_s: (N,) time since the moment before, 0 for the first.
        readings: ``device`` is the number of the moment.
    """

    device: Ints
    track: Ints
    nth: Ints
    since_s: Floats
    readings: Readings

    def __len__(self) -> int:
        """Return the number of moments."""
        return len(self.device)

    @classmethod
    def of(
        cls, device: Ints, t_s: Floats, receiver: Ints, rssi_dbm: Floats, *, tick_s: float = 1.0
    ) -> Moments:
        """Gather readings (M,) by device and tick; their order does not matter."""
        order = np.lexsort((rssi_dbm, receiver, t_s, device))
        own = np.unique(device[order], return_inverse=True)[1].reshape(-1)
        tick = np.ceil(t_s[order] / tick_s).astype(np.int64)
        moments, row = np.unique(np.stack((own, tick)), axis=1, return_inverse=True)
        since = np.diff(moments[1], prepend=0) * tick_s
        first = np.append(True, (np.diff(moments[0]) > 0) | (since[1:] > GAP_S))[: moments.shape[1]]
        first |= _nth(first) % LONGEST == 0
        return cls(
            moments[0], np.cumsum(first) - 1, _nth(first), np.where(first, 0.0, since),
            Readings(row.reshape(-1), receiver[order], rssi_dbm[order]),
        )  # fmt: skip

    @property
    def tracks(self) -> int:
        """The number of tracks."""
        return int(self.track.max(initial=-1)) + 1

    def of_tracks(self, keep: Bools) -> Moments:
        """Return the moments of some tracks (T,); devices keep their numbers."""
        kept = keep[self.track]
        row = np.cumsum(kept) - 1
        heard = kept[self.readings.device]
        readings = Readings(
            row[self.readings.device[heard]], self.readings.receiver[heard], self.readings.rssi_dbm[heard]
        )
        number = np.cumsum(keep) - 1
        return Moments(
            self.device[kept], number[self.track[kept]], self.nth[kept], self.since_s[kept], readings
        )

    def thinned(self, most: int) -> Moments:
        """Return every track, or every second, or third, so that about ``most`` moments are left."""
        every = -(-len(self) // most) if len(self) else 1
        return self.of_tracks(np.arange(self.tracks) % every == 0)

    def parts(self, size: int) -> list[Moments]:
        """Return the moments in parts of whole tracks, of about ``size`` each."""
        ends = np.flatnonzero(np.append(self.nth[1:] == 0, True)) // size
        return [self.of_tracks(ends == part) for part in np.unique(ends)] if len(self) else []


def _nth(first: Bools) -> Ints:
    """Return how many elements lie between each and the first of its run."""
    start = np.flatnonzero(first)
    return np.arange(len(first)) - start[np.cumsum(first) - 1] if len(first) else np.zeros(0, dtype=np.int64)
