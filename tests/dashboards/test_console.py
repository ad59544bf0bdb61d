"""The console in a real browser, against a gateway whose mall is only drawn."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from dashboards.console import STATIC
from tests.dashboards.browsing import COLOURS_ON_MAP, Served, scrolls_sideways, serving
from tests.dashboards.fake_gateway import FakeGateway
from tests.dashboards.fake_mall import K

pytestmark = pytest.mark.skipif(
    not (STATIC / "index.html").is_file(), reason="the console is not built: python hatch_build.py"
)

DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
VIEWS = ("live", "zones", "flows", "footfall", "events", "nodes")

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """Serve one mall to all tests of this file that do not stop it."""
    with serving(FakeGateway(phones=900)) as console:
        yield console


@pytest.fixture
def open_console(browser: Browser, served: Served) -> Iterator[Open]:
    """Open a view in a browser that remembers nothing, and check in the end that it said no error."""
    contexts, problems = [], []

    def open_view(view: str = "live", *, size: ViewportSize = DESK, language: str = "en-GB", dark: bool = True) -> Page:
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


def people_now(page: Page) -> int:
    """Return the number of people that the first figure shows."""
    return int(page.locator(".kpi b").first.inner_text().replace(",", ""))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_loads_from_its_own_origin_alone(open_console: Open, served: Served, view: str) -> None:
    """Each view shows its content, without an error in the console and without asking anybody else."""
    page = open_console("live" if view != "live" else "zones")
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.goto(f"{served.url}/?fresh#/{view}")
    content = {"live": ".ranking li", "events": ".event", "nodes": "tbody tr"}.get(view, ".chart canvas")
    expect(page.locator(content).first).to_be_visible()
    assert {host for host in asked if host} == {urlsplit(served.url).netloc}


def test_map_is_painted_with_heat(open_console: Open) -> None:
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


def test_map_moves_by_itself(open_console: Open) -> None:
    """Half a second later the picture is another one: shoppers walk and heat flows."""
    page = open_console()
    page.wait_for_timeout(1200)
    picture = "document.querySelector('[data-testid=map]').toDataURL()"
    before = page.evaluate(picture)
    page.wait_for_timeout(500)
    assert page.evaluate(picture) != before


def test_floor_switch_shows_the_other_floor(open_console: Open) -> None:
    """A floor's button shows its shops; the keys [ and ] do the same."""
    page = open_console()
    expect(page.locator(".ranking")).to_contain_text("Tea Atelier")
    page.get_by_role("button", name=re.compile(r"^F2")).click()
    expect(page.locator(".ranking")).to_contain_text("Hotpot Hall")
    expect(page.locator(".ranking")).not_to_contain_text("Tea Atelier")
    page.keyboard.press("[")
    expect(page.locator(".ranking")).to_contain_text("Tea Atelier")


def test_language_is_switched_and_remembered(open_console: Open) -> None:
    """Everything turns Chinese, the mall's names and the page's language too, and is so after a reload."""
    page = open_console()
    page.get_by_role("button", name="切换到中文").click()
    expect(page.locator(".nav")).to_contain_text("实时地图")
    expect(page.locator(".ranking")).to_contain_text("茶工坊")
    page.reload()
    expect(page.locator(".nav")).to_contain_text("滨江天地")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"


def test_language_follows_the_browser(open_console: Open) -> None:
    """A browser that asks for Chinese gets it without anybody choosing."""
    page = open_console("zones", language="zh-CN")
    expect(page.locator("thead")).to_contain_text("进店次数")


def test_theme_follows_the_system_and_can_be_chosen(open_console: Open) -> None:
    """Light on a light system; the key T makes it dark, map and all, and it stays so after a reload."""
    page = open_console(dark=False)
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(background) != light
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_slider_shows_the_past_and_returns_to_live(open_console: Open) -> None:
    """At the start of the day almost nobody is there; playing goes on from there; End is live again."""
    page = open_console()
    slider = page.get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", "Live")
    live = people_now(page)
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".kpi dt").first).to_have_text("People then")
    expect(page.locator(".status")).to_have_text("Past")
    page.wait_for_timeout(500)
    assert people_now(page) < live / 4
    moment = slider.get_attribute("aria-valuenow")
    page.get_by_role("button", name="Play").click()
    expect(slider).not_to_have_attribute("aria-valuenow", moment or "")
    page.get_by_role("button", name="Back to live").click()
    expect(slider).to_have_attribute("aria-valuetext", "Live")
    expect(page.locator(".kpi dt").first).to_have_text("People now")


