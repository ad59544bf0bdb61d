"""Everything that is rendered is taken by the program that it is for: systemd, udev, hostapd, compose ..."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml
from typer.main import get_command

from edge_agent.cli import edge
from firmware_configs import balena, raspberry_pi_os
from firmware_configs.tree import PROGRAM, File, Tree, write_tree
from tests.firmware_configs.riverside import PASSPHRASE, plan, riverside, secrets_of
from tests.support import find_program

NODES = ("n01", "n02", "n03", "gate")
# https://docs.balena.io/reference/supervisor/docker-compose/, read in 2026-06: what the supervisor takes.
BALENA_FIELDS = """
    build cap_add cap_drop cgroup_parent command cpu_shares cpu_quota cpuset devices depends_on dns dns_opt
    dns_search domainname entrypoint environment expose extra_hosts group_add healthcheck hostname image ipc
    labels mac_address mem_limit mem_reservation network_mode networks oom_kill_disable oom_score_adj pid
    pids_limit ports privileged read_only restart security_opt shm_size stop_grace_period stop_signal sysctls
    tmpfs ulimits user userns_mode volumes working_dir
"""
NEWER_THAN_252 = ("RestartSteps", "RestartMaxDelaySec")


def _run(
    *command: str | Path, stdin: str | None = None, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def _program(*names: str) -> str:
    found = find_program(*names)
    if found is None:
        pytest.skip(f"{names[0]} is not installed: 'make test' installs it where it may")
    return found


@pytest.fixture(params=NODES)
def node(request: pytest.FixtureRequest) -> str:
    """Give a node with everything, one that only listens, one without radios, one with cameras."""
    return str(request.param)


@pytest.fixture
def system(tmp_path: Path, node: str) -> Path:
    """Write the node's system files into an otherwise bare root folder."""
    root = tmp_path / "root"
    write_tree(root, raspberry_pi_os.system_files(plan(node), secrets_of(tmp_path / "authority", node)))
    return root


@pytest.fixture
def bootable(system: Path) -> Path:
    """Add what units refer to: the system's own units, the programs that are started."""
    units = next(
        folder for folder in map(Path, ("/usr/lib/systemd/system", "/lib/systemd/system")) if folder.is_dir()
    )
    shutil.copytree(units, system / "lib/systemd/system", symlinks=True)
    agent = system / "opt/mallsense/current/bin/mallsense"
    agent.parent.mkdir(parents=True)
    agent.write_text("#!/bin/sh\n", encoding="ascii")
    agent.chmod(PROGRAM)
    return system


def test_systemd_takes_the_units(bootable: Path) -> None:
    """`systemd-analyze verify` has nothing to say, but for two settings that are new in version 254."""
    analyze = _program("systemd-analyze")
    units = ["mallsense-edge.service", "mallsense-setup.service", "mallsense-programs.service"]
    if list(bootable.glob("etc/systemd/system/hostapd@*")):
        _program("hostapd")  # it brings the unit of which ours is a part
        (bootable / "usr/sbin").mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", bootable / "usr/sbin/hostapd")
        units.append("hostapd@ap0.service")
    done = _run(analyze, "verify", f"--root={bootable}", *units)
    said = [
        line
        for line in done.stderr.splitlines()
        if "mallsense" in line and not any(f"'{name}'" in line for name in NEWER_THAN_252)
    ]
    assert said == []
    assert done.returncode == 0


def test_systemd_finds_a_fault(bootable: Path) -> None:
    """The check above sees a misspelt setting and a program that is not there."""
    analyze = _program("systemd-analyze")
    unit = bootable / "etc/systemd/system/mallsense-edge.service"
    text = unit.read_text(encoding="utf-8").replace("ProtectHome=", "ProtectHomes=")
    unit.write_text(text.replace("bin/mallsense edge", "bin/malsense edge"), encoding="utf-8")
    done = _run(analyze, "verify", f"--root={bootable}", "mallsense-edge.service")
    assert "ProtectHomes" in done.stderr
    assert "bin/malsense is not executable" in done.stderr


