"""What the console does when the gateway is away, comes back, or wants a password."""

import pytest
from playwright.sync_api import Browser, expect

from tests.dashboards.browsing import serving
from tests.dashboards.fake_figures import FakeGateway

pytestmark = pytest.mark.usefixtures("built")


def test_console_says_that_the_gateway_is_away_and_returns_with_it(browser: Browser) -> None:
    """A gateway that stops leaves a banner with the figures' age; started again, it is followed again."""
    with serving(FakeGateway(phones=300)) as served:
        page = browser.new_page(locale="en-GB")
        page.goto(served.url)
        expect(page.locator(".status-open")).to_be_visible()
        served.stop()
        banner = page.locator(".banner")
        expect(banner).to_be_visible()
        expect(banner).to_contain_text("the figures are")
        expect(page.locator(".status-open")).to_have_count(0)
        banner.get_by_role("button", name="Try now").click()
        expect(banner).to_be_visible()
        served.start()
        expect(page.locator(".status-open")).to_be_visible()
        expect(banner).to_have_count(0)
        page.close()


def test_console_waits_for_a_gateway_that_is_not_there_yet(browser: Browser) -> None:
    """A page whose first questions fail asks again by itself until somebody answers."""
    with serving(FakeGateway(phones=300)) as served:
        page = browser.new_page(locale="en-GB")
        page.route("**/api/v1/site", lambda route: route.abort())
        page.goto(served.url)
        expect(page.locator(".banner")).to_be_visible()
        page.unroute("**/api/v1/site")
        expect(page.locator(".status-open")).to_be_visible()
        page.close()


def test_console_stays_calm_while_the_server_of_the_history_is_away(browser: Browser) -> None:
    """Live goes on while history waits, which one line tells with its time, until it no longer does."""
    away = {
        "problem": "influx://h:8086/mall: refused",
        "waiting_points": 7,
        "waiting_since_ms": 1_760_000_400_000,
    }
    with serving(FakeGateway(phones=300)) as served:
        page = browser.new_page(locale="en-GB")
        page.clock.install()
        page.route(
            "**/api/v1/health",
            lambda route: route.fulfill(json={"status": "degraded", "t_ms": 1, "history": away}),
        )
        page.goto(served.url)
        banner = page.get_by_role("status").filter(has_text="The history server is not taking data")
        expect(banner).to_be_visible()
        expect(banner).to_contain_text("since")
        expect(page.locator(".status-open")).to_be_visible()
        page.unroute("**/api/v1/health")
        page.clock.fast_forward(30_000)
        expect(banner).to_have_count(0)
        page.close()


def test_figures_that_cannot_be_loaded_can_be_asked_for_again(browser: Browser) -> None:
    """An answer that fails says so in its place, and its button loads it."""
    with serving(FakeGateway(phones=300)) as served:
        page = browser.new_page(locale="en-GB")
        page.route("**/api/v1/zones?*", lambda route: route.fulfill(status=500))
        page.goto(f"{served.url}/#/zones")
        failed = page.get_by_role("alert").filter(has_text="could not be loaded").first
        expect(failed).to_be_visible()
        page.unroute("**/api/v1/zones?*")
        failed.get_by_role("button", name="Try again").click()
        expect(page.locator(".chart canvas").first).to_be_visible()
        page.close()


def test_console_asks_for_the_password(browser: Browser) -> None:
    """Behind a login, a wrong password is refused with words, the right one shows the mall."""
    with serving(FakeGateway(phones=300), password="open sesame") as served:
        page = browser.new_page(locale="en-GB")
        page.goto(served.url)
        page.get_by_label("Password").fill("guess")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("That password is not right.")
        page.get_by_label("Password").fill("open sesame")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".status-open")).to_be_visible()
        page.close()


def test_session_that_ends_leads_back_to_the_login(browser: Browser) -> None:
    """When the cookie is gone and the connection breaks, the login page comes, not an endless retry."""
    with serving(FakeGateway(phones=300), password="open sesame") as served:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        page.goto(served.url)
        page.get_by_label("Password").fill("open sesame")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".status-open")).to_be_visible()
        context.clear_cookies()
        served.stop()
        served.start()
        expect(page.get_by_label("Password")).to_be_visible()
        context.close()
