"""What every source of frames gives: blocks of sightings in event time.

To add a source, write a class with `nodes` and `blocks()`; nothing else of the agent changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from contracts.messages import FrameKind
from contracts.plates import Direction, PlateChange


@dataclass(frozen=True, slots=True)
class PlateSighting:
    """What a camera has read of one passage so far (`contracts.plates.PlateRead`), in clear text.

    Lives in memory only: the agent turns it into keyed hashes. Its `repr` shows no plate.
    """

    track: str
    """16 hex digits, random, the same for all sightings of a passage."""
    change: PlateChange
    t_ms: int
    camera: str
    direction: Direction
    candidates: tuple[tuple[str, float], ...] = field(repr=False)
    """What the plate may be with the probability of each, likeliest first; never empty. They add up to at
    most 1: the rest is for what nobody thought of."""

    def at(self, t_ms: int) -> "PlateSighting":
        """Give the same, said at another time."""
        return self if t_ms == self.t_ms else replace(self, t_ms=t_ms)


@dataclass(slots=True)
class Heard:
    """What one node heard in one stretch of event time, as columns: entry i of each is one frame.

    Holds raw addresses, so it lives in memory only: the agent turns it into pseudonyms before anything is
    written, sent or logged. Its `repr` shows no address.
    """

    node: str
    complete_to_ms: int
    """The source gives nothing earlier than this for the node any more (a watermark)."""
    frames: int = 0
    """Frames captured in this stretch, used or not."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Frames not used, by cause."""
    t_ms: list[int] = field(default_factory=list)
    address: list[bytes] = field(default_factory=list, repr=False)
    """Transmitter addresses, 6 bytes each."""
    rssi_dbm: list[int] = field(default_factory=list)
    channel: list[int] = field(default_factory=list)
    """802.11 channel; 0 = not known."""
    frame_kind: list[FrameKind] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)
    """802.11 sequence number; -1 = not known."""
    elements: list[bytes] = field(default_factory=list, repr=False)
    """What the information elements say of the model, canonical; empty = none. Only its hash leaves."""
    plates: list[PlateSighting] = field(default_factory=list)
    """What cameras have read in this stretch, in order: no column, since a passage is no frame."""

    def only(self, rows: Sequence[int], cause: str) -> "Heard":
        """Give a block of these rows; the others are counted in its `skipped` by their cause."""
        gone = len(self.t_ms) - len(rows)
        if not gone:
            return self
        columns: dict[str, Any] = {name: [getattr(self, name)[i] for i in rows] for name in _COLUMNS}
        skipped = {**self.skipped, cause: self.skipped.get(cause, 0) + gone}
        return replace(self, skipped=skipped, **columns)


_COLUMNS = ("t_ms", "address", "rssi_dbm", "channel", "frame_kind", "sequence", "elements")


class Source(Protocol):
    """Something that hears frames for one or more nodes."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The ids of the nodes it hears for."""
        ...

    def blocks(self) -> Iterator[Heard]:
        """Blocks in order of `complete_to_ms`, each at most about a second of event time, also when empty.

        Blocks of several nodes may alternate. A live source blocks until the stretch is over; a recorded one
        gives its blocks as fast as they are taken (`edge_agent.pace` slows them to a speed). Ends when the
        source has no more. Raises `ConfigurationError` at once where the source cannot be opened.
        """
        ...
