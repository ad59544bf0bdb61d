"""How smooth the map is with a full mall, in a headless Chromium that draws without a graphics card.

By hand, from the project's root: `python -m tests.dashboards.frame_times --phones 20000`.
"""

import argparse
from dataclasses import dataclass

from playwright.sync_api import Browser, CDPSession, sync_playwright

from tests.conftest import _CHROMIUM_OPTIONS
from tests.dashboards.browsing import serving
from tests.dashboards.fake_figures import FakeGateway
from tests.support import find_program

_RECORD = """() => {
    window.frameTimes = [];
    let last = performance.now();
    const tick = () => {
        const now = performance.now();
        window.frameTimes.push(now - last);
        last = now;
        requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
}"""


@dataclass(frozen=True)
class FrameTimes:
    """What a viewer's browser did for some seconds."""

    frames_per_s: float
    median_ms: float
    p95_ms: float
    longest_ms: float
    busy: float
    """Processor time of the page's main thread, in cores."""
    payload_bytes: float
    """One message of the gateway, uncompressed."""

    @property
    def work_ms(self) -> float:
        """Processor time of the main thread for one frame."""
        return 1000 * self.busy / self.frames_per_s


def measure(
    browser: Browser, phones: int, seconds: float, *, width: int = 1440, height: int = 900
) -> FrameTimes:
    """Watch the live map of a mall with this many phones on the floor shown."""
    gateway = FakeGateway(phones, full=True)
    with serving(gateway) as served:
        page = browser.new_page(viewport={"width": width, "height": height})
        sizes: list[int] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda data: sizes.append(len(data))))
        page.goto(served.url)
        page.wait_for_timeout(4000)
        session = page.context.new_cdp_session(page)
        # By the thread's own clock: on a loaded machine the wall clock counts other programs' time too.
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        busy_before = _busy_s(session)
        page.evaluate(_RECORD)
        page.wait_for_timeout(seconds * 1000)
        times = sorted(page.evaluate("window.frameTimes"))
        busy = (_busy_s(session) - busy_before) / (sum(times) / 1000)
        page.close()
    return FrameTimes(
        frames_per_s=1000 * len(times) / sum(times),
        median_ms=times[len(times) // 2],
        p95_ms=times[int(len(times) * 0.95)],
        longest_ms=times[-1],
        busy=busy,
        payload_bytes=sum(sizes) / max(len(sizes), 1),
    )


def _busy_s(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    program = find_program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_CHROMIUM_OPTIONS))
        found = measure(browser, options.phones, options.seconds)
        browser.close()
    print(  # noqa: T201  # a command prints
        f"{options.phones} phones: {found.frames_per_s:.1f} frames/s, median {found.median_ms:.1f} ms, "
        f"p95 {found.p95_ms:.1f} ms, longest {found.longest_ms:.0f} ms, "
        f"main thread {found.work_ms:.1f} ms a frame, {found.payload_bytes / 1000:.0f} kB a message"
    )


if __name__ == "__main__":
    main()
