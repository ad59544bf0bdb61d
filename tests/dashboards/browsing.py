"""A console served on a port of its own, and what the tests ask of the page."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from playwright.sync_api import Page, ViewportSize

from gateway.serving import serve
from tests.dashboards.fake_crm import FakeCrm
from tests.dashboards.fake_figures import FakeGateway
from tests.dashboards.fake_gateway import create_app
from tests.support import free_port, listens, wait_until

DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
VIEWS = ("live", "zones", "flows", "footfall", "carpark", "events", "nodes")
CRM_PAGES = ("here", "members", "segments", "audiences", "figures", "alerts", "webhooks", "consent")

OpenConsole = Callable[..., Page]
"""Opens a view: `open_console("zones", size=PHONE, language="zh-CN", dark=False)`."""


class Served:
    """The fake gateway on a free port of the loopback address; can be stopped and started again there."""

    def __init__(
        self,
        gateway: FakeGateway,
        password: str | None = None,
        *,
        crm: FakeCrm | None = None,
        crm_password: str | None = None,
    ) -> None:
        self.gateway, self.crm = gateway, crm
        self.port = free_port()
        self._password, self._crm_password = password, crm_password
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the console is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve in a thread of its own until stopped."""
        app = create_app(self.gateway, self._password, crm=self.crm, crm_password=self._crm_password)
        # ws: uvicorn's default for websockets uses an interface that its library has deprecated.
        config = uvicorn.Config(
            app, port=self.port, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=serve, args=(self._server,), daemon=True)
        self._thread.start()
        wait_until(lambda: listens(self.port), what="the fake gateway does not listen")

    def stop(self) -> None:
        """Close all connections and the port."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=10)
            self._server = None


@contextmanager
def serving(
    gateway: FakeGateway,
    password: str | None = None,
    *,
    crm: FakeCrm | None = None,
    crm_password: str | None = None,
) -> Iterator[Served]:
    """Serve `gateway` while the block runs; `crm`: what it knows of members."""
    served = Served(gateway, password, crm=crm, crm_password=crm_password)
    served.start()
    try:
        yield served
    finally:
        served.stop()


COLOURS_ON_MAP = """() => {
    const canvas = document.querySelector('[data-testid=map]');
    const {width, height} = canvas;
    const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    const colours = new Map();
    for (let i = 0; i < pixels.length; i += 4) {
        const colour = pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2];
        colours.set(colour, (colours.get(colour) ?? 0) + 1);
    }
    const warm = [...colours].filter(([c]) => (c >> 16) > 150 && (c >> 16) - (c & 255) > 40);
    return {
        colours: colours.size,
        most: Math.max(...colours.values()) / (width * height),
        warm: warm.reduce((sum, [, n]) => sum + n, 0),
    };
}"""
"""How many colours the map shows, the share of the commonest, and how many pixels glow with heat."""


def scrolls_sideways(page: Page) -> bool:
    """Tell whether the page is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
