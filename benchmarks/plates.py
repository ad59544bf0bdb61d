"""How fast are plates read, and with how much memory? Frames of 720p, by stage, on one core and on two.

    python -m benchmarks.plates [DATA] [--frames FOLDER]

DATA is the folder `plates` of photographs. Each becomes a frame of 1280 x 720 as a lane's camera gives it,
scaled and cut around its plate. `--frames` keeps them in FOLDER for `benchmarks/plates_rivals.py`. Time is
told as CPU time, which other processes lengthen less, and as the clock has it.
"""

import argparse
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_agent.plates import models, reader
from edge_agent.plates.detector import Image, RetinaDetector
from edge_agent.plates.lattice import Decoder
from edge_agent.plates.reader import SIDE, PlateReader, open_recognisers
from edge_agent.plates.rectify import straighten

SIZE = (1280, 720)
FRAMES = 24
_PLATE_PX = 150.0


class Clock:
    """CPU time and time by the clock, added up by stage."""

    def __init__(self) -> None:
        self.cpu_s: defaultdict[str, float] = defaultdict(float)
        self.wall_s: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def run(self, stage: str) -> Iterator[None]:
        """Add what is done inside to `stage`."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu_s[stage] += time.process_time() - cpu
        self.wall_s[stage] += time.perf_counter() - wall

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, timed."""

        def timed(*arguments: Any, **options: Any) -> Any:
            with self.run(stage):
                return function(*arguments, **options)

        return timed


def frames_of(data: Path) -> list[tuple[str, Image]]:
    """Photographs as frames of a lane's camera: a plate of some 150 pixels, 1280 x 720 around it."""
    detector = RetinaDetector(models.model(models.DETECTOR))
    frames = []
    folders = (data / "easypr", data / "ccpd")
    paths = [path for folder in folders for path in sorted(folder.glob("*.jpg"))[: FRAMES // 2]]
    for path in paths:
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        found = detector.find(image, SIDE)
        if not found:
            continue
        scale = _PLATE_PX / found[0].box[2]
        x, y = found[0].quad.mean(0) * scale
        move = np.array([[scale, 0, SIZE[0] / 2 - x], [0, scale, SIZE[1] * 0.6 - y]])
        frame = cv2.warpAffine(image, move, SIZE, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
        frames.append((f"{path.parent.name}-{path.name}", np.asarray(frame, np.uint8)))
    return frames


def stages(frames: Sequence[Image], threads: int, side: int) -> tuple[Clock, int]:
    """Read all frames with the parts timed; how many plates were read."""
    clock = Clock()
    detector = RetinaDetector(models.model(models.DETECTOR), threads=threads)
    text, plate = open_recognisers(threads)
    detector.find = clock.around("find plates", detector.find)  # type: ignore[method-assign]
    text.read = clock.around("recognise, any text", text.read)  # type: ignore[method-assign]
    plate.read = clock.around("recognise, plates", plate.read)  # type: ignore[method-assign]
    plates = PlateReader(detector=detector, recognisers=(text, plate), side=side, threads=threads)
    decoder: Decoder = plates._decoder  # noqa: SLF001  # a benchmark may look inside
    decoder.search = clock.around("grammar", decoder.search)  # type: ignore[method-assign]
    decoder.score = clock.around("grammar", decoder.score)  # type: ignore[method-assign]
    reader.straighten = clock.around("straighten", straighten)  # type: ignore[attr-defined]
    plates.read(frames[0])  # the first one is slower: memory is taken, code loaded
    clock.cpu_s.clear()
    clock.wall_s.clear()
    count = 0
    for frame in frames:
        with clock.run("all"):
            count += len(plates.read(frame))
    return clock, count


def main() -> None:
    """Measure and print the tables of docs/plates.md."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data/plates"))
    parser.add_argument("--frames", type=Path, help="keep the frames here")
    options = parser.parse_args()
    named = frames_of(options.data)
    if options.frames:
        options.frames.mkdir(parents=True, exist_ok=True)
        for name, frame in named:
            cv2.imwrite(str(options.frames / Path(name).with_suffix(".png")), frame)
    frames = [frame for _, frame in named]
    for threads, side in ((2, SIDE), (1, SIDE), (1, 640)):
        cv2.setNumThreads(threads)
        clock, count = stages(frames, threads, side)
        print(f"\n{threads} threads, longer side {side}: {count} plates in {len(frames)} frames")
        for stage, cpu_s in clock.cpu_s.items():
            wall_ms = 1000 * clock.wall_s[stage] / len(frames)
            print(f"| {stage} | {1000 * cpu_s / len(frames):.1f} | {wall_ms:.1f} |", flush=True)
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    main()
