"""The pages of the CRM team in a real browser, over members that are only drawn."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.crm.figures.definitions import BY_ID
from tests.dashboards.browsing import CRM_PAGES, PHONE, OpenConsole, Served, scrolls_sideways, serving
from tests.dashboards.fake_crm import CONFLICTED, OTHER, FakeCrm
from tests.dashboards.fake_figures import FakeGateway
from tests.dashboards.fake_mall import SITE, K
from tests.support import wait_until

NAMELESS = """[...document.querySelectorAll('button, input, select, a[href], [tabindex="0"]')]
    .filter((e) => !(e.innerText || e.ariaLabel || e.labels?.length || e.title)).map((e) => e.outerHTML)"""
CONTENT = {
    "here": "tbody tr", "members": "tbody tr", "segments": ".segmented li", "audiences": "tbody tr",
    "figures": ".funnel li", "alerts": ".alert", "webhooks": ".webhook", "consent": "tbody tr",
}  # fmt: skip


def _drawn() -> tuple[FakeGateway, FakeCrm]:
    gateway = FakeGateway(phones=200)
    return gateway, FakeCrm(gateway.now_ms())


@pytest.fixture(scope="module")
def served(built: None) -> Iterator[Served]:
    """Serve a mall with a CRM to all tests of this file."""
    gateway, crm = _drawn()
    with serving(gateway, crm=crm) as console:
        yield console


def _go(page: Page, name: str) -> None:
    """Open another page of the CRM."""
    page.evaluate("(name) => { location.hash = `#/crm/${name}`; }", name)


def test_every_page_shows_its_content_from_its_own_origin(open_console: OpenConsole, served: Served) -> None:
    """Each page has figures, names for all its controls, and asks nobody else; C leads there."""
    page = open_console("events")
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.keyboard.press("c")
    for name in CRM_PAGES:
        _go(page, name)
        expect(page.locator(CONTENT[name]).first).to_be_visible()
        assert page.evaluate(NAMELESS) == [], name
    assert {host for host in asked if host} == {urlsplit(served.url).netloc}


def test_every_page_fits_a_phone_in_both_languages(open_console: OpenConsole) -> None:
    """Nothing but tables scrolls sideways; one entry of the navigation and a line of tabs lead everywhere."""
    page = open_console("crm/here", size=PHONE)
    expect(page.locator(".nav a:visible")).to_have_count(8)
    for name in (*CRM_PAGES, f"members/{CONFLICTED}"):
        _go(page, name)
        expect(page.locator(CONTENT.get(name, ".track")).first).to_be_visible()
        for language in ("zh-CN", "en"):
            assert not scrolls_sideways(page), (language, name)
            page.keyboard.press("z")
            expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator(".crm-tabs [aria-current]")).to_be_visible()


def test_members_here_are_searched_sorted_and_found_on_the_map(open_console: OpenConsole) -> None:
    """A search narrows the list, a head sorts it, and a zone opens on the map."""
    page = open_console("crm/here")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(31)
    page.get_by_role("button", name="Member", exact=True).click()
    names = page.locator("tbody th").all_inner_texts()
    assert names == sorted(names)
    expect(page.locator("tbody .state").first).to_contain_text("%")
    page.get_by_role("searchbox").fill("gold")
    expect(rows.first).to_contain_text("Gold")
    assert all("Gold" in text for text in rows.all_inner_texts())
    page.get_by_role("searchbox").fill("")
    zone = page.locator("tbody .where button").first
    name = zone.inner_text()
    zone.click()
    expect(page.locator(".zone-card h2")).to_have_text(name)


def test_a_member_is_shown_withdraws_and_is_erased(open_console: OpenConsole, served: Served) -> None:
    """The journey is told in words; a withdrawal says what it deletes; erasure wants the reference typed."""
    page = open_console("crm/members")
    page.get_by_role("searchbox").fill(OTHER)
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name=OTHER).click()
    expect(page.locator(".visit").first).to_contain_text("now")
    expect(page.locator(".steps li").first).to_be_visible()
    expect(page.locator(".conflict")).to_contain_text(CONFLICTED)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert OTHER in download.value.path().read_text()

    page.get_by_role("button", name="Withdraw…").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("deleted at once")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Withdraw…").first.click()
    page.get_by_role("button", name="Withdraw consent").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Record consent…").first).to_be_visible()
    crm = served.crm
    assert crm is not None
    wait_until(lambda: not crm.members[OTHER]["consents"]["position"])

    page.get_by_role("button", name="Erase…").click()
    erase = page.get_by_role("button", name="Erase for good")
    expect(erase).to_be_disabled()
    page.get_by_label(f"Type {OTHER} to go on").fill(OTHER)
    erase.click()
    expect(page.get_by_role("searchbox")).to_be_visible()
    wait_until(lambda: OTHER not in crm.members)


def test_small_groups_stay_withheld(open_console: OpenConsole) -> None:
    """A segment, an audience and shops of fewer than k show no number, and there is no list to download."""
    page = open_console("crm/segments")
    small = page.locator(".segmented li", has_text="Brand-loyal")
    expect(small).to_contain_text("size withheld")
    expect(small.locator(".share")).to_have_text("withheld")
    expect(page.locator(".segmented li", has_text="Daily shopper")).to_contain_text("very stable (0.93)")
    expect(page.locator("tbody tr").first).to_contain_text("3.4 × as often")
    _go(page, "audiences")
    small = page.locator("tbody tr", has_text="Coffee")
    expect(small).to_contain_text(f"<{K}")
    expect(small.get_by_role("link")).to_have_count(0)
    page.get_by_label("Name").fill("Everybody")
    page.get_by_label("Visited one of").select_option("f1-05")
    page.get_by_role("button", name="Make").click()
    made = page.locator("tbody tr", has_text="Everybody")
    expect(made).to_contain_text("was in Tea Atelier")
    with page.expect_download() as download:
        made.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    made.get_by_role("button", name="Remove Everybody").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(made).to_have_count(0)
    _go(page, "figures")
    withheld = page.locator("tbody tr", has_text="withheld")
    expect(withheld.first).to_be_visible()
    assert not any(sign.isdigit() for sign in withheld.first.locator("td").first.inner_text())


def test_figures_have_intervals_and_definitions(open_console: OpenConsole) -> None:
    """Every figure stands with its interval; its definition shows on focus; the table is downloaded."""
    page = open_console("crm/figures")
    tile = page.locator(".kpi", has_text="Bounce rate")
    expect(tile).to_contain_text("14.2%")
    expect(tile).to_contain_text("12.2%–16.6%")
    tile.locator(".explained").focus()
    expect(page.locator(".explanation")).to_contain_text(BY_ID["bounce_rate"].definition.en)
    expect(page.locator(".funnel li")).to_have_count(4)
    page.get_by_role("button", name="Sales", exact=True).click()
    expect(page.locator("thead")).to_contain_text("Conversion")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith('"zone","name","figure","value","low","high"')
    assert any('"conversion"' in line for line in lines)


def test_webhooks_are_added_tried_and_replayed(open_console: OpenConsole) -> None:
    """One that fails says why; a new one shows its secret once; dead letters are sent again."""
    page = open_console("crm/webhooks")
    failing = page.locator(".webhook", has_text="campaigns")
    expect(failing).to_contain_text("Waiting to try again")
    expect(failing).to_contain_text("503 Service Unavailable")
    failing.get_by_role("button", name="Send a test").click()
    expect(failing.get_by_role("status")).to_contain_text("Test failed: 503")
    failing.get_by_role("button", name="Dead letters (3)").click()
    page.get_by_role("button", name="Replay all").click()
    expect(page.get_by_role("dialog")).to_contain_text("None")
    page.keyboard.press("Escape")
    expect(failing.get_by_role("button", name="Dead letters")).to_have_count(0)
    page.locator(".webhook", has_text="crm").first.get_by_role("button", name="Pause").click()
    expect(page.locator(".webhook").first).to_contain_text("Paused")

    page.get_by_role("button", name="Add a webhook").click()
    page.get_by_label("Name").fill("loyalty")
    page.get_by_label("Address").fill("https://loyalty.example.com/in")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_test_id("secret")).to_contain_text("whsec_")
    page.get_by_role("button", name="I have it").click()
    expect(page.locator(".webhook", has_text="loyalty")).to_be_visible()
    expect(page.get_by_text("whsec_")).to_have_count(0)


def test_consent_is_filtered_conflicts_are_merged_and_files_imported(open_console: OpenConsole) -> None:
    """The ledger narrows to a purpose; a merge can be undone; bad rows of a file are told by line."""
    page = open_console("crm/consent")
    conflict = page.locator(".conflicts li", has_text="M-10814")
    expect(conflict).to_contain_text("53%")
    conflict.get_by_role("button", name="Merge…").click()
    expect(page.get_by_role("dialog")).to_contain_text("M-11221 goes on as M-10814")
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.locator("summary")).to_have_text("Merged: 1")
    page.locator("summary").click()
    page.get_by_role("button", name="Undo…").click()
    page.get_by_role("button", name="Undo the merge").click()
    expect(page.locator("summary")).to_have_count(0)

    lines = f"reference,kind,digest,key\nM-1,wifi,{'a' * 32},00000000\nM-2,wifi,02:00:00:00:00:01,\n"
    page.locator("input[type=file]").set_input_files(
        {"name": "phones.csv", "mimeType": "text/csv", "buffer": lines.encode()}
    )
    bad = page.get_by_role("region", name="Bad rows").locator("tbody tr")
    expect(bad).to_have_count(1)
    expect(bad).to_contain_text("expected 32 hex digits")
    expect(bad.locator("th")).to_have_text("3")

    ledger = page.get_by_role("region", name="Consent ledger").locator("tbody tr")
    page.get_by_role("button", name="Parking", exact=True).click()
    expect(ledger.filter(has_text="Position")).to_have_count(0)
    expect(ledger.first).to_contain_text("Parking")
    page.get_by_role("button", name="Record a consent").click()
    page.get_by_label("Member", exact=True).fill("M-55555")
    page.get_by_label("Text").fill("2026-11")
    page.get_by_role("button", name="Record", exact=True).click()
    expect(ledger.first).to_contain_text("M-55555")


def test_what_is_unusual_is_told_in_the_navigation_and_beside_the_events(open_console: OpenConsole) -> None:
    """An alert that goes on is counted, stands above the events, and is read against its usual range."""
    page = open_console("events")
    page.locator(".unusual a", has_text="Kite Toys has 31 visits").click()
    expect(page.locator(".alert").first).to_contain_text("31 · usual 62 (44–83)")
    expect(page.get_by_label("1 alert going on")).to_be_visible()


def test_pages_without_data_say_so(open_console: OpenConsole) -> None:
    """Nobody here is said in words; so is a mall without a CRM, of which nothing is in the navigation."""
    page = open_console("events")
    page.route("**/crm/here", lambda route: route.fulfill(json={"t_ms": 1, "members": [], "conflicts": []}))
    _go(page, "here")
    expect(page.locator(".placeholder")).to_have_text("No member who agreed to it is here right now")
    page.route("**/crm/audiences", lambda route: route.fulfill(json={"audiences": []}))
    _go(page, "audiences")
    expect(page.locator(".placeholder")).to_contain_text("No audience yet")
    page.route("**/api/v1/site", lambda route: route.fulfill(json={**SITE, "crm": None}))
    page.reload()
    expect(page.locator(".card")).to_contain_text("This mall has no CRM")
    expect(page.locator(".nav-group")).to_have_count(0)


def test_only_the_crm_s_password_opens_its_pages(browser: Browser, built: None) -> None:
    """The console's login reads where members are shown and why not to it; the CRM's password opens all."""
    gateway, crm = _drawn()
    with serving(gateway, "open sesame", crm=crm, crm_password="open members") as console:
        page = browser.new_page(locale="en-GB")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(urlsplit(request.url).path))
        page.goto(f"{console.url}/#/crm/figures")
        page.get_by_label("Password").fill("open sesame")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".card")).to_contain_text("For the CRM team")
        expect(page.locator(".nav-group li")).to_have_count(1)
        assert not any("/crm/" in path for path in asked)
        page.get_by_label("Password of the CRM").fill("open sesame")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("The CRM has one of its own")
        page.get_by_label("Password of the CRM").fill("open members")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".funnel polygon").first).to_be_visible()
        expect(page.locator(".nav-group li")).to_have_count(len(CRM_PAGES))

        page.route("**/crm/figures?*", lambda route: route.fulfill(status=422, json={"detail": "too long"}))
        page.reload()
        failed = page.get_by_role("alert").filter(has_text="too long").first
        expect(failed).to_be_visible()
        page.unroute("**/crm/figures?*")
        failed.get_by_role("button", name="Try again").click()
        expect(page.locator(".kpi", has_text="Bounce rate")).to_be_visible()
        page.close()
