"""Fixtures of the console's tests: a served mall that is only drawn, and a browser to open it in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from dashboards.console import STATIC
from tests.dashboards.browsing import DESK, PHONE, OpenConsole, Served, serving
from tests.dashboards.fake_figures import FakeGateway
from tests.dashboards.grafana import figures, influx_data
from tests.influx import Influxd

expect.set_options(timeout=20_000)  # tests run side by side: what takes a moment alone may take seconds


@pytest.fixture(scope="session")
def built() -> None:
    """Skip where the console has not been built."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("the console is not built: run 'python hatch_build.py'")


@pytest.fixture(scope="session")
def influx(influxd: Influxd) -> Influxd:
    """Give an InfluxDB that holds figures of two malls, made up for a fixed moment."""
    influx_data.prepare(influxd)
    for site in influx_data.WANTED.sites:
        influx_data.write(influxd, site.mall.id, figures.points(site))
    return influxd


@pytest.fixture(scope="module")
def served(built: None) -> Iterator[Served]:
    """Serve one mall to all tests of this file that do not stop it."""
    with serving(FakeGateway(phones=900)) as console:
        yield console


@pytest.fixture
def open_console(browser: Browser, served: Served) -> Iterator[OpenConsole]:
    """Open a view in a browser that remembers nothing, and check in the end that it said no error."""
    contexts, problems = [], []

    def open_view(
        view: str = "live", *, size: ViewportSize = DESK, language: str = "en-GB", dark: bool = True
    ) -> Page:
        context = browser.new_context(
            viewport=size, locale=language, color_scheme="dark" if dark else "light", has_touch=size is PHONE
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{served.url}/#/{view}")
        expect(page.locator(".status-open")).to_be_visible()
        return page

    yield open_view
    for context in contexts:
        context.close()
    assert problems == []
