"""The heart of the gateway: journal, acknowledge, compute, record, publish. One thread calls it.

The order makes a restart exact. A batch is on disk before the broker may forget it; what ticks gave is
written in one transaction with the state that gave it. Killed at any moment, the gateway comes back with the
last checkpoint, takes the journal after it in the same order, and computes the same things again: the records
that were lost with the memory, and events with the same ids.
"""

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from contracts.control import CarParkCount
from contracts.messages import NodeHealth, ObservationBatch, PositionSnapshot, StoredBatches, encode
from contracts.site import Site
from contracts.topics import Topics
from gateway.engine import Engine, StateError, Tick
from gateway.intake import Arrival, name_of
from gateway.link import Delivery
from gateway.nodes import Nodes
from gateway.parking.shape import shape
from gateway.recorder import Recorder
from gateway.store import Store
from gateway.store.records import CellGrid, Checkpoint, CrmItem, Event, Input, Outputs

_log = logging.getLogger(__name__)

COMMIT_EVERY_S = 2.0
"""Wall time between checkpoints at least; more where writing one takes long (at most 1/20 of the time)."""
EXPIRE_EVERY_MS = 3_600_000
"""Event time between two runs of the retention."""


class Outlet(Protocol):
    """Where messages go and deliveries come from; `gateway.link.Link` is one."""

    def ack(self, delivery: Delivery) -> None:
        """Tell the broker that it may forget a message."""
        ...

    def publish(self, topic: str, payload: bytes, *, qos: int = 0) -> None:
        """Publish, if the broker is there."""
        ...

    def publish_surely(self, topic: str, payload: bytes, name: str) -> None:
        """Publish at least once."""
        ...

    def taken(self) -> list[str]:
        """The names of what the broker has taken since the last call."""
        ...


class Pipeline:
    """One mall's engine with everything that makes its work last."""

    def __init__(
        self,
        *,
        site: Site,
        engine: Engine,
        store: Store,
        outlet: Outlet,
        nodes: Nodes,
        show: Callable[[Tick, list[Event], int], None],
        counters: Counter[str] | None = None,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        """Put the parts together; `show` is given every tick, its events and the mall's time.

        `committed` is called when there is something new for the CRM. `duplicate` in `counters` grows with
        every batch that was stored before: sent again, or replayed.
        """
        self._site = site
        self._topics = Topics(site.mall.id)
        self._digest = site_digest(site)
        self._engine = engine
        self._store = store
        self._outlet = outlet
        self._nodes = nodes
        self._show = show
        self._tell_crm = committed
        self._counters = Counter() if counters is None else counters
        self._recorder = Recorder(site, cell_grid(engine))
        self._position = 0
        self._committed = -1
        self._t_ms = 0
        self._expired_ms: int | None = None
        self._commit_due_s = 0.0

    def resume(self) -> None:
        """Go on where the store says the last gateway was; call once, before `take`.

        Raises `UnavailableError` when the store cannot be read.
        """
        self._restore()
        self._nodes.restore(self._store.nodes())
        for event in self._store.unpublished():
            self._publish(event)
        replayed = 0
        for position, item in self._store.after(self._position):
            self._feed(position, item)
            replayed += 1
        if replayed:
            _log.info("took up %d messages of the journal after the last checkpoint", replayed)

    def _restore(self) -> None:
        checkpoint = self._store.checkpoint()
        if checkpoint is None:
            return
        self._position, self._t_ms = checkpoint.position, checkpoint.t_ms
        self._recorder.next_cursor = checkpoint.next_cursor
        if (problem := self._restore_engine(checkpoint)) is not None:
            ended = self._store.abandon_open_visits()
            _log.warning("%s: starting afresh; %d open visits end where last seen", problem, ended)
            if self._site.crm is not None:
                self._recorder.outputs.crm.append(CrmItem(CrmItem.AFRESH, b""))
            return
        self._recorder.restore(checkpoint.recorder)
        _log.info("resumed at event time %d with everybody who was in the mall", checkpoint.t_ms)

    def _restore_engine(self, checkpoint: Checkpoint) -> str | None:
        """Give the engine its state back; tells why that cannot be done, or None."""
        if checkpoint.site != self._digest:
            return "the site file has changed since the last run"
        try:
            self._engine.restore(checkpoint.engine)
        except StateError as error:
            return error.message
        return None

    def take(self, arrivals: Sequence[Arrival]) -> None:
        """Journal, acknowledge and compute what has arrived.

        Raises `UnavailableError` when the journal cannot be written: none of them is acknowledged then and
        nothing is computed; call again with the same ones.
        """
        inputs = [item for _, item in arrivals if isinstance(item, Input)]
        positions = self._store.append(inputs) if inputs else []
        # The node is told first, in the same connection: what the broker may forget, the node has word of.
        for word in stored(arrivals):
            self._outlet.publish(self._topics.stored(word.node), encode(word), qos=1)
        for delivery, item in arrivals:
            self._outlet.ack(delivery)
            if isinstance(item, NodeHealth):
                self._nodes.health(item)
        for position, item in zip(positions, inputs, strict=True):
            if position is not None:
                self._feed(position, item)
            else:  # it was there before, and has been fed before
                self._counters["duplicate"] += 1

    def count_cars(self, counts: Sequence[CarParkCount]) -> None:
        """Journal and compute counts of cars. Raises `UnavailableError` as `take` does."""
        inputs = [Input(count, encode(count)) for count in counts]
        for position, item in zip(self._store.append(inputs), inputs, strict=True):
            if position is not None:
                self._feed(position, item)

    def _feed(self, position: int, item: Input) -> None:
        # After every single message, so that ticks depend on the journal's order and on nothing else.
        if isinstance(item.message, CarParkCount):
            self._engine.count_cars(item.message)
        else:
            if isinstance(item.message, ObservationBatch):
                self._engine.feed(item.message)
            else:
                self._engine.status(item.message)
            self._nodes.heard(item.message)
        self._position = position
        for tick in self._engine.advance():
            self._tick(tick)

    def _tick(self, tick: Tick) -> None:
        self._t_ms = tick.t_ms
        events = self._recorder.add(tick)
        for event in events:
            self._publish(event)
        for snapshot in snapshots(self._site, tick):
            self._outlet.publish(self._topics.positions(snapshot.floor), encode(snapshot))
        self._show(tick, events, self._engine.mall_ms)

    def _publish(self, event: Event) -> None:
        self._outlet.publish_surely(self._topics.event(event.kind, event.zone), event.payload, event.id)

    def commit_if_due(self) -> None:
        """Write outputs and a checkpoint every `COMMIT_EVERY_S`; raises as `commit` does."""
        start_s = time.monotonic()
        if start_s < self._commit_due_s:
            return
        self.commit()
        end_s = time.monotonic()
        self._commit_due_s = end_s + max(COMMIT_EVERY_S, 20.0 * (end_s - start_s))

    def commit(self) -> None:
        """Write outputs and checkpoint now.

        Raises `UnavailableError` when the store cannot be written: the outputs are kept for the next call.
        """
        outputs = self._recorder.outputs
        outputs.published += self._outlet.taken()
        outputs.nodes.update(self._nodes.records())
        if outputs == Outputs() and self._position == self._committed:
            return
        self._store.commit(outputs, self._checkpoint())
        self._committed = self._position
        self._recorder.outputs = Outputs()
        if outputs.crm:
            self._tell_crm()
        self._expire_if_due()

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            position=self._position,
            t_ms=self._t_ms,
            next_cursor=self._recorder.next_cursor,
            site=self._digest,
            engine=self._engine.state(),
            recorder=self._recorder.state(),
        )

    def _expire_if_due(self) -> None:
        if self._expired_ms is not None and self._t_ms < self._expired_ms + EXPIRE_EVERY_MS:
            return
        self._expired_ms = self._t_ms
        if deleted := self._store.expire(self._t_ms, self._site.retention):
            _log.info("retention: %d records deleted", deleted)


