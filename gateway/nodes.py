"""What the gateway knows of each node: when it was last heard, how it is, and what to do about it."""

import threading
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from contracts.messages import AgentState, AgentStatus, NodeHealth, ObservationBatch, decode, encode
from contracts.site import Site
from gateway.store.records import MINUTE_MS, NodeRecord

SILENT_MS = 30_000
"""A node this far behind the mall's time is silent."""


class NodeState(StrEnum):
    """How a node is."""

    ONLINE = "online"
    SILENT = "silent"
    """Its agent is connected (or has not said goodbye), but it sends nothing."""
    OFFLINE = "offline"
    """Its agent said goodbye, or its connection broke."""
    NEVER = "never"
    """Nothing was ever heard of it."""


@dataclass(slots=True)
class _Node:
    last_ms: int | None = None
    announced: AgentState | None = None
    health: NodeHealth | None = None
    frames_s: float | None = None
    minute: deque[tuple[int, int]] = field(default_factory=deque)  # (watermark, observations) of a minute
    in_minute: int = 0
    changed: bool = False


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A node at one moment."""

    node: str
    floor: str
    state: NodeState
    last_ms: int | None
    lag_ms: int | None
    """How far it is behind the mall's time."""
    observations_per_min: int
    health: NodeHealth | None
    frames_s: float | None = None
    """Frames heard a second between its last two health messages of one run."""


class Nodes:
    """All nodes of a site. The pipeline's thread writes, any thread asks for `reports`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._nodes = {node.id: _Node() for node in site.nodes}
        self._lock = threading.Lock()

    def restore(self, records: dict[str, NodeRecord]) -> None:
        """Remember what the store knows."""
        with self._lock:
            for record in records.values():
                if (node := self._nodes.get(record.node)) is not None:
                    node.last_ms = record.last_ms
                    node.health = decode(record.health, NodeHealth) if record.health else None

    def heard(self, message: ObservationBatch | AgentStatus) -> None:
        """Take in a batch or a status."""
        with self._lock:
            if isinstance(message, AgentStatus):
                for name in message.nodes:
                    if (node := self._nodes.get(name)) is not None:
                        node.announced = message.state
            elif (node := self._nodes.get(message.node)) is not None:
                self._batch(node, message)

    def _batch(self, node: _Node, batch: ObservationBatch) -> None:
        node.last_ms, node.changed = batch.watermark_ms, True
        node.minute.append((batch.watermark_ms, len(batch)))
        node.in_minute += len(batch)
        while node.minute and not 0 <= batch.watermark_ms - node.minute[0][0] < MINUTE_MS:
            node.in_minute -= node.minute.popleft()[1]

    def health(self, health: NodeHealth) -> None:
        """Take in a node's own report."""
        with self._lock:
            if (node := self._nodes.get(health.node)) is not None:
                node.frames_s = _frames_s(node.health, health)
                node.health, node.changed = health, True

    def records(self) -> dict[str, NodeRecord]:
        """What has changed since the last call, for the store."""
        with self._lock:
            records = {}
            for name, node in self._nodes.items():
                if node.changed:
                    node.changed = False
                    health = encode(node.health) if node.health else b""
                    records[name] = NodeRecord(name, node.last_ms or 0, health)
            return records

    def reports(self, mall_ms: int) -> list[NodeReport]:
        """Every node at the mall's time `mall_ms`, in the order of the site file."""
        with self._lock:
            return [self._report(node.id, node.floor, mall_ms) for node in self._site.nodes]

    def _report(self, name: str, floor: str, mall_ms: int) -> NodeReport:
        node = self._nodes[name]
        lag_ms = None if node.last_ms is None else mall_ms - node.last_ms
        return NodeReport(
            node=name,
            floor=floor,
            state=_state(node, lag_ms),
            last_ms=node.last_ms,
            lag_ms=lag_ms,
            observations_per_min=node.in_minute if lag_ms is not None and lag_ms < MINUTE_MS else 0,
            health=node.health,
            frames_s=node.frames_s,
        )


def _frames_s(before: NodeHealth | None, health: NodeHealth) -> float | None:
    if before is None or health.t_ms <= before.t_ms or health.frames < before.frames:
        return None  # the first, or the node has started anew
    return 1000 * (health.frames - before.frames) / (health.t_ms - before.t_ms)


def _state(node: _Node, lag_ms: int | None) -> NodeState:
    if node.announced is AgentState.OFFLINE:
        return NodeState.OFFLINE
    if lag_ms is None:
        return NodeState.NEVER if node.announced is None else NodeState.SILENT
    return NodeState.SILENT if abs(lag_ms) > SILENT_MS else NodeState.ONLINE
