"""A running gateway: broker, pipeline and HTTP server, started and stopped together."""

import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import uvicorn

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError, UnavailableError
from contracts.messages import AgentState, GatewayStatus, encode
from contracts.site import Site
from contracts.topics import Topics
from gateway import broker_log
from gateway.api.app import make_app
from gateway.api.context import Attendant, Context
from gateway.api.schemas import HealthAnswer
from gateway.auth import LOOPBACK, Credentials, Guard
from gateway.broker import DEFAULT_PORT, EmbeddedBroker
from gateway.counted import Counted
from gateway.crm.crm import Crm
from gateway.engine import build_engine
from gateway.frames import Frames
from gateway.health import Health
from gateway.intake import Arrival, Intake
from gateway.link import RECEIVE_MAXIMUM, Announcement, Delivery, Link
from gateway.live import Hub, Latest
from gateway.nodes import Nodes
from gateway.people import MallPeople
from gateway.pipeline import Pipeline, cell_grid
from gateway.refusals import Refusals
from gateway.serving import serve
from gateway.store import Store
from gateway.store.desk import Desk
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.figures import FigureSettings, MinuteFigures
from gateway.store.influx.figuring import Figuring
from gateway.store.opening import open_store
from gateway.store.place import StorePlace
from gateway.store.promotions import Promotions
from gateway.store.sqlite import SqliteStore
from gateway.time_answers import TimeAnswers

_log = logging.getLogger(__name__)

try:
    VERSION = metadata.version("mallsense")
except metadata.PackageNotFoundError:  # run from a checkout that is not installed
    VERSION = "0"

GROUP = 64
"""Deliveries journaled in one transaction at most."""
DRAIN_S = 10.0
"""How long a stop waits for the broker to take events; the others go out at the next start."""
RETRY_S = (0.5, 10.0)
"""Pause after the first and after every further failure of the store."""


@dataclass(frozen=True)
class Settings:
    """What a gateway is started with."""

    site: Site
    store: Path
    """The file of journal and checkpoint, and of the history unless `influx` has that."""
    influx: InfluxAddress | None = None
    """Where the history is kept instead."""
    calibration: Mapping[str, Any] | None = None
    """What `gateway.engine.Calibration.to_dict` gives; None = the textbook's radio."""
    people: MallPeople = field(default_factory=MallPeople.assumed)
    """How many people stand behind the devices found."""
    broker: BrokerAddress | None = None
    """None = an embedded one on `broker_port`."""
    broker_port: int = DEFAULT_PORT
    host: str = "127.0.0.1"
    port: int = 8000
    """0 = any free one."""
    credentials: Credentials = field(default_factory=Credentials)
    allow_origins: tuple[str, ...] = ()
    """Origins of pages whose maps may read the plan, which then needs no login."""