def stored(arrivals: Sequence[Arrival]) -> list[StoredBatches]:
    """What to tell the nodes of batches that are on disk, or will never be: those that were refused."""
    seqs: dict[tuple[str, str], list[int]] = {}
    for delivery, item in arrivals:
        if isinstance(item, Input) and isinstance(item.message, ObservationBatch):
            seqs.setdefault((item.message.node, item.message.boot), []).append(item.message.seq)
        elif item is None and (refused := name_of(delivery)) is not None:
            seqs.setdefault((refused.node, refused.boot), []).append(refused.seq)
    return [StoredBatches(node=node, boot=boot, seqs=found) for (node, boot), found in seqs.items()]


def snapshots(site: Site, tick: Tick) -> list[PositionSnapshot]:
    """The devices heard inside in a tick, one message a floor; floors where nobody was heard have none."""
    tracks = tick.tracks
    found = []
    for number, floor in enumerate(site.floors):
        rows = ((tracks.floor == number) & tracks.heard & ~tracks.outside).nonzero()[0]
        if len(rows):
            xy, cov = tracks.xy_m[rows].round(2), tracks.cov_m2[rows].round(3)
            found.append(
                PositionSnapshot(
                    floor=floor.id,
                    t_ms=tick.t_ms,
                    device=[tracks.device[i] for i in rows.tolist()],
                    x_m=xy[:, 0].tolist(),
                    y_m=xy[:, 1].tolist(),
                    xx_m2=cov[:, 0, 0].tolist(),
                    xy_m2=cov[:, 0, 1].tolist(),
                    yy_m2=cov[:, 1, 1].tolist(),
                )
            )
    return found


def cell_grid(engine: Engine) -> CellGrid:
    """The grid of one floor's heat map."""
    grid = engine.heat_grid
    return CellGrid(grid.cell_m, grid.x0_m, grid.y0_m, grid.nx, grid.ny)


def site_digest(site: Site) -> str:
    """Changes with everything that an engine's state depends on."""
    parts = site.model_dump_json(include={"mall", "floors", "nodes", "tracking", "visits"}) + shape(site)
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()