def test_slider_is_dragged(open_console: Open) -> None:
    """Pressing in the middle of the track shows the middle of the day, and the arrow keys move by a minute."""
    page = open_console()
    box = page.get_by_role("slider").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    expect(page.locator(".status")).to_have_text("Past")
    slider = page.get_by_role("slider")
    before = int(slider.get_attribute("aria-valuenow") or 0)
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", str(before + 60_000))


def test_zone_table_is_sorted_and_searched(open_console: Open) -> None:
    """Most visits first; a click turns the order round; what is typed narrows the list."""
    page = open_console("zones")
    visits = page.locator("tbody tr td:nth-child(3)")

    def shown() -> list[int]:
        return [int(text.replace(",", "")) for text in visits.all_inner_texts() if text.replace(",", "").isdigit()]

    expect(visits.first).to_be_visible()
    falling = shown()
    assert falling == sorted(falling, reverse=True)
    assert len(falling) > 20
    page.get_by_role("button", name="Visits", exact=True).click()
    expect(page.locator("thead th[aria-sort=ascending]")).to_contain_text("Visits")
    assert shown() == sorted(falling)
    page.get_by_role("searchbox").fill("tailor")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_small_groups_are_never_a_number(open_console: Open) -> None:
    """A withheld figure is "<k" in the list, on the map's tip and in the table, never a digit alone."""
    page = open_console()
    withheld = page.locator(".ranking-value", has_text=f"<{K}")
    expect(withheld.first).to_be_visible()
    values = page.locator(".ranking-value").all_inner_texts()
    assert all(text == f"<{K}" or int(text.replace(",", "")) in {0} or int(text.replace(",", "")) >= K for text in values)
    page.goto(page.url.replace("live", "zones"))
    expect(page.locator("tbody td", has_text=f"<{K}").first).to_be_visible()
    cells = page.locator("tbody td:nth-child(3)").all_inner_texts()
    assert all(text == f"<{K}" or int(text.replace(",", "")) >= K for text in cells)


def test_click_on_a_shop_opens_its_panel(open_console: Open) -> None:
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


def test_keyboard_reaches_everything(open_console: Open) -> None:
    """Digits change the view, ? lists the shortcuts, / finds a shop, and Tab starts at the way to the content."""
    page = open_console()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("2")
    expect(page.locator("table")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("quartz")
    expect(page.locator(".ranking li")).to_have_count(1)
    page.get_by_test_id("map").focus()
    before = page.evaluate(COLOURS_ON_MAP)
    for _ in range(4):
        page.keyboard.press("+")
    page.wait_for_timeout(300)
    assert page.evaluate(COLOURS_ON_MAP) != before


@pytest.mark.parametrize("view", VIEWS)
def test_phone_needs_no_sideways_scrolling(open_console: Open, view: str) -> None:
    """On a phone every view is as wide as the screen, in both languages."""
    page = open_console(view, size=PHONE)
    page.wait_for_timeout(600)
    assert not scrolls_sideways(page)
    page.get_by_role("button", name="切换到中文").click()
    page.wait_for_timeout(300)
    assert not scrolls_sideways(page)


def test_every_button_has_a_name(open_console: Open) -> None:
    """Screen readers can tell what each control is: all have words or a label."""
    page = open_console()
    nameless = """[...document.querySelectorAll('button, input, select, a[href], [role=slider], canvas[tabindex]')]
        .filter((e) => !(e.innerText || e.ariaLabel || e.labels?.length || e.title)).map((e) => e.outerHTML)"""
    for view in VIEWS:
        page.keyboard.press(str(VIEWS.index(view) + 1))
        page.wait_for_timeout(300)
        assert page.evaluate(nameless) == []


def test_little_motion_where_it_is_asked_for(browser: Browser, served: Served) -> None:
    """With reduced motion frames do not fade over: between two frames the picture stands still."""
    served.gateway.frames_per_s = 0.4
    context = browser.new_context(viewport=DESK, reduced_motion="reduce")
    try:
        page = context.new_page()
        page.goto(served.url)
        expect(page.locator(".status-open")).to_be_visible()
        picture = "document.querySelector('[data-testid=map]').toDataURL()"
        page.wait_for_timeout(3_000)
        pictures = []
        for _ in range(6):
            pictures.append(page.evaluate(picture))
            page.wait_for_timeout(150)
        assert len(set(pictures)) <= 2
    finally:
        served.gateway.frames_per_s = 2.0
        context.close()
