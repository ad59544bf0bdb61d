"""Who is one phone: `python -m benchmarks.device_crowds [--data FOLDER] [--report FILE]`.

Captures of single devices are overlaid as one crowd, whose labels are then known. With twins, each recording
is cut into as many pieces, which are overlaid as devices of the same model. Prints two Markdown tables: how
well methods put frames together (V-measure over frames, devices found for devices there), and how well ours
does in crowds of random halves of the devices, with the rates of false links. With `--report
docs/identity.md` they go there.
"""

from __future__ import annotations

import argparse
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.recorded import FOLDER
from edge_agent.pcap import RADIOTAP, PcapFile
from mallsense.accuracy.report import rewrite
from mallsense.accuracy.tables import markdown
from mallsense.devices import CARRIED_OVER, Frames, link, read_frames
from positioning.identity import Habits
from simulators.scoring_identity import IdentityScore, score_identity, v_measure

Ints = npt.NDArray[np.int64]
Recordings = Mapping[str, Sequence[tuple[int, bytes]]]
"""Of each device its captured packets, (t_ms, packet), in order of time."""

MODES = ("S", "A", "PS", "PA", "WS", "WA")
"""Screen and power states of the captures of Pintor and Atzori (2021)."""
TWINS = (1, 2, 4)
HALVES = 10
START_MS = 1_700_000_000_000
_SENDER_ENDS = 15
"""Bytes from the start of the 802.11 header to the last one of the transmitter's address."""


class Crowd(NamedTuple):
    """Devices that were recorded one by one, as if together."""

    frames: Frames
    label: Ints
    """(N,) the device that sent each frame of the capture."""


def recordings(folder: Path, mode: str, *, new: bool = False) -> Recordings:
    """Read the captures of a mode; ``new``: also those that are marked so.

    Raises:
        SystemExit: there are none.
    """
    found = {}
    for device in sorted(folder.glob("device-*")):
        paths = [*device.glob(f"*-mode{mode}-*"), *(device.glob(f"*-mode{mode}_new-*") if new else ())]
        packets = sorted(
            ((packet.t_ms, packet.data) for path in sorted(paths) for packet in PcapFile(path)),
            key=lambda packet: packet[0],
        )
        if packets:
            found[device.name] = packets
    if not found:
        raise SystemExit(f"no captures of mode {mode} under {folder}; set MALLSENSE_DATA or give --data")
    return found


