"""What phones send, second by second: bursts of probe requests, and data of those in the guest network."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.messages import FrameKind
from simulators.phone_models import MODELS, Addressing

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Addresses = npt.NDArray[np.uint64]
"""48-bit addresses in the low bits."""

CHANNELS = (1, 6, 11)
"""The channels that nodes listen to; what phones send on others is not heard and not simulated."""
CHANNEL_DWELL_MS, FRAME_GAP_MS = 45, 14
"""How long a scan stays on one channel, and the gap between its frames there."""
SCREEN_ON_S, SCREEN_OFF_S = 75.0, 240.0
"""Mean time a screen stays on and off in a mall (Deng et al. 2019: about 40 short sessions a day)."""
JITTER = 0.35
"""Intervals between bursts vary evenly by this share of their mean."""
DATA_ON_S, DATA_OFF_S = 2.5, 20.0
"""Mean time between heard data or null frames in the guest network; real phones send more, in clumps."""
HIDDEN_FRAMES = 6
"""A sequence number may skip up to this many frames sent on channels that nobody hears."""

_LOCAL, _GROUP = np.uint64(0x02_00_00_00_00_00), np.uint64(0x01_00_00_00_00_00)
_ALL = np.uint64(0xFF_FF_FF_FF_FF_FF)


@dataclass(frozen=True, slots=True)
class Habits:
    """How people carry phones."""

    off: float = 0.0
    """Share of people whose phone is off, or who carry none."""
    second: float = 0.0
    """Share of people who carry a second phone."""
    guest_network: float = 0.3
    """Share of phones that are in the mall's network: they keep one address and send data."""
    rotate: bool = True
    """False: every phone keeps the address it came with."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames sent in one second, in order of time; columns. `burst` tells which were sent in one go."""

    phone: Ints
    """Index into the phones' columns."""
    t_ms: Ints
    burst: Ints
    address: Addresses
    channel: Ints
    kind: Ints
    sequence: Ints
    model: Ints
    """Index into `phone_models.MODELS`."""

    def __len__(self) -> int:
        return len(self.phone)


