"""Dashboards are pushed into a Grafana's documented API, and written as the files that it starts from."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from contracts.errors import ConfigurationError, MallsenseError, UnavailableError
from contracts.site import dump_site
from dashboards.grafana.catalogue import Wanted
from dashboards.grafana.cli import app
from dashboards.grafana.provisioning import Access, Influx
from dashboards.grafana.pushing import Change, Grafana, Outcome
from dashboards.grafana.sources import Kind
from tests.dashboards.grafana.fake_grafana import FakeGrafana, serving
from tests.dashboards.grafana.malls import hillside, riverside
from tests.support import free_port

SECRET = "figures-token-4711"
GATEWAY = {"riverside": "https://riverside.example"}
ACCESS = Access(Influx("http://influxdb:8086", "group"), GATEWAY, SECRET)


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    """Serve an empty Grafana."""
    with serving(FakeGrafana()) as server:
        yield server


def wanted(kind: Kind = Kind.INFLUXQL, words: str = "both", k: int = 5) -> Wanted:
    """Dashboards of one mall."""
    site = riverside()
    site = site.model_copy(update={"privacy": site.privacy.model_copy(update={"k": k})})
    return Wanted([site], kind, words, GATEWAY)


def push(grafana: FakeGrafana, what: Wanted, access: Access = ACCESS, **options: bool) -> list[Change]:
    """Push, and give what was done."""
    renew = options.pop("renew", False)
    return list(Grafana(grafana.url, grafana.token, **options).push(what, access, renew=renew))


def outcomes(changes: list[Change]) -> dict[tuple[str, Outcome], int]:
    """Count what was done."""
    return dict(Counter((change.what, change.outcome) for change in changes))


def test_everything_is_made_once(grafana: FakeGrafana) -> None:
    """The first push makes all, the second changes nothing, though the server rewrote what it got."""
    assert outcomes(push(grafana, wanted())) == {
        ("data source", Outcome.MADE): 1,
        ("folder", Outcome.MADE): 2,
        ("dashboard", Outcome.MADE): 14,
        ("alert rule", Outcome.MADE): 4,
    }
    assert {each["meta"]["folderUid"] for each in grafana.dashboards.values()} == {
        "mallsense-en",
        "mallsense-zh",
    }
    assert grafana.provenance == ["true"]
    grafana.changes.clear()
    assert {change.outcome for change in push(grafana, wanted())} == {Outcome.SAME}
    assert grafana.changes == []


def test_only_what_differs_is_changed(grafana: FakeGrafana) -> None:
    """Another k is in the texts of dashboards: they change, the data source and the rules do not."""
    push(grafana, wanted())
    grafana.changes.clear()
    done = outcomes(push(grafana, wanted(k=8)))
    assert done["data source", Outcome.SAME] == 1
    assert done["alert rule", Outcome.SAME] == 4
    assert done["dashboard", Outcome.CHANGED] >= 8
    assert set(grafana.changes) == {"POST /api/dashboards/db"}


def test_a_dry_run_changes_nothing(grafana: FakeGrafana) -> None:
    """It says what would be made, and makes nothing."""
    assert {change.outcome for change in push(grafana, wanted(), dry_run=True)} == {Outcome.MADE}
    assert grafana.changes == []


def test_rules_of_other_malls_stay(grafana: FakeGrafana) -> None:
    """Two malls that are pushed one after the other share the group of rules."""
    push(grafana, wanted())
    gateways = {"hillside": "https://hillside.example"}
    push(grafana, Wanted([hillside()], Kind.INFLUXQL, "both", gateways), ACCESS)
    (group,) = grafana.groups.values()
    assert Counter(rule["labels"]["mall"] for rule in group["rules"]) == {"riverside": 4, "hillside": 4}


def test_a_secret_is_written_once_or_when_asked(grafana: FakeGrafana) -> None:
    """A data source that has its secret is left alone; `renew` writes it again."""
    push(grafana, wanted())
    assert grafana.sources["mallsense-figures"]["secureJsonFields"] == {"httpHeaderValue1": True}
    grafana.changes.clear()
    push(grafana, wanted(), renew=True)
    assert grafana.changes == ["PUT /api/datasources/uid/mallsense-figures"]


def test_each_mall_has_a_data_source_with_infinity(grafana: FakeGrafana) -> None:
    """Infinity asks the mall's gateway, with a bearer token, and no other host."""
    push(grafana, wanted(Kind.INFINITY, "zh"))
    source = grafana.sources["mallsense-riverside"]
    assert source["jsonData"] == {"auth_method": "bearerToken", "allowedHosts": ["https://riverside.example"]}
    assert list(grafana.folders) == ["mallsense-zh"]