class Gateway:
    """One mall's gateway, for as long as the `with` block lasts. Its work is done in threads of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._site = settings.site
        self._inbox: queue.Queue[Delivery] = queue.Queue(4 * RECEIVE_MAXIMUM)
        self._counted = Counted()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._undo: list[Callable[[], None]] = []
        self._crm: Crm | None = None
        self.broker = settings.broker or BrokerAddress("127.0.0.1", settings.broker_port)
        """Where nodes connect to; known for sure once started."""
        self.port = settings.port

    @property
    def url(self) -> str:
        """Where the console is."""
        host = self._settings.host
        name = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104  # compared, not bound
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}/"

    @property
    def crm(self) -> Crm | None:
        """The CRM of the mall, once started; None where it has none."""
        return self._crm

    def start(self) -> Self:
        """Start everything; returns when the API answers.

        Raises `ConfigurationError` when a port is taken, the store cannot be used, or something would be open
        to the network without a password. Nothing is left running then.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        settings, site = self._settings, self._site
        settings.credentials.check(settings.host)
        listener = listen(settings.host, settings.port)
        self._undo.append(listener.close)
        self.port = listener.getsockname()[1]
        engine = build_engine(site, settings.calibration)
        grid, latest, nodes = cell_grid(engine), Latest(), Nodes(site)
        figures = minutes = None
        if settings.influx is not None:
            figures = FigureSettings.of(site, grid, settings.people, settings.influx.figures)
            minutes = MinuteFigures(figures, nodes.reports)
        store = open_store(StorePlace(settings.store, settings.influx), site.mall.id, figures=minutes)
        self._undo.append(store.close)
        if settings.broker is None:
            broker = EmbeddedBroker(settings.broker_port).start()
            self._undo.append(broker.stop)
            self.broker = broker.address

        refusals = Refusals()
        self._intake = Intake(site, refusals)
        self._link = self._make_link()
        secret = store.secret()
        crm = None
        if site.crm is not None:
            crm = self._crm = Crm(
                site, settings.store, secret, history=store, people=settings.people, link=self._link,
                now_ms=lambda: now_ms(latest, store),
                elsewhere=None if isinstance(store, SqliteStore) else store,
            )  # fmt: skip
            self._undo.append(crm.stop)
        self._time = TimeAnswers(site, publish=self._link.publish, now_us=lambda: time.time_ns() // 1000)
        self._pipeline = Pipeline(
            site=site, engine=engine, store=store, outlet=self._link, nodes=nodes, show=latest.show,
            counters=refusals.counters, committed=nothing if crm is None else crm.committed,
        )  # fmt: skip
        self._health = Health(
            engine=engine, latest=latest, refusals=refusals, link=self._link, inbox=self._inbox,
            store=settings.store, k=site.privacy.k,
            history=None if isinstance(store, SqliteStore) else store,
            crm=None if crm is None else crm.health,
        )  # fmt: skip
        frames = Frames(site, grid, settings.people)
        if figures is None or isinstance(store, SqliteStore):
            promotions = Promotions(settings.store)
        else:
            figuring = Figuring(figures, store, settings.store, latest.newest).start()
            self._undo.append(figuring.stop)
            promotions = Promotions(settings.store, figuring.promotion)
        self._undo.append(promotions.close)
        attendant = None
        if site.car_park is not None:
            desk = Desk(settings.store, secret)
            self._undo.append(desk.close)
            attendant = Attendant(desk, self._counted.count)
        context = Context(
            site,
            store,
            latest,
            frames,
            Hub(latest, frames),
            nodes,
            grid,
            self._health.answer,
            settings.people,
            promotions,
            (lambda: 0) if isinstance(store, SqliteStore) else (lambda: store.state().waiting.bodies),
            attendant,
            crm,
        )
        guard = Guard(settings.credentials, secret)
        app = make_app(context, guard, version=VERSION, origins=settings.allow_origins)

        if crm is not None:
            crm.start()
        worker = threading.Thread(target=self._work, name="pipeline", daemon=True)
        worker.start()
        self._undo.append(lambda: self._finish(worker))
        self._serve(app, listener)

    def _make_link(self) -> Link:
        topics = Topics(self._site.mall.id)
        now_ms = time.time_ns() // 1_000_000
        announcement = Announcement(
            topics.gateway_status(),
            birth=encode(
                GatewayStatus(state=AgentState.ONLINE, since_ms=now_ms, software=VERSION, confirms=True)
            ),
            goodbye=encode(
                GatewayStatus(state=AgentState.OFFLINE, since_ms=now_ms, software=VERSION, confirms=True)
            ),
        )
        filters = dict.fromkeys((topics.all_agents, topics.all_observations, topics.all_health), 1)
        filters[topics.all_time_requests] = 0
        if self._site.crm is not None:  # what the broker has of the lists that the CRM keeps there
            filters |= dict.fromkeys((topics.enrolled_devices(), topics.enrolled_plates()), 0)
        if self._settings.broker is not None:  # the embedded one has no log, and hangs up on who asks for it
            filters |= dict.fromkeys(broker_log.TOPICS, 0)
        return Link(
            self.broker, f"mallsense-gateway-{self._site.mall.id}", filters, announcement, self._arrived
        )

    def _serve(self, app: Any, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app, log_level="warning", log_config=None, access_log=False, ws="websockets-sansio",
            ws_max_size=65_536, timeout_graceful_shutdown=2, server_header=False,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=serve, args=(server, listener), name="http", daemon=True)
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join(10)

        self._undo.append(stop)
        while not server.started:
            if not thread.is_alive():
                raise UnavailableError("the HTTP server did not start", "Its log says why.")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop everything: what was received is journaled, a checkpoint written, the broker told goodbye."""
        self._stop.set()
        while self._undo:
            self._undo.pop()()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the gateway has ended by itself, which only an error makes it do; raises that error."""
        ended = self._ended.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return ended

    def health(self) -> HealthAnswer:
        """How it is, as the API tells."""
        return self._health.answer()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # The network thread hands over

    def _arrived(self, delivery: Delivery) -> None:
        if self._time.take(delivery) or (self._crm is not None and self._crm.take(delivery)):
            return
        while not self._stop.is_set():
            try:
                self._inbox.put(delivery, timeout=0.5)
            except queue.Full:
                continue
            return  # not acknowledged once stopped: the broker keeps it

    # The pipeline's thread

    def _work(self) -> None:
        try:
            self._pipeline.resume()
            self._link.start()
            while not (self._stop.is_set() and self._inbox.empty()):
                if arrivals := self._next():
                    self._surely(lambda found=arrivals: self._pipeline.take(found))  # type: ignore[misc]
                self._counted.hand_over(self._pipeline.count_cars)
                self._surely(self._pipeline.commit_if_due)
            self._link.drain(DRAIN_S)
            self._surely(self._pipeline.commit)
        except BaseException as error:  # noqa: BLE001  # carried over to the thread that waits
            self._error = error
        finally:
            self._counted.close()
            self._ended.set()

    def _next(self) -> list[Arrival]:
        group: list[Delivery] = []
        try:
            group.append(self._inbox.get(timeout=0.2))
            while len(group) < GROUP:
                group.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        return [(delivery, self._intake.read(delivery)) for delivery in group]

    def _surely(self, action: Callable[[], None]) -> None:
        """Do something with the store until it works, or the gateway is being stopped."""
        pause_s, longest_s = RETRY_S
        while True:
            try:
                action()
            except UnavailableError as error:
                if self._health.store_problem is None:
                    _log.error("%s", error)
                self._health.store_problem = error.message
                if self._stop.wait(pause_s):
                    _log.error("stopping without the store: what is not acknowledged waits in the broker")
                    return
                pause_s = longest_s
            else:
                if self._health.store_problem is not None:
                    _log.warning("the store works again")
                    self._health.store_problem = None
                return

    def _finish(self, worker: threading.Thread) -> None:
        worker.join(30)
        self._link.stop()


def nothing() -> None:
    """Do nothing."""


def now_ms(latest: Latest, store: Store) -> int:
    """What time it is in the mall: of the newest tick, in memory or in the store; 0 before the first."""
    newest = latest.newest()
    return newest[0].t_ms if newest else store.newest_ms() or 0


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises `ConfigurationError` when the port is taken or the host not ours."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server(
            ("127.0.0.1" if host in LOOPBACK - {"::1"} else host, port), family=family
        )
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}",
            "If the port is in use, choose another one with --port.",
        ) from error
