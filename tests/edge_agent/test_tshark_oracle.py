"""The parser and tshark say the same of real frames, of frames of every kind, and of damaged ones."""

from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from edge_agent.frames import Frame, Refusal, parse_frame
from edge_agent.pcap import PcapFile
from tests.edge_agent.made_frames import FrameMaker
from tests.edge_agent.mutations import Mutator
from tests.edge_agent.tshark_oracle import verdicts
from tests.support import find_program

EVERY = 61
"""Of each capture; all of them are compared by `python -m benchmarks.fuzz_frames --real`."""


@pytest.fixture(autouse=True)
def _needs_tshark() -> None:
    if find_program("tshark") is None:
        pytest.skip("tshark is not installed: 'make test' installs it where it may")


def heard(packets: Sequence[bytes], folder: Path) -> int:
    """Compare all packets; give how many count as heard."""
    count = 0
    for packet, verdict in zip(packets, verdicts(packets, folder), strict=True):
        ours = parse_frame(packet)
        assert verdict.agrees(ours), f"{packet.hex()}: {ours}, expected {verdict}"
        count += isinstance(ours, Frame)
    return count


@cache
def real_frames(recorded_data: Path) -> list[bytes]:
    """Give some frames of every capture."""
    files = sorted((recorded_data / "probes").rglob("*.pcap.gz"))
    assert len(files) > 200
    return [packet.data for file in files for packet in islice(PcapFile(file), 0, None, EVERY)]


def test_real_captures(recorded_data: Path, tmp_path: Path) -> None:
    """Frames from every capture there is: every field the same, or both refuse."""
    packets = real_frames(recorded_data)
    assert heard(packets, tmp_path) > 0.9 * len(packets) > 3000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_frames_of_every_kind(seed: int, tmp_path: Path) -> None:
    """Data, null, QoS, four addresses, A-MSDU, HT control; words per antenna, vendors' fields, 6 GHz."""
    maker = FrameMaker(seed)
    packets = [maker.captured() for _ in range(1000)]
    assert heard(packets, tmp_path) > len(packets) // 2


@pytest.mark.parametrize("seed", [4, 5])
def test_damaged_frames(seed: int, recorded_data: Path, tmp_path: Path) -> None:
    """Flipped bits, wrong lengths, cuts, splices, noise: every field the same, or both refuse."""
    maker = FrameMaker(seed)
    pool = [maker.captured() for _ in range(500)] + real_frames(recorded_data)[::8]
    packets = list(Mutator(seed, pool).frames(5000))
    assert heard(packets, tmp_path) > len(packets) // 10


def test_disagreement_is_seen(tmp_path: Path) -> None:
    """The comparison can fail: with one field changed, it does."""
    maker = FrameMaker(6)
    packets = [maker.captured() for _ in range(200)]
    for verdict in verdicts(packets, tmp_path):
        if isinstance(verdict.result, Frame):
            other = Frame(bytes(6), -1, 1, verdict.result.kind, 1, b"", 0)
            assert verdict.agrees(verdict.result)
            assert not verdict.agrees(other)
            assert not verdict.agrees(Refusal.CONTROL)
