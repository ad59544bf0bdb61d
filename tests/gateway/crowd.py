"""A small mall and people in it who never change: the same batches, to the byte, in every run."""

import numpy as np

from contracts.messages import AddressKind, AgentState, AgentStatus, FrameKind, ObservationBatch
from contracts.site import Site
from contracts.topics import Topics

START_MS = 1_760_000_400_000
"""A Thursday, 17:00 in Shanghai."""

BOOT = "00000000000000aa"
AGENT = "all"


def rectangle(x0: float, y0: float, x1: float, y1: float) -> dict[str, object]:
    """A GeoJSON polygon."""
    return {"type": "Polygon", "coordinates": [[(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]]}


def small_site(mall: str = "small", *, k: int = 2) -> Site:
    """Two floors of 60 m x 40 m with two rows of three shops and a corridor each, and six nodes a floor."""
    floors, nodes = [], []
    for level in (1, 2):
        zones = [
            {
                "id": f"S{level}{i}",
                "name": {"en": f"Shop {i}", "zh": f"商店{i}"},
                "kind": "shop",
                "area": rectangle(20 * (i % 3), 25 * (i // 3), 20 * (i % 3) + 20, 25 * (i // 3) + 15),
            }
            for i in range(6)
        ]
        zones.append({"id": f"C{level}", "name": "Way", "kind": "corridor", "area": rectangle(0, 15, 60, 25)})
        floors.append(
            {
                "id": f"F{level}",
                "name": f"Floor {level}",
                "level": level,
                "elevation_m": 5.0 * (level - 1),
                "outline": rectangle(0, 0, 60, 40),
                "zones": zones,
            }
        )
        nodes += [
            {"id": f"n{level}{i}", "floor": f"F{level}", "x_m": 10 + 20 * (i % 3), "y_m": 10 + 20 * (i // 3)}
            for i in range(6)
        ]
    return Site.model_validate(
        {
            "version": 1,
            "mall": {"id": mall, "name": "Small"},
            "georeference": {"lat": 31.2, "lon": 121.5},
            "floors": floors,
            "nodes": nodes,
            "tracking": {"vanish_s": 60.0},
            "visits": {"min_dwell_s": 15.0, "reentry_s": 20.0},
            "privacy": {"k": k},
        }
    )


def status(site: Site, state: AgentState = AgentState.ONLINE) -> AgentStatus:
    """The birth of an agent that speaks for all nodes."""
    return AgentStatus(agent=AGENT, nodes=[n.id for n in site.nodes], state=state, since_ms=START_MS)


def stream(site: Site, *, people: int, seconds: int, seed: int = 1) -> list[tuple[str, ObservationBatch]]:
    """Topics and batches, one batch a node and second, in order of time.

    People stand in one shop for a while, walk straight to another one, and leave in the end; each is heard by
    every node of both floors about every other second, by the textbook's path loss and 4 dB of noise.
    """
    rng = np.random.default_rng(seed)
    topics = Topics(site.mall.id)
    heard_at = np.array([(n.x_m, n.y_m, 5.0 * (n.floor == "F2") + 3.0) for n in site.nodes])
    shops = np.array([(20 * (i % 3) + 10.0, 25 * (i // 3) + 7.5) for i in range(6)])
    homes = rng.integers(0, 6, (people, 1 + seconds // 60))
    level = rng.integers(0, 2, people)
    gone_s = rng.integers(seconds // 2, seconds * 2, people)
    names = [f"{number:016x}" for number in rng.integers(0, 2**62, people).tolist()]
    messages = []
    for second in range(seconds):
        stay, into = divmod(second, 60)
        here, there = shops[homes[:, stay]], shops[homes[:, min(stay + 1, homes.shape[1] - 1)]]
        xy = here + (there - here) * max(0.0, (into - 40) / 20)
        xyz = np.column_stack((xy, 5.0 * level + 1.0))
        distance = np.linalg.norm(xyz[:, None, :] - heard_at[None, :, :], axis=2)
        rssi = -40.0 - 30.0 * np.log10(np.maximum(distance, 1.0)) + rng.normal(0.0, 4.0, distance.shape)
        talks = (rng.random((people, 1)) < 0.5) & (second < gone_s)[:, None] & (rssi > -92.0)
        for number, node in enumerate(site.nodes):
            rows = np.flatnonzero(talks[:, number]).tolist()
            at_ms = START_MS + 1000 * second
            batch = ObservationBatch(
                node=node.id,
                boot=BOOT,
                seq=second,
                watermark_ms=at_ms + 1000,
                t_ms=[at_ms + 17 * (i % 50) for i in rows],
                device=[names[i] for i in rows],
                address_kind=[AddressKind.RANDOM] * len(rows),
                rssi_dbm=[round(rssi[i, number]) for i in rows],
                channel=[6] * len(rows),
                frame_kind=[FrameKind.PROBE] * len(rows),
                sequence=[-1] * len(rows),
                elements=[""] * len(rows),
            )
            messages.append((topics.observations(node.id), batch))
    return messages
