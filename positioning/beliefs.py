"""What is remembered of devices between their readings, slot by slot; memory per device is bounded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from positioning.device_arrays import DeviceArrays
from positioning.grid import Floats, Ints
from positioning.likelihood import Floats32

KEPT_TILES = 32  # of 16 cells each: some 2,000 square metres at 2 m


class Beliefs(DeviceArrays):
    """Beliefs over cells.

    Attributes:
        xy_m: (N, 2) position.
        cov_m2: (N, 2, 2) covariance of the belief.
        alike: (N,) correlation of the errors of its last two readings.
        offset_db: (N,) offset of the device's level from the radio map's.
        offset_db2: (N,) its variance.
        tile: (N, K) likeliest tiles; where there are fewer, the first is repeated.
        share: (N, K, S) probability of their cells beside the likeliest one's.
        outside: (N,) probability of being outside the mall; all of the above is for those inside.
        ring: (N, P) of those outside, probability of places there beside the likeliest one's.
        ring_offset_db: (N,) of those outside, offset of the device's level and its facade's.
        ring_offset_db2: (N,) its variance.
    """

    ARRAYS = (
        *(*DeviceArrays.ARRAYS, "xy_m", "cov_m2", "alike", "offset_db", "offset_db2", "tile", "share"),
        *("outside", "ring", "ring_offset_db", "ring_offset_db2"),
    )

    def __init__(self, floors: int, places: int, ring: int) -> None:
        """Hold nothing yet.

        Args:
            floors: number of floors.
            places: number of places in a tile.
            ring: number of places outside.
        """
        super().__init__(floors)
        self.xy_m: Floats = np.zeros((0, 2))
        self.cov_m2: Floats = np.zeros((0, 2, 2))
        self.alike: Floats = np.zeros(0)
        self.offset_db: Floats = np.zeros(0)
        self.offset_db2: Floats = np.zeros(0)
        self.tile = np.zeros((0, KEPT_TILES), dtype=np.uint16)
        self.share = np.zeros((0, KEPT_TILES, places), dtype=np.float16)
        self.outside: Floats = np.zeros(0)
        self.ring = np.zeros((0, ring), dtype=np.float16)
        self.ring_offset_db: Floats = np.zeros(0)
        self.ring_offset_db2: Floats = np.zeros(0)

    def keep(self, slots: Ints, device: Ints, tile: Ints, posterior: Floats32) -> None:
        """Keep the likeliest tiles of devices.

        Args:
            slots: (N,) of the devices.
            device: (P,) row among ``slots``.
            tile: (P,) evaluated for it, each once.
            posterior: (P, S) of its cells; sums to one for each device.
        """
        mass = posterior.sum(axis=1)
        order = np.lexsort((tile, -mass, device))
        device, tile = device[order], tile[order]
        first = np.searchsorted(device, device)
        rank = np.arange(len(device)) - first
        kept = rank < KEPT_TILES
        device, tile, rank = device[kept], tile[kept], rank[kept]
        share = posterior[order[kept]]
        top = np.zeros(len(slots), dtype=np.float32)
        np.maximum.at(top, device, share.max(axis=1))
        # The greatest is one: half precision holds shares down to a ten-millionth of it.
        share /= top[device, None]
        self.tile[slots], self.share[slots] = tile[rank == 0, None], share[rank == 0, None]
        self.tile[slots[device], rank], self.share[slots[device], rank] = tile, share

    def kept(self, slots: Ints) -> tuple[Ints, Floats32]:
        """Return tiles (N, K) of devices and probabilities (N, K, S) of their cells, in no unit."""
        return self.tile[slots].astype(np.int64), self.share[slots].astype(np.float32)

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Replace everything by what :meth:`state` gave.

        Raises:
            ValueError: the state is of another kind, or of another number of floors or places outside.
        """
        if "ring" in state and state["ring"].shape[1:] != self.ring.shape[1:]:
            raise ValueError(
                f"the checkpoint has places outside {state['ring'].shape}, expected {self.ring.shape[1]}"
            )
        super().restore(state)