class Phones:
    """The phones of the people in the mall. All random draws come from the seed."""

    def __init__(self, seed: int | list[int], habits: Habits | None = None) -> None:
        self._habits = habits or Habits()
        self._rng = np.random.default_rng([*seed, 3] if isinstance(seed, list) else [seed, 3])
        self._model_of = {
            name: np.array([getattr(model, name) for model in MODELS])
            for name in (
                "share",
                "addressing",
                "rotate_s",
                "runs_on",
                "screen_on_s",
                "screen_off_s",
                "per_channel",
            )
        }
        self._power = np.array([model.power_dbm for model in MODELS])
        self._last_owner = -1
        none, empty = np.empty(0, dtype=np.int64), np.empty(0)
        self.owner = none
        """Person who carries the phone."""
        self.model = none
        self.power_dbm = empty
        self.body_db = empty
        """What the owner's body takes away behind it."""
        self.address: Addresses = none.astype(np.uint64)
        self._joined = none.astype(np.bool_)
        self._screen = none.astype(np.bool_)
        self._toggle_s, self._burst_s, self._data_s, self._rotate_s = empty, empty, empty, empty
        self._sequence = none
        self._channel = none
        self.changed: list[tuple[Ints, Addresses]] = []
        """(owners, addresses) taken into use since the list was last emptied."""

    def __len__(self) -> int:
        return len(self.owner)

    def follow(self, people: Ints, t_s: float) -> None:
        """Keep only the phones of `people` (sorted ids), and give phones to those who are new among them."""
        self._keep(np.isin(self.owner, people))
        new = people[people > self._last_owner]
        if len(new):
            self._last_owner = int(new[-1])
            rng = self._rng
            on = new[rng.random(len(new)) >= self._habits.off]
            self._add(np.sort(np.concatenate([on, on[rng.random(len(on)) < self._habits.second]])), t_s)

    def send(self, active: npt.NDArray[np.bool_], t_s: int) -> Frames:
        """Return what phones marked in `active` (P,) send in [t_s, t_s + 1)."""
        self._toggle_screens(t_s)
        probing = np.flatnonzero(active & (self._burst_s < t_s + 1))
        talking = np.flatnonzero(active & self._joined & (self._data_s < t_s + 1))
        self._new_addresses(probing, t_s)
        probes = self._probes(probing)
        data_ms = np.floor((self._data_s[talking] - t_s).clip(0, 0.999) * 1000).astype(np.int64)
        phone = np.concatenate([probes[0], talking])
        t_ms = np.concatenate([probes[1], data_ms])
        t_ms = np.minimum(t_ms, 999) + 1000 * t_s
        channel = np.concatenate([probes[2], self._channel[talking]])
        kind = np.repeat([FrameKind.PROBE, FrameKind.DATA], [len(probes[0]), len(talking)]).astype(np.int64)
        burst = np.concatenate([probes[3], len(probing) + np.arange(len(talking))])
        self._schedule(probing, talking, t_s)
        order = np.lexsort((t_ms, phone))
        sequence = self._count(phone[order])
        again = np.argsort(t_ms[order], kind="stable")
        order, sequence = order[again], sequence[again]
        phone = phone[order]
        return Frames(
            phone,
            t_ms[order],
            burst[order],
            self.address[phone],
            channel[order],
            kind[order],
            sequence,
            self.model[phone],
        )

    def _add(self, owner: Ints, t_s: float) -> None:
        rng, count = self._rng, len(owner)
        share = self._model_of["share"]
        model = rng.choice(len(MODELS), count, p=share / share.sum())
        kept_global = self._model_of["addressing"][model] == Addressing.GLOBAL
        screen = rng.random(count) < SCREEN_ON_S / (SCREEN_ON_S + SCREEN_OFF_S)
        until = np.where(screen, SCREEN_ON_S, SCREEN_OFF_S)
        address = np.where(kept_global, _draw_addresses(count, rng, local=False), _draw_addresses(count, rng))
        columns = {
            "owner": owner,
            "model": model,
            "power_dbm": self._power[model] + rng.normal(0.0, 2.0, count),
            "body_db": rng.uniform(3.0, 10.0, count),
            "address": address,
            "_joined": rng.random(count) < self._habits.guest_network,
            "_screen": screen,
            "_toggle_s": t_s + rng.exponential(until),
            "_burst_s": t_s + rng.random(count) * self._interval(model, screen),
            "_data_s": t_s + rng.random(count) * np.where(screen, DATA_ON_S, DATA_OFF_S),
            "_rotate_s": t_s + rng.random(count) * self._model_of["rotate_s"][model],
            "_sequence": rng.integers(0, 4096, count),
            "_channel": rng.choice(CHANNELS, count),
        }
        for name, column in columns.items():
            setattr(self, name, np.concatenate([getattr(self, name), column]))
        self.changed.append((owner, address))

    def _keep(self, keep: npt.NDArray[np.bool_]) -> None:
        if not keep.all():
            for name in _COLUMNS:
                setattr(self, name, getattr(self, name)[keep])

    def _interval(self, model: Ints, screen: npt.NDArray[np.bool_]) -> Floats:
        mean = np.where(screen, self._model_of["screen_on_s"][model], self._model_of["screen_off_s"][model])
        interval: Floats = mean * self._rng.uniform(1 - JITTER, 1 + JITTER, len(mean))
        return interval

    def _toggle_screens(self, t_s: int) -> None:
        """Turn screens on and off; a screen that is turned on scans at once."""
        due = np.flatnonzero(self._toggle_s < t_s + 1)
        if not len(due):
            return
        on = ~self._screen[due]
        self._screen[due] = on
        self._toggle_s[due] = t_s + 1 + self._rng.exponential(np.where(on, SCREEN_ON_S, SCREEN_OFF_S))
        soon = t_s + self._rng.random(len(due))
        self._burst_s[due] = np.where(on, np.minimum(self._burst_s[due], soon), self._burst_s[due])
        self._data_s[due] = np.where(on, np.minimum(self._data_s[due], soon), self._data_s[due])

    def _new_addresses(self, probing: Ints, t_s: int) -> None:
        """Change the address of those whose model wants it before this burst; not while in a network."""
        if not self._habits.rotate:
            return
        addressing = self._model_of["addressing"][self.model[probing]]
        timed = (addressing == Addressing.TIMED) & (self._rotate_s[probing] < t_s + 1)
        due = probing[((addressing == Addressing.BURST) | timed) & ~self._joined[probing]]
        self.address[due] = _draw_addresses(len(due), self._rng)
        self._rotate_s[due] = (
            t_s + self._rng.uniform(0.7, 1.3, len(due)) * self._model_of["rotate_s"][self.model[due]]
        )
        restart = due[~self._model_of["runs_on"][self.model[due]]]
        self._sequence[restart] = self._rng.integers(0, 4096, len(restart))
        if len(due):
            self.changed.append((self.owner[due], self.address[due].copy()))

    def _probes(self, probing: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Return phone, milliseconds into the second, channel and burst of each probe request."""
        fewest, most = self._model_of["per_channel"][self.model[probing]].T
        shape = (len(probing), len(CHANNELS))
        count = self._rng.integers(fewest[:, None], most[:, None] + 1, shape).ravel()
        slot = np.repeat(np.arange(len(count)), count)
        burst, place = np.divmod(slot, len(CHANNELS))
        nth = np.arange(len(slot)) - np.repeat(np.cumsum(count) - count, count)
        room = 1000 - len(CHANNELS) * CHANNEL_DWELL_MS
        start = np.floor(np.mod(self._burst_s[probing], 1.0) * room).astype(np.int64)
        shake = self._rng.integers(0, FRAME_GAP_MS // 2, len(slot))
        t_ms = start[burst] + place * CHANNEL_DWELL_MS + nth * FRAME_GAP_MS + shake
        return probing[burst], t_ms, np.array(CHANNELS)[place], burst

    def _schedule(self, probing: Ints, talking: Ints, t_s: int) -> None:
        self._burst_s[probing] = t_s + 1 + self._interval(self.model[probing], self._screen[probing])
        pause = np.where(self._screen[talking], DATA_ON_S, DATA_OFF_S)
        self._data_s[talking] = t_s + 1 + self._rng.exponential(pause - 1)

    def _count(self, phone: Ints) -> Ints:
        """Return the sequence number of each frame; frames of a phone stand together, in order."""
        if not len(phone):
            return phone
        step = 1 + np.where(
            np.append(True, phone[1:] != phone[:-1]), self._rng.integers(0, HIDDEN_FRAMES, len(phone)), 0
        )
        total = np.cumsum(step)
        first = np.flatnonzero(np.append(True, phone[1:] != phone[:-1]))
        lengths = np.diff(np.append(first, len(phone)))
        since = total - np.repeat(total[first] - step[first], lengths)
        sequence: Ints = np.mod(self._sequence[phone] + since, 4096)
        self._sequence[phone[first]] = sequence[first + lengths - 1]
        return sequence


_COLUMNS = (
    *("owner", "model", "power_dbm", "body_db", "address", "_joined", "_screen", "_toggle_s", "_burst_s"),
    *("_data_s", "_rotate_s", "_sequence", "_channel"),
)


def _draw_addresses(count: int, rng: np.random.Generator, *, local: bool = True) -> Addresses:
    """Draw unicast addresses: random (locally administered) ones, or such as a maker gives out."""
    drawn = rng.integers(0, 1 << 48, count, dtype=np.uint64) & ~_GROUP & _ALL
    addresses: Addresses = drawn | _LOCAL if local else drawn & ~_LOCAL & _ALL
    return addresses


def address_bytes(address: Addresses) -> list[bytes]:
    """Return addresses as 6 bytes each, as they stand in a frame."""
    raw = address.astype(">u8").tobytes()
    return [raw[8 * n + 2 : 8 * n + 8] for n in range(len(address))]
