"""The simulated mall as a source: one day a seed, blocks for every node, and its truth."""

import csv
from pathlib import Path

import numpy as np
import pytest

from contracts.messages import FrameKind
from edge_agent.sources.protocol import Heard, Source
from simulators import mall
from simulators.arrivals import Profile
from simulators.phones import Habits
from simulators.source import SimulatedSource
from simulators.survey import survey
from simulators.truth import Truth

START_MS = 1_773_460_800_000
"""2026-03-14 12:00 in Shanghai."""


def day(seconds: int, *, seed: int = 1, people: int = 80, truth: Truth | None = None) -> list[Heard]:
    """Return what the nodes hear in so many seconds."""
    source: Source = SimulatedSource(
        shoppers=people,
        start_ms=START_MS,
        duration_s=seconds,
        seed=seed,
        profile=Profile.CONSTANT,
        truth=truth,
    )
    return list(source.blocks())


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_same_seed_gives_the_same_day() -> None:
    """Every column of every block is the same again; with another seed it is not."""
    assert day(20) == day(20)
    assert day(20) != day(20, seed=2)


def test_every_node_has_a_block_a_second() -> None:
    """Blocks come for each node and second, also empty ones, in order, with columns of one length."""
    blocks = day(15)
    nodes = [node.id for node in mall.site().nodes]
    assert [block.node for block in blocks] == nodes * 15
    for number, block in enumerate(blocks):
        end_ms = START_MS + 1000 * (number // len(nodes) + 1)
        assert block.complete_to_ms == end_ms
        assert all(end_ms - 1000 <= t_ms < end_ms for t_ms in block.t_ms)
        assert block.t_ms == sorted(block.t_ms)
        lengths = {len(block.address), len(block.rssi_dbm), len(block.channel), len(block.frame_kind)}
        assert lengths | {len(block.sequence), len(block.elements)} == {len(block.t_ms)}


def test_blocks_hold_what_the_protocol_promises() -> None:
    """Addresses of 6 bytes, plausible strengths, elements with probes and none with data."""
    blocks = day(60)
    kinds = {kind for block in blocks for kind in block.frame_kind}
    assert kinds == {FrameKind.PROBE, FrameKind.DATA}
    for block in blocks:
        assert all(len(address) == 6 for address in block.address)
        assert all(-100 <= rssi <= -10 for rssi in block.rssi_dbm)
        pairs = zip(block.frame_kind, block.elements, strict=True)
        assert all(bool(elements) is (kind is FrameKind.PROBE) for kind, elements in pairs)


def test_a_day_without_end_goes_on() -> None:
    """Without a duration blocks come for ever, and the fraction stays at the beginning."""
    source = SimulatedSource(shoppers=20, start_ms=START_MS, profile=Profile.CONSTANT)
    blocks = source.blocks()
    last = [next(blocks) for _ in range(50 * len(source.nodes))][-1]
    assert last.complete_to_ms == START_MS + 50_000
    assert source.fraction() == 0.0


def test_the_mall_is_full_from_the_first_second() -> None:
    """At the start people are already there, and their phones are heard at once."""
    truth = Truth(mall.site(), positions_every_s=1)
    blocks = day(10, truth=truth)
    assert len(np.unique(truth.positions.person[truth.positions.t_s == START_MS // 1000])) > 50
    assert sum(len(block.t_ms) for block in blocks) > 100


def test_truth_knows_whose_phone_was_heard() -> None:
    """Every address that any node heard belongs to a person, through whatever pseudonym is asked for."""
    truth = Truth(mall.site())
    blocks = day(120, truth=truth)
    owners = truth.owners(lambda address: address[::-1].hex())
    heard = {address[::-1].hex() for block in blocks for address in block.address}
    assert heard <= owners.keys()
    assert len(set(owners.values())) > 50


def test_truth_is_written_without_addresses(tmp_path: Path) -> None:
    """Three tables, whose visits agree with the positions, and in which no address can be found."""
    truth = Truth(mall.site(), positions_every_s=5)
    blocks = day(240, truth=truth)
    truth.write(tmp_path)
    visits, people, positions = (
        table(tmp_path / f"truth_{name}.csv") for name in ("visits", "people", "positions")
    )
    known = {row["person"] for row in people}
    assert {row["person"] for row in visits} | {row["person"] for row in positions} <= known
    assert len(visits) > 20
    text = "".join((tmp_path / f"truth_{n}.csv").read_text() for n in ("visits", "people", "positions"))
    assert not any(address.hex() in text for address in {a for block in blocks for a in block.address})


def test_true_visits_agree_with_true_positions() -> None:
    """Whoever visits a shop is in it at most noted moments of the visit."""
    site = mall.site()
    truth = Truth(site, positions_every_s=1)
    source = SimulatedSource(
        shoppers=80, start_ms=START_MS, duration_s=300, profile=Profile.CONSTANT, truth=truth
    )
    for _ in source.blocks():
        pass
    positions = truth.positions
    zone = source.world.building.zones_at(positions.floor, positions.x_m, positions.y_m)
    assert len(truth.visits) > 30
    for visit in truth.visits:
        during = (positions.person == visit.person) & (positions.t_s >= visit.enter_s)
        during &= positions.t_s <= visit.leave_s
        assert (zone[during] == visit.zone).mean() > 0.4
        assert visit.leave_s - visit.enter_s >= site.visits.min_dwell_s


def test_headcount_counts_everybody() -> None:
    """Summed over zones, the people of each whole minute are those whose positions were noted."""
    truth = Truth(mall.site(), positions_every_s=1)
    day(180, truth=truth)
    minute = truth.minutes[0]
    noted = (truth.positions.t_s >= minute) & (truth.positions.t_s < minute + 60)
    assert truth.headcount[0].sum() == pytest.approx(noted.sum() / 60)
    assert truth.headcount.shape == (3, len(truth.zone_ids))


def test_phones_off_are_not_heard() -> None:
    """With all phones off the mall is silent though full."""
    source = SimulatedSource(
        shoppers=50, start_ms=START_MS, duration_s=30, profile=Profile.CONSTANT, habits=Habits(off=1.0)
    )
    assert sum(len(block.t_ms) for block in source.blocks()) == 0


def test_a_survey_covers_the_mall(tmp_path: Path) -> None:
    """The installer reaches both floors, all nodes are heard, and the table has a row for each reading."""
    site = mall.site()
    walks = survey(site, seed=3)
    assert set(walks.receiver.tolist()) == set(range(len(site.nodes)))
    assert np.bincount(walks.receiver).min() > 50
    places = walks.xyz_m()
    assert {round(z, 1) for z in places[:, 2]} == {1.1, 6.5}
    assert places[:, 0].min() < 15
    assert places[:, 0].max() > 145
    walks.write(tmp_path / "survey.csv", site)
    rows = table(tmp_path / "survey.csv")
    assert len(rows) == len(walks.rssi_dbm)
    assert set(rows[0]) == {"x_m", "y_m", "z_m", "receiver", "rssi_dbm", "walk", "t_s"}


def test_a_survey_is_stronger_near_a_node() -> None:
    """Readings of a node are strong where its walker was noted near it, and weak where far."""
    site = mall.site()
    walks = survey(site, seed=3)
    node = site.nodes[0]
    mine = walks.receiver == 0
    x, y, z = walks.xyz_m()[mine].T
    metres = np.hypot(x - node.x_m, y - node.y_m)
    own = z < 2.0
    near, far = walks.rssi_dbm[mine][own & (metres < 8)], walks.rssi_dbm[mine][own & (metres > 30)]
    assert near.mean() > far.mean() + 10
