"""What phones send, second by second: bursts of probe requests, and data of those in the guest network."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contracts.messages import FrameKind
from simulators.frames import (
    COUNT,
    Addresses,
    Bools,
    Frames,
    Ints,
    draw_addresses,
    fill_forward,
    number_frames,
    starts,
)
from simulators.phone_elements import FORMS, build_shares, element_table
from simulators.phone_kinds import Kinds
from simulators.phone_known import STRANGER, Known, nothing_known
from simulators.phone_models import MODELS, Addressing, Counter
from simulators.scans import CHANNELS, draw_forms, draw_probes

SCREEN_ON_S, SCREEN_OFF_S = 75.0, 240.0
"""Mean time a screen stays on and off in a mall (Deng et al. 2019: about 40 short sessions a day)."""
JOIN_S, LEAVE_S = 300.0, 2400.0
"""Mean time until a phone that uses the guest network joins it, and until it leaves again."""
DATA_ON_S, DATA_OFF_S = 2.5, 20.0
"""Mean time between heard data or null frames in the guest network; real phones send more, in clumps."""
NEW_IN_BURST = 0.65
"""Share of probes with a new address, in bursts with several; after captures of Pintor and Atzori (2021)."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How people carry phones, and how much these give away."""

    off: float = 0.0
    """Share of people whose phone is off, or who carry none."""
    second: float = 0.0
    """Share of people who carry a second phone."""
    guest_network: float = 0.3
    """Share of phones that join the mall's network: there they keep one address and send data."""
    rotate: bool = True
    """False: every phone keeps the address it came with."""
    builds: int = 8
    """Builds of the firmware of each model; with 1 all phones of a model are twins."""


