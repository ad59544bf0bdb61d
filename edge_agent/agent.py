"""One edge agent: a source, through pseudonyms and the spool, to the broker; birth, health, goodbye."""

import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from contracts.broker import BrokerAddress
from contracts.errors import UnavailableError
from contracts.messages import AgentState, AgentStatus, encode
from contracts.topics import Topics
from edge_agent.batcher import Batcher
from edge_agent.connection import Connection
from edge_agent.health import NodeCounters, Vitals, read_vitals
from edge_agent.pace import paced
from edge_agent.pseudonym import Pseudonyms
from edge_agent.publisher import Publisher
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import Heard, Source
from edge_agent.spool import MAX_BYTES, Spool

_log = logging.getLogger(__name__)

HEALTH_EVERY_S = 30.0
PROGRESS_EVERY_S = 0.2
DRAIN_ON_STOP_S = 5.0
"""How long a stopped agent tries to get rid of what waits; the rest stays in the spool."""
BACKPRESSURE_BYTES = 16 * 1024 * 1024
"""A replay waits while more than this waits in the spool, or half of the spool's bound if that is less."""
FASTEST_HOLD_MS = 10_000
"""Event time in a batch when a recording is played as fast as possible."""


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


def run_agent(
    source: Source,
    *,
    mall: str,
    agent_id: str,
    broker: BrokerAddress,
    spool_path: Path,
    key: bytes,
    rotation: SaltRotation,
    speed: float | None = 1.0,
    now_ms: int | None = None,
    stop: threading.Event | None = None,
    live: bool = False,
    max_spool_bytes: int = MAX_BYTES,
    broker_timeout_s: float | None = None,
    software: str = "",
    progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Run an agent until its source ends and the broker has everything, or until `stop` is set.

    `speed` is event time over real time, None as fast as possible. It counts from the first block, or from
    `now_ms`: what is older is then caught up with first. A `live` source is never made to wait:
    where the spool is full, the oldest batches are dropped and counted. Any other source waits, so nothing is
    lost. With `broker_timeout_s`, a broker that cannot be reached at the start is an error after so many
    seconds; without, the agent tries for ever. `progress` is called a few times a second.

    On `stop`, what waits is sent for up to 5 s; the rest stays in the spool for the next start.

    Raises:
        ConfigurationError: the source cannot be opened, the key is none, the spool cannot be used.
        UnavailableError: the broker could not be reached in `broker_timeout_s` seconds.

    """
    stop = stop or threading.Event()
    pseudonyms = Pseudonyms(key, rotation)
    blocks = iter(source.blocks())
    first = next(blocks, None)  # what cannot be opened is refused before anything is said to the world
    spool = Spool(spool_path, max_bytes=max_spool_bytes)
    agent = _Agent(source, spool, first.complete_to_ms if first else 0, mall, agent_id, broker, software)
    agent.batcher = Batcher(
        pseudonyms, boot=spool.boot, number=spool.number, hold_ms=_hold_ms(speed, live=live)
    )
    agent.report = progress
    agent.limit_bytes = None if live else min(BACKPRESSURE_BYTES, max_spool_bytes // 2)
    try:
        agent.publisher.start()
        agent.await_broker(broker_timeout_s, stop)
        started = () if first is None else (first,)
        agent.read(paced(itertools.chain(started, blocks), speed, now_ms=now_ms, stop=stop), stop)
        agent.drain(stop)
    finally:
        agent.publisher.stop()
        spool.close()
    return agent.progress(finished=True)


def _hold_ms(speed: float | None, *, live: bool) -> int:
    """Choose the event time a batch covers: about half a second of real time, so that brokers keep up."""
    if live or (speed is not None and speed <= 1):
        return 0
    return FASTEST_HOLD_MS if speed is None else min(round(500 * speed), FASTEST_HOLD_MS)


class _Agent:
    """The parts of a running agent, put together; `run_agent` is its life."""

    batcher: Batcher
    report: Callable[[Progress], None] | None = None
    limit_bytes: int | None = None

    def __init__(
        self,
        source: Source,
        spool: Spool,
        since_ms: int,
        mall: str,
        agent_id: str,
        broker: BrokerAddress,
        software: str,
    ) -> None:
        self._spool = spool
        self._topics = Topics(mall)
        self._nodes = {node: NodeCounters() for node in source.nodes}
        self._started_s = time.monotonic()
        self._wake = threading.Event()

        def status(state: AgentState) -> bytes:
            return encode(
                AgentStatus(
                    agent=agent_id,
                    nodes=list(source.nodes),
                    state=state,
                    since_ms=since_ms,
                    software=software,
                )
            )

        self._connection = Connection(
            broker,
            client_id=f"mallsense-edge-{mall}-{agent_id}",
            status_topic=self._topics.agent_status(agent_id),
            birth=status(AgentState.ONLINE),
            will=status(AgentState.OFFLINE),
            wake=self._wake,
        )
        self.publisher = Publisher(spool, self._connection, self._topics, self._wake)
        self._health_due_s = self._started_s
        self._health_state: tuple[int, int] = (0, 0)
        self._progress_due_s = self._started_s

    def await_broker(self, timeout_s: float | None, stop: threading.Event) -> None:
        """Wait for the first connection, where a time is set for it."""
        if timeout_s is None:
            return
        deadline_s = time.monotonic() + timeout_s
        while not self._connection.connected.wait(0.05) and not stop.is_set():
            if time.monotonic() > deadline_s:
                raise UnavailableError(
                    self._connection.trouble or f"the broker at {self._connection.address} does not answer",
                    "Start one (`mosquitto`, or `mallsense gateway`, which brings one), or name another.",
                )

    def read(self, blocks: Iterator[Heard], stop: threading.Event) -> None:
        """Take blocks into the spool until there are no more."""
        for heard in blocks:
            for batch in self.batcher.add(heard):
                self._spool.append(batch.node, encode(batch))
            self._nodes[heard.node].count(heard)
            self._wake.set()
            self._housekeep()
            while (
                self.limit_bytes is not None
                and self._spool.size_bytes > self.limit_bytes
                and not stop.is_set()
            ):
                stop.wait(0.01)
                self._housekeep()
            if stop.is_set():
                break
        for batch in self.batcher.flush():
            self._spool.append(batch.node, encode(batch))
        self._wake.set()

    def drain(self, stop: threading.Event) -> None:
        """Wait until the broker has everything; a few seconds at most once `stop` is set."""
        deadline_s: float | None = None
        while not self.publisher.drained():
            if stop.is_set():
                deadline_s = deadline_s or time.monotonic() + DRAIN_ON_STOP_S
                if time.monotonic() > deadline_s:
                    _log.warning("%d batches stay in the spool %s", self._spool.batches, self._spool.path)
                    break
            self._housekeep(finished=True)
            time.sleep(0.01)
        self._publish_health()

    def progress(self, *, finished: bool = False) -> Progress:
        """Say how far it has come."""
        nodes = self._nodes.values()
        skipped: Counter[str] = Counter()
        for node in nodes:
            skipped.update(node.skipped)
        return Progress(
            t_ms=max((node.complete_to_ms for node in nodes), default=0),
            frames=sum(node.frames for node in nodes),
            observations=sum(node.observations for node in nodes),
            sent=self.publisher.sent,
            spooled=self._spool.batches,
            dropped=self._spool.dropped,
            trouble=self.publisher.trouble,
            finished=finished,
            skipped=dict(skipped),
        )

    def _housekeep(self, *, finished: bool = False) -> None:
        now_s = time.monotonic()
        if now_s >= self._progress_due_s:
            self._progress_due_s = now_s + PROGRESS_EVERY_S
            if self.report is not None:
                self.report(self.progress(finished=finished))
            state = (self._connection.connections, self._spool.dropped > 0)
            if now_s >= self._health_due_s or state != self._health_state:
                self._health_state = state
                self._health_due_s = now_s + HEALTH_EVERY_S
                self._publish_health()

    def _publish_health(self) -> None:
        """Publish the health of every node, retained; without a connection there is nobody to tell."""
        if not self._connection.connected.is_set():
            return
        # An agent with many nodes plays a recording or a simulation: this machine is none of them.
        vitals = read_vitals(self._spool.path.parent) if len(self._nodes) == 1 else Vitals()
        for node, counters in self._nodes.items():
            health = counters.health(
                node,
                uptime_s=time.monotonic() - self._started_s,
                spooled=self._spool.batches,
                dropped=self._spool.dropped,
                vitals=vitals,
            )
            self._connection.publish(self._topics.health(node), encode(health), retain=True)
