"""Who is in the mall when pseudonyms change goes on under the former one: one device, one visit, one path.

A node says the former pseudonym of an address that it heard shortly before the change. It is taken for the
address's name as long as its device is there, and then forgotten. Nobody is handed over twice: who is still
there at the next change becomes a new device, so that nobody is followed for longer than two periods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gateway.engine.join import Columns

Bools = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]

_NONE = np.uint64(0)


class HandOver:
    """Pseudonyms of today (N,), ascending, and those from before the change that they go on from."""

    def __init__(self) -> None:
        """Start with none."""
        self._today: Keys = np.zeros(0, dtype=np.uint64)
        self._former: Keys = np.zeros(0, dtype=np.uint64)

    def __len__(self) -> int:
        """Return how many go on under a former pseudonym."""
        return len(self._today)

    def take(self, columns: Columns, known: Callable[[Keys], Bools]) -> Columns:
        """Return a tick's observations with former pseudonyms in place of those that go on from them.

        ``known`` tells of pseudonyms (N,) which are of devices that are there.
        """
        if len(self._former):
            there = known(self._former)
            self._today, self._former = self._today[there], self._former[there]
        self._learn(columns, known)
        if not len(self._today) or not len(columns):
            return columns
        address = self.names(columns.address)
        order = np.lexsort((columns.rssi_dbm, columns.t_ms, columns.receiver, address))
        return replace(columns, address=address).where(order)

    def names(self, addresses: Keys) -> Keys:
        """Return under which pseudonyms addresses (N,) are known: the former ones of those that go on."""
        if not len(self._today):
            return addresses
        at = np.minimum(np.searchsorted(self._today, addresses), len(self._today) - 1)
        return np.where(self._today[at] == addresses, self._former[at], addresses)

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of everything, for a checkpoint."""
        return {"today": self._today.copy(), "former": self._former.copy()}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` returned.

        Raises:
            KeyError: an array is missing.
        """
        self._today, self._former = state["today"].astype(np.uint64), state["former"].astype(np.uint64)

    def _learn(self, columns: Columns, known: Callable[[Keys], Bools]) -> None:
        """Take in who says what it was called before."""
        told = columns.formerly != _NONE
        if not told.any():
            return
        former, first = np.unique(columns.formerly[told], return_index=True)
        today = columns.address[told][first]
        new = known(former) & ~np.isin(former, self._today) & ~np.isin(former, self._former)
        new &= ~np.isin(today, self._today)
        today, first = np.unique(np.concatenate((self._today, today[new])), return_index=True)
        self._today, self._former = today, np.concatenate((self._former, former[new]))[first]
