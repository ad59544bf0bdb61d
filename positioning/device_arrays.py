"""What is remembered of devices, slot by slot: arrays that grow, are freed, and go into a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from positioning.grid import Bools, Floats, Ints


class DeviceArrays:
    """Arrays over slots that grow with the highest slot and are zeroed when a slot is freed.

    A subclass adds arrays as attributes and names them in ``ARRAYS``; their first axis is the slot.

    Attributes:
        live: (N,) whether a slot holds a device.
        heard_ms: (N,) tick in which it was last heard.
        floor: (N, F) probability of each floor.
    """

    ARRAYS: ClassVar[tuple[str, ...]] = ("heard_ms", "floor")

    def __init__(self, floors: int) -> None:
        """Hold nothing yet."""
        self.live: Bools = np.zeros(0, dtype=bool)
        self.heard_ms: Ints = np.zeros(0, dtype=np.int64)
        self.floor: Floats = np.zeros((0, floors))

    def check(self, slots: Ints) -> Ints:
        """Return the slots in order.

        Raises:
            KeyError: a slot holds no device.
        """
        slots = np.sort(np.asarray(slots, dtype=np.int64))
        dead = slots[(slots < 0) | (slots >= len(self.live))]
        if not len(dead):
            dead = slots[~self.live[slots]]
        if len(dead):
            raise KeyError(f"slots {dead[:5].tolist()} hold no device")
        return slots

    def grow(self, capacity: int) -> None:
        """Make room for slots below ``capacity``, at least doubling."""
        old = len(self.live)
        if capacity <= old:
            return
        extra = max(capacity - old, old, 64)
        for name in (*self.ARRAYS, "live"):
            array = getattr(self, name)
            room = np.zeros((extra, *array.shape[1:]), dtype=array.dtype)
            setattr(self, name, np.concatenate((array, room)))

    def make_room(self, slots: Ints, t_ms: int) -> None:
        """Make room for devices heard at ``t_ms``, in slots that ascend and are not negative.

        Raises:
            ValueError: one of them was heard later already.
        """
        self.grow(int(slots[-1]) + 1)
        late = self.live[slots] & (self.heard_ms[slots] > t_ms)
        if late.any():
            raise ValueError(
                f"time went back for {int(late.sum())} devices at {t_ms}: ticks must come in order"
            )

    def forget(self, slots: Ints) -> None:
        """Free slots; those that hold nothing are left alone."""
        slots = np.asarray(slots, dtype=np.int64)
        slots = slots[(slots >= 0) & (slots < len(self.live))]
        for name in (*self.ARRAYS, "live"):
            getattr(self, name)[slots] = 0

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything."""
        slots = np.flatnonzero(self.live)
        return {"slot": slots} | {name: getattr(self, name)[slots] for name in self.ARRAYS}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` gave.

        Raises:
            ValueError: the state is of another kind, or of another number of floors.
        """
        if missing := {"slot", *self.ARRAYS} - state.keys():
            raise ValueError(f"the checkpoint lacks {sorted(missing)}: it was taken by another tracker")
        if state["floor"].shape[1:] != self.floor.shape[1:]:
            raise ValueError(
                f"the checkpoint has floors {state['floor'].shape}, the grid has {self.floor.shape[1]} floors"
            )
        slots = np.asarray(state["slot"], dtype=np.int64)
        self.forget(np.flatnonzero(self.live))
        self.grow(int(slots.max(initial=-1)) + 1)
        for name in self.ARRAYS:
            getattr(self, name)[slots] = state[name]
        self.live[slots] = True
