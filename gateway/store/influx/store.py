"""The store with its history in InfluxDB: a transactional file beside the gateway, and a server.

Journal, checkpoint, secret, events and what was last heard of nodes are in the SQLite file. What ticks gave
is put into an outbox in the same file, in the transaction of the checkpoint, and posted from there by a
thread. So nothing is lost while the server is away, and what is sent twice is one point. The past is asked of
the server.
"""

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path as FilePath
from typing import Any, Protocol

import msgspec

from contracts.errors import UnavailableError
from contracts.site import Retention
from gateway.store import outbox
from gateway.store.erasing.traces import Traces
from gateway.store.influx import latest
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.erasing import blank_lines, find_points
from gateway.store.influx.history import InfluxHistory
from gateway.store.influx.lines import Lines
from gateway.store.influx.sender import PAUSE_S, Sender, SenderState
from gateway.store.outbox import Destination, Outbox
from gateway.store.reading import HOUR_MS
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
from gateway.store.sqlite import SqliteStore

_log = logging.getLogger(__name__)

DRAIN_S = 3.0
"""How long `close` waits for the server to take what is left; the rest waits in the outbox."""
_REMEMBERED_MS = 24 * HOUR_MS
"""How long a visit that is over is known, so that an older state of it changes nothing."""


class Figures(Protocol):
    """Makes what is written besides the records: the figures that people may see."""

    def lines(
        self, db: sqlite3.Connection, outputs: Outputs, t_ms: int
    ) -> Iterable[tuple[Destination, Sequence[str]]]:
        """Lines for the outputs of ticks up to `t_ms`, within the transaction that writes these."""
        ...

    def abandoned(self, db: sqlite3.Connection, visits: Iterable[Visit], t_ms: int) -> None:
        """Take note of visits that were ended because their state is lost."""
        ...