def test_the_agent_is_exposed_little(bootable: Path, node: str) -> None:
    """What the agent may do is rated 2.0 of 10 by systemd, where 10 is a service without any sandbox.

    With a camera at the Pi itself it is 2.2: that device, and the group that may open it.
    """
    analyze = _program("systemd-analyze")
    most = 22 if node == "gate" else 20
    unit = "mallsense-edge.service"
    done = _run(analyze, "security", "--offline=yes", f"--threshold={most}", f"--root={bootable}", unit)
    found = re.search(r"exposure level for mallsense-edge.service: (\d+\.\d)", done.stdout)
    assert found is not None, done.stderr
    assert done.returncode == 0, f"exposure {found[1]}, expected {most / 10} at most"


def test_udev_takes_the_rules(system: Path) -> None:
    """The rules are read by udev without a complaint; of a misspelt one it complains."""
    udevadm, unshare = _program("udevadm"), _program("unshare")
    if os.geteuid() != 0:
        pytest.skip("udev reads rules from /etc alone: putting ours there for a moment takes root")
    rules = system / "etc/udev/rules.d"
    (rules / "99-misspelt.rules").write_text('ACTON=="add", NAME="x"\n', encoding="ascii")
    script = 'mount --bind "$1" /etc/udev/rules.d && exec "$2" test --action=add /sys/class/net/lo'
    done = _run(unshare, "--mount", "sh", "-c", script, "sh", rules, udevadm)
    lines = [
        line for line in done.stderr.splitlines() if "/etc/udev/rules.d/" in line and "Reading" not in line
    ]
    if not any("99-misspelt" in line for line in lines):
        pytest.skip(f"udevadm could not read our rules here: {done.stderr[-200:]}")
    assert [line for line in lines if "70-mallsense" in line] == []


def test_networkmanager_leaves_radios_alone(system: Path, node: str) -> None:
    """NetworkManager reads it as meant: the radios that listen and the access point are not its own."""
    manager = _program("NetworkManager")
    empty = system / "empty.conf"
    empty.write_text("", encoding="ascii")
    folder = system / "etc/NetworkManager/conf.d"
    done = _run(
        manager,
        "--print-config",
        f"--config={empty}",
        f"--config-dir={folder}",
        f"--system-config-dir={system}",
    )
    assert done.returncode == 0, done.stderr
    expected = {"n01": ["mon1", "mon6", "ap0"], "n02": ["wlan1"], "n03": ["mon*"], "gate": ["mon*"]}[node]
    named = ";".join(f"interface-name:{name}" for name in expected)
    assert f"unmanaged-devices={named}\n" in done.stdout


def test_networkmanager_takes_the_guests_connections(system: Path, node: str) -> None:
    """Where there is a guest network, nmcli reads its bridge and its VLAN; elsewhere there is none."""
    connections = sorted((system / "etc/NetworkManager/system-connections").glob("*"))
    assert len(connections) == (2 if node == "n01" else 0)
    for connection in connections:
        nmcli = _program("nmcli")
        text = connection.read_text(encoding="utf-8")
        done = _run(nmcli, "--offline", "connection", "modify", "connection.autoconnect", "yes", stdin=text)
        assert done.returncode == 0, done.stderr
        assert f"id={connection.stem}\n" in done.stdout


def test_hostapd_takes_the_guest_network(system: Path, node: str) -> None:
    """Every line is read by hostapd, a name in Chinese and quotes too; it ends where it needs the radio."""
    configuration = system / "etc/hostapd/ap0.conf"
    assert configuration.exists() is (node == "n01")
    if node != "n01":
        return
    hostapd = _program("hostapd")
    done = _run(hostapd, configuration)
    assert "errors found" not in done.stdout + done.stderr
    assert "ap0" in done.stdout + done.stderr
    misspelt = system / "misspelt.conf"
    misspelt.write_text(
        configuration.read_text(encoding="utf-8").replace("channel=", "chanel="), encoding="utf-8"
    )
    assert "1 errors found" in _run(hostapd, misspelt).stdout
    assert oct(configuration.stat().st_mode & 0o777) == "0o600"
    assert f"wpa_passphrase={PASSPHRASE}\n" in configuration.read_text(encoding="utf-8")


def _project(tmp_path: Path) -> Path:
    folder = tmp_path / "balena"
    write_tree(folder, balena.project(riverside()))
    return folder


