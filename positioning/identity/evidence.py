"""Whose a new address may be: the weight of every explanation, by Bayes' rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from positioning.identity.appearances import NO_FORM, NO_SEQUENCE, Appearances
from positioning.identity.distances import Apart
from positioning.identity.habits import FAMILY_BITS, GAP_WIDTHS, SEQUENCES, USUAL_GAPS, Habits
from positioning.identity.sequences import SURPRISE, WRAP, gap, gap_bin
from positioning.identity.silences import WIDTHS_S, bins_of
from positioning.identity.tables import Devices, distinct

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

Nearness = Callable[[int, Keys], Apart]
"""Tells of a row of the appearances and some devices (D,) how far they are from where it was heard."""

OWN_CHANGES = 2.0
"""How often a family runs on weighs as much as this many changes of address of the phone itself."""
OWN_JUMPS = 3.0
"""What a family does weighs as much as this many jumps of the phone itself."""
FARTHEST = 256
"""A number that jumps by more says no more than one that starts anew."""
HOPELESS = 1e-4
"""Candidates this much less likely than the likeliest are left out before their places are compared."""
_ANY = 1.0 / SEQUENCES
_FAMILY = np.uint64(FAMILY_BITS)


@dataclass(frozen=True)
class Explanations:
    """Whose a new address may be, in weights that are comparable."""

    candidates: Ints
    """(C,) rows of the devices it may be of."""
    gaps: Ints
    """(C,) how far the sequence number jumps from theirs; -1 where unknown."""
    silent_s: Floats
    """(C,) for how long they had been silent when it was first heard."""
    runs: Floats
    """(C,) weight of its being theirs, the number running on."""
    restarts: Floats
    """(C,) weight of its being theirs, the number starting anew."""
    new: float
    """Weight of its being that of a phone that is new."""
    apart: Apart | None
    """How far they are from where it was heard, where that is known."""

    @cached_property
    def weight(self) -> Floats:
        """Return the weight (C,) of each device."""
        return self.runs + self.restarts

    @cached_property
    def total(self) -> float:
        """Return the weight of all explanations."""
        return self.new + float(self.weight.sum())

    def best(self, alike: Bools) -> int | None:
        """Return the device that is believed; None where it is a phone that is new.

        Devices of the family of the address (``alike``, (C,)) may be twins, of which nobody can tell which
        one it is: they are believed together. Others must each be believed alone.
        """
        twins, other = float(self.weight[alike].sum()), float(self.weight[~alike].max(initial=0.0))
        if max(twins, other) <= self.new:
            return None
        return int(np.where(alike == (twins >= other), self.weight, -1.0).argmax())


class Evidence:
    """What is known of devices and habits, as it speaks for and against explanations."""

    def __init__(self, habits: Habits, devices: Devices) -> None:
        """Weigh by ``habits`` among ``devices``, as they are when asked."""
        self._habits = habits
        self._devices = devices
        self._ready: dict[int, Floats] = {}

    def new_tick(self) -> None:
        """Look at silences anew: what was learnt of them holds from one tick to the next."""
        self._ready.clear()

    def explain(self, heard: Appearances, i: int, nearness: Nearness | None) -> Explanations:
        """Weigh whose a new address may be."""
        candidates = self._candidates(heard, i)
        gaps = gap(self._devices.sequence[candidates], int(heard.first_sequence[i]))
        silent_s = (heard.first_ms[i] - self._devices.last_ms[candidates]) / 1000.0
        runs, restarts = self._weigh(heard, i, candidates, gaps, silent_s)
        apart = None
        if nearness is not None and len(candidates):
            weight = runs + restarts
            worth = np.flatnonzero(weight > HOPELESS * weight.max())  # no place makes up for more
            candidates, gaps, silent_s = candidates[worth], gaps[worth], silent_s[worth]
            runs, restarts = runs[worth], restarts[worth]
            apart = nearness(i, self._devices.name[candidates])
            near = self._habits.distances.likelihood_ratio(apart, silent_s)
            runs, restarts = runs * near, restarts * near
        new = self._habits.commonness(int(heard.first_form[i])) * _ANY
        return Explanations(candidates, gaps, silent_s, runs, restarts, new, apart)

    def _candidates(self, heard: Appearances, i: int) -> Ints:
        """Return the devices (rows) that may have taken up this address."""
        devices = self._devices
        first = int(heard.first_sequence[i])
        possible = devices.live & ~devices.apart & ((devices.last_ms <= heard.first_ms[i]) | devices.reuses)
        # Without elements nothing says that two are alike: the number alone tells.
        alike = (devices.family == heard.first_form[i] >> _FAMILY) & (heard.first_form[i] != NO_FORM)
        if first != NO_SEQUENCE:
            gap = (first - devices.sequence) & WRAP
            alike = alike | ((gap < FARTHEST) & (devices.sequence != NO_SEQUENCE))
        possible &= alike
        if heard.permanent[i]:
            possible &= ~devices.permanent
        return np.flatnonzero(possible)

    def _weigh(
        self, heard: Appearances, i: int, candidates: Ints, gaps: Ints, silent_s: Floats
    ) -> tuple[Floats, Floats]:
        """Return how likely each candidate (C,) uses the address, running on, and starting anew."""
        devices, habits = self._devices, self._habits
        form, family = heard.first_form[i], heard.first_form[i] >> _FAMILY
        own = habits.families[int(family)]
        alike = devices.family[candidates] == family
        last, place = distinct(devices.form[candidates])
        steps = habits.shows_next(last.tolist(), int(form))
        kin, which = distinct(devices.family[candidates])
        ready = np.array([self.readiness(int(k)) for k in kin]).reshape(-1, len(WIDTHS_S))
        base = habits.changes_per_phone / devices.phones * np.array(steps)[place]
        base *= ready[which, bins_of(silent_s)]
        bins = gap_bin(gaps)
        known = gaps >= 0
        share = OWN_JUMPS * (own.gaps / own.gaps.sum())[bins] + devices.jumps[candidates, bins]
        share = (1.0 - SURPRISE) * share / (OWN_JUMPS + devices.jumped[candidates])
        density = (known & (gaps < FARTHEST)) * (share + SURPRISE * USUAL_GAPS[bins]) / GAP_WIDTHS[bins]
        # A form never shown before is believed of a phone where the sequence number says so, not else; nor
        # does a phone with a maker's address give it up for one that does not continue it.
        # In a network a phone keeps its address; without elements nothing says that two are alike.
        anew = alike & ~devices.permanent[candidates] & ~heard.permanent[i] & (form != NO_FORM)
        jumped = devices.jumped[candidates]
        changes = OWN_CHANGES + jumped + devices.restarted[candidates]
        runs_on = (OWN_CHANGES * own.runs_on + jumped) / changes
        restarts = np.where(known, 1.0 - runs_on, 1.0) * _ANY
        return base * runs_on * density, base * restarts * anew

    def readiness(self, family: int) -> Floats:
        """Return how ready a family is to change addresses, by length of silence."""
        if family not in self._ready:
            self._ready[family] = self._habits.families[family].silences.readiness()
        return self._ready[family]
