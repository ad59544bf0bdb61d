"""`mallsense node`: render, provision and list, as the facilities team calls them."""

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.errors import ConfigurationError, MallsenseError, UnavailableError
from contracts.site import dump_site
from edge_agent.key import read_key_file
from firmware_configs import balena
from firmware_configs.balena_account import connect
from firmware_configs.cli import app
from firmware_configs.mall_secrets import mall_key
from firmware_configs.tree import write_tree
from tests.firmware_configs.balena_cloud import FLEET, FLEET_ID, TOKEN, BalenaCloud, running
from tests.firmware_configs.riverside import few_packages, riverside, site_text
from tests.gateway.running import GatewayProcess


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write the mall's site file."""
    path = tmp_path / "mall.yaml"
    path.write_text(site_text(), encoding="utf-8")
    return path


def _node(*arguments: str | Path) -> str:
    """Call `mallsense node`; gives its output, raises its error."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    if done.exception is not None:
        raise done.exception
    return done.output


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[BalenaCloud]:
    """Run a cloud of our own and have balena's SDK, which knows no other way than TLS, talk to it."""
    settings = pytest.importorskip("balena.settings")
    original = settings.InMemorySettingsProvider.__init__
    with running() as server:

        def directed(provider: object, config: object) -> None:
            original(provider, config)
            provider._settings |= {"api_endpoint": server.url}  # type: ignore[attr-defined]

        monkeypatch.setattr(settings.InMemorySettingsProvider, "__init__", directed)
        monkeypatch.setenv("BALENA_API_KEY", TOKEN)
        yield server


def test_a_node_is_rendered_with_its_secrets(tmp_path: Path, site: Path) -> None:
    """The folder holds what install.sh needs; rendering again writes nothing, for another node only that."""
    wheels, out = tmp_path / "wheels", tmp_path / "card"
    write_tree(wheels, few_packages())
    common = ("--site", site, "--authority", tmp_path / "authority", "--wheels", wheels, "--out", out)
    assert "files written. Next, on the node: sudo sh install.sh" in _node("render", "n01", *common)
    assert (out / "root/etc/mallsense/mall.key").stat().st_mode & 0o777 == 0o600
    assert out.stat().st_mode & 0o777 == 0o700
    assert f"{out}: 0 of " in _node("render", "n01", *common)
    _node("render", "n02", *common)
    assert not (out / "root/etc/hostapd").exists()
    assert "MALLSENSE_NODE=n02\n" in (out / "root/etc/mallsense/node.env").read_text(encoding="ascii")


def test_a_node_with_cameras(tmp_path: Path, site: Path) -> None:
    """It needs the packages that read plates; of devices it may open cameras, if it has one of its own."""
    wheels, out = tmp_path / "wheels", tmp_path / "card"
    unit = out / "root/etc/systemd/system/mallsense-edge.service"
    write_tree(wheels, few_packages())
    with pytest.raises(ConfigurationError, match=r"gate has cameras, and .* holds nothing that reads plates"):
        _node("render", "gate", "--site", site, "--wheels", wheels, "--out", out)
    _node("render", "gate", "--site", site, "--out", out)
    text = unit.read_text(encoding="utf-8")
    assert "EnvironmentFile=-/etc/mallsense/cameras.env" in text
    assert "MALLSENSE_CAMERA_CAR_IN=" in text
    assert "MemoryMax=1200M" in text
    assert "DeviceAllow=char-video4linux rw" in text
    assert "PrivateDevices" not in text

    elsewhere = site.read_text(encoding="utf-8").replace("/dev/video0", "rtsp://camera.riverside.example/1")
    site.write_text(elsewhere, encoding="utf-8")
    _node("render", "gate", "--site", site, "--out", out)
    assert "PrivateDevices=yes" in unit.read_text(encoding="utf-8")

    _node("render", "n03", "--site", site, "--out", out)
    assert "cameras.env" not in unit.read_text(encoding="utf-8")


