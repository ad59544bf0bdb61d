"""Promotions, written down by `mallsense promotions` in a gateway that asks for a login."""

from collections.abc import Iterator

import httpx
import pytest
from typer.testing import CliRunner

from contracts.errors import ConfigurationError, MallsenseError, UnavailableError
from gateway.auth import Credentials
from gateway.promotions_cli import app
from gateway.runtime import Gateway, Settings
from tests.gateway.crowd import small_site
from tests.support import free_port

TOKEN = "a-token-of-more-than-twenty-characters"
DAY_MS = 24 * 3_600_000
NOVEMBER_11_MS = 1_762_790_400_000
"""Midnight in Shanghai."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway with a password and a token."""
    settings = Settings(
        site=small_site(), store=tmp_path_factory.mktemp("promotions") / "store.db", broker_port=0, port=0,
        credentials=Credentials("correct horse", TOKEN),
    )  # fmt: skip
    with Gateway(settings) as running:
        yield running


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what a machine sends."""
    monkeypatch.setenv("MALLSENSE_TOKEN", TOKEN)


def run(gateway: Gateway, *words: str) -> str:
    """Call the command; gives what it says. Raises what it raises."""
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*words, "--url", gateway.url])
    if done.exception is not None:
        raise done.exception
    return done.output


def add(gateway: Gateway, title: str, start: str, end: str, *more: str) -> str:
    """Add a promotion; gives its id."""
    said = run(gateway, "add", title, "--from", start, "--until", end, *more)
    assert said.startswith("added ")
    return said.split()[1]


def test_add_list_remove(gateway: Gateway) -> None:
    """What was added is listed in the mall's time, as rows and as answers, until it is removed."""
    promotion = add(gateway, "Singles' Day", "2025-11-11", "2025-11-11", "--zh", "双十一", "--zone", "S10")
    evening = add(gateway, "Late night", "2025-11-11 18:00", "2025-11-11 22:30")
    listed = run(gateway, "list").splitlines()
    assert [line.split()[0] for line in listed[1:]] == [promotion, evening]
    assert "2025-11-11 00:00" in listed[1]
    assert "2025-11-12 00:00" in listed[1]
    assert "S10" in listed[1]
    assert "双十一" in listed[1]
    assert "whole mall" in listed[2]
    with httpx.Client(base_url=f"{gateway.url}api/v1", trust_env=False) as api:
        api.headers["Authorization"] = f"Bearer {TOKEN}"
        first, second = api.get("/promotions").json()
        assert (first["start_ms"], first["end_ms"]) == (NOVEMBER_11_MS, NOVEMBER_11_MS + DAY_MS)
        assert second["zone"] is None
        assert second["title"] == {"en": "Late night", "zh": "Late night"}
        period = {"from_ms": NOVEMBER_11_MS, "to_ms": NOVEMBER_11_MS + 1}
        (row,) = api.get("/rows/promotion", params=period).json()
        assert (row["promotion"], row["zone"], row["removed"]) == (promotion, "S10", False)
        period = {"from_ms": NOVEMBER_11_MS + DAY_MS, "to_ms": NOVEMBER_11_MS + 2 * DAY_MS}
        assert api.get("/rows/promotion", params=period).json() == []
    for one in (promotion, evening):
        assert run(gateway, "remove", one) == f"removed {one}\n"
    assert "no promotions" in run(gateway, "list")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "X", "--from", "tomorrow", "--until", "2025-11-11"), "--from: expected a day or a time"),
        (("add", "X", "--from", "2025-11-12", "--until", "2025-11-11"), "is not after --from"),
        (("add", "X", "--from", "2025-11-11", "--until", "2027-11-11"), "longer than a year"),
        (
            ("add", "X", "--from", "2025-11-11", "--until", "2025-11-12", "--zone", "S99"),
            "there are S10, S11",
        ),
        (("add", " ", "--from", "2025-11-11", "--until", "2025-11-12"), "title.en"),
        (("remove", "nothing"), "no promotion 'nothing'"),
    ],
)
def test_mistakes_are_explained(gateway: Gateway, words: tuple[str, ...], said: str) -> None:
    """What is wrong is said in the words of who wrote it, and nothing is kept."""
    with pytest.raises(ConfigurationError) as refused:
        run(gateway, *words)
    assert said in refused.value.message
    assert "no promotions" in run(gateway, "list")


def test_login_is_asked_for(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the token nothing is kept; the command says which variable to set."""
    monkeypatch.delenv("MALLSENSE_TOKEN")
    with pytest.raises(ConfigurationError) as refused:
        run(gateway, "list")
    assert "MALLSENSE_TOKEN" in refused.value.hint
    answer = httpx.post(f"{gateway.url}api/v1/promotions", json={}, trust_env=False)
    assert answer.status_code == 401


def test_nobody_there() -> None:
    """Where no gateway answers, the command says so; an address that is none is a mistake."""
    runner = CliRunner()
    absent = runner.invoke(app, ["list", "--url", f"http://127.0.0.1:{free_port()}"]).exception
    assert isinstance(absent, UnavailableError)
    wrong = runner.invoke(app, ["list", "--url", "gateway.example"]).exception
    assert isinstance(wrong, MallsenseError)
    assert "expected http://" in wrong.message
