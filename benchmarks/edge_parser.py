"""Frames a second: our parser against others on the same frames, on one core, in one run.

    python -m benchmarks.edge_parser [--share 0.1]

Two sets of frames: all that were recorded (MALLSENSE_DATA or ../shared/data; every pcap, every frame), and a
busy channel made with scapy (`MIX`), since the recordings hold probe requests alone. A set is cut into parts,
and each part is given to every parser in turn, so that what else the machine does touches all alike; rates
are of processor time. scapy takes minutes for all frames: `--share` takes a part of them, for all parsers.

scapy: `RadioTap(frame)`, full dissection. dpkt: `dpkt.radiotap.Radiotap(frame)`. tshark: one process for all
parts, the fields a node needs, its start subtracted. On a sample every field is compared with scapy's.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from zlib import crc32

import dpkt
import dpkt.radiotap
from scapy.layers.dot11 import RadioTap

from benchmarks.fuzz_frames import real_frames
from edge_agent import elements
from edge_agent.frames import Refusal, parse_frame
from edge_agent.radiotap import FLAG_FCS_INCLUDED
from tests.edge_agent.helpers import pcap
from tests.edge_agent.helpers import radiotap as radio_header
from tests.edge_agent.made_frames import FrameMaker
from tests.edge_agent.scapy_oracle import agrees

PARTS = 10
COMPARED = 4_000
MADE = 20_000
MIX = {
    "control": 35,
    "beacon": 25,
    "downlink": 15,
    "encrypted_data": 10,
    "null": 6,
    "qos_null": 4,
    "ps_poll": 1,
    "probe_request": 3,
    "action": 1,
}
"""Of a hundred frames; what each is: tests/edge_agent/made_frames.py. The shares are a guess of a hall."""
FIELDS = "wlan.ta radiotap.dbm_antsignal radiotap.channel.freq wlan.fc.type_subtype wlan.seq radiotap.mactime"
Parser = Callable[[Sequence[bytes]], float]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--share", type=float, default=0.1, help="part of the recorded frames: 1 = all")
    every = round(1 / arguments.parse_args().share)
    print(f"{os.uname().machine}, Python {sys.version.split()[0]}, dpkt {dpkt.__version__}")
    everything = real_frames()
    compare("recorded", everything[::every])
    compare("a busy channel", busy_channel())
    sample = everything[:: max(1, len(everything) // COMPARED)]
    print(f"\nagainst scapy on {len(sample):,} recorded frames: {dict(Counter(map(_agreement, sample)))}")


def compare(name: str, frames: Sequence[bytes]) -> None:
    """Give every part to every parser, and print what each took."""
    parsers: dict[str, Parser] = {
        "ours": _each(parse_frame),
        "ours, nothing remembered": _each(_forgetful),
        "dpkt": _each(_dpkt),
        "scapy, full dissection": _each(RadioTap),
    }
    took: dict[str, list[float]] = {parser: [] for parser in parsers}
    for number in range(PARTS):
        part = frames[number::PARTS]
        for parser, work in parsers.items():
            took[parser].append(work(part) / len(part))
    took["tshark -T fields"] = [_tshark(frames) / len(frames)] * PARTS
    print(f"\n{name}: {len(frames):,} frames, {len(frames[0::PARTS]):,} a part")
    print(f"{'parser':26} {'frames/s':>10} {'us/frame':>9} {'ours is faster by':>18} {'lowest part':>12}")
    for parser, each_s in took.items():
        ratios = [theirs / ours for theirs, ours in zip(each_s, took["ours"], strict=True)]
        rate, slowest = 1 / median(each_s), min(ratios)
        print(f"{parser:26} {rate:10,.0f} {1e6 / rate:9.2f} {median(ratios):17.1f}x {slowest:11.1f}x")


def busy_channel() -> list[bytes]:
    """Make frames as a hall's channel has them: the header most drivers give, with FCS."""
    maker = FrameMaker(1)
    kinds = maker.random.choices(list(MIX), list(MIX.values()), k=MADE)
    frames = [bytes(getattr(maker, kind)()) for kind in kinds]
    return [
        radio_header(flags=FLAG_FCS_INCLUDED) + frame + crc32(frame).to_bytes(4, "little") for frame in frames
    ]


def _each(parse: Callable[[bytes], object]) -> Parser:
    def work(frames: Sequence[bytes]) -> float:
        start_s = time.process_time()
        for frame in frames:
            parse(frame)
        return time.process_time() - start_s

    return work


def _forgetful(frame: bytes) -> object:
    elements._known.clear()  # noqa: SLF001  # what every frame costs when no two are alike
    return parse_frame(frame)


def _dpkt(frame: bytes) -> object:
    try:
        return dpkt.radiotap.Radiotap(frame)
    except dpkt.UnpackError:
        return None


def _tshark(frames: Sequence[bytes]) -> float:
    """Give the processor time of a tshark, with its start subtracted."""
    command = ["tshark", "-n", "-T", "fields", *(word for field in FIELDS.split() for word in ("-e", field))]
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for given in ([], frames):
            path = Path(folder) / f"{len(given)}.pcap"
            path.write_bytes(pcap([(0, frame) for frame in given]))
            start_s = _children_s()
            subprocess.run(
                [*command, "-r", path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            took.append(_children_s() - start_s)
    return took[1] - took[0]


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _agreement(frame: bytes) -> str:
    ours = parse_frame(frame)
    if not agrees(frame, ours):
        return "different"
    return "both refuse" if isinstance(ours, Refusal) else "every field the same"


if __name__ == "__main__":
    main()
