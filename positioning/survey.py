"""Readings of devices whose place was known: what radio models are calibrated on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Survey:
    """Readings of devices whose place was known.

    Attributes:
        receiver: (M,) index of the receiver of each reading.
        rssi_dbm: (M,) level of each reading.
        t_s: (M,) time of each reading on its track's clock.
        track: (M,) index of the track (a walk or a stationary point) of each reading.
        session: (M,) index of the device and session that sent; each has an offset of its own.
        tick: (M,) readings of one moment of one device share a number.
        way_track: (K,) track of each waypoint, ascending.
        way_t_s: (K,) time of each waypoint, ascending within a track.
        way_xyz_m: (K, 3) surveyed place; straight lines between waypoints.
    """

    receiver: Ints
    rssi_dbm: Floats
    t_s: Floats
    track: Ints
    session: Ints
    tick: Ints
    way_track: Ints
    way_t_s: Floats
    way_xyz_m: Floats

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.receiver)

    @classmethod
    def from_walks(
        cls, receiver: Ints, rssi_dbm: Floats, t_s: Floats, walk: Ints,
        way_walk: Ints, way_t_s: Floats, way_xyz_m: Floats, *, session: Ints | None = None, tick_s: float =
        1.0,
    ) -> Survey:  # fmt: skip
        """Return the survey of walks with waypoints; readings of walks without any are dropped.

        Args:
            receiver: (M,) index of the receiver of each reading.
            rssi_dbm: (M,) level of each reading.
            t_s: (M,) time of each reading since its walk's start.
            walk: (M,) index of the walk of each reading.
            way_walk: (K,) walk of each waypoint.
            way_t_s: (K,) time of each waypoint since its walk's start.
            way_xyz_m: (K, 3) surveyed places.
            session: (M,) device and session of each reading; by default each walk is one.
            tick_s: length of the ticks in which positions will be computed.

        Raises:
            ValueError: no reading belongs to a walk with waypoints.
        """
        order = np.lexsort((way_t_s, way_walk))
        names = np.unique(way_walk)
        known = np.isin(walk, names)
        if not known.any():
            raise ValueError("no reading belongs to a walk with surveyed waypoints")
        track = np.searchsorted(names, walk[known])
        t = t_s[known]
        _, tick = np.unique(
            np.stack((track, np.ceil(t / tick_s).astype(np.int64))), axis=1, return_inverse=True
        )
        return cls(
            receiver[known], rssi_dbm[known], t, track,
            track if session is None else np.unique(session[known], return_inverse=True)[1],
            tick, np.searchsorted(names, way_walk[order]), way_t_s[order], way_xyz_m[order],
        )  # fmt: skip

    @classmethod
    def from_points(
        cls, xyz_m: Floats, receiver: Ints, rssi_dbm: Floats, *, session: Ints | None = None
    ) -> Survey:
        """Return the survey of stationary points.

        The n-th readings of all receivers at a point count as one moment.

        Args:
            xyz_m: (M, 3) place of each reading; equal places are one point.
            receiver: (M,) index of the receiver of each reading.
            rssi_dbm: (M,) level of each reading.
            session: (M,) device and session of each reading; by default there is one.
        """
        points, track = np.unique(xyz_m, axis=0, return_inverse=True)
        track = track.reshape(-1)
        nth = _running_count(track * (int(receiver.max(initial=0)) + 1) + receiver)
        _, tick = np.unique(np.stack((track, nth)), axis=1, return_inverse=True)
        one = np.zeros(len(receiver), dtype=np.int64)
        return cls(
            receiver, rssi_dbm, nth.astype(np.float64), track, one if session is None else session,
            tick, np.arange(len(points)), np.zeros(len(points)), points,
        )  # fmt: skip

    @property
    def moves(self) -> bool:
        """Whether any track has more than one waypoint, so that its clock can be told."""
        return bool((np.diff(self.way_track) == 0).any())

    def positions(self, clock_offset_s: float = 0.0) -> Floats:
        """Return where the device was (M, 3) when each reading was heard, clock offset applied."""
        return self.at(self.track, self.t_s + clock_offset_s)

    def at(self, track: Ints, t_s: Floats) -> Floats:
        """Return the places (N, 3) on tracks (N,) at times (N,), held still beyond a track's ends."""
        starts = np.searchsorted(self.way_track, np.arange(self.way_track[-1] + 1))
        ends = np.append(starts[1:], len(self.way_track)) - 1
        span = np.ptp(self.way_t_s) + 1.0
        base = self.way_t_s.min()
        held = np.clip(t_s, self.way_t_s[starts[track]], self.way_t_s[ends[track]])
        key = track * span + held - base
        way_key = self.way_track * span + self.way_t_s - base
        return np.stack([np.interp(key, way_key, axis) for axis in self.way_xyz_m.T], axis=1)

    def subset(self, mask: Bools) -> Survey:
        """Return the survey of the readings under a mask (M,)."""
        columns = ("receiver", "rssi_dbm", "t_s", "track", "session", "tick")
        return replace(self, **{name: getattr(self, name)[mask] for name in columns})


def _running_count(group: Ints) -> Ints:
    """Return for each element how many equal ones precede it."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    lengths = np.diff(np.append(first, len(group)))
    count = np.empty(len(group), dtype=np.int64)
    count[order] = np.arange(len(group)) - np.repeat(first, lengths)
    return count
