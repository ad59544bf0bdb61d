"""What is known of the drivers of Wi-Fi adapters that listen: one table, each fact with its source.

`docs/hardware.md` is for people who choose adapters; this is what the watchdog and `mallsense doctor` go by.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple


class Fault(Enum):
    """What a driver does wrong."""

    DEAF_HOPPING = "deaf hopping"
    """Hears nothing any more after the channel was changed, without an error."""
    DEAF = "deaf"
    """Stops to hear after a while, on one channel, too."""
    CHANNEL = "channel"
    """Does not stay on the channel it was set to, or does not go there."""


class Fact(NamedTuple):
    """One thing that is known of a driver."""

    drivers: tuple[str, ...]
    """As the kernel names them (the link `device/driver` in sysfs)."""
    fault: Fault
    words: str
    advice: str
    source: str
    since: tuple[int, int] = (0, 0)
    """First kernel that has the fault."""


FACTS = (
    Fact(
        ("mt7921u",),
        Fault.DEAF_HOPPING,
        "silently hears nothing while it changes channels, from kernel 6.17 on",
        "Give it one channel only, or use an mt7612u adapter.",
        "https://github.com/morrownr/mt76/issues/18",
        since=(6, 17),
    ),
    Fact(
        ("brcmfmac",),
        Fault.DEAF_HOPPING,
        "(the Pi's own Wi-Fi with nexmon) stops to hear some seconds after channels begin to change",
        "Let a USB adapter listen, and leave the Pi's own Wi-Fi to the network.",
        "https://github.com/kismetwireless/kismet/issues/378",
    ),
    Fact(
        ("ath9k_htc",),
        Fault.DEAF,
        "(AR9271) stops to hear after seconds to hours; setting the channel again wakes it",
        "The agent wakes it by itself. Where that happens every hour, use an mt7612u adapter.",
        "https://github.com/qca/open-ath9k-htc-firmware/issues/126",
    ),
    Fact(
        ("rtl8812au", "rtl88XXau", "88XXau", "rtl8821au", "8821au", "8812au", "rtl8811au"),
        Fault.CHANNEL,
        "(of Realtek, not part of the kernel) changes channels by itself, or stays on channel 1",
        "Use the kernel's own driver rtw88 (from kernel 6.14), or an mt7612u adapter.",
        "https://github.com/aircrack-ng/rtl8812au/issues/609,"
        " https://github.com/morrownr/8821au-20210708/issues/19",
    ),
)
_RELEASE = re.compile(r"(\d{1,4})\.(\d{1,4})")


def facts_of(driver: str, kernel: str) -> Iterator[Fact]:
    """Give what is known of a driver on a kernel; `kernel` is its release, such as `6.12.25+rpt-rpi-v8`."""
    release = _RELEASE.match(kernel)
    version = (int(release[1]), int(release[2])) if release else (0, 0)
    return (fact for fact in FACTS if driver in fact.drivers and version >= fact.since)


def deaf_fact(driver: str, kernel: str, *, hopping: bool) -> Fact | None:
    """Give what would explain that a radio hears nothing: None where nothing is known of its driver."""
    explains = {Fault.DEAF, Fault.DEAF_HOPPING} if hopping else {Fault.DEAF}
    return next((fact for fact in facts_of(driver, kernel) if fact.fault in explains), None)
