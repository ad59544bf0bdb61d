"""The doctor finds what is wrong with a node, says what to do, and never fails itself."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.messages import NodeHealth, RadioHealth, RadioTrouble, Throttling
from edge_agent import machine
from edge_agent.capture.interface import WifiInterface
from edge_agent.checks import installation, radios
from edge_agent.checks import machine as machine_checks
from edge_agent.checks.finding import Finding, Place, State, ok
from edge_agent.doctor import CHECKS, examine, is_well
from edge_agent.doctor_cli import _settings
from edge_agent.key import create_key_file
from edge_agent.metrics import metrics_server
from tests.edge_agent.helpers import T0_MS, write
from tests.edge_agent.iw_samples import PHY_NO_MONITOR, REG_SET, REG_UNSET
from tests.edge_agent.tap import FakeIw, MonitorTap
from tests.support import Mosquitto, free_port

NODE = "n1"
NAME = "msdoc0"
SITE = """\
version: 1
mall: {{id: small, name: Small, timezone: Asia/Shanghai}}
georeference: {{lat: 31.2, lon: 121.5, bearing_deg: 0}}
floors:
  - id: F1
    name: Ground
    level: 0
    outline: {{type: Polygon, coordinates: [[[0, 0], [60, 0], [60, 40], [0, 40], [0, 0]]]}}
nodes:
  - {{id: n1, floor: F1, x_m: 10, y_m: 10{more}}}
  - {{id: n2, floor: F1, x_m: 20, y_m: 10}}
"""


def site_file(folder: Path, more: str = f", radios: [{{interface: {NAME}, channels: [6]}}]") -> Path:
    """Write a site file whose first node has a radio."""
    return write(folder / "site.yaml", SITE.format(more=more).encode())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a node that is installed as it should be, without an agent and a broker."""
    create_key_file(tmp_path / "mall.key")
    return Place(
        site_file=site_file(tmp_path),
        node_id=NODE,
        broker=f"mqtt://127.0.0.1:{free_port()}",
        key=tmp_path / "mall.key",
        spool=tmp_path / "spool.sqlite",
    )


def found(place: Place, **changes: object) -> dict[str, Finding]:
    """Examine a node that differs in some ways; give what was found by what it is about."""
    changed = {name: changes.get(name, getattr(place, name)) for name in Place.__slots__}
    return {finding.about: finding for finding in examine(Place(**changed))}  # type: ignore[arg-type]


def is_told(finding: Finding, what: str, todo: str) -> bool:
    """Tell whether a problem is told with these words."""
    assert finding.state is State.PROBLEM, finding
    assert what in finding.what, finding
    assert todo in finding.todo, finding
    return True


def test_where_nothing_is_every_check_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is no node, without any tool, nothing fails, and each problem has something to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("edge_agent.capture.commands._FOLDERS", ())
    nowhere = Place(tmp_path / "gone.yaml", "n1", broker="mqtt://")
    findings = list(examine(nowhere))
    assert not is_well(findings)
    assert all(finding.todo for finding in findings if finding.state is State.PROBLEM)
    told = {finding.about: finding for finding in findings}
    assert is_told(told["site file"], "not installed as a node", "installing-a-node.md")
    assert is_told(told["tools"], "iw and ip cannot be found", "sudo apt install iw iproute2")
    assert is_told(told["broker"], "the host is missing", "Write it like")
    assert is_told(told["mall's key"], "No key is named", "MALLSENSE_KEY")
    assert told["radios"].state is State.UNKNOWN
    assert told["country"].what == "Cannot be asked: iw is not installed."
    assert told["power"].state is State.UNKNOWN


def test_a_check_that_fails_is_a_finding(place: Place) -> None:
    """A fault of the doctor's own does not keep it from the other checks."""

    def broken(_: Place) -> Iterator[Finding]:
        raise RuntimeError("no such thing")

    def works(_: Place) -> Iterator[Finding]:
        yield ok("after", "well")

    first, second = examine(place, (broken, works))
    assert (first.state, first.what) == (State.UNKNOWN, "Could not be looked at: no such thing.")
    assert second.about == "after"
    assert len(CHECKS) > 10


def test_the_installation(place: Place) -> None:
    """Site file, key and spool: each mistake is named with the command that mends it."""
    well = found(place)
    assert all(well[about].state is State.OK for about in ("site file", "mall's key", "spool"))
    assert f"listens with {NAME} (channel 6)" in well["site file"].what
    assert is_told(found(place, node_id="nl")["site file"], "no node 'nl'", "It has")
    assert place.key is not None
    assert place.spool is not None
    place.key.chmod(0o644)
    assert is_told(found(place)["mall's key"], "others may read the mall's key", "chmod 600")
    place.key.chmod(0o600)
    write(place.spool.with_name("spool.sqlite.damaged-1"), b"")
    assert is_told(found(place)["spool"], "1 damaged spools", "Replace the card")
    assert is_told(found(place, spool=Path("/no/such/spool"))["spool"], "/no/such is not there", "install -d")
    assert is_told(found(place, spool=None)["spool"], "No spool is named", "--spool")


