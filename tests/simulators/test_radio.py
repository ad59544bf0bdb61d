"""Radio: weaker with distance and walls, alike at neighbouring places, heard by a handful of nodes."""

import numpy as np
import pytest

from simulators import mall
from simulators.fields import gaussian_field
from simulators.radio import Radio, walls_db
from simulators.world import World


@pytest.fixture(scope="module")
def radio() -> Radio:
    """Return the radio of the simulated mall."""
    return World.of(mall.site()).radio


def test_strength_falls_with_distance(radio: Radio) -> None:
    """Averaged over nodes and places, every ring further away is weaker."""
    world = World.of(mall.site())
    stops = np.concatenate(world.walkways.points_of)
    x, y = world.walkways.xy_m[stops].T
    floor = world.walkways.floor[stops]
    mean = radio.mean_dbm(floor, x, y, np.full(len(x), 14.0))
    metres = np.hypot(x[:, None] - radio.nodes_m[:, 0], y[:, None] - radio.nodes_m[:, 1])
    same = floor[:, None] == radio.node_floor
    rings = [mean[same & (metres >= a) & (metres < a + 10)].mean() for a in range(0, 90, 10)]
    assert (np.diff(rings) < 0).all()
    assert rings[0] - rings[-1] > 30


def test_the_other_floor_is_weaker(radio: Radio) -> None:
    """At one distance a node on the other floor hears less."""
    world = World.of(mall.site())
    stops = np.concatenate(world.walkways.points_of)
    x, y = world.walkways.xy_m[stops].T
    floor = world.walkways.floor[stops]
    mean = radio.mean_dbm(floor, x, y, np.full(len(x), 14.0))
    metres = np.hypot(x[:, None] - radio.nodes_m[:, 0], y[:, None] - radio.nodes_m[:, 1])
    near = (metres > 15) & (metres < 25)
    same = floor[:, None] == radio.node_floor
    assert mean[near & same].mean() - mean[near & ~same].mean() > 6


def test_walls_count_once_each() -> None:
    """A ray loses in each wall it crosses, and nothing in walls beyond the point or beside the ray."""
    walls = np.array([[5.0, -9.0, 5.0, 9.0], [10.0, -9.0, 10.0, 9.0], [15.0, 20.0, 15.0, 30.0]])
    x, y = np.array([2.0, 7.0, 12.0, 20.0, -7.0]), np.zeros(5)
    loss = walls_db(np.zeros(2), x, y, walls, np.array([3.0, 8.0, 50.0]))
    assert loss.tolist() == [0.0, 3.0, 11.0, 11.0, 0.0]


def test_shadows_have_their_spread_and_their_size() -> None:
    """The field's deviation is as asked, and its correlation falls to about 1/e at the given distance."""
    fields = np.array(
        [gaussian_field((80, 80), 1.0, 4.0, 6.0, np.random.default_rng(seed)) for seed in range(40)]
    )
    assert fields.std() == pytest.approx(4.0, rel=0.1)
    far = np.mean(fields[:, :, :-6] * fields[:, :, 6:]) / np.mean(fields**2)
    assert far == pytest.approx(np.exp(-1), abs=0.1)


def test_bodies_shade_what_is_behind(radio: Radio) -> None:
    """Facing a node, a phone is heard better than turned away from it, by the owner's body loss."""
    count = 4000
    node = radio.nodes_m[0]
    shared = {
        "floor": np.zeros(count, dtype=np.int64),
        "x_m": np.full(count, node[0] + 15.0),
        "y_m": np.full(count, node[1]),
        "power_dbm": np.full(count, 14.0),
        "body_db": np.full(count, 8.0),
        "burst": np.arange(count),
    }
    facing, away = (
        radio.strength_dbm(**shared, heading=np.full(count, angle), rng=np.random.default_rng(2))[:, 0]
        for angle in (np.pi, 0.0)
    )
    assert facing.mean() - away.mean() == pytest.approx(8.0, abs=0.3)
    assert 4.0 < facing.std() < 6.5, "fading from frame to frame"


def test_strong_frames_are_heard_and_weak_ones_are_not(radio: Radio) -> None:
    """Far above the floor nearly all are heard, far below none; data needs more than probes."""
    rng = np.random.default_rng(1)
    nodes = len(radio.nodes_m)

    def share(dbm: float, *, data: bool) -> float:
        frames = [np.full((20, nodes), dbm) for _ in range(20)]
        channel, is_data = np.full(20, 6), np.full(20, data)
        return float(np.mean([radio.heard(one, channel, is_data, rng) for one in frames]))

    assert share(-60, data=False) > 0.9
    assert share(-110, data=False) == 0.0
    assert share(-86, data=False) > 0.6
    assert share(-86, data=True) < 0.2


def test_collisions_cost_frames(radio: Radio) -> None:
    """The busier a channel, the smaller the share that is heard."""
    rng = np.random.default_rng(1)
    nodes = len(radio.nodes_m)
    shares = [
        radio.heard(np.full((n, nodes), -50.0), np.full(n, 1), np.zeros(n, dtype=bool), rng).mean()
        for n in (10, 300, 1000)
    ]
    assert shares[0] > shares[1] > shares[2]


def test_a_burst_in_a_corridor_is_heard_by_a_handful_of_nodes(radio: Radio) -> None:
    """A phone on a promenade reaches some 5 to 14 of 32 nodes with one probe request."""
    world = World.of(mall.site())
    corridor = [n for n, zone in enumerate(world.building.zones) if zone.kind == "corridor"]
    stops = np.concatenate([world.walkways.points_of[n] for n in corridor])
    rng = np.random.default_rng(3)
    x, y = world.walkways.xy_m[stops].T
    strength = radio.strength_dbm(
        world.walkways.floor[stops],
        x,
        y,
        heading=rng.uniform(0, 2 * np.pi, len(x)),
        power_dbm=np.full(len(x), 14.0),
        body_db=np.full(len(x), 6.0),
        burst=np.arange(len(x)),
        rng=rng,
    )
    heard = radio.heard(strength, np.arange(len(x)), np.zeros(len(x), dtype=bool), rng).sum(axis=1)
    assert 5 <= np.median(heard) <= 14
    assert (heard >= 3).mean() > 0.95
