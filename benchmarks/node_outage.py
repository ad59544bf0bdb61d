"""What dead nodes cost: `python -m benchmarks.node_outage`.

After the calibration, 10, 20 and 40 % of the nodes die, drawn anew for each seed. Held-out training walks are
played through the whole engine; test walks are not touched. A dead node is either known to be offline, by its
status, and says nothing by its silence; or nobody knows, and its silence is taken for a device far away.
Prints a Markdown table; with `--report docs/accuracy.md` it goes there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.recorded import recorded
from edge_agent.sources import Heard
from edge_agent.sources.protocol import Source
from mallsense.accuracy.playing import estimate, source_of
from mallsense.accuracy.report import rewrite
from mallsense.accuracy.tables import markdown
from mallsense.position_score import Comparison, compare
from mallsense.recording import Recording, read_recording

SHARES = (0.1, 0.2, 0.4)
SECTION = "node outage"


@dataclass(frozen=True)
class Outage:
    """A source some of whose nodes are dead; where that is known, they are not even listed."""

    source: Source
    dead: frozenset[str]
    known: bool

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that are said to be online."""
        return tuple(node for node in self.source.nodes if not (self.known and node in self.dead))

    def blocks(self) -> Iterator[Heard]:
        """Blocks of the living, and empty ones of the dead where nobody knows."""
        for block in self.source.blocks():
            if block.node not in self.dead:
                yield block
            elif not self.known:
                yield Heard(block.node, block.complete_to_ms)


def dead_nodes(recording: Recording, share: float, seed: int) -> frozenset[str]:
    """Return a share of the nodes, drawn by a seed; a larger share holds a smaller one."""
    nodes = [node.id for node in recording.site.nodes]
    order = np.random.default_rng(seed).permutation(len(nodes))
    return frozenset(nodes[i] for i in order[: round(share * len(nodes))])


def outage(recording: Recording, share: float, seeds: int, *, known: bool) -> str:
    """Return median / p95 and coverage over all seeds, as a cell of the table."""
    parts: list[Comparison] = []
    for seed in range(seeds):
        source = Outage(source_of(recording), dead_nodes(recording, share, seed), known)
        parts.append(compare(recording.unmoved()[0], estimate(recording, source)))
    error_m = np.concatenate([part.distance_m for part in parts])
    inside = np.concatenate([part.stated_probability for part in parts]) <= 0.68
    coverage = len(error_m) / (len(error_m) + sum(part.missed for part in parts))
    median_m, p95_m = np.percentile(error_m, (50, 95))
    return f"{median_m:.2f} / {p95_m:.1f} ({inside.mean():.0%}, {coverage:.0%})"


def rows(recordings: Sequence[Recording], seeds: int) -> Iterator[tuple[str, ...]]:
    """Give the lines of the table."""
    yield ("none", *(outage(recording, 0.0, 1, known=True) for recording in recordings))
    for share in SHARES:
        for known in (True, False):
            words = f"{share:.0%}, {'known to be offline' if known else 'nobody knows'}"
            yield (words, *(outage(recording, share, seeds, known=known) for recording in recordings))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--receivers", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=5, help="draws of dead nodes")
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    args = parser.parse_args()
    floors = recorded("mall/*")
    recordings = [read_recording(floor, args.receivers, held_out=True) for floor in floors]
    found = []
    for row in rows(recordings, args.seeds):
        print(*row, sep=" | ", flush=True)
        found.append(row)
    table = markdown(("dead nodes", *(floor.name for floor in floors)), found)
    if args.report:
        rewrite(args.report, {SECTION: table})


if __name__ == "__main__":
    main()
