"""What an agent tells of itself: progress to whoever started it, the health of its nodes to the mall."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from contracts.messages import NodeHealth, encode
from contracts.topics import Topics
from edge_agent.connection import Connection
from edge_agent.guidance import Guidance
from edge_agent.health import Instruments, NodeCounters, Vitals, read_vitals
from edge_agent.publisher import Publisher
from edge_agent.sources.protocol import Heard
from edge_agent.spool import Spool

HEALTH_EVERY_S = 30.0
PROGRESS_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an agent has come."""

    t_ms: int
    """Event time; 0 before the first block."""
    frames: int
    observations: int
    sent: int
    """Batches that the broker has confirmed."""
    spooled: int
    """Batches that wait."""
    dropped: int
    trouble: str
    """Why batches wait, in words for people; empty where all is well."""
    finished: bool = False
    """The source has no more; what remains is to drain the spool."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Frames not used, by cause."""
    passages: int = 0
    """Cars that cameras have seen."""


class Reporter:
    """Counts what the nodes hear, and reports it when it is due."""

    def __init__(
        self,
        nodes: Sequence[str],
        *,
        spool: Spool,
        publisher: Publisher,
        connection: Connection,
        topics: Topics,
        show: Callable[[Progress], None] | None,
        instruments: Instruments | None = None,
        guidance: Guidance | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes = {node: NodeCounters() for node in nodes}
        self._spool = spool
        self._publisher = publisher
        self._connection = connection
        self._topics = topics
        self._show = show
        self._instruments = instruments
        self._guidance = guidance
        self._clock = clock
        self._started_s = self._due_s = self._health_due_s = clock()
        self._state: tuple[int, bool] = (0, False)
        if instruments is not None:
            instruments.attach(self.health)

    def count(self, heard: Heard) -> None:
        """Count a block that has become observations."""
        self._nodes[heard.node].count(heard)

    def report(self, *, finished: bool = False) -> None:
        """Show progress and publish health where they are due; cheap where they are not."""
        now_s = self._clock()
        if now_s < self._due_s:
            return
        self._due_s = now_s + PROGRESS_EVERY_S
        if self._show is not None:
            self._show(self.progress(finished=finished))
        state = (self._connection.connections, self._spool.dropped > 0)
        if now_s >= self._health_due_s or state != self._state:
            self._state = state
            wanted_s = self._guidance.active.health_every_s if self._guidance else None
            self._health_due_s = now_s + (HEALTH_EVERY_S if wanted_s is None else wanted_s)
            self.publish_health()
        if self._guidance is not None:
            self._guidance.tend(self._connection, self._topics)

    def progress(self, *, finished: bool = False) -> Progress:
        """Say how far the agent has come."""
        nodes = self._nodes.values()
        skipped: Counter[str] = Counter()
        for node in nodes:
            skipped.update(node.skipped)
        return Progress(
            t_ms=max((node.complete_to_ms for node in nodes), default=0),
            frames=sum(node.frames for node in nodes),
            observations=sum(node.observations for node in nodes),
            sent=self._publisher.sent,
            spooled=self._spool.batches,
            dropped=self._spool.dropped,
            trouble=self._publisher.trouble,
            finished=finished,
            skipped=dict(skipped),
            passages=sum(node.passages for node in nodes),
        )

    def publish_health(self) -> None:
        """Publish the health of every node, retained; without a connection there is nobody to tell."""
        if self._connection.connected.is_set():
            for health in self.health():
                self._connection.publish(self._topics.health(health.node), encode(health), retain=True)

    def health(self) -> list[NodeHealth]:
        """Say how every node is; from any thread."""
        # An agent with many nodes plays a recording or a simulation: this machine is none of them.
        vitals = read_vitals(self._spool.path.parent) if len(self._nodes) == 1 else Vitals()
        healths = [
            counters.health(
                node,
                uptime_s=self._clock() - self._started_s,
                spooled=self._spool.batches,
                spooled_bytes=self._spool.size_bytes,
                dropped=self._spool.dropped,
                trouble=self._publisher.trouble,
                vitals=vitals,
            )
            for node, counters in self._nodes.items()
        ]
        if self._guidance is not None:
            healths = [self._guidance.complete(health) for health in healths]
        return [self._instruments.complete(health) for health in healths] if self._instruments else healths