def test_refusals_say_what_to_do(grafana: FakeGrafana, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong token, a wrong address and a server that is not there are told apart."""
    with pytest.raises(ConfigurationError, match="Grafana refuses") as refused:
        list(Grafana(grafana.url, "glsa_wrong").push(wanted(), ACCESS))
    assert "token is wrong" in refused.value.hint
    assert "glsa_wrong" not in str(refused.value)
    with monkeypatch.context() as patch:  # a proxy's own status, which is in no list
        patch.setattr(grafana, "answer", lambda *_: (499, {"message": "client closed request"}))
        with pytest.raises(ConfigurationError, match="client closed request"):
            list(Grafana(grafana.url, grafana.token).push(wanted(), ACCESS))
    with pytest.raises(UnavailableError, match="cannot reach Grafana: Connection refused"):
        list(Grafana(f"http://127.0.0.1:{free_port()}", "x").push(wanted(), ACCESS))
    for url in ("grafana.example", "ftp://grafana", "http://admin:pw@grafana"):
        with pytest.raises(ConfigurationError, match="--url"):
            Grafana(url, "x")


# The commands


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    """Write a site file."""
    path = tmp_path / "mall.yaml"
    path.write_text(dump_site(riverside()), encoding="utf-8")
    return path


def run(*arguments: object) -> str:
    """Run the command; give what it prints."""
    result = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "200"})
    if isinstance(result.exception, MallsenseError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_push_says_what_it_did(grafana: FakeGrafana, site_file: Path, tmp_path: Path) -> None:
    """The command lists every thing with its outcome, and no secret."""
    for name, text in (("token", grafana.token), ("secret", SECRET)):
        (tmp_path / name).write_text(f"{text}\n", encoding="utf-8")
    command = ["push", site_file, "--url", grafana.url, "--token-file", tmp_path / "token"]
    command += ["--secret-file", tmp_path / "secret", "--gateway", "https://mall.example/"]
    assert "21 made" in run(*command, "--dry-run")
    said = run(*command)
    assert "Riverside · Live" in said
    assert "21 made, 0 changed, 0 unchanged" in said
    assert "0 made, 0 changed, 21 unchanged" in run(*command)
    assert SECRET not in said
    assert grafana.token not in said


def test_login_of_a_1x_is_taken_as_store_init_wrote_it(
    grafana: FakeGrafana, site_file: Path, tmp_path: Path
) -> None:
    """A file of user:password gives Grafana a user and a password, whether the user is named or not."""
    (tmp_path / "token").write_text(grafana.token, encoding="utf-8")
    (tmp_path / "secret").write_text(f"mallsense_grafana:{SECRET}\n", encoding="utf-8")
    command = ["push", site_file, "--url", grafana.url, "--token-file", tmp_path / "token"]
    command += ["--secret-file", tmp_path / "secret", "--gateway", "https://mall.example/"]
    assert "21 made" in run(*command)
    source = grafana.sources["mallsense-figures"]
    assert source["user"] == "mallsense_grafana"
    assert source["secureJsonFields"] == {"password": True}
    assert "0 made, 0 changed, 21 unchanged" in run(*command, "--influx-user", "mallsense_grafana")


def test_render_writes_what_grafana_reads(site_file: Path, tmp_path: Path) -> None:
    """Files name each other and hold no secret, but where it is; a second run changes nothing."""
    out = tmp_path / "out"
    command = (
        "render",
        site_file,
        "--out",
        out,
        "--gateway",
        "https://mall.example",
        "--influx-user",
        "grafana",
    )
    assert "17 files, 17 of them changed" in run(*command)
    assert "17 files, 0 of them changed" in run(*command)
    parts = {name: _read(out, name) for name in ("datasources", "dashboards", "alerting")}
    (source,) = parts["datasources"]["datasources"]
    assert source["secureJsonData"] == {"password": "$__file{/run/secrets/grafana_figures}"}
    assert source["jsonData"]["dbName"] == "mallsense_figures"
    for provider in parts["dashboards"]["providers"]:
        path = Path(provider["options"]["path"])
        boards = [
            json.loads(file.read_text("utf-8")) for file in (out / path.relative_to("/etc/grafana")).iterdir()
        ]
        assert len(boards) == 7
        assert {panel["datasource"]["uid"] for board in boards for panel in board["panels"]} == {
            source["uid"]
        }
    (group,) = parts["alerting"]["groups"]
    assert group["folder"] in {provider["folder"] for provider in parts["dashboards"]["providers"]}
    for rule in group["rules"]:
        assert rule["dashboardUid"] == rule["annotations"]["__dashboardUid__"]
        assert str(rule["panelId"]) == rule["annotations"]["__panelId__"]
        # Grafana expands `$` in labels and titles, not in models and annotations (rules_types.go).
        assert "$" not in json.dumps([rule["labels"], rule["title"]])
    run(*command, "--lang", "en")
    assert not list(out.rglob("*-zh.json"))


def _read(out: Path, name: str) -> Any:
    return yaml.safe_load((out / "provisioning" / name / "mallsense.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gateway", "mall.example"], "expected http://"),
        (["--gateway", "http://x", "--secret-at", "secret"], "absolute path"),
    ],
)
def test_mistakes_on_the_command_line_are_told(
    site_file: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """What was wrong, and what is expected."""
    with pytest.raises(ConfigurationError, match=message):
        run("render", site_file, "--out", tmp_path / "out", *arguments)


def test_several_malls_need_several_gateways(site_file: Path, tmp_path: Path) -> None:
    """Each mall's gateway is named with the mall, and none may be left out."""
    other = tmp_path / "hillside.yaml"
    other.write_text(dump_site(hillside()), encoding="utf-8")
    start = (
        "render",
        site_file,
        other,
        "--out",
        tmp_path / "out",
        "--gateway",
        "riverside=https://r.example",
    )
    with pytest.raises(ConfigurationError, match="no address of the gateway of hillside"):
        run(*start)
    with pytest.raises(ConfigurationError, match="MALL="):
        run(*start, "--gateway", "https://h.example")
    assert "33 files" in run(*start, "--gateway", "hillside=https://h.example", "--lang", "both")
    with pytest.raises(ConfigurationError, match="two site files"):
        run("render", site_file, site_file, "--out", tmp_path / "out", "--gateway", "https://r.example")