def test_what_is_missing_is_said(tmp_path: Path, site: Path) -> None:
    """Without secrets and packages it renders what there is, and says what is not."""
    output = _node("render", "n03", "--site", site, "--out", tmp_path / "card")
    assert "No --wheels" in output
    assert "No --authority" in output
    assert "LoadCredential" not in (
        tmp_path / "card/root/etc/systemd/system/mallsense-edge.service"
    ).read_text(encoding="utf-8")


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path, site: Path) -> None:
    """A folder with other files in it is refused, since rendering takes away what it does not know."""
    (tmp_path / "letters.txt").write_text("mine", encoding="ascii")
    with pytest.raises(ConfigurationError, match="holds other files"):
        _node("render", "n01", "--site", site, "--out", tmp_path)
    assert (tmp_path / "letters.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("render", "n99"), "has no node 'n99'"),
        (("render",), "which node"),
        (("render", "n01", "--wheels", "nowhere"), "no folder of packages"),
    ],
)
def test_mistakes_are_explained(
    tmp_path: Path, site: Path, arguments: tuple[str, ...], expected: str
) -> None:
    """A wrong name or folder is an error that says what was expected."""
    with pytest.raises(ConfigurationError, match=expected):
        _node(*arguments, "--site", site, "--out", tmp_path / "card")


def test_an_access_point_needs_a_guest_network(tmp_path: Path, site: Path) -> None:
    """A node with `stations` in a site without `wifi.guest` is refused, with what to add."""
    site.write_text(dump_site(riverside().model_copy(update={"wifi": None})), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"no wifi\.guest"):
        _node("render", "n01", "--site", site, "--out", tmp_path / "card")


def test_damaged_packages_are_refused(tmp_path: Path, site: Path) -> None:
    """A file that differs from its checksum is found when the node is rendered, not on the ladder."""
    wheels = tmp_path / "wheels"
    write_tree(wheels, few_packages())
    (wheels / "requirements.lock").write_text("more\n", encoding="ascii")
    with pytest.raises(ConfigurationError, match="is damaged"):
        _node("render", "n01", "--site", site, "--wheels", wheels, "--out", tmp_path / "card")


def test_the_malls_key_is_made_once(tmp_path: Path, site: Path) -> None:
    """The first node makes authority and key, the agent takes the key as it is, later nodes get the same."""
    authority = tmp_path / "authority"
    output = _node("provision", "n01", "n02", "--site", site, "--authority", authority)
    assert output.splitlines() == [f"{node}: certificate in {authority}/issued" for node in ("n01", "n02")]
    key = read_key_file(authority / "mall.key")
    before = (authority / "issued/n01.crt").read_bytes()
    _node("provision", "--site", site, "--authority", authority)
    assert read_key_file(authority / "mall.key") == key
    assert (authority / "issued/n01.crt").read_bytes() == before
    assert {path.stem for path in (authority / "issued").glob("*.crt")} >= {n.id for n in riverside().nodes}


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [("chmod 644 mall.key", "others may read"), ("echo 1234 > mall.key", "is damaged")],
)
def test_a_key_that_others_know_is_refused(tmp_path: Path, spoil: str, expected: str) -> None:
    """A key that others may read, or that is no key, is refused and not shown."""
    mall_key(tmp_path)
    os.system(f"cd {tmp_path} && {spoil}")
    with pytest.raises(ConfigurationError, match=expected) as refused:
        mall_key(tmp_path)
    assert "1234" not in str(refused.value)


def _provision(tmp_path: Path, site: Path, *more: str) -> str:
    return _node(
        "provision", "n01", "--site", site, "--authority", tmp_path / "authority", "--fleet", FLEET,
        "--out", tmp_path / "balena", *more,
    )  # fmt: skip


