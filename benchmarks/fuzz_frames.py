"""Millions of damaged frames through the parser: no exception, no wrong field, flat memory.

    python -m benchmarks.fuzz_frames [--frames 10000000] [--compared 100000] [--seed 1]

Frames come out of a pool, half of them real (MALLSENSE_DATA or ../shared/data), half made with scapy, and are
damaged in one of eight ways (tests/edge_agent/mutations.py): bits flipped anywhere or in the headers, cuts,
wrong lengths, splices, bytes put in, taken out or overwritten; one in nine stays whole, one in 20 is noise.
Of those that the parser takes, and of those that it refuses, a sample is compared with tshark, field by
field; those taken also with scapy, where it can read the headers. An exception ends it with the frame.

With --real it compares every real frame with tshark instead.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.recorded import FOLDER
from edge_agent.frames import Frame, parse_frame
from edge_agent.pcap import PcapFile
from tests.edge_agent.made_frames import FrameMaker
from tests.edge_agent.mutations import Mutator
from tests.edge_agent.scapy_oracle import agrees, can_read
from tests.edge_agent.tshark_oracle import verdicts

CHUNK, PARTS = 50_000, 20
MADE = 5_000
ASKED_AT_ONCE = 20_000


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--compared", type=int, default=100_000, help="as many taken and as many refused")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", action="store_true", help="compare every real frame instead")
    options = parser.parse_args()
    real = real_frames()
    found = Comparison()
    if options.real:
        found.with_tshark(real)
        sys.exit(found.report())
    maker = FrameMaker(options.seed)
    made = [maker.captured() for _ in range(MADE)]
    pool = real + made * (len(real) // MADE)  # as many of either
    print(f"{len(real):,} real frames, {MADE:,} made; seed {options.seed}\n")
    print(f"{'frames':>12} {'taken':>10} {'refused':>11} {'memory MB':>10} {'us a frame':>11}", flush=True)
    outcomes: Counter[str] = Counter()
    took_s = 0.0
    frames = Mutator(options.seed, pool).frames(options.frames)
    draw = Random(options.seed)
    while samples := _parse_some(frames, outcomes, draw, options.compared / options.frames):
        took_s += samples.took_s
        done, taken = outcomes.total(), outcomes["taken"]
        line = f"{done:12,} {taken:10,} {done - taken:11,} {_memory_mb():10.1f} {1e6 * took_s / done:11.2f}"
        print(line, flush=True)
        found.with_tshark(samples.taken + samples.refused)
        found.with_scapy(samples.taken)
    print("\n" + ", ".join(f"{cause}: {count:,}" for cause, count in outcomes.most_common()))
    sys.exit(found.report())


class Samples(NamedTuple):
    """Some of the frames of a stretch, to be compared."""

    taken: list[bytes]
    refused: list[bytes]
    took_s: float
    """Processor time of the parser."""


def _parse_some(
    frames: Iterator[bytes], outcomes: Counter[str], draw: Random, share: float
) -> Samples | None:
    """Parse up to a million frames; keep each outcome with the chance that gives `share` of all."""
    samples = Samples([], [], 0.0)
    for _ in range(PARTS):
        chunk = list(islice(frames, CHUNK))
        start_s = time.process_time()
        results = [_parsed(frame) for frame in chunk]
        samples = samples._replace(took_s=samples.took_s + time.process_time() - start_s)
        taken = results.count("taken")
        outcomes.update(results)
        for frame, result in zip(chunk, results, strict=True):
            is_taken = result == "taken"
            of_these = taken if is_taken else len(chunk) - taken
            if draw.random() * of_these < share * len(chunk):
                (samples.taken if is_taken else samples.refused).append(frame)
    return samples if samples.taken or samples.refused else None


def real_frames() -> list[bytes]:
    """Give all frames of all captures."""
    files = sorted((FOLDER / "probes").rglob("*.pcap.gz"))
    if not files:
        raise SystemExit(f"no captures under {FOLDER}; set MALLSENSE_DATA")
    return [packet.data for file in files for packet in PcapFile(file)]


def _parsed(frame: bytes) -> str:
    try:
        result = parse_frame(frame)
    except Exception:
        print(f"the parser raised at {frame.hex()}")
        raise
    return "taken" if isinstance(result, Frame) else result.value


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


class Comparison:
    """Counts where the parser and the oracles agree."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._different: list[str] = []

    def with_tshark(self, frames: Sequence[bytes]) -> None:
        """Compare every one of these frames."""
        with tempfile.TemporaryDirectory() as folder:
            for some in _parts(frames):
                for frame, verdict in zip(some, verdicts(some, Path(folder)), strict=True):
                    said = "" if verdict.whole else ", elements up to the first it cannot read"
                    if verdict.result is None:
                        self._counts["tshark: no opinion"] += 1
                    else:
                        self._count("tshark", frame, verdict.agrees(parse_frame(frame)), said)

    def with_scapy(self, frames: Sequence[bytes]) -> None:
        """Compare those whose headers scapy can read; only of frames that the parser takes."""
        for frame in frames:
            if can_read(frame):
                self._count("scapy", frame, agrees(frame, parse_frame(frame)))
            else:
                self._counts["scapy: cannot read the headers"] += 1

    def report(self) -> int:
        """Print what was found; give 1 where anything was different."""
        for what, count in sorted(self._counts.items()):
            print(f"{what}: {count:,}")
        print("\n".join(self._different[:20]))
        return 1 if self._different else 0

    def _count(self, oracle: str, frame: bytes, same: bool, said: str = "") -> None:
        ours = parse_frame(frame)
        what = (
            "different" if not same else "every field the same" if isinstance(ours, Frame) else "both refuse"
        )
        self._counts[f"{oracle}: {what}{said if isinstance(ours, Frame) else ''}"] += 1
        if not same:
            self._different.append(f"{oracle}: {frame.hex()}")


def _parts(frames: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for at in range(0, len(frames), ASKED_AT_ONCE):
        yield frames[at : at + ASKED_AT_ONCE]


if __name__ == "__main__":
    main()
