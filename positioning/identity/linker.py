"""Addresses put together into devices, live: every decision is made once, with what was heard until then.

A new address is either that of a phone that was there before or of one that has just come. Each explanation
is weighed by Bayes' rule:

* a phone j that was there: how often phones change their address, how likely it shows these elements next,
  how well the sequence number continues its own (or, of families that start anew, how unlikely any number
  is), how likely its last address is done with, and how near it was;
* a phone that is new: how common such elements are.

A phone in use under one address cannot be heard under another at once: when an address speaks again after
others were taken for its successors, those are another phone's (unless the sequence number says otherwise).
So are those after an address whose number goes on under a new one: twins that speak in turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from positioning.identity.appearances import NO_FORM, NO_SEQUENCE, Appearances
from positioning.identity.evidence import Evidence, Explanations, Nearness
from positioning.identity.habits import FAMILY_BITS, Habits
from positioning.identity.sequences import WRAP, gap, gap_bin, jump_density, newer
from positioning.identity.silences import bins_of
from positioning.identity.tables import NOBODY, Addresses, Devices

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

BURST_S = 5.0
"""Frames closer together than this are one burst."""
ONCE_MS = 300_000
"""Who is not heard again for so long after a first burst was probably no new phone."""
FORGET_MS = 1_800_000
"""Phones and addresses silent for so long are forgotten."""
TAKEN_UP_AGAIN = 0.05
"""How likely a phone is to take up an old address of its own, beside going on with it."""
SURE = 0.5
"""Jumps are learnt from links that are at least so sure."""
CLOSE = 64
"""Numbers that jump by less may go on from an older address."""
NEGLIGIBLE = 0.01
"""Explanations believed less than this teach nothing of forms."""
_FAMILY = np.uint64(FAMILY_BITS)


@dataclass(frozen=True)
class Links:
    """Whose A addresses are.

    Attributes:
        device: (A,) the device of each address: the first address that it was heard under.
        confidence: (A,) how likely that is, when it was decided.
        fresh: (A,) whether the address was not known before.
        apart: (A,) whether it was kept apart: a burst of a phone known before, nobody can tell which.
        moved: addresses not heard now that have turned out to be another device's, and that device.
    """

    device: Keys
    confidence: Floats
    fresh: Bools
    apart: Bools
    moved: dict[int, int]


class Linker:
    """Puts addresses together. Time is that of what is heard; it must not go back."""

    def __init__(self, habits: Habits | None = None, *, certain: float = 0.0) -> None:
        """Start without devices, with habits known from before if there are any.

        Where no phone is believed to be the one with at least the probability ``certain``, a new address is
        kept apart: counts then have one too many, but what a phone does is not told of another.
        """
        self._certain = certain
        self.habits = habits or Habits()
        self._addresses = Addresses()
        self._devices = Devices()
        self._evidence = Evidence(self.habits, self._devices)

    def __len__(self) -> int:
        """Return the number of devices that are remembered."""
        return len(self._devices)

    def remembers(self, addresses: Keys) -> Bools:
        """Return of which addresses (N,) it is known whose they are."""
        known: Bools = (self._addresses.find(addresses) >= 0) | (self._devices.find(addresses) >= 0)
        return known

    def whose(self, addresses: Keys) -> tuple[Keys, Floats]:
        """Return the devices (N,) of addresses (N,), and how sure that is; an unknown one is its own."""
        rows = self._addresses.find(addresses)
        device = self._devices.name[self._addresses.device[rows]]
        found = np.where(rows < 0, addresses, device)
        return found, np.where(found == addresses, 1.0, self._addresses.confidence[rows])

    def known_elsewhere(self, devices: Keys) -> tuple[Floats, Ints]:
        """Return how likely devices (D,) are phones that are remembered as another device, and since when.

        That is of devices that were kept apart; all others are phones of their own.
        """
        own = self._devices
        rows = np.flatnonzero(own.live & (own.known > 0.0))  # few: no look at every device by its name
        if not len(rows):
            return np.zeros(len(devices)), np.zeros(len(devices), dtype=np.int64)
        rows = rows[np.argsort(own.name[rows])]
        rows = rows[np.minimum(np.searchsorted(own.name[rows], devices), len(rows) - 1)]
        return np.where(own.name[rows] == devices, own.known[rows], 0.0), own.since_ms[rows]

    def hear(self, heard: Appearances, nearness: Nearness | None = None) -> Links:
        """Take in a tick; return whose addresses they are."""
        self._evidence.new_tick()
        rows = self._addresses.find(heard.address)
        fresh = rows < 0
        device = np.where(fresh, NOBODY, self._addresses.device[rows])
        current = ~fresh & (self._devices.address[device] == rows)
        for last, form in heard.steps.tolist():
            self.habits.learn_form(last, form)
        self._go_on(heard, np.flatnonzero(current), rows[current])
        moved: dict[int, int] = {}
        later = np.flatnonzero(~current)
        for i in later[np.argsort(heard.first_ms[later], kind="stable")].tolist():
            if fresh[i]:
                rows[i] = self._place(heard, i, nearness, moved)
            else:
                self._return(heard, i, int(rows[i]), moved)
        device = self._addresses.device[rows]
        own = self._devices
        return Links(own.name[device], self._addresses.confidence[rows], fresh, own.apart[device], moved)

    def forget(self, devices: Keys) -> None:
        """Forget devices (D,) and their addresses."""
        gone = self._devices.find(devices)
        gone = gone[gone >= 0]
        self._addresses.free(self._addresses.of_devices(gone))
        self._devices.free(gone)

    def expire(self, t_ms: int) -> None:
        """Forget what has been silent for long: devices, and addresses that others took the place of."""
        own = self._devices
        mistaken = own.live & ~own.again & ~own.permanent & (own.last_ms < t_ms - ONCE_MS)
        for form in own.form[mistaken].tolist():
            self.habits.unlearn_arrival(form)
        own.again[mistaken] = True
        silent = self._addresses.silent_since(t_ms - FORGET_MS)
        used = self._devices.address[self._addresses.device[silent]] == silent
        self._addresses.free(silent[~used])
        self.forget(self._devices.name[self._addresses.device[silent[used]]])
        self.habits.forget_rare()

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        return {**self.habits.state(), **self._addresses.state("address_"), **self._devices.state("device_")}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
            ValueError: the state is of another version.
        """
        self.habits.restore(state)
        self._addresses.restore(state, "address_")
        self._devices.restore(state, "device_")

    def _go_on(self, heard: Appearances, i: Ints, rows: Ints) -> None:
        """Bring up to date the phones that are heard under the address they used last."""
        if not len(i):
            return
        addresses, device = self._addresses, self._addresses.device[rows]
        self._end_silence(device, heard.first_ms[i], changed=False)
        changed = addresses.form[rows] != heard.first_form[i]
        pairs = zip(
            addresses.form[rows[changed]].tolist(), heard.first_form[i[changed]].tolist(), strict=True
        )
        for last, now in pairs:
            self.habits.learn_form(last, now)
        sequence = newer(addresses.sequence[rows], heard.last_sequence[i])
        addresses.last_ms[rows] = self._devices.last_ms[device] = heard.last_ms[i]
        addresses.sequence[rows] = self._devices.sequence[device] = sequence
        addresses.form[rows] = self._devices.form[device] = heard.last_form[i]
        family = np.where(
            heard.last_form[i] == NO_FORM, addresses.family[rows], heard.last_form[i] >> _FAMILY
        )
        addresses.family[rows] = self._devices.family[device] = family

    def _end_silence(self, devices: Ints, now_ms: Ints, *, changed: bool) -> None:
        """Count the silences of devices (N,) that are heard now, under another address or the same."""
        own = self._devices
        silent_s = np.maximum(now_ms - own.last_ms[devices], 0) / 1000.0
        own.again[devices] |= silent_s > BURST_S
        own.apart[devices] &= silent_s <= BURST_S  # whose address lasts is a phone of its own, after all
        families, which = np.unique(own.family[devices], return_inverse=True)
        for n, family in enumerate(families.tolist()):
            self.habits.families[family].silences.learn(silent_s[which == n], changed=changed)

    def _place(self, heard: Appearances, i: int, nearness: Nearness | None, moved: dict[int, int]) -> int:
        """Decide whose a new address is; return its row."""
        form, family = heard.first_form[i], heard.first_form[i] >> _FAMILY
        device = int(self._devices.find(heard.address[i : i + 1])[0])
        confidence = 1.0
        if device == NOBODY:  # else it is its first address, which was forgotten meanwhile
            why = self._evidence.explain(heard, i, nearness)
            if (older := self._interrupted(heard, i, why)) != NOBODY:
                self._take_up(older, self._split(older, int(self._addresses.device[older]), moved))
                self.habits.families[int(family)].unlearn_restart()
                why = self._evidence.explain(heard, i, nearness)
            self._learn(why, int(form))
            if why.apart is not None:
                self.habits.distances.learn(why.apart, why.silent_s, why.weight / why.total)
            best = why.best(self._devices.family[why.candidates] == family)
            confidence = (why.new if best is None else why.weight[best]) / why.total
            if best is not None and confidence < self._certain:
                device = self._devices.add(heard.address[i])
                self._devices.apart[device] = self._devices.again[device] = True
                self._devices.known[device] = 1.0 - why.new / why.total
                self._devices.since_ms[device] = heard.first_ms[i]
            elif best is None:
                device = self._devices.add(heard.address[i])
                self.habits.learn_arrival(int(form))
            else:
                device = int(why.candidates[best])
                self._end_silence(np.array([device]), heard.first_ms[i : i + 1], changed=True)
                self._addresses.broken_off[self._devices.address[device]] = (
                    why.restarts[best] > why.runs[best]
                )
                if why.gaps[best] >= 0:
                    share = why.runs[best] / why.weight[best]
                    self._devices.jump(device, int(gap_bin(why.gaps[best])), float(share))
                    self._devices.restarted[device] += 1.0 - share
        row = self._addresses.add(heard, i, device, family, confidence)
        self._devices.use(device, row, self._addresses)
        return row

    def _interrupted(self, heard: Appearances, i: int, why: Explanations) -> int:
        """Return the row of an older address of a phone that this one goes on from; `NOBODY` where none is.

        Twins that run on and speak in turns look like one phone that starts anew each time. The number tells:
        it goes on from the address before the last.
        """
        addresses, family = self._addresses, heard.first_form[i] >> _FAMILY
        own, first = self.habits.families[int(family)], int(heard.first_sequence[i])
        if first == NO_SEQUENCE or heard.permanent[i] or not len(why.candidates):
            return NOBODY
        older = np.flatnonzero(
            addresses.live
            & addresses.broken_off
            & (addresses.family == family)
            & (addresses.sequence != NO_SEQUENCE)
        )
        older = older[self._devices.address[addresses.device[older]] != older]  # what followed may have split
        gaps = (first - addresses.sequence[older]) & WRAP
        rows, gaps = older[gaps < CLOSE], gaps[gaps < CLOSE]
        if not len(rows):
            if len(older):
                own.learn_turn(0.0)
            return NOBODY
        steps = self.habits.shows_next(addresses.form[rows].tolist(), int(heard.first_form[i]))
        turn = own.in_turns * own.runs_on
        weight = (
            turn
            * self.habits.changes_per_phone
            / self._devices.phones
            * np.array(steps)
            * jump_density(own, gaps)
        )
        # What was learnt of silences may come from turns taken for starts anew: it must not speak for these.
        other = why.candidates[[int(why.weight.argmax())]]
        silent_s = (heard.first_ms[i] - self._devices.last_ms[other]) / 1000.0
        weight *= self._evidence.readiness(int(self._devices.family[other[0]]))[bins_of(silent_s)[0]]
        best = int(weight.argmax())
        own.learn_turn(float(weight[best]) / (float(weight[best]) + why.total))
        return int(rows[best]) if weight[best] > why.total else NOBODY

    def _learn(self, why: Explanations, form: int) -> None:
        """Count the new address under every explanation, as far as it is believed."""
        habits, own = self.habits, self.habits.families[form >> FAMILY_BITS]
        runs = why.runs / why.total
        own.learn(float(runs.sum()), float(why.restarts[why.gaps >= 0].sum()) / why.total)
        habits.learn_change(float(why.weight.sum()) / why.total, why.new / why.total)
        for c in np.flatnonzero(why.weight > NEGLIGIBLE * why.total).tolist():
            if why.gaps[c] >= 0 and runs[c] > SURE:  # else numbers that fit by chance would be learnt, too
                own.gaps[gap_bin(why.gaps[c : c + 1])] += runs[c]
            last = int(self._devices.form[why.candidates[c]])
            habits.learn_form(last, form, float(why.weight[c]) / why.total)

    def _return(self, heard: Appearances, i: int, row: int, moved: dict[int, int]) -> None:
        """Take in an address that speaks again though others were taken for its successors."""
        addresses, devices = self._addresses, self._devices
        device = int(addresses.device[row])
        if int(devices.address[device]) != row:
            if self._continues(heard, i, row, device):
                devices.reuses[device] = True
            else:
                device = self._split(row, device, moved)
            self._take_up(row, device)
        self._go_on(heard, np.array([i]), np.array([row]))

    def _take_up(self, row: int, device: int) -> None:
        """Note that a device uses an old address of its own again."""
        self._devices.use(device, row, self._addresses)
        self._addresses.newest(row)

    def _continues(self, heard: Appearances, i: int, row: int, device: int) -> bool:
        """Tell whether the number goes on from the last address rather than from the old one itself."""
        own = self.habits.families[int(self._addresses.family[row])]
        before = np.array([self._devices.sequence[device], self._addresses.sequence[row]])
        gaps = gap(before, int(heard.first_sequence[i]))
        if (gaps < 0).any():
            return False
        last, old = jump_density(own, gaps)
        return bool(TAKEN_UP_AGAIN * own.runs_on * last > old)

    def _split(self, row: int, device: int, moved: dict[int, int]) -> int:
        """Give what came after an address to a device of its own; return the device of the address itself."""
        addresses, devices = self._addresses, self._devices
        later = addresses.after(row, device)
        stays = (addresses.name[later] == devices.name[device]).any()
        # A device keeps the address it is named after: where that is among the later ones, the others go.
        going = np.setdiff1d(addresses.of_devices(np.array([device])), later) if stays else later
        going = going[np.argsort(addresses.order[going])]
        other = devices.add(addresses.name[going[0]])
        addresses.device[going] = other
        devices.use(other, int(going[-1]), addresses)
        devices.permanent[other] = addresses.permanent[going].any()
        devices.permanent[device] &= ~devices.permanent[other]
        self.habits.learn_arrival(int(addresses.form[going[0]]))
        name = int(devices.name[other])
        moved.update({int(address): name for address in addresses.name[going[going != row]]})
        return other if stays else device
