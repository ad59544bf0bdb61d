"""The car park of the simulated mall, and the ways through any car park of a site file."""

from typing import NamedTuple

import numpy as np

from contracts.errors import ConfigurationError
from contracts.plates import Direction
from contracts.site import Site
from simulators import mall

PROVINCE = "浙"


def car_park_site() -> Site:
    """Give the simulated mall with a car park of two levels and four cameras at three nodes."""
    values = mall.site().model_dump(mode="json", by_alias=True)
    values["mall"]["province"] = PROVINCE
    values["nodes"] += [
        _node("gate-n", 60.0, 47.0, ("north-in", "in", "down"), ("north-out", "out", "up")),
        _node("gate-s", -9.0, -47.0, ("south-in", "in", "down"), ("south-out", "out", "up")),
        _node("ramp", -50.0, 20.0, ("ramp-down", "in", "down"), ("ramp-up", "out", "down")),
    ]
    gates = [
        {"camera": f"{side}-{way}", "area": "P1"} for side in ("north", "south") for way in ("in", "out")
    ]
    gates += [{"camera": name, "area": "P2", "from": "P1"} for name in ("ramp-down", "ramp-up")]
    values["car_park"] = {
        "areas": [
            {"id": "P1", "name": {"en": "Upper level", "zh": "上层"}, "level": "B1", "capacity": 320},
            {"id": "P2", "name": {"en": "Lower level", "zh": "下层"}, "level": "B2", "capacity": 260},
        ],
        "gates": gates,
    }
    return Site.model_validate(values)


def _node(name: str, x_m: float, y_m: float, *cameras: tuple[str, str, str]) -> dict[str, object]:
    return {
        "id": name,
        "floor": mall.site().floors[0].id,
        "x_m": x_m,
        "y_m": y_m,
        "cameras": [
            {"id": camera, "lanes": [{"id": "lane", "direction": direction, "heading": heading}]}
            for camera, direction, heading in cameras
        ],
    }


class Step(NamedTuple):
    """A camera that is passed, and which way."""

    node: str
    camera: str
    lane: str
    direction: Direction


class _Gate(NamedTuple):
    area: str
    outside: str | None
    step: Step


class Ways:
    """Which cameras a car passes on its way into an area and out of it."""

    def __init__(self, site: Site) -> None:
        """Take the gates of a site.

        Raises:
            ConfigurationError: it has no car park.

        """
        if site.car_park is None:
            raise ConfigurationError(
                f"mall {site.mall.id} has no car park",
                "Add `car_park:` to the site file (docs/site-file.md).",
            )
        cameras = {camera.id: (node.id, camera) for node in site.nodes for camera in node.cameras}
        self.areas = {area.id: area.capacity for area in site.car_park.areas}
        self._gates: list[_Gate] = []
        for gate in site.car_park.gates:
            node, camera = cameras[gate.camera]
            self._gates += [
                _Gate(gate.area, gate.from_, Step(node, camera.id, lane.id, Direction(lane.direction.value)))
                for lane in camera.lanes
            ]

    def into(self, area: str, rng: np.random.Generator) -> list[Step]:
        """Draw a shortest way from the street into an area."""
        return self._way(area, Direction.IN, rng)

    def out_of(self, area: str, rng: np.random.Generator) -> list[Step]:
        """Draw a shortest way from an area to the street."""
        return self._way(area, Direction.OUT, rng)[::-1]

    def _way(self, area: str, direction: Direction, rng: np.random.Generator) -> list[Step]:
        """Walk back from the area to the street, breadth first; give the way from the street."""
        waiting: list[tuple[str, list[Step]]] = [(area, [])]
        seen = {area}
        while waiting:
            here, way = waiting.pop(0)
            gates = [gate for gate in self._gates if gate.area == here and gate.step.direction is direction]
            for gate in (gates[i] for i in rng.permutation(len(gates))):
                if gate.outside is None:
                    return [gate.step, *way]
                if gate.outside not in seen:
                    seen.add(gate.outside)
                    waiting.append((gate.outside, [gate.step, *way]))
        raise ConfigurationError(
            f"no camera sees cars that drive {direction} between the street and area {area}",
            "Give a gate on the way a camera with a lane of that direction.",
        )
