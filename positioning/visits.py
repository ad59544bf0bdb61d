"""Visits: who is where since when. A state machine with hysteresis on beliefs over zones, batched over slots.

Per device: none -> provisional -> open -> left -> ended (docs/visits.md has the diagram and what was
measured). A stay becomes a visit once it has lasted ``min_dwell_s``, and is then dated back to its begin; a
person walking past a door never gets there. Back in the zone within ``reentry_s``, a device continues its
visit. A device that is not heard stays where it was: phones are silent for minutes. Event time only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from contracts.site import VisitRules
from positioning.belief import NEVER, Belief, Stickiness

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.void]

NONE = -1
UPDATE_MS = 60_000
"""An open visit is reported again this often, when the device is heard in its zone."""

_STAY = [("zone", "i8"), ("started_ms", "i8"), ("seen_ms", "i8"), ("mass", "f8"), ("hearings", "f8")]
_DEVICE = np.dtype(
    [
        ("top", "i8"),  # most probable zone, Z for none of them ...
        ("top_ms", "i8"),  # ... and since when
        ("doubt_ms", "i8"),  # since when estimates say something else; NONE while they agree
        ("visit", _STAY),  # the open visit; zone NONE where there is none
        ("left_ms", "i8"),  # since when it is not its most probable zone any more; NONE while it is
        ("away", "?"),  # whether the device has left it, and may come back
        ("told_ms", "i8"),  # when the visit was last reported
        ("stay", _STAY),  # provisional: what may become a visit
    ]
)


class Change(IntEnum):
    """What happened to a visit."""

    STARTED = 0
    UPDATED = 1
    ENDED = 2


@dataclass(frozen=True)
class Changes:
    """What happened to E visits; where a visit ends and another starts, in that order.

    Attributes:
        slot: (E,) device.
        change: (E,) a :class:`Change`.
        zone: (E,) index of the zone.
        started_ms: (E,) when the visit began; with device and zone it names the visit.
        seen_ms: (E,) when the device was last found in the zone.
        ended_ms: (E,) when it left; ``seen_ms`` for visits that go on.
        confidence: (E,) mean probability that the device was in the zone, over the hearings of the visit.
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
    def join(cls, parts: Sequence[Changes]) -> Changes:
        """Return several changes as one, in this order."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


class Visits:
    """The visits of devices in numbered slots, which the caller hands out and uses again."""

    def __init__(
        self, visitable: Bools, share: Floats, rules: VisitRules, stickiness: Stickiness | None = None
    ) -> None:
        """Start without devices.

        Args:
            visitable: (Z,) whether being in the zone can be a visit; corridors are passed through.
            share: (Z + 1,) how people spread over the zones, and outside all, when nothing is known: their
                areas.
            rules: when a stay is a visit.
            stickiness: how fast beliefs move.

        Raises:
            ValueError: a share is negative, or all are zero, or their number does not fit.
        """
        if share.shape != (len(visitable) + 1,):
            raise ValueError(f"{len(visitable)} zones need {len(visitable) + 1} shares, got {share.shape}")
        self._visitable = np.append(visitable, False)
        self._rules = rules
        self._min_dwell_ms = round(rules.min_dwell_s * 1000)
        self._reentry_ms = round(rules.reentry_s * 1000)
        self._belief = Belief(share, stickiness)
        self._devices: Rows = _blank(0)

    def belief(self, slots: Ints) -> Floats32:
        """Return the probabilities (D, Z + 1) of each zone, and of none, of devices that have been heard."""
        return self._belief.probability[slots]

    def step(self, t_ms: int, slots: Ints, estimates: Floats32) -> Changes:
        """Take in the devices heard at ``t_ms`` and return what has changed for any device by then.

        Args:
            t_ms: now; must not go back.
            slots: (D,) the devices heard, ascending.
            estimates: (D, Z + 1) as :meth:`positioning.zones.ZoneMap.probabilities`; rows of zeros say
                nothing.
        """
        self._grow(int(slots.max(initial=-1)) + 1)
        belief, before_ms = self._belief.hear(t_ms, slots, estimates)
        rows = self._devices[slots]
        # Somewhere between two hearings a device has moved; the middle is right on average.
        between_ms = np.where(before_ms == NEVER, t_ms, (before_ms + t_ms) // 2)
        found = _place(rows, between_ms, estimates, belief.argmax(axis=1))
        self._follow(rows, t_ms, belief, found)
        ripe = (rows["stay"]["zone"] != NONE) & (t_ms - rows["stay"]["started_ms"] >= self._min_dwell_ms)
        replaced = ripe & (rows["visit"]["zone"] != NONE)  # these are away: nobody is in two zones
        ended = _changes(Change.ENDED, slots[replaced], rows[replaced])
        _promote(rows, ripe)
        started = _changes(Change.STARTED, slots[ripe], rows[ripe])
        rows["told_ms"][ripe] = t_ms
        due = (rows["visit"]["zone"] != NONE) & (rows["visit"]["seen_ms"] == t_ms)
        due &= t_ms - rows["told_ms"] >= UPDATE_MS
        updated = _changes(Change.UPDATED, slots[due], rows[due])
        rows["told_ms"][due] = t_ms
        self._devices[slots] = rows
        return Changes.join([ended, started, updated, self._time_out(t_ms)])

    def vanish(self, slots: Ints) -> Changes:
        """End the visits of devices (D,) that have left the mall, as last seen, and free their slots."""
        slots = slots[slots < len(self._devices)]
        rows = self._devices[slots]
        visiting = rows["visit"]["zone"] != NONE
        changes = _changes(Change.ENDED, slots[visiting], rows[visiting])
        self._devices[slots] = _blank(len(slots))
        self._belief.forget(slots)
        return changes

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        raw = self._devices.view(np.uint8).reshape(len(self._devices), _DEVICE.itemsize)
        return {"devices": raw.copy(), **self._belief.state()}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
            ValueError: the state was taken with other zones or by another version.
        """
        raw = state["devices"]
        if raw.ndim != 2 or raw.shape[1] != _DEVICE.itemsize:
            raise ValueError(f"the visits have rows of {raw.shape[1:]} bytes, expected {_DEVICE.itemsize}")
        self._belief.restore(state)
        self._devices = np.ascontiguousarray(raw).view(_DEVICE).reshape(len(raw)).copy()

    def _follow(self, rows: Rows, t_ms: int, belief: Floats32, found: Bools) -> None:
        """Bring the open visits and provisional stays of the devices heard up to date."""
        rules, device, top = self._rules, np.arange(len(rows)), rows["top"]
        sure = (belief[device, top] >= rules.enter_probability) & self._visitable[top]
        visit, stay = rows["visit"], rows["stay"]  # views: what is written to them is in `rows`

        home = top == visit["zone"]
        believed = belief[device, visit["zone"]]
        stays = np.where(rows["away"], sure & home, (believed >= rules.leave_probability) & ~(sure & ~home))
        inside = (visit["zone"] != NONE) & stays
        since_ms = np.where(home, visit["seen_ms"], rows["top_ms"])
        since_ms = np.where(rows["left_ms"] == NONE, since_ms, rows["left_ms"])
        rows["left_ms"] = np.where(inside & home, NONE, since_ms)
        rows["away"] = (visit["zone"] != NONE) & ~inside
        _see(visit, inside & home & found, t_ms, believed)

        doubted = belief[device, stay["zone"]] < rules.leave_probability
        stay["zone"][inside | doubted] = NONE
        fresh = sure & ~inside & (top != stay["zone"])
        _begin(stay, fresh, top, rows["top_ms"])
        _see(stay, (stay["zone"] == top) & found, t_ms, belief[device, top])

    def _time_out(self, t_ms: int) -> Changes:
        """End the visits of devices that have been away for too long to come back."""
        devices = self._devices
        slots = np.flatnonzero(devices["away"] & (t_ms - devices["left_ms"] >= self._reentry_ms))
        changes = _changes(Change.ENDED, slots, devices[slots])
        devices["visit"]["zone"][slots] = NONE
        devices["away"][slots] = False
        return changes

    def _grow(self, capacity: int) -> None:
        """Make room for slots below ``capacity``, at least doubling."""
        old = len(self._devices)
        if capacity > old:
            self._devices = np.concatenate((self._devices, _blank(max(capacity - old, old, 64))))


