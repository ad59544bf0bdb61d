"""One edge agent: a source, through pseudonyms and the spool, to the broker; birth, health, goodbye."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from contracts.broker import BrokerAddress
from contracts.errors import UnavailableError
from contracts.messages import AgentState, AgentStatus, encode
from contracts.topics import Topics
from edge_agent.batcher import Batcher
from edge_agent.configuring import select
from edge_agent.connection import WINDOW, Connection
from edge_agent.enrolled import EnrolledList
from edge_agent.gateway_view import GatewayView
from edge_agent.guidance import Guidance
from edge_agent.health import Instruments
from edge_agent.members import MemberList, Naming
from edge_agent.opt_out import OptOut
from edge_agent.pace import paced
from edge_agent.plate_hashes import PlateHashes
from edge_agent.pseudonym import Pseudonyms
from edge_agent.publisher import CATCH_UP, Publisher
from edge_agent.reporting import Progress, Reporter
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import Heard, Source
from edge_agent.spool import MAX_BYTES, Spool

__all__ = ["Progress", "run_agent"]

_log = logging.getLogger(__name__)

DRAIN_ON_STOP_S = 5.0
"""How long a stopped agent tries to get rid of what waits; the rest stays in the spool."""
BACKPRESSURE_BYTES = 16 * 1024 * 1024
"""A replay waits while more than this waits in the spool, or half of the spool's bound if that is less."""
LONGEST_HOLD_MS = 3_000
"""Most event time in a batch: while the broker is behind, and when playing as fast as possible.

The nodes of an agent are this far apart at most: less than the lateness that a gateway allows by default.
"""
BEHIND_BATCHES = 4 * WINDOW
"""More batches than this in the spool mean that the broker is behind: a replay makes larger ones."""
_POLL_S = 0.01


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
    instruments: Instruments | None = None,
    guidance: Guidance | None = None,
    province: str | None = None,
) -> Progress:
    """Run an agent until its source ends and everything is stored elsewhere, or until `stop` is set.

    `speed` is event time over real time, None as fast as possible. It counts from the first block, or from
    `now_ms`: what is older is then caught up with first. A `live` source is never made to wait:
    where the spool is full, the oldest batches are dropped and counted. Any other source waits, so nothing is
    lost. With `broker_timeout_s`, a broker that cannot be reached at the start is an error after so many
    seconds; without, the agent tries for ever. `progress` is called a few times a second.
    `instruments` add to a live node's health what the counters do not tell. With `guidance`, which only an
    agent of one node can have, it follows the desired configuration and measures its clock. `province` is
    what local plates begin with, for sources with cameras.

    On `stop`, what waits is sent for up to 5 s; the rest stays in the spool for the next start.

    Raises:
        ConfigurationError: the source cannot be opened, or the spool cannot be used.
        UnavailableError: the broker could not be reached in `broker_timeout_s` seconds.
        ValueError: the key has not the right length.

    """
    stop = stop or threading.Event()
    topics = Topics(mall)
    pseudonyms = Pseudonyms(key, rotation)
    blocks = iter(source.blocks())
    first = next(blocks, None)  # what cannot be opened is refused before anything is said to the world
    since_ms = first.complete_to_ms if first else 0
    all_blocks = itertools.chain(() if first is None else (first,), blocks)

    def status(state: AgentState) -> bytes:
        nodes = list(source.nodes)
        return encode(
            AgentStatus(agent=agent_id, nodes=nodes, state=state, since_ms=since_ms, software=software)
        )

    spool = Spool(spool_path, max_bytes=max_spool_bytes)
    wake = threading.Event()
    gateway = GatewayView()
    opt_out = OptOut(key, spool_path.with_name(f"{spool_path.name}.optout"))
    enrolled = EnrolledList(key, spool_path.with_name(f"{spool_path.name}.enrolled"))
    members = MemberList(key, spool_path.with_name(f"{spool_path.name}.members"))
    retained = {
        topics.opt_out(): opt_out.take,
        topics.enrolled_plates(): enrolled.take,
        topics.enrolled_devices(): members.take,
    }
    connection = Connection(
        broker,
        client_id=f"mallsense-edge-{mall}-{agent_id}",
        status_topic=topics.agent_status(agent_id),
        birth=status(AgentState.ONLINE),
        will=status(AgentState.OFFLINE),
        wake=wake,
        subscriptions=gateway.subscriptions(topics, source.nodes)
        | retained
        | (guidance.subscriptions(topics) if guidance else {}),
    )
    publisher = Publisher(
        spool,
        connection,
        topics,
        wake,
        gateway=gateway,
        rate_hz=CATCH_UP * (speed or 1.0) if live else None,
        nodes=source.nodes,
    )
    reporter = Reporter(
        source.nodes,
        spool=spool,
        publisher=publisher,
        connection=connection,
        topics=topics,
        show=progress,
        instruments=instruments,
        guidance=guidance,
    )
    plates = PlateHashes(key, rotation, province=province, enrolled=enrolled)
    batcher = Batcher(pseudonyms, boot=spool.boot, number=spool.number, plates=plates, naming=Naming(members))
    reader = _Reader(batcher, spool, reporter, wake, stop, opt_out, guidance)
    try:
        publisher.start()
        if broker_timeout_s is not None:
            _await(connection, broker_timeout_s, stop)
        reader.hold_ms = 0 if live else _hold_ms(speed)
        reader.limit_bytes = None if live else min(BACKPRESSURE_BYTES, max_spool_bytes // 2)
        reader.read(paced(all_blocks, speed, now_ms=now_ms, stop=stop))
        _drain(publisher, spool, reporter, stop)
    finally:
        publisher.stop()
        spool.close()
    return reporter.progress(finished=True)


def _hold_ms(speed: float | None) -> int:
    """Choose the event time a batch covers: about half a second of real time, so that brokers keep up."""
    if speed is None:
        return LONGEST_HOLD_MS
    return 0 if speed <= 1 else min(round(500 * speed), LONGEST_HOLD_MS)


def _await(connection: Connection, timeout_s: float, stop: threading.Event) -> None:
    """Wait for the first connection."""
    deadline_s = time.monotonic() + timeout_s
    while not connection.connected.wait(_POLL_S) and not stop.is_set():
        if time.monotonic() > deadline_s:
            why = connection.trouble or f"the broker at {connection.address} does not answer"
            there = "refuses" in why or "not trusted" in why
            raise UnavailableError(
                why,
                "docs/securing-the-broker.md tells how certificates are made."
                if there
                else "Start one (`mosquitto`, or `mallsense gateway`, which brings one), or name another.",
            )


class _Reader:
    """Takes blocks from the source into the spool."""

    hold_ms = 0
    """Event time a batch covers, while the broker keeps up."""
    limit_bytes: int | None = None
    """The source waits while more waits in the spool; None = it cannot wait."""

    def __init__(
        self,
        batcher: Batcher,
        spool: Spool,
        reporter: Reporter,
        wake: threading.Event,
        stop: threading.Event,
        opt_out: OptOut,
        guidance: Guidance | None,
    ) -> None:
        self._batcher = batcher
        self._spool = spool
        self._reporter = reporter
        self._wake = wake
        self._stop = stop
        self._opt_out = opt_out
        self._guidance = guidance

    def read(self, blocks: Iterator[Heard]) -> None:
        """Take blocks until there are no more or it is stopped."""
        for block in blocks:
            heard = self._opt_out.apply(block)  # before anything else is done with it
            if self._guidance is not None:
                heard = select(heard, self._guidance.active)
            self._batcher.hold_ms = self._hold_ms()
            for batch in self._batcher.add(heard):
                self._spool.append(batch.node, batch.seq, encode(batch))
            self._reporter.count(heard)
            self._wake.set()
            self._reporter.report()
            self._wait_for_room()
            if self._stop.is_set():
                break
        for batch in self._batcher.flush():
            self._spool.append(batch.node, batch.seq, encode(batch))
        self._wake.set()

    def _hold_ms(self) -> int:
        """Choose the event time that the next batch covers."""
        if self.limit_bytes is not None and self._spool.batches > BEHIND_BATCHES:
            return LONGEST_HOLD_MS
        wanted_s = self._guidance.active.batch_s if self._guidance else None
        return self.hold_ms if wanted_s is None else round(wanted_s * 1000)

    def _wait_for_room(self) -> None:
        while self.limit_bytes is not None and self._spool.size_bytes > self.limit_bytes:
            if self._stop.wait(_POLL_S):
                return
            self._reporter.report()


def _drain(publisher: Publisher, spool: Spool, reporter: Reporter, stop: threading.Event) -> None:
    """Wait until the broker has everything; a few seconds at most once `stop` is set."""
    deadline_s: float | None = None
    while not publisher.drained():
        if stop.is_set():
            deadline_s = deadline_s or time.monotonic() + DRAIN_ON_STOP_S
            if time.monotonic() > deadline_s:
                _log.warning("%d batches stay in the spool %s", spool.batches, spool.path)
                break
        reporter.report(finished=True)
        time.sleep(_POLL_S)
    reporter.publish_health()
