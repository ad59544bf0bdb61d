"""A mall small enough for tests of the engine: two shops on a corridor, six nodes, and what they hear."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contracts.messages import AddressKind, AgentState, AgentStatus, FrameKind, ObservationBatch
from contracts.site import Site

START_MS = 1_750_000_000_000
NODE_XY = {"n1": (4, 4), "n2": (20, 4), "n3": (36, 4), "n4": (4, 18), "n5": (20, 18), "n6": (36, 18)}


def _area(x0: float, y0: float, x1: float, y1: float) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [[(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]]}


def small_mall(**sections: Mapping[str, object]) -> Site:
    """Return the site; sections such as `tracking` replace the defaults."""
    zones = [
        {"id": "west", "name": "West", "kind": "shop", "area": _area(0, 8, 18, 22)},
        {"id": "east", "name": "East", "kind": "shop", "area": _area(22, 8, 40, 22)},
        {"id": "hall", "name": "Hall", "kind": "corridor", "area": _area(0, 0, 40, 8)},
    ]
    floor = {"id": "F1", "name": "Floor", "level": 1, "outline": _area(0, 0, 40, 22), "zones": zones}
    nodes = [{"id": node, "floor": "F1", "x_m": x, "y_m": y} for node, (x, y) in NODE_XY.items()]
    return Site.model_validate(
        {
            "version": 1,
            "mall": {"id": "small", "name": "Small"},
            "georeference": {"lat": 30, "lon": 120},
            "floors": [floor],
            "nodes": nodes,
            **sections,
        }
    )


@dataclass(frozen=True)
class Sighting:
    """One frame as one node heard it."""

    node: str
    t_ms: int
    device: str
    rssi_dbm: int


def device(number: int) -> str:
    """Return a pseudonym."""
    return f"{number:016x}"


def standing(
    number: int, xy_m: tuple[float, float], seconds: Iterable[float], *, seed: int = 0
) -> list[Sighting]:
    """Return what the nodes hear of a device that stands still and sends at these seconds."""
    random = np.random.default_rng((seed, number))
    heard = []
    for second in seconds:
        for node, (x, y) in NODE_XY.items():
            distance = float(np.hypot(np.hypot(x - xy_m[0], y - xy_m[1]), 2.0))
            level = -38.0 - 30.0 * np.log10(distance) + random.normal(0, 2.0)
            heard.append(Sighting(node, START_MS + round(second * 1000), device(number), round(level)))
    return heard


def batch(
    node: str, watermark_ms: int, sightings: Sequence[Sighting] = (), *, seq: int = 0
) -> ObservationBatch:
    """Return a batch as the node sends it."""
    count = len(sightings)
    return ObservationBatch(
        node=node,
        boot="0" * 16,
        seq=seq,
        watermark_ms=watermark_ms,
        t_ms=[sighting.t_ms for sighting in sightings],
        device=[sighting.device for sighting in sightings],
        address_kind=[AddressKind.RANDOM] * count,
        rssi_dbm=[sighting.rssi_dbm for sighting in sightings],
        channel=[6] * count,
        frame_kind=[FrameKind.PROBE] * count,
        sequence=[-1] * count,
        elements=[""] * count,
    )


def batches(sightings: Sequence[Sighting], until_s: int, *, step_s: int = 1) -> list[ObservationBatch]:
    """Return the batches of all nodes in order of time, one per node and step, heartbeats included."""
    cut = []
    for second in range(step_s, until_s + 1, step_s):
        end_ms = START_MS + second * 1000
        for node in NODE_XY:
            part = [s for s in sightings if s.node == node and end_ms - step_s * 1000 <= s.t_ms < end_ms]
            cut.append(batch(node, end_ms, part, seq=second))
    return cut


def everybody(state: AgentState = AgentState.ONLINE, nodes: Iterable[str] = NODE_XY) -> AgentStatus:
    """Return the status of an agent that speaks for these nodes."""
    return AgentStatus(agent="agent", nodes=list(nodes), state=state, since_ms=START_MS)
