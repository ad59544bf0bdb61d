"""Who may see members: who has the CRM's password or token; consent over HTTP and at the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from contracts.errors import ConfigurationError
from gateway.auth import Credentials
from gateway.crm.cli import app
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


@pytest.fixture
def crm(gateway: Gateway) -> Iterator[httpx.Client]:
    """Return a machine of the CRM's."""
    headers = {"Authorization": f"Bearer {CRM_TOKEN}"}
    base = f"{gateway.url}api/v1/crm/"
    with httpx.Client(base_url=base, timeout=20, trust_env=False, headers=headers) as made:
        yield made


def test_consent_over_http(crm: httpx.Client) -> None:
    """What is said is answered, said again is no news, and shows in list, member, ledger and export."""
    said = {
        "reference": "m-http", "purpose": "position", "given": True, "text": "2026-03", "channel": "app",
        "t_ms": 1_700_000_000_000,
    }  # fmt: skip
    assert [crm.post("consents", json=said).status_code for _ in range(2)] == [201, 200]
    (row,) = crm.get("members", params={"search": "HTT"}).json()["members"]
    assert row["consents"] == {"position": True, "parking": False, "marketing": False}
    assert (row["visits"], row["last_seen_ms"], row["tier"], row["tags"]) == (0, None, None, [])
    (entry,) = crm.get("members/m-http").json()["consent_entries"]
    assert (entry["text"], entry["channel"], entry["t_ms"]) == ("2026-03", "app", 1_700_000_000_000)
    withdrawn = crm.post("consents", json=said | {"given": False, "t_ms": None}).json()
    assert withdrawn["new"]
    assert withdrawn["t_ms"] > said["t_ms"]
    assert not any(crm.get("members/m-http").json()["consents"].values())
    first = crm.get("consents", params={"limit": 1}).json()
    second = crm.get("consents", params={"limit": 1, "after": first["next"]}).json()
    assert [one["consents"][0]["given"] for one in (first, second)] == [True, False]
    assert crm.get("members/m-http/export").json()["references"] == ["m-http"]
    erased = crm.delete("members/m-http").json()
    assert (erased["deleted"]["crm_persons"], erased["again"]) == (1, False)
    for answer in (crm.get("members/m-http"), crm.get("members/m-http/export"), crm.delete("members/m-http")):
        assert answer.status_code == 404
        assert "m-http" not in answer.text


@pytest.mark.parametrize("reference", ["13812345678", "someone@example.com", "", "a/b", "x" * 65])
def test_a_name_that_says_something_is_refused_unsaid(crm: httpx.Client, reference: str) -> None:
    """A telephone number as reference is refused with 422, and neither repeated nor kept."""
    said = {"purpose": "position", "given": True, "text": "1", "channel": "app"}
    answer = crm.post("consents", json={"reference": reference, **said})
    assert answer.status_code == 422
    assert not reference or reference not in answer.text
    assert crm.get("consents").json()["consents"] == []


def test_members_come_in_pages(crm: httpx.Client) -> None:
    """Pages are by reference and end with null."""
    said = {"purpose": "marketing", "given": True, "text": "1", "channel": "form"}
    for number in (2, 1, 3):
        crm.post("consents", json={"reference": f"p-{number}", **said})
    first = crm.get("members", params={"limit": 2}).json()
    rest = crm.get("members", params={"limit": 2, "after": first["next"]}).json()
    assert [row["reference"] for row in first["members"] + rest["members"]] == ["p-1", "p-2", "p-3"]
    assert rest["next"] is None
    for number in (1, 2, 3):
        crm.delete(f"members/p-{number}")


def test_consent_at_the_command_line(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Give, withdraw, list, export and erase do what they say, and say who has to log in."""

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "--url", gateway.url], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    with pytest.raises(ConfigurationError, match="wants a login"):
        run("consent", "list")
    monkeypatch.setenv("MALLSENSE_CRM_TOKEN", CRM_TOKEN[:-1])
    with pytest.raises(ConfigurationError, match="the one in MALLSENSE_CRM_TOKEN is not it"):
        run("consent", "list")
    monkeypatch.setenv("MALLSENSE_CRM_TOKEN", CRM_TOKEN)
    assert "nobody has said anything" in run("consent", "list")
    given = ("consent", "give", "m-cli", "position", "parking", "--text", "v7", "--channel", "till 4")
    assert run(*given, "--at", "2026-03-01T10:00+08:00").count("agrees") == 2
    assert run(*given, "--at", "2026-03-01T10:00+08:00").count("said before") == 2
    withdrawn = run("consent", "withdraw", "m-cli", "position", "--channel", "app")
    assert "check how the reference is written" in withdrawn
    listed = run("consent", "list")
    assert listed == run("consent", "list", "m-cli")
    assert "2026-03-01 02:00" in listed
    out = tmp_path / "m-cli.json"
    run("export", "m-cli", "--out", str(out))
    assert json.loads(out.read_text(encoding="utf-8"))["references"] == ["m-cli"]
    assert out.stat().st_mode & 0o077 == 0
    assert "1 of crm_persons" in run("erase", "m-cli", "--yes")
    with pytest.raises(ConfigurationError, match="no member has this reference"):
        run("erase", "m-cli", "--yes")
    with pytest.raises(ConfigurationError, match="--at: expected a moment"):
        run(*given, "--at", "yesterday")


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
