"""Frames as columns, their addresses, and how they are numbered."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Addresses = npt.NDArray[np.uint64]
"""48-bit addresses in the low bits."""

COUNT = 4096
"""Sequence numbers have 12 bits."""
HIDDEN_FRAMES = 6
"""A sequence number may skip up to this many frames sent on channels that nobody hears."""

_LOCAL, _GROUP = np.uint64(0x02_00_00_00_00_00), np.uint64(0x01_00_00_00_00_00)
_ALL = np.uint64(0xFF_FF_FF_FF_FF_FF)


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
    elements: Ints
    """Index into `Phones.elements`; means nothing for frames other than probe requests."""

    def __len__(self) -> int:
        return len(self.phone)


def draw_addresses(count: int, rng: np.random.Generator, *, local: bool = True) -> Addresses:
    """Draw unicast addresses: random (locally administered) ones, or such as a maker gives out."""
    drawn = rng.integers(0, 1 << 48, count, dtype=np.uint64) & ~_GROUP & _ALL
    addresses: Addresses = drawn | _LOCAL if local else drawn & ~_LOCAL & _ALL
    return addresses


def address_bytes(address: Addresses) -> list[bytes]:
    """Return addresses as 6 bytes each, as they stand in a frame."""
    raw = address.astype(">u8").tobytes()
    return [raw[8 * n + 2 : 8 * n + 8] for n in range(len(address))]


def starts(group: Ints) -> Bools:
    """Mark the first frame of each group; frames of a group stand together."""
    return np.append(True, group[1:] != group[:-1]) if len(group) else np.empty(0, dtype=np.bool_)


def number_frames(counter: Ints, state: Ints, anew: Bools, rng: np.random.Generator) -> Ints:
    """Return the sequence number of each frame (N,), and leave the last of each counter in `state`.

    Args:
        counter: which one numbers the frame, an index into `state`; those of one stand together, in order.
        state: the number given last by each counter; changed.
        anew: the counter starts at a random number here.
        rng: draws those, and the frames that nobody hears.

    """
    if not len(counter):
        return counter
    first = starts(counter)
    step = 1 + np.where(first, rng.integers(0, HIDDEN_FRAMES, len(counter)), 0)
    step[anew] = rng.integers(0, COUNT, int(anew.sum()))
    total = np.cumsum(step)
    begin = np.flatnonzero(first)
    lengths = np.diff(np.append(begin, len(counter)))
    since = total - np.repeat(total[begin] - step[begin], lengths)
    sequence: Ints = np.mod(state[counter] + since, COUNT)
    state[counter[begin]] = sequence[begin + lengths - 1]
    return sequence


def fill_forward(value: Addresses, fresh: Bools, new: Addresses, group: Ints) -> Addresses:
    """Return `value` (N,) with `new` put in where `fresh`, and kept until the next one or the group's end."""
    at = np.arange(len(value))
    last = np.maximum.accumulate(np.where(fresh | starts(group), at, 0))
    filled = value.copy()
    filled[fresh] = new
    return np.where(fresh[last], filled[last], value)