class InfluxStore:
    """A `Store`: journal and checkpoint in a file, history in InfluxDB. One thread writes, any reads."""

    def __init__(
        self,
        journal: FilePath,
        client: InfluxClient,
        mall: str,
        *,
        figures: Figures | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        limit_bytes: int = outbox.LIMIT_BYTES,
        pause_s: tuple[float, float] = PAUSE_S,
    ) -> None:
        """Open or make the file, and begin to post what waits in it; the server may be away.

        `figures` is called in the thread that commits. `now_ms` gives wall time.

        Raises `ConfigurationError` when the file cannot be used, or the server is there and has no such
        database, or does not let us in.
        """
        self._client = client
        self._database = client.address.database
        self._lines = Lines(mall)
        self._figures = figures
        self._limit_bytes = limit_bytes
        self._health: dict[str, bytes] = {}
        self._full = False
        self._history = InfluxHistory(client, self._database, mall)
        with ExitStack() as undo:
            self._file = SqliteStore(journal)
            undo.callback(self._file.close)
            self._outbox = Outbox(journal, now_ms=now_ms, limit_bytes=limit_bytes)
            undo.callback(self._outbox.close)
            self._check()
            undo.pop_all()
        self._sender = Sender(client, self._outbox, pause_s=pause_s)
        self._sender.start()

    def _check(self) -> None:
        """Ask for something, so that a wrong password or a missing database shows at the start."""
        try:
            for policy in ("raw", "visits", "rollups"):
                self._client.query(f'SELECT "none" FROM "{policy}"."none" LIMIT 1', database=self._database)  # noqa: S608
        except UnavailableError as error:
            _log.warning("%s\nThe gateway starts without it; its history waits on its disk.", error)

    # In the file

    def append(self, inputs: Sequence[Input]) -> list[int | None]:
        """Keep these messages for good; see `Journal.append`."""
        return self._file.append(inputs)

    def after(self, position: int) -> Iterator[tuple[int, Input]]:
        """The messages after this position, in order, with their positions."""
        return self._file.after(position)

    def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint; None in a new store."""
        return self._file.checkpoint()

    def newest_ms(self) -> int | None:
        """Event time of the last tick that is stored; None in a new store."""
        return self._file.newest_ms()

    def events(self, after: int | None, limit: int) -> list[Event]:
        """At most `limit` events with a cursor above `after`, in order; None = the newest ones."""
        return self._file.events(after, limit)

    def events_between(self, from_ms: int, to_ms: int, limit: int) -> list[Event]:
        """The last `limit` events of a period, in order; without their payloads."""
        return self._file.events_between(from_ms, to_ms, limit)

    def nodes(self) -> dict[str, NodeRecord]:
        """What was last heard of each node."""
        return self._file.nodes()

    def unpublished(self) -> list[Event]:
        """Events that the broker has not taken yet as far as is known, in order, with their payloads."""
        return self._file.unpublished()

    def secret(self) -> bytes:
        """32 random bytes that belong to this store and stay the same."""
        return self._file.secret()

    # Through the outbox

    def commit(self, outputs: Outputs, checkpoint: Checkpoint | None) -> None:
        """Write what stays here, the checkpoint, and the rest into the outbox: all of it or nothing."""
        here = Outputs(
            events=outputs.events, nodes=outputs.nodes, published=outputs.published, crm=outputs.crm
        )
        healths = {name: node.health for name, node in outputs.nodes.items()}
        lines = self._records(outputs)
        t_ms = None if checkpoint is None else checkpoint.t_ms
        self._file.commit(here, checkpoint, lambda db: self._put(db, outputs, lines, t_ms))
        self._health |= healths
        self._sender.wake()

    def _records(self, outputs: Outputs) -> dict[str, list[str]]:
        """Make lines, by policy, of what depends on nothing else; outside of the transaction."""
        write = self._lines
        raw = [line for found in outputs.positions for line in write.positions(found)]
        raw += [write.cells("cell_minute", cells) for cells in outputs.cell_minutes]
        raw += [
            write.node_health(node)
            for node in outputs.nodes.values()
            if node.health != self._health.get(node.node)
        ]
        rollups = [write.zone_minute(minute) for minute in outputs.zone_minutes]
        rollups += [write.car_park_minute(minute) for minute in outputs.car_park_minutes]
        return {"raw": raw, "visits": [write.path(path) for path in outputs.paths], "rollups": rollups}

    def _put(
        self,
        db: sqlite3.Connection,
        outputs: Outputs,
        records: Mapping[str, list[str]],
        t_ms: int | None,
    ) -> None:
        write = self._lines
        visits = [write.visit(visit) for visit in latest.newer_visits(db, outputs.visits.values())]
        stays = [write.stay(stay) for stay in latest.newer_stays(db, outputs.stays.values())]
        hours = [write.cells("cell_hour", hour) for hour in latest.finished_hours(db, outputs.cell_minutes)]
        figures: Iterable[tuple[Destination, Sequence[str]]] = ()
        if self._figures is not None and t_ms is not None:
            figures = self._figures.lines(db, outputs, t_ms)
        self.put(
            db,
            [
                (Destination(self._database, "raw"), records["raw"]),
                (Destination(self._database, "visits"), [*visits, *stays, *records["visits"]]),
                (Destination(self._database, "rollups"), [*records["rollups"], *hours]),
                *figures,
            ],
        )

    def put(self, db: sqlite3.Connection, found: Iterable[tuple[Destination, Sequence[str]]]) -> None:
        """Put lines into the outbox within a transaction of this store's file, on any connection."""
        dropped = self._outbox.add(db, _packed(found))
        if dropped and not self._full:
            _log.error(
                "the outbox is full (%d MB, or its disk is): the oldest points are dropped, positions first. "
                "Start InfluxDB again; how many were dropped is counted.",
                self._limit_bytes // 1_000_000,
            )  # fmt: skip
        self._full = bool(dropped)

    def write(self, destination: Destination, lines: Sequence[str]) -> None:
        """Put lines into the outbox, on their own; any thread may. Returns once they are on disk."""
        self._outbox.post(_packed([(destination, lines)]))
        self._sender.wake()

    def erase(self, traces: Traces) -> tuple[Counter[str], Traces]:
        """Take a history out of the server; gives the number of points, and all traces that were found.

        What waits here for the server is not looked at (`gateway.store.erasing`). Any thread may call it.

        Raises `UnavailableError` and `ConfigurationError` as the client does; nothing is done then.
        """
        blank, found = blank_lines(self._client, self._database, self._lines.mall, traces)
        gone: Counter[str] = Counter()
        for policy, measurement, lines in blank:
            self.write(Destination(self._database, policy), lines)
            gone[f"influxdb {measurement}"] += len(lines)
        return +gone, found

    def held(self, traces: Traces) -> dict[str, list[dict[str, Any]]]:
        """Return what the server has of a history: visits, paths and stays. Any thread may call it.

        Raises `UnavailableError` and `ConfigurationError` as the client does.
        """
        points, _ = find_points(self._client, self._database, self._lines.mall, traces)
        for _, path in points["path"]:
            path["steps"] = msgspec.json.decode(path["steps"])
        return {f"{name}s": [fields for _, fields in some] for name, some in points.items()}

    def abandon_open_visits(self) -> int:
        """End the open visits where their device was last seen: their state is lost. Gives how many."""
        with self._file.transaction() as db:
            visits = latest.end_open_visits(db)
            lines = [self._lines.visit(visit) for visit in visits]
            self.put(db, [(Destination(self._database, "visits"), lines)])
            if self._figures is not None:
                self._figures.abandoned(db, visits, self._file.newest_ms() or 0)
        self._sender.wake()
        return len(visits)

    def expire(self, now_ms: int, retention: Retention) -> int:
        """Delete from the file what is older than it may be; the server's retention policies do the rest."""
        with self._file.transaction() as db:
            forgotten = latest.forget(db, now_ms - _REMEMBERED_MS, now_ms - retention.visits_d * 24 * HOUR_MS)
        return forgotten + self._file.expire(now_ms, retention)

    # From the server

    def positions(self, floor: str, t_ms: int, within_ms: int) -> Positions | None:
        """The last snapshot of a floor at or before `t_ms`, not older than `within_ms`."""
        return self._history.positions(floor, t_ms, within_ms)

    def heat(self, floor: str, from_ms: int, to_ms: int) -> Heat | None:
        """Expected device-seconds per cell of a floor over whole minutes; None where nobody was."""
        return self._history.heat(floor, from_ms, to_ms)

    def zone_minutes(
        self, from_ms: int, to_ms: int, step_ms: int, zones: Sequence[str] | None = None
    ) -> list[ZoneMinute]:
        """Zones over steps of whole minutes; see `History.zone_minutes`."""
        return self._history.zone_minutes(from_ms, to_ms, step_ms, zones)

    def visits(self, from_ms: int, to_ms: int, zone: str | None = None) -> list[Visit]:
        """Visits that started in the period, ordered by device and start."""
        return self._history.visits(from_ms, to_ms, zone)

    def paths(self, from_ms: int, to_ms: int) -> list[Path]:
        """Paths that started in the period and have ended."""
        return self._history.paths(from_ms, to_ms)

    def stays(self, from_ms: int, to_ms: int) -> list[Stay]:
        """Stays of cars that started in the period, ordered by start."""
        return self._history.stays(from_ms, to_ms)

    def car_park_minutes(self, from_ms: int, to_ms: int) -> list[CarParkMinute]:
        """Minutes of the areas of the car park and of all of it, ordered by minute and area."""
        return self._history.car_park_minutes(from_ms, to_ms)

    # How it is

    @property
    def database(self) -> str:
        """The database that the history is in."""
        return self._database

    @property
    def place(self) -> str:
        """Where the server is, without secrets."""
        return str(self._client.address)

    def state(self) -> SenderState:
        """How much waits for the server, why, and what will never arrive. Raises `UnavailableError`."""
        return self._sender.state()

    def flush(self, timeout_s: float) -> bool:
        """Wait until the server has everything, or there is trouble; tells whether it has."""
        return self._sender.drain(timeout_s)

    def close(self) -> None:
        """Let go of the file, after a moment for the server to take what is left."""
        try:
            self._sender.drain(DRAIN_S)
        except UnavailableError as error:
            _log.error("%s", error)
        self._sender.stop()
        self._outbox.close()
        self._file.close()
        self._client.close()


def _packed(
    found: Iterable[tuple[Destination, Sequence[str]]],
) -> dict[Destination, list[outbox.Body]]:
    parcels: dict[Destination, list[outbox.Body]] = {}
    for destination, lines in found:
        parcels.setdefault(destination, []).extend(outbox.bodies(lines))
    return parcels