class Phones:
    """The phones of the people in the mall. All random draws come from the seed.

    `known` is asked for the first phone of people who are new; what it knows takes the place of what is
    drawn, and all others are as they would be without it.
    """

    def __init__(
        self,
        seed: int | list[int],
        habits: Habits | None = None,
        known: Callable[[Ints], Known] | None = None,
    ) -> None:
        self._habits = habits or Habits()
        self._known = known
        self._rng = np.random.default_rng([*seed, 3] if isinstance(seed, list) else [seed, 3])
        self._kinds = Kinds()
        self.elements = element_table(MODELS, self._habits.builds)
        """Information elements of probe requests, by `Frames.elements`."""
        self._last_owner = -1
        none, empty = np.empty(0, dtype=np.int64), np.empty(0)
        no = none.astype(np.bool_)
        self.id = none
        """Twice the number of the person who carries the phone, plus one for a second phone."""
        self.owner = none
        """Person who carries the phone."""
        self.model = none
        """Index into `phone_models.MODELS`."""
        self._build = none
        self.power_dbm = empty
        self.body_db = empty
        """What the owner's body takes away behind it."""
        self.address: Addresses = none.astype(np.uint64)
        """The address it scans from."""
        self._network_address: Addresses = none.astype(np.uint64)
        self._joined, self._screen, self._stays = no, no, no
        self._toggle_s, self._join_s = empty, empty
        self._burst_s, self._data_s, self._rotate_s = empty, empty, empty
        self._nth = none
        """Bursts since the screen was turned on or off."""
        self._number = np.empty((0, 2), dtype=np.int64)
        """Sequence numbers given last: of scans, and of frames from the network's address."""
        self._channel = none
        self.changed: list[tuple[Ints, Addresses]] = []
        """(ids of phones, addresses) taken into use since the list was last emptied."""

    def __len__(self) -> int:
        return len(self.owner)

    def follow(self, people: Ints, t_s: float) -> None:
        """Keep only the phones of `people` (sorted ids), and give phones to those who are new among them."""
        self._keep(np.isin(self.owner, people))
        new = people[people > self._last_owner]
        if len(new):
            here_already = self._last_owner < 0
            self._last_owner = int(new[-1])
            rng = self._rng
            on = new[rng.random(len(new)) >= self._habits.off]
            owner = np.sort(np.concatenate([on, on[rng.random(len(on)) < self._habits.second]]))
            self._add(owner, t_s, here_already=here_already)

    def send(self, active: Bools, t_s: int) -> Frames:
        """Return what phones marked in `active` (P,) send in [t_s, t_s + 1)."""
        kinds = self._kinds
        self._toggle_screens(t_s)
        self._join_and_leave(t_s)
        probing = np.flatnonzero(active & (self._burst_s < t_s + 1))
        talking = np.flatnonzero(active & self._joined & (self._data_s < t_s + 1))
        inside = self._joined[probing] & ~kinds.scans_apart[self.model[probing]]
        self._new_addresses(probing[~inside], t_s)
        probes = draw_probes(kinds.per_channel[self.model[probing]], self._burst_s[probing], self._rng)
        data_ms = np.floor((self._data_s[talking] - t_s).clip(0, 0.999) * 1000).astype(np.int64)
        phone = np.concatenate([probing[probes.burst], talking])
        t_ms = np.concatenate([probes.t_ms, data_ms]) + 1000 * t_s
        burst = np.concatenate([probes.burst, len(probing) + np.arange(len(talking))])
        channel = np.concatenate([probes.channel, self._channel[talking]])
        kind = np.repeat([FrameKind.PROBE, FrameKind.DATA], [len(probes.t_ms), len(talking)]).astype(np.int64)
        network = np.concatenate([inside[probes.burst], np.ones(len(talking), dtype=np.bool_)])
        forms = draw_forms(kinds.varies[self.model[probing]], self._screen[probing], probes, self._rng)
        kit = (self.model * self._habits.builds + self._build)[probing] * FORMS
        elements = np.concatenate([kit[probes.burst] + forms, np.zeros(len(talking), dtype=np.int64)])
        address, fresh = self._addresses(phone, burst, network)
        sequence = self._sequence(phone, t_ms, network, fresh)
        self._schedule(probing, talking, t_s)
        order = np.argsort(t_ms, kind="stable")
        return Frames(
            phone[order],
            t_ms[order],
            burst[order],
            address[order],
            channel[order],
            kind[order],
            sequence[order],
            elements[order],
        )

    def _add(self, owner: Ints, t_s: float, *, here_already: bool) -> None:
        """Give new phones to people; those who were `here_already` have had time to join the network."""
        rng, count, kinds, habits = self._rng, len(owner), self._kinds, self._habits
        second = np.append(np.zeros(min(count, 1), dtype=np.int64), owner[1:] == owner[:-1])
        known = nothing_known(owner) if self._known is None else self._known(owner)
        cast = (known.model != STRANGER) & (second == 0)
        model = np.where(cast, known.model, rng.choice(len(MODELS), count, p=kinds.share))
        kept_global = kinds.addressing[model] == Addressing.GLOBAL
        screen = rng.random(count) < SCREEN_ON_S / (SCREEN_ON_S + SCREEN_OFF_S)
        address = np.where(kept_global, draw_addresses(count, rng, local=False), draw_addresses(count, rng))
        one_address = kept_global | (not habits.rotate)
        address = np.where(cast & one_address, known.address, address)
        member = rng.random(count) < habits.guest_network
        joined = member & here_already & (rng.random(count) < LEAVE_S / (JOIN_S + LEAVE_S))
        wait_s = np.where(member, rng.exponential(np.where(joined, LEAVE_S, JOIN_S)), np.inf)
        joined = np.where(cast, known.join_s <= t_s, joined)
        nth = np.full(count, kinds.gap_s.shape[2] - 1)
        columns = {
            "id": 2 * owner + second,
            "owner": owner,
            "model": model,
            "_build": np.where(
                cast,
                np.minimum(known.build, habits.builds - 1),
                rng.choice(habits.builds, count, p=build_shares(habits.builds)),
            ),
            "power_dbm": kinds.power_dbm[model] + rng.normal(0.0, 2.0, count),
            "body_db": rng.uniform(3.0, 10.0, count),
            "address": address,
            "_network_address": np.where(
                cast, known.address, np.where(one_address, address, draw_addresses(count, rng))
            ),
            "_joined": joined,
            "_stays": cast,
            "_screen": screen,
            "_toggle_s": t_s + rng.exponential(np.where(screen, SCREEN_ON_S, SCREEN_OFF_S)),
            "_join_s": np.where(cast, np.where(joined, np.inf, known.join_s), t_s + wait_s),
            "_burst_s": t_s + rng.random(count) * kinds.gap_s[model, screen.astype(np.int64), nth],
            "_data_s": t_s + rng.random(count) * np.where(screen, DATA_ON_S, DATA_OFF_S),
            "_rotate_s": t_s + rng.random(count) * kinds.rotate_s[model],
            "_nth": nth,
            "_number": rng.integers(0, COUNT, (count, 2)),
            "_channel": rng.choice(CHANNELS, count),
        }
        for name, column in columns.items():
            setattr(self, name, np.concatenate([getattr(self, name), column]))
        self._note(np.arange(len(self) - count, len(self)), address)
        self._note(np.flatnonzero(self._joined & np.isin(self.owner, owner)))

    def _keep(self, keep: Bools) -> None:
        if not keep.all():
            for name in _COLUMNS:
                setattr(self, name, getattr(self, name)[keep])

    def _note(self, phones: Ints, addresses: Addresses | None = None) -> None:
        """Note that phones took addresses into use, or those that they have in the network."""
        if len(phones):
            taken = self._network_address[phones] if addresses is None else addresses.copy()
            self.changed.append((self.id[phones], taken))

    def _toggle_screens(self, t_s: int) -> None:
        """Turn screens on and off; a screen that is turned on scans at once."""
        due = np.flatnonzero(self._toggle_s < t_s + 1)
        if not len(due):
            return
        on = ~self._screen[due]
        self._screen[due] = on
        self._nth[due] = 0
        self._toggle_s[due] = t_s + 1 + self._rng.exponential(np.where(on, SCREEN_ON_S, SCREEN_OFF_S))
        soon = t_s + self._rng.random(len(due))
        self._burst_s[due] = np.where(on, np.minimum(self._burst_s[due], soon), self._burst_s[due])
        self._data_s[due] = np.where(on, np.minimum(self._data_s[due], soon), self._data_s[due])

    def _join_and_leave(self, t_s: int) -> None:
        """Let phones join the guest network, with the address they keep for it, and leave it."""
        due = np.flatnonzero(self._join_s < t_s + 1)
        if not len(due):
            return
        joins = ~self._joined[due]
        self._joined[due] = joins
        again_s = t_s + 1 + self._rng.exponential(np.where(joins, LEAVE_S, JOIN_S))
        self._join_s[due] = np.where(self._stays[due], np.inf, again_s)
        joined = due[joins]
        self._data_s[joined] = t_s + self._rng.random(len(joined))
        self._note(joined)

    def _new_addresses(self, scanning: Ints, t_s: int) -> None:
        """Change the address of those whose model wants it before this burst, and set counters."""
        kinds, model = self._kinds, self.model[scanning]
        self._number[scanning[kinds.counter[model] == Counter.ZERO], 0] = 0
        if not self._habits.rotate:
            return
        addressing = kinds.addressing[model]
        timed = (addressing == Addressing.TIMED) & (self._rotate_s[scanning] < t_s + 1)
        due = scanning[(addressing == Addressing.BURST) | (addressing == Addressing.PROBE) | timed]
        self.address[due] = draw_addresses(len(due), self._rng)
        self._rotate_s[due] = t_s + self._rng.uniform(0.7, 1.3, len(due)) * kinds.rotate_s[self.model[due]]
        anew = due[kinds.counter[self.model[due]] == Counter.RANDOM]
        self._number[anew, 0] = self._rng.integers(0, COUNT, len(anew))
        self._note(due, self.address[due])

    def _addresses(self, phone: Ints, burst: Ints, network: Bools) -> tuple[Addresses, Bools]:
        """Return the address of each frame, and where it is new within its burst; bursts stand together."""
        several = (self._kinds.addressing[self.model[phone]] == Addressing.PROBE) & ~self._screen[phone]
        several &= ~network & ~starts(burst) & self._habits.rotate
        fresh = several & (self._rng.random(len(phone)) < NEW_IN_BURST)
        new = draw_addresses(int(fresh.sum()), self._rng)
        base = np.where(network, self._network_address[phone], self.address[phone])
        address = fill_forward(base, fresh, new, burst)
        self.address[phone[~network]] = address[~network]  # the last one of each phone stays
        self._note(phone[fresh], new)
        return address, fresh

    def _sequence(self, phone: Ints, t_ms: Ints, network: Bools, fresh: Bools) -> Ints:
        """Return the sequence number of each frame."""
        of_phone = self._kinds.counter[self.model[phone]]
        two = (of_phone != Counter.SHARED) & (self._network_address != self.address)[phone]
        counter = 2 * phone + (network & two)
        order = np.lexsort((t_ms, counter))
        anew = fresh & (of_phone == Counter.RANDOM)
        sequence = np.empty(len(phone), dtype=np.int64)
        numbers = self._number.reshape(-1)  # a view: what is given last is kept
        sequence[order] = number_frames(counter[order], numbers, anew[order], self._rng)
        return sequence

    def _schedule(self, probing: Ints, talking: Ints, t_s: int) -> None:
        """Set the time of the next burst and data frame."""
        kinds, model, screen = self._kinds, self.model[probing], self._screen[probing]
        gap_s = kinds.gap_s[model, screen.astype(np.int64), self._nth[probing]]
        gap_s = gap_s * (1 + kinds.jitter[model] * self._rng.uniform(-1.0, 1.0, len(probing)))
        self._nth[probing] = np.minimum(self._nth[probing] + 1, kinds.gap_s.shape[2] - 1)
        self._burst_s[probing] = np.maximum(np.maximum(self._burst_s[probing], t_s) + gap_s, t_s + 1)
        pause = np.where(self._screen[talking], DATA_ON_S, DATA_OFF_S)
        self._data_s[talking] = t_s + 1 + self._rng.exponential(pause - 1)


_COLUMNS = (
    *("id", "owner", "model", "_build", "power_dbm", "body_db", "address", "_network_address", "_joined"),
    *("_stays",),
    *("_screen", "_toggle_s", "_join_s", "_burst_s", "_data_s", "_rotate_s", "_nth", "_number", "_channel"),
)
