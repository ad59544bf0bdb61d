"""Whether the radios can listen: adapters, drivers, monitor mode, who else wants them, the country."""

import os
from collections.abc import Iterator
from pathlib import Path

from contracts.messages import RadioTrouble
from edge_agent.capture import commands
from edge_agent.capture.drivers import facts_of
from edge_agent.capture.interface import WifiInterface
from edge_agent.capture.iw import parse_countries, parse_modes
from edge_agent.capture.packets import monitor_interfaces
from edge_agent.capture.troubles import WORDS
from edge_agent.checks.finding import Finding, Place, ok, problem, unknown

_NET = Path("/sys/class/net")
_WPA = Path("/run/wpa_supplicant")
_UNMANAGED = ("unmanaged", "unavailable", "")


def check_tools(_place: Place) -> Iterator[Finding]:
    """See whether the tools that set mode and channel are there."""
    missing = [name for name in ("iw", "ip") if commands.run(name, "-V").missing]
    if missing:
        packages = " ".join({"iw": "iw", "ip": "iproute2"}[name] for name in missing)
        yield problem(
            "tools",
            f"{' and '.join(missing)} cannot be found: mode and channel of the radios cannot be set.",
            f"Install with: sudo apt install {packages}",
        )
    else:
        yield ok("tools", "iw and ip are installed.")


def check_radios(place: Place) -> Iterator[Finding]:
    """Look at each radio of the site file, or at what is in monitor mode where it names none."""
    if place.node is None:
        yield unknown("radios", "Which radios listen is not known without the site file.")
        return
    plan = {radio.interface: radio for radio in place.node.radios}
    names = [*plan] or monitor_interfaces()
    access_point = place.node.stations
    if not names and access_point is None:
        wireless = [*sorted(path.parent.name for path in _NET.glob("*/phy80211")), "wlan1"][0]
        yield problem(
            "radios",
            "The site file names no radios for this node, and no interface is in monitor mode.",
            f"Name them in the site file: radios: [{{interface: {wireless}, channels: [1]}}]",
        )
    modes = parse_modes(commands.run("iw", "phy").text)
    for name in names:
        hopping = name in plan and len(plan[name].channels) > 1
        yield from _radio(WifiInterface(name), modes, hopping=hopping)
    if access_point is not None:
        yield _access_point(WifiInterface(access_point))


def _access_point(interface: WifiInterface) -> Finding:
    about = f"radio {interface.name}"
    if not interface.exists:
        return _trouble(about, RadioTrouble.GONE)
    mode = interface.info().mode
    if mode == "AP":
        return ok(about, "Is the node's access point.")
    return problem(
        about,
        f"Should be the node's access point, and is {mode or 'in no mode'}.",
        "See: sudo systemctl status hostapd",
    )


def _radio(interface: WifiInterface, modes: dict[str, frozenset[str]], *, hopping: bool) -> Iterator[Finding]:
    about = f"radio {interface.name}"
    if not interface.exists:
        yield _trouble(about, RadioTrouble.GONE)
        return
    if interface.blocked:
        yield _trouble(about, RadioTrouble.BLOCKED)
        return
    phy = _phy(interface.name)
    if phy in modes and "monitor" not in modes[phy]:
        yield problem(
            about,
            f"Its driver {interface.driver or 'is unknown and'} cannot listen to what others send"
            " (no monitor mode).",
            "Use another adapter for listening: docs/hardware.md names some that work.",
        )
        return
    facts = [
        fact
        for fact in facts_of(interface.driver, os.uname().release)
        if hopping or fact.fault.value != "deaf hopping"
    ]
    for fact in facts:
        yield problem(about, f"Its driver {interface.driver} {fact.words}.", f"{fact.advice} ({fact.source})")
    if not facts:
        mode = "listening" if interface.is_monitor and interface.is_up else "ready for the agent to set up"
        yield ok(about, f"{interface.driver or 'a driver without a name'}, {mode}.")


def _trouble(about: str, trouble: RadioTrouble) -> Finding:
    what, todo = WORDS[trouble]
    return problem(about, f"It {what}.", todo)


def _phy(name: str) -> str:
    try:
        return (_NET / name / "phy80211" / "name").read_text().strip()
    except OSError:
        return ""


def check_rivals(place: Place) -> Iterator[Finding]:
    """See whether NetworkManager or wpa_supplicant wants the radios, too."""
    radios = [radio.interface for radio in place.node.radios] if place.node else []
    asked = commands.run("nmcli", "-t", "-f", "DEVICE,STATE", "device")
    states = dict(line.split(":", 1) for line in asked.text.splitlines() if ":" in line) if asked.ok else {}
    taken = [name for name in radios if states.get(name, "").split(" ")[0] not in _UNMANAGED]
    supplicant = [name for name in radios if (_WPA / name).exists()]
    about = "other programs"
    if taken:
        yield problem(
            about,
            f"NetworkManager uses {', '.join(taken)}: it changes channels and mode while the node listens.",
            f"Install the node's udev rules again, or: sudo nmcli device set {taken[0]} managed no",
        )
    if supplicant:
        yield problem(
            about,
            f"wpa_supplicant uses {', '.join(supplicant)}: it changes channels while the node listens.",
            f"Stop it: sudo systemctl disable --now wpa_supplicant@{supplicant[0]}",
        )
    if not taken and not supplicant:
        yield ok(about, "Nothing else uses the radios.")


def check_country(place: Place) -> Iterator[Finding]:
    """See whether a country is set: without, channels are missing and Raspberry Pi OS keeps Wi-Fi off."""
    about = "country"
    asked = commands.run("iw", "reg", "get")
    if not asked.ok:
        yield unknown(about, f"Cannot be asked: {asked.text}.")
        return
    countries = parse_countries(asked.text)
    wanted = place.site.wifi.country if place.site and place.site.wifi else None
    found = countries[0] if countries else "00"
    if found in ("00", "99"):
        country = wanted or "CN"
        yield problem(
            about,
            "None is set: some channels may not be used, and Raspberry Pi OS keeps Wi-Fi switched off.",
            f"Set it: sudo raspi-config nonint do_wifi_country {country}, or until the next start:"
            f" sudo iw reg set {country}",
        )
    elif wanted and found != wanted:
        yield problem(
            about,
            f"The rules of {found} hold, and the site file says {wanted}.",
            f"Set it: sudo iw reg set {wanted}; then install the node again.",
        )
    else:
        yield ok(about, f"The rules of {found} hold.")
