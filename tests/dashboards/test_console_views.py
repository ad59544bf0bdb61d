"""Every view of the console in a real browser: where it comes from, languages, themes, keys, phones."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.dashboards.browsing import COLOURS_ON_MAP, PHONE, VIEWS, OpenConsole, Served, scrolls_sideways
from tests.dashboards.fake_car_park import TOKEN
from tests.dashboards.fake_mall import K


def is_withheld_or_large(text: str) -> bool:
    """Tell whether a figure gives nobody away: "<k", nobody, or k and more."""
    return text == f"<{K}" or (count := int(text.replace(",", ""))) == 0 or count >= K


def shows_content(page: Page, view: str) -> None:
    """Wait until a view shows what it is there for."""
    content = {"live": ".ranking li", "events": ".event", "nodes": "tbody tr"}.get(view, ".chart canvas")
    expect(page.locator(content).first, view).to_be_visible()


def test_every_view_loads_from_its_own_origin_alone(open_console: OpenConsole, served: Served) -> None:
    """Each view shows its content, without an error in the console and without asking anybody else."""
    page = open_console()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    for view in VIEWS:
        asked.clear()
        page.goto(f"{served.url}/?{view}#/{view}")  # loaded anew, not switched to
        shows_content(page, view)
        assert {host for host in asked if host} == {urlsplit(served.url).netloc}, view


def test_language_is_switched_and_remembered(open_console: OpenConsole) -> None:
    """Everything turns Chinese, the mall's names and the page's language too, and is so after a reload."""
    page = open_console()
    page.get_by_role("button", name="切换到中文").click()
    expect(page.locator(".nav")).to_contain_text("实时地图")
    expect(page.locator(".ranking")).to_contain_text("茶工坊")
    page.reload()
    expect(page.locator(".nav")).to_contain_text("滨江天地")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"


def test_language_follows_the_browser(open_console: OpenConsole) -> None:
    """A browser that asks for Chinese gets it without anybody choosing."""
    page = open_console("zones", language="zh-CN")
    expect(page.locator("thead")).to_contain_text("进店次数")


def test_theme_follows_the_system_and_can_be_chosen(open_console: OpenConsole) -> None:
    """Light on a light system; the key T makes it dark, map and all, and it stays so after a reload."""
    page = open_console(dark=False)
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(background) != light
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_zone_table_is_sorted_and_searched(open_console: OpenConsole) -> None:
    """Most visits first; a click turns the order round; what is typed narrows the list."""
    page = open_console("zones")
    visits = page.locator("tbody tr td:nth-child(3)")

    def shown() -> list[int]:
        figures = [text.replace(",", "") for text in visits.all_inner_texts()]
        return [int(figure) for figure in figures if figure.isdigit()]

    expect(visits.first).to_be_visible()
    falling = shown()
    assert falling == sorted(falling, reverse=True)
    assert len(falling) > 20
    page.get_by_role("button", name="Visits", exact=True).click()
    expect(page.locator("thead th[aria-sort=ascending]")).to_contain_text("Visits")
    assert shown() == sorted(falling)
    page.get_by_role("searchbox").fill("tailor")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_small_groups_are_never_a_number(open_console: OpenConsole) -> None:
    """A withheld figure is "<k" in the list, on the map's tip and in the table, never a digit alone."""
    page = open_console()
    withheld = page.locator(".ranking-value", has_text=f"<{K}")
    expect(withheld.first).to_be_visible()
    values = page.locator(".ranking-value").all_inner_texts()
    assert all(is_withheld_or_large(text) for text in values)
    page.goto(page.url.replace("live", "zones"))
    expect(page.locator("tbody td", has_text=f"<{K}").first).to_be_visible()
    cells = page.locator("tbody td:nth-child(3)").all_inner_texts()
    assert all(is_withheld_or_large(text) for text in cells)


def test_keyboard_reaches_everything(open_console: OpenConsole) -> None:
    """Digits change the view, ? lists the shortcuts, / finds a shop, Tab starts at the way to the content."""
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


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_phone_needs_no_sideways_scrolling(open_console: OpenConsole, served: Served, language: str) -> None:
    """On a phone every view is as wide as the screen, in both languages."""
    page = open_console(size=PHONE, language=language)
    for view in VIEWS:
        page.goto(f"{served.url}/#/{view}")
        shows_content(page, view)
        page.wait_for_timeout(300)
        assert not scrolls_sideways(page), view


def test_every_button_has_a_name(open_console: OpenConsole) -> None:
    """Screen readers can tell what each control is: all have words or a label."""
    page = open_console()
    nameless = """[...document.querySelectorAll('button, input, select, a[href], [tabindex="0"]')]
        .filter((e) => !(e.innerText || e.ariaLabel || e.labels?.length || e.title))
        .map((e) => e.outerHTML)"""
    for view in VIEWS:
        page.keyboard.press(str(VIEWS.index(view) + 1))
        page.wait_for_timeout(300)
        assert page.evaluate(nameless) == []


def test_flows_that_are_all_withheld_say_so(open_console: OpenConsole) -> None:
    """Where every link is taken by fewer than k people, the page says that, and not that nothing happened."""
    page = open_console()
    page.route("**/api/v1/flows*", lambda route: route.fulfill(json={"links": [], "suppressed_links": 75}))
    page.get_by_role("link", name="Flows").click()
    expect(page.locator(".placeholder")).to_have_text(f"75 links of fewer than {K} people are left out")


def test_a_car_is_found_by_its_ticket_or_an_enrolled_plate(open_console: OpenConsole) -> None:
    """Staff type what is on the ticket, or the end of a plate, and read the area."""
    page = open_console("carpark")
    expect(page.locator(".kpi").first).to_contain_text("Cars now")
    expect(page.locator("tbody tr")).to_have_count(4)
    field, answer = page.get_by_role("searchbox"), page.locator(".find-answer")
    field.fill(TOKEN)
    page.get_by_role("button", name="Find", exact=True).click()
    expect(answer).to_contain_text("Lower level, west")
    field.fill("8K27")
    field.press("Enter")
    expect(answer).to_contain_text("Level B2")


def test_the_car_park_fits_a_phone(open_console: OpenConsole) -> None:
    """In Chinese on a phone the page scrolls down only, and the seventh view is still in the navigation."""
    page = open_console("carpark", size=PHONE, language="zh-CN")
    expect(page.locator(".kpi").first).to_contain_text("在场车辆")
    expect(page.locator(".chart canvas").first).to_be_visible()
    assert not scrolls_sideways(page)
    expect(page.locator(".nav a")).to_have_count(7)
