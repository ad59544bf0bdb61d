"""Who may see members: the CRM's password and token, and nothing else where a login is needed."""

from collections.abc import Iterator

import httpx
import pytest

from contracts.errors import ConfigurationError
from gateway.auth import Credentials
from gateway.runtime import Gateway, Settings
from tests.gateway.crm_mall import crm_site

PASSWORD, CRM_PASSWORD = "correct horse", "battery staple"
TOKEN, CRM_TOKEN = "a-token-of-the-console-0123456789", "a-token-of-the-crm-0123456789"
MEMBERS = "/api/v1/crm/members"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway with all four secrets and its embedded broker."""
    settings = Settings(
        site=crm_site(), store=tmp_path_factory.mktemp("access") / "store.db", broker_port=0, port=0,
        credentials=Credentials(PASSWORD, TOKEN, CRM_PASSWORD, CRM_TOKEN),
    )  # fmt: skip
    with Gateway(settings) as running:
        yield running


@pytest.fixture
def browser(gateway: Gateway) -> Iterator[httpx.Client]:
    """Return a client that keeps cookies."""
    with httpx.Client(base_url=gateway.url, timeout=20, trust_env=False) as made:
        yield made


def test_nobody_sees_members_without_a_login(browser: httpx.Client) -> None:
    """Without a login the CRM is closed, and who asks is told to log in."""
    assert browser.get(MEMBERS).status_code == 401
    assert browser.get("/api/v1/login").json() == {"logged_in": False, "crm": False}


@pytest.mark.parametrize("path", [MEMBERS, "/api/v1/crm", "/api/v1/crm/nothing", "/api/v1/%63rm/members"])
def test_the_consoles_secrets_do_not_open_the_crm(browser: httpx.Client, path: str) -> None:
    """With the console's token or session the CRM answers 403, however its path is written."""
    assert browser.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 403
    assert browser.post("/api/v1/login", json={"password": PASSWORD}).json()["crm"] is False
    assert browser.get("/api/v1/login").json() == {"logged_in": True, "crm": False}
    answer = browser.get(path)
    assert answer.status_code == 403
    assert "password or token of the CRM" in answer.json()["detail"]


def test_the_crms_secrets_open_everything(browser: httpx.Client) -> None:
    """The CRM's token opens members and the rest, and so does a session of its password."""
    for path in (MEMBERS, "/api/v1/site"):
        assert browser.get(path, headers={"Authorization": f"Bearer {CRM_TOKEN}"}).status_code == 200
    assert browser.post("/api/v1/login", json={"password": CRM_PASSWORD}).json()["crm"] is True
    assert browser.get("/api/v1/login").json() == {"logged_in": True, "crm": True}
    for path in (MEMBERS, "/api/v1/site"):
        assert browser.get(path).status_code == 200


@pytest.mark.parametrize(
    ("secrets", "problem"),
    [
        ((None, None, CRM_PASSWORD, None), "everybody sees members"),
        ((PASSWORD, None, "short", None), "password of the CRM is shorter"),
        ((PASSWORD, None, None, "short"), "token of the CRM is shorter"),
        ((PASSWORD, None, PASSWORD, None), "password of the CRM is the one of the console"),
        ((PASSWORD, TOKEN, None, TOKEN), "token of the CRM is the one of the console"),
    ],
)
def test_secrets_that_protect_nothing_are_refused(secrets: tuple[str | None, ...], problem: str) -> None:
    """A gateway does not start with secrets of the CRM that would not keep members apart."""
    with pytest.raises(ConfigurationError, match=problem):
        Credentials(*secrets).check("127.0.0.1")
