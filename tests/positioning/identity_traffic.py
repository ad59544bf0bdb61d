"""What tests of identities share: frames of made-up phones, and how a linker is played them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from positioning.identity import NO_SEQUENCE, Apart, Appearances, Linker, Links

Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

TICK_MS = 1_000


def form_of(family: int, contents: int = 0) -> int:
    """Return a form of a family."""
    return (family << 32) + contents


class Sent(NamedTuple):
    """One frame as a node reports it."""

    address: int
    t_ms: int
    sequence: int = NO_SEQUENCE
    form: int = form_of(1)
    permanent: bool = False


def appearances(frames: Iterable[Sent]) -> Appearances:
    """Put frames of a tick together."""
    rows = list(frames)
    return Appearances.of(
        np.array([row.address for row in rows], dtype=np.uint64),
        np.array([row.t_ms for row in rows], dtype=np.int64),
        np.array([row.sequence for row in rows], dtype=np.int64),
        np.array([row.form for row in rows], dtype=np.uint64),
        np.array([row.permanent for row in rows], dtype=np.bool_),
    )


VARIANCE_M2, AREA_M2 = 18.0, 2_000.0
"""Both places are known to 3 m."""


@dataclass
class Heard:
    """What a linker has said so far."""

    linker: Linker = field(default_factory=Linker)
    device: dict[int, int] = field(default_factory=dict)
    """Of each address, as far as is known now."""
    moved: dict[int, int] = field(default_factory=dict)

    def tick(self, frames: list[Sent], near: Callable[[int, int], float] | None = None) -> Links:
        """Hear the frames of a tick; ``near(address, device)`` is how far apart they are, in metres."""
        heard = appearances(frames)

        def nearness(i: int, devices: Keys) -> Apart:
            away_m = np.array([near(int(heard.address[i]), d) for d in devices.tolist()] if near else [])
            return Apart(
                away_m**2 / VARIANCE_M2, np.full(len(devices), AREA_M2 / (2.0 * np.pi * VARIANCE_M2))
            )

        links = self.linker.hear(heard, nearness if near else None)
        self.device.update(zip(heard.address.tolist(), links.device.tolist(), strict=True))
        self.device.update(links.moved)
        self.moved.update(links.moved)
        return links

    def play(self, frames: Iterable[Sent], near: Callable[[int, int], float] | None = None) -> Heard:
        """Hear frames tick by tick, in order of time."""
        ticks: dict[int, list[Sent]] = {}
        for frame in frames:
            ticks.setdefault(frame.t_ms // TICK_MS, []).append(frame)
        for tick in sorted(ticks):
            self.tick(ticks[tick], near)
        return self

    def devices(self, addresses: Iterable[int]) -> set[int]:
        """Return the devices of addresses."""
        return {self.device[address] for address in addresses}


def runner(addresses: Iterable[int], sequence: int, *, form: int = form_of(1), at_ms: int = 0) -> list[Sent]:
    """Return a phone's frames: three bursts under each address, one every 10 s, numbers that go on by 3."""
    frames = []
    for address in addresses:
        for _ in range(3):
            frames.append(Sent(address, at_ms, sequence % 4096, form))
            sequence, at_ms = sequence + 3, at_ms + 10_000
    return frames


def restarter(addresses: Iterable[int], *, seed: int, form: int = form_of(2), at_ms: int = 0) -> list[Sent]:
    """Return a phone's frames: two under each address, a change every 10 s, each with numbers of its own."""
    rng = np.random.default_rng(seed)
    frames = []
    for address in addresses:
        sequence = int(rng.integers(0, 4000))
        frames += [Sent(address, at_ms + 100 * k, sequence + k, form) for k in range(2)]
        at_ms += 10_000
    return frames


def crowd(seed: int, phones: int = 60) -> tuple[list[Sent], dict[int, int]]:
    """Return frames of phones that come and go, in order of time, and the phone of each address.

    There are twelve families, some of them common; every other one numbers each address anew.
    """
    rng = np.random.default_rng(seed)
    frames, owner = [], {}
    for phone in range(phones):
        t_ms, sequence = rng.integers((1_200_000, 4096)).tolist()
        family = min(int(rng.zipf(1.5)), 12)
        form = form_of(family, int(rng.integers(3)))
        for address in range(1000 * phone, 1000 * phone + int(rng.integers(3, 15))):
            owner[address] = phone
            if family % 2:
                sequence = int(rng.integers(4096))
            for _ in range(int(rng.integers(1, 6))):
                frames.append(Sent(address, t_ms, sequence, form))
                t_ms += 2_000 + int(rng.exponential(20_000))
                sequence = (sequence + 1 + int(rng.exponential(8))) % 4096
    return sorted(frames, key=lambda frame: frame.t_ms), owner
