"""A small car park for tests: two areas, an entrance, an exit, a ramp, and what their cameras say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.events import CarEvent, CarParkEvent, EventKind
from contracts.plates import Direction, PlateChange, PlateRead
from contracts.site import Site
from edge_agent.plate_hashes import PlateHashes
from edge_agent.pseudonym import KEY_BYTES
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import PlateSighting
from gateway.parking.car_park import CarPark
from gateway.parking.report import ParkingTick
from tests.gateway.small_mall import NODE_XY, small_mall

START_MS = 1_750_032_000_000
"""Eight in the morning in Shanghai."""
SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
HASHES = PlateHashes(bytes(range(KEY_BYTES)), SaltRotation("Asia/Shanghai"), province="浙")
CAMERAS = {"car-in": ["in"], "car-out": ["out"], "ramp": ["in"], "both": ["in", "out"]}


def site_with_car_park(**more: Any) -> Site:
    """Return the small mall with a car park of 40 and 20 spaces, and a node `gate` with four cameras."""
    nodes: list[dict[str, Any]] = [
        {"id": node, "floor": "F1", "x_m": x, "y_m": y} for node, (x, y) in NODE_XY.items()
    ]
    cameras = [
        {"id": name, "lanes": [{"id": way, "direction": way} for way in ways]}
        for name, ways in CAMERAS.items()
    ]
    nodes.append({"id": "gate", "floor": "F1", "x_m": 1, "y_m": 1, "cameras": cameras})
    car_park = {
        "areas": [
            {"id": "P1", "name": "Upper", "level": "B1", "capacity": 40},
            {"id": "P2", "name": "Lower", "level": "B2", "capacity": 20},
        ],
        "gates": [
            {"camera": "car-in", "area": "P1"},
            {"camera": "car-out", "area": "P1"},
            {"camera": "ramp", "area": "P2", "from": "P1"},
        ],
        **more,
    }
    return small_mall(nodes=nodes, car_park=car_park)  # type: ignore[arg-type]


def car_park(**more: Any) -> CarPark:
    """Return its car park."""
    site = site_with_car_park(**more)
    assert site.car_park is not None
    return CarPark(site, site.car_park)


@dataclass(frozen=True)
class Pass:
    """A car that passes a camera."""

    t_s: float
    camera: str
    plate: str
    confidence: float = 0.99
    direction: str = ""
    """Empty: as the camera's lane leads."""
    other: str = ""
    """What it may be instead."""


def reads(number: int, passed: Pass) -> list[PlateRead]:
    """Return what is said of a passage: when it begins, and four seconds later when it ends."""
    t_ms = START_MS + round(passed.t_s * 1000)
    candidates: tuple[tuple[str, float], ...] = ((passed.plate, passed.confidence),)
    if passed.other:
        candidates += ((passed.other, 1 - passed.confidence),)
    way = Direction(passed.direction or CAMERAS[passed.camera][0])
    return [
        HASHES.read(PlateSighting(f"{number:016x}", change, moment, passed.camera, way, candidates))
        for change, moment in ((PlateChange.NEW, t_ms), (PlateChange.END, t_ms + 4_000))
    ]


def all_reads(passages: Iterable[Pass]) -> list[PlateRead]:
    """Return what is said of passages, in order of time."""
    said = [read for number, passed in enumerate(passages, 1) for read in reads(number, passed)]
    return sorted(said, key=lambda read: read.t_ms)


def play(park: CarPark, passages: Sequence[Pass], until_s: float, *, step_s: float = 10) -> list[ParkingTick]:
    """Feed passages and return the ticks up to `until_s` after the start."""
    coming = all_reads(passages)
    ticks = []
    for number in range(int(until_s / step_s) + 1):
        t_ms = START_MS + round(number * step_s * 1000)
        while coming and coming[0].t_ms < t_ms:
            park.feed(coming.pop(0))
        ticks.append(park.step(t_ms))
    return ticks


def events(ticks: Iterable[ParkingTick], kind: EventKind | None = None) -> list[CarEvent | CarParkEvent]:
    """Return the events in ticks, of one kind or all."""
    return [event for tick in ticks for event in tick.events if kind is None or event.kind is kind]


def left(ticks: Iterable[ParkingTick]) -> list[CarEvent]:
    """Return the stays that ended."""
    return [event for event in events(ticks, EventKind.CAR_LEFT) if isinstance(event, CarEvent)]
