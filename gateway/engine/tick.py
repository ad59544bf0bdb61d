"""What the engine says at the end of each tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from contracts.events import PathEvent, VisitEvent
from gateway.parking.report import ParkingTick

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LIKELY = 0.5
"""Devices at least as likely to be there as this are shown one by one; sums count each by its probability.
Those less likely inside than outside are there for nobody."""


@dataclass(frozen=True)
class Tracks:
    """The D devices in the mall and around it, as columns.

    Attributes:
        device: D pseudonyms.
        floor: (D,) index of the floor, in the order of the site.
        xy_m: (D, 2) position at the end of the tick.
        cov_m2: (D, 2, 2) its covariance; grows while a device is silent.
        heard: (D,) whether the device was heard in this tick.
        presence: (D,) probability that its owner is still there and is not counted under another address;
            zero of devices outside.
        outside: (D,) whether it was outside the mall when last heard, more likely than not.
    """

    device: list[str]
    floor: Ints
    xy_m: Floats
    cov_m2: Floats
    heard: Bools
    presence: Floats
    outside: Bools

    def __len__(self) -> int:
        """Return the number of devices."""
        return len(self.device)

    def likely(self, floor: int) -> Ints:
        """Return the rows of the devices on a floor that are more likely there than not."""
        return np.flatnonzero((self.floor == floor) & (self.presence >= LIKELY))


@dataclass(frozen=True)
class Occupancy:
    """People in each of Z zones, in the order of ``site.zones()``: (Z,) expected, and (Z,) variance."""

    expected: Floats
    variance: Floats


@dataclass(frozen=True)
class Cells:
    """Expected devices per heat cell, for the cells that have any, smeared by the positions' covariance.

    Attributes:
        floor: (C,) index of the floor.
        index: (C,) ``iy * nx + ix`` on the engine's ``heat_grid``.
        weight: (C,) expected devices.
    """

    floor: Ints
    index: Ints
    weight: Floats


@dataclass(frozen=True)
class Decided:
    """Whose L addresses were found to be in a tick: those that are new, and those found to be another's.

    Attributes:
        address: L pseudonyms.
        device: L pseudonyms: the first address that the device was heard under.
        confidence: (L,) how likely that is; nan of addresses that were taken from another device.
        apart: (L,) whether it was kept apart: it is a phone's that was there before, nobody can tell whose.
    """

    address: list[str]
    device: list[str]
    confidence: Floats
    apart: Bools


NOTHING_DECIDED = Decided([], [], np.zeros(0), np.zeros(0, dtype=bool))


class Sighting(Struct, frozen=True, kw_only=True):
    """A member's phone was heard, or one that was heard has turned out to be another device."""

    t_ms: int
    address: str
    """Its pseudonym as the engine knows it: the former one where it went on from that."""
    device: str
    """What events call the device that the address is taken for."""
    digest: str
    """Of the address, with the mall's key; empty = as said before of this address, and the device is new."""
    confidence: float
    """That the address is this device's."""


@dataclass(frozen=True)
class Tick:
    """The mall at ``t_ms``, from everything heard before.

    Attributes:
        t_ms: end of the tick.
        tracks: where devices are.
        occupancy: how many are in each zone.
        cells: the heat map.
        events: visits and paths that changed, in an order that is always the same.
        present: expected people with a phone in the mall: devices, each as likely as it is still there.
        present_variance: its variance.
        decided: whose addresses are, as far as that was decided in this tick.
        parking: the car park; None where the mall has none.
        sightings: of members' phones, what is new; always none where the mall has no CRM.
    """

    t_ms: int
    tracks: Tracks
    occupancy: Occupancy
    cells: Cells
    events: list[VisitEvent | PathEvent]
    present: float
    present_variance: float
    decided: Decided = NOTHING_DECIDED
    parking: ParkingTick | None = None
    sightings: Sequence[Sighting] = ()
