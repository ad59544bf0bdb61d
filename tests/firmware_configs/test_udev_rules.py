"""The rules do what they say when the real udev goes through them, on a real device of this machine.

There is no USB and no Wi-Fi where tests run: an interface with a parent on some other bus stands in, and the
rules are told of that bus instead. All in a namespace of its own, where nothing can be renamed or remembered.
"""

import os
import subprocess
from pathlib import Path

import pytest

from firmware_configs import raspberry_pi_os
from firmware_configs.tree import write_tree
from tests.firmware_configs.riverside import plan, secrets_of
from tests.support import find_program

_SCRIPT = """
mount -t tmpfs none /run/udev
mount --bind "$1" /etc/udev/rules.d
exec "$2" test --action="$3" "$4"
"""


def _stand_in() -> tuple[Path, str]:
    """Find a network interface that has a parent, and the bus that is on."""
    for interface in sorted(Path("/sys/class/net").iterdir()):
        bus = interface / "device" / "subsystem"
        if bus.exists():
            return interface, bus.resolve().name
    pytest.skip("this machine has no network interface with a parent device")


class _Udev:
    """udev with the rules of node n01, in which `bus` takes the place of USB."""

    def __init__(self, folder: Path, bus: str) -> None:
        udevadm, unshare = find_program("udevadm"), find_program("unshare")
        if udevadm is None or unshare is None or os.geteuid() != 0:
            pytest.skip("going through udev's rules takes udevadm, unshare and root")
        self._command = [
            unshare,
            "--mount",
            "--net",
            "sh",
            "-c",
            _SCRIPT,
            "sh",
            str(folder / "rules"),
            udevadm,
        ]
        system = raspberry_pi_os.system_files(plan(), secrets_of(folder / "authority"))
        write_tree(folder / "system", system)
        rules = system["etc/udev/rules.d/70-mallsense-radios.rules"].content.decode()
        program = "/usr/local/lib/mallsense/radio-name"
        self.memory = folder / "radios"
        here = f"/usr/bin/env MALLSENSE_RADIOS={self.memory} {folder}/system{program}"
        for old, new in (
            ('SUBSYSTEMS=="usb"', f'SUBSYSTEMS=="{bus}"'),
            ('!="wlan"', '=="never"'),
            (program, here),
        ):
            assert old in rules
            rules = rules.replace(old, new)
        write_tree(folder / "rules", {})
        (folder / "rules/70-mallsense-radios.rules").write_text(rules, encoding="utf-8")

    def event(self, interface: Path, action: str) -> set[str]:
        """Go through an event; gives the properties, and what would be run."""
        done = subprocess.run(
            [*self._command, action, str(interface)], capture_output=True, text=True, timeout=60, check=False
        )
        return {line.strip() for line in done.stdout.splitlines()}


def test_a_radio_gets_its_name_and_is_left_alone(tmp_path: Path) -> None:
    """An adapter on the bus is NetworkManager's no more, kept awake, switched on, and named by its port."""
    interface, bus = _stand_in()
    udev = _Udev(tmp_path, bus)
    said = udev.event(interface, "add")
    assert "NM_UNMANAGED=1" in said
    assert any("rfkill unblock wlan" in line for line in said)
    assert any("power/control" in line and str(interface.resolve()) in line for line in said)
    [remembered] = udev.memory.read_text(encoding="ascii").splitlines()
    name, port = remembered.split()
    assert name == "mon1"
    assert f"ID_PATH={port}" in said
    assert "NM_UNMANAGED=1" in udev.event(interface, "move"), "udev forgets it when the device is renamed"


def test_what_is_on_another_bus_keeps_its_name(tmp_path: Path) -> None:
    """The on-board radio and the Ethernet port are not on USB: NetworkManager keeps them."""
    interface, _ = _stand_in()
    udev = _Udev(tmp_path, "usb")
    assert not any("NM_UNMANAGED" in line for line in udev.event(interface, "add"))
    assert not udev.memory.exists()
