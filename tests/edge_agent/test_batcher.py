"""Blocks become batches: nothing lost, nothing doubled, nothing the wire format would refuse."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from contracts.messages import AddressKind, FrameKind, ObservationBatch, decode, encode
from contracts.plates import Direction, PlateChange
from edge_agent import batcher as module
from edge_agent.batcher import Batcher
from edge_agent.plate_hashes import PlateHashes
from edge_agent.pseudonym import Pseudonyms
from edge_agent.sources.protocol import PlateSighting
from tests.edge_agent.helpers import KEY, PHONE, ROTATION, T0_MS, heard

BOOT = "0123456789abcdef"


def batcher(hold_ms: int = 0) -> Batcher:
    """Make a batcher that numbers from 0."""
    return Batcher(Pseudonyms(KEY, ROTATION), boot=BOOT, number=count().__next__, hold_ms=hold_ms)


def test_a_block_becomes_a_batch() -> None:
    """Every column arrives, addresses as pseudonyms and the bit that tells random ones."""
    made = heard(addresses=[PHONE, bytes.fromhex("40ec99000001")])
    (batch,) = batcher().add(made)
    assert decode(encode(batch), ObservationBatch) == batch
    assert (batch.node, batch.boot, batch.seq, batch.watermark_ms) == ("n1", BOOT, 0, T0_MS + 1000)
    assert (batch.t_ms, batch.rssi_dbm, batch.channel) == ([T0_MS, T0_MS + 1], [-60, -60], [6, 6])
    assert (batch.frame_kind, batch.sequence) == ([FrameKind.PROBE] * 2, [17, 17])
    assert batch.address_kind == [AddressKind.RANDOM, AddressKind.GLOBAL]
    assert batch.device[0] != batch.device[1]
    assert batch.elements[0] == batch.elements[1]


def test_former_pseudonyms_are_sent_where_there_are_any() -> None:
    """Only after a change of the salt is there a column of what phones were called before it."""
    under_test = batcher()
    change_ms = ROTATION.period(T0_MS).end_ms
    made: list[ObservationBatch] = []
    for second in (-1, 0):
        block = heard(addresses=[PHONE])
        block.t_ms, block.complete_to_ms = [change_ms + second * 1000], change_ms + (second + 1) * 1000
        made += under_test.add(block)
    before, after = made
    assert (before.formerly, after.formerly) == (UNSET, before.device)
    assert b"formerly" not in encode(before)
    assert decode(encode(after), ObservationBatch) == after


def seen(number: int, text: str = "浙A12345", t_ms: int = T0_MS) -> PlateSighting:
    """A passage of a car."""
    return PlateSighting(f"{number:016x}", PlateChange.NEW, t_ms, "ramp", Direction.IN, ((text, 0.9),))


def test_plates_travel_with_the_block_they_were_read_in() -> None:
    """They become hashes; a block with a plate and no phone is no empty one; without hashes they stay."""
    block = heard(addresses=[])
    block.plates = [seen(1), seen(2)]
    made = Batcher(
        Pseudonyms(KEY, ROTATION), boot=BOOT, number=count().__next__, plates=PlateHashes(KEY, ROTATION)
    )
    (batch,) = made.add(block)
    assert batch.plates is not UNSET
    assert [read.track for read in batch.plates] == ["0" * 15 + "1", "0" * 15 + "2"]
    assert decode(encode(batch), ObservationBatch) == batch
    assert "浙" not in encode(batch).decode()
    assert next(made.add(heard(addresses=[]))).plates is UNSET
    assert next(batcher().add(block)).plates is UNSET


def test_many_plates_are_split_and_impossible_ones_counted() -> None:
    """A batch stays small enough for every broker, and one bad entry does not have it refused."""
    block = heard(addresses=[PHONE])
    block.plates = [*(seen(i) for i in range(1200)), seen(1, "A" * 40), seen(2, t_ms=-5), seen(3, "")]
    made = Batcher(
        Pseudonyms(KEY, ROTATION), boot=BOOT, number=count().__next__, plates=PlateHashes(KEY, ROTATION)
    )
    batches = list(made.add(block))
    assert [len(batch.plates or ()) for batch in batches] == [500, 500, 200]
    assert [len(batch) for batch in batches] == [1, 0, 0]
    assert block.skipped == {"impossible_plate": 3}
    assert [decode(encode(batch), ObservationBatch) for batch in batches] == batches


def test_an_empty_block_is_a_heartbeat() -> None:
    """Silence is told too."""
    (batch,) = batcher().add(heard(addresses=[]))
    assert (len(batch), batch.watermark_ms) == (0, T0_MS + 1000)


@pytest.mark.parametrize("hold_ms", [0, 3000])
def test_a_clock_that_was_set_back_takes_the_watermark_along(hold_ms: int) -> None:
    """What was held is sent with its own watermark; what is heard after the step has a right one again."""
    under_test = batcher(hold_ms=hold_ms)
    made = [batch for second in (3600, 3601, 0, 1) for batch in under_test.add(heard(second=second))]
    made += under_test.flush()
    assert [t for batch in made for t in batch.t_ms] == [
        T0_MS + second * 1000 for second in (3600, 3601, 0, 1)
    ]
    for batch in made:
        late = batch.watermark_ms > T0_MS + 3_600_000
        assert all((t > T0_MS + 3_000_000) == late for t in batch.t_ms)
    assert made[-1].watermark_ms == T0_MS + 2000


def test_batches_are_held() -> None:
    """A replay's batches cover several seconds of each node; a flush gives the rest."""
    held = batcher(hold_ms=3000)
    given = [(node, second) for second in range(4) for node in ("n1", "n2")]
    closed = [batch for node, second in given for batch in held.add(heard(node, second))]
    assert [(batch.node, len(batch)) for batch in closed] == [("n1", 3), ("n2", 3)]
    assert [(batch.node, len(batch)) for batch in held.flush()] == [("n1", 1), ("n2", 1)]
    assert list(held.flush()) == []


