"""From plate reads to passages: each car that drove through a gate, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from contracts.plates import Direction, PlateChange, PlateRead
from contracts.site import CarPark, Node
from gateway.parking.reading import Reading, likelihood_ratio

LOST_MS = 30 * 60_000
"""A passage of which nothing is heard for so long has ended: its camera went away and could not say so."""
DOUBLE_MS = 3 * 60_000
"""The same plate through the same gate in the same direction within this time is the same car."""
SURELY_THE_SAME = 1_000.0
"""How much likelier than not, beside the few percent of passages that are told twice."""

MOST_OPEN, MOST_ENDED, MOST_RECENT = 10_000, 100_000, 1_000
"""Tracks that are remembered: many times what drives through all gates in that time."""

STREET = -1
"""Stands where the index of an area would stand for what is not the car park."""


class Passage(msgspec.Struct, frozen=True):
    """A car that drove from one place to another; places are indices of areas, or `STREET`."""

    t_ms: int
    camera: str
    track: str
    source: int
    target: int
    reading: Reading
    told: bool = True
    """Whether the camera told the way, or its lanes lead one way alone; else `in` is assumed."""


class _Track(msgspec.Struct):
    """A passage that has begun."""

    camera: str
    began_ms: int
    seen_ms: int
    direction: str
    reading: Reading


class _State(msgspec.Struct, array_like=True):
    open: dict[str, _Track]
    ended: dict[str, int]
    recent: list[Passage]


@dataclass(frozen=True)
class _Gate:
    area: int
    beyond: int
    usual: Direction
    """Which way its lanes lead; `unknown` where they lead both ways."""


class Passages:
    """The passages that have begun and those that ended a short while ago."""

    def __init__(self, park: CarPark, nodes: Sequence[Node]) -> None:
        """Take the gates of a car park and the lanes of their cameras."""
        number = {area.id: i for i, area in enumerate(park.areas)}
        lanes = {
            camera.id: {str(lane.direction) for lane in camera.lanes}
            for node in nodes
            for camera in node.cameras
        }
        self._gates: Mapping[str, _Gate] = {
            gate.camera: _Gate(
                number[gate.area],
                STREET if gate.from_ is None else number[gate.from_],
                Direction(*ways) if len(ways := lanes[gate.camera]) == 1 else Direction.UNKNOWN,
            )
            for gate in park.gates
        }
        self._open: dict[str, _Track] = {}
        self._ended: dict[str, int] = {}
        self._recent: list[Passage] = []

    def knows(self, camera: str) -> bool:
        """Whether a camera stands at a gate."""
        return camera in self._gates

    def has_room(self, track: str) -> bool:
        """Whether a read of this track can be taken in."""
        return len(self._open) < MOST_OPEN or track in self._open

    def take(self, read: PlateRead) -> Passage | None:
        """Take in a read; gives the passage that it ends, unless that was told before."""
        if read.track in self._ended:
            return None
        track = self._open.get(read.track)
        if track is None:
            track = self._open[read.track] = _Track(
                read.camera, read.t_ms, read.t_ms, str(read.direction), Reading.of(read)
            )
        else:
            track.seen_ms = max(track.seen_ms, read.t_ms)
            track.reading = Reading.of(read)
            if read.direction != Direction.UNKNOWN:
                track.direction = str(read.direction)
        return self._end(read.track, read.t_ms) if read.change == PlateChange.END else None

    def lost(self, t_ms: int) -> list[Passage]:
        """End passages of which nothing was heard for long; those that never moved were no passages."""
        for name, ended_ms in [*self._ended.items()]:
            if ended_ms < t_ms - 2 * LOST_MS:
                del self._ended[name]
        self._recent = [passage for passage in self._recent if passage.t_ms >= t_ms - DOUBLE_MS]
        found = []
        for name, track in sorted(self._open.items()):
            if track.seen_ms < t_ms - LOST_MS:
                moved = track.direction != Direction.UNKNOWN
                passage = self._end(name, track.seen_ms)
                found += [passage] if passage is not None and moved else []
        return found

    def _end(self, name: str, t_ms: int) -> Passage | None:
        track = self._open.pop(name)
        self._ended[name] = t_ms
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        source, target = self._way(track)
        unknown = {track.direction, self._gates[track.camera].usual} == {Direction.UNKNOWN}
        passage = Passage(t_ms, track.camera, name, source, target, track.reading, not unknown)
        double = any(
            (other.source, other.target) == (source, target)
            and abs(t_ms - other.t_ms) <= DOUBLE_MS
            and likelihood_ratio(other.reading, track.reading) >= SURELY_THE_SAME
            for other in self._recent
        )
        self._recent.append(passage)  # doubles, too: a queue may be told of again and again
        del self._recent[:-MOST_RECENT]
        return None if double else passage

    def _way(self, track: _Track) -> tuple[int, int]:
        gate = self._gates[track.camera]
        way = track.direction if track.direction != Direction.UNKNOWN else gate.usual
        return (gate.area, gate.beyond) if way == Direction.OUT else (gate.beyond, gate.area)

    def waiting(self, areas: int) -> list[int]:
        """Return how many cars stand at the entrances from the street to each area."""
        counts = [0] * areas
        for track in self._open.values():
            source, target = self._way(track)
            if source == STREET:
                counts[target] += 1
        return counts

    def state(self) -> bytes:
        """Return everything that the next passages depend on."""
        return msgspec.msgpack.encode(_State(self._open, self._ended, self._recent))

    def restore(self, state: bytes) -> None:
        """Go on from what `state` returned. Raises `msgspec.MsgspecError`."""
        old = msgspec.msgpack.decode(state, type=_State)
        self._open, self._ended, self._recent = old.open, old.ended, old.recent
