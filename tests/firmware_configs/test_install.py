"""What runs on a node when it is installed, run for real: install.sh, setup, radio-name, balena's start."""

import hashlib
import io
import os
import shutil
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firmware_configs import balena
from firmware_configs.tree import PROGRAM, File, Tree, read_wheels, sums, write_tree
from tests.firmware_configs.riverside import card, few_packages, riverside
from tests.support import find_program

_UNITS = {f"mallsense-{name}.service" for name in ("setup", "programs", "edge")}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="installing takes root, as on a node")


def _run(*command: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the root folder of a card, as far as install.sh looks at it."""
    if find_program("systemctl") is None:
        pytest.skip("systemctl is not installed: it comes with systemd")
    folder = tmp_path / "card"
    for program in ("python3", "systemctl"):
        (folder / "usr/bin" / program).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", folder / "usr/bin" / program)
    (folder / "etc").mkdir()
    (folder / "etc/os-release").write_text("ID=debian\n", encoding="ascii")
    (folder / "lib/systemd/system").mkdir(parents=True)
    (folder / "lib/systemd/system/hostapd@.service").write_text(
        "[Service]\nExecStart=true\n[Install]\nWantedBy=multi-user.target\n"
    )
    return folder


def _files(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mode & 0o777,
        )
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_a_card_becomes_the_node(tmp_path: Path, root: Path) -> None:
    """Files arrive with their modes, services are switched on; when it is run again, nothing is done."""
    bundle = card(tmp_path)
    done = _run("sh", bundle / "install.sh", "--root", root)
    assert done.returncode == 0, done.stderr
    installed = _files(root)
    for line in (bundle / "MANIFEST").read_text(encoding="ascii").splitlines():
        mode, path = line.split(" ", 1)
        assert installed[path][1] == int(mode, 8)
    assert installed["etc/mallsense/mall.key"][1] == 0o600
    assert oct((root / "etc/mallsense").stat().st_mode & 0o777) == "0o750"
    wanted = {path.name for path in (root / "etc/systemd/system/multi-user.target.wants").iterdir()}
    assert wanted == {*_UNITS, "hostapd@ap0.service"}
    again = _run("sh", bundle / "install.sh", "--root", root)
    assert again.stdout == "Nothing to do: this is n01 already.\n"
    assert _files(root) == installed


def test_a_check_changes_nothing(tmp_path: Path, root: Path) -> None:
    """With --check every file is named and none is written."""
    before = _files(root)
    done = _run("sh", card(tmp_path) / "install.sh", "--check", "--root", root)
    assert done.returncode == 0, done.stderr
    assert "writing  /etc/mallsense/node.key\n" in done.stdout
    assert _files(root) == before


def test_a_card_becomes_another_node(tmp_path: Path, root: Path) -> None:
    """What the new node does not have is taken away, as the guest network; what others put there stays."""
    assert _run("sh", card(tmp_path) / "install.sh", "--root", root).returncode == 0
    (root / "etc/hostapd/other.conf").write_text("# theirs\n", encoding="ascii")
    (root / "var/lib/mallsense").mkdir(parents=True)
    (root / "var/lib/mallsense/spool.sqlite").write_text("what waits", encoding="ascii")
    done = _run("sh", card(tmp_path, "n02") / "install.sh", "--root", root)
    assert done.returncode == 0, done.stderr
    assert "removing /etc/hostapd/ap0.conf\n" in done.stdout
    files = _files(root)
    assert "etc/hostapd/ap0.conf" not in files
    assert {"etc/hostapd/other.conf", "var/lib/mallsense/spool.sqlite"} <= set(files)
    assert "MALLSENSE_NODE=n02\n" in (root / "etc/mallsense/node.env").read_text(encoding="ascii")
    wanted = {path.name for path in (root / "etc/systemd/system/multi-user.target.wants").iterdir()}
    assert wanted == _UNITS


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        ("echo '# changed' >>{card}/root/etc/mallsense/node.env", "this folder is damaged"),
        ("rm {card}/wheels/requirements.lock", "this folder is damaged"),
        ("rm {root}/etc/os-release", "no Linux system"),
        ("rm {root}/usr/bin/systemctl", "has no systemd"),
    ],
)
def test_the_wrong_place_or_a_damaged_folder_is_refused(
    tmp_path: Path, root: Path, spoil: str, expected: str
) -> None:
    """Nothing is written where the copy is damaged or the folder is no root of a system."""
    bundle = card(tmp_path)
    subprocess.run(spoil.format(card=bundle, root=root), shell=True, check=True)
    before = _files(root)
    done = _run("sh", bundle / "install.sh", "--root", root)
    assert done.returncode == 1
    assert expected in done.stderr
    assert _files(root) == before


def _agent_wheel(version: str) -> bytes:
    """Make a wheel of a `mallsense` that knows its version and nothing else."""
    info = f"mallsense-{version}.dist-info"
    files = {
        "tiny_mallsense.py": f"def main():\n    print('mallsense {version}')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: mallsense\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nmallsense = tiny_mallsense:main\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)  # at no time in particular: the same bytes each time
    return content.getvalue()


def _packages(version: str) -> Tree:
    """Make a folder of packages as `make wheels` does: pip, the agent, a lock file with its hash."""
    import ensurepip  # noqa: PLC0415  # not everywhere: Debian takes it apart

    bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not bundled:
        pytest.skip("this Python brings no wheel of pip")
    agent = _agent_wheel(version)
    lock = f"mallsense=={version} --hash=sha256:{hashlib.sha256(agent).hexdigest()}\n"
    wheels: Tree = {
        f"mallsense-{version}-py3-none-any.whl": File(agent),
        bundled[0].name: File(bundled[0].read_bytes()),
        "requirements.lock": File.of(lock),
    }
    return wheels | {"SHA256SUMS": sums(wheels)}


def test_packages_are_unpacked_beside_what_runs(tmp_path: Path) -> None:
    """A new version takes over when it is complete, the one before stays; a damaged one is refused."""
    base, setup = tmp_path / "opt", card(tmp_path) / "root/usr/local/lib/mallsense/setup"
    oldest, before = base / "0123456789ab", base / "ba9876543210"
    write_tree(base, {"previous": File.of(before.name)})
    for folder in (oldest, before):
        folder.mkdir()
    write_tree(base / "wheels", _packages("1.0"))
    done = _run("sh", setup, base)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "mallsense 1.0\n"
    assert (oldest.exists(), before.exists()) == (False, True)
    assert _run("sh", setup, base).stdout == "", "the second time there is nothing to do"

    damaged = _packages("2.0") | {"mallsense-2.0-py3-none-any.whl": File(b"half of it")}
    write_tree(base / "wheels", damaged, replace=True)
    done = _run("sh", setup, base)
    assert done.returncode != 0
    assert "mallsense-2.0-py3-none-any.whl: FAILED" in done.stdout
    assert _run(base / "current/bin/mallsense").stdout == "mallsense 1.0\n"


class _Ports:
    """The script that gives radios their names, with its memory in a folder of the test's."""

    def __init__(self, folder: Path) -> None:
        self.memory = folder / "radios"
        self._script = card(folder) / "root/usr/local/lib/mallsense/radio-name"

    def plug(self, port: str) -> str:
        """Name the adapter in a port; empty where it gets none."""
        return _run(
            "sh", self._script, port, environment={"MALLSENSE_RADIOS": str(self.memory)}
        ).stdout.strip()


def test_a_port_keeps_its_name(tmp_path: Path) -> None:
    """The first adapter gets the first name; a port that was seen keeps its own, whatever comes first."""
    ports = _Ports(tmp_path)
    assert [ports.plug("usb-0:1.1:1.0"), ports.plug("usb-0:1.2:1.0")] == ["mon1", "mon6"]
    assert [ports.plug("usb-0:1.2:1.0"), ports.plug("usb-0:1.1:1.0")] == ["mon6", "mon1"]
    assert ports.memory.read_text(encoding="ascii").splitlines() == [
        "mon1 usb-0:1.1:1.0",
        "mon6 usb-0:1.2:1.0",
    ]


def test_a_moved_adapter_takes_a_name_that_is_free(tmp_path: Path) -> None:
    """Where every name has a port, an adapter in a new port gets that of one that is no longer plugged in."""
    ports = _Ports(tmp_path)
    for port in ("usb-a", "usb-b"):
        ports.plug(port)
    assert ports.plug("usb-c") == "mon1"
    assert ports.memory.read_text(encoding="ascii").splitlines() == ["mon6 usb-b", "mon1 usb-c"]


def test_adapters_that_come_at_once_get_different_names(tmp_path: Path) -> None:
    """When a node starts, its adapters are found in the same moment."""
    ports = _Ports(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        names = list(pool.map(ports.plug, ["usb-a", "usb-b"]))
    assert sorted(names) == ["mon1", "mon6"]


_BALENA = r"""
set -eu
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
mkdir /var/lib/mallsense /var/lib/mallsense-radios
cp /etc/passwd /run/passwd && echo 'mallsense:x:64123:64123::/:/bin/false' >>/run/passwd
cp /etc/group /run/group && echo 'mallsense:x:64123:' >>/run/group
mount --bind /run/passwd /etc/passwd
mount --bind /run/group /etc/group
cat >/run/mallsense.sh <<'AGENT'
#!/bin/sh
echo "arguments: $*"
env | grep MALLSENSE | sort
for file in "$MALLSENSE_KEY" "$MALLSENSE_CA" "$MALLSENSE_CERT" "$MALLSENSE_CERT_KEY"; do
  echo "$(stat -c '%U %a' "$file") $(cat "$file")"
done
grep -E 'Uid|Groups|Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status
touch /var/lib/mallsense/spool.sqlite
AGENT
mkdir /run/bin && install -m 755 /run/mallsense.sh /run/bin/mallsense && chmod 755 /run /run/bin
export PATH="/run/bin:$PATH"
caps=-all,+net_raw,+net_admin,+setuid,+setgid,+setpcap,+chown
exec setpriv --bounding-set=$caps --no-new-privs sh "$1"
"""


def test_balenas_container_starts_the_agent_with_few_rights(tmp_path: Path) -> None:
    """With the compose file's capabilities `start` gives the agent its files, and two capabilities."""
    unshare = find_program("unshare")
    if unshare is None or find_program("setpriv") is None:
        pytest.skip("unshare and setpriv (util-linux) are not installed")
    folder = tmp_path / "balena"
    write_tree(folder, balena.project(riverside()))
    variables = {
        "MALLSENSE_NODE": "n01",
        "MALLSENSE_KEY_BASE64": "a2V5",
        "MALLSENSE_CA_BASE64": "Y2E=",
        "MALLSENSE_CERT_BASE64": "Y2VydA==",
        "MALLSENSE_CERT_KEY_BASE64": "c2VjcmV0",
    }
    done = _run(unshare, "--mount", "sh", "-c", _BALENA, "sh", folder / "start", environment=variables)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].endswith(
        "edge --site /etc/mallsense/site.yaml --node n01 --spool /var/lib/mallsense/spool.sqlite"
    )
    assert not any("BASE64" in line for line in lines), "secrets do not stay in the environment"
    for content in ("key", "ca", "cert", "secret"):
        assert f"mallsense 600 {content}" in lines
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    two = f"{(1 << 12) | (1 << 13):016x}"  # CAP_NET_ADMIN, CAP_NET_RAW
    assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {two}
    assert status["Uid"].split()[0] == "64123"
    assert status["NoNewPrivs"] == "1"


def test_packages_are_read_as_a_whole(tmp_path: Path) -> None:
    """What `make wheels` wrote is taken with its checksums, the same after a way to the disk and back."""
    packages = few_packages()
    write_tree(tmp_path / "wheels", packages)
    assert read_wheels(tmp_path / "wheels") == packages
    assert all(file.mode != PROGRAM for file in packages.values())