@given(st.lists(st.integers(0, 25), max_size=12), st.sampled_from([0, 1000, 2500]))
def test_nothing_is_lost_or_doubled(sizes: list[int], hold_ms: int) -> None:
    """All observations arrive once and in order, in small batches, before their watermark passes."""
    under_test = batcher(hold_ms)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_ROWS", 10)
        batches: list[ObservationBatch] = []
        for second, size in enumerate(sizes):
            batches += under_test.add(heard(second=second, addresses=[PHONE] * size))
        batches += under_test.flush()
    assert [t for batch in batches for t in batch.t_ms] == [
        T0_MS + second * 1000 + i for second, size in enumerate(sizes) for i in range(size)
    ]
    assert [batch.seq for batch in batches] == list(range(len(batches)))
    complete_ms = 0
    for batch in batches:
        assert len(batch) <= 10
        assert all(t >= complete_ms for t in batch.t_ms)
        assert batch.watermark_ms >= complete_ms
        complete_ms = batch.watermark_ms
    assert complete_ms == (T0_MS + len(sizes) * 1000 if sizes else 0)


@pytest.mark.parametrize(
    ("column", "value"),
    [("t_ms", -1), ("t_ms", T0_MS * 1_000_000), ("rssi_dbm", -128), ("channel", 234), ("sequence", 4096)],
)
def test_impossible_values_are_counted_and_left_out(column: str, value: int) -> None:
    """One value that the wire does not admit costs one observation, not the batch."""
    made = heard(addresses=[PHONE] * 3)
    values = list(getattr(made, column))
    values[1] = value
    setattr(made, column, values)
    (batch,) = batcher().add(made)
    assert len(decode(encode(batch), ObservationBatch)) == 2
    assert made.skipped == {f"impossible_{column}": 1}
