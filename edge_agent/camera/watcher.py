"""One camera's pictures, from the motion gate to what is said of passing cars. No clock, no threads."""

from collections.abc import Callable, Iterator, Sequence
from secrets import token_hex

import numpy as np

from contracts.site.model import Camera
from edge_agent.camera.lanes import LaneView, box_around
from edge_agent.camera.motion import MotionGate
from edge_agent.camera.passages import Passages
from edge_agent.camera.picture import Image, PlateReader, Quad, Reading
from edge_agent.sources.protocol import PlateSighting

LOOK_MS = 95
"""Pictures that follow sooner are passed over: ten a second are enough."""
READ_MS, READ_KNOWN_MS = 140, 350
"""Plates are read so often, and so often where all that are followed are known: reading is what costs."""
EDGE_PX = 3
"""A plate that comes so near to the edge of what was read is cut, and would be read as a shorter one."""
LONGEST_GAP_MS = 60_000
"""A longer silence, or a step back, ends what was followed: nobody knows what happened meanwhile."""

OnReadings = Callable[[int, Image, Sequence[Reading]], None]


class _Moved:
    """A reading of a part of the picture, with its corners in the whole."""

    def __init__(self, reading: Reading, left: int, top: int) -> None:
        self.text, self.confidence = reading.text, reading.confidence
        self.alternatives = reading.alternatives
        corner = np.array([left, top], dtype=np.float32)
        self.quad: Quad = np.asarray(reading.quad, dtype=np.float32).reshape(-1, 2) + corner


class Watcher:
    """Watches one camera."""

    def __init__(
        self,
        camera: Camera,
        reader: PlateReader,
        *,
        new_id: Callable[[], str] = lambda: token_hex(8),
        on_readings: OnReadings | None = None,
    ) -> None:
        """`on_readings` is shown every picture that was read, with what was read: for diagnosis."""
        self.still = 0
        """Pictures in which nothing moved."""
        self.read = 0
        self._camera = camera
        self._reader = reader
        self._new_id = new_id
        self._on_readings = on_readings
        self._size = (0, 0)
        self._last_ms: int | None = None
        self._read_ms = -READ_MS
        self._before = 0
        self._passages = Passages(camera.id, (), new_id)
        self._gate = MotionGate(())

    @property
    def passages(self) -> int:
        """Cars that were told of."""
        return self._before + self._passages.passages

    def look(self, t_ms: int, image: Image) -> Iterator[PlateSighting]:
        """Take a picture; give what is to be said."""
        last_ms = self._last_ms
        if last_ms is not None and not 0 <= t_ms - last_ms <= LONGEST_GAP_MS:
            yield from self.end(last_ms)
        elif last_ms is not None and t_ms - last_ms < LOOK_MS:
            return
        self._last_ms = t_ms
        if image.shape[:2] != self._size:
            yield from self._resize(t_ms, image)
        moving = self._gate.open(t_ms, image)
        if not moving:
            self.still += 1
            yield from self._passages.still(t_ms)
            return
        every_ms = READ_KNOWN_MS if self._passages.all_known else READ_MS
        if t_ms - self._read_ms < every_ms:
            return
        self._read_ms = t_ms
        self.read += 1
        readings = self._readings(image, moving)
        if self._on_readings is not None:
            self._on_readings(t_ms, image, readings)
        yield from self._passages.look(t_ms, readings, moving)

    def end(self, t_ms: int) -> Iterator[PlateSighting]:
        """End what is followed: no picture comes any more, or one of another time."""
        yield from self._passages.end_all(t_ms)
        self._gate.forget()
        self._last_ms, self._read_ms = None, -READ_MS

    def _readings(self, image: Image, moving: Sequence[LaneView]) -> list[_Moved]:
        box = box_around([lane.box for lane in moving])
        part = np.ascontiguousarray(image[box.top : box.bottom, box.left : box.right])
        found = (reading for reading in self._reader.read(part) if _is_whole(reading, part))
        return [_Moved(reading, box.left, box.top) for reading in found]

    def _resize(self, t_ms: int, image: Image) -> Iterator[PlateSighting]:
        """Make the lanes anew, for pictures of this size."""
        yield from self._passages.end_all(t_ms)
        self._before += self._passages.passages
        height, width = image.shape[:2]
        self._size = (height, width)
        lanes = [LaneView(lane, width, height) for lane in self._camera.lanes]
        self._passages = Passages(self._camera.id, lanes, self._new_id)
        self._gate = MotionGate(lanes)


def _is_whole(reading: Reading, image: Image) -> bool:
    corners = np.asarray(reading.quad, dtype=np.float64).reshape(-1, 2)
    height, width = image.shape[:2]
    low, high = corners.min(axis=0), corners.max(axis=0)
    return bool((low > EDGE_PX).all() and high[0] < width - EDGE_PX and high[1] < height - EDGE_PX)
