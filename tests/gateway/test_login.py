"""A gateway with a password, asked over real connections."""

from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from gateway.auth import ATTEMPTS, COOKIE, Credentials
from gateway.runtime import Gateway, Settings
from tests.gateway.crowd import small_site

PASSWORD = "correct horse"
TOKEN = "a-token-of-more-than-twenty-characters"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway with a password, a token and its embedded broker."""
    settings = Settings(
        site=small_site(), store=tmp_path_factory.mktemp("login") / "store.db", broker_port=0, port=0,
        credentials=Credentials(PASSWORD, TOKEN),
    )  # fmt: skip
    with Gateway(settings) as running:
        yield running


@pytest.fixture
def browser(gateway: Gateway) -> Iterator[httpx.Client]:
    """Return a client that keeps cookies, as a browser does."""
    with httpx.Client(base_url=gateway.url, timeout=20, trust_env=False) as made:
        yield made


def test_nothing_without_login(gateway: Gateway, browser: httpx.Client) -> None:
    """Every part of the API, the description and the live stream included, wants a login."""
    plan = "plan/floors/F1.geojson"  # open only to maps of pages that --allow-origin names
    for path in ("site", "nodes", "health", "zones", "events", "openapi.json", "nothing", plan):
        answer = browser.get(f"/api/v1/{path}")
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
    address = f"{gateway.url.replace('http', 'ws', 1)}api/v1/live"
    with pytest.raises(InvalidStatus) as refused, connect(address):
        pass
    assert refused.value.response.status_code == 403


def test_login_and_logout(gateway: Gateway, browser: httpx.Client) -> None:
    """After logging in the API and the live stream answer; after logging out they do not."""
    answer = browser.post("/api/v1/login", json={"password": PASSWORD})
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert browser.get("/api/v1/site").status_code == 200
    headers = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
    with connect(f"{gateway.url.replace('http', 'ws', 1)}api/v1/live", additional_headers=headers):
        pass
    assert browser.post("/api/v1/logout").status_code == 204
    assert browser.get("/api/v1/site").status_code == 401


def test_machine_with_a_token(browser: httpx.Client) -> None:
    """A bearer token gets in, a wrong one does not."""
    assert browser.get("/api/v1/site", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert browser.get("/api/v1/site", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_login_from_another_page(browser: httpx.Client) -> None:
    """A page of another origin cannot even try a password."""
    answer = browser.post(
        "/api/v1/login", json={"password": PASSWORD}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403


def test_guessing_is_slowed_down(browser: httpx.Client) -> None:
    """After some wrong passwords one has to wait, even with the right one."""
    codes = [
        browser.post("/api/v1/login", json={"password": f"wrong{i}"}).status_code for i in range(ATTEMPTS + 1)
    ]
    assert codes == [401] * ATTEMPTS + [429]
    answer = browser.post("/api/v1/login", json={"password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
