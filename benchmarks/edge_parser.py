"""Frames a second: our parser against others on the same real frames, on one core, in one run.

    python benchmarks/edge_parser.py [--scapy-frames 4000]

Real frames come from MALLSENSE_DATA or ../shared/data. dpkt is measured where it is installed, tshark where
it is found. Rates are of CPU time, so what else the machine does hardly matters. On the frames that scapy is
given, every field is compared.
"""

import argparse
import importlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from edge_agent import elements  # noqa: E402  # found once the root is on the path
from edge_agent.frames import Refusal, parse_frame  # noqa: E402
from edge_agent.pcap import PcapFile  # noqa: E402
from edge_agent.sources.pcap import PcapSource  # noqa: E402

DATA = Path(os.environ.get("MALLSENSE_DATA") or ROOT.parent / "shared" / "data") / "probes"


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument(
        "--scapy-frames", type=int, default=4000, help="as many are given to the slow ones"
    )
    few = arguments.parse_args().scapy_frames
    files = sorted(DATA.rglob("*.pcap.gz"))
    if not files:
        sys.exit(f"no captures in {DATA}: set MALLSENSE_DATA")
    frames = [packet.data for file in files for packet in PcapFile(file)]
    some = frames[:: max(1, len(frames) // few)]
    rates = {
        "ours": best(lambda: [parse_frame(frame) for frame in frames], len(frames)),
        "ours, no elements remembered": best(lambda: [_forgetful(frame) for frame in frames], len(frames)),
        "ours, file to observations": best(lambda: list(PcapSource("n1", [DATA]).blocks()), len(frames)),
        "scapy, full dissection": best(lambda: _scapy(some), len(some), runs=2),
    }
    if importlib.util.find_spec("dpkt"):
        rates["dpkt"] = best(lambda: _dpkt(some), len(some), runs=2)
    if shutil.which("tshark"):
        rates["tshark, one pass, seven fields"] = _tshark(files, len(frames))
    print(f"{len(frames):,} frames of {len(files)} captures")
    print(f"\n{'parser':32} {'frames/s':>10} {'us/frame':>9} {'ours is faster by':>18}")
    for name, rate in rates.items():
        print(f"{name:32} {rate:10,.0f} {1e6 / rate:9.2f} {rates['ours'] / rate:17.1f}x")
    _agreement(some)


def best(work: Callable[[], object], count: int, runs: int = 4) -> float:
    """Give the rate of the fastest of a few runs: other processes only ever make one slower."""
    took = []
    for _ in range(runs):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return count / min(took)


def _forgetful(frame: bytes) -> object:
    elements._known.clear()  # noqa: SLF001  # what every frame costs when no two are alike
    return parse_frame(frame)


def _scapy(frames: Sequence[bytes]) -> None:
    from scapy.layers.dot11 import RadioTap  # noqa: PLC0415  # takes a second to import

    for frame in frames:
        RadioTap(frame)


def _dpkt(frames: Sequence[bytes]) -> None:
    radiotap = importlib.import_module("dpkt.radiotap")
    for frame in frames:
        radiotap.Radiotap(frame)


def _tshark(files: Sequence[Path], count: int) -> float:
    """Time tshark on one file that holds all frames, with its start subtracted."""
    fields = [
        "wlan.ta",
        "radiotap.dbm_antsignal",
        "radiotap.channel.freq",
        "wlan.fc.type_subtype",
        "wlan.seq",
    ]
    fields += ["radiotap.mactime", "wlan.tag.number"]
    command = ["tshark", "-n", "-T", "fields", *(word for field in fields for word in ("-e", field)), "-r"]
    with tempfile.TemporaryDirectory() as folder:
        whole, empty = Path(folder) / "whole.pcap", Path(folder) / "empty.pcap"
        whole.write_bytes(_joined(files))
        empty.write_bytes(whole.read_bytes()[:24])
        took = []
        for path in (empty, whole):
            start = _children_s()
            subprocess.run([*command, path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            took.append(_children_s() - start)
    return count / (took[1] - took[0])


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _joined(files: Sequence[Path]) -> bytes:
    head = bytes.fromhex("d4c3b2a1020004000000000000000000000004007f000000")
    parts = [head]
    for file in files:
        for packet in PcapFile(file):
            size = len(packet.data).to_bytes(4, "little")
            seconds, ms = divmod(packet.t_ms, 1000)
            parts += [
                seconds.to_bytes(4, "little"),
                (ms * 1000).to_bytes(4, "little"),
                size,
                size,
                packet.data,
            ]
    return b"".join(parts)


def _agreement(frames: Sequence[bytes]) -> None:
    from tests.edge_agent.scapy_oracle import expected  # noqa: PLC0415  # imports scapy

    outcomes: Counter[str] = Counter()
    for frame in frames:
        ours = parse_frame(frame)
        same = ours == expected(frame)
        outcomes[
            "both refuse" if isinstance(ours, Refusal) and same else "the same" if same else "different"
        ] += 1
    print(f"\nagainst scapy on {len(frames):,} frames, every field: {dict(outcomes)}")


if __name__ == "__main__":
    main()