def test_compose_takes_the_project(tmp_path: Path) -> None:
    """`docker compose config` takes balena's project, and balena's supervisor takes every field of it."""
    compose = _program("docker-compose")
    folder = _project(tmp_path)
    done = _run(compose, "--file", folder / "docker-compose.yml", "config")
    assert done.returncode == 0, done.stderr
    text = (folder / "docker-compose.yml").read_text(encoding="utf-8")
    project = yaml.safe_load(text)
    service = project["services"]["edge"]
    assert set(service) <= set(BALENA_FIELDS.split())
    assert project["version"] == "2.4"
    named = set(project["volumes"])
    assert all(volume.split(":")[0] in named for volume in service["volumes"]), "balena takes no bind mounts"
    broken = folder / "broken.yml"
    broken.write_text(text.replace("cap_add: [", "cap_add: [{a: 1}, "), encoding="utf-8")
    assert _run(compose, "--file", broken, "config").returncode != 0


def test_hadolint_takes_the_dockerfile(tmp_path: Path) -> None:
    """The template is a Dockerfile with its variables in place, without a finding of hadolint."""
    hadolint = _program("hadolint")
    text = (_project(tmp_path) / "Dockerfile.template").read_text(encoding="utf-8")
    assert "%%BALENA_ARCH%%" in text
    for name, value in (("MACHINE_NAME", "raspberrypi4-64"), ("ARCH", "aarch64")):
        text = text.replace(f"%%BALENA_{name}%%", value)
    assert "%%" not in text
    done = _run(hadolint, "-", stdin=text)
    assert done.stdout == ""
    assert done.returncode == 0


def _programs(tmp_path: Path) -> Tree:
    secrets = secrets_of(tmp_path / "authority")
    trees: list[Tree] = [raspberry_pi_os.bundle(plan(node), secrets) for node in NODES]
    trees.append(balena.project(riverside()))
    return {
        f"{number}/{path}": file
        for number, tree in enumerate(trees)
        for path, file in tree.items()
        if file.mode == PROGRAM
    }


def test_shells_take_the_scripts(tmp_path: Path) -> None:
    """Every script is sound for a POSIX shell (`sh -n`, dash) and for shellcheck."""
    shellcheck = _program("shellcheck")
    scripts = _programs(tmp_path)
    assert len(scripts) == len(NODES) * 5 + 2
    written = [tmp_path / "scripts" / path for path in scripts]
    write_tree(tmp_path / "scripts", scripts)
    for script in written:
        assert _run("sh", "-n", script).returncode == 0
    done = _run(shellcheck, "--shell=sh", *written)
    assert done.stdout == ""


def test_secrets_are_for_root_alone(tmp_path: Path) -> None:
    """Secrets are in files for root alone; what people write freely, as notes, is in the site file alone."""
    secrets = secrets_of(tmp_path / "authority")
    files: dict[str, File] = raspberry_pi_os.system_files(plan(), secrets)
    for path, file in files.items():
        holds = any(
            secret in file.content
            for secret in (secrets.mall_key.strip(), secrets.private_key.strip(), PASSPHRASE.encode())
        )
        # The passphrase stands in the site file, which the folder's mode keeps from others (tmpfiles.d).
        assert not holds or file.mode == 0o600 or path == "etc/mallsense/site.yaml", path
        assert b"ladder in the store room" not in file.content or path == "etc/mallsense/site.yaml", path


def test_the_agent_knows_its_environment(tmp_path: Path) -> None:
    """Every variable that a node's files set is one that `mallsense edge` reads."""
    group = typer.Typer()
    group.command()(edge)
    known = {
        name for option in get_command(group).params for name in [option.envvar] if isinstance(name, str)
    }
    system = raspberry_pi_os.system_files(plan(), secrets_of(tmp_path / "authority"))
    paths = ("etc/mallsense/node.env", "etc/systemd/system/mallsense-edge.service")
    files = "\n".join(system[path].content.decode() for path in paths)
    used = set(re.findall(r"(?:^|Environment=|=\S+ )(MALLSENSE_\w+)=", files, re.MULTILINE))
    start = balena.project(riverside())["start"].content.decode()
    used |= set(re.findall(r"\w+_BASE64 \S+ (MALLSENSE_\w+)", start))
    assert used >= {"MALLSENSE_SITE", "MALLSENSE_KEY", "MALLSENSE_CA", "MALLSENSE_CERT", "MALLSENSE_CERT_KEY"}
    assert used <= known
