"""Visits: from zone probabilities, heard now and then, to who is where since when. Batched over device slots.

Two layers (docs/visits.md has the state diagram and what was measured):

* A belief over zones per device, by a sticky forward filter (a hidden Markov model, Rabiner 1989, section III.A):
  people stay where they are for minutes, so an estimate that jitters between adjacent shops does not move them.
  Estimates that follow each other within seconds share their errors, so each counts by the time since the last.
* A state machine with hysteresis on that belief: none -> provisional -> open -> left -> ended. A stay becomes a visit
  once it has lasted ``min_dwell_s``, and is then dated back to when it began; a person walking past a door never
  gets there. A device that is back in the zone within ``reentry_s`` continues its visit.

A device that is not heard stays where it was: phones are silent for minutes. Event time only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from contracts.site import VisitRules

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NONE = -1
UPDATE_MS = 60_000
"""An open visit is reported again this often, when the device was heard in its zone."""


@dataclass(frozen=True)
class Stickiness:
    """How a device's belief over zones follows its zone probabilities.

    Attributes:
        stay_s: time in which the belief that a person is still in the zone fades to 1/e.
        correlation_s: estimates closer together than this share their errors and count less.
        outlier: share of an estimate that is taken to say nothing.
    """

    stay_s: float = 300.0
    correlation_s: float = 15.0
    outlier: float = 0.02


class Change(IntEnum):
    """What happened to a visit."""

    STARTED = 0
    UPDATED = 1
    ENDED = 2


@dataclass(frozen=True)
class Changes:
    """What happened to E visits, in order of slot.

    Attributes:
        slot: (E,) device.
        change: (E,) a :class:`Change`.
        zone: (E,) index of the zone.
        started_ms: (E,) when the visit began; with slot and zone it names the visit.
        seen_ms: (E,) when the device was last found in the zone.
        ended_ms: (E,) when it left; ``seen_ms`` for visits that go on.
        confidence: (E,) mean probability that the device was in the zone, over the visit.
    """

    slot: Ints
    change: Ints
    zone: Ints
    started_ms: Ints
    seen_ms: Ints
    ended_ms: Ints
    confidence: Floats

    def __len__(self) -> int:
        """Return the number of changes."""
        return len(self.slot)

    @classmethod
    def join(cls, parts: list[Changes]) -> Changes:
        """Return several changes as one; the order of the parts is kept."""
        columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)}
        return cls(**columns)


# Columns of the state per slot: type and value of a slot that holds no device.
_COLUMNS: Mapping[str, tuple[type[np.generic], float]] = {
    "heard_ms": (np.int64, -1),  # last hearing
    "top": (np.int64, NONE),  # most probable zone (Z = none of them) ...
    "top_ms": (np.int64, 0),  # ... and since when
    "zone": (np.int64, NONE),  # zone of the open visit
    "started_ms": (np.int64, 0),
    "seen_ms": (np.int64, 0),
    "left_ms": (np.int64, NONE),  # when it left the zone; NONE while it is there
    "told_ms": (np.int64, 0),  # last report
    "mass": (np.float64, 0),  # sum of the zone's probability over the hearings of the visit ...
    "hearings": (np.float64, 0),  # ... and their number
    "next_zone": (np.int64, NONE),  # the same for a stay that may become a visit
    "next_started_ms": (np.int64, 0),
    "next_seen_ms": (np.int64, 0),
    "next_mass": (np.float64, 0),
    "next_hearings": (np.float64, 0),
}


class Visits:
    """The visits of devices in numbered slots; slots are small integers that the caller hands out and reuses."""

    def __init__(
        self, visitable: Bools, share: Floats, rules: VisitRules, stickiness: Stickiness | None = None
    ) -> None:
        """Start without devices.

        Args:
            visitable: (Z,) whether being in the zone can be a visit; corridors are passed through.
            share: (Z + 1,) how people spread over zones, and outside all of them, when nothing else is known: areas.
            rules: when a stay is a visit.
            stickiness: how fast beliefs move.

        Raises:
            ValueError: a share is negative, or all are zero, or their number does not fit.
        """
        if share.shape != (len(visitable) + 1,) or (share < 0).any() or not share.sum() > 0:
            raise ValueError(
                f"share must hold {len(visitable) + 1} numbers that are not negative, got {share}"
            )
        self._visitable = np.append(visitable, False)
        floor = share.sum() * 1e-4  # a zone cut off by the raster can still be believed in
        self._share = (np.maximum(share, floor) / np.maximum(share, floor).sum()).astype(np.float32)
        self._rules = rules
        self._stickiness = stickiness or Stickiness()
        self._min_dwell_ms = round(rules.min_dwell_s * 1000)
        self._reentry_ms = round(rules.reentry_s * 1000)
        self.belief: Floats32 = np.zeros((0, len(share)), dtype=np.float32)
        """(slots, Z + 1) probability of each zone at the last hearing, the last of being in none."""
        self._columns = {name: np.full(0, value, dtype=kind) for name, (kind, value) in _COLUMNS.items()}

    def step(self, t_ms: int, slots: Ints, probabilities: Floats32) -> Changes:
        """Take in the devices heard at ``t_ms`` and return what changed for any device by then.

        Args:
            t_ms: now; must not go back.
            slots: (D,) the devices heard, ascending.
            probabilities: (D, Z + 1) as :meth:`positioning.zones.ZoneMap.probabilities`; rows of zeros say nothing.
        """
        parts = []
        if len(slots):
            self._grow(int(slots.max()) + 1)
            parts.append(self._hear(t_ms, slots, probabilities))
        zone, left_ms = self._columns["zone"], self._columns["left_ms"]
        over = np.flatnonzero((zone != NONE) & (left_ms != NONE) & (t_ms - left_ms >= self._reentry_ms))
        parts.append(self._end(over))
        return Changes.join(parts)

    def vanish(self, slots: Ints) -> Changes:
        """End the visits of devices (D,) that have left the mall, when they were last seen, and free their slots."""
        slots = slots[slots < len(self.belief)]
        changes = self._end(slots[self._columns["zone"][slots] != NONE])
        for name, (_, value) in _COLUMNS.items():
            self._columns[name][slots] = value
        self.belief[slots] = 0.0
        return changes

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint; the belief as its entries that are not zero."""
        entries = np.flatnonzero(self.belief)
        return {name: column.copy() for name, column in self._columns.items()} | {
            "belief_entry": entries,
            "belief_value": self.belief.ravel()[entries],
        }

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
            ValueError: the state was taken with other zones.
        """
        columns = {name: state[name].astype(kind) for name, (kind, _) in _COLUMNS.items()}
        belief = np.zeros((len(columns["zone"]), len(self._share)), dtype=np.float32)
        entries = state["belief_entry"].astype(np.int64)
        if entries.max(initial=-1) >= belief.size:
            raise ValueError("the checkpoint has other zones than the site")
        belief.ravel()[entries] = state["belief_value"]
        self._columns, self.belief = columns, belief

    def _grow(self, capacity: int) -> None:
        """Make room for slots below ``capacity``, at least doubling."""
        old = len(self.belief)
        if capacity <= old:
            return
        extra = max(capacity - old, old, 64)
        for name, (kind, value) in _COLUMNS.items():
            self._columns[name] = np.concatenate((self._columns[name], np.full(extra, value, dtype=kind)))
        more = np.zeros((extra, self.belief.shape[1]), dtype=np.float32)
        self.belief = np.concatenate((self.belief, more))

    def _hear(self, t_ms: int, slots: Ints, probabilities: Floats32) -> Changes:
        """Update belief and visits of the devices heard."""
        of = _Rows(self._columns, slots)
        belief = self._believe(t_ms, slots, probabilities)
        rows = np.arange(len(slots))
        # Between two hearings a device moved somewhere in the middle: the best guess without a preference.
        since_ms = np.where(of["heard_ms"] < 0, t_ms, (of["heard_ms"] + t_ms) // 2)
        top = belief.argmax(axis=1)
        moved = top != of["top"]
        of.set("top_ms", moved, since_ms)
        of.set("top", moved, top)
        of.set("heard_ms", np.ones(len(slots), dtype=bool), np.full(len(slots), t_ms))

        sure = (belief[rows, top] >= self._rules.enter_probability) & self._visitable[top]
        zone, following = of["zone"], of["next_zone"]
        here = np.where(zone == NONE, 0.0, belief[rows, zone])
        returned = (of["left_ms"] != NONE) & sure & (top == zone)
        stays = (of["left_ms"] == NONE) & (here >= self._rules.leave_probability) & ~(sure & (top != zone))
        inside = (zone != NONE) & (returned | stays)
        of.set("left_ms", inside, np.full(len(slots), NONE))
        of.set("left_ms", (zone != NONE) & ~inside & (of["left_ms"] == NONE), since_ms)
        of.set("seen_ms", inside, np.full(len(slots), t_ms))
        of.add("mass", inside, here)
        of.add("hearings", inside, np.ones(len(slots)))

        there = np.where(following == NONE, 0.0, belief[rows, following])
        dropped = (following != NONE) & ((there < self._rules.leave_probability) | inside)
        of.set("next_zone", dropped, np.full(len(slots), NONE))
        fresh = sure & (top != zone) & (top != of["next_zone"])
        of.set("next_zone", fresh, top)
        of.set("next_started_ms", fresh, of["top_ms"])
        of.set("next_mass", fresh, np.zeros(len(slots)))
        of.set("next_hearings", fresh, np.zeros(len(slots)))
        waits = of["next_zone"] != NONE
        of.set("next_seen_ms", waits, np.full(len(slots), t_ms))
        of.add("next_mass", waits, belief[rows, of["next_zone"]])
        of.add("next_hearings", waits, np.ones(len(slots)))
        return self._promote(t_ms, slots)

    def _believe(self, t_ms: int, slots: Ints, probabilities: Floats32) -> Floats32:
        """One step of the forward filter; returns and stores the beliefs (D, Z + 1) of the devices heard."""
        sticky, share = self._stickiness, self._share
        heard_ms = self._columns["heard_ms"][slots]
        dt_s = np.where(heard_ms < 0, np.inf, (t_ms - heard_ms) / 1000.0).astype(np.float32)[:, None]
        stay = np.exp(-dt_s / np.float32(sticky.stay_s))
        weight = -np.expm1(-dt_s / np.float32(sticky.correlation_s))
        # A position's distribution is the posterior under people spread by area: divided by that, a likelihood.
        total = probabilities.sum(axis=1, keepdims=True)
        outlier = np.where(total > 0, np.float32(sticky.outlier), np.float32(1.0))
        ratio = (1.0 - outlier) * probabilities / share + outlier
        belief: Floats32 = (stay * self.belief[slots] + (1.0 - stay) * share) * ratio**weight
        belief /= belief.sum(axis=1, keepdims=True)
        belief[belief < 1e-4] = 0.0  # keeps checkpoints small
        belief /= belief.sum(axis=1, keepdims=True)
        self.belief[slots] = belief
        return belief

    def _promote(self, t_ms: int, slots: Ints) -> Changes:
        """Open the visits of stays that have lasted long enough, and report those that go on."""
        of = _Rows(self._columns, slots)
        ripe = slots[(of["next_zone"] != NONE) & (t_ms - of["next_started_ms"] >= self._min_dwell_ms)]
        columns = self._columns
        ended = self._end(ripe[columns["zone"][ripe] != NONE])
        for name in ("zone", "started_ms", "seen_ms", "mass", "hearings"):
            columns[name][ripe] = columns[f"next_{name}"][ripe]
        columns["left_ms"][ripe] = NONE
        columns["next_zone"][ripe] = NONE
        columns["told_ms"][ripe] = t_ms
        started = self._changes(Change.STARTED, ripe)
        due = (columns["zone"][slots] != NONE) & (columns["seen_ms"][slots] == t_ms)
        due &= t_ms - columns["told_ms"][slots] >= UPDATE_MS
        columns["told_ms"][slots[due]] = t_ms
        return Changes.join([ended, started, self._changes(Change.UPDATED, slots[due])])

    def _end(self, slots: Ints) -> Changes:
        """End the open visits of ``slots``."""
        changes = self._changes(Change.ENDED, slots)
        self._columns["zone"][slots] = NONE
        self._columns["left_ms"][slots] = NONE
        return changes

    def _changes(self, change: Change, slots: Ints) -> Changes:
        columns = self._columns
        seen_ms, left_ms = columns["seen_ms"][slots], columns["left_ms"][slots]
        return Changes(
            slot=slots,
            change=np.full(len(slots), change, dtype=np.int64),
            zone=columns["zone"][slots],
            started_ms=columns["started_ms"][slots],
            seen_ms=seen_ms,
            ended_ms=np.where(left_ms == NONE, seen_ms, left_ms),
            confidence=np.minimum(columns["mass"][slots] / np.maximum(columns["hearings"][slots], 1), 1.0),
        )


class _Rows:
    """Some rows of the state's columns, read fresh and written under a mask."""

    def __init__(self, columns: Mapping[str, npt.NDArray[np.generic]], slots: Ints) -> None:
        self._columns, self._slots = columns, slots

    def __getitem__(self, name: str) -> Ints:
        rows: Ints = self._columns[name][self._slots]
        return rows

    def set(self, name: str, where: Bools, value: npt.NDArray[np.generic]) -> None:
        self._columns[name][self._slots[where]] = value[where]

    def add(self, name: str, where: Bools, value: npt.NDArray[np.generic]) -> None:
        self._columns[name][self._slots[where]] += value[where]  # type: ignore[operator]
