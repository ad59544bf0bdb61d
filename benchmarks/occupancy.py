"""People counted from what is heard: `python -m benchmarks.occupancy [--data FOLDER] [--report FILE]`.

Every method is scored on days that it has not seen: each day from all others, and half of the days from the
other half, in draws. Prints a Markdown table; with `--report docs/counts.md` it goes there. `--fixed FILE`
adds a line in which those addresses, which belong to no people, are left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from edge_agent.frames import Frame, parse_frame
from edge_agent.pcap import PcapFile
from mallsense.accuracy.report import rewrite
from mallsense.accuracy.tables import markdown
from mallsense.occupancy_folder import KINDS, find_days, read_counts, read_fixed, read_windows
from positioning.people.check import Agreement, columns
from positioning.people.heard import Floats
from positioning.people.model import PeopleModel, Windows
from positioning.people.turnover import Turnover

SECTION = "occupancy"
HEADER = (
    "method",
    "days left out",
    "bias",
    "inside 90 %",
    "width",
    "half of the days left out",
    "inside 90 %",
)
BASELINE_DBM = -85
WINDOW_S = 600
DRAWS = 20

Predict = Callable[[Windows, Windows], tuple[Floats, Floats, Floats]]
"""From windows to learn from and windows to estimate: people, low, high."""


def addresses(folder: Path, windows: Windows) -> Floats:
    """Return the number (W,) of different addresses heard at -85 dBm and more."""
    heard: list[set[bytes]] = [set() for _ in windows.start_s]
    for path in find_days(folder, ()).values():
        for packet in PcapFile(path):
            frame = parse_frame(packet.data, cut=packet.cut)
            i = int(np.searchsorted(windows.start_s, packet.t_ms // 1000, side="right")) - 1
            inside = i >= 0 and packet.t_ms // 1000 < windows.start_s[i] + WINDOW_S
            if isinstance(frame, Frame) and frame.rssi_dbm >= BASELINE_DBM and inside:
                heard[i].add(frame.address)
    return np.array([len(one) for one in heard], dtype=np.float64)


def mean(known: Windows, asked: Windows) -> tuple[Floats, Floats, Floats]:
    """Predict the mean, with the quantiles of what was counted."""
    low, high = np.quantile(known.people, (0.05, 0.95))
    like = np.ones(len(asked.people))
    return known.people.mean() * like, low * like, high * like


def line(known: Windows, asked: Windows) -> tuple[Floats, Floats, Floats]:
    """Predict by a straight line through the only number heard, with normal errors of constant spread."""
    slope, offset = np.polyfit(known.heard[:, 0], known.people, 1)
    half = 1.645 * np.std(offset + slope * known.heard[:, 0] - known.people)
    people = offset + slope * asked.heard[:, 0]
    return people, people - half, people + half


def ours(known: Windows, asked: Windows) -> tuple[Floats, Floats, Floats]:
    """Predict by the model."""
    return columns(PeopleModel.fit(known, WINDOW_S).estimate(asked))


def unfiltered(known: Windows, asked: Windows) -> tuple[Floats, Floats, Floats]:
    """Predict by the model as if every window stood alone."""
    model = PeopleModel.fit(known, WINDOW_S)
    found = model.turnover
    alone = Turnover(found.step, found.usual, 1.0, found.drift)
    return columns(dataclasses.replace(model, turnover=alone).estimate(asked))


def scored(windows: Windows, predict: Predict) -> tuple[str, ...]:
    """Return the cells of a method."""
    days = np.unique(windows.day)
    guess = np.zeros((3, len(windows.day)))
    for day in days:
        out = windows.day == day
        guess[:, out] = predict(windows.only(~out), windows.only(out))
    each = Agreement.of(guess[0], guess[1], guess[2], windows.people)
    halves = []
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        kept = np.isin(windows.day, rng.permutation(days)[: len(days) // 2])
        asked = windows.only(~kept)
        halves.append(Agreement.of(*predict(windows.only(kept), asked), asked.people))
    return (
        f"{each.error:.2f}",
        f"{each.bias:+.2f}",
        f"{each.inside:.0%}",
        f"{each.width:.1f}",
        f"{np.mean([half.error for half in halves]):.2f}",
        f"{np.mean([half.inside for half in halves]):.0%}",
    )


def rows(folder: Path, fixed: Path | None) -> Iterator[tuple[str, ...]]:
    """Give the lines of the table."""
    counts, days = read_counts(folder), find_days(folder, ())
    windows = read_windows(days, counts, WINDOW_S).counted()
    counted = dataclasses.replace(windows, heard=addresses(folder, windows)[:, None])
    yield ("always the mean", *scored(windows, mean))
    yield (f"unique addresses at {BASELINE_DBM} dBm, linear fit", *scored(counted, line))
    yield ("the same, in our model", *scored(counted, ours))
    yield ("**ours**", *scored(windows, ours))
    yield ("ours, every window alone", *scored(windows, unfiltered))
    for k, kind in enumerate(KINDS):
        only = dataclasses.replace(windows, heard=np.split(windows.heard, len(KINDS), axis=1)[k])
        yield (f"ours, {kind} alone", *scored(only, ours))
    if fixed:
        without = read_windows(days, counts, WINDOW_S, read_fixed(fixed)).counted()
        yield ("ours, without the addresses known to belong to no people", *scored(without, ours))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(os.environ.get("MALLSENSE_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=root / "probes" / "occupancy")
    parser.add_argument("--fixed", type=Path, help="addresses that belong to no people")
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    args = parser.parse_args()
    found = []
    for row in rows(args.data, args.fixed):
        print(*row, sep=" | ", flush=True)
        found.append(row)
    if args.report:
        rewrite(args.report, {SECTION: markdown(HEADER, found)})


if __name__ == "__main__":
    main()
