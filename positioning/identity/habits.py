"""What kinds of phones do when they change their address, learnt from the traffic itself.

Phones whose probe requests have the same elements in the same order are a *family*; the exact contents are a
*form*. One phone shows several forms (by state, by network asked for), mostly of one family. What is learnt:

* per family, how often the sequence number runs on across a change of address, how far it then jumps, and
  after how long a silence addresses are changed;
* per form, which form the same phone shows next;
* of the crowd, how common each form is, and how many changes of address there are for each new phone;
* of the place, how far from itself a phone is found across silences.

All counts are soft: each new address adds to every explanation as much as that explanation is believed
(expectation maximisation, one step per address). Families nobody has heard of start from what is usual.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from positioning.identity.distances import Distances
from positioning.identity.silences import WIDTHS_S, Silences

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SEQUENCES = 4096
"""802.11 sequence numbers have 12 bits."""
GAP_EDGES: Ints = np.array(
    [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096]
)
"""Jumps of the sequence number are counted between these: phones send frames that nobody hears."""
GAP_WIDTHS: Ints = np.diff(GAP_EDGES)
_TYPICAL_GAP = 20.0
_USUAL: Floats = -np.diff(1.0 / (1.0 + GAP_EDGES / _TYPICAL_GAP))
USUAL_GAPS: Floats = _USUAL / _USUAL.sum()
"""Before anything was counted: a Lomax distribution, whose tail bears jumps of any size."""
GAPS_KNOWN = 5.0
"""What is usual weighs as much as this many jumps seen."""
TURNS, TURNS_KNOWN = 0.1, 4.0
"""How likely a number goes on from an older address, and how many addresses that weighs as much as."""
SAME, FAMILY, OTHER = 0.9, 0.3, 0.05
"""How likely a phone shows its last form again, another of the same family, one of another family."""
FORMS_KNOWN = 2.0
"""What is usual of forms weighs as much as this many changes of form seen."""
DIVERSITY = 20.0
"""Of the Ewens sampling formula (Theor. Popul. Biol. 3, 1972): how varied the forms of a crowd are. Among 300
phones it expects 55 forms, 5 to 6 bits, as in the literature (Vanhoef et al., ASIA CCS 2016)."""
UNSEEN_FORMS = 100.0
"""A form nobody has shown yet is one of about so many."""
CHANGES_PER_PHONE, CHANGES_KNOWN = 2.0, 2.0
"""Changes of address for each new phone, before any was counted, and how much that weighs."""
FAMILY_BITS = 32
"""The upper half of a form tells its family."""
MEMORY = 20_000.0
"""When so many changes of a family or a form have been counted, its counts are halved: habits change."""
MOST = 4096
"""Families, and forms, that are remembered: anybody can send elements that nobody has sent before."""


class Family:
    """What phones of one family do."""

    __slots__ = ("asked", "gaps", "restarts", "runs", "silences", "turns")

    def __init__(self) -> None:
        """Start from what is usual."""
        self.runs = self.restarts = 0.5
        self.turns, self.asked = TURNS_KNOWN * TURNS, TURNS_KNOWN
        self.gaps: Floats = GAPS_KNOWN * USUAL_GAPS
        self.silences = Silences()

    @property
    def runs_on(self) -> float:
        """Return how likely the sequence number runs on across a change of address."""
        return self.runs / (self.runs + self.restarts)

    @property
    def in_turns(self) -> float:
        """Return how likely a number goes on from an older address: two phones that speak in turns."""
        return self.turns / self.asked

    def row(self) -> Floats:
        """Return everything as numbers."""
        silences = self.silences
        counts = [self.runs, self.restarts, self.turns, self.asked]
        return np.concatenate((counts, self.gaps, silences.changes, silences.seconds))

    def load(self, row: Floats) -> None:
        """Replace everything by what :meth:`row` returned."""
        self.runs, self.restarts, self.turns, self.asked = row[:4].tolist()
        parts = np.split(row[4:].copy(), np.cumsum([len(GAP_WIDTHS), len(WIDTHS_S)]))
        self.gaps, self.silences.changes, self.silences.seconds = parts

    def scaled(self, share: float) -> Family:
        """Return the same habits with less weight."""
        less = Family()
        less.load(self.row() * share)
        return less

    def learn_turn(self, belief: float) -> None:
        """Count a new address that may go on from an older one, as far as that is believed."""
        self.turns += belief
        self.asked += 1.0

    def unlearn_restart(self) -> None:
        """Take back a start anew that turned out to be two phones speaking in turns."""
        self.restarts = max(self.restarts - 1.0, 0.25)

    def learn(self, runs: float, restarts: float) -> None:
        """Count a change of address, as far as it was one that ran on or one that started anew."""
        self.runs += runs
        self.restarts += restarts
        if self.runs + self.restarts > MEMORY:
            self.load(self.row() / 2.0)


class Habits:
    """All that is known of families and forms."""

    def __init__(self) -> None:
        """Start with nothing but what is usual."""
        self._clear()

    def _clear(self) -> None:
        self.families: dict[int, Family] = defaultdict(Family)
        self.distances = Distances()
        self._next: dict[int, dict[int, float]] = {}
        self._shown: dict[int, float] = {}
        self._phones: dict[int, float] = {}
        self._crowd = 0.0
        self._changes = self._arrivals = 0.0

    @property
    def changes_per_phone(self) -> float:
        """Return how many changes of address there are for each phone that is new."""
        known = CHANGES_KNOWN
        return (CHANGES_PER_PHONE * known + self._changes) / (known + self._arrivals)

    def commonness(self, form: int) -> float:
        """Return how likely a phone that is new first shows ``form``."""
        unseen = DIVERSITY / UNSEEN_FORMS
        return (self._phones.get(form, 0.0) + unseen) / (self._crowd + DIVERSITY)

    def shows_next(self, lasts: Sequence[int], form: int) -> list[float]:
        """Return how likely a phone shows ``form`` next that showed each of ``lasts`` (L,), in that order."""
        other, family = OTHER * self.commonness(form), form >> FAMILY_BITS
        likely = []
        for last in lasts:
            usual = SAME if last == form else FAMILY if last >> FAMILY_BITS == family else other
            seen = self._next.get(last)
            if seen is not None and form in seen:
                weight = FORMS_KNOWN * usual + seen[form]
                usual = max(usual, weight / (FORMS_KNOWN + self._shown[last]))
            likely.append(usual)
        return likely

    def learn_form(self, last: int, form: int, weight: float = 1.0) -> None:
        """Count that a phone showed ``form`` after ``last``."""
        seen = self._next.setdefault(last, {})
        seen[form] = seen.get(form, 0.0) + weight
        self._shown[last] = self._shown.get(last, 0.0) + weight
        if self._shown[last] > MEMORY:
            self._next[last] = {form: count / 2.0 for form, count in seen.items()}
            self._shown[last] /= 2.0

    def learn_arrival(self, form: int, phones: float = 1.0) -> None:
        """Count a phone that is new (or, with a negative number, one that was not)."""
        self._phones[form] = max(self._phones.get(form, 0.0) + phones, 0.0)
        self._crowd = max(self._crowd + phones, 0.0)
        if self._crowd > MEMORY:
            self._phones = {form: count / 2.0 for form, count in self._phones.items()}
            self._crowd /= 2.0

    def learn_change(self, of_known: float, of_new: float) -> None:
        """Count a new address, as far as it was a known phone's and a new one's."""
        self._changes += of_known
        self._arrivals = max(self._arrivals + of_new, 0.0)
        if self._changes + self._arrivals > MEMORY:
            self._changes, self._arrivals = self._changes / 2.0, self._arrivals / 2.0

    def unlearn_arrival(self, form: int) -> None:
        """Count a phone that was taken for new as a known one whose number started anew.

        Whoever is heard in one burst and never again was most likely a phone known before. Without this, a
        family that starts anew would be taken for many phones, and the more so the more often it was.
        """
        self.families[form >> FAMILY_BITS].learn(0.0, 1.0)
        self.learn_arrival(form, -1.0)
        self.learn_change(1.0, -1.0)

    def forget_rare(self) -> None:
        """Forget the rarer half of the families, and of the forms, where there are more than `MOST`."""
        if len(self.families) > MOST:
            weight = {name: family.runs + family.restarts for name, family in self.families.items()}
            for name in sorted(weight, key=weight.__getitem__)[: -MOST // 2]:
                del self.families[name]
        if max(len(self._phones), len(self._next)) > MOST:
            often = defaultdict(float, self._phones)
            for last, seen in self._next.items():
                for form, count in seen.items():
                    often[last] += count
                    often[form] += count
            kept = set(sorted(often, key=often.__getitem__)[-MOST // 2 :])
            self._phones = {form: phones for form, phones in self._phones.items() if form in kept}
            self._shown = {form: count for form, count in self._shown.items() if form in kept}
            self._next = {
                last: {form: count for form, count in seen.items() if form in kept}
                for last, seen in self._next.items()
                if last in kept
            }

    def carried_over(self, weight: float) -> Habits:
        """Return these habits for another crowd, weighing at most ``weight``; not who is there."""
        other = Habits()
        for name, family in self.families.items():
            heaviest = max(family.runs + family.restarts, float(family.gaps.sum()))
            other.families[name] = family.scaled(min(1.0, weight / heaviest))
        for last, seen in self._next.items():
            share = min(1.0, weight / max(self._shown[last], 1e-9))
            other._next[last] = {form: count * share for form, count in seen.items()}
            other._shown[last] = self._shown[last] * share
        share = min(1.0, weight / max(self._changes + self._arrivals, 1e-9))
        other._changes, other._arrivals = self._changes * share, self._arrivals * share
        return other

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        steps = [(last, form, count) for last, seen in self._next.items() for form, count in seen.items()]
        return {
            "families": np.array(list(self.families), dtype=np.uint64),
            "family_habits": np.array([family.row() for family in self.families.values()], dtype=np.float64),
            "steps": np.array([step[:2] for step in steps], dtype=np.uint64).reshape(-1, 2),
            "step_counts": np.array([step[2] for step in steps], dtype=np.float64),
            "shown": np.array(list(self._shown), dtype=np.uint64),
            "shown_counts": np.array(list(self._shown.values()), dtype=np.float64),
            "forms": np.array(list(self._phones), dtype=np.uint64),
            "form_phones": np.array(list(self._phones.values()), dtype=np.float64),
            "distances": self.distances.counts.copy(),
            "crowd": np.array([self._crowd, self._changes, self._arrivals], dtype=np.float64),
        }

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
            ValueError: jumps or distances were counted between other edges.
        """
        names, rows = state["families"].tolist(), state["family_habits"].astype(np.float64)
        if len(names) and rows.shape != (len(names), *Family().row().shape):
            raise ValueError(f"habits of families have shape {rows.shape}")
        distances = state["distances"].astype(np.float64)
        if distances.shape != self.distances.counts.shape:
            raise ValueError(f"habits of distances have shape {distances.shape}")
        self._clear()
        for name, row in zip(names, rows, strict=True):
            self.families[name].load(row)
        counts = state["step_counts"].tolist()
        for (last, form), count in zip(state["steps"].tolist(), counts, strict=True):
            self._next.setdefault(last, {})[form] = count
        self._shown = dict(zip(state["shown"].tolist(), state["shown_counts"].tolist(), strict=True))
        self._phones = dict(zip(state["forms"].tolist(), state["form_phones"].tolist(), strict=True))
        self._crowd, self._changes, self._arrivals = state["crowd"].tolist()
        self.distances.counts = distances.copy()
