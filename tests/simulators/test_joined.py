"""Several sources played as one."""

from collections.abc import Iterator

import pytest

from edge_agent.sources.protocol import Heard
from simulators.car_park.layout import car_park_site
from simulators.car_park.reads import CarParkReads
from simulators.joined import Joined
from simulators.source import SimulatedSource

START_MS = 1_760_000_400_000


class Fixed:
    """A source of given blocks."""

    def __init__(self, *blocks: Heard) -> None:
        self._blocks = blocks
        self.nodes = tuple(dict.fromkeys(block.node for block in blocks))

    def blocks(self) -> Iterator[Heard]:
        """Give them."""
        return iter(self._blocks)


def test_blocks_come_in_order_of_time() -> None:
    """Blocks of all sources are given by the time they are complete to, until the first source ends."""
    first = Fixed(Heard("a", 1000), Heard("a", 2000))
    second = Fixed(Heard("b", 500), Heard("b", 2000), Heard("b", 9000))
    joined = Joined(first, second)
    assert joined.nodes == ("a", "b")
    given = [(block.node, block.complete_to_ms) for block in joined.blocks()]
    assert given == [("b", 500), ("a", 1000), ("b", 2000), ("a", 2000)]


def test_a_node_has_one_source() -> None:
    """Two sources for one node are refused: its batches would be in no order."""
    with pytest.raises(ValueError, match="same node"):
        Joined(Fixed(Heard("a", 1)), Fixed(Heard("a", 1)))


def test_phones_and_cars_of_one_mall() -> None:
    """Nodes with radios hear phones, those with cameras see cars, every second, and none does both."""
    site = car_park_site()
    phones = SimulatedSource(shoppers=30, start_ms=START_MS, duration_s=20, site=site)
    cars = CarParkReads(start_ms=START_MS, duration_s=20, cars=10, site=site)
    joined = Joined(phones, cars)
    assert sorted(joined.nodes) == sorted(node.id for node in site.nodes)
    blocks = list(joined.blocks())
    assert len(blocks) == 20 * len(site.nodes)
    assert {block.node for block in blocks if block.plates} <= {"gate-n", "gate-s", "ramp"}
    assert not {block.node for block in blocks if block.t_ms} & {"gate-n", "gate-s", "ramp"}
    assert any(block.plates for block in blocks)
    assert any(block.t_ms for block in blocks)
