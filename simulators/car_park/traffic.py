"""Cars that drive through two lanes in front of a camera: who is where at every moment."""

from dataclasses import dataclass, field

import numpy as np

from contracts.plates import Direction
from simulators.car_park.fleet import Plate, random_plate

LANES = {"entry": Direction.IN, "exit": Direction.OUT}
LANE_X_M = {"entry": -1.75, "exit": 1.75}
FAR_M, NEAR_M = 17.0, 2.2
"""Between these distances a car's plate is drawn; where it fills the picture's lower edge it leaves it."""
BARRIER_M = 4.3
"""Where cars of the entry stop with their front."""
LENGTH_M, GAP_M = 4.4, 1.3
"""Of a car, and to the car before it in a queue."""
ACCELERATION_MS2 = 2.0
STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Look:
    """What is particular about a car: drawn once."""

    colour: tuple[int, int, int]
    dirt: float
    side_m: float
    """How far beside the middle of the lane it drives."""
    yaw_deg: float
    tilt_deg: float
    """How its plate is bent back."""
    plate_light: float
    """How bright its plate is beside its surroundings."""
    seed: int


@dataclass(slots=True)
class Car:
    """A car on its way through a lane; `z_m` is the distance of its plate."""

    passage: int
    lane: str
    plate: Plate
    look: Look
    speed_ms: float
    stops_s: float
    appears_s: float
    z_m: float
    v_ms: float
    stopped_s: float = 0.0

    @property
    def in_view(self) -> bool:
        """Whether its plate can be seen."""
        return NEAR_M < self.z_m < FAR_M


@dataclass(slots=True)
class Traffic:
    """The cars of both lanes, moved step by step; the same seed gives the same cars."""

    rng: np.random.Generator
    passages: int
    mean_gap_s: float = 5.0
    waiting: dict[str, list[Car]] = field(default_factory=dict)
    driving: dict[str, list[Car]] = field(default_factory=dict)
    now_s: float = 0.0

    def __post_init__(self) -> None:
        starts = dict.fromkeys(LANES, 1.0)
        self.waiting = {lane: [] for lane in LANES}
        self.driving = {lane: [] for lane in LANES}
        for passage in range(self.passages):
            lane = list(LANES)[passage % 2]
            starts[lane] += 1.0 + float(self.rng.exponential(2 * self.mean_gap_s))
            self.waiting[lane].append(self._car(passage, lane, starts[lane]))

    @property
    def done(self) -> bool:
        """Whether the last car has left."""
        return not any(self.waiting.values()) and not any(self.driving.values())

    def advance(self, to_s: float) -> list[Car]:
        """Move all cars up to a moment; give those in view, the farthest first."""
        while self.now_s < to_s:
            self.now_s += STEP_S
            for lane in LANES:
                self._step(lane)
        seen = [car for cars in self.driving.values() for car in cars if car.in_view]
        return sorted(seen, key=lambda car: -car.z_m)

    def _step(self, lane: str) -> None:
        inwards = lane == "entry"
        waiting, driving = self.waiting[lane], self.driving[lane]
        if waiting and waiting[0].appears_s <= self.now_s and self._has_room(lane):
            driving.append(waiting.pop(0))
        for i, car in enumerate(driving):
            room_m = self._room_m(car, driving[i - 1] if i else None, inwards=inwards)
            # As fast as it can still brake from, and as it likes to.
            wanted_ms = min(car.speed_ms, max(2 * ACCELERATION_MS2 * room_m, 0.0) ** 0.5)
            change = np.clip(wanted_ms - car.v_ms, -4 * ACCELERATION_MS2 * STEP_S, ACCELERATION_MS2 * STEP_S)
            car.v_ms = max(car.v_ms + float(change), 0.0)
            car.z_m += car.v_ms * STEP_S * (-1 if inwards else 1)
            if inwards and car.stopped_s < car.stops_s and car.z_m - BARRIER_M < 0.4:
                car.stopped_s += STEP_S
        self.driving[lane] = [
            car for car in driving if (car.z_m > NEAR_M - LENGTH_M - 2 if inwards else car.z_m < FAR_M + 4)
        ]

    def _has_room(self, lane: str) -> bool:
        if not self.driving[lane]:
            return True
        last = self.driving[lane][-1]
        return last.z_m < FAR_M - 2 if lane == "entry" else last.z_m > NEAR_M + 4

    @staticmethod
    def _room_m(car: Car, ahead: Car | None, *, inwards: bool) -> float:
        """Give how far it may drive: up to the car before it, up to the barrier while that is down."""
        room_m = 100.0
        if ahead is not None:
            apart_m = car.z_m - ahead.z_m if inwards else ahead.z_m - car.z_m
            room_m = apart_m - LENGTH_M - GAP_M
        if inwards and car.stopped_s < car.stops_s and car.z_m > BARRIER_M - 0.5:
            room_m = min(room_m, car.z_m - BARRIER_M)
        return room_m

    def _car(self, passage: int, lane: str, appears_s: float) -> Car:
        rng = self.rng
        speed_ms = float(rng.uniform(1.8, 4.5))
        stops = lane == "entry" and rng.random() < 0.5
        return Car(
            passage=passage,
            lane=lane,
            plate=random_plate(rng),
            look=_look(rng),
            speed_ms=speed_ms,
            stops_s=float(rng.uniform(1.0, 5.0)) if stops else 0.0,
            appears_s=appears_s,
            z_m=FAR_M + 3 if lane == "entry" else NEAR_M - 1.5,
            v_ms=speed_ms,
        )


_COLOURS = ((225, 225, 225), (40, 38, 36), (120, 120, 125), (60, 50, 150), (120, 70, 40), (200, 205, 210))
"""Of cars; white, black and grey are four of five."""


def _look(rng: np.random.Generator) -> Look:
    dirt = float(
        rng.choice([rng.uniform(0, 0.15), rng.uniform(0.15, 0.5), rng.uniform(0.5, 0.9)], p=[0.75, 0.2, 0.05])
    )
    return Look(
        colour=_COLOURS[rng.integers(len(_COLOURS))],
        dirt=dirt,
        side_m=float(rng.normal(0, 0.15)),
        yaw_deg=float(rng.normal(0, 4)),
        tilt_deg=float(rng.normal(0, 5)),
        plate_light=float(rng.uniform(0.75, 1.15)),
        seed=int(rng.integers(2**31)),
    )