def _blank(count: int) -> Rows:
    """Return rows of slots that hold no device."""
    rows: Rows = np.zeros(count, dtype=_DEVICE)
    rows["top"] = rows["doubt_ms"] = rows["left_ms"] = NONE
    rows["visit"]["zone"] = rows["stay"]["zone"] = NONE
    return rows


def _place(rows: Rows, between_ms: Ints, estimates: Floats32, top: Ints) -> Bools:
    """Note each device's most probable zone and since when; returns whether its estimate agrees, (D,).

    A belief follows a device that has moved some hearings late. It is taken to have moved when its estimates
    began to contradict the belief without a break: the change point of a cumulative sum test (Page,
    Biometrika 41, 1954) on the sign of the evidence.
    """
    says, silent = estimates.argmax(axis=1), ~estimates.any(axis=1)
    agreed = (says == rows["top"]) | silent
    doubt_ms = np.where(rows["doubt_ms"] == NONE, between_ms, rows["doubt_ms"])
    moved = top != rows["top"]
    rows["top_ms"] = np.where(moved, np.where(agreed, between_ms, doubt_ms), rows["top_ms"])
    rows["top"] = top
    agrees: Bools = (says == top) | silent
    rows["doubt_ms"] = np.where(agrees, NONE, np.where(moved | agreed, between_ms, doubt_ms))
    return agrees


def _begin(stay: Rows, where: Bools, zone: Ints, started_ms: Ints) -> None:
    """Begin provisional stays."""
    stay["zone"] = np.where(where, zone, stay["zone"])
    for moment in ("started_ms", "seen_ms"):
        stay[moment] = np.where(where, started_ms, stay[moment])
    for total in ("mass", "hearings"):
        stay[total][where] = 0.0


def _see(stay: Rows, where: Bools, t_ms: int, probability: Floats32) -> None:
    """Note that devices were found where they are believed to be."""
    stay["seen_ms"][where] = t_ms
    stay["mass"][where] += probability[where]
    stay["hearings"][where] += 1.0


def _promote(rows: Rows, ripe: Bools) -> None:
    """Make provisional stays the open visits."""
    rows["visit"][ripe] = rows["stay"][ripe]
    rows["left_ms"][ripe] = np.where(rows["top"] == rows["visit"]["zone"], NONE, rows["top_ms"])[ripe]
    rows["away"][ripe] = False
    rows["stay"]["zone"][ripe] = NONE


def _changes(change: Change, slots: Ints, rows: Rows) -> Changes:
    """Return what happened to the open visits in some rows."""
    visit = rows["visit"]
    return Changes(
        slot=slots,
        change=np.full(len(slots), change, dtype=np.int64),
        zone=visit["zone"].copy(),
        started_ms=visit["started_ms"].copy(),
        seen_ms=visit["seen_ms"].copy(),
        ended_ms=np.where(rows["away"], rows["left_ms"], visit["seen_ms"]),
        confidence=np.minimum(visit["mass"] / np.maximum(visit["hearings"], 1.0), 1.0),
    )