def overlay(recorded: Recordings, twins: int = 1) -> Crowd:
    """Make one crowd: all start at once; a twin sends a piece of the recording from addresses of its own."""
    packets = []
    for number, recording in enumerate(recorded.values()):
        start_ms = recording[0][0]
        piece_ms = (recording[-1][0] - start_ms) / twins + 1
        for t_ms, packet in recording:
            twin = int((t_ms - start_ms) // piece_ms)
            since_ms = int(t_ms - start_ms - twin * piece_ms)
            packets.append((START_MS + since_ms, _sent_by_twin(packet, twin), number * twins + twin))
    packets.sort(key=lambda packet: packet[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crowd.pcap"
        write_capture(path, [packet[:2] for packet in packets])
        return Crowd(read_frames([path]), np.array([packet[2] for packet in packets], dtype=np.int64))


def write_capture(path: Path, packets: Sequence[tuple[int, bytes]]) -> None:
    """Write (t_ms, packet) as a capture."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, RADIOTAP))
        for t_ms, packet in packets:
            second, ms = divmod(t_ms, 1000)
            file.write(struct.pack("<IIII", second, 1000 * ms, len(packet), len(packet)) + packet)


def _sent_by_twin(packet: bytes, twin: int) -> bytes:
    """Return the packet as a twin sends it: another address, all else kept."""
    at = struct.unpack_from("<H", packet, 2)[0] + _SENDER_ENDS
    if not twin or at >= len(packet):
        return packet
    return packet[:at] + bytes((packet[at] ^ (0x35 * twin & 0xFF),)) + packet[at + 1 :]


def by_address(frames: Frames) -> Ints:
    """Take every address for a device."""
    return np.unique(frames.address, return_inverse=True)[1]


def by_elements(frames: Frames) -> Ints:
    """Take all frames with the same elements for a device."""
    return np.unique(frames.form, return_inverse=True)[1]


def by_elements_merged(frames: Frames) -> Ints:
    """Take all frames with the same elements for a device; elements under one address count as the same."""
    address, form = by_address(frames), by_elements(frames)
    count = int(address.max()) + 1
    size = count + int(form.max()) + 1
    seen = coo_array((np.ones(len(form)), (address, count + form)), shape=(size, size))
    part: Ints = connected_components(seen, directed=False)[1].astype(np.int64)
    return part[address]


def ours(frames: Frames) -> Ints:
    """Link addresses as `mallsense devices` does: read once to learn habits, once to link."""
    habits = link(frames, Habits()).habits.carried_over(CARRIED_OVER)
    return link(frames, habits).device


METHODS: dict[str, Callable[[Frames], Ints]] = {
    "one address, one device": by_address,
    "hash of the elements": by_elements,
    "the same, merged under one address": by_elements_merged,
    "**ours**": ours,
}


class Found(NamedTuple):
    """How a method did."""

    v: float
    devices: int
    links: IdentityScore

    @classmethod
    def of(cls, crowd: Crowd, device: Ints) -> Found:
        """Score a method's devices (F,); a frame that it left out counts as a device of its own."""
        frames, label = crowd.frames, crowd.label
        whole = -1 - np.arange(len(label))
        whole[frames.number] = device
        address = np.unique(frames.address, return_inverse=True)[1]
        links = score_identity(frames.t_ms, address, label[frames.number], device)
        return cls(v_measure(label, whole)[2], len(np.unique(whole)), links)


def methods_rows(folder: Path) -> Iterator[tuple[str, ...]]:
    """Give the lines of the table of methods."""
    for new in (False, True):
        for mode in MODES:
            recorded = recordings(folder, mode, new=new)
            if new and len(recorded) == len(recordings(folder, mode)):
                continue
            for twins in TWINS:
                crowd = overlay(recorded, twins)
                found = [Found.of(crowd, method(crowd.frames)) for method in METHODS.values()]
                cells = (f"{one.v:.3f}, {one.devices}" for one in found)
                yield (
                    f"{mode}{' and new' if new else ''}",
                    str(twins),
                    str(len(np.unique(crowd.label))),
                    *cells,
                )


def halves_rows(folder: Path, draws: int) -> Iterator[tuple[str, ...]]:
    """Give the lines of the table of random halves."""
    for mode in MODES:
        recorded = recordings(folder, mode, new=True)
        for twins in TWINS:
            crowds = [overlay(half, twins) for half in halves(recorded, draws)]
            found = [Found.of(crowd, ours(crowd.frames)) for crowd in crowds]
            off = np.array(
                [
                    one.devices / len(np.unique(crowd.label)) - 1
                    for one, crowd in zip(found, crowds, strict=True)
                ]
            )
            v = np.array([one.v for one in found])
            yield (
                mode,
                str(twins),
                f"{v.mean():.3f}",
                f"{v.min():.3f}",
                f"{off.mean():+.0%}",
                f"{np.abs(off).mean():.0%}",
                _pooled([(one.links.false_merge_rate, one.links.links) for one in found]),
                _pooled([(one.links.false_split_rate, one.links.changes) for one in found]),
            )


def halves(recorded: Recordings, draws: int) -> Iterator[Recordings]:
    """Give random halves of the devices."""
    rng = np.random.default_rng(0)
    names = sorted(recorded)
    for _ in range(draws):
        yield {name: recorded[name] for name in rng.permutation(names)[: (len(names) + 1) // 2].tolist()}


def _pooled(rates: Sequence[tuple[float, int]]) -> str:
    """Return the rate over all crowds and of how many; crowds without a link or a change have none."""
    total = sum(count for _, count in rates)
    wrong = sum(rate * count for rate, count in rates if count)
    return f"{wrong / total:.1%} of {total:,}" if total else "-"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=FOLDER / "probes" / "labelled")
    parser.add_argument("--halves", type=int, default=HALVES, help="random halves of the devices, per line")
    parser.add_argument("--report", type=Path, help="Markdown file with sections for the tables")
    args = parser.parse_args()
    crowds = markdown(("mode", "twins", "devices", *METHODS), _told(methods_rows(args.data)))
    header = ("mode", "twins", "V", "worst", "count off by", "either way", "false links", "missed changes")
    drawn = markdown(header, _told(halves_rows(args.data, args.halves)))
    if args.report:
        rewrite(args.report, {"crowds": crowds, "halves": drawn})


def _told(rows: Iterator[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        print(*row, sep=" | ", flush=True)
        yield row


if __name__ == "__main__":
    main()
