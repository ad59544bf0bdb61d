"""Other readers of plates, as shipped, on the frames of `benchmarks.plates`, each in its own environment.

    python -m venv rival
    rival/bin/pip install hyperlpr2               # or agentclpr onnxruntime, or rapidocr-onnxruntime==1.4.4
    rival/bin/pip uninstall --yes opencv-python   # hyperlpr2, agentclpr: Haar cascades and Caffe need 4.x
    rival/bin/pip install "opencv-python-headless<5"
    rival/bin/python benchmarks/plates_rivals.py hyperlpr2 FRAMES [READS.csv]

They want different releases of OpenCV and bring Flask and gevent, so they are not installed beside the
project, and this script imports nothing of it. FRAMES is a folder of pictures. Prints one row of the table in
docs/plates.md; READS.csv is for a scorer of `file,plate,confidence`.
"""

import csv
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2

Reads = Iterable[tuple[str, float]]
THREADS = 2


def hyperlpr2() -> Callable[[Any], Reads]:
    """HyperLPR 2."""
    from hyperlpr2 import HyperLPR_plate_recognition  # noqa: PLC0415  # each in an environment of its own

    cv2.setNumThreads(THREADS)
    return lambda image: [(found[0], float(found[1])) for found in HyperLPR_plate_recognition(image)]


def agentclpr() -> Callable[[Any], Reads]:
    """AgentCLPR with its own detector of text and recogniser."""
    from agentclpr import CLPSystem  # noqa: PLC0415

    system = CLPSystem()
    return lambda image: [(text, float(score)) for _, (text, score) in system(image)]


def rapidocr() -> Callable[[Any], Reads]:
    """RapidOCR on the whole picture: whatever text there is, without the dot between a plate's groups."""
    from rapidocr_onnxruntime import RapidOCR  # noqa: PLC0415

    engine = RapidOCR(intra_op_num_threads=THREADS, inter_op_num_threads=1)
    return lambda image: [
        ("".join(character for character in text if character.isalnum()), float(score))
        for _, text, score in engine(image)[0] or []
    ]


def main() -> None:
    """Read all frames with one of them."""
    name, folder, *rest = sys.argv[1:]
    read = {"hyperlpr2": hyperlpr2, "agentclpr": agentclpr, "rapidocr": rapidocr}[name]()
    rows: list[tuple[str, str, float]] = []
    wall_s = cpu_s = 0.0
    frames = sorted(path for path in Path(folder).iterdir() if path.suffix in {".jpg", ".png"})
    for path in frames:
        image = cv2.imread(str(path))
        started, started_cpu = time.perf_counter(), time.process_time()
        try:
            found = list(read(image))
        except Exception as error:  # noqa: BLE001  # as shipped: some stumble over plates at the border
            print(f"{path.name}: {error}", file=sys.stderr)
            found = []
        wall_s += time.perf_counter() - started
        cpu_s += time.process_time() - started_cpu
        rows += [(path.name, plate, confidence) for plate, confidence in found]
    if rest:
        with Path(rest[0]).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file", "plate", "confidence"), *rows])
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    count = len(frames)
    print(
        f"| {name} | {count / wall_s:.1f} | {1000 * wall_s / count:.0f} | {1000 * cpu_s / count:.0f} "
        f"| {memory_mb:.0f} |"
    )


if __name__ == "__main__":
    main()
