"""The reader of plates, as cameras use it: ten pictures a second show a car, so each may cost little.

A picture is searched once, at a moderate size, and what is too small to be read is not tried: the car comes
nearer. `mallsense plates`, which has one picture of each car, searches more.
"""

from edge_agent.camera.picture import Image
from edge_agent.plates import models
from edge_agent.plates.detector import RetinaDetector
from edge_agent.plates.reader import PlateReader
from edge_agent.plates.reading import Reading

SIDE_PX = 1280
"""The longer side of what is searched, at most: lanes of 720p are searched as they are."""
NARROWEST_PX = 44
"""Plates less wide are left for a later picture."""
LEAST_CONFIDENCE = 0.1


class LaneReader:
    """Reads the plates of pictures of lanes. One reader belongs to one thread.

    Raises:
        UnavailableError: a network is not there or cannot be read.

    """

    def __init__(self, *, threads: int = 1) -> None:
        self._detector = RetinaDetector(models.model(models.DETECTOR), threads=threads)
        self._reader = PlateReader(threads=threads, detector=self._detector)

    def read(self, image: Image) -> list[Reading]:
        """Give the plates in a picture."""
        side = min(max(image.shape[:2]), SIDE_PX)
        found = [
            self._reader.read_plate(image, detection)
            for detection in self._detector.find(image, side)
            if float(detection.quad[:, 0].max() - detection.quad[:, 0].min()) >= NARROWEST_PX
        ]
        return [reading for reading in found if reading and reading.confidence >= LEAST_CONFIDENCE]
