"""Which devices members' phones are, through changes of addresses and of the salt, and through restarts."""

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from contracts.messages import FrameKind, MemberHeard, ObservationBatch, encode
from contracts.site.crm import Crm
from edge_agent.batcher import Batcher
from edge_agent.pseudonym import Pseudonyms
from edge_agent.rotation import SaltRotation
from edge_agent.sources import Heard
from gateway.engine import Engine, build_engine
from gateway.engine.members import EVERY_MS, FORGET_MS, Members
from gateway.engine.tick import Sighting
from gateway.link import Delivery
from gateway.nodes import Nodes
from gateway.pipeline import Pipeline
from gateway.store.records import Input
from gateway.store.sqlite import SqliteStore
from tests.gateway.crowd import small_site, status, stream
from tests.gateway.membership import device, digest
from tests.gateway.nowhere import Nowhere
from tests.gateway.running import rows
from tests.gateway.small_mall import NODE_XY, START_MS, batch, everybody, small_mall, standing

Keys = npt.NDArray[np.uint64]
FAMILY = "0a" * 4 + "0b" * 4
WEST = (6.0, 16.0)


class Whose:
    """A linker that says what it is told to."""

    def __init__(self) -> None:
        self.device: dict[int, int] = {}
        self.gone: set[int] = set()

    def names(self, addresses: Keys) -> Keys:
        """Know all addresses under their own names."""
        return addresses

    def remembers(self, addresses: Keys) -> npt.NDArray[np.bool_]:
        """Tell which are not gone."""
        return np.array([address not in self.gone for address in addresses.tolist()], dtype=bool)

    def __call__(self, addresses: Keys) -> tuple[Keys, npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Give devices."""
        found = [self.device.get(address, address) for address in addresses.tolist()]
        return np.array(found, dtype=np.uint64), np.ones(len(addresses)), self.remembers(addresses)


def heard(address: int, t_ms: int, number: int = 1) -> MemberHeard:
    """Return what a node says."""
    return MemberHeard(t_ms=t_ms, device=device(address), digest=digest(number))


def short(found: Sequence[Sighting]) -> list[tuple[int, int, bool]]:
    """Return addresses, devices, and whether there is a digest."""
    return [(int(one.address, 16), int(one.device, 16), bool(one.digest)) for one in found]


def test_it_waits_for_its_tick() -> None:
    """What is said of a moment after the tick comes with the next one, in order of time."""
    members, whose = Members(), Whose()
    for one in (heard(5, 2_500), heard(7, 900, 2), heard(7, 900, 2), heard(6, 100, 3)):
        assert members.feed(one)
    assert short(members.step(1_000, whose.names, whose)) == [(6, 6, True), (7, 7, True)]
    assert short(members.step(3_000, whose.names, whose)) == [(5, 5, True)]
    assert members.step(4_000, whose.names, whose) == []


def test_many_nodes_are_one_sighting_a_minute() -> None:
    """A phone that many nodes hear is told once a minute, until it is forgotten."""
    members, whose = Members(), Whose()
    told = []
    for t_ms in range(0, 3 * EVERY_MS, 5_000):
        members.feed(heard(5, t_ms))
        told += members.step(t_ms + 1_000, whose.names, whose)
    assert [one.t_ms for one in told] == [0, EVERY_MS, 2 * EVERY_MS]
    assert len(members) == 1
    members.step(3 * EVERY_MS + FORGET_MS, whose.names, whose)
    assert len(members) == 0


def test_an_address_that_moves_is_told_without_its_digest() -> None:
    """When the linker thinks better of an address, the new device is told, once."""
    members, whose = Members(), Whose()
    members.feed(heard(5, 100))
    members.step(1_000, whose.names, whose)
    whose.device[5] = 9
    assert short(members.step(2_000, whose.names, whose)) == [(5, 9, False)]
    assert members.step(3_000, whose.names, whose) == []


def test_who_left_and_came_back_has_not_moved() -> None:
    """An address that was forgotten meanwhile is a new device, and the old one stays whose it was."""
    members, whose = Members(), Whose()
    whose.device[5] = 9
    members.feed(heard(5, 100))
    assert short(members.step(1_000, whose.names, whose)) == [(5, 9, True)]
    whose.gone = {5}
    members.left(whose.remembers)
    whose.gone, whose.device = set(), {}
    assert members.step(2_000, whose.names, whose) == []
    members.feed(heard(5, 2_100))
    assert short(members.step(3_000, whose.names, whose)) == [(5, 5, True)]


def test_its_state_is_everything() -> None:
    """One that is restored goes on as the other; nothing of a mall without CRM is nothing."""
    members, whose = Members(), Whose()
    members.feed(heard(5, 100))
    members.feed(heard(2**63 + 1, 1_500, 2))
    members.step(1_000, whose.names, whose)
    again = Members()
    again.restore(members.state())
    whose.device[5] = 9
    assert again.step(2_000, whose.names, whose) == members.step(2_000, whose.names, whose) != []
    again.restore({})
    assert len(again) == 0


def play(engine: Engine, second: int, number: int, sequence: int, *, member: bool) -> list[Sighting]:
    """Have all nodes hear a standing phone under an address, one burst; gives what is sighted."""
    said = standing(number, WEST, [second + 0.5])
    for node in NODE_XY:
        mine = [one for one in said if one.node == node]
        made = batch(node, START_MS + (second + 1) * 1000, mine, seq=second)
        made.sequence[:] = [sequence % 4096] * len(mine)
        made.elements[:] = [FAMILY] * len(mine)
        if member and mine:
            made = msgspec.structs.replace(made, members=[heard(number, one.t_ms, 7) for one in mine])
        engine.feed(made)
    return [one for tick in engine.advance() for one in tick.sightings]


def test_an_address_is_told_as_the_device_of_the_events() -> None:
    """A phone that looked for networks under one address and joins under another is the first's device."""
    engine = build_engine(small_mall(tracking={"link_addresses": True, "vanish_s": 120}, crm={}))
    engine.status(everybody())
    told = []
    for second in range(0, 180, 10):
        number = 1 if second < 120 else 2
        told += play(engine, second, number, 100 + second, member=number == 2)
    assert {(one.address, one.device) for one in told} == {(device(2), device(1))}
    assert 0.8 <= told[0].confidence <= 1.0
    assert told[0].digest == digest(7)


def test_without_crm_it_is_counted() -> None:
    """In a mall without CRM, nodes that name members are counted, and nothing else happens."""
    engine = build_engine(small_mall())
    engine.status(everybody())
    assert play(engine, 0, 1, 100, member=True) == []
    assert engine.counters["no_crm"] > 0


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_sighting_goes_on_under_the_former_pseudonym(checkpoint: bool) -> None:
    """Who is there when the salt changes is sighted as the device that the visit goes on under."""
    rotation = SaltRotation("Asia/Shanghai")
    change_ms = rotation.period(1_772_330_400_000).end_ms
    site = small_mall(tracking={"vanish_s": 120}, crm={})
    engine = build_engine(site)
    engine.status(everybody())
    batcher = Batcher(Pseudonyms(bytes(32), rotation), boot="0" * 16, number=itertools.count().__next__)
    told: list[Sighting] = []
    for second in range(-100, 100, 10):
        for node in NODE_XY:
            block = Heard(node, change_ms + 1000 * second + 1000)
            block.t_ms.append(change_ms + 1000 * second + 500)
            block.address.append(bytes.fromhex("40ec99a7b35c"))
            block.rssi_dbm.append(-50)
            block.channel.append(6)
            block.frame_kind.append(FrameKind.DATA)
            block.sequence.append(second % 4096)
            block.elements.append(b"")
            for made in batcher.add(block):
                names = [heard(int(name, 16), made.t_ms[0], 7) for name in sorted(set(made.device))]
                engine.feed(msgspec.structs.replace(made, members=names) if names else made)
        told += [one for tick in engine.advance() for one in tick.sightings]
        if checkpoint and second == 0:
            state = engine.state()
            engine = build_engine(site)
            engine.status(everybody())
            engine.restore(state)
    assert max(one.t_ms for one in told) > change_ms + EVERY_MS / 2
    assert len({one.device for one in told}) == 1


def inputs() -> list[Input]:
    """Return what is heard in a mall in which every third phone is a member's."""
    site = small_site()
    found = [Input(status(site), encode(status(site)))]
    for _, made in stream(site, people=9, seconds=40):
        named = [
            MemberHeard(t_ms=t_ms, device=name, digest=name * 2)
            for t_ms, name in zip(made.t_ms, made.device, strict=True)
            if int(name, 16) % 3 == 0
        ]
        message: ObservationBatch = msgspec.structs.replace(made, members=named) if named else made
        found.append(Input(message, encode(message)))
    return found


def run(store: Path, items: Sequence[Input], cuts: Sequence[int]) -> list[tuple[str, bytes]]:
    """Put everything through pipelines that end without a word at the cuts; gives what the CRM was given."""
    site = small_site().model_copy(update={"crm": Crm()})
    draw, delivery = random.Random(3), Delivery("", b"", 0, 1, 0)
    kept = pipeline = None
    for number, start in enumerate(range(0, len(items), 6)):
        if pipeline is None or number in cuts:
            if kept is not None:
                kept.close()
            kept = SqliteStore(store)
            pipeline = Pipeline(
                site=site, engine=build_engine(site), store=kept, outlet=Nowhere(), nodes=Nodes(site),
                show=lambda *_: None,
            )  # fmt: skip
            pipeline.resume()
        pipeline.take([(delivery, item) for item in items[start : start + 6]])
        if draw.random() < 0.1:
            pipeline.commit()
    assert pipeline is not None
    assert kept is not None
    pipeline.commit()
    kept.close()
    return [(kind, payload) for _, kind, payload in sorted(rows(store, "crm_inbox", "item, kind, payload"))]


def test_killed_between_any_two_messages(tmp_path: Path) -> None:
    """Five ends without a checkpoint later, the CRM was given each event and sighting once, in order."""
    items = inputs()
    expected = run(tmp_path / "whole.db", items, [])
    assert {kind for kind, _ in expected} == {"event", "sighting"}
    assert run(tmp_path / "cut.db", items, random.Random(5).sample(range(5, len(items) // 6), 5)) == expected