def test_a_node_gets_its_place_in_balenas_cloud(tmp_path: Path, site: Path, cloud: BalenaCloud) -> None:
    """The device has the node's name, note and secrets as variables; the card's config.json is its own."""
    output = _provision(tmp_path, site)
    [device] = cloud.devices
    assert (device["device_name"], device["note"]) == ("n01", riverside().nodes[0].note)
    variables = cloud.variables_of("device_environment_variable", device["id"])
    issued = tmp_path / "authority"
    assert variables["MALLSENSE_NODE"] == "n01"
    assert base64.b64decode(variables["MALLSENSE_KEY_BASE64"]) == (issued / "mall.key").read_bytes()
    assert (
        base64.b64decode(variables["MALLSENSE_CERT_KEY_BASE64"]) == (issued / "issued/n01.key").read_bytes()
    )
    assert cloud.variables_of("application_environment_variable", FLEET_ID) == {
        "MALLSENSE_BROKER": "mqtts://broker.riverside.example:8883"
    }
    assert cloud.variables_of("application_config_variable", FLEET_ID) == balena.FLEET_CONFIGURATION
    path = tmp_path / "balena/nodes/n01/config.json"
    card = json.loads(path.read_bytes())
    assert (card["uuid"], card["deviceApiKey"]) == (device["uuid"], "device-key-1")
    assert (card["country"], card["hostname"], card["applicationId"]) == ("CN", "n01", FLEET_ID)
    assert 'ENV{NM_UNMANAGED}="1"' in card["os"]["udevRules"]["70"]
    assert card["os"]["sshKeys"] == []
    assert "apiKey" not in card, "with it the card could register further devices"
    assert path.stat().st_mode & 0o777 == 0o600
    for secret in (variables["MALLSENSE_KEY_BASE64"], card["deviceApiKey"]):
        assert secret not in output


def test_provisioning_again_changes_nothing(tmp_path: Path, site: Path, cloud: BalenaCloud) -> None:
    """What is there and good stays: no write to the cloud, no new card."""
    _provision(tmp_path, site)
    writes, card = cloud.writes, (tmp_path / "balena/nodes/n01/config.json").read_bytes()
    assert "variables as they should be" in _provision(tmp_path, site)
    assert (cloud.writes, cloud.keys) == (writes, 1)
    assert (tmp_path / "balena/nodes/n01/config.json").read_bytes() == card


def test_a_replaced_node_keeps_its_place(tmp_path: Path, site: Path, cloud: BalenaCloud) -> None:
    """Its config.json lost, or asked for anew, it is the same device with a new key; a variable is mended."""
    _provision(tmp_path, site)
    (tmp_path / "balena/nodes/n01/config.json").unlink()
    _provision(tmp_path, site)
    for variable in cloud.variables["device_environment_variable"]:
        if variable["name"] == "MALLSENSE_NODE":
            variable["value"] = "n77"
    assert "n01: set MALLSENSE_NODE\n" in _provision(tmp_path, site, "--new-card")
    [device] = cloud.devices
    card = json.loads((tmp_path / "balena/nodes/n01/config.json").read_bytes())
    assert (card["uuid"], card["deviceApiKey"]) == (device["uuid"], "device-key-3")
    assert cloud.variables_of("device_environment_variable", device["id"])["MALLSENSE_NODE"] == "n01"


def test_two_devices_of_one_name_are_refused(tmp_path: Path, site: Path, cloud: BalenaCloud) -> None:
    """Which of them is the node, nobody can tell."""
    _provision(tmp_path, site)
    cloud.devices.append(cloud.devices[0] | {"id": 1, "uuid": "other"})
    with pytest.raises(ConfigurationError, match="2 devices named n01"):
        _provision(tmp_path, site)


