"""How a node is: counters of what it heard, and what only real hardware knows."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from contracts.messages import NodeHealth, RadioHealth
from contracts.plates import CameraHealth, PlateChange
from edge_agent.machine import clock_synchronised, read_throttled
from edge_agent.sources.protocol import Heard

_THERMAL = Path("/sys/class/thermal")
_MEMORY = Path("/proc/meminfo")


class Vitals(NamedTuple):
    """What the machine itself says; None where it does not say."""

    temperature_c: float | None = None
    disk_free_bytes: int | None = None
    memory_free_bytes: int | None = None


def read_vitals(folder: Path, *, thermal: Path = _THERMAL, memory: Path = _MEMORY) -> Vitals:
    """Read the hottest sensor, the free bytes of the disk that holds `folder`, and the available memory."""
    return Vitals(_temperature_c(thermal), _disk_free_bytes(folder), _memory_free_bytes(memory))


def _temperature_c(thermal: Path) -> float | None:
    found = []
    for sensor in thermal.glob("thermal_zone*/temp"):
        try:
            found.append(int(sensor.read_text()) / 1000)
        except (OSError, ValueError):
            continue  # a sensor that is switched off answers with an error
    return max(found, default=None)


def _disk_free_bytes(folder: Path) -> int | None:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize


def _memory_free_bytes(memory: Path) -> int | None:
    try:
        lines = memory.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


@dataclass(slots=True)
class NodeCounters:
    """What one node has heard since the agent started."""

    complete_to_ms: int = 0
    frames: int = 0
    observations: int = 0
    passages: int = 0
    """Cars that cameras have seen."""
    skipped: Counter[str] = field(default_factory=Counter)

    def count(self, heard: Heard) -> None:
        """Add a block that has become observations."""
        self.complete_to_ms = heard.complete_to_ms
        self.frames += heard.frames
        self.observations += len(heard.t_ms)
        self.passages += sum(sighting.change is PlateChange.NEW for sighting in heard.plates)
        if heard.skipped:
            self.skipped.update(heard.skipped)

    def health(
        self,
        node: str,
        *,
        uptime_s: float,
        spooled: int,
        dropped: int,
        vitals: Vitals,
        spooled_bytes: int | None = None,
        trouble: str = "",
    ) -> NodeHealth:
        """Say it in a message, at the event time that the node has come to."""
        return NodeHealth(
            node=node,
            t_ms=self.complete_to_ms,
            uptime_s=round(uptime_s, 1),
            frames=self.frames,
            observations=self.observations,
            skipped=dict(self.skipped),
            spooled=spooled,
            dropped=dropped,
            temperature_c=vitals.temperature_c,
            disk_free_bytes=vitals.disk_free_bytes,
            memory_free_bytes=vitals.memory_free_bytes,
            spooled_bytes=spooled_bytes,
            trouble=trouble,
        )


class Equipment(Protocol):
    """A source that knows its radios and its clock."""

    @property
    def clock_steps(self) -> int:
        """How often the machine's clock was set since the start."""
        ...

    def radios(self) -> list[RadioHealth]:
        """Say how the radios are."""
        ...


class Instruments:
    """What a live node knows beside its counters: its radios, its cameras, its clock, its machine.

    The agent asks `complete` for the whole of a node's health, and says by `attach` how others may ask.
    """

    def __init__(
        self,
        source: Equipment,
        versions: dict[str, str],
        *,
        cameras: Callable[[], list[CameraHealth]] = list,
    ) -> None:
        self._source = source
        self._cameras = cameras
        self._versions = versions
        self._read: Callable[[], list[NodeHealth]] = list

    def attach(self, read: Callable[[], list[NodeHealth]]) -> None:
        """Take the function that gives the whole health now; it may be called from any thread."""
        self._read = read

    def read(self) -> list[NodeHealth]:
        """Give the health of the node at this moment; nothing before the agent is attached."""
        return self._read()

    def complete(self, health: NodeHealth) -> NodeHealth:
        """Add to the counters what the instruments say."""
        throttled = read_throttled()
        return replace(
            health,
            radios=self._source.radios(),
            cameras=self._cameras(),
            clock_steps=self._source.clock_steps,
            clock_synchronised=clock_synchronised(),
            throttling=throttled.now if throttled else None,
            throttling_since_boot=throttled.since_boot if throttled else None,
            versions=self._versions,
        )
