"""The interface of a store: a journal of what came in, and the history of what it meant.

Two protocols, because they need different things. The journal and the checkpoint make a restart exact, so
they live in a transactional file beside the gateway, always. The history may live anywhere: every record in
`Outputs` has an identity of its own (visit id, event id, zone and minute, floor and time), so writing one
twice leaves one.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from contracts.site import Retention
from gateway.store.records import (
    CarParkMinute,
    Checkpoint,
    Event,
    Heat,
    Input,
    NodeRecord,
    Outputs,
    Path,
    Positions,
    Stay,
    Visit,
    ZoneMinute,
)


class Journal(Protocol):
    """What came in, in the order in which the engine was fed with it. One thread calls it.

    Every method raises `UnavailableError` when the journal cannot be written right now; nothing is lost then:
    call again.
    """

    def append(self, inputs: Sequence[Input]) -> list[int | None]:
        """Keep these messages for good; returns once they are on disk.

        Gives the position of each in the journal, counted upwards, or None for a batch that was there before
        (same node, boot and seq).
        """
        ...

    def after(self, position: int) -> Iterator[tuple[int, Input]]:
        """The messages after this position, in order, with their positions."""
        ...

    def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint; None in a new store."""
        ...


class History(Protocol):
    """What is asked about the past. Any thread calls it. Periods are half open: [from_ms, to_ms)."""

    def newest_ms(self) -> int | None:
        """Event time of the last tick that is stored; None in a new store."""
        ...

    def positions(self, floor: str, t_ms: int, within_ms: int) -> Positions | None:
        """The last snapshot of a floor at or before `t_ms`, not older than `within_ms`."""
        ...

    def heat(self, floor: str, from_ms: int, to_ms: int) -> Heat | None:
        """Expected device-seconds per cell of a floor over whole minutes; None where nobody was."""
        ...

    def zone_minutes(
        self, from_ms: int, to_ms: int, step_ms: int, zones: Sequence[str] | None = None
    ) -> list[ZoneMinute]:
        """Zones over steps of whole minutes: means of means, greatest maximum, sums of visits.

        `minute_ms` of a row is the start of its step; the last step may be incomplete. A minute without a row
        counts as nobody. `zones` None = all of them, the whole mall included.
        """
        ...

    def visits(self, from_ms: int, to_ms: int, zone: str | None = None) -> list[Visit]:
        """Visits that started in the period, ordered by device and start."""
        ...

    def paths(self, from_ms: int, to_ms: int) -> list[Path]:
        """Paths that started in the period and have ended."""
        ...

    def stays(self, from_ms: int, to_ms: int) -> list[Stay]:
        """Stays of cars that started in the period, ordered by start."""
        ...

    def car_park_minutes(self, from_ms: int, to_ms: int) -> list[CarParkMinute]:
        """Minutes of the areas of the car park and of all of it, ordered by minute and area."""
        ...

    def events(self, after: int | None, limit: int) -> list[Event]:
        """At most `limit` events with a cursor above `after`, in order; without their payloads.

        `after` None = the newest ones.
        """
        ...

    def events_between(self, from_ms: int, to_ms: int, limit: int) -> list[Event]:
        """The last `limit` events of a period, in order; without their payloads."""
        ...

    def nodes(self) -> dict[str, NodeRecord]:
        """What was last heard of each node."""
        ...


class Store(Journal, History, Protocol):
    """Journal and history, written together."""

    def commit(self, outputs: Outputs, checkpoint: Checkpoint | None) -> None:
        """Write the outputs of ticks and the checkpoint after them: all of it or nothing.

        Raises `UnavailableError` when it cannot be written right now.
        """
        ...

    def unpublished(self) -> list[Event]:
        """Events that the broker has not taken yet as far as is known, in order, with their payloads."""
        ...

    def abandon_open_visits(self) -> int:
        """End the open visits where their device was last seen: their state is lost. Gives how many."""
        ...

    def expire(self, now_ms: int, retention: Retention) -> int:
        """Delete what is older than it may be at event time `now_ms`; gives the number of records deleted."""
        ...

    def secret(self) -> bytes:
        """32 random bytes that belong to this store and stay the same."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...
