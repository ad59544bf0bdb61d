"""Live cameras as a source, alone or beside the radios of the same node."""

import threading
from collections.abc import Iterator

from contracts.messages import RadioHealth
from contracts.plates import CameraHealth
from edge_agent.camera.live_cameras import LiveCameras
from edge_agent.sources.live import LiveSource
from edge_agent.sources.protocol import Heard, PlateSighting

BLOCK_MS = 1_000
LONGEST_GAP_MS = 60_000
"""A process that was stopped for longer goes on from now."""


class LiveCameraSource:
    """What the cameras of a node see now, and what its radios hear where it has any.

    Blocks come every second: from the radios, and the cameras put what they have said into them; without
    radios by the clock. What was said late belongs to the block in which it was said.
    """

    def __init__(self, node: str, cameras: LiveCameras, radios: LiveSource | None = None) -> None:
        self._node = node
        self._cameras = cameras
        self._radios = radios
        self._stop = threading.Event()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The one node."""
        return (self._node,)

    @property
    def clock_steps(self) -> int:
        """How often the machine's clock was set since the start."""
        return self._cameras.clock_steps if self._radios is None else self._radios.clock_steps

    def radios(self) -> list[RadioHealth]:
        """Say how the radios are."""
        return [] if self._radios is None else self._radios.radios()

    def cameras(self) -> list[CameraHealth]:
        """Say how the cameras are."""
        return self._cameras.health()

    def blocks(self) -> Iterator[Heard]:
        """Give a block a second, for ever, or until it is closed."""
        for block in self._heartbeats() if self._radios is None else self._radios.blocks():
            block.plates += [_within(block, sighting) for sighting in self._cameras.take()]
            yield block

    def close(self) -> None:
        """Stop."""
        self._stop.set()

    def _heartbeats(self) -> Iterator[Heard]:
        given_ms = self._cameras.now_ms() // BLOCK_MS * BLOCK_MS
        while not self._stop.is_set():
            now_ms = self._cameras.now_ms()
            if now_ms < given_ms - BLOCK_MS or now_ms > given_ms + LONGEST_GAP_MS:
                given_ms = now_ms // BLOCK_MS * BLOCK_MS  # the clock was set, or the process slept
            elif now_ms < given_ms + BLOCK_MS:
                self._stop.wait((given_ms + BLOCK_MS - now_ms) / 1000)
                continue
            else:
                given_ms += BLOCK_MS
            yield Heard(self._node, given_ms)


def _within(block: Heard, sighting: PlateSighting) -> PlateSighting:
    """Say it within the stretch of the block: what came before is complete already."""
    first_ms, last_ms = block.complete_to_ms - BLOCK_MS, block.complete_to_ms - 1
    return sighting.at(min(max(sighting.t_ms, first_ms), last_ms))
