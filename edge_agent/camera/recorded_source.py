"""Recordings of cameras as a source: merged in order of time, as fast as they are taken."""

import heapq
from collections.abc import Iterator, Mapping
from itertools import repeat
from types import MappingProxyType

from contracts.errors import ConfigurationError
from contracts.plates import CameraHealth
from contracts.site.model import Camera
from edge_agent.camera.picture import Picture, PlateReader
from edge_agent.camera.recording import Recording
from edge_agent.camera.watcher import OnReadings, Watcher
from edge_agent.sources.protocol import Heard

BLOCK_MS = 1_000
LONGEST_SILENCE_MS = 60_000
"""A longer one is a pause between recordings: no empty blocks are given for it."""


class RecordedCameras:
    """Plays recordings of one node's cameras. Event time is that of the files.

    Raises:
        ConfigurationError: there is no recording.

    """

    def __init__(
        self,
        node: str,
        recordings: Mapping[str, Recording],
        cameras: Mapping[str, Camera],
        reader: PlateReader,
        *,
        on_readings: Mapping[str, OnReadings] = MappingProxyType({}),
    ) -> None:
        if not recordings:
            raise ConfigurationError(f"node {node}: no recording of a camera", "Name one with --camera.")
        self._node = node
        self._recordings = dict(recordings)
        self._watchers = {
            name: Watcher(cameras[name], reader, on_readings=on_readings.get(name)) for name in recordings
        }

    @property
    def nodes(self) -> tuple[str, ...]:
        """The one node."""
        return (self._node,)

    @property
    def first_ms(self) -> int:
        """Time of the first picture, not shifted."""
        return min(recording.first_ms for recording in self._recordings.values())

    @property
    def fraction(self) -> float:
        """How much has been played, from 0 to 1."""
        return sum(one.fraction for one in self._recordings.values()) / len(self._recordings)

    @property
    def files(self) -> int:
        """How many recordings there are."""
        return len(self._recordings)

    @property
    def shift_ms(self) -> int:
        """What is added to all times."""
        return next(iter(self._recordings.values())).shift_ms

    @shift_ms.setter
    def shift_ms(self, by_ms: int) -> None:
        for recording in self._recordings.values():
            recording.shift_ms = by_ms

    def blocks(self) -> Iterator[Heard]:
        """Give a block for every second of the recordings."""
        heard: Heard | None = None
        last_ms = 0
        for (t_ms, image), name in self._pictures():
            last_ms = t_ms
            end_ms = t_ms // BLOCK_MS * BLOCK_MS + BLOCK_MS
            if heard is None:
                heard = Heard(self._node, end_ms)
            while heard.complete_to_ms < end_ms:
                yield heard
                pause = end_ms - heard.complete_to_ms > LONGEST_SILENCE_MS
                heard = Heard(self._node, end_ms if pause else heard.complete_to_ms + BLOCK_MS)
            heard.plates += self._watchers[name].look(t_ms, image)
        if heard is None:
            return
        for watcher in self._watchers.values():
            heard.plates += watcher.end(last_ms)
        if broken := sum(recording.broken for recording in self._recordings.values()):
            heard.skipped["broken_picture"] = broken
        yield heard

    def health(self) -> list[CameraHealth]:
        """Say how the cameras are."""
        return [
            CameraHealth(
                camera=name,
                frames=recording.frames,
                still=self._watchers[name].still,
                passages=self._watchers[name].passages,
                trouble=recording.trouble.kind if recording.trouble else None,
                advice=recording.trouble.advice if recording.trouble else "",
            )
            for name, recording in self._recordings.items()
        ]

    def _pictures(self) -> Iterator[tuple[Picture, str]]:
        """Merge the recordings by time."""
        named = (zip(recording, repeat(name)) for name, recording in self._recordings.items())
        return heapq.merge(*named, key=lambda one: one[0].t_ms)