def test_rights_are_asked_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root is told that some things cannot be seen."""
    monkeypatch.setattr(installation.os, "geteuid", lambda: 1000)  # type: ignore[attr-defined]
    assert found(place)["rights"].todo == "Run it with: sudo mallsense doctor"


def test_radios(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A radio that is gone, one that cannot listen, one with a bad driver, and rivals are told apart."""
    assert is_told(found(place)[f"radio {NAME}"], "is not there", "Plug the adapter in again")
    with MonitorTap(NAME) as tap, FakeIw(tmp_path, monkeypatch, tap) as iw:
        (iw.folder / "phy").write_text(PHY_NO_MONITOR)
        (iw.folder / "reg").write_text(REG_SET)
        told = found(place)
        assert (
            told[f"radio {NAME}"].state is told["country"].state is told["other programs"].state is State.OK
        )
        (iw.folder / "reg").write_text(REG_UNSET)
        assert is_told(found(place)["country"], "None is set", "do_wifi_country CN")
        monkeypatch.setattr(WifiInterface, "driver", "88XXau")
        assert is_told(found(place)[f"radio {NAME}"], "changes channels by itself", "mt7612u")
        monkeypatch.setattr(radios, "_phy", lambda _: "phy0")
        assert is_told(found(place)[f"radio {NAME}"], "no monitor mode", "docs/hardware.md")
        monkeypatch.setattr(WifiInterface, "blocked", "soft")
        assert is_told(found(place)[f"radio {NAME}"], "switched off (rfkill)", "Set the country")
        nmcli = iw.folder / "nmcli"  # what nmcli 1.42 prints; it does not run here
        nmcli.write_text(
            f"#!/bin/sh\nprintf '{NAME}:disconnected\\neth0:connected\\nlo:connected (externally)\\n'\n"
        )
        nmcli.chmod(0o755)
        assert is_told(found(place)["other programs"], f"NetworkManager uses {NAME}", "managed no")
        monkeypatch.setattr(radios, "_WPA", tmp_path)
        write(tmp_path / NAME, b"")
        assert is_told(found(place)["other programs"], f"wpa_supplicant uses {NAME}", "disable")


