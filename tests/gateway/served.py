"""The HTTP API over any store, on a port of its own, without a gateway behind it."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from contracts.site import Site
from gateway.api.app import make_app
from gateway.api.context import Context
from gateway.api.schemas import HealthAnswer
from gateway.auth import Credentials, Guard
from gateway.crm.crm import Crm
from gateway.engine import Tick
from gateway.frames import Frames
from gateway.live import Hub, Latest
from gateway.nodes import Nodes
from gateway.people import MallPeople
from gateway.runtime import listen
from gateway.serving import serve
from gateway.store import Store
from gateway.store.promotions import Promotions
from gateway.store.records import CellGrid
from tests.support import wait_until


def no_health() -> HealthAnswer:
    """There is no gateway that could be ill."""
    raise NotImplementedError


@contextmanager
def served(
    site: Site,
    store: Store,
    grid: CellGrid,
    promotions: Promotions,
    people: MallPeople,
    newest: Tick | None = None,
    origins: Collection[str] = (),
    crm: Crm | None = None,
) -> Iterator[httpx.Client]:
    """Serve what is in a store, and a newest tick; gives a client of its API.

    Pages of `origins` may read the plan.
    """
    latest, frames = Latest(), Frames(site, grid, people)
    if newest is not None:
        latest.show(newest, [], newest.t_ms)
    context = Context(
        site, store, latest, frames, Hub(latest, frames), Nodes(site), grid, no_health, people, promotions
    )
    context.crm = crm
    app = make_app(context, Guard(Credentials(), bytes(32)), version="1", origins=origins)
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", log_config=None))
    thread = threading.Thread(target=serve, args=(server, listener), daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the API does not answer")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
