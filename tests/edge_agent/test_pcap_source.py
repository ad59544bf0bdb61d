"""Capture files as a source: merged, cut into blocks of a second, complete where they say so."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from edge_agent.sources import Heard, Source
from edge_agent.sources.pcap import LONGEST_SILENCE_MS, REORDER_MS, PcapSource, find_captures
from tests.edge_agent.helpers import PHONE, T0_MS, pcap, probe, write


def source(folder: Path, *files: list[int], shift_ms: int = 0) -> PcapSource:
    """Play captures of probes at these times after T0, one list a file."""
    for number, times in enumerate(files):
        packets = [(T0_MS + t, probe(sequence=i)) for i, t in enumerate(times)]
        write(folder / f"{number}.pcap", pcap(packets))
    return PcapSource("n1", [folder], shift_ms=shift_ms)


def times(blocks: list[Heard]) -> list[int]:
    """Give the times of all sightings, relative to T0."""
    return [t - T0_MS for block in blocks for t in block.t_ms]


def test_is_a_source(tmp_path: Path) -> None:
    """It keeps the protocol, hides addresses from `repr`, and knows how far it is."""
    playing: Source = source(tmp_path, [0, 10])
    assert playing.nodes == ("n1",)
    (block,) = playing.blocks()
    assert block.address == [PHONE, PHONE]
    assert repr(PHONE) not in repr(block)
    assert isinstance(playing, PcapSource)
    assert playing.fraction == 1.0


def test_files_are_merged_in_order_of_time(tmp_path: Path) -> None:
    """Adapters that listened at once, one a channel, become one stream."""
    blocks = list(source(tmp_path, [0, 400, 5000], [200, 300, 4000], [1500]).blocks())
    assert times(blocks) == [0, 200, 300, 400, 1500, 4000, 5000]


def test_shift_moves_event_time(tmp_path: Path) -> None:
    """Event time is capture time plus the shift."""
    (block,) = source(tmp_path, [0], shift_ms=86_400_000).blocks()
    assert block.t_ms == [T0_MS + 86_400_000]


@given(st.lists(st.integers(0, 8000), max_size=40), st.lists(st.integers(0, 8000), max_size=40))
def test_blocks_keep_their_promise(
    tmp_path_factory: pytest.TempPathFactory, first: list[int], second: list[int]
) -> None:
    """Nothing comes after a block said it was complete; nothing is lost or doubled; blocks are short."""
    playing = source(tmp_path_factory.mktemp("play"), first, second)
    blocks = list(playing.blocks())
    complete_ms = 0
    for block in blocks:
        assert all(t >= complete_ms for t in block.t_ms)
        assert block.complete_to_ms >= complete_ms
        complete_ms = block.complete_to_ms
    assert all(t < complete_ms for block in blocks for t in block.t_ms)
    late = sum(block.skipped.get("out_of_order", 0) for block in blocks)
    assert len(times(blocks)) + late == sum(block.frames for block in blocks) == len(first + second)


def test_small_disorder_is_used_and_a_clock_set_back_is_not(tmp_path: Path) -> None:
    """Packets a little late count; those of a clock that was set back are counted as skipped."""
    blocks = list(source(tmp_path, [0, 1100, 990, 9000, 100]).blocks())
    assert times(blocks) == [0, 1100, 990, 9000]
    assert sum(block.skipped.get("out_of_order", 0) for block in blocks) == 1


def test_silence_has_heartbeats_and_a_pause_has_not(tmp_path: Path) -> None:
    """Seconds without a packet give empty blocks; between two captures there is one step."""
    blocks = list(source(tmp_path, [0, 5000, 5000 + 10 * LONGEST_SILENCE_MS]).blocks())
    steps = [after.complete_to_ms - before.complete_to_ms for before, after in pairwise(blocks)]
    pause = max(steps)
    assert pause > LONGEST_SILENCE_MS
    assert steps[:4] == [1000] * 4
    assert all(step <= 1000 + REORDER_MS for step in steps if step != pause)
    assert [len(block.t_ms) for block in blocks] == [1, 0, 0, 0, 0, 1, 0, 1]


def test_refused_frames_are_counted_by_cause(tmp_path: Path) -> None:
    """What the parser refuses is counted; a damaged file is used up to the damage and counted too."""
    good = pcap([(T0_MS, probe()), (T0_MS + 1, b"noise"), (T0_MS + 2, probe(by=b"\x01" * 6))])
    (block,) = PcapSource("n1", [write(tmp_path / "a.pcap", good + b"torn")]).blocks()
    assert block.frames == 3
    assert len(block.t_ms) == 1
    assert block.skipped == {"bad_radiotap": 1, "group_address": 1, "damaged_file": 1}


def test_empty_captures_give_nothing(tmp_path: Path) -> None:
    """Files without packets give no blocks."""
    assert list(source(tmp_path, [], []).blocks()) == []


def test_captures_are_found_once(tmp_path: Path) -> None:
    """Files, folders and patterns are searched; a file named twice is played once."""
    (tmp_path / "deep").mkdir()
    one, two = (write(tmp_path / name, b"") for name in ("one.pcap", "deep/two.PCAP.GZ"))
    write(tmp_path / "notes.txt", b"")
    assert find_captures([str(tmp_path / "*.pcap"), tmp_path, one]) == [one, two]


@pytest.mark.parametrize("name", ["gone.pcap", "*.nothing", "."])
def test_nothing_found_is_refused(tmp_path: Path, name: str) -> None:
    """A name that finds no capture is refused."""
    with pytest.raises(ConfigurationError, match="no "):
        find_captures([tmp_path / name])


def test_real_captures_are_played(recorded_data: Path) -> None:
    """The three adapters of a real recording give its frames in order of time, with nothing skipped."""
    folder = recorded_data / "probes" / "labelled" / "device-A"
    blocks = list(PcapSource("n1", [folder]).blocks())
    heard = [t for block in blocks for t in block.t_ms]
    assert sum(block.frames for block in blocks) == len(heard) == 485
    assert {channel for block in blocks for channel in block.channel} <= {1, 6, 11}
