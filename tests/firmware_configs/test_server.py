"""A mall's server: what is rendered is taken by compose, hadolint, shellcheck and Caddy, and runs.

No container can be started here. So broker, gateway and proxy are started from the rendered files with the
commands of the compose file, on this machine, beside a real InfluxDB 1.x in place of the 2.x.
"""

import json
import os
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
import yaml
from typer.main import get_command
from typer.testing import CliRunner
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from contracts.errors import ConfigurationError
from firmware_configs.broker import Authority
from firmware_configs.server.render import CRM_MADE, GIVEN, IMAGES, MADE, UID
from gateway.cli import gateway as gateway_command
from gateway.store.influx.cli import app as store_app
from mallsense.server import app
from tests.firmware_configs.riverside import site_text
from tests.influx import Influxd
from tests.support import find_program, free_port, listens, wait_until

SERVICES = {"broker", "influxdb", "store-init", "gateway", "grafana", "proxy"}
PUBLISHED = {"broker", "proxy"}


def run(*command: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program; gives what it said."""
    return subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def program(name: str) -> str:
    """Find a program, or skip the test."""
    found = find_program(name)
    if found is None:
        pytest.skip(f"{name} is not installed: 'make test' installs it where it may")
    return found


class Server:
    """A rendered folder, and the command that renders it."""

    def __init__(self, folder: Path, host: str = "broker.riverside.example") -> None:
        self.folder = folder
        self.out = folder / "server"
        self.authority = folder / "authority"
        self.site = folder / "mall.yaml"
        self.site.write_text(site_text().replace("broker.riverside.example", host), encoding="utf-8")
        self.wheel = folder / "mallsense-0.0.0-py3-none-any.whl"
        self.wheel.write_bytes(b"no wheel")
        self.lock = folder / "requirements.lock"
        self.lock.write_text("influxdb-client==1.50.0\n", encoding="utf-8")

    def render(self, *options: str) -> str:
        """Render it; gives what was said."""
        fixed = ["--out", self.out, "--authority", self.authority, "--wheel", self.wheel, "--lock", self.lock]
        arguments = ["render", str(self.site), *map(str, fixed), *options]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    def make_secrets(self) -> dict[str, str]:
        """Make passwords and tokens as the server does; gives each by its name."""
        assert run("sh", self.out / "secrets.sh").returncode == 0
        return {path.name: path.read_text(encoding="utf-8") for path in (self.out / "secrets").iterdir()}

    def text(self, name: str) -> str:
        """Read a rendered file."""
        return (self.out / name).read_text(encoding="utf-8")

    def compose(self) -> dict[str, Any]:
        """Have compose read its file, check it, and give it back with everything merged in."""
        done = run(program("docker-compose"), "config", "--format", "json", folder=self.out)
        assert done.returncode == 0, done.stderr
        project: dict[str, Any] = json.loads(done.stdout)
        return project


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Return a rendered server."""
    made = Server(tmp_path_factory.mktemp("server"))
    made.render()
    return made


# What other programs say about the files


def test_compose_takes_the_file(server: Server) -> None:
    """`docker compose config` takes it, and refuses it with a field that compose does not have."""
    assert set(server.compose()["services"]) == SERVICES
    broken = server.out / "broken.yaml"
    broken.write_text(server.text("compose.yaml").replace("mem_limit:", "memory_limit:"), encoding="utf-8")
    done = run(program("docker-compose"), "--file", broken, "config", folder=server.out)
    broken.unlink()
    assert done.returncode != 0
    assert "memory_limit" in done.stderr


def test_hadolint_takes_the_dockerfile(server: Server) -> None:
    """Nothing is found in the gateway's image."""
    done = run(program("hadolint"), server.out / "image" / "Dockerfile")
    assert done.stdout + done.stderr == ""


def test_shells_take_the_scripts(server: Server) -> None:
    """Every script is sound for a POSIX shell and for shellcheck."""
    scripts = sorted(server.out.glob("*.sh"))
    assert len(scripts) == 4
    assert all(os.access(script, os.X_OK) for script in scripts)
    assert all(run("sh", "-n", script).returncode == 0 for script in scripts)
    assert run(program("shellcheck"), "--shell=sh", *scripts).stdout == ""


# What the file says


def test_every_service_is_confined(server: Server) -> None:
    """Images by their full version, no root, no rights, nothing to write to but volumes; limits."""
    for name, service in server.compose()["services"].items():
        assert re.search(r":\d+\.\d+\.\d+", service["image"]), name
        assert service["user"].partition(":")[0] not in ("", "0", "root"), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else []), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) > 0, name
        assert service["pids_limit"] > 0, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert service["restart"] == ("no" if name == "store-init" else "unless-stopped"), name
        assert ("healthcheck" in service) is (name != "store-init"), name
        assert bool(service.get("ports")) is (name in PUBLISHED), name