def test_a_cloud_that_refuses_is_told_from_one_that_is_away(
    tmp_path: Path, site: Path, cloud: BalenaCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No right to register, an unknown fleet, a wrong login, no cloud at all: each in its own words."""
    cloud.registering = False
    with pytest.raises(UnavailableError, match="did not register n01"):
        _provision(tmp_path, site)
    with pytest.raises(ConfigurationError, match="no fleet other/fleet"):
        connect("other/fleet")
    monkeypatch.setenv("BALENA_API_KEY", "wrong")
    with pytest.raises(MallsenseError, match="Unauthorized"):
        connect(FLEET)
    monkeypatch.delenv("BALENA_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match="nobody is logged in"):
        connect(FLEET)
    write_tree(tmp_path / ".balena", {})
    (tmp_path / ".balena/token").write_text(TOKEN, encoding="ascii")
    assert connect(FLEET).devices() == []
    cloud.url = "http://127.0.0.1:9/"
    with pytest.raises(UnavailableError, match="does not answer"):
        connect(FLEET)


def test_balenas_project_is_rendered_once_for_all(tmp_path: Path, site: Path) -> None:
    """The project holds the site and no secret; cards lie beside it and stay when it is rendered again."""
    out = tmp_path / "balena"
    write_tree(out / "nodes/n01", {})
    (out / "nodes/n01/config.json").write_text("{}", encoding="ascii")
    _node("render", "--target", "balena", "--site", site, "--out", out)
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert {
        "docker-compose.yml",
        "Dockerfile.template",
        "start",
        "site.yaml",
        "nodes/n01/config.json",
    } <= names
    assert "nodes\n" in (out / ".dockerignore").read_text(encoding="ascii")


def test_the_fleet_is_listed(tmp_path: Path, site: Path, cloud: BalenaCloud) -> None:
    """Every node of the site is there, with what the gateway and balena know of it."""
    _provision(tmp_path, site)
    cloud.devices[0] |= {"is_online": True, "os_version": "balenaOS 6.10.7"}
    gateway = GatewayProcess(riverside(), tmp_path)
    gateway.start()
    try:
        output = _node("list", "--site", site, "--gateway", gateway.url, "--fleet", FLEET)
        lines = {line.split()[1]: line for line in output.splitlines() if " n0" in line}
        assert "never" in lines["n01"]
        assert "online, balenaOS 6.10.7" in lines["n01"]
        assert "not registered" in lines["n02"]
        output = _node("list", "--site", site, "--gateway", gateway.url, "--json")
        rows = [json.loads(line) for line in output.splitlines()]
        assert [row["node"] for row in rows] == [node.id for node in riverside().nodes]
        assert rows[0]["gateway"]["state"] == "never"
    finally:
        gateway.end()
    with pytest.raises(UnavailableError, match="no gateway answers"):
        _node("list", "--site", site, "--gateway", gateway.url)
    with pytest.raises(ConfigurationError, match="expected http"):
        _node("list", "--site", site, "--gateway", "mqtt://there")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Answer as a gateway does to who has the token; gives its address and the list of nodes, to fill."""
    nodes: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == "Bearer right" and self.path == "/api/v1/nodes"
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(json.dumps(nodes).encode() if known else b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("MALLSENSE_TOKEN", "right")
    yield f"http://127.0.0.1:{server.server_port}/", nodes
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_state_is_told_in_words(
    tmp_path: Path, site: Path, cloud: BalenaCloud, told: tuple[str, list[dict[str, object]]]
) -> None:
    """How long ago, how much, what to do; a node that is not known; a card that never started."""
    _provision(tmp_path, site)
    url, nodes = told
    now_ms = round(time.time() * 1000)
    nodes += [
        {"id": "n01", "state": "online", "last_ms": now_ms, "observations_per_min": 5210, "software": "1.0"},
        {"id": "n02", "state": "offline", "last_ms": now_ms - 3 * 3_600_000, "spooled": 12,
         "advice": {"en": "Look at its power.", "zh": ""}},
        {"id": "n03", "state": "silent", "last_ms": now_ms - 150_000, "something_new": True},
    ]  # fmt: skip
    output = _node("list", "--site", site, "--gateway", url, "--fleet", FLEET)
    lines = {line.split()[1]: line for line in output.splitlines() if " n0" in line}
    for words in ("online", " s ago", "5,210", "1.0", "offline since ever"):
        assert words in lines["n01"]
    for words in ("offline", "3 h ago", "12", "Look at its power."):
        assert words in lines["n02"]
    assert "2 min ago" in lines["n03"]
    assert "another site file" in lines["n04"]


def test_a_gateway_that_wants_a_token_says_so(
    site: Path, told: tuple[str, list[dict[str, object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the token it is an error that names the variable for it."""
    monkeypatch.delenv("MALLSENSE_TOKEN")
    with pytest.raises(ConfigurationError, match="MALLSENSE_TOKEN"):
        _node("list", "--site", site, "--gateway", told[0])
