"""Recorded walks as a source: event time, devices, watermarks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ConfigurationError
from simulators.recorded import RecordedDataset
from simulators.recorded_source import RecordedSource, address_of
from tests.recorded_folder import RecordedFolder

START_MS = 1_700_000_000_000


@pytest.fixture
def data(tmp_path: Path) -> RecordedDataset:
    """A small recording."""
    return RecordedDataset.read(RecordedFolder().write(tmp_path))


def test_every_node_gives_a_block_a_second(data: RecordedDataset) -> None:
    """Blocks come in order of their watermarks, for all nodes, and hold what is older than them."""
    blocks = list(RecordedSource([data], start_ms=START_MS).blocks())
    assert len(blocks) == 24 * 5
    assert [block.node for block in blocks[:5]] == list(data.receivers)
    watermarks = [block.complete_to_ms for block in blocks]
    assert watermarks == sorted(watermarks)
    for block in blocks:
        assert all(block.complete_to_ms - 1000 <= t < block.complete_to_ms for t in block.t_ms)


def test_the_test_walks_are_devices_that_start_together(data: RecordedDataset) -> None:
    """Each test walk is one address, its readings at start + t_s; training walks stay silent."""
    source = RecordedSource([data], start_ms=START_MS)
    blocks = list(source.blocks())
    assert {address for block in blocks for address in block.address} == set(
        map(address_of, source.walk_ids())
    )
    assert source.walk_ids() == ["test4", "test5"]
    heard = sorted(t - START_MS for block in blocks if block.node == "A" for t in block.t_ms)
    expected = data.readings.of(data.split("test"))
    assert heard == sorted(round(t * 1000) for t in expected.t_s[expected.receiver == 0].tolist())
    assert source.fraction() == 1.0


def test_addresses_follow_from_the_walk_and_are_locally_administered() -> None:
    """The same walk has the same address in every run, unicast and chosen by the phone."""
    assert address_of("w1") == address_of("w1") != address_of("w2")
    for i in range(50):
        assert address_of(f"w{i}")[0] & 0x03 == 0x02


def test_what_was_heard_before_the_start_is_played_first(data: RecordedDataset) -> None:
    """Readings from just before a walk's clock started come in earlier blocks."""
    early = replace(data, readings=replace(data.readings, t_s=data.readings.t_s - 2.0))
    blocks = list(RecordedSource([early], start_ms=START_MS).blocks())
    assert min(t for block in blocks for t in block.t_ms) == START_MS - 1600
    assert blocks[0].complete_to_ms == START_MS - 1000


def test_chosen_walks_are_played(data: RecordedDataset) -> None:
    """Any walks can be played, such as one of the training walks."""
    source = RecordedSource([data], start_ms=START_MS, walks=[np.array([1])])
    assert source.walk_ids() == ["train1"]
    assert len({address for block in source.blocks() for address in block.address}) == 1


def test_no_walks_give_no_blocks(data: RecordedDataset) -> None:
    """Nothing to play ends at once."""
    assert not list(RecordedSource([data], start_ms=START_MS, walks=[np.array([], dtype=int)]).blocks())


def test_floors_of_one_mall_need_names_of_their_own(data: RecordedDataset) -> None:
    """Two recordings that share a receiver's name cannot be played together; renamed, their walks clash."""
    with pytest.raises(ConfigurationError, match="share the receiver A"):
        RecordedSource([data, data], start_ms=START_MS)
    with pytest.raises(ConfigurationError, match="share the walk test4"):
        RecordedSource([data, data.placed(prefix="F2-")], start_ms=START_MS)
