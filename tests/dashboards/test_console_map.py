"""The live map in a real browser, against a gateway whose mall is only drawn."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.dashboards.browsing import COLOURS_ON_MAP, DESK, OpenConsole, Served
from tests.dashboards.frame_times import measure

PICTURE = "document.querySelector('[data-testid=map]').toDataURL()"


def people_now(page: Page) -> int:
    """Return the number of people that the first figure shows."""
    return int(page.locator(".kpi b").first.inner_text().replace(",", ""))


def test_map_is_painted_with_heat(open_console: OpenConsole) -> None:
    """The canvas shows many colours, many of them warm, which go when the heat is switched off."""
    page = open_console()
    page.wait_for_timeout(1200)
    painted = page.evaluate(COLOURS_ON_MAP)
    assert painted["colours"] > 300
    assert painted["most"] < 0.9
    page.get_by_role("button", name="Layers").click()
    page.get_by_label("Heat").uncheck()
    page.wait_for_timeout(300)
    assert page.evaluate(COLOURS_ON_MAP)["warm"] < painted["warm"] / 4


def test_map_moves_by_itself(open_console: OpenConsole) -> None:
    """Half a second later the picture is another one: shoppers walk and heat flows."""
    page = open_console()
    page.wait_for_timeout(1200)
    before = page.evaluate(PICTURE)
    page.wait_for_timeout(500)
    assert page.evaluate(PICTURE) != before


def test_floor_switch_shows_the_other_floor(open_console: OpenConsole) -> None:
    """A floor's button shows its shops; the keys [ and ] do the same."""
    page = open_console()
    expect(page.locator(".ranking")).to_contain_text("Tea Atelier")
    page.get_by_role("button", name=re.compile(r"^F2")).click()
    expect(page.locator(".ranking")).to_contain_text("Hotpot Hall")
    expect(page.locator(".ranking")).not_to_contain_text("Tea Atelier")
    page.keyboard.press("[")
    expect(page.locator(".ranking")).to_contain_text("Tea Atelier")


def test_slider_shows_the_past_and_returns_to_live(open_console: OpenConsole) -> None:
    """At the start of the day almost nobody is there; playing goes on from there; End is live again."""
    page = open_console()
    slider = page.get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", "Live")
    live = people_now(page)
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".kpi dt").first).to_contain_text("People then")
    expect(page.locator(".status")).to_have_text("Past")
    page.wait_for_timeout(500)
    assert people_now(page) < live / 4
    moment = slider.get_attribute("aria-valuenow")
    page.get_by_role("button", name="Play").click()
    expect(slider).not_to_have_attribute("aria-valuenow", moment or "")
    page.get_by_role("button", name="Back to live").click()
    expect(slider).to_have_attribute("aria-valuetext", "Live")
    expect(page.locator(".kpi dt").first).to_contain_text("People now")


def test_slider_is_dragged(open_console: OpenConsole) -> None:
    """Pressing in the middle of the track shows the middle of the day; the arrow keys move by a minute."""
    page = open_console()
    box = page.get_by_role("slider").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    expect(page.locator(".status")).to_have_text("Past")
    slider = page.get_by_role("slider")
    before = int(slider.get_attribute("aria-valuenow") or 0)
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", str(before + 60_000))


def test_click_on_a_shop_opens_its_panel(open_console: OpenConsole) -> None:
    """The panel shows the shop's occupancy, visits, dwell and hours; Escape closes it."""
    page = open_console()
    box = page.get_by_test_id("map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.2)
    panel = page.locator(".zone-card")
    expect(panel.get_by_role("heading", name="Lumen Optics")).to_be_visible()
    expect(panel.locator(".facts")).to_contain_text("Visits today")
    expect(panel.locator(".hourbars-value").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_little_motion_where_it_is_asked_for(browser: Browser, served: Served) -> None:
    """With reduced motion frames do not fade over: between two frames the picture stands still."""
    served.gateway.frames_per_s = 0.4
    context = browser.new_context(viewport=DESK, reduced_motion="reduce")
    try:
        page = context.new_page()
        page.goto(served.url)
        expect(page.locator(".status-open")).to_be_visible()
        page.wait_for_timeout(3_000)
        pictures = []
        for _ in range(6):
            pictures.append(page.evaluate(PICTURE))
            page.wait_for_timeout(150)
        assert len(set(pictures)) <= 2
    finally:
        served.gateway.frames_per_s = 2.0
        context.close()


def test_map_of_twenty_thousand_phones_leaves_time_to_spare(browser: Browser, built: None) -> None:
    """Without a graphics card a frame costs the browser's main thread a few milliseconds.

    By processor time: on a loaded machine the frames that come tell more about the other work there.
    """
    found = measure(browser, phones=20_000, seconds=4)
    assert found.payload_bytes > 50_000
    assert found.work_ms < 30
