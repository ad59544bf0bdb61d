"""Fixtures for all tests: recorded data, real servers, a real browser; and no skips in CI."""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

# As the command does: many small matrices, and threads of BLAS that wait for each other. numpy reads it once.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.influx import Influxd
from tests.support import Mosquitto, find_program
from tests.victoria import Victoria

# Tests start a hundred commands: what Python has compiled is kept, also where it was told not to write it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Loaded machines are slow: no deadline for an example. CI draws the same examples in every run.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)

IN_CI = os.environ.get("CI") == "true"
hypothesis.settings.load_profile("ci" if IN_CI else "local")

_CHROMIUM_OPTIONS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",  # it looks for updates and more, where no network may be
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skip an error in CI, where everything a test needs has to be there."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {call.excinfo and call.excinfo.value}"
    return report


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """Return the folder of recorded real-world data: MALLSENSE_DATA, else ../shared/data."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("MALLSENSE_DATA") or root.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no recorded data in {folder}: set MALLSENSE_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def mosquitto_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Mosquitto]]:
    """Make running mosquittos of one's own, to stop, kill and start again; all are stopped in the end."""
    program = find_program("mosquitto")
    if program is None:
        pytest.skip("mosquitto is not installed: 'make test' installs it where it may")
    brokers: list[Mosquitto] = []

    def make(*, persistence: bool = False, settings: str = "") -> Mosquitto:
        folder = tmp_path_factory.mktemp("mosquitto")
        broker = Mosquitto(program, folder, persistence=persistence, settings=settings)
        brokers.append(broker)
        return broker.start()

    yield make
    for broker in brokers:
        broker.stop()


@pytest.fixture(scope="session")
def mosquitto(mosquitto_factory: Callable[..., Mosquitto]) -> Mosquitto:
    """Return a mosquitto that all tests share: use a mall's name of your own, and do not stop it."""
    return mosquitto_factory()


@pytest.fixture(scope="session")
def influxd_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Influxd]]:
    """Make running influxds of one's own, to stop, kill and start again; all are stopped in the end."""
    program = find_program("influxd")
    if program is None:
        pytest.skip("influxd is not installed: 'make test' installs it where it may")
    servers: list[Influxd] = []

    def make(*, http: str = "", data: str = "") -> Influxd:
        server = Influxd(program, tmp_path_factory.mktemp("influxd"), http=http, data=data)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def influxd(influxd_factory: Callable[..., Influxd]) -> Influxd:
    """Return an influxd 1.x that all tests share: make a database of your own, and do not stop it."""
    return influxd_factory()


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victoria]:
    """Return a VictoriaMetrics that all tests share: use a mall's name of your own, and do not stop it."""
    program = find_program("victoria-metrics")
    if program is None:
        pytest.skip("VictoriaMetrics is not installed: 'make test' installs it where it may")
    server = Victoria(program, tmp_path_factory.mktemp("victoria"))
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a real Chromium without a window.

    One a module: while Playwright runs, no other event loop can run in this thread.
    """
    program = find_program("chromium", "chromium-browser", "google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: 'make test' installs it where it may")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(_CHROMIUM_OPTIONS))
        yield chromium
        chromium.close()