def test_no_radios_and_an_access_point(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without radios the doctor says what to write; an access point that is none is told."""
    monkeypatch.setattr(radios, "monitor_interfaces", list)  # tests beside this one may have some
    plain = site_file(tmp_path, "")
    assert is_told(found(place, site_file=plain)["radios"], "names no radios", "radios: [{interface: wlan")
    lonely = site_file(tmp_path, ", stations: lo")
    assert is_told(found(place, site_file=lonely)["radio lo"], "Should be the node's access point", "hostapd")


def test_the_machine(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heat, a full disk, little memory, weak power and a wrong clock are told in words."""
    monkeypatch.setattr(machine_checks, "read_vitals", lambda _: machine_vitals(81.0, 10_000_000, 20_000_000))
    monkeypatch.setattr(machine_checks, "clock_synchronised", lambda: False)
    throttled = machine.Throttled([], [Throttling.UNDER_VOLTAGE])
    monkeypatch.setattr(machine_checks, "read_throttled", lambda: throttled)
    told = found(place)
    assert is_told(told["temperature"], "81 °C", "Give it air")
    assert is_told(told["disk"], "Only 10 MB free", "journalctl --vacuum")
    assert is_told(told["memory"], "Only 20 MB", "top")
    assert is_told(told["power"], "too low since it was switched on", "official power supply")
    assert is_told(told["clock"], "Follows no time server", "UDP port 123")
    for words, bits, state in (
        ("too low now", "1", State.PROBLEM),
        ("slowed down (throttled)", "4", State.PROBLEM),
        ("had to slow down once (soft temperature limit)", "80000", State.OK),
        ("never had to slow down", "0", State.OK),
    ):
        monkeypatch.setattr(machine_checks, "read_throttled", lambda bits=bits: machine.parse_throttled(bits))
        told = found(place)
        assert words in told["power"].what
        assert told["power"].state is state


def machine_vitals(temperature_c: float, disk: int, memory: int) -> object:
    """Say what a machine says."""
    from edge_agent.health import Vitals  # noqa: PLC0415  # here alone

    return Vitals(temperature_c, disk, memory)


def test_the_broker(place: Place, mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path) -> None:
    """Each step is told by itself: name, port, TLS, login, may publish; one that takes everything is well."""
    assert is_told(found(place)["broker"], "Connection refused", "systemctl status mosquitto")
    assert is_told(found(place, broker="mqtt://no-such.invalid")["broker"], "is not known here", "DNS")
    broker = mosquitto_factory()
    address = f"mqtt://127.0.0.1:{broker.port}"
    told = found(place, broker=address)
    assert told["broker"].state is told["login"].state is State.OK
    assert "no gateway listens" in told["login"].what
    with_tls = found(place, broker=f"mqtts://127.0.0.1:{broker.port}")["broker"]
    assert with_tls.state is State.PROBLEM
    acl = write(tmp_path / "acl", b"topic read #\n")
    strict = mosquitto_factory(settings=f"acl_file {acl}")
    told = found(place, broker=f"mqtt://127.0.0.1:{strict.port}")
    assert is_told(told["login"], "takes nothing from it", "access list")
    closed = mosquitto_factory(settings="per_listener_settings false\npassword_file /dev/null")
    closed.stop()
    configuration = closed._configuration
    configuration.write_text(
        configuration.read_text().replace("allow_anonymous true", "allow_anonymous false")
    )
    closed.start()
    told = found(place, broker=f"mqtt://node:secret@127.0.0.1:{closed.port}")
    assert is_told(told["login"], "The broker refuses this node", "MALLSENSE_BROKER")
    assert "secret" not in repr(told)


def test_the_agent(place: Place) -> None:
    """What the running agent says of itself is told in words; the broker is then not asked for a login."""
    health = NodeHealth(
        node=NODE,
        t_ms=T0_MS,
        uptime_s=7200,
        frames=10,
        observations=9,
        spooled=70,
        dropped=4,
        trouble="the broker is away",
        clock_offset_ms=2500.0,
        radios=[
            RadioHealth(interface="wlan1", channel=1, frames={"1": 5, "2": 6}, dropped=17),
            RadioHealth(interface="wlan2", channel=0, trouble=RadioTrouble.SILENT),
        ],
    )
    assert is_told(found(place)["agent"], "nothing is heard", "systemctl start mallsense-edge")
    with metrics_server(lambda: [health], port=0) as port:
        told = found(place, metrics_port=port)
        findings = list(examine(Place(place.site_file, NODE, place.broker, metrics_port=port)))
        other = found(place, metrics_port=port, node_id="n2")
    assert told["agent"].what == "Runs since 2.0 hours; 9 observations so far."
    assert told["hearing wlan1"].what == "On channel 1; 11 frames of phones so far."
    assert is_told(told["hearing wlan2"], "hears nothing, not even an access point", "Check its antenna")
    assert is_told(told["clock of the mall"], "2.5 s behind the gateway's", "same time server")
    assert is_told(told["hearing"], "no room for 17 frames", "one channel")
    sending = [finding.what for finding in findings if finding.about == "sending"]
    assert sending == [
        "4 batches were given up, since nobody took them until the spool was full.",
        "70 batches wait: the broker is away.",
    ]
    assert other["agent"].state is State.PROBLEM  # an agent runs here, but it is another node's


def test_the_command_prints_for_people_and_machines(place: Place, tmp_path: Path) -> None:
    """Exit code 1 with something to mend; JSON has the same findings; nothing of the key is shown."""
    options = ("--site", place.site_file, "--node", NODE, "--key", place.key, "--broker", place.broker)
    command = [sys.executable, "-m", "mallsense", "doctor", *map(str, options), "--metrics-port", "0"]
    environment = {**os.environ, "COLUMNS": "100"}
    shown = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert shown.returncode == 1
    assert "PROBLEM" in shown.stdout
    assert "things to mend." in shown.stdout
    assert "→ Plug the adapter in again" in shown.stdout
    as_json = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert as_json.returncode == 1
    findings = json.loads(as_json.stdout)
    assert {"about", "state", "what", "todo"} == set(findings[0])
    assert {finding["state"] for finding in findings} == {"ok", "problem", "unknown"}
    assert place.key is not None
    assert place.key.read_text().strip() not in shown.stdout + as_json.stdout


def test_an_installed_node_needs_no_options(tmp_path: Path) -> None:
    """What the service starts with is read from its environment file; comments and quotes are no values."""
    path = write(
        tmp_path / "node.env", b'# MALLSENSE_NODE=no\nMALLSENSE_NODE=n7\nMALLSENSE_CA="/etc/ca.crt"\n\nx\n'
    )
    assert _settings(path) == {"MALLSENSE_NODE": "n7", "MALLSENSE_CA": "/etc/ca.crt"}
    assert _settings(tmp_path / "gone") == {}
