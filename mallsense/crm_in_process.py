"""A gateway's pipeline and CRM without broker, threads and clock: simulated days pass as fast as they can."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from contracts.control import EnrolledDevices, EnrolledPlates
from contracts.messages import AgentState, AgentStatus, encode
from contracts.site import Site
from edge_agent.batcher import Batcher
from edge_agent.enrolled import EnrolledList
from edge_agent.members import MemberList, Naming
from edge_agent.opt_out import key_id
from edge_agent.plate_hashes import PlateHashes
from edge_agent.pseudonym import Pseudonyms
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import Heard
from gateway.crm.consent.ledger import generation
from gateway.crm.consent.withdrawal import Said
from gateway.crm.crm import Crm
from gateway.crm.figures.sale_import import import_sales
from gateway.crm.figures.sale_values import Shop
from gateway.crm.identity.lists import enrolled
from gateway.engine import Tick, build_engine
from gateway.link import Delivery
from gateway.nodes import Nodes
from gateway.pipeline import Pipeline
from gateway.store.records import Event, Input
from gateway.store.sqlite import SqliteStore
from mallsense.in_process import BOOT
from simulators.members.population import Consent
from simulators.members.records import Identifier, identifiers_csv, sales_csv
from simulators.members.tills import Sale

AGENT = "recording"
HOLD_SHARE = 0.8
"""Event time in a batch, of the time that ticks wait for nodes which are behind: here batches cost most."""


class _NoBroker:
    """An outlet that leads nowhere."""

    def ack(self, delivery: Delivery) -> None:
        """Nobody waits for it."""

    def publish(self, topic: str, payload: bytes, *, qos: int = 0) -> None:
        """Nobody listens."""

    def publish_surely(self, topic: str, payload: bytes, name: str) -> None:
        """Nobody listens."""

    def taken(self) -> list[str]:
        """Return nothing."""
        return []


class CrmInProcess:
    """Batches of simulated nodes in, feed and members in the store's file out. One thread calls it."""

    def __init__(
        self,
        site: Site,
        folder: Path,
        key: bytes,
        nodes: Sequence[str],
        *,
        calibration: Mapping[str, Any] | None = None,
        show: Callable[[Tick], None] = lambda _tick: None,
    ) -> None:
        """Make the store in `folder`, for nodes with the mall's key; `show` is given every tick."""
        self.path = folder / "mall.db"
        self._t_ms = 0
        self._nodes = nodes
        self._show = show
        self._store = SqliteStore(self.path)
        self.crm = Crm(site, self.path, self._store.secret(), history=self._store, now_ms=lambda: self._t_ms)
        zones = frozenset(zone.id for _, zone in site.zones())
        self._shop = Shop(zones, {}, self.crm.settings.currency, ZoneInfo(site.mall.timezone))
        self._pipeline = Pipeline(
            site=site, engine=build_engine(site, calibration), store=self._store, outlet=_NoBroker(),
            nodes=Nodes(site), show=self._take_tick,
        )  # fmt: skip
        self._pipeline.resume()
        self._key = key
        self._members = MemberList(key, folder / "members")
        self._enrolled = EnrolledList(key, folder / "enrolled")
        rotation = SaltRotation.of(site)
        hold_ms = round(1000 * HOLD_SHARE * site.tracking.lateness_s)
        self._batcher = Batcher(
            Pseudonyms(key, rotation), boot=BOOT, number=itertools.count().__next__, hold_ms=hold_ms,
            plates=PlateHashes(key, rotation, province=site.mall.province, enrolled=self._enrolled),
            naming=Naming(self._members),
        )  # fmt: skip
        self._generation = -1
        self._waiting: list[Input] = []
        online = AgentStatus(agent=AGENT, nodes=list(nodes), state=AgentState.ONLINE, since_ms=0)
        self._waiting.append(Input(online, encode(online)))

    def hear(self, heard: Heard) -> Iterator[tuple[int, list[str]]]:
        """Take what a node heard; gives (end, pseudonyms) of every batch that it fills."""
        for batch in self._batcher.add(heard):
            self._waiting.append(Input(batch, encode(batch)))
            yield batch.watermark_ms, batch.device

    def idle(self, until_ms: int) -> None:
        """Let all nodes say that they have heard nothing up to a moment, as they do all night."""
        for node in self._nodes:
            for _ in self.hear(Heard(node, until_ms)):
                pass
        self.step()

    def flush(self) -> None:
        """Compute what the nodes have not sent yet, too."""
        for batch in self._batcher.flush():
            self._waiting.append(Input(batch, encode(batch)))
        self.step()

    def step(self) -> None:
        """Compute what has been heard, match it, and tell the nodes whom to name."""
        nobody = Delivery("", b"", 0, 0, 0)
        self._pipeline.take([(nobody, item) for item in self._waiting])
        self._waiting.clear()
        self._pipeline.commit()
        self.match()

    def match(self) -> None:
        """Take in what waits in the inbox, and tell the nodes whom to name."""
        while self.crm.matching.step():
            pass
        self._publish()

    def say(self, consents: Sequence[tuple[str, Consent]]) -> None:
        """Deliver consents."""
        self.crm.consents.say(
            [Said(reference=reference, **consent._asdict()) for reference, consent in consents]
        )

    def identify(self, identifiers: Sequence[Identifier]) -> None:
        """Deliver identifiers."""
        if identifiers:
            self.crm.identities.import_(identifiers_csv(identifiers).encode())

    def sell(self, sales: Sequence[Sale]) -> None:
        """Deliver what the tills have sold."""
        if sales:
            import_sales(self.crm.file, sales_csv(sales).encode(), self._shop)

    def close(self) -> None:
        """Let go of the files."""
        self.crm.stop()
        self._store.close()

    def _take_tick(self, tick: Tick, events: list[Event], mall_ms: int) -> None:
        del events, mall_ms
        self._t_ms = tick.t_ms
        self._show(tick)

    def _publish(self) -> None:
        """Give the nodes new lists where consents or identities have changed, as a gateway does."""
        with self.crm.file.connection() as db:
            now = generation(db)
            if now == self._generation:
                return
            self._generation = now
            wanted = enrolled(db)
        name = key_id(self._key)
        self._members.take(encode(EnrolledDevices(key=name, digests=list(wanted.devices))))
        plates = EnrolledPlates(key=name, digests=[], members=list(wanted.plates))
        self._enrolled.take(encode(plates))
