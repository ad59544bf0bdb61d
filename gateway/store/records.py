"""What a gateway keeps, as plain records; no store's words in them."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from contracts.control import CarParkCount
from contracts.messages import AgentStatus, ObservationBatch

WHOLE_MALL = "mall"
"""Stands where a zone's id would stand for figures of the whole mall, as in the topic of a path."""

PASSED_BY = "mall:outside"
"""Stands where a zone's id would stand for those who were near the mall and never in it."""

WHOLE_CAR_PARK = "car-park"
"""Stands where an area's id would stand for figures of the whole car park."""

MINUTE_MS = 60_000


def whole_floor(floor: str) -> str:
    """Stands where a zone's id would stand for figures of a whole floor; no id has a colon."""
    return f"floor:{floor}"


@dataclass(frozen=True, slots=True)
class Input:
    """One message that the engine is fed with, and what it was on the wire."""

    message: ObservationBatch | AgentStatus | CarParkCount
    payload: bytes


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay of one device in one zone, as last heard of."""

    visit: str
    device: str
    zone: str
    floor: str
    started_ms: int
    seen_ms: int
    ended_ms: int | None
    """None while the visit is open."""
    dwell_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Path:
    """One stay of one device in the mall; its steps are the JSON of `contracts.events.PathStep` in order."""

    path: str
    device: str
    started_ms: int
    ended_ms: int
    steps: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the feed shows it, and the CloudEvent to publish."""

    cursor: int
    """Counts events in the order in which they happened, from 1."""
    id: str
    """The CloudEvent's id: the same event has it again after a restart."""
    kind: str
    t_ms: int
    zone: str
    floor: str
    visit: str
    dwell_s: float
    payload: bytes = b""
    """JSON of the CloudEvent; dropped by the store once it is published."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the devices of a floor were estimated to be at `t_ms`; entry i of each column is one device."""

    t_ms: int
    floor: str
    device: list[str]
    xy_m: npt.NDArray[np.float64]
    """Shape (D, 2)."""
    cov_m2: npt.NDArray[np.float64]
    """Shape (D, 2, 2)."""


@dataclass(frozen=True, slots=True)
class ZoneMinute:
    """Who was in a zone during one minute; zone `WHOLE_MALL` is the mall."""

    minute_ms: int
    zone: str
    people_mean: float
    """Mean over the minute's ticks of the expected number of people."""
    people_max: float
    variance_mean: float
    """Mean over the minute's ticks of the variance of the number of people."""
    started: int = 0
    """Visits that started in this minute; for the mall: devices that arrived; for `PASSED_BY`: those given up
    without having been inside."""
    ended: int = 0


@dataclass(frozen=True, slots=True)
class CellGrid:
    """The cells of a floor's heat map: index = iy * nx + ix, rows from the bottom."""

    cell_m: float
    x0_m: float
    y0_m: float
    nx: int
    ny: int

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.nx * self.ny


@dataclass(frozen=True, slots=True)
class CellMinute:
    """Expected device-seconds in each cell of a floor during one minute; empty cells are left out."""

    minute_ms: int
    floor: str
    grid: CellGrid
    index: npt.NDArray[np.int32]
    """Shape (C,), ascending."""
    device_s: npt.NDArray[np.float32]
    """Shape (C,)."""


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What was last heard of a node."""

    node: str
    last_ms: int
    """Its newest watermark, event time."""
    health: bytes = b""
    """JSON of its newest `NodeHealth`; empty = none yet."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay of one car in the car park, as last heard of."""

    stay: str
    plate: str
    """Keyed hash of its plate as first read."""
    area: str
    """The area it was last known to be in."""
    started_ms: int
    """When it entered or, where that was not seen, was first read: never changes."""
    seen_ms: int
    """When its plate was last read."""
    entered_ms: int | None
    """None where its entry was not seen."""
    left_ms: int | None
    """None while it is there, or where its exit was not seen."""
    confidence: float
    """That entry and exit are of one car; while it is there, that its plate was read right."""
    region: str = "unknown"
    """`local`, `other` or `unknown`: where it is registered, coarsely."""
    energy: str = "unknown"
    """`combustion`, `new_energy` or `unknown`."""


@dataclass(frozen=True, slots=True)
class CarParkMinute:
    """How full an area of the car park was during one minute; area `WHOLE_CAR_PARK` is all of it."""

    minute_ms: int
    area: str
    cars_mean: float
    """Mean over the minute of the expected number of cars."""
    cars_max: float
    variance_mean: float
    """Mean over the minute of the variance of the number of cars."""
    entered: int = 0
    left: int = 0
    queue_mean: float = 0.0
    """Mean over the minute of the number of cars that wait at its entrances."""


@dataclass(frozen=True, slots=True)
class CrmItem:
    """Something that the CRM has to know of."""

    EVENT: ClassVar = "event"
    """JSON of a CloudEvent of `contracts.events`."""
    SIGHTING: ClassVar = "sighting"
    """JSON of `gateway.engine.tick.Sighting`."""
    AFRESH: ClassVar = "afresh"
    """The engine's state is lost: of visits that were open, no end will come. Without a payload."""

    kind: str
    payload: bytes


@dataclass(slots=True)
class Outputs:
    """Everything some ticks gave, to be written at once."""

    visits: dict[str, Visit] = field(default_factory=dict)
    """By visit id: of several states of one visit only the newest is kept."""
    paths: list[Path] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    positions: list[Positions] = field(default_factory=list)
    zone_minutes: list[ZoneMinute] = field(default_factory=list)
    cell_minutes: list[CellMinute] = field(default_factory=list)
    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    stays: dict[str, Stay] = field(default_factory=dict)
    """By stay id: of several states of one stay only the newest is kept."""
    car_park_minutes: list[CarParkMinute] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    """Ids of events that the broker has taken."""
    crm: list[CrmItem] = field(default_factory=list)
    """For the CRM, in order; empty where the mall has none."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state to go on from: everything up to `position` of the journal is in it."""

    position: int
    """Of the last journal entry that the state has seen; 0 = none."""
    t_ms: int
    """Event time of the last tick."""
    next_cursor: int
    site: str
    """Digest of the site that the state belongs to."""
    engine: bytes
    recorder: bytes


Heat = tuple[CellGrid, npt.NDArray[np.float64]]
"""A grid, and one value for each of its cells."""