def test_influxdb_is_not_reached_from_outside(server: Server) -> None:
    """It is in the inner network alone, with those that need it."""
    project = server.compose()
    assert project["networks"]["storage"]["internal"] is True
    inside = {name for name, service in project["services"].items() if "storage" in service["networks"]}
    assert inside == {"influxdb", "store-init", "gateway", "grafana"}
    assert set(project["services"]["influxdb"]["networks"]) == {"storage"}


def test_starting_goes_in_order(server: Server) -> None:
    """Nothing starts before what it needs is well; Grafana is given one token, and not the gateway's."""
    services = server.compose()["services"]
    wants = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    assert wants["store-init"] == {"influxdb": "service_healthy"}
    assert wants["gateway"]["store-init"] == "service_completed_successfully"
    assert wants["gateway"]["broker"] == "service_healthy"
    assert wants["grafana"]["store-init"] == "service_completed_successfully"
    assert wants["proxy"] == {"gateway": "service_healthy", "grafana": "service_healthy"}
    secrets = {
        name: {one["source"] for one in service.get("secrets", [])} for name, service in services.items()
    }
    assert "influxdb-gateway" not in secrets["grafana"]
    assert "influxdb-grafana" not in secrets["gateway"]
    assert all("influxdb-admin" not in names for names in secrets.values())


def test_secrets_are_made_once_on_the_server(tmp_path: Path) -> None:
    """Nothing that is rendered holds one; each is long, its own, readable by its owner alone, and stays."""
    server = Server(tmp_path)
    server.render()
    assert not (server.out / "secrets").exists()
    made = server.make_secrets()
    assert set(made) == {*MADE, *GIVEN}
    assert {name for name, text in made.items() if not text} == set(GIVEN)
    assert len({text for text in made.values() if len(text) == 43}) == len(MADE)
    assert all(re.fullmatch(r"[\w-]*", text) for text in made.values())
    (server.out / "secrets" / "influxdb-grafana").write_text("a token", encoding="utf-8")
    assert server.make_secrets() == {**made, "influxdb-grafana": "a token"}
    for path in server.out.rglob("*"):
        private = path.is_file() and b"PRIVATE KEY" in path.read_bytes()
        if private or path.parent.name == "secrets":
            assert path.stat().st_mode & 0o077 == 0, path
    assert (server.out / "secrets").stat().st_mode & 0o077 == 0
    mounted = {one["file"] for one in server.compose()["secrets"].values()}
    assert mounted == {str(server.out / "secrets" / name) for name in made if name != "influxdb-admin"}


