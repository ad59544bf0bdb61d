"""Video of a car park's two lanes, with the truth: what drove through, when, and how it was to be seen."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from contracts.errors import ConfigurationError
from contracts.site.model import Camera, Heading, Lane, LaneDirection
from simulators.car_park.lens import Lens
from simulators.car_park.plate_picture import Image
from simulators.car_park.scene import draw_driving, empty_scene
from simulators.car_park.traffic import LANES, Traffic
from simulators.car_park.weather import WEATHERS, Atmosphere, Weather

FPS = 12.5
TAIL_S = 3.0
"""After the last car has left, so that it is seen to be gone."""
READABLE_PX = 60
"""A plate is in view while it is at least so wide, and whole."""
CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "MJPG", ".webm": "VP80"}
COLUMNS = (
    "passage",
    "plate",
    "kind",
    "lane",
    "direction",
    "seen_ms",
    "gone_ms",
    "weather",
    "dirt",
    "width_px",
)


@dataclass(slots=True)
class SeenPassage:
    """A car that drove through, and while its plate could be read."""

    passage: int
    plate: str
    kind: str
    lane: str
    direction: str
    seen_ms: int
    gone_ms: int
    weather: str
    dirt: float
    width_px: float
    """The widest that its plate was."""


def camera_of_video(camera: str = "lanes") -> Camera:
    """Give the camera with its lanes as a site file has it: entry on the left, exit on the right."""
    top, middle = 0.42, 0.5
    left = [(0.0, top), (middle, top), (middle, 1.0), (0.0, 1.0)]
    right = [(middle, top), (1.0, top), (1.0, 1.0), (middle, 1.0)]
    return Camera(
        id=camera,
        lanes=[
            Lane(id="entry", direction=LaneDirection.IN, heading=Heading.DOWN, region=left),
            Lane(id="exit", direction=LaneDirection.OUT, heading=Heading.UP, region=right),
        ],
    )


class LaneVideo:
    """Draws pictures of passing cars; `truth` fills as they are drawn."""

    def __init__(
        self,
        passages: int,
        *,
        seed: int = 1,
        weather: Weather = WEATHERS[0],
        fps: float = FPS,
        lens: Lens | None = None,
        start_ms: int = 0,
        mean_gap_s: float = 5.0,
    ) -> None:
        self.truth: dict[int, SeenPassage] = {}
        self.fps = fps
        self.lens = lens or Lens()
        self._weather = weather
        self._start_ms = start_ms
        self._rng = np.random.default_rng((seed, 7))
        self._traffic = Traffic(np.random.default_rng(seed), passages, mean_gap_s)

    def __iter__(self) -> Iterator[tuple[int, Image]]:
        """Give pictures with their event time in milliseconds."""
        scene = empty_scene(self.lens, self._rng)
        atmosphere = Atmosphere(self._weather, self.lens, self._rng)
        number, tail = 0, 0
        while tail < TAIL_S * self.fps:
            at_s = number / self.fps
            cars = self._traffic.advance(at_s)
            image = scene.copy()
            t_ms = self._start_ms + round(at_s * 1000)
            for car in cars:
                corners = draw_driving(image, self.lens, car, self._weather.night)
                self._note(car.passage, t_ms, corners)
            yield t_ms, atmosphere.apply(image, cars)
            number += 1
            tail += self._traffic.done

    def _note(self, passage: int, t_ms: int, corners: np.ndarray) -> None:
        low, high = corners.min(axis=0), corners.max(axis=0)
        whole = (low >= 0).all() and high[0] < self.lens.width and high[1] < self.lens.height
        width_px = float(high[0] - low[0])
        if not whole or width_px < READABLE_PX:
            return
        if passage in self.truth:
            seen = self.truth[passage]
            seen.gone_ms, seen.width_px = t_ms, max(seen.width_px, width_px)
            return
        car = next(c for cars in self._traffic.driving.values() for c in cars if c.passage == passage)
        self.truth[passage] = SeenPassage(
            passage,
            car.plate.text,
            str(car.plate.kind),
            car.lane,
            str(LANES[car.lane]),
            t_ms,
            t_ms,
            self._weather.name,
            round(car.look.dirt, 3),
            width_px,
        )


def write_video(video: LaneVideo, path: Path) -> int:
    """Write pictures as a video, and `truth.csv` beside it; give the number of pictures.

    Raises:
        ConfigurationError: the file's name tells no format that OpenCV writes, or it cannot be written.

    """
    codec = CODECS.get(path.suffix.lower())
    if codec is None:
        raise ConfigurationError(f"{path}: expected a name that ends in {', '.join(CODECS)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{path.parent}: cannot be made: {error.strerror}") from error
    size = (video.lens.width, video.lens.height)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), video.fps, size)
    if not writer.isOpened():
        raise ConfigurationError(f"{path}: OpenCV cannot write this video", "Try .avi.")
    count = 0
    for _, image in video:
        writer.write(image)
        count += 1
    writer.release()
    write_truth(video, path.with_name("truth.csv"))
    return count


def write_truth(video: LaneVideo, path: Path) -> None:
    """Write what drove through."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for seen in video.truth.values():
            rows.writerow(getattr(seen, column) for column in COLUMNS)


def read_truth(path: Path) -> list[SeenPassage]:
    """Read what `write_truth` has written.

    Raises:
        ConfigurationError: it cannot be read, or is something else.

    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                SeenPassage(
                    int(row["passage"]),
                    row["plate"],
                    row["kind"],
                    row["lane"],
                    row["direction"],
                    int(row["seen_ms"]),
                    int(row["gone_ms"]),
                    row["weather"],
                    float(row["dirt"]),
                    float(row["width_px"]),
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{path}: no truth of a drawn video", "`mallsense car-park video` writes it beside the video."
        ) from error
