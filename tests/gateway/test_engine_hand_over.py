"""A visit that goes on while pseudonyms change stays one visit; nothing else is linked across the change."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from contracts.events import EventKind, VisitEvent
from contracts.messages import FrameKind
from edge_agent.batcher import Batcher
from edge_agent.pseudonym import Pseudonyms
from edge_agent.rotation import SaltRotation
from edge_agent.sources import Heard
from gateway.engine import Tick, build_engine
from gateway.engine.hand_over import HandOver
from gateway.engine.join import EMPTY, Columns
from tests.gateway.small_mall import NODE_XY, everybody, small_mall, standing

ROTATION = SaltRotation("Asia/Shanghai")
CHANGE_MS = ROTATION.period(1_772_330_400_000).end_ms
PHONE, OTHER = bytes.fromhex("40ec99a7b35c"), bytes.fromhex("40ec99a7b35d")
WEST, EAST = (6.0, 16.0), (34.0, 16.0)
FIRST_S, LAST_S = -300, 300
Stay = tuple[bytes, tuple[float, float], Iterable[int]]
"""An address, where it is, and when it sends, in seconds from the change."""


def play(stays: Sequence[Stay], *, linked: bool = True, checkpoint_at_s: int | None = None) -> list[Tick]:
    """Return the ticks of a mall in which phones stand, through the agent's own pseudonyms and batches."""
    site = small_mall(tracking={"link_addresses": linked, "vanish_s": 120})
    engine = build_engine(site)
    engine.status(everybody())
    batcher = Batcher(Pseudonyms(bytes(32), ROTATION), boot="0" * 16, number=itertools.count().__next__)
    ticks: list[Tick] = []
    for second in range(FIRST_S, LAST_S + 1):
        for node in NODE_XY:
            for batch in batcher.add(_block(node, second, stays)):
                engine.feed(batch)
        ticks += engine.advance()
        if second == checkpoint_at_s:
            state = engine.state()
            engine = build_engine(site)
            engine.status(everybody())
            engine.restore(state)
    return ticks + list(engine.flush())


def _block(node: str, second: int, stays: Sequence[Stay]) -> Heard:
    """Return what a node hears in a second."""
    start_ms = CHANGE_MS + 1000 * second
    block = Heard(node, start_ms + 1000)
    for address, xy_m, seconds in stays:
        if second in seconds:
            level = next(one.rssi_dbm for one in standing(1, xy_m, [second]) if one.node == node)
            block.t_ms.append(start_ms + 500)
            block.address.append(address)
            block.rssi_dbm.append(level)
            block.channel.append(6)
            block.frame_kind.append(FrameKind.DATA)
            block.sequence.append(second % 4096)
            block.elements.append(b"")
    return block


def visits(ticks: Sequence[Tick]) -> list[VisitEvent]:
    """Return the visits that ended."""
    events = [event for tick in ticks for event in tick.events if isinstance(event, VisitEvent)]
    return [event for event in events if event.kind is EventKind.VISIT_ENDED]


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("checkpoint_at_s", [None, 60])
def test_a_visit_goes_on(linked: bool, checkpoint_at_s: int | None) -> None:
    """Who stands in a shop from five minutes before the change to five after it has made one visit."""
    stays = [(PHONE, WEST, range(FIRST_S, LAST_S, 10)), (OTHER, EAST, range(FIRST_S, LAST_S, 10))]
    ticks = play(stays, linked=linked, checkpoint_at_s=checkpoint_at_s)
    assert sorted(visit.data.zone for visit in visits(ticks)) == ["east", "west"]
    assert all(visit.data.dwell_s > 500 for visit in visits(ticks))
    assert len({name for tick in ticks for name in tick.tracks.device}) == 2


def test_who_left_before_is_somebody_new() -> None:
    """A phone that left the mall before the change and comes back after it is not linked to what it was."""
    stays = [(PHONE, WEST, [*range(FIRST_S, -150, 10), *range(50, 290, 10)])]
    ticks = play(stays, linked=False)
    before, after = visits(ticks)
    assert before.data.device != after.data.device


def test_who_comes_back_later_is_somebody_new() -> None:
    """The link ends with the stay: who leaves after the change and comes back has the new name alone."""
    stays = [(PHONE, WEST, [*range(FIRST_S, 60, 10), *range(230, LAST_S, 10)])]
    across, later = visits(play(stays, linked=False))
    assert across.data.dwell_s > 300
    assert across.data.device != later.data.device


def columns(address: int, formerly: int = 0) -> Columns:
    """Return one observation."""
    one = {name: np.zeros(1, dtype=kind) for name, kind in EMPTY_KINDS.items()}
    one["address"][0], one["formerly"][0] = address, formerly
    return Columns(**one)


EMPTY_KINDS = {name: getattr(EMPTY, name).dtype for name in EMPTY.__dataclass_fields__}


def test_nobody_is_handed_over_twice() -> None:
    """Who goes on under a former name is a new device at the next change, whatever nodes say."""
    under_test = HandOver()

    def known(names: np.ndarray) -> np.ndarray:
        return np.isin(names, np.array([1], dtype=np.uint64))

    assert under_test.take(columns(2, formerly=1), known).address[0] == 1
    assert under_test.take(columns(2), known).address[0] == 1
    assert under_test.take(columns(3, formerly=2), known).address[0] == 3
    assert under_test.take(columns(4, formerly=1), known).address[0] == 4
    assert len(under_test) == 1
