"""What the machine knows of itself beside its load: throttling, whether its clock is right, what runs on it.

Nothing here raises, and None means that the machine does not say.
"""

import ctypes
import os
import platform
import re
from pathlib import Path
from typing import NamedTuple

from contracts.messages import Throttling
from edge_agent.capture import commands

THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
"""Where a Raspberry Pi's kernel gives what `vcgencmd get_throttled` asks for; it needs no rights."""
_TIMESYNC = Path("/run/systemd/timesync")
_MODEL = Path("/proc/device-tree/model")
_BITS = {
    0: Throttling.UNDER_VOLTAGE,
    1: Throttling.FREQUENCY_CAPPED,
    2: Throttling.THROTTLED,
    3: Throttling.SOFT_TEMPERATURE_LIMIT,
}
"""https://www.raspberrypi.com/documentation/computers/os.html#get_throttled; 16 higher: since boot."""
_SINCE_BOOT = 16
_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


class Throttled(NamedTuple):
    """What the firmware of a Raspberry Pi does to protect the machine."""

    now: list[Throttling]
    since_boot: list[Throttling]


def read_throttled(path: Path = THROTTLED) -> Throttled | None:
    """Ask the kernel, or `vcgencmd` where the kernel does not say; None where neither does."""
    try:
        text = path.read_text()
    except OSError:
        text = commands.run("vcgencmd", "get_throttled").text
    return parse_throttled(text)


def parse_throttled(text: str) -> Throttled | None:
    """Read `50000` as sysfs gives it, or `throttled=0x50000` as vcgencmd does; None where it is neither."""
    found = re.fullmatch(r"\s*(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})\s*", text)
    if found is None:
        return None
    bits = int(found[1], 16)
    return Throttled(
        [what for bit, what in _BITS.items() if bits >> bit & 1],
        [what for bit, what in _BITS.items() if bits >> bit + _SINCE_BOOT & 1],
    )


class _Timex(ctypes.Structure):
    """`struct timex` of <sys/timex.h>, as far as it is read; the rest is room for what the kernel writes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def clock_synchronised(timesync: Path = _TIMESYNC) -> bool | None:
    """Tell whether the kernel's clock follows a time server (adjtimex(2)).

    A service that may not ask the kernel goes by what systemd-timesyncd leaves in its folder.
    """
    asked = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked))
    if state >= 0:
        return bool(state != _TIME_ERROR and not asked.status & _STA_UNSYNC)
    return (timesync / "synchronized").exists() if timesync.is_dir() else None


def read_versions(software: str) -> dict[str, str]:
    """Give the versions of what runs here."""
    versions = {"mallsense": software, "python": platform.python_version(), "kernel": os.uname().release}
    try:
        versions["machine"] = _MODEL.read_text().strip("\0\n")
    except OSError:
        versions["machine"] = os.uname().machine
    firmware = commands.run("vcgencmd", "version")
    if firmware.ok and (line := firmware.text.strip().splitlines()):
        versions["firmware"] = line[0]
    return versions
