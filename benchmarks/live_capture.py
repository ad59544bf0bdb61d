"""What it costs to listen: frames from the kernel to observations, and what the kernel's filter saves.

    python -m benchmarks.live_capture [--seconds 20] [--rate 200]

Three TAP devices with the link type of monitor interfaces stand for radios; another process writes probe
requests into them, and four beacons to each. Needs root.
"""

import argparse
import itertools
import multiprocessing
import resource
import time

from contracts.site.model import Radio
from edge_agent.sources.live import LiveSource
from tests.edge_agent.helpers import AP, element, header, probe, radiotap
from tests.edge_agent.tap import MonitorTap

RADIOS = 3
BEACONS = 4
"""To each frame of a phone."""
_EVERY_S = 0.05


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=int, default=200, help="frames of phones a second and radio")
    options = parser.parse_args()
    taps = [MonitorTap(f"msbench{number}") for number in range(RADIOS)]
    writer = multiprocessing.get_context("fork").Process(
        target=write, args=(taps, options.seconds + 5, options.rate), daemon=True
    )
    writer.start()
    with LiveSource("n1", [Radio(interface=tap.name) for tap in taps]) as source:
        blocks = source.blocks()
        for _ in range(3):
            next(blocks)
        started_s = time.process_time()
        frames = sum(block.frames for block in itertools.islice(blocks, options.seconds))
        used_s = time.process_time() - started_s
        dropped = sum(radio.dropped for radio in source.radios())
    print(f"{frames / options.seconds:,.0f} frames a second of {RADIOS} radios, {dropped} dropped")
    print(f"{1e6 * used_s / frames:.1f} us a frame, {100 * used_s / options.seconds:.1f} % of a core")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    writer.kill()


def write(taps: list[MonitorTap], seconds: int, rate: int) -> None:
    """Let the radios hear phones and beacons at an even rate."""
    beacon = radiotap() + header(0x80, by=AP, third=AP) + bytes(12) + element(0, b"mall") + bytes(200)
    frames = [probe(by=bytes((2, 0, 0, 0, 0, number)), sequence=number) for number in range(200)]
    started_s = time.monotonic()
    for turn in range(int(seconds / _EVERY_S)):
        for tap in taps:
            for number in range(int(rate * _EVERY_S)):
                tap.hear(frames[number % len(frames)], *[beacon] * BEACONS)
        time.sleep(max(started_s + (turn + 1) * _EVERY_S - time.monotonic(), 0))


if __name__ == "__main__":
    main()
