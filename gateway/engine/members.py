"""Which devices members' phones are: what nodes say of addresses, by the names that events have for devices.

A node says the pseudonym of an address that is on the mall's list. The engine may know that address under its
former pseudonym, take it for another device's, and think better of it later. So what nodes say waits for its
tick, like observations, and is looked up again while the device is there. Digests leave with the sighting:
what is kept means nothing on another day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.messages import MemberHeard
from gateway.engine.tick import Sighting

Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

EVERY_MS = 60_000
"""A phone that many nodes hear is sighted this often."""
FORGET_MS = 1_800_000
"""An address is looked up for so long after it was last sighted."""
MAX_WAITING = 200_000
"""Most that wait for their tick; beyond it they are counted and left out."""

Whose = Callable[[Keys], tuple[Keys, Floats, Bools]]
"""Of addresses (A,): their devices, how sure that is, and whether they are remembered."""


class _Waiting(msgspec.Struct, frozen=True, order=True, array_like=True):
    t_ms: int
    address: int
    digest: str


class _Known(msgspec.Struct, array_like=True):
    device: int
    told_ms: int


class _State(msgspec.Struct, array_like=True):
    waiting: list[_Waiting]
    known: dict[int, _Known]


class Members:
    """What nodes have said of members' phones."""

    def __init__(self) -> None:
        """Start with none."""
        self._waiting: list[_Waiting] = []
        self._known: dict[int, _Known] = {}

    def __len__(self) -> int:
        """Return how many addresses of members' phones are followed."""
        return len(self._known)

    def feed(self, heard: MemberHeard) -> bool:
        """Take in what a node says; False where too many wait."""
        if len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting.append(_Waiting(heard.t_ms, int(heard.device, 16), heard.digest))
        return True

    def left(self, remembered: Callable[[Keys], Bools]) -> None:
        """Forget addresses that are remembered no more: heard again, they are of other devices."""
        known = list(self._known)
        for address, still in zip(known, remembered(_keys(known)).tolist(), strict=True):
            if not still:
                del self._known[address]

    def step(self, tick_ms: int, names: Callable[[Keys], Keys], whose: Whose) -> list[Sighting]:
        """Return what is new at the end of a tick: addresses that moved, and those that were heard before it.

        ``names`` tells under which names the engine knows addresses (A,).
        """
        found = self._moved(tick_ms, whose)
        due = sorted({one for one in self._waiting if one.t_ms < tick_ms})
        if due:
            self._waiting = [one for one in self._waiting if one.t_ms >= tick_ms]
            found += self._heard(due, names(_keys([one.address for one in due])), whose)
        for address in [a for a, known in self._known.items() if known.told_ms < tick_ms - FORGET_MS]:
            del self._known[address]
        return found

    def _moved(self, tick_ms: int, whose: Whose) -> list[Sighting]:
        known = sorted(self._known)
        devices, confidence, there = whose(_keys(known))
        found = []
        for address, device, sure, is_there in _rows(known, devices, confidence, there):
            if is_there and device != self._known[address].device:
                self._known[address].device = device
                found.append(_sighting(tick_ms, address, device, sure, ""))
        return found

    def _heard(self, due: Sequence[_Waiting], names: Keys, whose: Whose) -> list[Sighting]:
        devices, confidence, _ = whose(names)
        found = []
        for one, address, device, sure in zip(
            due, names.tolist(), devices.tolist(), confidence.tolist(), strict=True
        ):
            known = self._known.get(address)
            if known is None or known.device != device or one.t_ms >= known.told_ms + EVERY_MS:
                self._known[address] = _Known(device, one.t_ms)
                found.append(_sighting(one.t_ms, address, device, sure, one.digest))
        return found

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return everything, for a checkpoint."""
        state = _State(sorted(self._waiting), dict(sorted(self._known.items())))
        return {"state": np.frombuffer(msgspec.msgpack.encode(state), dtype=np.uint8).copy()}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned; an empty table of a mall that had none is none.

        Raises:
            ValueError: the state is damaged.
        """
        packed = state.get("state")
        old = (
            _State([], {})
            if packed is None
            else msgspec.msgpack.decode(packed.astype(np.uint8).tobytes(), type=_State)
        )
        self._waiting, self._known = old.waiting, old.known


def _keys(addresses: Sequence[int]) -> Keys:
    return np.array(addresses, dtype=np.uint64)


def _rows(
    addresses: Sequence[int], devices: Keys, confidence: Floats, there: Bools
) -> zip[tuple[int, int, float, bool]]:
    return zip(addresses, devices.tolist(), confidence.tolist(), there.tolist(), strict=True)


def _sighting(t_ms: int, address: int, device: int, confidence: float, digest: str) -> Sighting:
    return Sighting(
        t_ms=t_ms, address=f"{address:016x}", device=f"{device:016x}", digest=digest,
        confidence=round(confidence, 4),
    )  # fmt: skip