def test_a_crm_gets_secrets_of_its_own(tmp_path: Path, server: Server) -> None:
    """Where the site has a CRM its password and token are made, mounted and used; where not, none of it."""
    assert "crm" not in server.text("compose.yaml") + server.text("secrets.sh")
    crm = Server(tmp_path)
    crm.site.write_text(crm.site.read_text(encoding="utf-8") + "crm: {}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="names no standardwebhooks"):
        crm.render()
    crm.lock.write_text("influxdb-client==1.50.0\nstandardwebhooks==1.0.0\n", encoding="utf-8")
    crm.render()
    made = crm.make_secrets()
    assert set(made) == {*MADE, *CRM_MADE, *GIVEN}
    assert len({made[name] for name in (*MADE, *CRM_MADE)}) == len(MADE) + len(CRM_MADE)
    composed = yaml.safe_load(crm.text("compose.yaml"))
    gateway = composed["services"]["gateway"]
    assert set(CRM_MADE) <= set(gateway["secrets"]) & set(composed["secrets"])
    command = gateway["command"]
    for option, name in zip(("--crm-password-file", "--crm-token-file"), CRM_MADE, strict=True):
        assert command[command.index(option) + 1] == f"/run/secrets/{name}"
        assert option in {word for one in get_command(_single()).params for word in one.opts}
    for name in set(composed["services"]) - {"gateway"}:
        assert not set(CRM_MADE) & set(composed["services"][name].get("secrets", ())), name


def _single() -> typer.Typer:
    single = typer.Typer()
    single.command()(gateway_command)
    return single


def test_commands_are_those_of_mallsense(server: Server) -> None:
    """Every option in the compose file is one that the command has."""
    services = server.compose()["services"]
    group = get_command(store_app)
    single = typer.Typer()
    single.command()(gateway_command)
    for name, words, command in (
        ("gateway", 1, get_command(single)),
        ("store-init", 2, group.commands["init"]),  # type: ignore[attr-defined]
    ):
        known = {option for parameter in command.params for option in parameter.opts}
        used = {word for word in services[name]["command"][words:] if word.startswith("--")}
        assert used <= known, name


def test_the_image_is_the_one_user(server: Server) -> None:
    """The gateway runs as the user that its image makes, and whose secrets are its own."""
    assert f"USER {UID}:{UID}" in server.text("image/Dockerfile")
    assert server.compose()["services"]["gateway"]["user"] == f"{UID}:{UID}"
    assert f"chown -R {UID}:{UID} secrets" in server.text("install.sh")
    assert f"FROM {IMAGES['python']}" in server.text("image/Dockerfile")


def test_grafana_finds_what_is_provisioned(server: Server) -> None:
    """Its data source asks the InfluxDB inside, with a token from a file; dashboards lie where it looks."""
    (source,) = yaml.safe_load(server.text("grafana/provisioning/datasources/mallsense.yaml"))["datasources"]
    assert source["url"] == "http://influxdb:8086"
    assert source["jsonData"]["dbName"] == "mallsense_figures"
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token $__file{/run/secrets/influxdb-grafana}"}
    mounts = {
        one["target"]: Path(one["source"])
        for one in server.compose()["services"]["grafana"]["volumes"]
        if one["type"] == "bind"
    }
    for provider in yaml.safe_load(server.text("grafana/provisioning/dashboards/mallsense.yaml"))[
        "providers"
    ]:
        relative = Path(provider["options"]["path"]).relative_to("/etc/grafana/dashboards")
        assert list((mounts["/etc/grafana/dashboards"] / relative).glob("*.json"))
    assert "root_url = https://broker.riverside.example/grafana/" in server.text("grafana.ini")


# Rendering again


def test_only_what_changed_starts_anew(tmp_path: Path) -> None:
    """The same site gives the same file; of services only those change that read something else now."""
    server = Server(tmp_path)
    server.render()
    before = server.text("compose.yaml")
    stale = server.out / "grafana" / "dashboards" / "stale.json"
    stale.write_text("{}", encoding="ascii")
    server.render()
    assert server.text("compose.yaml") == before
    assert not stale.exists()
    secrets, override = server.make_secrets(), server.out / "compose.override.yaml"
    override.write_text("services: {gateway: {mem_limit: 8g}}\n", encoding="utf-8")
    server.render()
    assert server.make_secrets() == secrets
    assert server.compose()["services"]["gateway"]["mem_limit"] == str(8 * 1024**3)
    text = server.site.read_text(encoding="utf-8").replace("positions_d: 7", "positions_d: 9")
    server.site.write_text(text, encoding="utf-8")
    server.render()
    changed = set(server.text("compose.yaml").splitlines()) - set(before.splitlines())
    assert len(changed) == 1  # the gateway's label; store-init runs at every start
    Authority.open(server.authority).revoke("health-check", now=datetime.now(UTC))
    server.render()
    assert len(set(server.text("compose.yaml").splitlines()) - set(before.splitlines())) == 2


def test_ones_own_certificate_for_browsers(tmp_path: Path) -> None:
    """A certificate of one's own is what browsers see; half of a pair, and what is none, are refused."""
    server = Server(tmp_path)
    server.render()
    own, key = tmp_path / "own.crt", tmp_path / "own.key"
    shutil.copy(server.out / "gateway" / "gateway.crt", own)
    shutil.copy(server.out / "gateway" / "gateway.key", key)
    server.render("--certificate", str(own), "--certificate-key", str(key))
    assert (server.out / "pages" / "server.crt").read_bytes() == own.read_bytes()
    assert (server.out / "broker" / "server.crt").read_bytes() != own.read_bytes()
    with pytest.raises(ConfigurationError, match="both or neither"):
        server.render("--certificate", str(own))
    with pytest.raises(ConfigurationError, match="no private key"):
        server.render("--certificate", str(own), "--certificate-key", str(own))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        server.render("--certificate", str(own), "--certificate-key", str(tmp_path / "none"))


def test_what_was_learnt_comes_along(tmp_path: Path) -> None:
    """A calibration and a fit of people are in the folder, and the gateway is started with them."""
    server = Server(tmp_path)
    learnt = tmp_path / "learnt.json"
    learnt.write_text("{}", encoding="ascii")
    server.render("--calibration", str(learnt), "--people", str(learnt))
    command = server.compose()["services"]["gateway"]["command"]
    for name in ("calibration", "people"):
        inside = command[command.index(f"--{name}") + 1]
        assert (server.out / Path(inside).relative_to("/etc/mallsense")).read_bytes() == b"{}"


def test_mistakes_are_told(tmp_path: Path) -> None:
    """A site without a broker, a node with the health check's name, a wheel that is none."""
    server = Server(tmp_path)
    server.wheel = tmp_path / "mallsense.tar.gz"
    server.wheel.write_bytes(b"")
    with pytest.raises(ConfigurationError, match="expected mallsense's wheel"):
        server.render()
    server.wheel = tmp_path / "mallsense-0.0.0-py3-none-any.whl"
    server.lock.write_text("numpy==2.3.0\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no influxdb-client"):
        server.render()
    server.lock.write_text("influxdb-client==1.50.0\n", encoding="utf-8")
    text = server.site.read_text(encoding="utf-8")
    server.site.write_text(text.replace("{id: n03,", "{id: health-check,"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="called health-check"):
        server.render()
    server.site.write_text(re.sub(r"(?m)^broker:.*$", "", text), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="does not say where the broker is"):
        server.render()


def test_installing_goes_step_by_step(tmp_path: Path) -> None:
    """Owners, image, start; an old Docker, and none, are told before that. Docker is a stand-in."""
    if os.geteuid() != 0:
        pytest.skip("install.sh gives files to the users of the containers, which takes root")
    server = Server(tmp_path)
    server.render()
    bin_folder, calls = tmp_path / "bin", tmp_path / "calls"
    bin_folder.mkdir()
    for name in ("sh", "id", "dirname", "chown", "chmod", "mkdir", "head", "base64", "tr"):
        (bin_folder / name).symlink_to(str(find_program(name)))

    def install() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [bin_folder / "sh", server.out / "install.sh"], env={"PATH": str(bin_folder)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert "not installed" in install().stderr
    docker = bin_folder / "docker"
    for version, expected in (("24.0.7", "too old"), ("28.5.1", "")):
        stand_in = f'#!/bin/sh\necho "$@" >>{calls}\ncase $1 in version) echo {version} ;; esac\n'
        docker.write_text(stand_in, encoding="ascii")
        docker.chmod(0o755)
        assert expected in install().stderr
    done = calls.read_text(encoding="ascii").splitlines()
    assert [line for line in done if "up" in line or "build" in line] == [
        "compose build --pull", "compose up --detach --remove-orphans"
    ]  # fmt: skip
    assert (server.out / "secrets" / "api-token").stat().st_uid == UID
    assert (server.out / "pages" / "server.key").stat().st_uid == UID
    assert (server.out / "broker" / "server.key").stat().st_uid == 1883


# The parts that can be started here


class Running:
    """Broker, gateway and proxy of a rendered folder, with its commands; paths and ports are this host's."""

    def __init__(self, server: Server, influxd: Influxd) -> None:
        self.server = server
        self.broker, self.console, self.pages, self.well = (free_port() for _ in range(4))
        self.data = server.folder / "data"
        self.data.mkdir()
        self.services = server.compose()["services"]
        out = server.out
        self.here = {
            "/mosquitto/config": str(out / "broker"),
            "/mosquitto/data": str(self.data),
            "/etc/mallsense/site.yaml": str(out / "site.yaml"),
            "/etc/mallsense/gateway": str(out / "gateway"),
            "/etc/caddy/pages": str(out / "pages"),
            "/run/secrets": str(out / "secrets"),
            "/secrets": str(out / "secrets"),
            "/var/lib/mallsense": str(self.data),
            "influxdb:8086": f"{influxd.host}:{influxd.port}",
            "127.0.0.1:8883": f"127.0.0.1:{self.broker}",
            "0.0.0.0": "127.0.0.1",
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def words(self, command: list[str]) -> list[str]:
        """Translate a command of a container."""
        return [self._translated(word) for word in command]

    def _translated(self, word: str) -> str:
        ports = {"8883": str(self.broker), "8000": str(self.console)}
        for inside, here in self.here.items():
            if word.startswith(inside) or f"//{inside}" in word:
                return word.replace(inside, here)
        return ports.get(word, word)

    def start(self, *command: str | Path, port: int, log: str) -> None:
        """Start a program and wait until it listens."""
        with (self.data / log).open("wb") as said:
            process = subprocess.Popen([str(part) for part in command], stdout=said, stderr=said)
        self.processes.append(process)
        wait_until(lambda: listens(port) or process.poll() is not None, timeout_s=60, what=log)
        assert process.poll() is None, (self.data / log).read_text(encoding="utf-8")

    def mallsense(self, service: str) -> list[str]:
        """The command of a service, run by this Python."""
        return [sys.executable, "-m", "mallsense", *self.words(self.services[service]["command"])]

    def ask(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Ask the proxy, as a browser that knows the mall's authority."""
        trusted = ssl.create_default_context(cafile=str(self.server.out / "gateway" / "ca.crt"))
        request = urllib.request.Request(f"https://127.0.0.1:{self.pages}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30, context=trusted) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, influxd_factory: Callable[..., Influxd]
) -> Iterator[Running]:
    """Start broker, InfluxDB (a 1.x that asks for logins), store-init, gateway and proxy, in this order."""
    mosquitto, caddy = program("mosquitto"), program("caddy")
    server = Server(tmp_path_factory.mktemp("running"), host="127.0.0.1")
    server.render()
    server.make_secrets()
    influxd = influxd_factory(http="auth-enabled = true")
    runs = Running(server, influxd)
    conf = runs.data / "mosquitto.conf"
    text = server.text("broker/mosquitto.conf").replace("listener 8883", f"listener {runs.broker} 127.0.0.1")
    for inside in ("/mosquitto/config", "/mosquitto/data"):
        text = text.replace(inside, runs.here[inside])
    conf.write_text(text + ("user root\n" if os.geteuid() == 0 else ""), encoding="utf-8")
    try:
        runs.start(mosquitto, "-c", conf, port=runs.broker, log="broker.log")
        (server.out / "secrets" / "influxdb-admin").write_text("admin:secret-of-1x\n", encoding="utf-8")
        done = run(*runs.mallsense("store-init"))
        assert done.returncode == 0, done.stdout + done.stderr
        runs.start(*runs.mallsense("gateway"), port=runs.console, log="gateway.log")
        door = runs.data / "Caddyfile"
        pages = server.text("Caddyfile").replace("/etc/caddy/pages", runs.here["/etc/caddy/pages"])
        for port, here in (("8443", runs.pages), ("8080", free_port()), ("8081", runs.well)):
            pages = pages.replace(f":{port}", f":{here}")
        door.write_text(pages.replace("gateway:8000", f"127.0.0.1:{runs.console}"), encoding="utf-8")
        runs.start(caddy, "run", "--adapter", "caddyfile", "--config", door, port=runs.pages, log="proxy.log")
        yield runs
    finally:
        for process in reversed(runs.processes):
            process.terminate()
            process.wait(timeout=60)


def test_the_gateway_runs_as_composed(running: Running) -> None:
    """With the compose file's command it reaches broker and InfluxDB; through the proxy it wants a login."""
    token = (running.server.out / "secrets" / "api-token").read_text(encoding="utf-8").strip()
    assert running.ask("/api/v1/health")[0] == 401

    def health() -> dict[str, Any]:
        status, body = running.ask("/api/v1/health", Authorization=f"Bearer {token}")
        assert status == 200
        answer: dict[str, Any] = json.loads(body)
        return answer

    wait_until(lambda: "as gateway (" in (running.data / "broker.log").read_text(encoding="utf-8"))
    assert health()["problems"] == []
    assert health()["history"]["problem"] is None
    status, page = running.ask("/")
    assert (status, b"<html" in page) == (200, True)
    assert running.ask("/grafana/")[0] == 502  # there is none here; the proxy knows where it would be


def test_people_log_in_through_the_door(running: Running) -> None:
    """With the console's password a browser gets in, and to the live stream; another page does not."""
    password = (running.server.out / "secrets" / "console-password").read_text(encoding="utf-8").strip()
    page = f"https://127.0.0.1:{running.pages}"
    live = f"wss://127.0.0.1:{running.pages}/api/v1/live"
    trusted = ssl.create_default_context(cafile=str(running.server.out / "gateway" / "ca.crt"))
    with httpx.Client(base_url=page, verify=trusted) as browser:
        wrong = browser.post("/api/v1/login", json={"password": "wrong" * 3}, headers={"Origin": page})
        assert wrong.status_code == 401
        right = browser.post("/api/v1/login", json={"password": password}, headers={"Origin": page})
        assert right.status_code == 200
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    with connect(live, ssl=trusted, origin=Origin(page), additional_headers={"Cookie": cookie}) as stream:
        stream.ping().wait(10)
    other, headers = Origin("https://elsewhere.example"), {"Cookie": cookie}
    with pytest.raises(InvalidStatus), connect(live, ssl=trusted, origin=other, additional_headers=headers):
        pass


def test_the_gateways_health_check_works(running: Running) -> None:
    """The check of the compose file succeeds while the gateway answers, and fails where nobody does."""
    check = running.services["gateway"]["healthcheck"]["test"]
    code = check[-1].replace(":8000", f":{running.console}")
    assert run(sys.executable, *check[2:-1], code).returncode == 0
    assert run(sys.executable, *check[2:-1], check[-1].replace(":8000", f":{free_port()}")).returncode != 0


def test_the_brokers_health_check_works(running: Running) -> None:
    """The check of the compose file logs in with its own certificate; without one it fails."""
    program("mosquitto_sub")
    check = running.words(running.services["broker"]["healthcheck"]["test"][1:])
    assert run(*check).returncode == 0
    cut = check.index("--cert")
    without = check[:cut] + check[cut + 4 :]
    assert "--cafile" in without
    assert run(*without).returncode != 0


def test_the_door_needs_tls(running: Running) -> None:
    """A browser that does not know the mall's authority is warned; one that does trusts the certificate."""
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(f"https://127.0.0.1:{running.pages}/", timeout=30)
    assert running.ask("/")[0] == 200


def test_the_doors_health_check_works(running: Running) -> None:
    """What the compose file asks the proxy is answered."""
    program("wget")
    check = running.services["proxy"]["healthcheck"]["test"][1:]
    assert run(*(word.replace(":8081", f":{running.well}") for word in check)).returncode == 0
    assert run(*(word.replace(":8081", f":{free_port()}") for word in check)).returncode != 0


def test_the_gateways_file_is_copied_whole(running: Running) -> None:
    """What backup.sh has SQLite do gives a copy of the running gateway's file, with everything in it."""
    code = running.server.text("backup.sh").partition("python -c '")[2].partition("'")[0]
    assert run(sys.executable, "-c", code.replace("/var/lib/mallsense", str(running.data))).returncode == 0
    with closing(sqlite3.connect(running.data / "backup.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"journal", "checkpoint"} <= tables


def test_no_secret_is_said(running: Running) -> None:
    """None of the logs of broker, gateway and proxy holds a password or token."""
    said = "".join(path.read_text(encoding="utf-8") for path in running.data.glob("*.log"))
    assert said
    for path in (running.server.out / "secrets").iterdir():
        secret = path.read_text(encoding="utf-8").strip().rpartition(":")[2]
        assert secret not in said, path.name
